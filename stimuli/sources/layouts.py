"""How data sets lie on disk: where the stems and the mixture of each song are. No sound is read.

Conventions: stem names are lower case, song names as on disk. ``accompaniment.*`` counts as the stem ``other`` where
there are no finer stems and is ignored otherwise. Hidden files and folders count as absent.
Defines: ``SUFFIXES``, ``LAYOUTS``, ``layout``, ``Musdb``, ``Dsd100``, ``MusicAndVoice``, ``Pairs``; MedleyDB and
MedleyVox are in ``medley``.
"""

from __future__ import annotations

from typing import Any

from upath import UPath

from stimuli.errors import StimuliError
from stimuli.sources.listing import (
    CONTAINER,
    SUFFIXES,
    Indexed,
    by_stem,
    entries,
    folders,
    required,
    song_folders,
    sound_paths,
    whole,
)
from stimuli.sources.medley import MedleyDb, MedleyVox
from stimuli.sources.parts import Layout, Part, SongFiles

__all__ = ["LAYOUTS", "SUFFIXES", "Dsd100", "Musdb", "MusicAndVoice", "Pairs", "layout"]

STREAMS = ("mixture", "drums", "bass", "other", "vocals")
"""Of a STEMS file, in this order."""
COARSE = {"vocals", "accompaniment"}


class Musdb(Indexed[UPath]):
    """``[train/|test/]<song>/<stem>.*`` and ``mixture.*``, or ``[train/|test/]<song>.stem.mp4``.

    Any stem names: vocals, drums, bass, other; dialogue, music, effects; singer1, singer2. A STEMS file wins over a
    folder of the same name.
    """

    expected = (
        "<song>/vocals.* and drums, bass, other (or accompaniment), or <song>.stem.mp4, here or in train/ or test/"
    )
    splits = ("train", "test")

    def _index(self) -> dict[str, UPath]:
        found = {name: folder for name, folder in song_folders(self.root, self.splits).items() if sound_paths(folder)}
        places = [self.root, *(place for split in self.splits if (place := self.root / split).is_dir())]
        containers = [path for place in places for path in entries(place) if path.name.endswith(CONTAINER)]
        return found | {path.name.removesuffix(CONTAINER): path for path in containers}

    def _files(self, name: str, entry: UPath) -> SongFiles:
        if entry.name.endswith(CONTAINER):
            stems = {stem: (Part(entry, stream=number),) for number, stem in enumerate(STREAMS)}
        else:
            stems = {stem: whole(path) for stem, path in by_stem(entry, lower=True).items()}
        mixture = stems.pop("mixture", ())
        if not stems:
            raise StimuliError(
                f"{entry}: missing stems; found only the mixture; expected vocals and drums, bass, other "
                "(or accompaniment); add them or remove the song"
            )
        return SongFiles(name, _without_accompaniment(stems), mixture)


def _without_accompaniment(stems: dict[str, tuple[Part, ...]]) -> dict[str, tuple[Part, ...]]:
    if set(stems) <= COARSE:
        return {"other" if stem == "accompaniment" else stem: parts for stem, parts in stems.items()}
    return {stem: parts for stem, parts in stems.items() if stem != "accompaniment"}


class Dsd100(Indexed[str]):
    """``Mixtures/{Dev,Test}/<song>/mixture.*`` and ``Sources/{Dev,Test}/<song>/{bass,drums,other,vocals}.*``."""

    expected = "Mixtures/ and Sources/, each with Dev/<song>/ and Test/<song>/"
    stems = ("bass", "drums", "other", "vocals")

    def _index(self) -> dict[str, str]:
        halves = [folders(self.root / half) for half in ("Mixtures", "Sources")]
        # A song in one half only is listed, so that asking for it says which folder is missing.
        return {
            song: split
            for half in halves
            for split in ("Dev", "Test")
            if split in half
            for song in folders(half[split])
        }

    def _files(self, name: str, entry: str) -> SongFiles:
        sources = required(self.root / "Sources" / entry / name, self.stems)
        mixture = required(self.root / "Mixtures" / entry / name, ["mixture"])["mixture"]
        return SongFiles(name, {stem: whole(path) for stem, path in sources.items()}, whole(mixture))


class MusicAndVoice(Indexed[UPath]):
    """MIR-1K and iKala: ``[Wavfile/]<song>.wav``, music on the left and voice on the right; the mixture is the sum."""

    expected = "stereo files in Wavfile/ or directly here, music on the left and voice on the right"

    def _index(self) -> dict[str, UPath]:
        inner = self.root / "Wavfile"
        return by_stem(inner if inner.is_dir() else self.root)

    def _files(self, name: str, entry: UPath) -> SongFiles:
        return SongFiles(name, {"other": (Part(entry, channel=0),), "vocals": (Part(entry, channel=1),)})


class Pairs(Indexed[dict[str, UPath]]):
    """``mixtures/<song>.*`` and ``instruments/<song>.*`` (stem other), perhaps ``vocals/<song>.*``."""

    expected = "files of the same names in mixtures/ and instruments/ (and vocals/ where it is there)"

    def _index(self) -> dict[str, dict[str, UPath]]:
        kinds = ["mixtures", "instruments", *(["vocals"] if (self.root / "vocals").is_dir() else [])]
        files = {kind: by_stem(self.root / kind) for kind in kinds}
        names = sorted(set().union(*files.values()))
        lonely = [f"{name} (not in {kind}/)" for name in names for kind in kinds if name not in files[kind]]
        if lonely:
            raise StimuliError(
                f"{self.root}: files without a partner: {', '.join(lonely)}; expected {self.expected}; "
                "rename, add or remove them"
            )
        return {name: {kind: files[kind][name] for kind in kinds} for name in names}

    def _files(self, name: str, entry: dict[str, UPath]) -> SongFiles:
        stems = {"other": whole(entry["instruments"])}
        if "vocals" in entry:
            stems["vocals"] = whole(entry["vocals"])
        return SongFiles(name, stems, whole(entry["mixtures"]))


LAYOUTS: dict[str, type[Indexed[Any]]] = {
    "musdb": Musdb,
    "dsd100": Dsd100,
    "mir1k": MusicAndVoice,
    "ikala": MusicAndVoice,
    "medleydb": MedleyDb,
    "medleyvox": MedleyVox,
    "pairs": Pairs,
}


def layout(name: str, root: UPath) -> Layout:
    """The data set below ``root``, in the layout of that name.

    Raises
    ------
    StimuliError
        Where no layout has that name.
    """
    if name not in LAYOUTS:
        raise StimuliError(f"songs in {root}: unknown layout {name!r}; expected one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name](root)
