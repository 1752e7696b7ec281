"""What "SDR" means in a published table: measures of one name that can't be compared with each other.

Defines: ``Definition``, ``DEFINITIONS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from analysis.metrics.families.bss import PAPER
from analysis.metrics.families.ratios import LE_ROUX, MDX
from analysis.metrics.results.museval_json import Over

VINCENT = "Vincent et al. 2006, doi:10.1109/TSA.2005.858005"
BSS = {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "isr": "ISR"}


@dataclass(frozen=True)
class Definition:
    """Measures that are computed together; all in dB, more is better.

    ``metrics``: how a measure is spelled in tables (small letters, ``_`` between) to what people read. ``over_frames``:
    what stands for the frames of a song, None where the measure is of whole songs or nobody agreed on it.
    ``over_songs``: what stands for the songs of a data set.
    """

    says: str
    metrics: Mapping[str, str]
    over_frames: Over | None
    over_songs: Over
    source: str


DefinitionName = Literal["bss_eval_v4", "bss_eval_v3", "mdx", "si_sdr"]
DEFINITIONS: dict[DefinitionName, Definition] = {
    "bss_eval_v4": Definition(
        "BSS Eval v4 as in SiSEC 2018: filters of 512 taps on the whole song, frames of 1 s",
        BSS | {"csdr": "SDR"},
        "median",
        "median",
        PAPER,
    ),
    "bss_eval_v3": Definition("BSS Eval v3: filters anew in every frame", BSS, None, "mean", VINCENT),
    "mdx": Definition(
        "MDX'21 and SDX'23: energies of the whole song over all channels, nothing filtered, level counts",
        {"sdr": "SDR", "usdr": "SDR"},
        None,
        "mean",
        MDX,
    ),
    "si_sdr": Definition(
        "scale-invariant SDR of the whole song", {"si_sdr": "SI-SDR", "sisdr": "SI-SDR"}, None, "mean", LE_ROUX
    ),
}
