"""Reading pictures: the one decoder, loading in stages, and looking for images in folders."""
