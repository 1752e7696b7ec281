"""What is measured of a song of a stimulus set: each item's excerpt, and the whole song.

An excerpt is cut from the whole sounds before any gain, if all of them are there and are what was heard. If one is not,
every condition of the item is measured on its clip instead, its logged gain undone, so that all are measured alike, the
other sources out of the song as long as that is there; a note says so. A whole song can't be replaced: a condition that
is gone has no number there.

Defines: ``Part``, ``Resolved``, ``parts_of``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.metrics.scoring import clips
from analysis.metrics.scoring.stretch import Stretch
from analysis.metrics.truth import Truth
from stimuli import audio, whole_songs
from stimuli.errors import HiddenReferenceError, StimuliError
from stimuli.experiment import identity
from stimuli.manifest import Clip, ItemRecord, file_sha256
from stimuli.whole_songs import SetSong

VERSION = 2
"""Raised by hand whenever another sound is measured, or another note made, of the same files."""


@dataclass(frozen=True)
class Resolved:
    """A stretch that is ready to be measured, and what is to be noted of it: sentences without their subject."""

    stretch: Stretch
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """An item's excerpt, or the whole song where ``item`` is None."""

    inputs: Inputs
    item: ItemRecord | None

    @property
    def about(self) -> str:
        """What a note is about."""
        song = self.inputs.song
        return self.item.name if self.item else f"{song.song} ({song.target}), whole"

    @cached_property
    def identity(self) -> str:
        """Changes whenever what is measured can have changed."""
        items = (self.item,) if self.item else self.inputs.items
        places = [item.model_dump(mode="json", exclude={"use"}) for item in items]
        heard = {item.name: self.inputs.clips[item.name] for item in items}
        return identity([VERSION, self.item is None, places, self.inputs.whole, heard])

    def resolved(self) -> Resolved:
        """What is measured: decided by what is there, and whether it is what was heard."""
        return self._song() if self.item is None else self._excerpt(self.item)

    def _excerpt(self, item: ItemRecord) -> Resolved:
        song = self.inputs.song
        own = self.inputs.clips_of(item)
        try:
            excerpt = song.excerpt(item)
            sounds = {clip.condition: _checked(song, excerpt, clip) for clip in own}
            truth = _truth(excerpt, sounds["reference"])
        except HiddenReferenceError as error:
            note = f"measured on the clips that were heard, their gains undone: {error}"
            heard = clips.of_clips(song.folder, song.manifest, item, lambda: self._rest(item))
            return Resolved(heard, (note,))
        labels = clips.labels_of(item, "excerpt", "render")
        roles = {name: clip.role for name, clip in clips.judged(own).items()}
        return Resolved(Stretch(labels, roles, lambda: truth, lambda name: sounds[name]), ())

    def _rest(self, item: ItemRecord) -> clips.Rest | None:
        """The other sources and the mixture for clips, faded like these; None where the song isn't what was heard."""
        song = self.inputs.song
        try:
            excerpt = song.excerpt(item)
            _checked(song, excerpt, self.inputs.clips_of(item)[0])
            faded = {name: audio.fade_ends(sound, excerpt.rate_hz) for name, sound in excerpt.others.items()}
            return faded, audio.fade_ends(excerpt.mixture, excerpt.rate_hz)
        except HiddenReferenceError:
            return None

    def _song(self) -> Resolved:
        song, unlike = self.inputs.song, self._unlike()
        roles = {n: c.role for item in self.inputs.items for n, c in clips.judged(self.inputs.clips_of(item)).items()}

        def truth() -> Truth:
            if "reference" in unlike:
                raise StimuliError(unlike["reference"])
            whole = song.whole()
            return _truth(whole, whole.reference)

        def sound(name: str) -> np.ndarray:
            if name in unlike:
                raise StimuliError(unlike[name])
            return song.whole().sound(name)

        gone = list(dict.fromkeys(f"no number: {unlike[name]}" for name in ("reference", *roles) if name in unlike))
        notes = gone[:1] if "reference" in unlike else gone
        labels = clips.labels_of(self.inputs.items[0], "song", "render")
        return Resolved(Stretch(labels, roles, truth, sound), tuple(notes))

    def _unlike(self) -> dict[str, str]:
        """Conditions whose whole sounds are gone or are not what was heard in an item, and why."""
        found: dict[str, str] = {}
        for item in self.inputs.items:
            for clip in self.inputs.clips_of(item):
                try:
                    _checked(self.inputs.song, self.inputs.song.excerpt(item), clip)
                except HiddenReferenceError as error:
                    found.setdefault(clip.condition, str(error))
        return found


@dataclass(frozen=True)
class Inputs:
    """What a song of a set is measured from; fingerprints are taken once."""

    song: SetSong

    @cached_property
    def items(self) -> tuple[ItemRecord, ...]:
        """The items that are analysed: not those that only train."""
        return tuple(item for item in self.song.items if item.use != "training")

    def clips_of(self, item: ItemRecord) -> list[Clip]:
        """The reference, and what is scored against it."""
        own = [clip for clip in self.song.manifest.clips if clip.item == item.name]
        return [*(clip for clip in own if clip.role == "reference"), *clips.judged(own).values()]

    @cached_property
    def whole(self) -> dict[str, str]:
        """Fingerprints of the song and of every condition, or why there is none."""
        names = dict.fromkeys(clip.condition for item in self.items for clip in self.clips_of(item))
        return {name: _said(self.song, None if name == "reference" else name) for name in names}

    @cached_property
    def clips(self) -> dict[str, list[list[str | float]]]:
        """What the clips of each item are, as they lie there now."""
        own = {item.name: [c for c in self.song.manifest.clips if c.item == item.name] for item in self.items}
        return {
            item: [[clip.condition, clip.role, clip.gain_db, _hash(self.song, clip)] for clip in found]
            for item, found in own.items()
        }


def parts_of(song: SetSong, *, whole: bool) -> list[Part]:
    """The excerpts of a song's items, and the whole song if wanted; none where no item is analysed."""
    inputs = Inputs(song)
    if not inputs.items:
        return []
    return [*(Part(inputs, item) for item in inputs.items), *([Part(inputs, None)] if whole else [])]


def _truth(stretch: whole_songs.Stretch, reference: np.ndarray) -> Truth:
    return Truth(reference, stretch.rate_hz, dict(stretch.others), stretch.mixture)


def _checked(song: SetSong, excerpt: whole_songs.Stretch, clip: Clip) -> np.ndarray:
    return excerpt.check_heard(clip, clips.heard(song.folder, clip))


def _said(song: SetSong, condition: str | None) -> str:
    try:
        return song.fingerprint(condition)
    except HiddenReferenceError as error:
        return str(error)


def _hash(song: SetSong, clip: Clip) -> str:
    path = song.folder / clip.file
    return file_sha256(path) if path.is_file() else "gone"
