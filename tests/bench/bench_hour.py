"""An hour of music through ``mushra separate``: memory grows with the sound itself, and work space does not grow.

A real band, its parts of 30 s in an order and at levels that are drawn, with a voice over it: a 16-bit WAV file of each
length. Each system runs on each file in a process of its own, on one thread. From ten minutes, the longest song that
any system works on whole, to an hour its peak memory may grow by no more than so many times the decoded song (float32:
the mixture and two estimates; one more for systems that hear a long song at once, which is that song at their level)
and ``MORE``; and the two estimates have to add up to the mixture. What is beyond those sounds is told as work space.
With ``--work`` it keeps the music and what was measured in a folder, and goes on there when it was stopped.

    make bench, or: python tests/bench/bench_hour.py      prints and writes tests/bench/results/hour.json
"""

from __future__ import annotations

import argparse
import json
import os
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
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from stimuli import audio
from stimuli.separators import mixed, separator
from stimuli.separators.listing import with_defaults
from stimuli.separators.stretches import LONGEST_S, holds_spectra, stretches
from stimuli.whole_files import whole_file

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "hour.json"
SHARED = HERE.parents[3] / "shared"
RATE_HZ = real_stems.RATE_HZ
MB_PER_MINUTE = 60 * RATE_HZ * 2 * 4 / 2**20
"""Of stereo sound in memory."""
WHOLE = LONGEST_S / 60
MINUTES = (WHOLE, 60.0)
KINDS = (
    "spleeter_2stems",
    "hpss_two_stage",
    "fourier_2d",
    "repet_sim_online",
    "centre_cancellation",
)
SOUNDS_IN_STRETCHES, SOUNDS_WHOLE = 3, 4
MORE = 0.1
"""Of the sound; peaks of the same work differ by 50 MB from run to run, which is half of it."""
AT_MOST_MB = 7000
"""For an hour: four times its sound are 4845 MB."""
ADDS_UP = 1e-5


def write_music(path: Path, songs: Path, seconds: float) -> None:
    """Band and singer, 30 s at a time, each time another song from another place on and at another level."""
    drawn = np.random.default_rng(real_stems.SEED)
    left = round(seconds * RATE_HZ)
    with (
        whole_file(path) as unfinished,
        soundfile.SoundFile(unfinished, "w", RATE_HZ, 2, "PCM_16", format="WAV") as sound,
    ):
        while left > 0:
            parts = [soundfile.read(songs / names[drawn.integers(len(names))])[0] for names in real_stems.SOURCES[:3]]
            part = mixed(np.roll(one, drawn.integers(len(one)), axis=0) * drawn.uniform(0.1, 0.5) for one in parts)
            sound.write(part[:left])
            left -= len(part)


def ran(kind: str, mixture: Path) -> dict[str, Any]:
    """What one system took for one file, in a process of its own; kept beside the file, and not done twice."""
    out, kept = mixture.parent / kind / mixture.stem, mixture.parent / kind / f"{mixture.stem}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    command = [sys.executable, str(HERE.with_name("hour_once.py")), kind, str(mixture), str(out)]
    environment = {**os.environ, **peer_models.ONE_THREAD, "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{kind}: {done.stderr[-2000:]}"
    apart = furthest(mixture, out)
    assert apart < ADDS_UP, f"{kind}, {mixture.stem}: vocals and accompaniment are {apart} away from the mixture"
    told = done.stdout.splitlines()[-1]
    print(f"{kind}, {mixture.stem}: {told}", file=sys.stderr)
    kept.write_text(told)
    return json.loads(told)


def furthest(mixture: Path, out: Path) -> float:
    """How far the sum of both estimates is from the mixture at most; takes the estimates away."""
    paths = [out / f"{name}.wav" for name in ("vocals", "accompaniment")]
    found = 0.0
    for whole, *parts in zip(*(audio.blocks(path, 1 << 20) for path in (mixture, *paths)), strict=True):
        found = max(found, float(np.abs(whole - sum(parts)).max()))
    for path in paths:
        path.unlink()
    return found


def measured(kind: str, mixtures: dict[float, Path]) -> dict[str, Any]:
    """A system on every file: peaks, what they are beside the sound, and how long the parts were that it heard."""
    runs = separator(with_defaults(kind))
    sounds = SOUNDS_IN_STRETCHES if holds_spectra(runs) else SOUNDS_WHOLE
    found = {}
    for minutes, path in mixtures.items():
        one = ran(kind, path)
        parts = stretches(runs, round(60 * minutes * RATE_HZ), RATE_HZ)
        one["heard_s"] = round((parts[0].stop - parts[0].start) / RATE_HZ, 1)
        one["work_space_mb"] = round(one["memory_mb"] - sounds * minutes * MB_PER_MINUTE)
        one["cpu_real_time_factor"] = round(one["cpu_s"] / (60 * minutes), 4)
        found[f"{minutes:g}"] = one
    return {"sounds": sounds, "mb_per_minute": round(sounds * MB_PER_MINUTE, 1), "minutes": found}


def bench(folder: Path, songs: Path, kinds: list[str], minutes: list[float], jobs: int) -> dict[str, Any]:
    """All figures."""
    mixtures = {}
    for length in minutes:
        mixtures[length] = folder / f"{length:g} minutes.wav"
        if not mixtures[length].is_file():
            write_music(mixtures[length], songs, 60 * length)
    with ThreadPoolExecutor(jobs) as pool:
        systems = dict(zip(kinds, pool.map(lambda kind: measured(kind, mixtures), kinds), strict=True))
    longest = f"{max(minutes):g}"
    ratios, at_most = {}, {}
    for kind, one in systems.items():
        first, last = (one["minutes"][key]["memory_mb"] for key in (f"{WHOLE:g}", longest))
        name = f"{kind}: growth from {WHOLE:g} to {longest} minutes / the sound's"
        ratios[name] = round((last - first) / ((max(minutes) - WHOLE) * MB_PER_MINUTE), 3)
        at_most[name] = one["sounds"] + MORE
    return {
        "command": "make bench" if tuple(kinds) == KINDS else f"tests/bench/bench_hour.py --kinds {','.join(kinds)}",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"load": round(os.getloadavg()[0], 1)},
        "sound_mb_per_minute": round(MB_PER_MINUTE, 2),
        "ratios": ratios,
        "at_most": at_most,
        "largest_mb": {f"{longest} minutes": max(one["minutes"][longest]["memory_mb"] for one in systems.values())},
        "systems": systems,
    }


def main() -> None:
    """Measure, print, keep the result with the machine; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder whose data/songs real_stems.py names")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--minutes", default=",".join(f"{one:g}" for one in MINUTES), help="ten among them")
    parser.add_argument("--jobs", type=int, default=1, help="systems at the same time")
    parser.add_argument("--work", type=Path, help="a folder that keeps what is done, so that a stopped bench goes on")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    songs = asked.shared / "data" / "songs"
    if sentence := real_stems.missing(songs):
        sys.exit(f"nothing is measured: {sentence}")
    minutes = [float(one) for one in asked.minutes.split(",")]
    with tempfile.TemporaryDirectory() as name:
        work = asked.work or Path(name)
        work.mkdir(parents=True, exist_ok=True)
        found = bench(work, songs, asked.kinds.split(","), minutes, asked.jobs)
    limits = dict.fromkeys(found["largest_mb"], AT_MOST_MB)
    problems = outcome.missed(found["ratios"], found["at_most"], {}) + outcome.missed(found["largest_mb"], limits, {})
    outcome.keep(found | {"at_most_mb": limits}, asked.out, problems)


if __name__ == "__main__":
    main()
