"""All systems that need no files of a user's on real songs: how near they come, how fast, in how much memory.

Three songs: "Falcon 69" of the package stempeg (6 s), and ten seconds each of two songs of a band with a voice over
them. Each system runs in a process of its own on one thread (``system_once.py``), with its defaults, at -14 LUFS as
always. Oracles look at the true stems: ceilings, and no systems that anyone can have. Systems that need a model,
a program or examples are named, and not run; so is what is not installed.

    make bench, or: python tests/bench/bench_systems.py      prints and writes tests/bench/results/systems.json
    python tests/bench/bench_systems.py --only rnnoise       measures these again, keeps the other rows
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
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import numpy as np
import outcome
import peer_models
import real_stems

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stimuli"))
import known_songs

from stimuli.separators.listing import listed

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "systems.json"
SHARED = HERE.parents[3] / "shared"
FIRST_S, LENGTH_S = 4.0, 10.0
SONGS = {"falcon_69": "Falcon 69", "feelings": "Feelings", "escape": "Escape"}
MIXTURE = "mixture"
WINDOWS = {"repet_sim_online": 2048, "centre_cancellation": 4096, "panning_mask": 4096, "left_minus_right": 0}
"""Systems that could run live: what they give at a moment follows from sound up to one window (samples) later."""
LATENCY_S = {kind: window / known_songs.RATE_HZ for kind, window in WINDOWS.items()} | {
    # Medians over 31 frames look at 15 that are still to come, in windows of 8192, then of 1024.
    "hpss_two_stage": (8192 + 15 * 2048 + 1024 + 15 * 256) / known_songs.RATE_HZ,
    # The network hears 512 frames at a time.
    "spleeter_2stems": (511 * 1024 + 4096) / known_songs.RATE_HZ,
    # At 48 kHz: what the libraries are late by, and the frame that a sample waits in.
    "deepfilternet3": (1440 + 480) / 48_000,
    "rnnoise": (960 + 480) / 48_000,
}
"""Seconds by kind; the others need the whole song."""


def write_songs(folder: Path, shared: Path, seconds: float) -> None:
    """The songs as ``SONG/STEM.npy``."""
    part = slice(round(FIRST_S * known_songs.RATE_HZ), round((FIRST_S + seconds) * known_songs.RATE_HZ))
    found = {"falcon_69": known_songs.falcon_69().stems}
    for name in ("feelings", "escape"):
        found[name] = {stem: sound[part] for stem, sound in known_songs.sung(shared, name).stems.items()}
    for name, stems in found.items():
        (folder / name).mkdir()
        for stem, sound in stems.items():
            np.save(folder / name / f"{stem}.npy", sound)


def ran(kind: str, folder: Path) -> dict[str, Any]:
    """What one system did, in a process of its own on one thread."""
    command = [sys.executable, str(HERE.with_name("system_once.py")), kind, str(folder)]
    environment = {**os.environ, **peer_models.ONE_THREAD, "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{kind}: {done.stderr[-2000:]}"
    print(f"{kind}: {done.stdout.splitlines()[-1]}", file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1]) | {"latency_s": latency(kind)}


def latency(kind: str) -> float | None:
    """Seconds between a sound and what the system makes of it at the earliest; None where it needs the whole song."""
    return 0.0 if kind == MIXTURE else round(LATENCY_S[kind], 3) if kind in LATENCY_S else None


def chosen() -> tuple[list[str], dict[str, str]]:
    """Kinds that run as they are, the mixture first; and why the others don't."""
    there = [one for one in listed() if one.kind != "plugin"]
    asks = {one.system: f"needs {one.needs}" for one in there if "keys" in one.needs or one.kind == "files"}
    lacking = {one.system: one.mend for one in there if not one.runs and one.system not in asks}
    left = asks | lacking | {"plugin": "needs a package that registers one"}
    return [MIXTURE, *(one.system for one in there if one.system not in left)], left


def bench(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """All figures, or those of the kinds that are asked for."""
    write_songs(folder, asked.shared, asked.seconds)
    kinds, left = chosen()
    kinds = [kind for kind in kinds if not asked.only or kind in asked.only]
    with ThreadPoolExecutor(asked.jobs) as pool:
        systems = dict(zip(kinds, pool.map(lambda kind: ran(kind, folder), kinds), strict=True))
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"torch": importlib.metadata.version("torch")},
        "seconds": asked.seconds,
        "jobs": asked.jobs,
        "systems": systems,
        "not_run": left,
    }


def merged(last: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """The last result with rows that were measured later put in, each with its time; in the order of a whole run."""
    for what in ("machine", "seconds", "jobs"):
        if last[what] != found[what]:
            sys.exit(f"rows of another {what} don't belong into one table: {last[what]}, now {found[what]}; run it all")
    later = {kind: one | {"measured_at": found["measured_at"]} for kind, one in found["systems"].items()}
    rows = last["systems"] | later
    return last | {"systems": {kind: rows[kind] for kind in chosen()[0] if kind in rows}, "not_run": found["not_run"]}


def table(found: dict[str, Any]) -> str:
    """The README's table; SDR and SSA are means over the songs."""
    names = " | ".join(SONGS.values())
    head = f"| system | {names} | SDR | SSA | real-time factor | memory | latency |"
    return "\n".join(
        [head, "|---|" + "---|" * (len(SONGS) + 5), *map(_row, found["systems"], found["systems"].values())]
    )


def _row(kind: str, one: dict[str, Any]) -> str:
    pairs = [
        f"{one['songs'][name]['si_sdr_vocals']:.1f} / {one['songs'][name]['si_sdr_accompaniment']:.1f}"
        for name in SONGS
    ]
    means = [_mean([song[measure] for song in one["songs"].values()]) for measure in ("sdr", "ssa")]
    costs = ["–", "–"] if kind == MIXTURE else [f"{one['real_time_factor']:.3f}", f"{one['memory_mb']}"]
    late = one["latency_s"]
    waits = "whole song" if late is None else "none" if late == 0 else f"{late:.2f} s"
    return f"| `{kind}` | " + " | ".join([*pairs, *means, *costs, waits]) + " |"


def _mean(values: list[float | None]) -> str:
    there = [value for value in values if value is not None]
    return f"{statistics.mean(there):.1f}" if len(there) == len(values) else "–"


def main() -> None:
    """Measure, print, keep the result with the machine and the versions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder whose data/songs real_stems.py names")
    parser.add_argument("--seconds", type=float, default=LENGTH_S, help="of each sung song")
    parser.add_argument("--jobs", type=int, default=1, help="systems at the same time")
    parser.add_argument("--only", nargs="+", default=[], metavar="KIND", help="measure these, keep the other rows")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the README's table of the last result, no more")
    asked = parser.parse_args()
    if asked.table:
        print(table(json.loads(asked.out.read_text())))
        return
    if sentence := real_stems.missing(asked.shared / "data" / "songs"):
        sys.exit(f"nothing is measured: {sentence}")
    if strange := set(asked.only) - set(chosen()[0]):
        sys.exit(
            f"nothing is measured: {', '.join(sorted(strange))} can't run here; there are {', '.join(chosen()[0])}"
        )
    with tempfile.TemporaryDirectory() as name:
        found = bench(Path(name), asked)
    if asked.only:
        found = merged(json.loads(asked.out.read_text()), found)
    outcome.keep(found, asked.out, [])


if __name__ == "__main__":
    main()
