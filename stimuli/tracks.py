"""The songs of a data set in MUSDB layout, whole, and a folder of estimates of them.  CONTRACT

Conventions: sound is float32 (frames, channels), full scale 1.0; a target is a stem, or ``accompaniment``.
Defines: ``Tracks``, ``Track``, ``estimates_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upath import UPath

from stimuli import audio
from stimuli.experiment import Songs
from stimuli.separators import Sound
from stimuli.sources.listing import CONTAINER, by_stem, song_folders
from stimuli.sources.song import MIXTURE, OnDemand, Song, other_sources, read_target
from stimuli.sources.songs import source

SPLITS = ("train", "test")


class Tracks:
    """The songs of a data set in MUSDB layout."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._source = source(Songs(root=str(self.root)), Path())

    def names(self) -> list[str]:
        """All there are, sorted.

        Raises
        ------
        StimuliError
            Where there is no such folder.
        """
        return self._source.names()

    def open(self, name: str) -> Track:
        """One of them."""
        return Track(self._source.open(name), self._split(name))

    def _split(self, name: str) -> str:
        places = [self.root / "train" / f"{name}{ending}" for ending in ("", CONTAINER)]
        return "train" if any(place.exists() for place in places) else "test"


@dataclass(frozen=True)
class Track:
    """A song of a data set, whole; ``split``: ``train`` where it lies there, else ``test``."""

    song: Song
    split: str

    @property
    def form(self) -> audio.Format:
        """Rate, length and channels."""
        return self.song.form

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the true stems."""
        return self.song.stems

    @property
    def mixture(self) -> Sound:
        """The mixture."""
        return self.song.read(MIXTURE)

    def target(self, name: str) -> Sound:
        """A stem, or the accompaniment.

        Raises
        ------
        StimuliError
            Where the song has no such stem.
        """
        return read_target(self.song, name)

    def others(self, target: str) -> Mapping[str, Sound]:
        """The other true sources, as of a stretch of a set."""
        return OnDemand(other_sources(self.song, target), self.target)


def estimates_of(root: Path) -> dict[str, dict[str, Path]]:
    """Sound files of a folder of estimates, ``[train/|test/]<song>/<target>.*``, by song and target (lower case).

    Raises
    ------
    StimuliError
        Where there is no such folder, or two files are of one target.
    """
    folders = song_folders(UPath(root.absolute()), SPLITS)
    found = {name: by_stem(folder, lower=True) for name, folder in sorted(folders.items())}
    return {name: {target: Path(str(path)) for target, path in files.items()} for name, files in found.items()}
