"""Run the metrics over a stimulus set: the excerpt that was heard, from the full-length renders before any gain.

Where a render is gone, reference and estimate are both taken from their clips with the logged gain undone, and the
row says so: a clip has faded ends, and would differ from a render for that alone. Where no number is defined, the
row has none and gives the reason: silence, NaN and mismatch never become a number.

Defines: ``METRICS``, ``score``.
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

COPY_DB = 100
"""SI-SDR from which an estimate is a copy of the reference: what is left is rounding, and its level says nothing."""
METRICS = {"si_sdr_db": si_sdr, "mdx_sdr_db": mdx_sdr}
COLUMNS = ("item", "condition", "role", *METRICS, "source", "reason")


def score(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """Every anchor and system of every item against the item's reference.

    Returns
    -------
    DataFrame
        item, condition, role, si_sdr_db, mdx_sdr_db (dB, missing where undefined), source ("render", "clip", or ""
        where neither could be read), reason ("" where there are numbers).
    """
    rows = [
        {"item": clip.item, "condition": clip.condition, "role": clip.role} | _scores(folder, manifest, reference, clip)
        for item in manifest.items
        for reference in [c for c in manifest.clips if c.item == item.name and c.role == "reference"]
        for clip in manifest.clips
        if clip.item == item.name and clip.role in ("anchor", "system")
    ]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _scores(folder: Path, manifest: Manifest, reference: Clip, clip: Clip) -> dict[str, Any]:
    """The numbers of one clip, or why there are none."""
    found: dict[str, Any] = {**dict.fromkeys(METRICS, np.nan), "source": "", "reason": ""}
    try:
        wanted, heard, found["source"] = _pair(folder, manifest, reference, clip)
        values = {name: metric(wanted, heard) for name, metric in METRICS.items()}
    except AnalysisError as error:
        return found | {"reason": str(error)}
    if values["si_sdr_db"] > COPY_DB:
        return found | {"reason": "a copy of the reference but for its level: no distortion to measure"}
    if not np.isfinite(list(values.values())).all():
        return found | {"reason": "nothing in common with the reference"}
    return found | values


def _pair(folder: Path, manifest: Manifest, reference: Clip, clip: Clip) -> tuple[np.ndarray, np.ndarray, str]:
    """Reference and estimate as heard, before any gain, both from one kind of file."""
    renders = [_render_path(folder, manifest, one) for one in (reference, clip)]
    if all(path.is_file() for path in renders):
        start = round(manifest.item(clip.item).start_s * clip.rate_hz)
        wanted, heard = (_read(path, start, clip.frames, clip.rate_hz) for path in renders)
        return wanted, heard, "render"
    wanted, heard = (
        _read(folder / one.file, 0, one.frames, one.rate_hz) * 10 ** (-one.gain_db / 20) for one in (reference, clip)
    )
    return wanted, heard, "clip"


def _render_path(folder: Path, manifest: Manifest, clip: Clip) -> Path:
    return folder / manifest.renders / f"{clip.render_key}.wav"


def _read(path: Path, start: int, frames: int, rate_hz: int) -> np.ndarray:
    """Samples (frames, channels) of a part of a file; frames beyond its end are refused, not filled up."""
    try:
        with soundfile.SoundFile(path) as sound:
            if sound.samplerate != rate_hz or sound.frames < start + frames:
                raise AnalysisError(
                    f"{path.name}: {sound.frames} frames at {sound.samplerate} Hz; "
                    f"expected at least {start + frames} at {rate_hz} Hz"
                )
            sound.seek(start)
            return sound.read(frames, dtype="float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError):
        raise AnalysisError(f"{path.name}: missing or not a sound file") from None
