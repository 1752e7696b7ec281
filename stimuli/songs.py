"""Where songs come from: folders in MUSDB layout, or the demo's own songs.

A song is its mixture and its true stems, all of one rate, length and number of channels. The target of a
test is a stem, or ``accompaniment``: everything but the vocals.

Conventions: sound is float32 (frames, channels), full scale 1.0. A file ``accompaniment.*`` counts as the
stem ``other`` where there are no finer stems.

Defines: ``SongSource``, ``source``, ``MusdbFolder``, ``target_of``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from stimuli import audio, stem_files
from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import Songs
from stimuli.separators import Song, Sound, mixed

SUFFIXES = (".wav", ".flac", ".aiff", ".aif", ".ogg")
SILENT_PEAK = 1e-5
"""-100 dBFS: nothing a listener could hear."""


class SongSource(Protocol):
    """Some songs, by name."""

    def names(self) -> list[str]:
        """All there are, sorted."""
        ...

    def load(self, name: str) -> Song:
        """One song, checked."""
        ...


def source(songs: Songs, folder: Path) -> SongSource:
    """The songs that an experiment file names; ``folder`` is where the file lies."""
    if songs.layout == "demo":
        from stimuli.demo_songs import DemoSongs  # synthesis and PyAV only where they are wanted

        return DemoSongs()
    return MusdbFolder(folder / songs.root)


def target_of(song: Song, target: str) -> Sound:
    """What the systems are asked for: the true stem, or the sum of all but the vocals.

    Raises
    ------
    StimuliError
        Where the song has no such stem, or it is silent throughout.
    """
    wanted = [name for name in song.stems if name != "vocals"] if target == "accompaniment" else [target]
    if not wanted or not set(wanted) <= set(song.stems):
        raise StimuliError(
            f"song {song.name!r}: no stem for the target {target!r}; found {', '.join(sorted(song.stems)) or 'none'}"
        )
    total = mixed(song.stems[name] for name in wanted)
    if np.abs(total).max() < SILENT_PEAK:
        raise SoundError(
            f"song {song.name!r}: the target {target!r} is silent throughout; choose another song or target"
        )
    return total


class MusdbFolder:
    """``root/<song>/`` with ``vocals``, ``drums``, ``bass``, ``other`` and ``mixture``, or ``root/<song>.stem.mp4``.

    Songs below train/ and test/ are found too, as MUSDB18 has them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Names of the songs: folders that hold sound, and STEMS files."""
        return sorted(
            {name for name, folder in self._folders().items() if _sound_files(folder)} | set(self._containers())
        )

    def load(self, name: str) -> Song:
        """Read a song; the mixture is the sum of the stems where no file holds it.

        Raises
        ------
        StimuliError
            Where the song or its stems are missing, silent, or differ in rate, length or channels.
        """
        if path := self._containers().get(name):
            sounds, rate_hz = stem_files.read(path)
            return _song(name, path, sounds, rate_hz)
        folder = self._folders().get(name)
        if folder is None:
            there = ", ".join(self.names()) or "none"
            raise StimuliError(f"{self.root}: no song {name!r} here; found {there}")
        files = _sound_files(folder)
        if not set(files) - {"mixture"}:
            raise StimuliError(f"{folder}: missing stems; expected vocals and drums, bass, other (or accompaniment)")
        if set(files) - {"mixture", "vocals", "accompaniment"}:
            files.pop("accompaniment", None)
        sounds, rate_hz = _read_alike(files)
        return _song(name, folder, sounds, rate_hz)

    def _containers(self) -> dict[str, Path]:
        return {
            path.name.removesuffix(stem_files.SUFFIX): path
            for place in self._places
            for path in sorted(place.glob(f"*{stem_files.SUFFIX}"))
        }

    @property
    def _places(self) -> list[Path]:
        return [place for place in (self.root, self.root / "train", self.root / "test") if place.is_dir()]

    def _folders(self) -> dict[str, Path]:
        return {
            folder.name: folder
            for place in self._places
            for folder in place.iterdir()
            if folder.is_dir() and folder.name not in ("train", "test") and not folder.name.startswith(".")
        }


def _song(name: str, place: Path, sounds: dict[str, Sound], rate_hz: int) -> Song:
    """A song of what was read; the mixture is the sum of the stems where it was not among it."""
    stems = {("other" if stem == "accompaniment" else stem): sound for stem, sound in sounds.items()}
    mixture = stems.pop("mixture", None)
    if mixture is None:
        mixture = mixed(stems.values())
    if np.abs(mixture).max() < SILENT_PEAK:
        raise SoundError(f"{place}: the mixture is silent throughout; remove the song or render it again")
    return Song(name, rate_hz, mixture, stems)


def _sound_files(folder: Path) -> dict[str, Path]:
    """Sound files of a folder by the lower-case name of the stem."""
    return {path.stem.lower(): path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES}


def _read_alike(files: dict[str, Path]) -> tuple[dict[str, Sound], int]:
    """Read files that must agree in rate, length and channels; the first one is what the others are held to."""
    sounds: dict[str, Sound] = {}
    first, expected = "", (0, 0, 0)
    for stem, path in files.items():
        sound, rate_hz = audio.read(path)
        found = (rate_hz, *sound.shape)
        if not sounds:
            first, expected = path.name, found
        for what, mine, others in zip(("Hz", "frames", "channel(s)"), found, expected, strict=True):
            if mine != others:
                raise SoundError(
                    f"{path}: {mine} {what}, but {first} has {others} {what}; "
                    "render all stems of a song with one rate, length and number of channels"
                )
        sounds[stem] = sound
    return sounds, expected[0]
