"""The sound of every condition of an item, before any gain: the target, anchors made from it, systems' estimates.

Anchors are made from a longer stretch than is heard and cut from it, so that no filter meets an edge. An anchor
follows from the song and its entry in the experiment file alone: what the manifest holds is enough to make it again.

Conventions: sound is float32 (frames, channels), full scale 1.0. Defines: ``Condition``, ``Scene``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stimuli import anchors, audio, separation_anchors
from stimuli.description import conditions as kinds
from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import REFERENCE, AnyAnchor, AnySystem, FilesSystem, MixtureAnchor
from stimuli.manifest import Provenance, Role
from stimuli.render import Render, parameters_of, provenance_of
from stimuli.separators import Sound
from stimuli.sources import estimates
from stimuli.sources.song import MIXTURE, SILENT_PEAK, Song, read_target, target_stems

MARGIN_S = 0.25
VERSIONS = {"lowpass": 2, "lowpass_mixture": 2, "distortion": 1, "artefact": 1}
"""Versions of the kinds made here, raised by hand whenever their samples can change; 1 where none is given."""
OPEN_MIXTURE = "mixture-open"
FROM_THE_REFERENCE = ("reference", "lowpass", "artefact", "distortion", "spatial")
"""Kinds that are made from the reference alone: they keep its gain, whatever the systems get."""


@dataclass(frozen=True)
class Condition:
    """What is heard under one name: the target (no entry), an anchor or a system, and its render if it was run here."""

    name: str
    entry: AnyAnchor | AnySystem | None = None
    render: Render | None = None

    @property
    def kind(self) -> str:
        """Kind of the entry; ``reference`` for the target."""
        return self.entry.kind if self.entry else REFERENCE

    @property
    def roles(self) -> tuple[Role, ...]:
        """The target is heard twice: as the open reference, and hidden among the conditions."""
        if self.entry is None:
            return ("reference", "hidden_reference")
        if self.name == OPEN_MIXTURE:
            return ("mixture",)
        return ("anchor",) if isinstance(self.entry, kinds.Anchor) else ("system",)

    @property
    def why_silent(self) -> str:
        """The end of a sentence that says that nothing is heard of it: why, if that is known, and what to do."""
        mend = "; choose another excerpt"
        if self.roles != ("system",):
            return mend
        told = provenance_of(self.render).parameters.get("silent") if self.render else None
        return (f" ({told})" if told else "") + f"{mend}, or leave the system out, by hand or with --keep-going"

    @property
    def version(self) -> int:
        """Version of the code that makes it here; a render has its own."""
        return VERSIONS.get(self.kind, 1)

    @property
    def shares_the_references_gain(self) -> bool:
        """Whether it is the reference or made from it."""
        return self.kind in FROM_THE_REFERENCE

    @property
    def provenance(self) -> Provenance:
        """How it came to be."""
        if self.render:
            return provenance_of(self.render)
        if isinstance(self.entry, kinds.Anchor):
            version, meant_for = str(self.version), self.entry.meant_for
            return Provenance(
                kind=self.kind, version=version, parameters=parameters_of(self.entry), meant_for=meant_for
            )
        told = parameters_of(self.entry) if self.entry else {}
        return Provenance(kind=self.kind, version="1", parameters=told)


@dataclass(frozen=True)
class Scene:
    """One excerpt of one song, and how every condition sounds in it."""

    place: str
    song: Song
    target: str
    start: int
    frames: int
    folder: Path

    def check_length(self) -> None:
        """Refuse an excerpt that reaches beyond the song."""
        rate_hz, there = self.song.form.rate_hz, self.song.form.frames
        if self.start + self.frames > there:
            first, last = self.start / rate_hz, (self.start + self.frames) / rate_hz
            raise SoundError(
                f"{self.place}: the excerpt {first:g} to {last:g} s reaches beyond the end ({there / rate_hz:.2f} s); "
                "shorten length_s or move start_s"
            )

    def check(self) -> None:
        """Refuse an excerpt that reaches beyond the song, and one whose reference nobody could hear.

        Raises
        ------
        SoundError
            With the item's name, what was found and what was expected.
        """
        self.check_length()
        peak = max(float(self.reference.max()), -float(self.reference.min()))
        if peak < SILENT_PEAK:
            raise SoundError(f"{self.place}: the reference is silent in this excerpt; choose another start_s")

    @cached_property
    def reference(self) -> Sound:
        """The target as it is in the song."""
        return read_target(self.song, self.target, self.start, self.frames)

    def sound(self, condition: Condition) -> Sound:
        """What the condition sounds like in this excerpt."""
        entry = condition.entry
        if entry is None:
            return self.reference
        if condition.render:
            return audio.read(condition.render.path, self.start, self.frames)[0]
        if isinstance(entry, FilesSystem):
            return estimates.read(entry, self.folder, self.song, self.target, self.start, self.frames)
        if isinstance(entry, MixtureAnchor):
            return self.song.read(MIXTURE, self.start, self.frames)
        assert isinstance(entry, kinds.Anchor)
        return self._cut_from_longer(entry)

    def contents(self, condition: Condition) -> list[str]:
        """Fingerprints of what the condition is made of: with its entry, they say what it sounds like."""
        if condition.render:
            return [condition.render.key]
        if isinstance(condition.entry, FilesSystem):
            return estimates.fingerprints(condition.entry, self.folder, self.song, self.target)
        names = target_stems(self.song, self.target)
        made_of = names if condition.shares_the_references_gain else (*names, MIXTURE, *self.song.stems)
        return [self.song.fingerprint(name) for name in dict.fromkeys(made_of)]

    @cached_property
    def others(self) -> dict[str, tuple[str, ...]]:
        """Stems that are not the target, and the mixture: what a sound may wrongly be."""
        mine = target_stems(self.song, self.target)
        return {MIXTURE: (MIXTURE,)} | {name: (name,) for name in self.song.stems if name not in mine}

    @property
    def _longer(self) -> tuple[int, int]:
        """First frame and end of the excerpt with its margins, as far as the song goes."""
        margin = audio.frame_at(MARGIN_S, self.song.form.rate_hz)
        return max(self.start - margin, 0), min(self.start + self.frames + margin, self.song.form.frames)

    def _cut_from_longer(self, entry: kinds.Anchor) -> Sound:
        start, end = self._longer
        longer = self._anchor(entry, start, end - start)
        return longer[self.start - start :][: self.frames]

    def _longer_reference(self, start: int, end: int) -> Sound:
        """The reference with its margins; only these are read, it is there already."""
        stop = self.start + self.frames
        before = [read_target(self.song, self.target, start, self.start - start)] if start < self.start else []
        after = [read_target(self.song, self.target, stop, end - stop)] if stop < end else []
        return np.concatenate([*before, self.reference, *after]) if before or after else self.reference

    def _anchor(self, entry: kinds.Anchor, start: int, frames: int) -> Sound:
        """An anchor over a stretch of the song."""
        rate_hz = self.song.form.rate_hz

        def target() -> Sound:
            return self._longer_reference(start, start + frames)

        def mixture() -> Sound:
            return self.song.read(MIXTURE, start, frames)

        match entry:
            case kinds.LowpassAnchor():
                return anchors.lowpass(target(), rate_hz, cutoff_hz=entry.cutoff_hz)
            case kinds.LowpassMixtureAnchor():
                return anchors.lowpass(mixture(), rate_hz, cutoff_hz=entry.cutoff_hz)
            case kinds.InterferenceAnchor():
                return separation_anchors.interference(target(), mixture(), level_db=entry.level_db)
            case kinds.ArtefactAnchor():
                return separation_anchors.artefact(
                    target(), rate_hz, removed=entry.removed, noise_db=entry.noise_db, seed=entry.seed
                )
            case kinds.DistortionAnchor():
                return separation_anchors.distortion(
                    target(), rate_hz, cutoff_hz=entry.cutoff_hz, removed=entry.removed, seed=entry.seed
                )
            case kinds.SpatialAnchor():
                return separation_anchors.spatial(target(), mode=entry.mode, balance_db=entry.balance_db)
            case kinds.RemixAnchor():
                if "vocals" not in self.song.stems:
                    raise StimuliError(f"{self.place}: the anchor {entry.name} needs the stem vocals; leave it out")
                vocals = self.song.read("vocals", start, frames)
                return separation_anchors.remix(mixture(), vocals, vocals_db=entry.vocals_db)
        raise StimuliError(f"{self.place}: no anchor of the kind {type(entry).__name__}")
