"""The scores that museval 0.4.1 wrote into tests/data/museval, and how.

``test/TRACK.json``: ``store = museval.TrackStore(TRACK, win=1.0, hop=1.0)``, ``store.add_target(target, values)`` for
each of ``scores(TRACK)``, ``store.save(...)``. ``aggregated.json``: ``store = museval.EvalStore(frames_agg,
tracks_agg)``, ``store.add_eval_dir("tests/data/museval")``, then ``agg_frames_scores()`` under the name of
``frames_agg``, and ``agg_frames_tracks_scores()`` under ``"frames_agg tracks_agg"``.
"""

from __future__ import annotations

import numpy as np

TRACKS = ("A Song - Live (2)", "Blues", "Chorale")
FRAMES = 5


def scores(track: str) -> dict[str, dict[str, np.ndarray]]:
    """Five frames of two targets; ties of rounding, infinity, frames without a number, a metric without any."""
    start = 1.0 + TRACKS.index(track)
    found = {
        target: {
            metric: start * np.sin(np.arange(FRAMES) * (1 + place + 0.7 * other) + place) * 10 + other
            for place, metric in enumerate(("SDR", "ISR", "SIR", "SAR"))
        }
        for other, target in enumerate(("vocals", "accompaniment"))
    }
    found["vocals"]["SDR"][:3] = [1 / 64, 3 / 64, -1e-7]
    found["accompaniment"]["SIR"][1:4] = [np.inf, -np.inf, np.nan]
    if track == "Blues":
        found["vocals"]["ISR"][:] = np.nan
    return found
