"""Several systems as one, cell by cell of their spectra: what all of them keep of the accompaniment, and no more.

As in the inference of carperbr's frame transformer: the accompaniment's magnitude is the smallest of all members', the
vocals' the largest; phases are the last member's (of a cell that is silent there, zero). Both are chosen apart, so that
they do not add up to the mixture. One member alone comes back as it is, within the rounding of the transform: 1e-6.

Defines: ``MinimumMagnitude``, ``Combined``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import MinimumMagnitudeSystem
from stimuli.separators import Separator, Song, Sound, check_form, run, separator, uninstalled
from stimuli.separators.sources import ACCOMPANIMENT, VOCALS
from stimuli.separators.spectral import Joined, Stft

Answer = TypeVar("Answer")
CHOSEN = {VOCALS: np.maximum, ACCOMPANIMENT: np.minimum}
STFT = Stft(window=2048, hop=1024)
BLOCK = 64
"""Frames of spectra that are there at a time."""


class MinimumMagnitude:
    """Runs its members one after another, each on the whole song."""

    version: ClassVar[str] = "1"

    def __init__(self, system: MinimumMagnitudeSystem) -> None:
        self.system = system
        self.device = "cpu"
        self.folder = Path()

    @property
    def looks_at_stems(self) -> bool:
        """Whether any member does."""
        return any(self._each(lambda member: member.looks_at_stems).values())

    def uninstalled(self) -> str | None:
        """What the first member lacks that isn't installed."""
        return self._first_of(uninstalled)

    def missing(self) -> str | None:
        """What the first member that can't run lacks; what is to be installed comes first."""
        return self.uninstalled() or self._first_of(lambda member: member.missing())

    def _first_of(self, reason_of: Callable[[Separator], str | None]) -> str | None:
        found = ((name, self._of(name, reason_of)) for name in self.members)
        return next((f"its member {name!r}: {reason}" for name, reason in found if reason), None)

    def check_form(self, rate_hz: int, channels: int, who: str) -> None:
        """Refuse a song that a member does not take."""
        for name, member in self.members.items():
            check_form(member, rate_hz, channels, f"{who}: its member {name!r}")

    def fingerprint(self) -> dict[str, Any]:
        """Versions of the members, and what their samples follow from."""
        found = self._each(lambda member: {"version": member.version} | getattr(member, "fingerprint", dict)())
        return {"members": list(found.values())}

    def provenance(self) -> dict[str, Any]:
        """What each member tells of itself; where one runs on a device, that device."""
        told = self._each(lambda member: member.provenance())
        weights = {
            f"{name}/{file}": digest for name, one in told.items() for file, digest in one["weights_sha256"].items()
        }
        reasons = {name: one["parameters"].get("silent") for name, one in told.items()}
        # Where one member has nothing, the smallest is nothing.
        silent = [f"its member {name!r}: {reason}" for name, reason in reasons.items() if reason]
        devices = {one.get("device", "cpu") for one in told.values()} - {"cpu"}
        return {
            "parameters": {
                "accompaniment": "smallest magnitude of the members'",
                "members_told": {name: one["parameters"] for name, one in told.items()},
                "member_versions": {name: member.version for name, member in self.members.items()},
            }
            | ({"silent": "; ".join(silent)} if silent else {}),
            "weights_sha256": weights,
            "device": devices.pop() if devices else "cpu",
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Vocals and accompaniment, as far as every member does."""
        given = self._each(lambda member: member.gives(stems)).values()
        return tuple(target for target in CHOSEN if all(target in one for one in given))

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """Each target out of the members' estimates; what a member does wrong is said with both names.

        Raises
        ------
        StimuliError
            Where a member fails, or answers with something else than a sound like the mixture.
        """
        parts = {target: Combined(target) for target in targets}
        for name in self.members:
            found, _ = self._of(name, lambda member, name=name: run.run_all(member, name, song, targets))
            for target, sound in found.items():
                parts[target].add(sound)
        return {target: part.sound() for target, part in parts.items()}

    @functools.cached_property
    def members(self) -> dict[str, Separator]:
        """The systems by name; made when they are first needed, since device and folder are told after the start."""
        return {member.name: separator(member, self.device, self.folder) for member in self.system.members}

    def _each(self, ask: Callable[[Separator], Answer]) -> dict[str, Answer]:
        """What every member answers, by its name."""
        return {name: self._of(name, ask) for name in self.members}

    def _of(self, name: str, ask: Callable[[Separator], Answer]) -> Answer:
        """What a member answers; an error names the ensemble too: the experiment has no system of the member's name."""
        try:
            return ask(self.members[name])
        except StimuliError as error:
            kind = SoundError if isinstance(error, SoundError) else StimuliError
            raise kind(f"system {self.system.name!r}: its member {name!r}: {error}") from error


class Combined:
    """Estimates of one target as one; they are kept as sounds, and their spectra made block by block.

    ``target`` is ``accompaniment`` (the smallest magnitudes) or ``vocals`` (the largest).
    """

    def __init__(self, target: str) -> None:
        self._choose = CHOSEN[target]
        self._sounds: list[Sound] = []

    def add(self, sound: Sound) -> None:
        """One more estimate, float32 (frames, channels), of one shape with those before."""
        self._sounds.append(sound)

    def sound(self) -> Sound:
        """What all have come to, in their shape."""
        frames, channels = self._sounds[-1].shape
        whole = Joined(STFT, channels, frames)
        for spectra in zip(*(STFT.blocks(sound, BLOCK) for sound in self._sounds), strict=True):
            sizes = functools.reduce(self._choose, map(np.abs, spectra))
            whole.add(sizes * np.exp(1j * np.angle(spectra[-1])))
        return whole.sound
