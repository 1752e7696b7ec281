"""Songs whose stems are known, made or recorded, and how near an estimate comes to one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from pydantic import TypeAdapter

from stimuli.experiment import AnySystem
from stimuli.separators import Separator, Song, Sound, mixed, separator
from stimuli.sources import demo_songs
from stimuli.sources.song import whole

RATE_HZ = 44_100
PERIOD_FRAMES, HOP = 138, 512
"""The chords' period, 1.6 s, in frames of REPET's transform: whole, so that exact can be asked for."""


def system(kind: str, **parameters: object) -> Separator:
    """A system as an experiment file would ask for it."""
    return separator(TypeAdapter(AnySystem).validate_python({"name": "x", "kind": kind, **parameters}))


def song_of(**stems: Sound) -> Song:
    """A song made of its stems."""
    return Song("test", RATE_HZ, mixed(stems.values()), stems)


def repeating(seconds: float, periods: tuple[int, ...] = (PERIOD_FRAMES,), voice_level: float = 0.072) -> Song:
    """Four chords that repeat, and a gliding harmonic voice; each of ``periods`` (frames) has an equal part of it."""
    frames = round(seconds * RATE_HZ)
    part = frames // len(periods) + 1
    time = np.concatenate([np.arange(part) / RATE_HZ * PERIOD_FRAMES / period for period in periods])[:frames]
    beat = PERIOD_FRAMES * HOP / RATE_HZ / 4
    chord = 48 + 5 * (np.floor(time / beat) % 4)
    music = sum(np.sin(2 * np.pi * 440 * 2 ** ((chord + i - 69) / 12) * (time % beat)) for i in (0, 4, 7, 12))
    music = music * (1 - time % beat)
    time = np.arange(frames) / RATE_HZ
    pitch = 500 * 2 ** (0.5 * np.sin(2 * np.pi * 0.23 * time) + 0.02 * np.sin(2 * np.pi * 5 * time))
    voice = sum(np.sin(2 * np.pi * k * np.cumsum(pitch) / RATE_HZ) / k for k in range(1, 6))
    stereo = np.ones((1, 2), np.float32)
    return song_of(
        vocals=(voice_level * voice[:, None] * stereo).astype(np.float32),
        other=(0.08 * music[:, None] * stereo).astype(np.float32),
    )


def falcon_69() -> Song:
    """The real song of the installed package stempeg, 6 s."""
    return whole(demo_songs.falcon_69())


def sung(shared: Path, song: str) -> Song:
    """A real band with a real voice over it, 30 s."""
    files = {
        "vocals": f"sung_sectoid_{song}.vocals",
        "other": f"sectoid_{song}.guitar",
        "drums": f"sectoid_{song}.backing",
    }
    folder = shared / "data" / "songs"
    return song_of(
        **{name: soundfile.read(folder / f"{file}.flac", dtype="float32")[0] for name, file in files.items()}
    )


def rest_of(song: Song) -> Sound:
    """All but the vocals."""
    return mixed(sound for name, sound in song.stems.items() if name != "vocals")


def si_sdr(estimate: Sound, truth: Sound) -> float:
    """SI-SDR in dB, means removed, all channels as one vector."""
    e, s = (x.astype(float).ravel() - x.mean(dtype=float) for x in (estimate, truth))
    near = (e @ s) / (s @ s) * s
    return float(10 * np.log10((near @ near) / ((e - near) @ (e - near))))


def scored(system: Separator, song: Song) -> tuple[float, float]:
    """SI-SDR of the vocals (the mixture less the accompaniment) and of the accompaniment."""
    rest = system.separate(song, ["accompaniment"])["accompaniment"]
    return si_sdr(song.mixture - rest, song.stems["vocals"]), si_sdr(rest, rest_of(song))


def mono(song: Song) -> Song:
    """The first channel alone: half the work."""
    return song_of(**{name: sound[:, :1] for name, sound in song.stems.items()})
