"""Easy and hard cases of BSS Eval, all made of two stems of four seconds; what museval 0.4.1 says of each.

``museval_values.json`` is written by this module, in an environment that has museval (see tests/bench/peer_models.py):

    python tests/analysis/stem_cases.py

Defines: ``CASES``, ``Case``, ``second``.
"""

from __future__ import annotations

import json
import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from stems import RATE_HZ, lowpassed, stems

NAMES = ("sdr", "isr", "sir", "sar")
VALUES = Path(__file__).with_name("museval_values.json")
FLIPPED = np.array([1.0, -1.0])
"""Turns the second channel of everything over, which changes no energy and so no number."""
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Case:
    """References and estimates made from the stems' own, and how they are scored."""

    make: Callable[[np.ndarray, np.ndarray], Pair] = lambda ref, est: (ref, est)
    mode: Literal["v4", "v3"] = "v4"
    window_s: float | None = 1.0
    hop_s: float = 1.0
    sources: int = 2
    seconds: float = 4.0

    def signals(self) -> Pair:
        return self.make(*stems(self.sources, self.seconds))


def second(number: int) -> slice:
    """The frames of a second of the sound, counted from 1."""
    return slice((number - 1) * RATE_HZ, number * RATE_HZ)


def delayed(sound: np.ndarray, frames: int) -> np.ndarray:
    """Later by so many frames, with silence before."""
    return np.concatenate([np.zeros_like(sound[:, :frames]), sound[:, :-frames]], axis=1)


def integers(sound: np.ndarray) -> np.ndarray:
    """As a 16-bit file holds it."""
    return np.round(32767 * sound) / 32768


def changed(sound: np.ndarray, where: tuple[int | slice, ...], what: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A copy with a part that something was done to."""
    found = sound.copy()
    found[where] = what(found[where])
    return found


def silent(part: np.ndarray) -> np.ndarray:
    return 0 * part


def anti_phase(part: np.ndarray) -> np.ndarray:
    """The second channel is the first one turned over, so that they sum to nothing."""
    return part[..., :1] * FLIPPED


def dual_mono(part: np.ndarray) -> np.ndarray:
    return part[..., [0, 0]]


ALL = slice(None)
CASES = {
    "typical": Case(),
    "v3": Case(mode="v3"),
    "half a second of hop": Case(hop_s=0.5),
    "one window": Case(window_s=None),
    "four sources": Case(sources=4, seconds=2.0),
    "part of a second left": Case(seconds=2.9),
    "shorter than a window": Case(seconds=0.5),
    "identity": Case(lambda ref, est: (ref, ref)),
    "scale0.5": Case(lambda ref, est: (ref, 0.5 * ref)),
    "polarity": Case(lambda ref, est: (ref, -ref)),
    "delay1": Case(lambda ref, est: (ref, delayed(ref, 1))),
    "delay600": Case(lambda ref, est: (ref, delayed(ref, 600))),
    "swapped": Case(lambda ref, est: (ref, est[::-1])),
    "LR-swapped": Case(lambda ref, est: (ref, est[..., ::-1])),
    "hard-panned": Case(lambda ref, est: (changed(ref, (1, ALL, 1), silent), est)),
    "anchor est lp3k5": Case(lambda ref, est: (ref, lowpassed(ref, 3500))),
    "mixture as est": Case(lambda ref, est: (ref, np.stack([ref.sum(axis=0)] * len(ref)))),
    "lowpassed16k": Case(lambda ref, est: (lowpassed(ref, 16_000), lowpassed(est, 16_000))),
    "lowpassed16k, 16 bit": Case(lambda ref, est: (integers(lowpassed(ref, 16_000)), integers(lowpassed(est, 16_000)))),
    "lowpassed3k5 both": Case(lambda ref, est: (lowpassed(ref, 3500), lowpassed(est, 3500))),
    "dual mono L=R": Case(lambda ref, est: (dual_mono(ref), dual_mono(est))),
    "mono reference": Case(lambda ref, est: (dual_mono(ref), est)),
    "anti-phase source": Case(lambda ref, est: (changed(ref, (0,), anti_phase), est)),
    "anti-phase source, flipped": Case(lambda ref, est: (changed(ref, (0,), anti_phase) * FLIPPED, est * FLIPPED)),
    "anti-phase second": Case(lambda ref, est: (changed(ref, (0, second(2)), anti_phase), est)),
    "anti-phase second, flipped": Case(
        lambda ref, est: (changed(ref, (0, second(2)), anti_phase) * FLIPPED, est * FLIPPED)
    ),
    "anti-phase estimate": Case(lambda ref, est: (ref, changed(est, (0,), anti_phase))),
    "anti-phase estimate, flipped": Case(lambda ref, est: (ref * FLIPPED, changed(est, (0,), anti_phase) * FLIPPED)),
    "silent ref frame": Case(lambda ref, est: (changed(ref, (0, second(2)), silent), est)),
    "silent ref frame, but for -180 dB": Case(lambda ref, est: (changed(ref, (0, second(2)), lambda x: 1e-9 * x), est)),
    "silent source": Case(lambda ref, est: (changed(ref, (1,), silent), est)),
    "zero estimate": Case(lambda ref, est: (ref, changed(est, (1,), silent))),
    "zero estimate in a frame": Case(lambda ref, est: (ref, changed(est, (1, second(2)), silent))),
    "estimate 3000 frames short": Case(lambda ref, est: (ref, est[:, :-3000])),
}


def main() -> None:
    """Ask museval, and keep what it says: values per frame, or the beginning of its error."""
    sys.modules["musdb"] = types.ModuleType("musdb")  # asks for ffmpeg when imported; no such file is read here
    import museval  # pyright: ignore[reportMissingImports]

    warnings.simplefilter("ignore")
    said: dict[str, object] = {"made by": "museval 0.4.1, tests/analysis/stem_cases.py"}
    for name, case in CASES.items():
        lengths = [
            RATE_HZ * (np.inf if case.window_s is None else length) for length in (case.window_s or 1, case.hop_s)
        ]
        try:
            found = museval.evaluate(*case.signals(), win=lengths[0], hop=lengths[1], mode=case.mode)
            said[name] = {metric: np.round(value, 7).tolist() for metric, value in zip(NAMES, found, strict=True)}
        except ValueError as error:
            said[name] = str(error)[:60]
    VALUES.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
