"""The whole sounds that a stimulus set was cut from, before any gain.  CONTRACT

For a song and a target of a set: the true target, the other true sources, the mixture, and every anchor and system,
over the whole song or over the excerpt of an item. Systems that ran here are read from their renders, estimates from
their files, and anchors are made again from the manifest. What is gone is said. So is what is no longer what was heard:
songs and estimates may have been replaced since the set was built.

Conventions: sound is float32 (frames, channels), full scale 1.0, at its own level, without fades. An anchor whose
noise or holes come from a seed has others over the whole song than in an excerpt.
Defines: ``SetSong``, ``Stretch``, ``remember_folder``, ``songs_folder``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stimuli import audio
from stimuli.conditions import Condition, Scene
from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import FilesSystem, identity
from stimuli.manifest import Clip, ItemRecord, Manifest
from stimuli.regenerate import anchor_of
from stimuli.render import Render, parameters_of
from stimuli.separators import Sound
from stimuli.sources import estimates
from stimuli.sources.song import MIXTURE, OnDemand, Song, other_sources, read_target, target_stems
from stimuli.sources.songs import fingerprint, source
from stimuli.whole_files import whole_file

RECORD = Path("records", "experiment-folder.json")
HEARD_STEPS = 4
"""Steps of 24 bits that a clip may lie off its sound: dither (1), rounding (half), and the arithmetic of floats."""


def remember_folder(out: Path, experiment: Path) -> None:
    """Leave in a set, for this computer only, where its experiment file lies: seen from the set, and in full."""
    away = os.path.relpath(experiment.absolute().parent, out.absolute())
    told = {"file": experiment.name, "from_here": Path(away).as_posix(), "in_full": str(experiment.absolute().parent)}
    text, record = json.dumps(told, indent=1) + "\n", out / RECORD
    if not record.is_file() or record.read_text(encoding="utf-8") != text:
        with whole_file(record) as part:
            part.write_text(text, encoding="utf-8")


def songs_folder(folder: Path) -> Path:
    """Where the experiment file of a set lies, which paths of songs and estimates are relative to.

    As seen from the set, or in full where the set was moved alone; beside the set for one that doesn't say.
    """
    try:
        told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        places, file = [folder / told["from_here"], Path(told["in_full"])], str(told["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return folder.absolute().parent
    return next((place for place in places if (place / file).is_file()), places[0])


@dataclass(frozen=True)
class Stretch:
    """The sounds of a song, whole or in an excerpt; each is read or made when it is asked for."""

    song: SetSong
    scene: Scene

    @property
    def rate_hz(self) -> int:
        """Sample rate."""
        return self.scene.song.form.rate_hz

    @property
    def reference(self) -> Sound:
        """The true target."""
        return self.scene.reference

    @property
    def mixture(self) -> Sound:
        """What the systems were given."""
        return self._read(MIXTURE)

    @property
    def others(self) -> Mapping[str, Sound]:
        """The other true sources: of vocals the accompaniment, of that the vocals, else every other stem."""
        return OnDemand(other_sources(self.scene.song, self.scene.target), self._read_target)

    def sound(self, condition: str) -> Sound:
        """What a condition sounds like.

        Raises
        ------
        StimuliError
            Where its render or its file is gone, or does not fit the song any more.
        """
        return self.scene.sound(self.song.condition(condition))

    def check_heard(self, clip: Clip, heard: Sound) -> Sound:
        """The sound of a clip's condition, held against the decoded clip that listeners heard.

        Raises
        ------
        StimuliError
            Where it is gone, or is not what the clip was made from.
        """
        sound = self.sound(clip.condition)
        gain = 10 ** (clip.gain_db / 20)
        if sound.shape == heard.shape and self.rate_hz == clip.rate_hz:
            meant = audio.fade_ends(sound, self.rate_hz) * np.float64(gain)
            if float(np.abs(meant - heard).max()) <= HEARD_STEPS / audio.FULL_SCALE_24:
                return sound
        raise SoundError(f"{clip.condition}: the whole song holds something else here than was heard in {clip.item}")

    def _read(self, what: str) -> Sound:
        return self.scene.song.read(what, self.scene.start, self.scene.frames)

    def _read_target(self, target: str) -> Sound:
        return read_target(self.scene.song, target, self.scene.start, self.scene.frames)


@dataclass(frozen=True)
class SetSong:
    """A song of a built set with one of its targets.

    ``folder`` is the set's, ``songs_from`` where the experiment file lay.
    """

    folder: Path
    manifest: Manifest
    song: str
    target: str
    songs_from: Path

    @property
    def items(self) -> tuple[ItemRecord, ...]:
        """The items that were cut from it."""
        return tuple(one for one in self.manifest.items if (one.song, one.target) == (self.song, self.target))

    @property
    def length_s(self) -> float:
        """How long the song is.

        Raises
        ------
        StimuliError
            Where it is gone.
        """
        return self._opened.form.frames / self._opened.form.rate_hz

    def whole(self) -> Stretch:
        """The whole song."""
        return self._stretch(f"song {self.song!r}", 0, self._opened.form.frames)

    def excerpt(self, item: ItemRecord) -> Stretch:
        """What was heard of it in an item.

        Raises
        ------
        StimuliError
            Where the song is gone, or ends before the excerpt does.
        """
        rate_hz = self._opened.form.rate_hz
        start, frames = (audio.frame_at(seconds, rate_hz) for seconds in (item.start_s, item.length_s))
        found = self._stretch(f"item {item.name!r}", start, frames)
        found.scene.check_length()
        return found

    def fingerprint(self, condition: str | None = None) -> str:
        """Changes whenever the sound of a condition can have changed, or (None) that of the song's stems and mixture.

        Raises
        ------
        StimuliError
            Where a file that it follows from is gone, or does not fit the song any more.
        """
        song = self._opened
        if condition is None:
            return identity([song.form.frames, *(song.fingerprint(what) for what in (MIXTURE, *song.stems))])
        found = self.condition(condition)
        files = [fingerprint(found.render.path)] if found.render else []
        made = [found.kind, found.version, parameters_of(found.entry)] if found.entry else []
        return identity([made, files, self.whole().scene.contents(found)])

    def condition(self, name: str) -> Condition:
        """A condition that can be read or made here.

        Raises
        ------
        StimuliError
            Where its render or its file is gone, or does not fit the song any more.
        """
        clip = next(clip for clip in self._clips if clip.condition == name)
        if clip.role in ("reference", "hidden_reference"):
            return Condition(name)
        if clip.role in ("anchor", "mixture"):
            return anchor_of(clip)
        entry = next((system for system in self.manifest.experiment.systems if system.name == name), None)
        if entry is None:
            raise StimuliError(f"{name}: no such system in the manifest's experiment")
        if isinstance(entry, FilesSystem):
            resample_hz = self.manifest.experiment.songs.resample_hz
            estimates.check(entry, self.songs_from, self._opened, self.target, resample_hz)
            return Condition(name, entry)
        where = self.folder / self.manifest.renders
        key, length_s = clip.render_key, self.length_s
        render = Render(
            self.manifest.experiment.songs, self.songs_from, where, self.song, self.target, entry, key, length_s
        )
        if not render.path.is_file():
            raise StimuliError(f"{name}: its render is gone ({self.manifest.renders}/{key}.wav)")
        if audio.form(render.path) != self._opened.form:
            raise StimuliError(f"{name}: its render has another rate, length or number of channels than the song")
        return Condition(name, entry, render)

    def _stretch(self, place: str, start: int, frames: int) -> Stretch:
        return Stretch(self, Scene(place, self._opened, self.target, start, frames, self.songs_from))

    @property
    def _clips(self) -> list[Clip]:
        names = {item.name for item in self.items}
        return [clip for clip in self.manifest.clips if clip.item in names]

    @cached_property
    def _opened(self) -> Song:
        found = source(self.manifest.experiment.songs, self.songs_from).open(self.song)
        target_stems(found, self.target)
        return found
