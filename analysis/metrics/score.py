"""Run the metrics over a stimulus set: on the clips that were heard, with the logged gain of each undone.

Both ends of every clip are faded in the same way, so that reference and estimate differ there by no more than
elsewhere. Where no number is defined, the row has none and gives the reason: silence, NaN and mismatch never become
a number.

Defines: ``METRICS``, ``score``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from analysis.errors import AnalysisError
from analysis.metrics.families.ratios import mdx_sdr, si_sdr
from stimuli.manifest import Clip, Manifest

COPY_DB = 100
"""SI-SDR from which an estimate is a copy of the reference: what is left is rounding, and its level says nothing."""
METRICS = {"si_sdr_db": si_sdr, "mdx_sdr_db": mdx_sdr}
COLUMNS = ("item", "condition", "role", *METRICS, "reason")


def score(folder: Path, manifest: Manifest) -> pd.DataFrame:
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
        wanted, heard = (_before_gain(folder, one) for one in (reference, clip))
        values = {name: metric(wanted, heard) for name, metric in METRICS.items()}
    except AnalysisError as error:
        return found | {"reason": str(error)}
    if values["si_sdr_db"] > COPY_DB:
        return found | {"reason": "a copy of the reference but for its level: no distortion to measure"}
    if not np.isfinite(list(values.values())).all():
        return found | {"reason": "nothing in common with the reference"}
    return found | values


def _before_gain(folder: Path, clip: Clip) -> np.ndarray:
    """Samples of a clip (frames, channels) at the level they had before the set's gain."""
    path = folder / clip.file
    try:
        samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError):
        raise AnalysisError(f"{path.name}: missing or not a sound file") from None
    if (len(samples), rate_hz) != (clip.frames, clip.rate_hz):
        raise AnalysisError(
            f"{path.name}: {len(samples)} frames at {rate_hz} Hz; expected {clip.frames} at {clip.rate_hz} Hz"
        )
    return samples * 10 ** (-clip.gain_db / 20)
