"""FCN Studio, a desktop annotator for semantic segmentation.

It learns while you label.

The rooms, in the one direction that imports may take (import-linter holds it)::

    errors <- paths <- settings <- core <- tools | formats <- fcn <- jobs <- ui <- cli <- __main__

Each room's ``__init__`` says what lives there, what it may import, and where to add the next thing.
"""

__version__ = "0.1.0"
