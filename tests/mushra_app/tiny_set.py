"""A tiny stimulus set, made directly through the manifest's models with real FLAC files.

Run it to look at the pages: ``python tests/mushra_app/tiny_set.py DIR`` writes the set, then
``mushra publish DIR --data DATA`` and ``mushra serve --data DATA``.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from stimuli import experiment as experiments
from stimuli import manifest as manifests
from stimuli.audio import samples_sha256
from stimuli.experiment import Experiment
from stimuli.manifest import Clip, ItemRecord, Manifest, Provenance

RATE_HZ = 44100
FRAMES = RATE_HZ
SYSTEMS = ("zebra-net", "quokka-sep")
Sound = Callable[[str, str], np.ndarray]
"""Gives the samples of a clip by item and condition, the same ones every time."""


def experiment(**changes: Any) -> Experiment:
    """Two items to test and one for training, two systems, two anchors, one question before and two after."""
    items = [
        {"song": f"Walrus {n}", "excerpt": {"start_s": n, "length_s": 1}, "dataset": "yonder", "use": use}
        for n, use in enumerate(("training", "test", "test"))
    ]
    written = {
        "experiment": {"name": "tiny", "title": "A tiny test", "contact": "lab@example.org"},
        "attributes": [{"name": "overall", "question": "How good is the overall quality?"}],
        "items": items,
        "systems": [{"name": name, "kind": "centre_cancellation"} for name in SYSTEMS],
        "anchors": [{"kind": "lowpass", "cutoff_hz": 3500}, {"kind": "lowpass", "cutoff_hz": 7000}],
        "test": {"references": ["reference", "mixture"]},
        "setup": {"level": False, "sides": False},
        "questions": [
            {"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no"], "when": "before"},
            {"name": "age", "text": "How old are you?", "type": "number", "personal": True},
            {"name": "remarks", "text": "Anything else?"},
        ],
    }
    return Experiment.model_validate(written | changes)


def noise(item: str, condition: str) -> np.ndarray:
    """One second that says which item it is of, at another level and density for each condition."""
    draw = np.random.default_rng(int(hashlib.sha256(f"{item}/{condition}".encode()).hexdigest()[:8], 16))
    samples = 0.1 * draw.standard_normal((FRAMES, 2)).clip(-3, 3)
    samples[:: draw.integers(2, 9)] = 0  # so that the files pack to different sizes
    return samples


def make(folder: Path, *, sound: Sound = noise, rate_hz: int = RATE_HZ, **changes: Any) -> Manifest:
    """Write the set; ``sound`` gives a clip by item and condition, ``changes`` replace parts of the experiment."""
    described = experiment(**changes)
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    clips = [
        _clip(folder, item.key, condition, role, sound, rate_hz)
        for item in described.items
        for condition, role in [
            ("reference", "reference"),
            ("reference", "hidden_reference"),
            *((anchor.name, "anchor") for anchor in described.anchors),
            *((system.name, "system") for system in described.systems),
            ("mixture-open", "mixture"),
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
                name=item.key,
                song=item.song,
                start_s=item.excerpt.start_s,
                length_s=item.excerpt.length_s,
                target=described.target_of(item),
                dataset=item.dataset,
                use=item.use,
            )
            for item in described.items
        ),
        clips=tuple(clips),
    )
    manifests.write(folder, manifest)
    return manifest


@lru_cache(maxsize=256)
def _packed(sound: Sound, item: str, condition: str, rate_hz: int) -> tuple[bytes, str, int]:
    """The file of a sound, the hash of its samples, and how many: packed once, where hundreds of tests write a set."""
    samples, file = sound(item, condition), io.BytesIO()
    soundfile.write(file, samples, rate_hz, subtype="PCM_24", format="FLAC")
    file.seek(0)
    return file.getvalue(), samples_sha256(soundfile.read(file, dtype="float32")[0]), len(samples)


def _clip(folder: Path, item: str, condition: str, role: Any, sound: Sound, rate_hz: int) -> Clip:
    """One sound, written, and its record."""
    token = hashlib.sha256(f"{item}/{condition}/{role}".encode()).hexdigest()[:24]
    path = folder / "clips" / f"{token}.flac"
    file, decoded_sha256, frames = _packed(sound, item, condition, rate_hz)
    path.write_bytes(file)
    return Clip(
        token=token,
        file=f"clips/{token}.flac",
        sha256=manifests.file_sha256(path),
        samples_sha256=decoded_sha256,
        item=item,
        condition=condition,
        role=role,
        rate_hz=rate_hz,
        frames=frames,
        channels=2,
        lufs_before=-20.0,
        lufs_after=-23.0,
        gain_db=-3.0,
        true_peak_dbtp=-6.0,
        sample_peak_dbfs=-6.5,
        lag_s=0.0,
        polarity=1,
        render_key=f"render-{condition}-{item}",
        provenance=Provenance(kind="made", version="1"),
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
