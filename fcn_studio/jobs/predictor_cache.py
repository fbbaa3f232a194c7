"""The last network that was used, kept ready for the next job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.i18n import Message

if TYPE_CHECKING:
    from fcn_studio.fcn.inference.predictor import Predictor


class PredictorCache:
    """Cache of the predictor of the last checkpoint and device.

    It also says where the predictor runs.

    Attributes:
        device_words: the device of the last job, in words for people.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._predictor: tuple[tuple[str, int, str], Predictor] | None = None
        self.device_words: Message | None = None

    def start(self) -> Message:
        """Load torch and return the default device in words."""
        from fcn_studio.fcn.device import choose_device, configure_threads, describe_device

        configure_threads(self._threads)
        self.device_words = describe_device(choose_device())
        return self.device_words

    def predictor(self, checkpoint: str, device_name: str) -> Predictor:
        """Return the predictor of a checkpoint file on a device.

        It is loaded, or kept from the last job.

        Raises:
            CheckpointError: if the file is no checkpoint of ours.
            DeviceError: if the device is not there.
        """
        from fcn_studio.fcn.device import choose_device, describe_device
        from fcn_studio.fcn.distributed import own_device
        from fcn_studio.fcn.inference.predictor import Predictor
        from fcn_studio.fcn.weights.checkpoint import load_checkpoint

        path = Path(checkpoint)
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        key = (checkpoint, stamp, device_name)
        if self._predictor is None or self._predictor[0] != key:
            self._predictor = None  # frees its memory before the next one is loaded
            self._predictor = (key, Predictor(load_checkpoint(path), own_device(choose_device(device_name))))
        self.device_words = describe_device(self._predictor[1].device)
        return self._predictor[1]
