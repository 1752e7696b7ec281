"""Estimates that were rendered elsewhere: found by a path template, and checked before anyone hears them.

Conventions: the template's ``{system}``, ``{song}`` and ``{target}`` are filled in; a relative path starts at
the experiment file's folder. Defines: ``path_of``, ``load``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stimuli import audio
from stimuli.alignment import align
from stimuli.errors import SoundError
from stimuli.experiment import FilesSystem
from stimuli.separators import Song, Sound
from stimuli.songs import SILENT_PEAK, target_of


def path_of(system: FilesSystem, folder: Path, *, song: str, target: str) -> Path:
    """Where the estimate of one song should lie."""
    return folder / system.path.format(system=system.name, song=song, target=target)


def load(system: FilesSystem, folder: Path, song: Song, target: str) -> Sound:
    """Read an estimate and hold it against the song.

    Raises
    ------
    SoundError
        Where the file is missing, silent, of another rate, length or number of channels, late or early by more
        than ``max_lag_ms``, or upside down.
    """
    path = path_of(system, folder, song=song.name, target=target)
    who = f"{path} ({system.name}, {song.name})"
    estimate, rate_hz = audio.read(path)
    if rate_hz != song.rate_hz:
        raise SoundError(f"{who}: {rate_hz} Hz, but the song has {song.rate_hz} Hz; render it at the song's rate")
    if estimate.shape[1] != song.mixture.shape[1]:
        raise SoundError(
            f"{who}: {estimate.shape[1]} channel(s), but the song has {song.mixture.shape[1]}; render it like the song"
        )
    if len(estimate) != len(song.mixture):
        raise SoundError(
            f"{who}: {len(estimate)} frames ({len(estimate) / rate_hz:.3f} s), but the song has {len(song.mixture)} "
            f"({len(song.mixture) / rate_hz:.3f} s); render it to the song's whole length"
        )
    if np.abs(estimate).max() < SILENT_PEAK:
        raise SoundError(f"{who}: silent throughout; render it again")
    _check_alignment(who, system, target_of(song, target), estimate, rate_hz)
    return estimate


def _check_alignment(who: str, system: FilesSystem, wanted: Sound, estimate: Sound, rate_hz: int) -> None:
    found = align(wanted, estimate, rate_hz)
    if found.polarity < 0:
        raise SoundError(f"{who}: upside down against the true target (inverted polarity); multiply it by -1")
    if found.lag_s is not None and abs(found.lag_s) * 1000 > system.max_lag_ms:
        late = "late" if found.lag_s > 0 else "early"
        raise SoundError(
            f"{who}: {abs(found.lag_s) * 1000:.2f} ms ({abs(found.lag_s) * rate_hz:.0f} samples) {late} against the "
            f"true target; expected at most {system.max_lag_ms:g} ms; take the delay out or raise max_lag_ms"
        )
