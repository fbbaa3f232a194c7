"""Several processes that train one network: who one of them is, and what they tell each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from fcn_studio.errors import TrainingError
from fcn_studio.fcn.device import is_out_of_memory
from fcn_studio.fcn.training.batch_sources import Share

_PATIENCE = timedelta(hours=6)
"""The first process validates alone, while the others wait."""


class Ranks:
    """This process among those that train together; most often it is the only one.

    What two processes exchange has an order, the same in all of them: `together` for each part of a step that can
    fail, then `add` for what it gave.

    Attributes:
        share: which part of each batch is this process's.
    """

    def __init__(self, share: Share) -> None:
        """Join no group; `joined` does."""
        self.share = share
        self._told = False

    @property
    def is_first(self) -> bool:
        """Whether this process validates, saves and speaks for all."""
        return self.share.rank == 0

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes, in one message."""
        if self.share.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._reduce(flat)
        for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def together(self, work: Callable[[], Sequence[float]], device: torch.device) -> list[float]:
        """Do something that can fail in every process; the sums of the numbers that it gives.

        Memory that has run out in one process has run out in all, so that they climb down the same ladder.

        Raises:
            torch.OutOfMemoryError: if there is not memory enough in another process.
            TrainingError: if another process has failed.
        """
        if self.share.size == 1:
            return list(work())
        numbers: Sequence[float] = ()
        failure: Exception | None = None
        try:
            numbers = work()
        except Exception as error:  # noqa: BLE001 - raised again below, once the other processes know
            failure = error
        short = failure is not None and is_out_of_memory(failure)
        words = torch.zeros(2 + _MOST_NUMBERS, dtype=torch.float64, device=device)
        words[0], words[1] = float(short), float(failure is not None and not short)
        words[2 : 2 + len(numbers)] = torch.tensor(list(numbers), dtype=torch.float64)
        self._reduce(words)
        self._told = bool(words[1] > 0)
        if failure is not None:
            raise failure
        if self._told:
            raise TrainingError(_OTHER_FAILED)
        if words[0] > 0:
            raise torch.OutOfMemoryError("in another process")
        return words[2:].tolist()

    def _reduce(self, tensor: Tensor) -> None:
        """Raises: TrainingError if another process is gone."""
        try:
            dist.all_reduce(tensor)
        except RuntimeError as error:
            self._told = True
            if is_out_of_memory(error):
                raise
            raise TrainingError(_OTHER_FAILED) from error

    def fail(self, device: torch.device) -> None:
        """This process has failed outside of `together`: answer to what the others wait for."""
        if self.share.size == 1 or self._told:
            return

        def failed() -> Sequence[float]:
            raise TrainingError(_OTHER_FAILED)

        with suppress(TrainingError, RuntimeError):
            self.together(failed, device)

    def leave(self) -> None:
        """The training has ended."""
        if self.share.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


_OTHER_FAILED = "another process of this training has failed or is gone; its own message says why"
_MOST_NUMBERS = 4

ALONE = Ranks(Share())


def share_of_environment() -> Share:
    """Which process this is by what torchrun or SLURM's srun has set; the only one where neither has.

    torchrun sets ``MASTER_ADDR``, where they meet; for srun it is to be set with ``MASTER_PORT``.

    Raises:
        TrainingError: if what is set makes no sense.
    """
    if "MASTER_ADDR" not in os.environ:  # a lone process in a SLURM job
        return Share()
    for rank, size in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
        if rank in os.environ and size in os.environ:
            try:
                share = Share(int(os.environ[rank]), int(os.environ[size]))
            except ValueError as error:
                raise TrainingError(f"{rank} and {size} in the environment are no whole numbers") from error
            if not 0 <= share.rank < share.size:
                raise TrainingError(f"{rank}={share.rank} and {size}={share.size} make no sense together")
            return share
    return Share()


def own_device(device: torch.device) -> torch.device:
    """The GPU of this process, where several train together on a computer with several."""
    number = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", ""))
    if device.type != "cuda" or not number.isdecimal() or share_of_environment().size == 1:
        return device
    return torch.device("cuda", int(number) % torch.cuda.device_count())


def joined(share: Share, device: torch.device) -> Ranks:
    """Meet the other processes at ``MASTER_ADDR`` and ``MASTER_PORT``.

    Raises:
        TrainingError: if they cannot be met.
    """
    if share.size == 1:
        return ALONE
    if "MASTER_PORT" not in os.environ:
        raise TrainingError("set MASTER_PORT to a free port of MASTER_ADDR, where all processes meet")
    try:
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", rank=share.rank, world_size=share.size, timeout=_PATIENCE
        )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the processes of this training cannot meet: {error!s:.200}") from error
    return Ranks(share)
