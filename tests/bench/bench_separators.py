"""How fast REPET-SIM is, beside librosa 0.11.0 on the same real song, with the same background or no result at all.

librosa comes from the package index into an environment of its own, kept in the user's cache, with the numpy and scipy
that ours runs on. Each run is a fresh process with one thread; the sides take turns, and medians of CPU time (user and
system) are compared: from magnitudes in memory to the background of every frame. ``separate_once.py`` runs all sides.

The two recipes that librosa has are held against ours to 1e-6 of the magnitudes' maximum, frame by frame. ``peaks`` is
this project's own REPET-SIM, which keeps other frames: only its time is told.

    python tests/bench/bench_separators.py            prints and writes tests/bench/results/separators.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import numpy as np
import outcome
import peer_models
import real_stems

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from stimuli.separators.classical.repet import RepetSim

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "separators.json"
SONGS = HERE.parents[3] / "shared" / "data" / "songs"
LIBROSA = "librosa==0.11.0"
WITHIN = 1e-6
RECIPES, SIDES = ("earliest", "nearest"), ("ours", "librosa", "peaks")
LENGTHS_S = (30,)
AT_LEAST = {f"librosa / ours, {kept}, {length_s} s": 2.0 for kept in RECIPES for length_s in LENGTHS_S}


def write_song(folder: Path, songs: Path, seconds: float) -> None:
    """Magnitudes of a real song of some length."""
    real_stems.write(folder, songs, 3, seconds)
    mixture = np.load(folder / "references.npy").sum(axis=0).astype(np.float32)
    np.save(folder / "magnitude.npy", np.abs(RepetSim.stft.forward(mixture)).mean(axis=0))


def ran(side: str, kept: str, python: Path, folder: Path) -> dict[str, float]:
    """One run of one side in a process of its own on one thread."""
    command = [str(python), str(HERE.with_name("separate_once.py")), side, kept, str(folder)]
    environment = {**os.environ, **peer_models.ONE_THREAD}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{side}, {kept}: {done.stderr[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def hold(folder: Path) -> float:
    """How far both backgrounds are apart, of the greatest magnitude: what computes less would be fast, too."""
    own, other, whole = (np.load(folder / f"{name}.npy") for name in ("ours", "librosa", "magnitude"))
    assert own.shape == other.shape == whole.shape
    apart = float(np.abs(own - other).max() / whole.max())
    assert apart <= WITHIN, f"{apart:.2e} apart, at most {WITHIN}"
    return apart


def compared(kept: str, folder: Path, librosa: Path, repeats: int) -> dict[str, Any]:
    """All sides in turn on one song, and how far apart ours and librosa's are."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for number in range(repeats):
        for side, own in runs.items():
            own.append(ran(side, kept, librosa if side == "librosa" else Path(sys.executable), folder))
            print(f"{kept}, {folder.name}, run {number + 1}, {side}: {own[-1]['cpu_s']:.2f} s", file=sys.stderr)
    medians = {
        side: {key: round(statistics.median(run[key] for run in own), 3) for key in own[0]}
        for side, own in runs.items()
    }
    return {"medians": medians, "apart": hold(folder)}


def bench(folder: Path, songs: Path, librosa: Path, repeats: int) -> dict[str, Any]:
    """All figures."""
    cases: dict[str, dict[str, Any]] = {}
    for length_s in LENGTHS_S:
        write_song(folder / f"{length_s} s", songs, length_s)
        for kept in RECIPES:
            cases[f"{kept}, {length_s} s"] = compared(kept, folder / f"{length_s} s", librosa, repeats)
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"librosa": LIBROSA.partition("==")[2]},
        "ratios": {name: round(value, 2) for name, value in ratios(cases).items()},
        "at_least": AT_LEAST,
        "equal_within": WITHIN,
        "repeats": repeats,
        "cases": cases,
    }


def ratios(cases: dict[str, dict[str, Any]]) -> dict[str, float]:
    """librosa's time by ours, and by our own REPET-SIM's."""
    found = {}
    for name, case in cases.items():
        seconds = {side: case["medians"][side]["cpu_s"] for side in SIDES}
        found[f"librosa / ours, {name}"] = seconds["librosa"] / seconds["ours"]
        found[f"librosa / peaks, {name}"] = seconds["librosa"] / seconds["peaks"]
    return found


def missed(ratios: dict[str, float]) -> list[str]:
    """Limits that do not hold."""
    return outcome.missed(ratios, {}, AT_LEAST)


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--songs", type=Path, default=SONGS, help="the folder of the songs that real_stems.py names")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--librosa", type=Path, help="a Python that has it, instead of the environment in the cache")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if sentence := real_stems.missing(asked.songs):
        sys.exit(f"nothing is measured: {sentence}")
    python = asked.librosa or peer_models.kept_environment(LIBROSA)
    if isinstance(python, str):
        sys.exit(f"nothing is measured: {python}")
    with tempfile.TemporaryDirectory() as name:
        found = bench(Path(name), asked.songs, python, asked.repeats)
    outcome.keep(found, asked.out, missed(found["ratios"]))


if __name__ == "__main__":
    main()
