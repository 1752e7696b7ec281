"""Drop-outs: where the estimate falls away while the reference goes on.

Levels of 50 ms frames, one every 25 ms, all channels together. A frame is *audible* where the reference is at most
40 dB below its own level over the whole signal. The estimate's overall gain is the level less the reference's that
three quarters of the reference's energy lie at or below, over audible frames in which the estimate sounds at all; what
an estimate is below that is its *fall*. A fall of more than 10 dB, heard as about half as loud (Stevens 1955,
doi:10.1121/1.1908048), is a drop-out; frames of it that follow each other are one. A fall counts up to 60 dB: nobody
hears how silent silence is.

Why an upper quartile: a mean or median is pulled down by long drop-outs; a maximum is what interference makes of one
frame. Why of energy: interference raises the level most where the reference is soft, and these frames count little.
It fails where more than three quarters are attenuated (then that is taken for the gain), and where for more than a
quarter other sources are much louder than the reference (then the rest is taken for fallen). Where the estimate's
level goes up and down by a few dB, falls are about as much deeper than from a median.

Channels are not looked at one by one: where one of two equally loud channels is silent the level falls by 3 dB, which
is no drop-out. Interference fills gaps, so that an estimate full of other sources has few drop-outs: look at these
beside the ratios.

Conventions: sound (frames, channels); a fall is positive, in dB; durations in s.
Defines: ``falls``, ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import step_energy
from analysis.metrics.truth import Measured, Truth

HOP_S = 0.025
"""Half a frame; rounded to samples."""
USUAL = 0.75
"""Share of the reference's energy that lies at or below the overall gain."""
AUDIBLE_DB = -40.0
DROP_DB = 10.0
DEEPEST_DB = 60.0


def falls(reference: np.ndarray, estimate: np.ndarray, rate_hz: int) -> np.ndarray:
    """How far the estimate is below its usual distance from the reference, frame by frame.

    Returns
    -------
    float (frames of 50 ms,)
        In dB, from -inf (far above) to 60; NaN where the reference can't be heard.

    Raises
    ------
    AnalysisError
        For less than one frame, and where the estimate is silent wherever the reference is not.
    """
    wanted, found = (_frame_energy(sound, rate_hz) for sound in (reference, estimate))
    audible = wanted > wanted.mean() * 10 ** (AUDIBLE_DB / 10)
    heard = audible & (found > 0)
    if not heard.any():
        raise AnalysisError("the estimate is silent wherever the reference is heard")
    level = np.full(len(wanted), np.nan)
    level[audible] = -np.inf
    level[heard] = 10 * np.log10(found[heard] / wanted[heard])
    return np.minimum(_usual(level[heard], wanted[heard]) - level, DEEPEST_DB)


def _usual(level: np.ndarray, weight: np.ndarray) -> float:
    """The level that a share ``USUAL`` of the weight lies at or below."""
    order = np.argsort(level)
    reached = np.cumsum(weight[order])
    return float(level[order][np.searchsorted(reached, USUAL * reached[-1])])


def _step(rate_hz: int) -> int:
    return max(round(HOP_S * rate_hz), 1)


def _frame_energy(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    halves = step_energy(sound, _step(rate_hz)).sum(axis=1)
    if len(halves) < 2:
        raise AnalysisError(f"shorter than one frame of {2 * HOP_S * 1000:g} ms")
    return halves[:-1] + halves[1:]


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    found = falls(truth.reference, estimate, truth.rate_hz)
    dropped = np.nan_to_num(found) > DROP_DB
    begins = int(dropped[0]) + int(np.count_nonzero(dropped[1:] & ~dropped[:-1]))
    return {
        "dropouts_count": float(begins),
        "dropout_depth_db": max(float(np.nanmax(found)), 0.0),
        # Frames overlap by half: each counts one hop, and the last of a drop-out the rest of its frame.
        "dropouts_s": _step(truth.rate_hz) / truth.rate_hz * (int(dropped.sum()) + begins),
    }


SOURCE = "this project's definition, stated in the module"

FAMILY = Family(
    "dropouts",
    2,
    (
        Metric("dropouts_count", "Drop-outs", "", "lower", SOURCE),
        Metric("dropout_depth_db", "Deepest fall of level", "dB", "lower", SOURCE),
        Metric("dropouts_s", "Drop-outs, total", "s", "lower", SOURCE),
    ),
    _measure,
    valid="counts of excerpts of different length can't be compared",
)
