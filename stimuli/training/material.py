"""Songs to learn from: what of each is which source, read as far as an example needs it.

Everything is looked at once before the first step, so that a file that can't be used is said then and not hours later.
What no source names is the *rest*: it is heard in mixtures and never asked for.

Conventions: sound is float32 (channels, frames), full scale 1.0, at the network's rate and channels.
Defines: ``Part``, ``Piece``, ``pieces``, ``voices``, ``shared``, ``REST``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stimuli import containers
from stimuli.errors import StimuliError
from stimuli.separators import mixed
from stimuli.sources.layouts import Musdb
from stimuli.sources.song import SILENT_PEAK, Song, target_stems
from stimuli.sources.songs import Files, FileSong, place_of
from stimuli.training.config import Training

REST = "the rest"
"""No source can be called so: see ``StemName``."""
BLOCK_S = 10.0
"""How much is read at a time where a whole song is looked at."""


@dataclass(frozen=True)
class Part:
    """The stems of a song that are one source, as one sound; ``level_db`` is its RMS re full scale, -inf if silent."""

    song: Song
    stems: tuple[str, ...]
    level_db: float

    @property
    def frames(self) -> int:
        """How long it is."""
        return self.song.form.frames

    def read(self, start: int, frames: int) -> np.ndarray:
        """(channels, frames) from a frame on; silence beyond the end."""
        there = max(0, min(frames, self.frames - start))
        sound = mixed(self.song.read(stem, start, there) for stem in self.stems)
        return np.pad(np.ascontiguousarray(sound.T), ((0, 0), (0, frames - there)))


@dataclass(frozen=True)
class Piece:
    """A song by its parts: each source that it has, and the rest."""

    name: str
    frames: int
    parts: Mapping[str, Part]

    def told(self) -> dict[str, object]:
        """What the record says of it: hashes of the files behind each part, and levels."""
        return {
            "song": self.name,
            "frames": self.frames,
            "parts": {
                name: {
                    "level_db": round(part.level_db, 2) if math.isfinite(part.level_db) else None,
                    "sha256": {stem: part.song.fingerprint(stem) for stem in part.stems},
                }
                for name, part in self.parts.items()
            },
        }


def shared(one: Sequence[Piece], other: Sequence[Piece]) -> list[tuple[str, str, str]]:
    """What sounds in songs of both: names of the two songs and of the part, by the hashes of its stems."""
    known = {hashes: piece.name for piece in one for _, hashes in _sounding(piece)}
    return [
        (known[hashes], piece.name, name) for piece in other for name, hashes in _sounding(piece) if hashes in known
    ]


def _sounding(piece: Piece) -> list[tuple[str, frozenset[str]]]:
    return [
        (name, frozenset(part.song.fingerprint(stem) for stem in part.stems))
        for name, part in piece.parts.items()
        if math.isfinite(part.level_db)
    ]


def pieces(config: Training, root: str, folder: Path, *, whole: bool = True) -> list[Piece]:
    """The songs of a folder, each by the sources that are to be learnt.

    Every song has all of them; unless ``whole``, one that lacks some gives its others to random mixtures.

    Raises
    ------
    StimuliError
        Where there are none, one has another rate or number of channels, lacks a source or can't be read, is in a
        container that is decoded whole, none has sound for a source, or all are shorter than an example.
    """
    found = [_piece(song, config, whole or config.mixing.strategy == "song") for song in _songs(config, root, folder)]
    for source in config.sources:
        parts = [piece.parts[source] for piece in found if source in piece.parts]
        if not parts:
            stems = sorted({stem for piece in found for part in piece.parts.values() for stem in part.stems})
            raise StimuliError(
                f"{root}: no song has {source!r}; found {', '.join(stems)}: correct sources, or the stems"
            )
        if not any(math.isfinite(part.level_db) for part in parts):
            raise StimuliError(f"{root}: {source!r} is silent in every song; there is nothing to learn of it")
    return found


def voices(config: Training, root: str, folder: Path) -> list[Piece]:
    """The songs of a folder by their voices: each stem that is not silent, under its own name; see ``pieces``."""
    found = []
    for song in _songs(config, root, folder):
        parts = {stem: _part(song, (stem,)) for stem in song.stems}
        heard = {stem: part for stem, part in parts.items() if np.isfinite(part.level_db)}
        found += [Piece(song.name, song.form.frames, heard)] if heard else []
    if not found:
        raise StimuliError(f"{root}: every voice is silent; there is nothing to learn")
    return found


def _songs(config: Training, root: str, folder: Path) -> list[FileSong]:
    place = place_of(root, folder)
    source = Files(Musdb(place))
    songs = [source.open(name) for name in source.names()]
    if not songs:
        raise StimuliError(f"{place}: holds no songs; expected {Musdb.expected}")
    for song in songs:
        if any(containers.holds(part.path) for parts in song.files.stems.values() for part in parts):
            raise StimuliError(
                f"{place}: {song.name!r} is not stored as samples, and every example would decode it from its "
                "beginning: convert its stems to WAV or FLAC first"
            )
        if (song.form.rate_hz, song.form.channels) != (config.rate_hz, config.channels):
            raise StimuliError(
                f"{place}: {song.name!r} has {song.form.channels} channel(s) at {song.form.rate_hz} Hz, expected "
                f"{config.channels} at {config.rate_hz} Hz; convert it, or correct rate_hz and channels"
            )
    longest = max(song.form.frames for song in songs)
    if longest < config.frames:
        raise StimuliError(
            f"{place}: no song is as long as data.segment_s = {config.data.segment_s:g}; "
            f"the longest has {longest / config.rate_hz:.2f} s: shorten the segment"
        )
    return songs


def _piece(song: Song, config: Training, whole: bool) -> Piece:
    named = {}
    for source in config.sources:
        try:
            named[source] = target_stems(song, source)
        except StimuliError:
            if whole:
                raise
    used = [stem for stems in named.values() for stem in stems]
    if twice := sorted({stem for stem in used if used.count(stem) > 1}):
        raise StimuliError(
            f"song {song.name!r}: {', '.join(twice)} would be learnt as part of two sources; "
            "correct sources, or split the stem"
        )
    if rest := tuple(stem for stem in song.stems if stem not in used):
        named[REST] = rest
    return Piece(song.name, song.form.frames, {name: _part(song, stems) for name, stems in named.items()})


def _part(song: Song, stems: tuple[str, ...]) -> Part:
    power, peak, block = 0.0, 0.0, round(BLOCK_S * song.form.rate_hz)
    silent = Part(song, stems, -np.inf)
    for start in range(0, song.form.frames, block):
        sound = silent.read(start, min(block, song.form.frames - start))
        power += float((sound.astype(np.float64) ** 2).sum())
        peak = max(peak, float(np.abs(sound).max()))
    if peak < SILENT_PEAK:
        return silent
    return Part(song, stems, 10 * math.log10(power / (song.form.frames * song.form.channels)))
