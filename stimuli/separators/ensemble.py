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
from typing import Any, ClassVar

import numpy as np

from stimuli.experiment import MinimumMagnitudeSystem
from stimuli.separators import Separator, Song, Sound, check_form, run, separator, uninstalled
from stimuli.separators.sources import ACCOMPANIMENT, VOCALS
from stimuli.separators.spectral import Stft

CHOSEN = {VOCALS: np.maximum, ACCOMPANIMENT: np.minimum}
STFT = Stft(window=2048, hop=1024)


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
        return any(member.looks_at_stems for member in self._members.values())

    def uninstalled(self) -> str | None:
        """What the first member lacks that isn't installed."""
        return self._first_of(uninstalled)

    def missing(self) -> str | None:
        """What the first member that can't run lacks; what is to be installed comes first."""
        return self.uninstalled() or self._first_of(lambda member: member.missing())

    def _first_of(self, reason_of: Callable[[Separator], str | None]) -> str | None:
        found = ((name, reason_of(member)) for name, member in self._members.items())
        return next((f"its member {name!r}: {reason}" for name, reason in found if reason), None)

    def check_form(self, rate_hz: int, channels: int, who: str) -> None:
        """Refuse a song that a member does not take."""
        for name, member in self._members.items():
            check_form(member, rate_hz, channels, f"{who}: its member {name!r}")

    def fingerprint(self) -> dict[str, Any]:
        """Versions of the members, and what their samples follow from."""
        return {
            "members": [
                {"version": member.version} | getattr(member, "fingerprint", dict)()
                for member in self._members.values()
            ]
        }

    def provenance(self) -> dict[str, Any]:
        """What each member tells of itself; where one runs on a device, that device."""
        told = {name: member.provenance() for name, member in self._members.items()}
        weights = {
            f"{name}/{file}": digest for name, one in told.items() for file, digest in one["weights_sha256"].items()
        }
        devices = {one.get("device", "cpu") for one in told.values()} - {"cpu"}
        return {
            "parameters": {
                "accompaniment": "smallest magnitude of the members'",
                "members_told": {name: one["parameters"] for name, one in told.items()},
                "member_versions": {name: member.version for name, member in self._members.items()},
            },
            "weights_sha256": weights,
            "device": devices.pop() if devices else "cpu",
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Vocals and accompaniment, as far as every member does."""
        given = [member.gives(stems) for member in self._members.values()]
        return tuple(target for target in CHOSEN if all(target in one for one in given))

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """Each target out of the members' estimates; what a member does wrong is said with its name.

        Raises
        ------
        StimuliError
            Where a member fails, or answers with something else than a sound like the mixture.
        """
        parts = {target: Combined(target) for target in targets}
        for name, member in self._members.items():
            found, _ = run.run_all(member, f"{self.system.name}: {name}", song, targets)
            for target, sound in found.items():
                parts[target].add(sound)
        return {target: part.sound() for target, part in parts.items()}

    @functools.cached_property
    def _members(self) -> dict[str, Separator]:
        """By name; made when they are first needed, since device and folder are told after the start."""
        return {member.name: separator(member, self.device, self.folder) for member in self.system.members}


class Combined:
    """Estimates of one target as one; none but the last is kept.

    ``target`` is ``accompaniment`` (the smallest magnitudes) or ``vocals`` (the largest).
    """

    def __init__(self, target: str) -> None:
        self._choose = CHOSEN[target]
        self._sizes = self._last = np.zeros(0)
        self._frames = 0

    def add(self, sound: Sound) -> None:
        """One more estimate, float32 (frames, channels), of one shape with those before."""
        self._last = STFT.forward(sound)
        size = np.abs(self._last)
        self._sizes = self._choose(self._sizes, size) if self._frames else size
        self._frames = len(sound)

    def sound(self) -> Sound:
        """What all have come to, in their shape."""
        return STFT.inverse(self._sizes * np.exp(1j * np.angle(self._last)), self._frames)
