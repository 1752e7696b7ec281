"""BSS Eval v3 of the target among all true sources, for numbers beside those of older papers.

Filters are estimated anew in every frame of 30 s, one every 15 s, as in mir_eval's ``bss_eval_images_framewise``; a
shorter sound is one frame. Medians over frames.

Defines: ``FAMILY``.
"""

from __future__ import annotations

import numpy as np

from analysis.metrics.bss.images import NAMES, References
from analysis.metrics.families.bss import UNKNOWN_SOURCES, number_of
from analysis.metrics.family import Family, Metric
from analysis.metrics.truth import Measured, Truth

PAPER = "Vincent et al. 2012, doi:10.1016/j.sigpro.2011.10.007"
WINDOW_S, HOP_S = 30.0, 15.0


def _references(truth: Truth) -> References:
    sounds = np.stack([truth.reference, *truth.others.values()])
    return References(sounds, truth.rate_hz, window_s=WINDOW_S, hop_s=HOP_S, arithmetic=truth.arithmetic)


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    medians = truth.once(_references).scores_anew(estimate[None], [0]).medians()
    found = {f"bss_v3_{name}_db": number_of(float(medians[name][0])) for name in NAMES}
    if not truth.others:
        found |= {"bss_v3_sir_db": UNKNOWN_SOURCES, "bss_v3_sar_db": UNKNOWN_SOURCES}
    return found


FAMILY = Family(
    "bss_v3",
    1,
    tuple(Metric(f"bss_v3_{name}_db", f"BSS Eval v3 {name.upper()}", "dB", "higher", PAPER) for name in NAMES),
    _measure,
    optional=True,
    valid="Stereo or mono images; 512-tap filters, estimated anew every 30 s.",
)
