"""Work that the window and the command line both run.

It is to segment, fine-tune, evaluate, export and draw the demo. The process that runs it is here too. May import
``fcn``, ``formats`` and ``core``; no Qt. What loads torch is imported inside functions, so that importing this room
costs none. A job is a frozen dataclass and a generator of progress; add one as a new file and register it in `run`.
"""
