"""The layers of one document in painting order, their styles, and which of their pixels are stale. Qt-free."""

from __future__ import annotations

from collections.abc import Iterator

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.prediction import Prediction
from fcn_studio.ui.canvas.colours import Pixels, class_pixels, fade_table, heat_pixels
from fcn_studio.ui.canvas.composers import Composer, HeatComposer, ImageComposer, LabelComposer
from fcn_studio.ui.canvas.layers import DEFAULT_STYLES, LabelStyle, Layer, LayerStyle
from fcn_studio.ui.canvas.pyramid import ImagePyramid
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_cache import LayerCache

OUTLINE_STRENGTH = 2.0
"""Outlines are drawn with so many times the layer's opacity, at most 1: a thin line needs more."""

OUTLINE_TINT = 0.3
"""How far outlines go from the class colour to white: a dark line is lost on a dark photograph."""


class LayerStack:
    """What is drawn, from the bottom up: image, prediction, labels, uncertainty."""

    def __init__(self) -> None:
        self.styles = dict(DEFAULT_STYLES)
        self.label_style = LabelStyle.FILL
        self.peeking = False
        self._table = ClassTable((), 0)
        self._hidden: frozenset[int] = frozenset()
        self._document: Document | None = None
        self._picture: ImagePyramid | None = None
        self._prediction: Prediction | None = None
        self._caches: dict[Layer, LayerCache] = {}

    @property
    def hidden(self) -> frozenset[int]:
        """Class indices (255 for void) that are not drawn."""
        return self._hidden

    @property
    def table(self) -> ClassTable:
        """The class table that gives the colours."""
        return self._table

    def set_document(self, document: Document | None, picture: ImagePyramid | None) -> None:
        """Draw another document over its picture (None: the backdrop); the prediction of the old one is dropped.

        Raises:
            ValueError: if the picture's size is not the document's.
        """
        if document is not None and picture is None:
            picture = ImagePyramid.awaited(document.width, document.height)
        if document is not None and picture is not None and picture.size != (document.width, document.height):
            raise ValueError(f"picture is {picture.size}, the document {document.width, document.height}")
        self._document = document
        self._picture = None if document is None else picture
        self._prediction = None
        self._caches.clear()
        self._rebuild(*Layer)

    def set_prediction(self, prediction: Prediction | None) -> None:
        """Draw a prediction of the document, in the project's class indices.

        Raises:
            ValueError: if its size is not the document's.
        """
        if prediction is not None:
            shape = None if self._document is None else self._document.label_map.shape
            if prediction.label_map.shape != shape or prediction.uncertainty.shape != shape:
                raise ValueError(f"prediction is {prediction.label_map.shape}, the document {shape}")
        self._prediction = prediction
        self._rebuild(Layer.PREDICTION, Layer.UNCERTAINTY)

    def set_table(self, table: ClassTable) -> None:
        """Draw with the colours of another class table."""
        self._table = table
        self._rebuild(Layer.LABELS, Layer.PREDICTION)

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Leave out these classes (255 for void)."""
        self._hidden = hidden
        self._rebuild(Layer.LABELS, Layer.PREDICTION)

    def set_style(self, layer: Layer, style: LayerStyle) -> None:
        """Show a layer otherwise."""
        old, self.styles[layer] = self.styles[layer], style
        if style.opacity != old.opacity or layer == Layer.IMAGE:
            self._rebuild(layer)

    def set_label_style(self, style: LabelStyle) -> None:
        """Draw regions filled or as borders."""
        self.label_style = style
        self._rebuild(Layer.LABELS, Layer.PREDICTION)

    def picture_changed(self) -> None:
        """Note that more of the picture has arrived."""
        self._rebuild(Layer.IMAGE)

    def labels_changed(self, image_rect: Rect) -> int:
        """Note that the label map changed in a rectangle; returns how many device pixels beyond it that reaches."""
        cache = self._caches.get(Layer.LABELS)
        if cache is None:
            return 0
        cache.invalidate(image_rect)
        return cache.reach

    def drawn(self, sampling: Sampling) -> Iterator[Pixels]:
        """Pixels of the layers to draw in this view, bottom up; the first is opaque."""
        for layer in Layer:
            cache = self._caches.get(layer)
            overlaid = layer != Layer.IMAGE
            if cache is None or (overlaid and (self.peeking or not self._shows(layer))):
                continue
            yield cache.pixels(sampling)

    def _shows(self, layer: Layer) -> bool:
        return self.styles[layer].visible and self.styles[layer].opacity > 0

    def _rebuild(self, *layers: Layer) -> None:
        for layer in layers:
            composer = self._composer(layer)
            if composer is None:
                self._caches.pop(layer, None)
            elif layer in self._caches:
                self._caches[layer].set_composer(composer)
            else:
                self._caches[layer] = LayerCache(composer)

    def _composer(self, layer: Layer) -> Composer | None:
        """What draws a layer with the present sources and styles; None if it has no source."""
        document, prediction, opacity = self._document, self._prediction, self.styles[layer].opacity
        if layer == Layer.IMAGE and self._picture is not None:
            faded = opacity if self.styles[layer].visible else 0.0
            return ImageComposer(self._picture, None if faded == 1 else fade_table(faded))
        if layer == Layer.LABELS and document is not None:
            return LabelComposer(
                document.label_map, document.provenance, self._class_pixels(opacity), outline=self._outline
            )
        if layer == Layer.PREDICTION and prediction is not None:
            return LabelComposer(prediction.label_map, None, self._class_pixels(opacity), outline=self._outline)
        if layer == Layer.UNCERTAINTY and prediction is not None:
            return HeatComposer(prediction.uncertainty, heat_pixels(opacity))
        return None

    @property
    def _outline(self) -> bool:
        return self.label_style == LabelStyle.OUTLINE

    def _class_pixels(self, opacity: float) -> Pixels:
        if self._outline:
            strength = min(1.0, OUTLINE_STRENGTH * opacity)
            return class_pixels(self._table, self._hidden, strength, tint=OUTLINE_TINT)
        return class_pixels(self._table, self._hidden, opacity)
