"""The layers of a document, their styles and their caches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.event import Event
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.prediction import Prediction
from fcn_studio.ui.canvas.adjust import UNADJUSTED, Adjustment
from fcn_studio.ui.canvas.blit import flattened
from fcn_studio.ui.canvas.colours import class_pixels, disagreement_pixels, fade_table, heat_pixels
from fcn_studio.ui.canvas.compare import Divider
from fcn_studio.ui.canvas.composers import Composer, DisagreementComposer, HeatComposer, ImageComposer, LabelComposer
from fcn_studio.ui.canvas.hatch import Hatch
from fcn_studio.ui.canvas.layers import DEFAULT_STYLES, LabelStyle, Layer
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_cache import LayerCache
from fcn_studio.ui.canvas.view_state import ViewState

LINE_STRENGTH = 2.0
"""Factor of the layer's opacity for outlines and hatching; thin lines need more."""

LINE_LIGHTNESS = 130
"""Least lightness of lines; dark ones are invisible on a dark image."""

BETWEEN_LINES = 0.35
"""Factor of the layer's opacity between the lines of a hatch."""


OVERVIEW_OPACITY = 0.45
"""Opacity of the labels in the overview."""

COMPARED = (Layer.PREDICTION, Layer.LABELS)
"""Layers left and right of a divider; a wipe shows them even if they are hidden."""


class LayerStack:
    """Layers of a document, from the bottom up.

    They are image, prediction, labels, uncertainty and disagreement.

    Attributes:
        changed: emitted after a change of the document, or of how it is shown: visibility, opacity, colours, style,
            adjustment, prediction, wipe. Edits of the labels and moves of the divider are not reported.
        styles: how each layer is shown.
        label_style: how labels and prediction are drawn.
        adjustment: brightness, contrast and gamma of the image on screen; kept from image to image.
        peeking: whether the bare image is shown.
        divider: line with the prediction left of it and the labels right of it, or the predictions of two networks;
            None without a wipe.
    """

    def __init__(self) -> None:
        self.changed = Event[()]()
        self.styles = dict(DEFAULT_STYLES)
        self.label_style = LabelStyle.FILL
        self.adjustment = UNADJUSTED
        self.peeking = False
        self.divider: Divider | None = None
        self._line_width = 1
        self._table = ClassTable((), 0)
        self._hidden: frozenset[int] = frozenset()
        self._document: Document | None = None
        self._picture: ImagePyramid | None = None
        self._prediction: Prediction | None = None
        self._two: tuple[Prediction, Prediction] | None = None  # what is drawn left and right of the divider
        self._caches: dict[Layer, LayerCache] = {}

    @property
    def hidden(self) -> frozenset[int]:
        """Class indices (255 for void) that are not drawn."""
        return self._hidden

    @property
    def has_prediction(self) -> bool:
        """Whether there is a prediction to show."""
        return self._prediction is not None

    @property
    def table(self) -> ClassTable:
        """Class table that gives the colours."""
        return self._table

    def set_document(self, document: Document | None, picture: ImagePyramid | None) -> None:
        """Draw another document and drop the prediction.

        Without a picture the backdrop is drawn.

        The caller emits `changed` when the view fits the document.

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
        self._end_of_two()
        self._caches.clear()
        self._rebuild(*Layer)

    def set_prediction(self, prediction: Prediction | None) -> None:
        """Draw a prediction of the document, in the project's class indices.

        Raises:
            ValueError: if its size is not the document's.
        """
        if prediction is not None:
            self._require_same_size(prediction)
        self._prediction = prediction
        self._rebuild(Layer.PREDICTION, Layer.UNCERTAINTY, Layer.DISAGREEMENT)
        self.changed.emit()

    def set_table(self, table: ClassTable) -> None:
        """Draw with the colours of another class table."""
        self._table = table
        self._rebuild(Layer.LABELS, Layer.PREDICTION)
        self.changed.emit()

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Hide these classes (255 for void)."""
        self._hidden = hidden
        self._rebuild(Layer.LABELS, Layer.PREDICTION)
        self.changed.emit()

    def set_style(self, layer: Layer, *, visible: bool | None = None, opacity: float | None = None) -> None:
        """Set visibility and opacity (0..1) of a layer.

        None changes nothing.
        """
        old = self.styles[layer]
        style = replace(
            old,
            visible=old.visible if visible is None else visible,
            opacity=old.opacity if opacity is None else min(1.0, max(0.0, opacity)),
        )
        if style != old:
            self.styles[layer] = style
            if style.opacity != old.opacity or layer == Layer.IMAGE:
                self._rebuild(layer)
            self.changed.emit()

    def set_label_style(self, style: LabelStyle) -> None:
        """Draw regions filled, outlined or hatched."""
        if style != self.label_style:
            self.label_style = style
            self._rebuild(Layer.LABELS, Layer.PREDICTION)
            self.changed.emit()

    def set_line_width(self, device_pixels: int) -> None:
        """Set the line width of hatches, in device pixels."""
        if device_pixels != self._line_width:
            self._line_width = device_pixels
            self._rebuild(Layer.LABELS, Layer.PREDICTION)

    def set_adjustment(self, adjustment: Adjustment) -> None:
        """Set brightness, contrast and gamma of the image on screen.

        Nothing else changes.
        """
        if adjustment != self.adjustment:
            self.adjustment = adjustment
            self._rebuild(Layer.IMAGE)
            self.changed.emit()

    def set_peeking(self, on: bool) -> None:
        """Show the bare image, or the layers again."""
        self.peeking = on
        self.changed.emit()

    def set_divider(self, divider: Divider | None) -> None:
        """Begin or end (None) a wipe between prediction and labels."""
        if divider != self.divider:
            self._end_of_two()
            self.divider = divider
            self.changed.emit()

    def wipe_between(self, left: Prediction, right: Prediction, names: tuple[str, str]) -> None:
        """Begin a wipe between the predictions of two networks, in the project's class indices.

        It ends with the wipe or with the image.

        Raises:
            ValueError: if a size is not the document's.
        """
        for prediction in (left, right):
            self._require_same_size(prediction)
        self._two, self.divider = (left, right), Divider(names=names)
        self._rebuild(*COMPARED)
        self.changed.emit()

    def _end_of_two(self) -> None:
        """End a wipe between two networks."""
        if self._two is not None:
            self._two, self.divider = None, None
            self._rebuild(*COMPARED)

    def _require_same_size(self, prediction: Prediction) -> None:
        """Raise ValueError if a prediction is not of the document's size."""
        shape = None if self._document is None else self._document.label_map.shape
        if prediction.label_map.shape != shape or prediction.uncertainty.shape != shape:
            raise ValueError(f"prediction is {prediction.label_map.shape}, the document {shape}")

    def picture_changed(self) -> None:
        """Draw the picture again after more of it has arrived."""
        self._rebuild(Layer.IMAGE)
        self.changed.emit()

    def labels_changed(self, *image_rects: Rect) -> int:
        """Mark rectangles of the label map as changed.

        Returns:
            Device pixels around these rectangles that the change reaches.
        """
        reach = 0
        for layer in (Layer.LABELS, Layer.DISAGREEMENT):
            cache = self._caches.get(layer)
            if cache is not None:
                cache.invalidate(*image_rects)
                reach = max(reach, cache.reach)
        return reach

    def drawn(self, sampling: Sampling) -> Iterator[tuple[QImage, Rect]]:
        """Yield the layers to draw in this view, bottom up.

        Their rectangles are yielded too. The first layer is opaque and covers the viewport.
        """
        shown = sampling.viewport
        for layer, cache in self._caches.items():
            if self._shows(layer):
                yield cache.image(sampling), shown if self.divider is None else self.divider.shown(layer, shown)

    def overview(self, view: ViewState) -> QImage:
        """Return image and filled labels of the document in another view.

        The result is a null image without a picture.
        """
        document, image = self._document, self._composer(Layer.IMAGE)
        if document is None or image is None:
            return QImage()
        tinted = class_pixels(self._table, self._hidden, OVERVIEW_OPACITY)
        labels = LabelComposer(document.label_map, document.provenance, tinted)
        caches = LayerCache(image), LayerCache(labels)
        return flattened(((cache.image(Sampling(view)), view.viewport) for cache in caches), view.viewport)

    def _shows(self, layer: Layer) -> bool:
        if layer == Layer.IMAGE:
            return True
        style, compared = self.styles[layer], self.divider is not None and layer in COMPARED
        return not self.peeking and style.opacity > 0 and (style.visible or compared)

    def _rebuild(self, *layers: Layer) -> None:
        for layer in layers:
            composer = self._composer(layer)
            if composer is None:
                self._caches.pop(layer, None)
            elif layer in self._caches:
                self._caches[layer].set_composer(composer)
            else:
                self._caches[layer] = LayerCache(composer)
                self._caches = {known: self._caches[known] for known in Layer if known in self._caches}

    def _composer(self, layer: Layer) -> Composer | None:
        """Return the composer of a layer, None without a source."""
        document, prediction, opacity = self._document, self._prediction, self.styles[layer].opacity
        if layer == Layer.IMAGE and self._picture is not None:
            return ImageComposer(self._picture, self._image_table())
        if self._two is not None and layer in COMPARED:
            side, opacity = self._two[COMPARED.index(layer)], self.styles[Layer.PREDICTION].opacity
            return self._label_composer(side.label_map, None, opacity)
        if layer == Layer.LABELS and document is not None:
            return self._label_composer(document.label_map, document.provenance, opacity)
        if layer == Layer.PREDICTION and prediction is not None:
            return self._label_composer(prediction.label_map, None, opacity)
        if layer == Layer.UNCERTAINTY and prediction is not None:
            return HeatComposer(prediction.uncertainty, heat_pixels(opacity))
        if layer == Layer.DISAGREEMENT and document is not None and prediction is not None:
            return DisagreementComposer(document.label_map, prediction.label_map, disagreement_pixels(opacity))
        return None

    def _image_table(self) -> NDArray[np.uint8] | None:
        """Return the displayed value of each image value.

        It is None if nothing changes.
        """
        style = self.styles[Layer.IMAGE]
        faded = fade_table(style.opacity if style.visible else 0.0)[self.adjustment.table()]
        return None if np.array_equal(faded, np.arange(256)) else faded

    def _label_composer(self, label_map: LabelMap, provenance: LabelMap | None, opacity: float) -> LabelComposer:
        if self.label_style == LabelStyle.FILL:
            return LabelComposer(label_map, provenance, class_pixels(self._table, self._hidden, opacity))
        strength = min(1.0, LINE_STRENGTH * opacity)
        lines = class_pixels(self._table, self._hidden, strength, lightness=LINE_LIGHTNESS)
        if self.label_style == LabelStyle.OUTLINE:
            return LabelComposer(label_map, provenance, lines, outline=True)
        between = class_pixels(self._table, self._hidden, BETWEEN_LINES * opacity)
        return LabelComposer(label_map, provenance, between, hatch=Hatch(lines, self._line_width))
