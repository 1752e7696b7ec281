"""A study too large for any laboratory: a stimulus set of many items with short sounds, and an export of their ratings.

Ratings are simulated from the variance components of a real test; every column of the contract is filled as the app
fills it, so that reading costs what it costs.

Defines: ``build``, ``export``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import small_study

from analysis.statistics.planning.components import PRESETS
from analysis.statistics.planning.simulate import STANDARDS, Answers, simulate
from analysis.statistics.planning.trials import Trials
from mushra_app.ratings import COLUMNS
from stimuli.experiment import Experiment
from stimuli.manifest import Manifest

SYSTEMS = {"ours": 74.0, "theirs": 71.0, "classic": 66.0, "older": 63.0, "oldest": 63.0}
"""Condition to true mean, in points; two of them are equal."""
NOISE = {"older": 0.6, "oldest": 0.7}


def build(folder: Path, *, items: int) -> Manifest:
    """Write a set with one second of each item under eight conditions."""
    small_study.NOISE.update(NOISE)
    songs = [
        {"song": f"Song {number:02d}", "excerpt": {"start_s": small_study.START_S, "length_s": small_study.LENGTH_S}}
        for number in range(items)
    ]
    described = Experiment.model_validate(
        {
            "experiment": {"name": "large", "title": "A very large study"},
            "attributes": [{"name": "overall", "question": "How good is it?"}],
            "items": songs,
            "systems": [{"name": name, "kind": "centre_cancellation"} for name in SYSTEMS],
            "anchors": [{"kind": "lowpass", "cutoff_hz": 3500}, {"kind": "lowpass", "cutoff_hz": 7000}],
            "analysis": {"inference": "items in general", "equivalence_margin": 3.0, "listeners": 1000},
        }
    )
    return small_study.build(folder, described)


def export(path: Path, manifest: Manifest, *, listeners: int, seed: int) -> int:
    """Write an export of the ratings of all items by so many listeners; returns how many ratings."""
    trials = Trials(listeners=listeners, items=len(manifest.items), systems=len(SYSTEMS))
    rated = simulate(
        PRESETS["sisec08"].components,
        trials,
        {**STANDARDS, **SYSTEMS},
        seed=seed,
        answers=Answers(bounded=True),
    )
    draw = np.random.default_rng(seed)
    page = rated.groupby(["listener", "item"], sort=False).ngroup().to_numpy()
    pages = int(page.max()) + 1
    named = {f"I{number + 1:03d}": item for number, item in enumerate(manifest.items)}
    roles = {clip.condition: clip.role for clip in manifest.clips if clip.role != "reference"}
    saved = pd.Timestamp("2026-01-05T09:00:00Z") + pd.to_timedelta(41 * np.arange(pages), unit="s")
    of_page = {
        "trial": [f"T{number:06d}" for number in range(pages)],
        "trial_s": draw.uniform(20, 90, pages).round(1),
        "saved_at": saved.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    columns = {
        **{"study": manifest.experiment.experiment.name, "study_id": manifest.study_id},
        **{"stimuli_id": manifest.stimuli_id, "listener": rated["listener"], "session": "S-" + rated["listener"]},
        **{name: np.asarray(values)[page] for name, values in of_page.items()},
        **{"part": 1, "presentation": page % len(manifest.items) + 1, "attribute": "overall"},
        "song": rated["item"].map({name: item.song for name, item in named.items()}),
        "item": rated["item"].map({name: item.name for name, item in named.items()}),
        **{"target": manifest.items[0].target, "condition": rated["condition"], "role": rated["condition"].map(roles)},
        **{"slot": rated.groupby(page).cumcount() + 1, "rating": rated["rating"].astype(int), "replicate": 0},
        **{"training": "false", "attention_check": "false", "simulated": "true", "finished": "true", "moved": "true"},
        **{"heard_s": draw.uniform(1, 30, len(rated)).round(1), "plays": draw.integers(1, 9, len(rated))},
        **{"fade_mode": "bs1534", "engine": "audioworklet", "rate_hz": 48000, "transducer": "headphones"},
        **{"experience": "experienced", "level_db_a": 78, "language": "en", "altered": 0, "revision": 1},
    }
    whole = pd.DataFrame(columns, index=rated.index).reindex(columns=[column.name for column in COLUMNS])
    whole.to_csv(path, index=False)
    return len(whole)
