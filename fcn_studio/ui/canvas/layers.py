"""The layers of the canvas and their styles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """Layers in the order of painting, the image at the bottom."""

    IMAGE = "image"
    PREDICTION = "prediction"
    LABELS = "labels"
    UNCERTAINTY = "uncertainty"
    DISAGREEMENT = "disagreement"


class LabelStyle(StrEnum):
    """Ways to draw regions of a class."""

    FILL = "fill"
    OUTLINE = "outline"
    HATCH = "hatch"

    @property
    def next(self) -> LabelStyle:
        """The next style, after the last one the first."""
        styles = list(LabelStyle)
        return styles[(styles.index(self) + 1) % len(styles)]


@dataclass(frozen=True, slots=True)
class LayerStyle:
    """Visibility and opacity (0..1) of a layer."""

    visible: bool
    opacity: float


DEFAULT_STYLES = {
    Layer.IMAGE: LayerStyle(True, 1.0),
    Layer.PREDICTION: LayerStyle(False, 0.5),
    Layer.LABELS: LayerStyle(True, 0.4),
    Layer.UNCERTAINTY: LayerStyle(False, 0.6),
    Layer.DISAGREEMENT: LayerStyle(False, 1.0),
}
