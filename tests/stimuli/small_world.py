"""What the small world of songs is made of: seeded noise, files, and the parts of an experiment file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 44_100
LENGTH_S = 3.0
STEMS = ("vocals", "drums", "bass", "other")


def noise(seed: int, seconds: float = LENGTH_S, level: float = 0.1) -> np.ndarray:
    """Stereo noise that swells, so that lags can be told; float32."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE_HZ)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(frames) / RATE_HZ * (1 + seed % 5))
    return (level * swell[:, None] * rng.standard_normal((frames, 2)).clip(-3, 3)).astype(np.float32)


def write(path: Path, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    """A float WAV file, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate_hz, subtype="FLOAT")
    return path


HEAD = """
[experiment]
name = "tiny"
title = "A tiny test"

[[attributes]]
name = "overall"
question = "How good?"

[songs]
root = "songs"
"""
ITEMS = """
[[items]]
song = "Song A"
excerpt = { start_s = 0.5, length_s = 2.0 }

[[items]]
song = "Song B"
excerpt = { start_s = 0.0, length_s = 2.0 }
use = "both"
"""
SYSTEMS = """
[[systems]]
name = "home"
kind = "files"
path = "estimates/{system}/{song}/{target}.wav"

[[systems]]
name = "centre"
kind = "centre_cancellation"
"""
ANCHORS = """
[[anchors]]
kind = "lowpass"
cutoff_hz = 3500

[[anchors]]
kind = "lowpass"
cutoff_hz = 7000

[[anchors]]
kind = "mixture"
"""
