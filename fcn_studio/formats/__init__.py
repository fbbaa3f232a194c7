"""Conversion between bytes and values.

It covers images, masks, VOC trees, project files, records and locks. Imports ``core`` and below: no Qt, no torch.
Pillow is imported here only. `images.images.read_image` is the one decode function of display, network and export.
`exporters.EXPORTERS` and `importers.IMPORTERS` list the formats of data sets.
"""
