"""How much a set costs beside decoding and encoding it: the whole chain against codec work alone, in one run.

Every measurement is a process of its own on one core and is repeated; the ratio of the medians is what counts,
because a machine is never quiet.

* ``floor`` decodes the song once and encodes the four clips that the build made.
* ``chain`` is the sound's way: decode, two anchors, loudness and true peak of each, gain, fades, encode, for
  reference, anchors and one system in full length.
* ``build`` is the whole build of the same set, which also decodes every clip again, hashes, and measures what the
  rules judge; ``many systems`` the same with eight systems, for the memory it takes.
* ``excerpts`` builds a set with ten seconds of the same song, against ``decode``, which decodes it once.
* ``one worker`` builds six songs on one core, ``two workers`` on two.

CPU seconds and peak memory are those of the work. Interpreter and imports, which a bench of seconds would mostly
measure, are told apart (``start_s``), and are part of ``process_s``; that counts for the workers.

    make bench, or: python tests/bench/bench_stimuli.py            prints and writes tests/bench/results/stimuli.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import outcome
import soundfile

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "stimuli.json"
RATE_HZ, LENGTH_S = 44_100, 240
AT_MOST = {"chain / floor": 2.5, "excerpts / decode": 3.0, "memory / song": 8.0}
AT_LEAST = {"one worker / two workers": 1.7}
MANY_SYSTEMS, SONGS = 8, 6


def band(seed: int, seconds: float) -> np.ndarray:
    """Music-like stereo: notes with overtones and decays over pink noise, so that codecs work as on a song."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * RATE_HZ)
    white = np.fft.rfft(rng.standard_normal((frames, 2)), axis=0)
    pink = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 50.0))[:, None], frames, axis=0)
    sound = 0.08 * pink / np.abs(pink).max()
    for _ in range(round(seconds * 6)):
        start = int(rng.integers(0, max(frames - RATE_HZ, 1)))
        length = min(RATE_HZ, frames - start)
        time_s = np.arange(length) / RATE_HZ
        pitch = 55 * 2 ** (int(rng.integers(0, 48)) / 12)
        tone = sum(np.sin(2 * np.pi * pitch * k * time_s) / k for k in range(1, 9)) * np.exp(-4 * time_s)
        sound[start : start + length] += 0.06 * tone[:, None] * rng.uniform(0.3, 1, 2)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def world(folder: Path, songs: int, seconds: float, excerpt_s: float, systems: int = 1) -> Path:
    """Songs in the layout ``pairs`` with estimates, and an experiment about them; all systems give the same."""
    items = []
    for number in range(songs):
        name = f"song-{number}"
        rest, voice, other = (band(3 * number + part, seconds) for part in range(3))
        for kind, sound in (("mixtures", rest + 0.5 * voice), ("instruments", rest), ("est", rest + 0.1 * other)):
            (folder / kind).mkdir(exist_ok=True)
            soundfile.write(folder / kind / f"{name}.flac", sound * 0.6, RATE_HZ, subtype="PCM_16")
        start_s = 0 if excerpt_s == seconds else seconds / 3
        items.append(f'[[items]]\nsong = "{name}"\nexcerpt = {{ start_s = {start_s}, length_s = {excerpt_s} }}\n')
    path = folder / "experiment.toml"
    path.write_text(
        '[experiment]\nname = "bench"\ntitle = "Bench"\n[[attributes]]\nname = "overall"\nquestion = "How good?"\n'
        '[songs]\nlayout = "pairs"\nroot = "."\n' + "".join(items) + '[[anchors]]\nkind = "lowpass"\ncutoff_hz = 3500\n'
        '[[anchors]]\nkind = "lowpass"\ncutoff_hz = 7000\n'
        + "".join(f'[[systems]]\nname = "m{n}"\nkind = "files"\npath = "est/{{song}}.flac"\n' for n in range(systems))
    )
    return path


def floor(folder: Path) -> Callable[[], None]:
    """Decode the song once, then encode the four clips of the set."""
    ready = [np.load(name) for name in sorted((folder / "ready").glob("*.npy"))]

    def work() -> None:
        soundfile.read(folder / "instruments" / "song-0.flac", dtype="float32")
        for number, integers in enumerate(ready):
            soundfile.write(folder / f"floor-{number}.flac", integers, RATE_HZ, subtype="PCM_24")

    return work


def decode(folder: Path) -> Callable[[], None]:
    """Decode the song once."""
    return lambda: soundfile.read(folder / "instruments" / "song-0.flac", dtype="float32") and None


def chain(folder: Path) -> Callable[[], None]:
    """Decode, two anchors, loudness and true peak of each, gain, fades, encode: the sound's way and nothing else."""
    from stimuli import audio, experiment, loudness
    from stimuli.clips import scene_of
    from stimuli.plan import plan
    from stimuli.true_peak import true_peak_dbtp

    planned = plan(experiment.load(folder / "experiment.toml"), folder, folder / "set", print)
    (job,) = planned.items()

    def work() -> None:
        scene, reference_lufs = scene_of(job), 0.0
        for condition in job.conditions:
            rate_hz = scene.song.form.rate_hz
            sound = audio.fade_ends(scene.sound(condition), rate_hz)
            lufs = loudness.energy(sound, rate_hz).integrated_lufs()
            reference_lufs = lufs if condition.entry is None else reference_lufs
            true_peak_dbtp(sound, rate_hz)
            audio.encode(folder / f"chain-{condition.name}.flac", sound, rate_hz, gain_db=-23.0 - reference_lufs)

    return work


def build(folder: Path, jobs: int = 1) -> Callable[[], None]:
    """The whole build: also decoding every clip again, all hashes, facts, rules and the manifest."""
    from stimuli.build import build

    return lambda: build(folder / "experiment.toml", folder / "set", jobs=jobs, progress=False) and None


def measured(what: str, folder: Path, cores: set[int], jobs: int = 1) -> dict[str, float]:
    """Run one child on its cores; returns CPU and wall seconds of its work, those of all its processes, its memory."""
    shutil.rmtree(folder / "set", ignore_errors=True)
    began, before = time.perf_counter(), _children_s()
    told = subprocess.run(
        [sys.executable, str(HERE), "--child", what, "--folder", str(folder), "--jobs", str(jobs)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return json.loads(told.stdout.splitlines()[-1]) | {
        "process_s": time.perf_counter() - began,
        "process_cpu_s": _children_s() - before,
    }


def _children_s() -> float:
    """CPU seconds of every process that was started here and has ended, with those that it started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def as_child(what: str, folder: Path, jobs: int) -> None:
    """What a child does and tells: imports first, then the work that is measured."""
    makers = {"floor": floor, "decode": decode, "chain": chain, "build": lambda folder: build(folder, jobs)}
    work = makers[what](folder)
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "start_s": cpu,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "memory_mb": after.ru_maxrss / 1024,
        "start_memory_mb": before.ru_maxrss / 1024,
    }
    print(json.dumps(told))


def ready(folder: Path) -> None:
    """Keep the clips of a set as integers for the floor, which may not pay for decoding them."""
    manifest = json.loads((folder / "set" / "manifest.json").read_text())
    (folder / "ready").mkdir(exist_ok=True)
    for clip in manifest["clips"]:
        if clip["role"] != "hidden_reference":
            samples, _ = soundfile.read(folder / "set" / clip["file"], dtype="int32", always_2d=True)
            np.save(folder / "ready" / f"{clip['condition']}.npy", samples)


def median(runs: list[dict[str, float]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def bench(repeats: int, seconds: float) -> dict[str, Any]:
    """All figures: medians over the repeats, children of one comparison in turn."""
    core = {max(os.sched_getaffinity(0))}
    both = os.sched_getaffinity(0)
    song_mb = seconds * RATE_HZ * 2 * 4 / 2**20
    with tempfile.TemporaryDirectory() as name:
        whole, cut, songs, systems = (Path(name) / part for part in ("whole", "cut", "songs", "systems"))
        for folder in (whole, cut, songs, systems):
            folder.mkdir()
        world(whole, 1, seconds, seconds)
        world(cut, 1, seconds, min(10.0, seconds / 3))
        world(songs, SONGS, seconds, seconds)
        world(systems, 1, seconds, seconds, MANY_SYSTEMS)
        measured("build", whole, core)
        ready(whole)
        runs: dict[str, list[dict[str, float]]] = {}
        for _ in range(repeats):
            for label, what, folder, cores, jobs in (
                ("floor", "floor", whole, core, 1),
                ("chain", "chain", whole, core, 1),
                ("build", "build", whole, core, 1),
                ("decode", "decode", cut, core, 1),
                ("excerpts", "build", cut, core, 1),
                ("many systems", "build", systems, core, 1),
                ("one worker", "build", songs, core, 1),
                ("two workers", "build", songs, both, 2),
            ):
                runs.setdefault(label, []).append(measured(what, folder, cores, jobs))
    figures = {label: {key: round(median(of, key), 3) for key in of[0]} for label, of in runs.items()}
    ratios = {
        "chain / floor": figures["chain"]["cpu_s"] / figures["floor"]["cpu_s"],
        "build / floor": figures["build"]["cpu_s"] / figures["floor"]["cpu_s"],
        "excerpts / decode": figures["excerpts"]["cpu_s"] / figures["decode"]["cpu_s"],
        "memory / song": max(figures[which]["memory_mb"] for which in ("build", "many systems")) / song_mb,
        "one worker / two workers": figures["one worker"]["process_s"] / figures["two workers"]["process_s"],
    }
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "song_s": seconds,
        "repeats": repeats,
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
        "at_most": AT_MOST,
        "at_least": AT_LEAST,
        "medians": figures,
    }


def machine() -> dict[str, Any]:
    """What it ran on, and with which versions."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    packages = ("hidden-reference", "numpy", "scipy", "soundfile", "pyloudnorm", "joblib")
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libsndfile": soundfile.__libsndfile_version__,
        **{name: importlib.metadata.version(name) for name in packages},
    }


def missed(ratios: dict[str, float]) -> list[str]:
    """Limits that do not hold."""
    return outcome.missed(ratios, AT_MOST, AT_LEAST)


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=LENGTH_S)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.child:
        return as_child(asked.child, asked.folder, asked.jobs)
    found = bench(asked.repeats, asked.seconds)
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(text)
    sys.exit("\n".join(missed(found["ratios"])) or 0)


if __name__ == "__main__":
    main()
