"""Work that both shells run: segment, fine-tune, evaluate, export, the demo; and the process that runs it.

May import ``fcn``, ``formats`` and ``core``; no Qt. What loads torch is imported inside functions, so that importing
this room costs none. A job is a frozen dataclass and a generator of progress; add one as a new file and register it
in `run`.
"""
