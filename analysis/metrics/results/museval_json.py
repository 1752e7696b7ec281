"""Frame scores as museval keeps them: one JSON file per track, written for its users and read from them.

A file holds ``targets``; a target its ``name`` and ``frames``; a frame its ``time`` and ``duration`` and ``metrics``.
museval lays files out as ``ROOT/{train,test}/TRACK.json``.

Conventions: times in seconds, values in dB. As museval 0.4.1 has it, values are rounded to 5 decimals and what is
infinite or undefined is ``NaN`` in the file; here it is NaN. Aggregation is a choice: frames are always kept.
Defines: ``METRICS``, ``COLUMNS``, ``write``, ``read``, ``aggregate``.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.errors import AnalysisError
from analysis.files import write_text

METRICS = ("SDR", "SIR", "SAR", "ISR")
"""In the order that museval writes them; it reads no file that lacks one."""
COLUMNS = ("track", "target", "time_s", "duration_s", "metric", "value")
DECIMALS = 5
SPLITS = ("train", "test")
EXPECTED = "expected a file as museval writes it"

Over = Literal["median", "mean"]


class _Record(BaseModel):
    """Unknown keys are left alone: museval adds its version, others what they like."""

    model_config = ConfigDict(strict=True)


class _Frame(_Record):
    time: float
    duration: float
    metrics: dict[str, float | None]


class _Target(_Record):
    name: str
    frames: list[_Frame]


class _Track(_Record):
    targets: list[_Target]


def write(
    path: Path,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    *,
    times_s: np.ndarray,
    duration_s: np.ndarray | float,
) -> Path:
    """Write the scores of one track, whole or not at all.

    Parameters
    ----------
    path : of the file; its name without the ending is the track's.
    scores : by target, then by metric (all of ``METRICS``): one value in dB for each frame, NaN where there is none.
    times_s, duration_s : start of each frame, and how long it or each of them is.

    Returns
    -------
    path

    Raises
    ------
    AnalysisError
        Where a metric is missing, there are not as many values as frames, or the file can't be written.
    """
    starts = np.asarray(times_s, float)
    durations = np.broadcast_to(np.asarray(duration_s, float), starts.shape)
    targets = []
    for target, values in scores.items():
        columns = {metric: _checked(path, target, metric, values, len(starts)) for metric in METRICS}
        frames = [
            {
                "time": float(start),
                "duration": float(duration),
                "metrics": {metric: column[frame] for metric, column in columns.items()},
            }
            for frame, (start, duration) in enumerate(zip(starts, durations, strict=True))
        ]
        targets.append({"name": target, "frames": frames})
    made_by = f"hidden-reference {importlib.metadata.version('hidden-reference')}"
    return write_text(path, json.dumps({"targets": targets, "made_by": made_by}, indent=2) + "\n")


def _checked(path: Path, target: str, metric: str, values: Mapping[str, np.ndarray], frames: int) -> list[float]:
    """The values of one metric as they stand in the file."""
    if metric not in values:
        raise AnalysisError(f"{path}: target {target!r} has no {metric}; expected {', '.join(METRICS)}")
    found = np.asarray(values[metric], float)
    if found.shape != (frames,):
        raise AnalysisError(
            f"{path}: {metric} of target {target!r} has shape {found.shape}; expected one value for each of "
            f"{frames} frames"
        )
    return [round(value, DECIMALS) if np.isfinite(value) else float("nan") for value in found.tolist()]


def read(path: Path) -> pd.DataFrame:
    """Read the file of a track, or all of a folder.

    Parameters
    ----------
    path : a file; or a folder, of which ``train`` and ``test`` are read where it has them, else all files below it.

    Returns
    -------
    DataFrame
        ``COLUMNS``: one row for each frame and metric, in the files' order; tracks by name. The track is the file's
        name without ``.json``. ``value`` is in dB, NaN where the file has NaN, null or infinity.

    Raises
    ------
    AnalysisError
        Where there is no file, one is not of this form (its first mistake), two are of one track, or one has a frame
        of a target twice.
    """
    files = _files(path)
    rows = [row for file in files for row in _rows(file)]
    found = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
    if (twice := found.duplicated(["track", "target", "time_s", "metric"])).any():
        row = found[twice].iloc[0]
        raise AnalysisError(
            f"{path}: {row['metric']} of target {row['target']!r} at {row['time_s']:g} s of track {row['track']!r} is "
            "there twice; remove one"
        )
    numbers = ["time_s", "duration_s", "value"]
    found[numbers] = found[numbers].astype(float)
    found["value"] = found["value"].where(np.isfinite(found["value"]))
    return found


def _files(path: Path) -> list[Path]:
    """The files of tracks, by name; each track once."""
    if not path.is_dir():
        return [path]
    folders = [path / split for split in SPLITS if (path / split).is_dir()] or [path]
    found = [file for folder in folders for file in folder.rglob("*.json") if not file.name.startswith(".")]
    if not found:
        raise AnalysisError(f"{path}: holds no .json files of tracks; expected {path / 'test' / 'TRACK.json'}")
    by_track: dict[str, Path] = {}
    for file in sorted(found, key=lambda file: (file.stem, file)):
        if file.stem in by_track:
            raise AnalysisError(f"{file}: track {file.stem!r} is there already, in {by_track[file.stem]}; remove one")
        by_track[file.stem] = file
    return list(by_track.values())


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    for target in _track(path).targets:
        for frame in target.frames:
            for metric, value in frame.metrics.items():
                yield path.stem, target.name, frame.time, frame.duration, metric, value


def _track(path: Path) -> _Track:
    try:
        return _Track.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AnalysisError(f"{path}: can't be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnalysisError(f"{path}: {place + ': ' if place else ''}{first['msg']}; {EXPECTED}") from None


def aggregate(frame: pd.DataFrame, over_frames: Over = "median", over_tracks: Over | None = None) -> pd.DataFrame:
    """One value for each track, or for all of them.

    Parameters
    ----------
    frame : as ``read`` answers.
    over_frames : what stands for the frames of a track.
    over_tracks : what stands for the tracks; None keeps them apart. SiSEC 2018 took the median of both.

    Returns
    -------
    DataFrame
        track (unless tracks are aggregated), target, metric, value. NaN frames and tracks are left out; NaN where
        nothing is left.

    Raises
    ------
    AnalysisError
        Where an aggregation is neither ``median`` nor ``mean``.
    """
    for chosen in {over_frames, over_tracks} - {None}:
        if chosen not in ("median", "mean"):
            raise AnalysisError(f"frames and tracks are aggregated by 'median' or 'mean', not by {chosen!r}")
    by = ["track", "target", "metric"]
    found = frame.groupby(by, sort=False)["value"].agg(over_frames).reset_index()
    if over_tracks is None:
        return found
    return found.groupby(by[1:], sort=False)["value"].agg(over_tracks).reset_index()
