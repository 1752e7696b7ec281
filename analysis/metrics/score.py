"""Run the metrics over a stimulus set: the excerpt that was heard, from the full-length renders before any gain.

Where a render is gone, the clip is taken with its logged gain undone, and the row says so. Where no number is
defined, the row has none and gives the reason: silence and mismatch never become a number.

Defines: ``score``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from analysis.errors import AnalysisError
from analysis.metrics.sdr import mdx_sdr, si_sdr
from stimuli.manifest import Clip, Manifest

METRICS = {"si_sdr_db": si_sdr, "mdx_sdr_db": mdx_sdr}


def score(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """Every anchor and system of every item against the item's reference.

    Returns
    -------
    DataFrame
        item, condition, role, si_sdr_db, mdx_sdr_db (dB, missing where undefined), source ("render" or "clip"),
        reason ("" where there is a number).
    """
    rows = []
    for item in manifest.items:
        clips = [clip for clip in manifest.clips if clip.item == item.name]
        reference = next(clip for clip in clips if clip.role == "reference")
        wanted, source = _excerpt(folder, manifest, reference)
        for clip in clips:
            if clip.role in ("anchor", "system"):
                heard, own_source = _excerpt(folder, manifest, clip)
                both = source if source == own_source else "clip"
                rows.append(_row(clip, wanted, heard) | {"source": both})
    return pd.DataFrame(rows)


def _row(clip: Clip, wanted: np.ndarray, heard: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {"item": clip.item, "condition": clip.condition, "role": clip.role, "reason": ""}
    for name, metric in METRICS.items():
        try:
            value = metric(wanted, heard)
        except AnalysisError as error:
            found |= {name: np.nan, "reason": str(error)}
        else:
            found[name] = value if np.isfinite(value) else np.nan
            found["reason"] = found["reason"] if np.isfinite(value) else "a copy of the reference"
    return found


def _excerpt(folder: Path, manifest: Manifest, clip: Clip) -> tuple[np.ndarray, str]:
    """The samples of a clip before its gain, and where they come from."""
    item = manifest.item(clip.item)
    render = folder / manifest.renders / f"{clip.render_key}.wav"
    if render.is_file():
        start = round(item.start_s * clip.rate_hz)
        samples, _ = soundfile.read(render, start=start, frames=clip.frames, dtype="float64", always_2d=True)
        return samples, "render"
    samples, _ = soundfile.read(folder / clip.file, dtype="float64", always_2d=True)
    return samples * 10 ** (-clip.gain_db / 20), "clip"
