"""Bytes <-> values: images, masks, VOC trees, project files, provenance records, the lock. Pillow lives here.

May import ``core`` and below; no Qt, no torch. `images.images.read_image` is the one decode function that display,
network and export share. Add a file format here as one module with its reader and its writer.
"""
