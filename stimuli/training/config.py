"""What a person writes to have a network trained: one TOML file.

Conventions: paths are relative to the file's folder; rates in Hz, times in seconds, gains in dB, loudness in LUFS. A
*step* is one batch. ``changes`` says in what two configurations differ; what only says when to stop may differ between
a run and its continuation.

Defines: ``Training`` with its tables ``Data``, ``Mixing``, ``Loss``, ``Optimiser``; ``load``, ``changes``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from stimuli.description.mistakes import sentences
from stimuli.description.model import Model, StemName
from stimuli.errors import ExperimentError
from stimuli.loudness import SHORTEST_S
from stimuli.separators.networks.architectures import ARCHITECTURES

MOST_PERMUTED = 5
"""120 orders; more would take longer than the network."""
MAY_CHANGE = ("device", "optimiser.steps", "optimiser.minutes", "optimiser.early_stop")


class Data(Model):
    """Folders in MUSDB layout: ``<song>/<stem>.wav``. STEMS files are to be converted first.

    ``segment_s`` is the length of an example. Songs are validated in at most ``valid_segments`` such segments, spread
    over all of them. For ``medleyvox`` a stem is a singer, and ``speech`` may name a folder in which it is a speaker.
    """

    train: str = Field(min_length=1)
    valid: str = Field(min_length=1)
    speech: str = ""
    segment_s: float = Field(default=3.0, gt=0, le=600)
    valid_segments: int = Field(default=20, ge=1)


class Mixing(Model):
    """How examples are mixed.

    ``song``: all parts from the same place of one song. ``random_stems``: each from a song and a place of its own.
    ``medleyvox``: two voices in one of six cases (same song, same singer, speech …), the second one louder or softer by
    a draw with a standard deviation of 6 dB (Jeon et al. 2023). ``gain_db``: each part is louder or softer by up to so
    much, ``swap_channels``: how often its left is its right (neither with medleyvox), and ``lufs`` where mixtures are
    brought to: systems hear songs at -14. One channel counts as two, so that MedleyVox's own -24 is -21 here.
    """

    strategy: Literal["song", "random_stems", "medleyvox"] = "song"
    gain_db: float = Field(default=0.0, ge=0, le=24)
    swap_channels: float = Field(default=0.0, ge=0, le=1)
    lufs: float = Field(default=-14.0, ge=-60, le=0)


class Loss(Model):
    """Weights of the terms; a term of weight 0 is not computed. ``permutation_invariant``: in the best order.

    ``own`` is the loss of the architecture's paper, where it has one; it has no part in the order.
    """

    si_sdr: float = Field(default=0.0, ge=0)
    snr: float = Field(default=0.0, ge=0)
    l1: float = Field(default=0.0, ge=0)
    stft: float = Field(default=0.0, ge=0)
    own: float = Field(default=0.0, ge=0)
    permutation_invariant: bool = False

    @property
    def terms(self) -> dict[str, float]:
        """Terms on waveforms that have a weight."""
        weights = {name: getattr(self, name) for name in ("si_sdr", "snr", "l1", "stft")}
        return {name: weight for name, weight in weights.items() if weight}

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.terms and not self.own:
            raise ValueError("no term has a weight; give si_sdr, snr, l1, stft or own one, for example si_sdr = 1")
        if self.permutation_invariant and not self.terms:
            raise ValueError("permutation_invariant has no part in own; give another term a weight, or leave it out")
        return self


class Optimiser(Model):
    """How weights move, and when it ends: after ``steps``, ``minutes`` (0: no limit), or ``early_stop`` validations
    without a better one (0: never). Minutes are of all continuations, with validations and writes.

    ``batch`` is each process' own. ``clip`` bounds the norm of the gradient (0: not). The rate is halved after
    ``halve_after`` validations without a better one (0: never), down to ``least_rate``. ``ema``: what is validated and
    kept is the mean of the weights over steps, which forgets by this factor (0: the weights themselves).
    """

    kind: Literal["adam", "adamw"] = "adam"
    rate: float = Field(default=1e-3, gt=0, le=1)
    least_rate: float = Field(default=1e-5, gt=0, le=1)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    clip: float = Field(default=5.0, ge=0)
    halve_after: int = Field(default=0, ge=0)
    batch: int = Field(default=4, ge=1, le=4096)
    steps: int = Field(default=10_000, ge=1)
    minutes: float = Field(default=0.0, ge=0)
    validate_every: int = Field(default=100, ge=1)
    checkpoint_every: int = Field(default=100, ge=1)
    ema: float = Field(default=0.999, ge=0, lt=1)
    early_stop: int = Field(default=0, ge=0)
    threads: int = Field(default=1, ge=1, le=1024)

    @model_validator(mode="after")
    def _betas(self) -> Self:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas are at least 0 and below 1, found {list(self.betas)}")
        return self


class Training(Model):
    """A whole configuration."""

    architecture: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    sources: tuple[StemName, ...] = Field(min_length=1, max_length=16)
    rate_hz: int = Field(default=44_100, ge=8_000, le=192_000)
    channels: Literal[1, 2] = 2
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: str = "cpu"
    data: Data
    mixing: Mixing = Mixing()
    loss: Loss
    optimiser: Optimiser = Optimiser()

    @property
    def frames(self) -> int:
        """Length of an example."""
        return round(self.data.segment_s * self.rate_hz)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture: no {self.architecture!r} is known; expected one of {', '.join(ARCHITECTURES)}"
            )
        if len(set(self.sources)) < len(self.sources):
            raise ValueError("sources: one is named twice; give each its own name")
        if self.frames < 1:
            raise ValueError(
                f"data.segment_s: {self.data.segment_s:g} s at {self.rate_hz} Hz hold no sample; give some seconds"
            )
        if self.loss.permutation_invariant and not 2 <= len(self.sources) <= MOST_PERMUTED:
            raise ValueError(
                f"loss.permutation_invariant: for 2 to {MOST_PERMUTED} sources, found {len(self.sources)}; leave it out"
            )
        if self.mixing.strategy == "medleyvox" and (self.mixing.gain_db or self.mixing.swap_channels):
            raise ValueError(
                "mixing: medleyvox draws levels by itself and leaves channels as they are; "
                "leave gain_db and swap_channels out"
            )
        if self.mixing.strategy == "medleyvox" and (len(self.sources) != 2 or self.data.segment_s < SHORTEST_S):
            raise ValueError(
                "mixing.strategy: medleyvox mixes two voices whose loudness can be measured; "
                f"name two sources, and let data.segment_s be at least {SHORTEST_S}"
            )
        return self


def load(path: Path) -> Training:
    """Read a configuration.

    Raises
    ------
    ExperimentError
        With every mistake of the file at once, one line each.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExperimentError([f"{path}: no such file; the README shows one: mushra train"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ExperimentError([f"{path}: can't be read: {error}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ExperimentError([f"{path.name}: not valid TOML: {error}"]) from None
    try:
        return Training.model_validate(raw)
    except ValidationError as error:
        told = sentences(error.errors(), raw, "the README, mushra train")
        raise ExperimentError([f"{path.name}: {one}" for one in told]) from None


def changes(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """In what a configuration (as JSON) differs from another, but for what may."""
    old, new = _flat(there), _flat(here)
    return [
        f"{key}: {old.get(key)!r} there, {new.get(key)!r} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key not in MAY_CHANGE
    ]


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return found
