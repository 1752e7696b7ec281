"""A small study to analyse: a stimulus set with real sound files, and simulated ratings from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from mushra_app.ratings import Row, write_csv
from stimuli import experiment as experiments
from stimuli import manifest as manifests
from stimuli.experiment import Experiment
from stimuli.manifest import Clip, ItemRecord, Manifest, Provenance

RATE_HZ = 8000
START_S, LENGTH_S, SONG_S = 0.5, 1.0, 2.0
GAINS_DB = {"ours": -6.0, "classic": 2.0}
"""Gain of a condition's clips; -3 dB where none is named."""
MEANS = {"reference": 99, "lowpass-7000": 60, "lowpass-3500": 25, "ours": 80, "theirs": 65, "classic": 50}
NOISE = {"lowpass-7000": 0.3, "lowpass-3500": 0.8, "ours": 0.1, "theirs": 0.3, "classic": 0.5}
"""How much noise each condition's sound holds besides the reference."""


def experiment(**analysis: Any) -> Experiment:
    """Seven items to test and one for training, three systems, both required anchors."""
    uses = ["test"] * 7 + ["training"]
    items = [
        {"song": f"Song {n}", "excerpt": {"start_s": START_S, "length_s": LENGTH_S}, "use": use}
        for n, use in enumerate(uses)
    ]
    return Experiment.model_validate(
        {
            "experiment": {"name": "small", "title": "A small <study> & its ratings"},
            "attributes": [{"name": "overall", "question": "How good is it?"}],
            "items": items,
            "systems": [{"name": n, "kind": "centre_cancellation"} for n in ("ours", "theirs", "classic")],
            "anchors": [{"kind": "lowpass", "cutoff_hz": 3500}, {"kind": "lowpass", "cutoff_hz": 7000}],
            "analysis": analysis,
        }
    )


def build(folder: Path, described: Experiment) -> Manifest:
    """Write clips and the manifest."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    clips = [
        _clip(folder, item.key, condition, role)
        for item in described.items
        for condition, role in [
            ("reference", "reference"),
            ("reference", "hidden_reference"),
            *((anchor.name, "anchor") for anchor in described.anchors),
            *((system.name, "system") for system in described.systems),
        ]
    ]
    stimuli_id = experiments.identity([clip.samples_sha256 for clip in clips])
    manifest = Manifest(
        stimuli_id=stimuli_id,
        study_id=experiments.study_id(described, stimuli_id),
        title=described.experiment.title,
        made_at="2025-01-01T00:00:00Z",
        versions={},
        experiment=described,
        renders="renders",
        items=tuple(
            ItemRecord(
                **{"name": i.key, "song": i.song, "start_s": START_S, "length_s": LENGTH_S},
                **{"target": "accompaniment", "dataset": "", "use": i.use},
            )
            for i in described.items
        ),
        clips=tuple(clips),
    )
    manifests.write(folder, manifest)
    return manifest


def song(item: str, condition: str) -> np.ndarray:
    """A whole song's output: the item's own noise, and for all but the reference some more."""
    seed = int(hashlib.sha256(item.encode()).hexdigest()[:8], 16)
    frames = round(SONG_S * RATE_HZ)
    draw = np.random.default_rng(seed)
    clean = 0.1 * draw.standard_normal((frames, 2)).clip(-3, 3)
    return clean + NOISE.get(condition, 0) * 0.1 * draw.standard_normal((frames, 2)).clip(-3, 3)


def _clip(folder: Path, item: str, condition: str, role: Any) -> Clip:
    token = hashlib.sha256(f"{item}/{condition}/{role}".encode()).hexdigest()[:24]
    whole = song(item, condition)
    gain_db = GAINS_DB.get(condition, -3.0)
    cut = whole[round(START_S * RATE_HZ) :][: round(LENGTH_S * RATE_HZ)] * 10 ** (gain_db / 20)
    path = folder / "clips" / f"{token}.flac"
    soundfile.write(path, cut, RATE_HZ, subtype="PCM_24", format="FLAC")
    return Clip(
        **{"token": token, "file": f"clips/{token}.flac", "sha256": manifests.file_sha256(path)},
        **{"samples_sha256": hashlib.sha256(cut.tobytes()).hexdigest(), "item": item, "condition": condition},
        **{"role": role, "rate_hz": RATE_HZ, "frames": len(cut), "channels": 2, "lufs_before": -20.0},
        **{"lufs_after": -23.0, "gain_db": gain_db, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5},
        **{"lag_s": 0.0, "polarity": 1, "render_key": "", "provenance": Provenance(kind="made", version="1")},
    )


def rows(manifest: Manifest, *, listeners: int = 8, seed: int = 1, simulated: bool = False) -> list[Row]:
    """Ratings that listeners with their own leniency might give; one training trial each."""
    draw = np.random.default_rng(seed)
    return [
        _row(manifest, f"L{number:02d}", item, condition, simulated)
        | {"rating": float(np.clip(round(mean + lean + draw.normal(0, 6)), 0, 100)) if mean < 99 else 100.0}
        for number in range(listeners)
        for lean in [draw.normal(0, 4)]
        for item in manifest.items
        for condition, mean in MEANS.items()
    ]


def _row(manifest: Manifest, listener: str, item: ItemRecord, condition: str, simulated: bool) -> Row:
    role = next(clip.role for clip in manifest.clips if clip.condition == condition and clip.role != "reference")
    return {
        **{"study": "small", "study_id": manifest.study_id, "stimuli_id": manifest.stimuli_id},
        **{"listener": listener, "session": f"S-{listener}", "trial": f"T-{listener}-{item.name}", "presentation": 1},
        **{"attribute": "overall", "song": item.song, "item": item.name, "target": item.target, "role": role},
        **{"condition": condition, "slot": 1, "replicate": 0, "training": item.use == "training"},
        **{"simulated": simulated, "finished": True, "moved": True},
        **{"fade_mode": "bs1534", "transducer": "headphones", "experience": "experienced", "level_db_a": 78.0},
    }


def save(path: Path, found: Iterable[Row]) -> Path:
    """Write an export; returns its path."""
    write_csv(path, found)
    return path


def frame(means: dict[str, list[float]]) -> pd.DataFrame:
    """A frame of ratings of one item: condition to one rating per listener."""
    return pd.DataFrame(
        [
            {"listener": f"L{n:02d}", "item": "i", "condition": condition, "replicate": 0, "rating": value}
            for condition, values in means.items()
            for n, value in enumerate(values)
        ]
    )
