"""A small Vox-TasNet-style network, trained here on real songs, against the mixture and model-free systems.

Real bands (guitar and backing) with a real voice, phrases of one singer in random order, about 4 dB below them. Songs
of training (Feelings, Metal madness, War of freedom, with the voice of Feelings: their first 24 s; the last 6 s choose
the weights) and the song of the test (Escape, with its own voice: other random phrases of the same singer) are apart.
Escape was heard while the network's size was chosen, so that Feelings, which was not, is held out too, with Escape
among the songs of training (``--tested feelings``).
Three bands are few, so that they are also heard at other speeds, and guitar and backing of different songs together.
It is trained on one thread, as many steps for each seed, by the run of ``mushra train``; what is heard is the entry
that this writes. The network learns the voice, and the accompaniment is the mixture less its estimate.

For every seed, the accompaniment's SI-SDR on the song of the test has to be 3 dB or more above the mixture's, and above
the best of centre cancellation, a static Wiener filter (a gain for each bin, from mean powers of the training songs)
and REPET. "Falcon 69", another singer and another style, is reported as it is.

    make proof-training, or: python tests/bench/prove_training.py --seeds 0 1 2
prints and writes tests/bench/results/training.json; with --tested feelings, training_feelings.json
"""

from __future__ import annotations

import os

os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})  # before numpy is imported

import argparse
import json
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import numpy as np
import outcome
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "stimuli"))
from known_songs import falcon_69, rest_of, si_sdr, sung, system

from stimuli import audio
from stimuli.separators import Song, Sound, run
from stimuli.separators.spectral import Stft
from stimuli.training.config import Training
from stimuli.training.run import run as train

HERE = Path(__file__).resolve()
RESULTS = {
    "escape": HERE.parent / "results" / "training.json",
    "feelings": HERE.parent / "results" / "training_feelings.json",
}
SHARED = HERE.parents[3] / "shared"
RATE_HZ = 44_100
TRAINED_S = 24
BANDS = ("metal_madness", "war_of_freedom")
OTHER = {"escape": "feelings", "feelings": "escape"}
"""The song of the test, and the one whose voice and band are trained on beside ``BANDS``."""
VOICE_DB = -4.0
"""The voice in the songs of validation, RMS re accompaniment; in training it is drawn about it."""
MODEL_FREE = ("centre_cancellation", "repet")
STFT = Stft(2048, 512)
BETTER_DB = 3.0
VARIANTS, VARIANTS_SEED = 30, 8
STEPS, MOST_MINUTES = 1500, 29.0
CONFIG: dict[str, Any] = {
    "architecture": "vox_tasnet",
    "parameters": {"width": 256, "kernel": 512, "bottleneck": 128, "repeats": 1, "dilations": 7},
    "sources": ["vocals"],
    "data": {"train": "train", "valid": "valid", "segment_s": 3.0, "valid_segments": 6},
    "mixing": {"strategy": "random_stems", "gain_db": 5.0, "swap_channels": 0.5},
    "loss": {"snr": 1.0},
    "optimiser": {
        "rate": 1e-3,
        "batch": 4,
        "validate_every": 50,
        "checkpoint_every": 50,
        "halve_after": 4,
        "ema": 0.98,
        "clip": 5.0,
    },
}


def training_songs(tested: str) -> tuple[str, ...]:
    """Songs that the network may hear before the test."""
    return (OTHER[tested], *BANDS)


def stems(shared: Path, song: str, sings: str) -> dict[str, Sound]:
    """Guitar and backing of a training song, and the voice of ``sings`` at its level."""
    folder = shared / "data" / "songs"
    names = {
        "other": f"sectoid_{song}.guitar",
        "drums": f"sectoid_{song}.backing",
        "vocals": f"sung_sectoid_{sings}.vocals",
    }
    found = {name: soundfile.read(folder / f"{file}.flac", dtype="float32")[0] for name, file in names.items()}
    frames = min(len(sound) for sound in found.values())
    found = {name: sound[:frames] for name, sound in found.items()}
    rest = found["other"] + found["drums"]
    found["vocals"] *= np.float32(10 ** (VOICE_DB / 20) * np.sqrt((rest**2).mean() / (found["vocals"] ** 2).mean()))
    return found


def lay_out(shared: Path, folder: Path, tested: str, variants: int = VARIANTS) -> None:
    """Write train/ and valid/ in MUSDB layout: the training songs' beginnings, as they are and varied, and their ends.

    Three bands are few: in a variant, guitar, backing and voice come from any of the songs, each faster or slower (and
    so higher or lower) by up to a quarter, the guitar up to 6 dB louder or softer.
    """
    border = TRAINED_S * RATE_HZ
    songs = training_songs(tested)
    whole = {song: stems(shared, song, OTHER[tested]) for song in songs}
    for song, found in whole.items():
        _write(folder / "valid" / song, {name: sound[border:] for name, sound in found.items()})
        _write(folder / "train" / song, {name: sound[:border] for name, sound in found.items()})
    rng = np.random.default_rng(VARIANTS_SEED)
    for number in range(variants):
        parts = {name: whole[str(rng.choice(songs))][name][:border] for name in ("other", "drums", "vocals")}
        varied = {name: _faster(sound, rng.uniform(0.8, 1.25)) for name, sound in parts.items()}
        varied["other"] *= np.float32(10 ** (rng.uniform(-6, 6) / 20))
        frames = min(len(sound) for sound in varied.values())
        _write(folder / "train" / f"variant-{number:02}", {name: sound[:frames] for name, sound in varied.items()})


def _faster(sound: Sound, speed: float) -> Sound:
    return audio.resampled(sound, RATE_HZ, round(RATE_HZ / speed))


def _write(place: Path, sounds: dict[str, Sound]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, sound in sounds.items():
        soundfile.write(place / f"{name}.wav", sound, RATE_HZ, subtype="FLOAT")


def static_wiener(shared: Path, tested: str, mixture: Sound) -> Sound:
    """The accompaniment by one gain for each bin: its share of the mean power, over what the network is trained on."""
    power = {"voice": 0.0, "rest": 0.0}
    for song in training_songs(tested):
        whole = stems(shared, song, OTHER[tested])
        found = {name: sound[: TRAINED_S * RATE_HZ] for name, sound in whole.items()}
        for name, sound in {"voice": found["vocals"], "rest": found["other"] + found["drums"]}.items():
            power[name] = power[name] + (np.abs(STFT.forward(sound)) ** 2).mean(axis=(0, 2))
    gain = power["rest"] / (power["rest"] + power["voice"])
    return STFT.inverse(STFT.forward(mixture) * gain[:, None].astype(np.float32), len(mixture))


def accompaniment(entry: dict[str, Any], song: Song) -> Sound:
    """What a system gives, heard as every system is."""
    keys = {key: value for key, value in entry.items() if key not in ("name", "kind")}
    return run.run(system(entry["kind"], **keys), entry["kind"], song, "accompaniment")[0]


def scores(entries: dict[str, dict[str, Any]], wiener: Sound, song: Song) -> dict[str, float]:
    """SI-SDR of the accompaniment in dB, of the mixture, of a static Wiener filter's and of every system."""
    truth = rest_of(song)
    found = {
        "mixture": si_sdr(song.mixture, truth),
        "static_wiener": si_sdr(wiener, truth),
    }
    found |= {name: si_sdr(accompaniment(entry, song), truth) for name, entry in entries.items()}
    return {name: round(value, 2) for name, value in found.items()}


def trained(folder: Path, seed: int, steps: int, minutes: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry of a network trained with this seed, and how the training went."""
    limits = {"steps": steps, "minutes": minutes}
    config = Training.model_validate(CONFIG | {"seed": seed, "optimiser": CONFIG["optimiser"] | limits})
    out = folder / f"seed-{seed}"
    loop = train(config, folder, out, print)
    record = json.loads((out / "training.json").read_text())
    told = {
        "seed": seed,
        "steps": loop.progress.step,
        "minutes": round(loop.progress.spent_s / 60, 2),
        "cpu_minutes": round(loop.progress.cpu_s / 60, 2),
        "validation_si_sdr_db": round(max(row[3] or 0.0 for row in loop.progress.curve), 2),
        "weights_sha256": record["weights_sha256"],
    }
    return tomllib.loads((out / "system.toml").read_text())["systems"][0], told


def judged(score: dict[str, float]) -> tuple[float, float]:
    """How far the network is above the mixture, and above the best of the model-free systems, in dB."""
    others = max(score[name] for name in ("static_wiener", *MODEL_FREE))
    return round(score["trained"] - score["mixture"], 2), round(score["trained"] - others, 2)


def main() -> None:
    """Train every seed, and hold each against its limits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tested", choices=list(OTHER), default="escape", help="the song that is held out")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training for each seed")
    parser.add_argument("--minutes", type=float, default=MOST_MINUTES, help="that a seed's training may take")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--work", type=Path, help="where material and runs are kept; a temporary folder if left out")
    parser.add_argument("--out", type=Path, help="the result; among tests/bench/results if left out")
    asked = parser.parse_args()
    songs = {asked.tested: sung(asked.shared, asked.tested), "Falcon 69": falcon_69()}
    wiener = {name: static_wiener(asked.shared, asked.tested, song.mixture) for name, song in songs.items()}
    free = {name: {"kind": name} for name in MODEL_FREE}
    seeds, problems = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.work or Path(temporary)) / asked.tested  # no song of one fold among those of another
        lay_out(asked.shared, folder, asked.tested)
        for seed in asked.seeds:
            entry, told = trained(folder, seed, asked.steps, asked.minutes)
            found = {name: scores(free | {"trained": entry}, wiener[name], song) for name, song in songs.items()}
            over_mixture, over_others = judged(found[asked.tested])
            seeds.append(
                told | {"over_mixture_db": over_mixture, "over_best_other_db": over_others, "si_sdr_db": found}
            )
            if over_mixture < BETTER_DB or over_others <= 0:
                problems.append(f"seed {seed}: {over_mixture} dB above the mixture, {over_others} above the best other")
    result = {
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": bench_stimuli.machine(),
        "config": CONFIG,
        "voice_db": VOICE_DB,
        "tested": asked.tested,
        "steps": asked.steps,
        "most_minutes": asked.minutes,
        "at_least_over_mixture_db": BETTER_DB,
        "passed": not problems,
        "seeds": seeds,
    }
    outcome.keep(result, asked.out or RESULTS[asked.tested], problems)


if __name__ == "__main__":
    main()
