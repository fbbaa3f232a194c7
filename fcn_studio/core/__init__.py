"""What an annotation is: class table, label map with provenance, edits, history, predictions, figures.

May import numpy and cv2, ``errors``, ``paths`` and ``settings``. No files, no Qt, no torch.
Add here what is true of an annotation whatever shows, stores or predicts it.
"""
