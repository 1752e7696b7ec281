"""One process or several that train together, each on a part of every batch: torch's own launcher and collectives.

``torchrun`` says in the environment how many there are. The gradient is the mean over all of them; the first one alone
validates and writes, and tells the others what it found.

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
        """The module with gradients that are the mean over all processes."""
        return nn.parallel.DistributedDataParallel(module) if self.count > 1 else module

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
        Where torch has no such device here.
    """
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    try:
        place = torch.device(device)
        if place.type == "cuda" and count > 1:
            place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StimuliError(f"device: {device!r} can't be used here: {reason}; expected cpu, cuda or cuda:0") from None
    if count == 1:
        yield Processes(0, 1, place)
        return
    distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, place)
    finally:
        distributed.destroy_process_group()
