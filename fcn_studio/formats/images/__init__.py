"""Reading of pictures.

It holds the one decoder, loading in stages, and the search for images in folders.
"""
