"""Annotations: class table, labels, edits, history, predictions and figures.

May import numpy and cv2, ``errors``, ``paths`` and ``settings``. No files, no Qt, no torch.
Add here what is true of an annotation whatever shows, stores or predicts it.
"""

import os

# numpy and OpenCV each bring an OpenBLAS that starts a thread for each core. They spin for a fifth of a second: as
# long as the window takes to open. No room multiplies large matrices in them. Only these imports are told, for torch
# may read the same variable.
_THREADS = "OPENBLAS_NUM_THREADS"
_asked = os.environ.get(_THREADS)
os.environ.setdefault(_THREADS, "1")
import cv2  # noqa: E402, F401
import numpy  # noqa: E402, F401

if _asked is None:
    del os.environ[_THREADS]
