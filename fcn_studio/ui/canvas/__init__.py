"""The canvas.

This widget shows an image with its layers and passes gestures to tools. `Surface` shows a document; `Canvas` adds
gestures to it. Below them, without widgets, `LayerStack` has a `LayerCache` for each layer. A `Composer` fills it for
a `ViewState`, by the rule of `Sampling`. To add a layer, write a composer and add a line to `LayerStack`.
"""

from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.canvas.layers import LabelStyle, Layer, LayerStyle

__all__ = ["Canvas", "ImagePyramid", "LabelStyle", "Layer", "LayerStyle"]
