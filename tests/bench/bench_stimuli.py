"""How much a set costs beside decoding and encoding it: the whole chain against codec work alone, in one run.

Every measurement is a process of its own on one core (the pair of workers: on two), and is repeated; the ratio of
the medians is what counts, because a machine is never quiet. ``floor`` decodes the song once and encodes the four
clips that the build made. ``chain`` is the sound's way: decode, two anchors, loudness and true peak of each, gain,
fades, encode, for reference, anchors and one system in full length. ``build`` is the whole build of the same set, which
also decodes every clip again, hashes, and measures what the rules judge. ``excerpts`` builds a set with ten seconds
of the same song, against ``decode``, which decodes it once.

    python tests/bench/bench_stimuli.py            prints and writes tests/bench/results/stimuli.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "stimuli.json"
RATE_HZ, LENGTH_S = 44_100, 240
LIMITS = {"chain / floor": 2.5, "excerpts / decode": 3.0, "memory / song": 8.0, "one worker / two workers": 1.7}


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


def world(folder: Path, songs: int, seconds: float, excerpt_s: float) -> Path:
    """Songs in the layout ``pairs`` with one system's estimates, and an experiment about them."""
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
        '[songs]\nlayout = "pairs"\nroot = "."\n' + "".join(items) + '[[systems]]\nname = "m"\nkind = "files"\n'
        'path = "est/{song}.flac"\n[[anchors]]\nkind = "lowpass"\ncutoff_hz = 3500\n'
        '[[anchors]]\nkind = "lowpass"\ncutoff_hz = 7000\n'
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
    """Run one child on its cores; returns CPU and wall seconds of its work, those of the process, and its memory."""
    shutil.rmtree(folder / "set", ignore_errors=True)
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, str(HERE), "--child", what, "--folder", str(folder), "--jobs", str(jobs)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return json.loads(told.stdout.splitlines()[-1]) | {"process_s": time.perf_counter() - began}


def as_child(what: str, folder: Path, jobs: int) -> None:
    """What a child does and tells: imports first, then the work that is measured."""
    makers = {"floor": floor, "decode": decode, "chain": chain, "build": lambda folder: build(folder, jobs)}
    work = makers[what](folder)
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    told = {
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
        whole, cut, many = (Path(name) / part for part in ("whole", "cut", "many"))
        for folder in (whole, cut, many):
            folder.mkdir()
        world(whole, 1, seconds, seconds)
        world(cut, 1, seconds, 10.0)
        world(many, 8, seconds / 4, seconds / 4)
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
                ("one worker", "build", many, both, 1),
                ("two workers", "build", many, both, 2),
            ):
                runs.setdefault(label, []).append(measured(what, folder, cores, jobs))
    figures = {label: {key: round(median(of, key), 3) for key in of[0]} for label, of in runs.items()}
    ratios = {
        "chain / floor": figures["chain"]["cpu_s"] / figures["floor"]["cpu_s"],
        "build / floor": figures["build"]["cpu_s"] / figures["floor"]["cpu_s"],
        "excerpts / decode": figures["excerpts"]["cpu_s"] / figures["decode"]["cpu_s"],
        "memory / song": figures["build"]["memory_mb"] / song_mb,
        "one worker / two workers": figures["one worker"]["process_s"] / figures["two workers"]["process_s"],
    }
    return {
        "song_s": seconds,
        "repeats": repeats,
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "limits": LIMITS,
        "medians": figures,
    }


def main() -> None:
    """Measure, print, and keep the result with the machine and the versions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=LENGTH_S)
    asked = parser.parse_args()
    if asked.child:
        return as_child(asked.child, asked.folder, asked.jobs)
    found = bench(asked.repeats, asked.seconds)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
