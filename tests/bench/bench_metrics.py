"""How fast BSS Eval is, beside museval 0.4.1 on the same real songs, with the same answer or no result at all.

museval comes from the package index into an environment of its own, kept in the user's cache, with the numpy and scipy
that ours runs on. Each run is a fresh process with one thread; the two sides take turns, and medians are compared.
What counts is the call alone, from arrays in memory to values per frame: CPU time (user and system) and the memory it
took beyond its inputs. ``score_stems.py`` measures both sides in the same way, ``real_stems.py`` makes the stems.

Every frame that museval gives a number for has to have ours: SDR within 1e-9 dB, the others within 1e-5 dB, and within
1e-4 dB where ours says that the equations needed a ridge. A frame in which any source is silent has no numbers.

    make bench, or: python tests/bench/bench_metrics.py            prints and writes tests/bench/results/metrics.json
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
from typing import Any, NamedTuple

import bench_stimuli
import numpy as np
import outcome
import peer_models
import real_stems
from score_stems import NAMES

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "metrics.json"
SONGS = HERE.parents[3] / "shared" / "data" / "songs"
MUSEVAL = "museval==0.4.1"
SDR_DB, OTHERS_DB, RIDGE_DB = 1e-9, 1e-5, 1e-4


class Case(NamedTuple):
    """So many sources of so many seconds, scored so often by each side."""

    sources: int
    seconds: float
    repeats: int

    @property
    def name(self) -> str:
        return f"{self.sources} x {self.seconds:g} s"


# museval takes minutes for four sources of four minutes: three runs of it are enough to see such a difference.
CASES = (Case(2, 30, 5), Case(2, 240, 5), Case(4, 240, 3))
LENGTHS_S, LENGTHS_REPEATS = (30, 60, 120, 240), 5
AT_LEAST = {"museval / ours, 2 x 30 s": 6.0, "museval / ours, 2 x 240 s": 5.0, "museval / ours, 4 x 240 s": 5.0}
AT_MOST = {
    "memory, ours / museval, 2 x 30 s": 0.4,
    "memory in GB, 2 x 240 s": 4.0,
    "memory in GB, 4 x 240 s": 4.0,
    "time per second, 240 s / 60 s": 1.3,
}


def scored(side: str, python: Path, folder: Path) -> dict[str, Any]:
    """One run of one side in a process of its own on one thread: what it took, and its values per frame."""
    command = [str(python), str(HERE.with_name("score_stems.py")), side, str(folder)]
    environment = {**os.environ, **peer_models.ONE_THREAD}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{side} on {folder.name}: {done.stderr[-2000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return found | {"frames": {name: np.array(found["frames"][name], float) for name in NAMES}}


def hold(ours: dict[str, Any], musevals: dict[str, Any]) -> dict[str, Any]:
    """How far apart both are, frame by frame: something that is fast because it computes less would win otherwise."""
    apart, within = {}, RIDGE_DB if ours["ridge"] else OTHERS_DB
    for name in NAMES:
        own, other, most = ours["frames"][name], musevals["frames"][name], SDR_DB if name == "sdr" else within
        assert own.shape == other.shape, f"{name}: {own.shape} values of ours, {other.shape} of museval"
        same = np.array_equal(np.isnan(own), np.isnan(other)) and not np.isnan(own).all()
        assert same, f"{name}: numbers in other frames than museval's"
        apart[name] = float(np.nanmax(np.abs(own - other)))
        assert apart[name] <= most, f"{name}: {apart[name]:.2e} dB apart, at most {most}"
    silent = int(np.isnan(musevals["frames"]["sdr"]).any(axis=0).sum())
    return {
        "values": musevals["frames"]["sdr"].size,
        "silent_frames": silent,
        "ridge": ours["ridge"],
        "apart_db": apart,
    }


def compared(case: Case, songs: Path, folder: Path, pythons: dict[str, Path]) -> dict[str, Any]:
    """Both sides in turn on the same stems, and how far apart their answers are."""
    real_stems.write(folder, songs, case.sources, case.seconds)
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in pythons}
    held: dict[str, Any] = {}
    for number in range(case.repeats):
        for side, python in pythons.items():
            runs[side].append(scored(side, python, folder))
            print(f"{case.name}, run {number + 1}, {side}: {runs[side][-1]['cpu_s']:.1f} s", file=sys.stderr)
        held = hold(*(own[-1] for own in runs.values()))
    medians = {side: taken(own) for side, own in runs.items()}
    inputs_mb = sum((folder / f"{name}.npy").stat().st_size for name in ("references", "estimates")) / 2**20
    return {"repeats": case.repeats, "inputs_mb": round(inputs_mb, 1), "medians": medians, **held}


def taken(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Medians over runs."""
    return {key: round(statistics.median(run[key] for run in runs), 3) for key in ("cpu_s", "memory_mb")}


def growing(songs: Path, folder: Path, lengths_s: tuple[float, ...], repeats: int) -> dict[str, dict[str, float]]:
    """CPU time and memory of ours on two sources of each length, in turn."""
    for length_s in lengths_s:
        real_stems.write(folder / f"{length_s:g}", songs, 2, length_s)
    runs: dict[str, list[dict[str, Any]]] = {f"{length_s:g}": [] for length_s in lengths_s}
    for _ in range(repeats):
        for length, own in runs.items():
            own.append(scored("ours", Path(sys.executable), folder / length))
    return {length: taken(own) for length, own in runs.items()}


def bench(folder: Path, songs: Path, museval: Path, most: int) -> dict[str, Any]:
    """All figures, with at most so many runs of each."""
    pythons = {"ours": Path(sys.executable), "museval": museval}  # in this order
    repeats = min(most, LENGTHS_REPEATS)
    limited = [case._replace(repeats=min(most, case.repeats)) for case in CASES]
    cases = {case.name: compared(case, songs, folder / case.name, pythons) for case in limited}
    lengths = growing(songs, folder / "lengths", LENGTHS_S, repeats)
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"museval": MUSEVAL.partition("==")[2]},
        "ratios": {name: round(value, 2) for name, value in ratios(cases, lengths).items()},
        "at_least": AT_LEAST,
        "at_most": AT_MOST,
        "equal_within_db": {"sdr": SDR_DB, "others": OTHERS_DB, "others, with a ridge": RIDGE_DB},
        "cases": cases,
        "lengths": {"sources": 2, "repeats": repeats, "medians": lengths},
    }


def ratios(cases: dict[str, dict[str, Any]], lengths: dict[str, dict[str, float]]) -> dict[str, float]:
    """What limits are set for, of every case, and of the longest length against one minute."""
    found = {}
    for name, case in cases.items():
        ours, museval = case["medians"]["ours"], case["medians"]["museval"]
        found[f"museval / ours, {name}"] = museval["cpu_s"] / ours["cpu_s"]
        found[f"memory, ours / museval, {name}"] = ours["memory_mb"] / museval["memory_mb"]
        found[f"memory in GB, {name}"] = ours["memory_mb"] / 1024
    found["time per second, 240 s / 60 s"] = lengths["240"]["cpu_s"] / 240 / (lengths["60"]["cpu_s"] / 60)
    return found


def missed(ratios: dict[str, float]) -> list[str]:
    """Limits that do not hold."""
    return outcome.missed(ratios, AT_MOST, AT_LEAST)


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--songs", type=Path, default=SONGS, help="the folder of the songs that real_stems.py names")
    parser.add_argument(
        "--repeats", type=int, default=5, help="at most so many runs: museval takes a quarter of an hour"
    )
    parser.add_argument("--museval", type=Path, help="a Python that has it, instead of the environment in the cache")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if sentence := real_stems.missing(asked.songs):
        sys.exit(f"nothing is measured: {sentence}")
    python = asked.museval or peer_models.kept_environment(MUSEVAL)
    if isinstance(python, str):
        sys.exit(f"nothing is measured: {python}")
    with tempfile.TemporaryDirectory() as name:
        found = bench(Path(name), asked.songs, python, asked.repeats)
    outcome.keep(found, asked.out, missed(found["ratios"]))


if __name__ == "__main__":
    main()
