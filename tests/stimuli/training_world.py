"""What the tests of training share: small songs at 8 kHz, a configuration that learns in a second, and its runs.

Defines: ``RATE_HZ``, ``TINY``, ``write_songs``, ``configuration``, ``toml``, ``train``, ``tiny``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from small_world import write
from torch import nn

from stimuli.training.config import Training
from stimuli.training.loop import Loop
from stimuli.training.run import run

RATE_HZ = 8000
TINY = {"width": 16, "kernel": 32, "bottleneck": 8, "repeats": 1, "dilations": 3}
CONFIG: dict[str, Any] = {
    "architecture": "vox_tasnet",
    "parameters": TINY,
    "sources": ["vocals"],
    "rate_hz": RATE_HZ,
    "seed": 3,
    "data": {"train": "train", "valid": "valid", "segment_s": 0.5, "valid_segments": 4},
    "mixing": {"strategy": "random_stems", "gain_db": 3.0, "swap_channels": 0.5},
    "loss": {"snr": 1.0},
    "optimiser": {"rate": 5e-3, "batch": 2, "steps": 6, "validate_every": 2, "checkpoint_every": 1, "ema": 0.9},
}


def voice(seed: int, seconds: float = 2.0) -> np.ndarray:
    """A gliding tone in the middle."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (300 + 40 * seed) * time + 8 * np.sin(2 * np.pi * time)
    return np.repeat((0.1 * np.sin(phase) + 0.05 * np.sin(2 * phase)).astype(np.float32)[:, None], 2, axis=1)


def music(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Noise, different on both sides."""
    return (0.1 * np.random.default_rng(seed).standard_normal((round(seconds * RATE_HZ), 2))).astype(np.float32)


def write_songs(folder: Path) -> Path:
    """Two songs to learn from and one to validate with."""
    for number, song in enumerate(("train/One", "train/Two", "valid/Three")):
        write(folder / song / "vocals.wav", voice(number), RATE_HZ)
        write(folder / song / "other.wav", music(number), RATE_HZ)
    return folder


def configuration(**keys: Any) -> dict[str, Any]:
    """The configuration with some keys changed; tables are merged."""
    merged = {
        key: {**CONFIG.get(key, {}), **value} if isinstance(value, dict) else value for key, value in keys.items()
    }
    if "parameters" in keys:
        merged["parameters"] = keys["parameters"]
    return CONFIG | merged


def toml(folder: Path, **keys: Any) -> Path:
    """Write it as a file."""
    lines, tables = [], []
    for key, value in configuration(**keys).items():
        if isinstance(value, dict):
            tables += [f"[{key}]", *(f"{name} = {json.dumps(inner)}" for name, inner in value.items())]
        else:
            lines.append(f"{key} = {json.dumps(value)}")
    path = folder / "training.toml"
    path.write_text("\n".join([*lines, *tables]) + "\n", encoding="utf-8")
    return path


def train(folder: Path, out: str = "out", **keys: Any) -> Loop:
    """Train on the songs in a folder."""
    config = Training.model_validate(configuration(**keys))
    return run(config, folder, folder / out, lambda _: None, progress=False)


class Tiny(nn.Module):
    """One filter with what makes resuming hard: dropout, and a norm that counts."""

    def __init__(self, sources: int) -> None:
        super().__init__()
        self.sources = sources
        self.heard = nn.Sequential(nn.Conv1d(2, 8, 9, padding=4), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU())
        self.made = nn.Conv1d(8, 2 * sources, 1)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """The contract of all architectures."""
        return self.made(self.heard(waveform)).unflatten(1, (self.sources, 2))


def tiny(sources: list[str], channels: int) -> nn.Module:
    """For the registry of architectures."""
    assert channels == 2
    return Tiny(len(sources))
