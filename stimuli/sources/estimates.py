"""Estimates that were rendered elsewhere: found by a path template, and read where they are heard.

What makes a file unusable is refused here. Whether the sound is late, upside down or of another stem is measured
with all the others, and judged by the rules.

Conventions: the template's ``{system}``, ``{song}``, ``{target}`` and ``{output}`` are filled in; a relative path
starts at the experiment file's folder. Defines: ``path_of``, ``check``, ``read``,
``fingerprints``, ``assigned``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from upath import UPath

from stimuli import audio
from stimuli.errors import SoundError
from stimuli.experiment import FilesSystem
from stimuli.resemblance import correlation
from stimuli.separators import Sound
from stimuli.sources.song import Song, read_target, target_stems
from stimuli.sources.songs import fingerprint, place_of


def path_of(system: FilesSystem, folder: Path, *, song: str, target: str, output: str = "") -> UPath:
    """Where the estimate of one song should lie."""
    return place_of(system.path.format(system=system.name, song=song, target=target, output=output), folder)


def check(system: FilesSystem, folder: Path, song: Song, target: str, resample_hz: int | None = None) -> None:
    """Hold an estimate's rate, channels and length against the song's.

    Raises
    ------
    SoundError
        Where the file is missing, unreadable, or differs; another rate is allowed where all are resampled.
    """
    for path in _paths(system, folder, song, target):
        who = f"{path} ({system.name}, {song.name})"
        found, expected = audio.form(path), song.form
        if found.rate_hz != expected.rate_hz and resample_hz is None:
            raise SoundError(
                f"{who}: {found.rate_hz} Hz, but the song has {expected.rate_hz} Hz; render it at the song's rate, "
                "or set songs.resample_hz"
            )
        if found.channels != expected.channels:
            raise SoundError(
                f"{who}: {found.channels} channel(s), but the song has {expected.channels}; render it like the song"
            )
        frames = audio.resampled_frames(found.frames, found.rate_hz, expected.rate_hz)
        # Two roundings, the song's and the estimate's, may differ by a frame after resampling.
        if abs(frames - expected.frames) > (found.rate_hz != expected.rate_hz):
            raise SoundError(
                f"{who}: {found.frames} frames ({found.frames / found.rate_hz:.3f} s), but the song has "
                f"{expected.frames} ({expected.frames / expected.rate_hz:.3f} s); render it to the song's whole length"
            )


def read(system: FilesSystem, folder: Path, song: Song, target: str, start: int, frames: int) -> Sound:
    """A stretch of the estimate of ``target``.

    Raises
    ------
    SoundError
        Where a file can't be read, or a system without order was not asked for this target.
    """
    sounds = [_stretch(path, song, start, frames) for path in _paths(system, folder, song, target)]
    if not system.outputs:
        return sounds[0]
    if target not in system.targets:
        raise SoundError(
            f"system {system.name!r} on {song.name!r}: it gives {', '.join(system.targets)}, not {target!r}; "
            "correct targets, or the item's target"
        )
    references = [read_target(song, name, start, frames) for name in system.targets]
    return sounds[assigned(sounds, references)[system.targets.index(target)]]


def fingerprints(system: FilesSystem, folder: Path, song: Song, target: str) -> list[str]:
    """Of all files that the estimate follows from: another one, another sound."""
    stems = (name for wanted in system.targets for name in target_stems(song, wanted))
    files = [fingerprint(path) for path in _paths(system, folder, song, target)]
    return [*files, *(song.fingerprint(name) for name in stems)]


def assigned(sounds: list[Sound], references: list[Sound]) -> list[int]:
    """Which output belongs to each reference: the assignment with the greatest sum of correlations."""
    alike = np.array([[abs(correlation(sound, reference)) for sound in sounds] for reference in references])
    return [int(output) for output in linear_sum_assignment(-alike)[1]]


def _paths(system: FilesSystem, folder: Path, song: Song, target: str) -> list[UPath]:
    outputs = system.outputs or ("",)
    return [path_of(system, folder, song=song.name, target=target, output=output) for output in outputs]


def _stretch(path: UPath, song: Song, start: int, frames: int) -> Sound:
    rate_hz = audio.form(path).rate_hz
    if rate_hz == song.form.rate_hz:
        return audio.read(path, start, frames)[0]
    # Whole, because a stretch resampled by itself is not the stretch of what was resampled.
    whole = audio.resampled(audio.read(path)[0], rate_hz, song.form.rate_hz)[start : start + frames]
    return np.pad(whole, ((0, frames - len(whole)), (0, 0)))
