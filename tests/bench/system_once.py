"""One system on all songs of a folder, once each, and how near it comes; one line of JSON.

Before, it separates a second of noise, which loads what is loaded at first use. Real-time factors are CPU time by the
song's length, on one thread; memory is the most that this process held until the last song was separated, the
interpreter and what the system imports included. Scores are those of ``mushra metrics``.

    python system_once.py KIND FOLDER          FOLDER holds SONG/STEM.npy, float32 (frames, 2) at 44.1 kHz
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from score_stems import held_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from stimuli.separators import Levelled, Separator, Song, mixed, run, separator
from stimuli.separators.listing import with_defaults

RATE_HZ = 44_100
TARGETS = ("vocals", "accompaniment")
Estimates = dict[str, np.ndarray]


def songs(folder: Path) -> dict[str, Song]:
    """The songs by name, in the order of their names."""
    found = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        stems = {path.stem: np.load(path) for path in sorted(place.glob("*.npy"))}
        found[place.name] = Song(place.name, RATE_HZ, mixed(stems.values()), stems)
    return found


def separated(runs: Separator, song: Song) -> tuple[Estimates, float]:
    """Both parts of a song, and CPU time by its length."""
    began = time.process_time()
    parts, _ = run.run_all(runs, "x", song, TARGETS)
    return parts, (time.process_time() - began) * RATE_HZ / len(song.mixture)


def scores(song: Song, parts: Estimates) -> dict[str, float | None]:
    """SI-SDR of both parts, SDR (BSS Eval v4) and SSA of the accompaniment, in dB; None where there is no number."""
    from analysis.metrics import signals
    from analysis.metrics.families.asymmetry import ssa
    from analysis.metrics.family import family, measure
    from analysis.metrics.truth import Truth

    rest = mixed(sound for name, sound in song.stems.items() if name != "vocals")
    true = {"vocals": song.stems["vocals"].astype(float), "accompaniment": rest.astype(float)}
    found: dict[str, Any] = {
        f"si_sdr_{name}": signals.si_sdr(true[name], parts[name].astype(float)) for name in TARGETS
    }
    truth = Truth(true["accompaniment"], RATE_HZ, {"vocals": true["vocals"]})
    estimate = parts["accompaniment"].astype(float)
    found["sdr"] = measure(family("bss"), truth, estimate)["bss_sdr_db"]
    found["ssa"] = ssa(signals.si_sdr, truth.reference, estimate)
    return {name: round(float(value), 2) if isinstance(value, float) else None for name, value in found.items()}


def main(kind: str, folder: Path) -> None:
    """Separate, score, tell; ``mixture`` is no system but the song itself, for both parts."""
    there = songs(folder)
    made: dict[str, tuple[Estimates, float]] = {}
    if kind == "mixture":
        made = {name: (dict.fromkeys(TARGETS, song.mixture), 0.0) for name, song in there.items()}
    else:
        runs = separator(with_defaults(kind))
        noise = {stem: _noise(seed) for seed, stem in enumerate(next(iter(there.values())).stems)}
        separated(runs, Song("noise", RATE_HZ, mixed(noise.values()), Levelled(noise, np.float32(1))))
        made = {name: separated(runs, song) for name, song in there.items()}
    told: dict[str, Any] = {"memory_mb": round(held_mb("VmHWM"))}
    told["real_time_factor"] = round(max(factor for _, factor in made.values()), 4)
    told["songs"] = {name: scores(song, made[name][0]) for name, song in there.items()}
    print(json.dumps(told))


def _noise(seed: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((RATE_HZ, 2))).astype(np.float32)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
