"""One process or several that train together, each on a part of every batch: torch's own launcher and collectives.

``torchrun`` says in the environment how many there are. The gradient is the mean over all of them; the first one alone
validates and writes, and tells the others what it found. Tried with several processes on a CPU; not on several GPUs.

Defines: ``Processes``, ``together``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn

from stimuli.errors import StimuliError

Value = TypeVar("Value")
TYPES = ("cpu", "cuda", "mps")


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many, and where it computes."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the one that validates and writes."""
        return self.rank == 0

    def joined(self, module: nn.Module) -> nn.Module:
        """The module with gradients that are the mean over all processes.

        Some networks have parameters that no output follows from (the last residual of Conv-TasNet): they stay.
        """
        if self.count == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, find_unused_parameters=True)

    def from_first(self, value: Value) -> Value:
        """What the first process has, for all."""
        if self.count == 1:
            return value
        held = [value]
        distributed.broadcast_object_list(held, src=0)
        return held[0]


@contextmanager
def together(device: str) -> Iterator[Processes]:
    """Join the processes of this run; alone where nothing launched several.

    Raises
    ------
    StimuliError
        Where torch has no such device here, or what launched several processes left out what they need.
    """
    rank, count = _launched()
    place = _place(device, count)
    if count == 1:
        yield Processes(0, 1, place)
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)  # before the group, whose collectives else meet on the first GPU
        distributed.init_process_group("nccl", device_id=place)
    else:
        distributed.init_process_group("gloo")
    try:
        yield Processes(rank, count, place)
    finally:
        distributed.destroy_process_group()


def _launched() -> tuple[int, int]:
    """Which process this is, of how many."""
    told = os.environ
    if told.get("WORLD_SIZE", "1") == "1":
        return 0, 1
    if lacking := [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not told.get(name)]:
        raise StimuliError(
            f"WORLD_SIZE is {told['WORLD_SIZE']}, and {', '.join(lacking)} not set; start several processes with "
            "torchrun, or unset WORLD_SIZE for one"
        )
    return int(told["RANK"]), int(told["WORLD_SIZE"])


def _place(device: str, count: int) -> torch.device:
    """The device of this process, tried."""
    try:
        place = torch.device(device)
        if place.type not in TYPES:
            raise RuntimeError("networks are not trained there")
        if place.index is not None and count > 1:
            raise RuntimeError(f"each of {count} processes has a GPU of its own; leave the number out")
        if place.type == "cuda" and count > 1:
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StimuliError(
            f"device: {device!r} can't be used here: {reason}; expected cpu, cuda, cuda:0 or mps"
        ) from None
    return place
