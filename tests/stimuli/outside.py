"""What the tests of systems from outside share: small songs, and entries as a person would write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from small_world import RATE_HZ, noise

from stimuli.experiment import AnySystem
from stimuli.separators import Separator, Song, run, separator

ENTRY = TypeAdapter(AnySystem)


def entry(kind: str, **keys: object) -> AnySystem:
    """An entry called ``mine``."""
    return ENTRY.validate_python({"name": "mine", "kind": kind, **keys})


def made(folder: Path, kind: str, **keys: object) -> Separator:
    """A system of that entry, beside an experiment file in ``folder``."""
    return separator(entry(kind, **keys), folder=folder)


def song(seconds: float = 1.0, rate_hz: int = RATE_HZ, channels: int = 2, seed: int = 1) -> Song:
    """Noise, called ``Song A``."""
    frames = round(seconds * rate_hz)
    sound = noise(seed, frames / RATE_HZ)[:frames, :channels]
    return Song("Song A", rate_hz, np.ascontiguousarray(sound))


def separated(system: Separator, of: Song, target: str = "vocals") -> np.ndarray:
    """What the build would get."""
    return run.run(system, "mine", of, target)[0]
