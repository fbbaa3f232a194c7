"""Several processes that train one network together."""

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
from fcn_studio.i18n import tr, tr_noop

_TIMEOUT = timedelta(hours=6)
"""How long a process waits for the others: the first one validates alone."""


class Ranks:
    """This process among those that train together.

    Usually it is the only one. All processes call the same methods in the same order: `run_and_sum` for each part of
    a step that can fail, then `add` for its tensors.

    Attributes:
        share: the part of each batch that this process computes.
    """

    def __init__(self, share: Share) -> None:
        """Describe a process.

        `join_group` connects it.
        """
        self.share = share
        self._failure_known = False

    @property
    def is_first(self) -> bool:
        """Whether this process validates, saves and decides for all."""
        return self.share.rank == 0

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes, in one message."""
        if self.share.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._reduce(flat)
        for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def barrier(self, device: torch.device) -> None:
        """Wait until all processes have come here."""
        self.run_and_sum(lambda: (), device)

    def run_and_sum(self, work: Callable[[], Sequence[float]], device: torch.device) -> list[float]:
        """Run work in every process and return its summed numbers.

        The work can fail in every process. If memory has run out in one process, the error is raised in all, so that
        all reduce their memory alike.

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
        except Exception as error:  # noqa: BLE001 - raised again below, after the other processes know
            failure = error
        short = failure is not None and is_out_of_memory(failure)
        words = torch.zeros(2 + _MOST_NUMBERS, dtype=torch.float64, device=device)
        words[0], words[1] = float(short), float(failure is not None and not short)
        words[2 : 2 + len(numbers)] = torch.tensor(list(numbers), dtype=torch.float64)
        self._reduce(words)
        self._failure_known = bool(words[1] > 0)
        if failure is not None:
            raise failure
        if self._failure_known:
            raise TrainingError(tr(_OTHER_FAILED))
        if words[0] > 0:
            raise torch.OutOfMemoryError("in another process")
        return words[2:].tolist()

    def _reduce(self, tensor: Tensor) -> None:
        """Sum a tensor over all processes.

        Raises:
            TrainingError: if another process is gone.
        """
        try:
            dist.all_reduce(tensor)
        except RuntimeError as error:
            self._failure_known = True
            if is_out_of_memory(error):
                raise
            raise TrainingError(tr(_OTHER_FAILED)) from error

    def report_failure(self, device: torch.device) -> None:
        """Tell waiting processes that this one has failed outside of `run_and_sum`."""
        if self.share.size == 1 or self._failure_known:
            return

        def failed() -> Sequence[float]:
            raise TrainingError(tr(_OTHER_FAILED))

        with suppress(TrainingError, RuntimeError):
            self.run_and_sum(failed, device)

    def leave_group(self) -> None:
        """Disconnect from the other processes."""
        if self.share.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


_OTHER_FAILED = tr_noop("another process of this training has failed or is gone; its own message says why")
_MOST_NUMBERS = 4

ALONE = Ranks(Share())


def share_of_environment() -> Share:
    """Return which process this is, from the environment.

    torchrun or SLURM sets the environment. torchrun sets ``MASTER_ADDR``, where the processes meet; with srun, set it
    and ``MASTER_PORT`` yourself.

    Raises:
        TrainingError: if the variables are not valid.
    """
    if "MASTER_ADDR" not in os.environ:  # a lone process in a SLURM job
        return Share()
    for rank, size in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
        if rank in os.environ and size in os.environ:
            try:
                share = Share(int(os.environ[rank]), int(os.environ[size]))
            except ValueError as error:
                raise TrainingError(
                    tr("{rank} and {size} in the environment are not whole numbers", rank=rank, size=size)
                ) from error
            if not 0 <= share.rank < share.size:
                raise TrainingError(
                    tr(
                        "{rank}={number} and {size}={count} make no sense together",
                        rank=rank,
                        number=share.rank,
                        size=size,
                        count=share.size,
                    )
                )
            return share
    return Share()


def own_device(device: torch.device) -> torch.device:
    """Return the GPU of this process.

    It is called where several processes train on several GPUs.
    """
    number = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", ""))
    if device.type != "cuda" or not number.isdecimal() or share_of_environment().size == 1:
        return device
    return torch.device("cuda", int(number) % torch.cuda.device_count())


def join_group(share: Share, device: torch.device) -> Ranks:
    """Connect to the other processes at ``MASTER_ADDR`` and ``MASTER_PORT``.

    Raises:
        TrainingError: if they cannot be reached.
    """
    if share.size == 1:
        return ALONE
    if "MASTER_PORT" not in os.environ:
        raise TrainingError(tr("set MASTER_PORT to a free port of MASTER_ADDR, where all processes meet"))
    try:
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", rank=share.rank, world_size=share.size, timeout=_TIMEOUT
        )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            tr("the processes of this training cannot connect: {reason}", reason=f"{error!s:.200}")
        ) from error
    return Ranks(share)
