"""Work that both shells run: segment, fine-tune, evaluate, export, the demo; and the process that runs it.

May import ``fcn`` (inside functions, so that importing this room costs no torch), ``formats`` and ``core``; no Qt.
A job is a frozen dataclass and a generator of progress; add one as a new file and register it in `process`.
"""
