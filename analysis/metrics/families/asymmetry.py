"""Stereo separation asymmetry (SSA): is one side separated better than the other?

SSA_m = |m(left) - m(right)| in dB, m being SI-SDR or SDR (|s|^2 / |e - s|^2) of one channel; 0 is symmetric, and
swapping the sides changes nothing. The formula published under this name is not known to us; this is ours.

Over the whole signal, and in frames of 1 s (a part of a second at the end left out, a shorter signal one frame): their
mean and 95th percentile. Left out are frames in which a channel of the reference is below -60 dBFS (RMS), and those in
which a side has no number: the estimate is silent there, or a copy of the reference (100 dB or more). Where a side of
the estimate is silent throughout there is no asymmetry at all.

Conventions: sound (frames, 2), full scale 1.0, at the level it had before any gain. Defines: ``ssa``, ``FAMILY``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.metrics import signals
from analysis.metrics.families.ratios import SHORTEST_S
from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import COPY_DB, need_stereo, pieces
from analysis.metrics.truth import Measured, NoNumber, Truth, need_length

FRAME_S = 1.0
AUDIBLE_DBFS = -60.0
PERCENTILE = 95
SIDES = ("left", "right")

Ratio = Callable[[np.ndarray, np.ndarray], float]
RATIOS: dict[str, tuple[str, Ratio]] = {"si_sdr": ("SI-SDR", signals.si_sdr), "sdr": ("SDR", signals.sdr)}


def ssa(ratio: Ratio, reference: np.ndarray, estimate: np.ndarray) -> float | NoNumber:
    """|ratio(left) - ratio(right)| in dB, or why there is none.

    Parameters
    ----------
    ratio : of a reference and an estimate (frames, 1), in dB.
    """
    for name, side in zip(SIDES, (0, 1), strict=True):
        if not np.any(estimate[:, side]):  # SDR would be 0 dB, whatever was there
            return NoNumber(f"the {name} channel of the estimate is silent")
    sides = [ratio(reference[:, side : side + 1], estimate[:, side : side + 1]) for side in (0, 1)]
    for name, value in zip(SIDES, sides, strict=True):
        if value >= COPY_DB:
            return NoNumber(f"the {name} channel is a copy of the reference's: no distortion to measure")
        if value <= -COPY_DB:
            return NoNumber(f"the {name} channel has nothing in common with the reference's")
    return abs(sides[0] - sides[1])


def _in_frames(truth: Truth, estimate: np.ndarray, ratio: Ratio) -> np.ndarray:
    """SSA of each frame that has one."""
    size = round(FRAME_S * truth.rate_hz)
    whole = len(estimate) // size * size or len(estimate)
    framed = [(truth.reference[part], estimate[part]) for part in pieces(whole, size)]
    audible = 10 ** (AUDIBLE_DBFS / 10)
    found = [ssa(ratio, s, e) for s, e in framed if (np.einsum("fc,fc->c", s, s) >= audible * len(s)).all()]
    return np.array([value for value in found if not isinstance(value, NoNumber)])


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    need_stereo(truth.reference)
    need_length(truth, SHORTEST_S, "a ratio")
    found: dict[str, float | NoNumber] = {}
    for name, (_, ratio) in RATIOS.items():
        framed = _in_frames(truth, estimate, ratio)
        none = NoNumber("no second in which both channels of the reference are above -60 dBFS and have a ratio")
        found[f"ssa_{name}_db"] = ssa(ratio, truth.reference, estimate)
        found[f"ssa_{name}_frames_mean_db"] = float(framed.mean()) if len(framed) else none
        found[f"ssa_{name}_frames_p95_db"] = float(np.percentile(framed, PERCENTILE)) if len(framed) else none
    return found


SOURCE = "this project's definition, stated in the module"

FAMILY = Family(
    "asymmetry",
    2,
    tuple(
        Metric(f"ssa_{name}{of}_db", f"SSA of {label}{said}", "dB", "lower", SOURCE)
        for name, (label, _) in RATIOS.items()
        for of, said in (("", ""), ("_frames_mean", ", mean of seconds"), ("_frames_p95", ", 95th percentile"))
    ),
    _measure,
    valid="stereo",
)
