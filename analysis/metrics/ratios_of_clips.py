"""Two ratios of every clip of a stimulus set, in a second: for a report of a set that nobody has scored.

On the clips that were heard, with the logged gain of each undone. Where no number is defined, the row has none and
gives the reason: silence, NaN and mismatch never become a number.

Defines: ``METRICS``, ``ratios_of_clips``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics.clips import before_gain
from analysis.metrics.families.ratios import mdx_sdr, si_sdr
from stimuli.manifest import Clip, Manifest

COPY_DB = 100
"""SI-SDR from which an estimate is a copy of the reference: what is left is rounding, and its level says nothing."""
METRICS = {"si_sdr_db": si_sdr, "mdx_sdr_db": mdx_sdr}
COLUMNS = ("item", "condition", "role", *METRICS, "reason")


def ratios_of_clips(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """Every anchor and system of every item against the item's reference.

    Returns
    -------
    DataFrame
        item, condition, role, si_sdr_db, mdx_sdr_db (dB, missing where undefined), reason ("" where there are numbers).
    """
    rows = [
        {"item": clip.item, "condition": clip.condition, "role": clip.role} | _scores(folder, reference, clip)
        for item in manifest.items
        for reference in [c for c in manifest.clips if c.item == item.name and c.role == "reference"]
        for clip in manifest.clips
        if clip.item == item.name and clip.role in ("anchor", "system")
    ]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _scores(folder: Path, reference: Clip, clip: Clip) -> dict[str, Any]:
    """The numbers of one clip, or why there are none."""
    found: dict[str, Any] = {**dict.fromkeys(METRICS, np.nan), "reason": ""}
    try:
        wanted, heard = (before_gain(folder, one) for one in (reference, clip))
        values = {name: metric(wanted, heard) for name, metric in METRICS.items()}
    except AnalysisError as error:
        return found | {"reason": str(error)}
    if values["si_sdr_db"] > COPY_DB:
        return found | {"reason": "a copy of the reference but for its level: no distortion to measure"}
    if not np.isfinite(list(values.values())).all():
        return found | {"reason": "nothing in common with the reference"}
    return found | values
