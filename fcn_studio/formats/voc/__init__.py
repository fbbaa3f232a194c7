"""Files of PASCAL VOC.

They are masks, image lists, class tables, and the export of a VOC tree.
"""
