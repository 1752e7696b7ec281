"""Songs out of files, read as far as they are needed: an excerpt of a stem, or the whole mixture.

Conventions: sound is float32 (frames, channels), full scale 1.0; stretches are counted in frames.
Defines: ``source``, ``place_of``, ``FileSong``, ``fingerprint``.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from upath import UPath

from stimuli import audio
from stimuli.audio import Format, Place
from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import Songs, identity
from stimuli.separators import Sound, mixed
from stimuli.sources.layouts import layout
from stimuli.sources.parts import Layout, Part, SongFiles
from stimuli.sources.song import MIXTURE, SongSource


def place_of(root: str, folder: Path) -> UPath:
    """A folder or file that an experiment names: an fsspec URL, or a path as seen from the experiment's folder."""
    if "://" not in root:
        return UPath(folder) / root
    try:
        return UPath(root)
    except (ValueError, ImportError) as error:
        raise StimuliError(f"{root}: {error}; write a folder, or an fsspec URL whose package is installed") from None


def source(songs: Songs, folder: Path) -> SongSource:
    """The songs that an experiment file names; ``folder`` is where the file lies."""
    if songs.layout == "demo":
        from stimuli.sources.demo_songs import DemoSongs  # synthesis only where it is wanted

        return DemoSongs()
    return Files(layout(songs.layout, place_of(songs.root, folder)), songs.resample_hz)


class Files:
    """The songs of a folder, in the layout of a data set."""

    def __init__(self, found: Layout, resample_hz: int | None = None) -> None:
        self.layout, self.resample_hz = found, resample_hz

    def names(self) -> list[str]:
        """All there are, sorted."""
        with _reachable():
            return self.layout.names()

    def open(self, name: str) -> FileSong:
        """One song, its files checked for rate, length and channels."""
        with _reachable():
            return FileSong(self.layout.files(name), self.resample_hz)


@contextmanager
def _reachable() -> Iterator[None]:
    """Whatever a store far away answers with (each has errors of its own) becomes one sentence."""
    try:
        yield
    except StimuliError:
        raise
    except Exception as error:
        raise StimuliError(
            f"songs can't be reached: {type(error).__name__}: {error}; check root, network, keys"
        ) from error


class FileSong:
    """A song out of files."""

    def __init__(self, files: SongFiles, resample_hz: int | None = None) -> None:
        self.name, self.files = files.name, files
        self.stems = tuple(files.stems)
        self._native = _common_format(files)
        rate_hz = resample_hz or self._native.rate_hz
        frames = audio.resampled_frames(self._native.frames, self._native.rate_hz, rate_hz)
        self.form = Format(rate_hz, frames, self._native.channels)

    def read(self, what: str, start: int = 0, frames: int | None = None) -> Sound:
        """A stretch of a stem or of the mixture; the mixture is the sum of the stems where no file holds it.

        Raises
        ------
        SoundError
            Where a file can't be read, or the stretch reaches beyond the end.
        """
        wanted = self.form.frames - start if frames is None else frames
        if what == MIXTURE and not self.files.mixture:
            return mixed(self.read(stem, start, wanted) for stem in self.stems)
        parts = self.files.mixture if what == MIXTURE else self.files.stems[what]
        if self.form.rate_hz == self._native.rate_hz:
            return mixed(_read(part, start, wanted) for part in parts)
        return self._resampled(parts)[start : start + wanted]

    def fingerprint(self, what: str) -> str:
        """Of the files that hold it, byte for byte, and of what of them is meant."""
        if what == MIXTURE and not self.files.mixture:
            return identity([self.fingerprint(stem) for stem in self.stems])
        parts = self.files.mixture if what == MIXTURE else self.files.stems[what]
        meant = [[dataclasses.astuple(part)[1:], self._hash_of(part.path)] for part in parts]
        return identity([self.form.rate_hz, meant])

    @functools.cached_property
    def _hash_of(self) -> Callable[[Place], str]:
        """Each file is hashed once, however many conditions are made from it."""
        return functools.cache(fingerprint)

    def _resampled(self, parts: tuple[Part, ...]) -> Sound:
        """Whole, because a stretch resampled by itself is not the stretch of what was resampled."""
        native = mixed(_read(part, 0, self._native.frames) for part in parts)
        return audio.resampled(native, self._native.rate_hz, self.form.rate_hz)


def fingerprint(path: Place) -> str:
    """SHA-256 (hex) of a file's bytes, wherever it lies."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _common_format(files: SongFiles) -> Format:
    """What all parts of a song agree in; the first one is what the others are held to."""
    first, expected = "", Format(0, 0, 0)
    for part in dict.fromkeys(part for parts in (*files.stems.values(), files.mixture) for part in parts):
        found = _form(part)
        if not first:
            first, expected = part.path.name, found
        for what, unit in (("rate_hz", "Hz"), ("frames", "frames"), ("channels", "channel(s)")):
            mine, others = getattr(found, what), getattr(expected, what)
            if mine != others:
                raise SoundError(
                    f"{part.path}: {mine} {unit}, but {first} has {others} {unit}; "
                    "render all stems of a song with one rate, length and number of channels"
                )
    if not first:
        raise StimuliError(f"song {files.name!r}: missing stems; expected vocals and drums, bass, other")
    return expected


def _form(part: Part) -> Format:
    """Format of the stretch that is meant."""
    found = audio.form(part.path, part.stream)
    start = audio.frame_at(part.start_s, found.rate_hz)
    frames = found.frames - start if part.length_s is None else audio.frame_at(part.length_s, found.rate_hz)
    return Format(found.rate_hz, frames, found.channels if part.channel is None else 1)


def _read(part: Part, start: int, frames: int) -> Sound:
    """A stretch of a part, counted from the part's own beginning."""
    begin = audio.frame_at(part.start_s, _rate(part.path, part.stream)) if part.start_s else 0
    samples, _ = audio.read(part.path, begin + start, frames, stream=part.stream)
    if part.channel is not None:
        if part.channel >= samples.shape[1]:
            raise SoundError(f"{part.path}: {samples.shape[1]} channel(s), expected {part.channel + 1}; see the layout")
        samples = np.ascontiguousarray(samples[:, part.channel : part.channel + 1])
    return samples * np.float32(10 ** (part.gain_db / 20)) if part.gain_db else samples


@functools.cache
def _rate(path: Place, stream: int) -> int:
    return audio.form(path, stream).rate_hz
