"""Where a run stands, in one file that is whole or not there: what a stopped run needs to go on to the same curve.

Draws follow from the seed and the step (see ``mixing``), so that weights, their mean, the optimiser's state and the
step are all there is. A write that fails leaves the file before it.

Defines: ``Progress``, ``save``, ``restore``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from stimuli.errors import StimuliError
from stimuli.training.config import Training, changes
from stimuli.whole_files import whole_file

FILE_NAME = "checkpoint.pt"


@dataclass
class Progress:
    """How far a run is: steps done, time spent, losses of validation, and how long none was better.

    ``curve`` has a row for each validation: step, mean loss of training since the one before (None at the start), loss
    of validation, SI-SDR of validation in dB, rate. ``losses`` are those of training since the last row. ``spent_s``
    and ``cpu_s`` (seconds on a clock, and of all threads) are those of the run and all its continuations,
    with validations and writes, but for the checkpoint's own where it is the last.
    """

    step: int = 0
    spent_s: float = 0.0
    cpu_s: float = 0.0
    best: float = float("inf")
    stale: int = 0
    stale_at_rate: int = 0
    losses: list[float] = field(default_factory=list)
    curve: list[list[float | None]] = field(default_factory=list)
    weights_sha256: str = ""


def save(path: Path, meant: Mapping[str, Any], progress: Progress, states: Mapping[str, Any]) -> None:
    """Write it, atomically and to the disk. ``meant``: configuration and material, as JSON.

    Raises
    ------
    StimuliError
        Where it can't be written; what was there stays.
    """
    try:
        with whole_file(path) as part, part.open("wb") as stream:
            torch.save({"meant": json.dumps(meant), "progress": asdict(progress), **states}, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except (OSError, RuntimeError) as error:  # torch says a full disk in its own way
        reason = str(error).strip().splitlines()[0]
        raise StimuliError(
            f"{path}: can't be written: {reason}; the checkpoint before it is as it was: make room, then start again"
        ) from None


def restore(path: Path, meant: Mapping[str, Any]) -> tuple[Progress, dict[str, Any]] | None:
    """Where the run stands, and the states to go on from; None where it has not begun.

    Raises
    ------
    StimuliError
        Where the file can't be read, or is of another configuration or other songs: the message says what differs.
    """
    if not path.is_file():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        there, progress = json.loads(found.pop("meant")), Progress(**found.pop("progress"))
        config, songs = _today(there["config"]), _songs(there["data"])
    except Exception as error:  # a damaged file fails in as many ways as there are formats
        raise StimuliError(
            f"{path}: can't be read as a checkpoint ({type(error).__name__}); move it away to start from the beginning"
        ) from None
    if different := changes(config, meant["config"]):
        raise StimuliError(
            f"{path}: is of another configuration: {'; '.join(different)}; "
            "give this run another --out, or bring the configuration back"
        )
    if changed := songs ^ _songs(meant["data"]):
        names = ", ".join(sorted({name for name, _ in changed}))
        raise StimuliError(
            f"{path}: the songs have changed since: {names}; give this run another --out, or bring them back"
        )
    return progress, found


def _today(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A configuration with the defaults of keys that are younger than it; as it is where it has other keys than now."""
    keys = {key: value for key, value in config.items() if key != "processes"}
    try:
        return Training.model_validate(keys).model_dump(mode="json") | {"processes": config["processes"]}
    except ValidationError:
        return config


def _songs(data: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Each song of each folder, and what tells it from another."""
    pieces = ((split, piece) for split, found in data.items() if isinstance(found, list) for piece in found)
    return {(f"{split}/{piece['song']}", str(piece)) for split, piece in pieces}
