"""VOC's files: masks, image lists, class tables, and the export of a VOC tree."""
