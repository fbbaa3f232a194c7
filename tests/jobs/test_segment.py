"""Images of one size in one go, where the predictor takes more than one: order, news and unreadable files stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest

from fcn_studio.core.prediction import Prediction
from fcn_studio.jobs.predictor_cache import PredictorCache
from fcn_studio.jobs.protocol import ImageFailed, ImageToSegment, Predicted, SegmentJob
from fcn_studio.jobs.segment import segment


class CountingPredictor:
    """Says how many images it was given at once."""

    def __init__(self, most: int) -> None:
        self.most, self.groups = most, list[int]()

    def batch_size(self, shape: tuple[int, int]) -> int:
        return self.most if shape[0] < 100 else 1

    def take_notes(self) -> tuple[str, ...]:
        return ()

    def predict_many(self, images: Sequence[np.ndarray], image_ids: Sequence[str]) -> list[Prediction]:
        assert len({image.shape for image in images}) == 1
        assert len(images) <= self.batch_size(images[0].shape[:2])
        self.groups.append(len(images))
        maps = [np.full(image.shape[:2], image[0, 0, 0], np.uint8) for image in images]
        return [Prediction(name, m, m, "") for name, m in zip(image_ids, maps, strict=True)]


class OneNetwork:
    def __init__(self, predictor: CountingPredictor) -> None:
        self._predictor = predictor

    def predictor(self, checkpoint: str, device: str) -> CountingPredictor:
        return self._predictor


SIZES = [(8, 9), (8, 9), (8, 9), (9, 8), (0, 0), (9, 8), (9, 8), (120, 9), (120, 9), (8, 9)]


@pytest.fixture
def job(tmp_path: Path) -> SegmentJob:
    images = []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.png"
        if size == (0, 0):
            path.write_bytes(b"no picture")
        else:
            cv2.imwrite(str(path), np.full((*size, 3), number, np.uint8))
        images.append(ImageToSegment(path.name, str(path)))
    return SegmentJob("some", tuple(images))


@pytest.mark.parametrize(
    ("most", "groups"), [(1, [1] * 9), (2, [2, 1, 1, 2, 1, 1, 1]), (8, [3, 1, 2, 1, 1, 1])], ids=str
)
def test_news_come_in_turn_for_each_image(job: SegmentJob, most: int, groups: list[int]) -> None:
    predictor = CountingPredictor(most)
    predictors = cast(PredictorCache, OneNetwork(predictor))
    news = cast(list[Any], list(segment(job, predictors)))
    assert predictor.groups == groups
    assert [(n.done, n.total) for n in news] == [(i + 1, len(SIZES)) for i in range(len(SIZES))]
    for number, item in enumerate(news):
        if SIZES[number] == (0, 0):
            assert isinstance(item, ImageFailed)
            assert item.image_id == f"{number}.png"
        else:
            assert isinstance(item, Predicted)
            assert item.prediction.image_id == f"{number}.png"
            assert (item.prediction.label_map == number).all()
            assert item.prediction.label_map.shape == SIZES[number]


def test_it_ends_early_when_told(job: SegmentJob) -> None:
    work = segment(job, cast(PredictorCache, OneNetwork(CountingPredictor(8))))
    next(work)
    with pytest.raises(StopIteration):
        work.send(True)
