"""Several processes that share one command: a training, a segmentation, an evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from fcn_studio.errors import ProcessGroupError
from fcn_studio.fcn.device import CPU, is_out_of_memory
from fcn_studio.i18n import tr, tr_noop

T = TypeVar("T")

_TIMEOUT = timedelta(hours=6)
"""How long a process waits for the others: the first one validates alone."""

_MEETING = timedelta(minutes=10)
"""How long a process waits until the others have been started."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of each batch that one of several processes takes.

    It takes every ``size``-th view from the ``rank``-th on.
    """

    rank: int = 0
    size: int = 1

    def of(self, step: int, size: int) -> range:
        """Return the numbers of its views in a step of ``size`` views."""
        return range(step * size + self.rank, (step + 1) * size, self.size)


ALL = Share()


class Ranks:
    """This process among those that share a command.

    Usually it is the only one. All processes call the same methods in the same order: `run_and_sum` for each part
    that can fail, then `add` for its tensors.

    Attributes:
        share: the part of the work that this process does.
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

    def run_and_sum(
        self, work: Callable[[], Sequence[float]], device: torch.device, *, memory_alike: bool = True
    ) -> list[float]:
        """Run work in every process and return its summed numbers.

        The work can fail in every process. If memory has run out in one process, the error is raised in all, so that
        all reduce their memory alike. With ``memory_alike=False`` this is a failure as any other.

        Raises:
            torch.OutOfMemoryError: if there is not memory enough in another process.
            ProcessGroupError: if another process has failed.
        """
        if self.share.size == 1:
            return list(work())
        numbers: Sequence[float] = ()
        failure: Exception | None = None
        try:
            numbers = work()
        except Exception as error:  # noqa: BLE001 - raised again below, after the other processes know
            failure = error
        short = memory_alike and failure is not None and is_out_of_memory(failure)
        words = torch.zeros(2 + _MOST_NUMBERS, dtype=torch.float64, device=device)
        words[0], words[1] = float(short), float(failure is not None and not short)
        words[2 : 2 + len(numbers)] = torch.tensor(list(numbers), dtype=torch.float64)
        self._reduce(words)
        self._failure_known = bool(words[1] > 0)
        if failure is not None:
            raise failure
        if self._failure_known:
            raise ProcessGroupError(tr(_OTHER_FAILED))
        if words[0] > 0:
            raise torch.OutOfMemoryError("in another process")
        return words[2:].tolist()

    def scatter(self, make: Callable[[], Sequence[T]]) -> T:
        """Return this process's part of what ``make`` returns in the first process.

        Only the first process calls ``make``. The group is one of CPUs.

        Raises:
            ProcessGroupError: if the first process has failed before, or one is gone.
        """
        if self.share.size == 1:
            return make()[0]
        parts = list[T]()

        def make_parts() -> Sequence[float]:
            parts.extend(make() if self.is_first else ())
            return ()

        self.run_and_sum(make_parts, CPU, memory_alike=False)
        received: list[T | None] = [None]
        with self._another_may_be_gone():
            dist.scatter_object_list(received, parts if self.is_first else None)
        part = received[0]
        assert part is not None
        return part

    def gather(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items of all processes in the first one, and none in the others.

        Each process makes its next item, then all wait for each other; so a failure of one ends all, and the first
        can write the items of all while the others go on. All processes iterate to the end.

        Raises:
            ProcessGroupError: if another process has failed or is gone.
        """
        if self.share.size == 1:
            yield from items
            return
        rest, made = iter(items), list[T]()

        def make_next() -> Sequence[float]:
            made[:] = islice(rest, 1)
            return [len(made)]

        while self.run_and_sum(make_next, CPU, memory_alike=False)[0]:
            lists: list[list[T]] | None = [[]] * self.share.size if self.is_first else None
            with self._another_may_be_gone():
                dist.gather_object(made, lists)
            yield from chain.from_iterable(lists or ())

    def exchange(self, item: T) -> list[T]:
        """Return the items of all processes, in all of them.

        Raises:
            ProcessGroupError: if another process has failed or is gone.
        """
        if self.share.size == 1:
            return [item]
        self.barrier(CPU)
        items: list[T | None] = [None] * self.share.size
        with self._another_may_be_gone():
            dist.all_gather_object(items, item)
        return [found for found in items if found is not None]

    def _reduce(self, tensor: Tensor) -> None:
        """Sum a tensor over all processes.

        Raises:
            ProcessGroupError: if another process is gone.
        """
        with self._another_may_be_gone():
            dist.all_reduce(tensor)

    @contextmanager
    def _another_may_be_gone(self) -> Iterator[None]:
        """Raise ProcessGroupError for the errors of a lost connection."""
        try:
            yield
        except RuntimeError as error:
            self._failure_known = True
            if is_out_of_memory(error):
                raise
            raise ProcessGroupError(tr(_OTHER_FAILED)) from error

    def report_failure(self, device: torch.device) -> None:
        """Tell waiting processes that this one has failed outside of `run_and_sum`."""
        if self.share.size == 1 or self._failure_known:
            return

        def failed() -> Sequence[float]:
            raise ProcessGroupError(tr(_OTHER_FAILED))

        with suppress(ProcessGroupError, RuntimeError):
            self.run_and_sum(failed, device)

    def leave_group(self) -> None:
        """Disconnect from the other processes."""
        if self.share.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


_OTHER_FAILED = tr_noop("another process has failed or is gone; its own message says why")
_MOST_NUMBERS = 4

ALONE = Ranks(Share())


def share_of_environment() -> Share:
    """Return which process this is, from the environment.

    torchrun or SLURM sets the environment. torchrun sets ``MASTER_ADDR``, where the processes meet; with srun, set it
    and ``MASTER_PORT`` yourself.

    Raises:
        ProcessGroupError: if the variables are not valid.
    """
    if "MASTER_ADDR" not in os.environ:  # a lone process in a SLURM job
        return Share()
    for rank, size in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
        if rank in os.environ and size in os.environ:
            try:
                share = Share(int(os.environ[rank]), int(os.environ[size]))
            except ValueError as error:
                raise ProcessGroupError(
                    tr("{rank} and {size} in the environment are not whole numbers", rank=rank, size=size)
                ) from error
            if not 0 <= share.rank < share.size:
                raise ProcessGroupError(
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

    It is another one for each of several processes on a machine.
    """
    number = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", ""))
    if device.type != "cuda" or not number.isdecimal() or share_of_environment().size == 1:
        return device
    return torch.device("cuda", int(number) % torch.cuda.device_count())


def join_group(share: Share, device: torch.device) -> Ranks:
    """Connect to the other processes at ``MASTER_ADDR`` and ``MASTER_PORT``.

    Raises:
        ProcessGroupError: if they cannot be reached.
    """
    if share.size == 1:
        return ALONE
    if not dist.is_available():
        raise ProcessGroupError(tr("this PyTorch cannot run in several processes; start one"))
    if "MASTER_PORT" not in os.environ:
        raise ProcessGroupError(tr("set MASTER_PORT to a free port of MASTER_ADDR, where all processes meet"))
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, size = next(rendezvous("env://", share.rank, share.size, timeout=_MEETING))
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise ProcessGroupError(tr("the processes cannot connect: {reason}", reason=f"{error!s:.200}")) from error
    return Ranks(share)


@contextmanager
def process_group(device: torch.device = CPU) -> Iterator[Ranks]:
    """Connect to the other processes that share a command, and tell them if this one fails.

    Raises:
        ProcessGroupError: if they cannot be reached.
    """
    ranks = join_group(share_of_environment(), device)
    try:
        yield ranks
    except BaseException:
        ranks.report_failure(device)
        raise
    finally:
        ranks.leave_group()
