"""Systems under test: one module per family, one protocol.

A separator takes the stereo mixture of a whole song and answers with its estimate of the sources it knows,
same length and channels, finite, and the same every time. A system is added by adding a module and a line
to ``SEPARATORS``; what its entry in experiment.toml may say stands in ``stimuli.experiment``.

Conventions: sound is float32 of shape (frames, channels), full scale 1.0.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from stimuli.experiment import AnySystem

Sound = np.ndarray
"""float32, shape (frames, channels)."""


@dataclass(frozen=True)
class Song:
    """A whole song as a separator may see it.

    ``stems`` are the true stems; only oracles look at them.
    """

    name: str
    rate_hz: int
    mixture: Sound
    stems: Mapping[str, Sound] = field(default_factory=dict)


class Levelled(Mapping[str, Sound]):
    """Stems at another level, each made when it is looked at: most systems never do."""

    def __init__(self, stems: Mapping[str, Sound], gain: np.float32) -> None:
        self._stems, self._gain = stems, gain

    def __getitem__(self, name: str) -> Sound:
        return self._stems[name] * self._gain

    def __iter__(self) -> Iterator[str]:
        return iter(self._stems)

    def __len__(self) -> int:
        return len(self._stems)


def mixed(sounds: Iterable[Sound]) -> Sound:
    """Sounds of one shape, added up."""
    return functools.reduce(np.add, sounds)


class Separator(Protocol):
    """What every system offers."""

    version: str
    """Raised by hand whenever the samples that come out can change."""
    looks_at_stems: bool
    """Whether it is an oracle, whose output depends on the true stems and not on the mixture alone."""

    def missing(self) -> str | None:
        """Why this system can't run here, with the command that mends it; None if it can."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Parameters and hashes of weights, for the manifest: ``{"parameters": {…}, "weights_sha256": {…}}``."""
        ...

    def separate(self, song: Song, target: str) -> Sound:
        """The system's estimate of ``target``: same shape as ``song.mixture``."""
        ...


SEPARATORS = {
    "repet": "stimuli.separators.repet:Repet",
    "repet_sim": "stimuli.separators.repet:RepetSim",
    "rpca": "stimuli.separators.classical.rpca:Rpca",
    "nmf": "stimuli.separators.classical.nmf:Nmf",
    "lrr": "stimuli.separators.classical.lrr:Lrr",
    "mlrr": "stimuli.separators.classical.lrr:Mlrr",
    "centre_cancellation": "stimuli.separators.panning:CentreCancellation",
    "oracle_ratio_mask": "stimuli.separators.oracle:OracleRatioMask",
    "spleeter_2stems": "stimuli.separators.spleeter:Spleeter",
}
"""Kind in experiment.toml to ``module:Class``; a class takes its ``System`` entry. Loaded when asked for.

``kind = "files"`` is not here: it reads what somebody else separated, see ``stimuli.sources.estimates``.
"""


def separator(system: AnySystem, device: str = "cpu") -> Separator:
    """The separator for one ``[[systems]]`` entry of an experiment file (any kind but ``files``).

    ``device`` is where torch systems run; the others take no notice.
    """
    module, _, name = SEPARATORS[system.kind].partition(":")
    made = getattr(importlib.import_module(module), name)(system)
    if hasattr(made, "device"):
        made.device = device
    return made
