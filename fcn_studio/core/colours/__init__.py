"""The colours of classes on screen."""
