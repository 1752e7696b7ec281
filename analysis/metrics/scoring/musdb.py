"""A folder of estimates of a data set in MUSDB layout, as museval's users have it: all tracks, and what is missing.

Nothing is brought to another length unless it is asked for (museval pads and cuts without a word). Estimates without
order are assigned to all stems of their song first.

Conventions: ``estimates`` holds ``[train/|test/]<track>/<target>.*``; seconds weigh tracks in GNSDR.
Defines: ``score_musdb``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import unusable
from analysis.metrics.bss.sources import gnsdr
from analysis.metrics.family import chosen
from analysis.metrics.results import table
from analysis.metrics.results.table import Scored
from analysis.metrics.results.versions import versions
from analysis.metrics.scoring.musdb_track import TrackJob, Wanted, measure_track
from stimuli.errors import StimuliError
from stimuli.tracks import Tracks, estimates_of
from stimuli.workers import Workers


def score_musdb(
    wanted: Wanted, *, workers: Workers | None = None, echo: Callable[[str], object] = lambda _: None
) -> Scored:
    """Score all tracks that have estimates; write museval's JSON for each, and ``scores.csv``.

    Raises
    ------
    AnalysisError
        Where a family can't run here, or no track has estimates.
    StimuliError
        Where a folder is missing, or a worker can't use the device.
    """
    families, workers = chosen(wanted.families), workers or Workers()
    if wanted.device is not None:
        workers.check_device(wanted.device, unusable)
    names = tuple(one.name for one in families)
    wanted = dataclasses.replace(
        wanted,
        root=wanted.root.absolute(),
        estimates=wanted.estimates.absolute(),
        out=wanted.out.absolute(),
        families=names,
    )
    found, tracks = estimates_of(wanted.estimates), Tracks(wanted.root)
    notes = list(_missing(tracks.names(), found, wanted.unordered))
    jobs = [
        TrackJob(wanted, name, files, _length_s(tracks, name))
        for name, files in found.items()
        if name in tracks.names()
    ]
    if not jobs:
        raise AnalysisError(
            f"{wanted.estimates}: no track of {wanted.root} has estimates here; expected <track>/<target>.wav, the "
            "track's name as in the data set"
        )
    _make(wanted.out)
    results = workers.run("scoring", measure_track, jobs)
    notes += [note for one in results for note in one.notes]
    frame = table.frame_of(row for one in results for row in one.rows)
    notes += _gnsdr(frame, {job.track: job.length_s for job in jobs})
    for note in notes:
        echo(note)
    if frame["value"].isna().all():
        raise AnalysisError("nothing could be measured: " + "; ".join(dict.fromkeys(frame["reason"])))
    made = Scored(frame, "", versions(families), tuple(notes))
    files = sum(one.written for one in results)
    echo(f"wrote {table.write_csv(wanted.out / 'scores.csv', made.frame)}, and museval's JSON of {files} track(s)")
    return made


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnalysisError(f"{folder}: can't be made: {error.strerror}; choose another --out") from None


def _missing(tracks: Sequence[str], found: Mapping[str, Mapping[str, Path]], unordered: bool) -> Iterator[str]:
    """What is there on one side only."""
    if without := [name for name in tracks if name not in found]:
        yield f"no estimates of {', '.join(without)}"
    if strange := [name for name in found if name not in tracks]:
        yield f"estimates of no track of the data set, left out: {', '.join(strange)}"
    everything = sorted({target for files in found.values() for target in files})
    for name, files in found.items():
        if not unordered and name in tracks and (lacking := [one for one in everything if one not in files]):
            yield f"{name}: no estimate of {', '.join(lacking)}"


def _gnsdr(frame: pd.DataFrame, lengths_s: Mapping[str, float]) -> Iterator[str]:
    """NSDR over tracks, each weighted by its length: the older papers' one number."""
    for target, own in frame[frame["metric"] == "nsdr_db"].groupby("target", sort=False):
        found = gnsdr(own["value"].to_numpy(), [lengths_s[track] for track in own["song"]])
        if np.isfinite(found):
            yield f"{target}: GNSDR {found:.3f} dB, over {int(own['value'].notna().sum())} tracks weighted by length"


def _length_s(tracks: Tracks, name: str) -> float:
    """For the progress bar and GNSDR; a track that can't be opened is said when its turn comes."""
    try:
        form = tracks.open(name).form
    except StimuliError:
        return 0.0
    return form.frames / form.rate_hz
