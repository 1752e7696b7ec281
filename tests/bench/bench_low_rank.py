"""How fast RPCA is, beside the public recipe (a full singular value decomposition in every iteration) on the same song.

Both sides take turns in this process on one thread, on one segment as the system makes them; medians of CPU time are
compared. Both parts have to be the recipe's within a relative error of 1e-3, and the mask nearly everywhere.

    make bench, or: python tests/bench/bench_low_rank.py      prints and writes tests/bench/results/low_rank.json
"""

from __future__ import annotations

import os

os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})  # before numpy is imported

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import numpy as np
import outcome
import real_stems

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stimuli"))
from test_low_rank import apart, by_singular_values

from stimuli.separators.low_rank.rpca import Rpca, rpca

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "low_rank.json"
SONGS = HERE.parents[3] / "shared" / "data" / "songs"
RELATIVE_ERROR, OTHER_CELLS = 1e-3, 1e-3
AT_LEAST = {"full SVD / RPCA, 60 s": 5.0}


def spectra(songs: Path, seconds: float) -> np.ndarray:
    """Magnitudes of a mixture of real stems, as the system sees them."""
    mixture = sum(real_stems._played(songs, names, round(seconds * real_stems.RATE_HZ)) for names in real_stems.SOURCES)
    return np.abs(Rpca.stft.forward(np.asarray(mixture))).mean(axis=0)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and its answer."""
    began = time.process_time()
    found = call()
    return time.process_time() - began, found


def compared(magnitude: np.ndarray, repeats: int) -> dict[str, Any]:
    """Medians of both sides, and how far apart their answers are."""
    taken: dict[str, list[float]] = {"ours": [], "full SVD": []}
    for number in range(repeats):
        own_s, own = timed(lambda: rpca(magnitude, tolerance=Rpca.tolerance, most=Rpca.most))
        other_s, (low, sparse, count) = timed(lambda: by_singular_values(magnitude.astype(float), Rpca.tolerance))
        taken["ours"].append(own_s)
        taken["full SVD"].append(other_s)
        print(f"run {number + 1}: ours {own_s:.1f} s, full SVD {other_s:.1f} s", file=sys.stderr)
        errors = {"low_rank": apart(own.low_rank, low), "sparse": apart(own.sparse, sparse)}
        cells = (np.abs(own.sparse) > np.abs(own.low_rank)) != (np.abs(sparse) > np.abs(low))
        assert own.iterations == count and max(errors.values()) < RELATIVE_ERROR and cells.mean() < OTHER_CELLS
    medians = {side: round(statistics.median(times), 3) for side, times in taken.items()}
    return {"repeats": repeats, "iterations": count, "cpu_s": medians, "errors": errors, "cells": float(cells.mean())}


def main() -> None:
    """Measure, print, keep the result with the machine; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--songs", type=Path, default=SONGS, help="the folder of the songs that real_stems.py names")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if sentence := real_stems.missing(asked.songs):
        sys.exit(f"nothing is measured: {sentence}")
    case = compared(spectra(asked.songs, 60), asked.repeats)
    ratio = {"full SVD / RPCA, 60 s": round(case["cpu_s"]["full SVD"] / case["cpu_s"]["ours"], 2)}
    found = {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine(),
        "ratios": ratio,
        "at_least": AT_LEAST,
        "rpca": case,
    }
    outcome.keep(found, asked.out, outcome.missed(ratio, {}, AT_LEAST))


if __name__ == "__main__":
    main()
