"""museval's results as rows of the scored table, and a set's own numbers as museval's files.

In: per-track JSON of a condition becomes rows of whole songs, the median over frames; songs are matched by name. Out:
one file for each song and condition of a set, with the frames of BSS Eval of all its targets there.

Defines: ``read_rows``, ``FramesJob``, ``write_frames``, ``frame_jobs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import arithmetic_on
from analysis.metrics.bss.images import Scores
from analysis.metrics.families.bss import number_of, references_of
from analysis.metrics.families.museval import METRICS
from analysis.metrics.results import museval_json
from analysis.metrics.scoring.clips import labels_of
from analysis.metrics.scoring.of_set import parts_of
from analysis.metrics.scoring.stretch import Row
from analysis.metrics.truth import NoNumber
from stimuli.errors import HiddenReferenceError
from stimuli.manifest import ItemRecord, Manifest
from stimuli.whole_songs import SetSong


def read_rows(manifest: Manifest, folders: Mapping[str, Path], echo: Callable[[str], object]) -> list[Row]:
    """Rows of somebody's results; a song of the set without one has a row that says so.

    Parameters
    ----------
    folders : condition of the set to the folder with its results.
    echo : is told of tracks that are no songs of the set.

    Raises
    ------
    AnalysisError
        Where a condition is not of this set, or a file can't be read.
    """
    roles = {clip.condition: clip.role for clip in manifest.clips if clip.role in ("anchor", "system")}
    if strange := [name for name in folders if name not in roles]:
        raise AnalysisError(f"--read-museval: no condition {strange[0]!r} in this set; found {', '.join(roles)}")
    items = [item for item in manifest.items if item.use != "training"]
    places = {(item.song, item.target): item for item in reversed(items)}
    rows: list[Row] = []
    for condition, folder in folders.items():
        found = museval_json.aggregate(museval_json.read(folder))
        songs = {item.song for item in items}
        if unknown := sorted(set(found["track"]) - songs):
            echo(f"{folder}: no songs of this set, left out: {', '.join(unknown)}")
        labels = {"condition": condition, "role": roles[condition]}
        for item in reversed(places.values()):
            rows += [row | labels for row in _rows_of(item, found, folder)]
    return rows


def _rows_of(item: ItemRecord, found: pd.DataFrame, folder: Path) -> Iterator[Row]:
    own = found[found["track"] == item.song]
    mine = own[own["target"] == item.target].set_index("metric")["value"]
    missing = f"{folder}: no results of this song"
    if len(own):
        missing = (
            f"{folder}: no target {item.target!r} in the results of this song; found {', '.join(set(own['target']))}"
        )
    for name, metric in METRICS.items():
        value = number_of(float(mine[name])) if name in mine else NoNumber(missing)
        said = {"reason": value.reason} if isinstance(value, NoNumber) else {"value": value}
        yield {**labels_of(item, "song", "given"), "family": "museval", "metric": metric} | said


@dataclass(frozen=True)
class FramesJob:
    """One song of a set with all its targets: everything that a worker process needs to know."""

    songs: tuple[SetSong, ...]
    out: Path
    length_s: float
    device: str | None = None

    @property
    def told(self) -> str:
        """What the progress bar says."""
        return self.songs[0].song


def frame_jobs(
    songs: Sequence[SetSong], out: Path, lengths_s: Sequence[float], device: str | None = None
) -> list[FramesJob]:
    """A job for every song, whatever number of targets it has."""
    lengths: dict[str, float] = {}
    for song, length_s in zip(songs, lengths_s, strict=True):
        lengths[song.song] = lengths.get(song.song, 0) + length_s
    return [
        FramesJob(tuple(one for one in songs if one.song == name), out.absolute(), length_s, device)
        for name, length_s in lengths.items()
    ]


def write_frames(job: FramesJob) -> list[str]:
    """Write ``out/<condition>/test/<song>.json``; what can't be measured is said."""
    found: dict[str, dict[str, Scores]] = {}
    said, arithmetic = [], arithmetic_on(job.device)
    for song in job.songs:
        (whole,) = [part for part in parts_of(song, whole=True) if part.item is None]
        stretch = whole.resolved().stretch
        try:
            truth = stretch.truth().computed_by(arithmetic)
            references = references_of(truth)
        except HiddenReferenceError as error:
            said.append(f"no museval file of {song.song}, {song.target}: {error}")
            continue
        for condition in stretch.roles:
            try:
                sound = np.asarray(stretch.sound(condition), np.float64)
                found.setdefault(condition, {})[song.target] = references.scores(sound[None], [0])
            except HiddenReferenceError as error:
                said.append(f"no museval file of {song.song}, {song.target}, {condition}: {error}")
    for condition, scores in found.items():
        write_track(job.out / condition / "test" / f"{job.songs[0].song}.json", scores)
    return said


def write_track(path: Path, scores: Mapping[str, Scores], row: Mapping[str, int] | None = None) -> Path:
    """Scores of a track's targets as museval's file; ``row``: which estimate of a target's scores it is, else the
    first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first = next(iter(scores.values()))
    places = row or dict.fromkeys(scores, 0)
    values = {
        target: {name: getattr(found, name.lower())[places[target]] for name in METRICS}
        for target, found in scores.items()
    }
    return museval_json.write(path, values, times_s=first.times_s, duration_s=first.duration_s)
