"""What a song is to everybody else: its mixture and its true stems, all of one rate, length and number of channels.

The target of a test is a stem, or ``accompaniment``: everything but the vocals.

Conventions: sound is float32 (frames, channels), full scale 1.0; stretches are counted in frames.
Defines: ``Song``, ``SongSource``, ``SynthesisedSong``, ``whole``, ``target_stems``, ``read_target``,
``other_sources``, ``MIXTURE``, ``SILENT_PEAK``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from stimuli import audio, separators
from stimuli.audio import Format
from stimuli.errors import StimuliError
from stimuli.separators import Sound, mixed

MIXTURE = "mixture"
ACCOMPANIMENT = "accompaniment"
SILENT_PEAK = 1e-5
"""-100 dBFS: nothing a listener could hear."""


class Song(Protocol):
    """One song: what it is made of, and its sound where somebody asks for it."""

    name: str
    form: Format
    stems: tuple[str, ...]

    def read(self, what: str, start: int = 0, frames: int | None = None) -> Sound:
        """A stretch of a stem or of the mixture."""
        ...

    def fingerprint(self, what: str) -> str:
        """Changes whenever the sound of a stem or of the mixture can have changed."""
        ...


class SongSource(Protocol):
    """Some songs, by name."""

    def names(self) -> list[str]:
        """All there are, sorted."""
        ...

    def open(self, name: str) -> Song:
        """One song, its files checked for rate, length and channels."""
        ...


class SynthesisedSong:
    """A song that a program made: its sounds lie in memory."""

    def __init__(self, name: str, rate_hz: int, stems: Mapping[str, Sound]) -> None:
        self.name, self._sounds = name, dict(stems)
        self.stems = tuple(stems)
        self.form = Format(rate_hz, *next(iter(stems.values())).shape)

    def read(self, what: str, start: int = 0, frames: int | None = None) -> Sound:
        """A stretch of a stem or of the mixture."""
        stretch = slice(start, None if frames is None else start + frames)
        if what == MIXTURE:
            return mixed(sound[stretch] for sound in self._sounds.values())
        return self._sounds[what][stretch]

    def fingerprint(self, what: str) -> str:
        """Of the samples."""
        return audio.samples_sha256(self.read(what))


def whole(song: Song) -> separators.Song:
    """The whole song as a separator sees it; a stem is read when it is looked at."""
    return separators.Song(song.name, song.form.rate_hz, song.read(MIXTURE), OnDemand(song.stems, song.read))


class OnDemand(Mapping[str, Sound]):
    """Sounds by name, each made when it is looked at and not kept."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], Sound]) -> None:
        self._names, self._make = names, make

    def __getitem__(self, name: str) -> Sound:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def target_stems(song: Song, target: str) -> tuple[str, ...]:
    """The stems whose sum is the target: the one of that name, or for the accompaniment all but the vocals.

    Raises
    ------
    StimuliError
        Where the song has no such stem.
    """
    if target in song.stems:
        return (target,)
    rest = tuple(name for name in song.stems if name != "vocals")
    if target == ACCOMPANIMENT and rest:
        return rest
    raise StimuliError(
        f"song {song.name!r}: no stem for the target {target!r}; found {', '.join(sorted(song.stems)) or 'none'}"
    )


def read_target(song: Song, target: str, start: int = 0, frames: int | None = None) -> Sound:
    """A stretch of the target."""
    return mixed(song.read(stem, start, frames) for stem in target_stems(song, target))


def other_sources(song: Song, target: str) -> tuple[str, ...]:
    """The other true sources of the mixture, as targets: of vocals the accompaniment, of that the vocals, else every
    other stem."""
    if target == "vocals":
        return (ACCOMPANIMENT,) if len(song.stems) > 1 else ()
    if target == ACCOMPANIMENT:
        return ("vocals",) if "vocals" in song.stems else ()
    mine = target_stems(song, target)
    return tuple(name for name in song.stems if name not in mine)
