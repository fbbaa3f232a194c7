"""What the layers of the canvas are and how each is shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """One layer, in the order of painting: the image at the bottom."""

    IMAGE = "image"
    PREDICTION = "prediction"
    LABELS = "labels"
    UNCERTAINTY = "uncertainty"
    DISAGREEMENT = "disagreement"


class LabelStyle(StrEnum):
    """How regions of one class are drawn."""

    FILL = "fill"
    OUTLINE = "outline"
    HATCH = "hatch"

    @property
    def next(self) -> LabelStyle:
        """The style after this one, round in a circle."""
        styles = list(LabelStyle)
        return styles[(styles.index(self) + 1) % len(styles)]


@dataclass(frozen=True, slots=True)
class LayerStyle:
    """Whether a layer is shown, and its opacity 0..1."""

    visible: bool
    opacity: float


DEFAULT_STYLES = {
    Layer.IMAGE: LayerStyle(True, 1.0),
    Layer.PREDICTION: LayerStyle(False, 0.5),
    Layer.LABELS: LayerStyle(True, 0.4),
    Layer.UNCERTAINTY: LayerStyle(False, 0.6),
    Layer.DISAGREEMENT: LayerStyle(False, 1.0),
}
