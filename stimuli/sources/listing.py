"""What all layouts share: listing folders, finding sound files by name, and saying what is missing.

Conventions: hidden files and folders count as absent; everything goes through ``UPath``, so that a root may be any
``fsspec`` URL; a file's stem is its name without the suffix.
Defines: ``SUFFIXES``, ``CONTAINER``, ``Indexed``, ``entries``, ``folders``, ``song_folders``, ``sound_paths``,
``by_stem``, ``required``, ``whole``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from upath import UPath

from stimuli.errors import StimuliError
from stimuli.sources.parts import Part, SongFiles

SUFFIXES = (".wav", ".flac", ".aiff", ".aif", ".ogg", ".mp3", ".m4a", ".aac", ".mp4")
CONTAINER = ".stem.mp4"
"""STEMS files: the mixture and its stems as streams of one file, so never a stem themselves."""
NAMES_SHOWN = 20

Entry = TypeVar("Entry")


class Indexed(ABC, Generic[Entry]):
    """A layout that finds its songs once and keeps, by name, what it needs to list a song's files.

    Attributes
    ----------
    root : the data set's folder.
    expected : what such a folder holds, for messages.
    """

    expected = ""

    def __init__(self, root: UPath) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Names of all songs, sorted."""
        return sorted(self._songs)

    def files(self, name: str) -> SongFiles:
        """What the song of that name is made of.

        Raises
        ------
        StimuliError
            Where there is no such song, or files of it are missing.
        """
        if name not in self._songs:
            raise StimuliError(
                f"{self.root}: no song {name!r} here; found {_some(self.names())}; expected {self.expected}; "
                "correct the song's name, or the root of the songs"
            )
        return self._files(name, self._songs[name])

    @cached_property
    def _songs(self) -> dict[str, Entry]:
        return self._index()

    @abstractmethod
    def _index(self) -> dict[str, Entry]:
        """All songs by name."""

    @abstractmethod
    def _files(self, name: str, entry: Entry) -> SongFiles:
        """The files of a song that is there."""


def entries(folder: UPath) -> list[UPath]:
    """What lies in a folder, sorted by name.

    Raises
    ------
    StimuliError
        Where there is no such folder.
    """
    if not folder.is_dir():
        raise StimuliError(f"{folder}: no such folder; expected it in this layout; correct the path")
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)


def folders(folder: UPath) -> dict[str, UPath]:
    """The folders in a folder, by name."""
    return {path.name: path for path in entries(folder) if path.is_dir()}


def song_folders(root: UPath, splits: Sequence[str]) -> dict[str, UPath]:
    """Folders directly in the root and in those of ``splits`` that are there, which are no songs themselves."""
    found = folders(root)
    for split in splits:
        if place := found.pop(split, None):
            found |= folders(place)
    return found


def sound_paths(folder: UPath) -> list[UPath]:
    """Sound files of a folder, sorted by name; not STEMS files."""
    return [
        path
        for path in entries(folder)
        if path.suffix.lower() in SUFFIXES and not path.name.lower().endswith(CONTAINER)
    ]


def by_stem(folder: UPath, *, lower: bool = False) -> dict[str, UPath]:
    """Sound files of a folder by stem, in lower case where asked for.

    Raises
    ------
    StimuliError
        Where two files have the same stem: which one is meant can't be told.
    """
    found: dict[str, UPath] = {}
    for path in sound_paths(folder):
        stem = path.stem.lower() if lower else path.stem
        if stem in found:
            raise StimuliError(
                f"{folder}: both {found[stem].name} and {path.name}; expected one file {stem}.*; remove the other"
            )
        found[stem] = path
    return found


def required(folder: UPath, wanted: Iterable[str]) -> dict[str, UPath]:
    """The sound files of those (lower-case) stems, which must all be there.

    Raises
    ------
    StimuliError
        Where one is missing.
    """
    wanted = sorted(wanted)
    files = by_stem(folder, lower=True)
    if missing := [stem for stem in wanted if stem not in files]:
        raise StimuliError(
            f"{folder}: missing {', '.join(missing)}; found {_some(list(files))}; "
            f"expected {', '.join(wanted)}; copy them from the data set"
        )
    return {stem: files[stem] for stem in wanted}


def whole(path: UPath) -> tuple[Part, ...]:
    """A stem or mixture that is one whole file."""
    return (Part(path),)


def _some(names: Sequence[str]) -> str:
    """The names, cut short where a data set has hundreds."""
    more = [f"and {len(names) - NAMES_SHOWN} more"] if len(names) > NAMES_SHOWN else []
    return ", ".join([*names[:NAMES_SHOWN], *more]) or "none"
