"""The painting surface: view state, screen-resolution caches, the widget.

`Canvas` (`canvas`) is `Surface` (`surface`: showing) plus gestures. Below it, free of widgets: `LayerStack` holds a
`LayerCache` a layer, each filled by a `Composer`, by the rule of `Sampling`, for a `ViewState`. Add a layer as a
composer and a line in `LayerStack`.
"""

from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.canvas.layers import LabelStyle, Layer, LayerStyle

__all__ = ["Canvas", "ImagePyramid", "LabelStyle", "Layer", "LayerStyle"]
