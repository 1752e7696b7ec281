"""Real songs as stems with an estimate of each, of any length: as references and estimates of separation are.

Stems of different songs follow one another until a length is reached. An estimate is the stem through a mild filter,
with a leak of the others and noise, so that each of a metric's parts has something to find.

Conventions: float64 (sources, frames, 2), full scale 1.0, 44.1 kHz.
Defines: ``RATE_HZ``, ``missing``, ``write``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 44_100
SONGS = ("sectoid_escape", "sectoid_feelings", "sectoid_metal_madness", "sectoid_war_of_freedom")
SINGERS = ("sung_sectoid_escape", "sung_sectoid_feelings")
SOURCES = (
    [f"{song}.guitar.flac" for song in SONGS],
    [f"{song}.backing.flac" for song in SONGS],
    [f"{song}.vocals.flac" for song in SINGERS],
    [f"{song}.guitar.flac" for song in SONGS[2:] + SONGS[:2]],  # another song's guitar at the same time
)
BLUR = (0.9, 0.08, -0.03)
SEED = 7


def missing(folder: Path) -> str | None:
    """A sentence where not all songs are there."""
    lacking = sorted({name for names in SOURCES for name in names if not (folder / name).is_file()})
    if not lacking:
        return None
    return f"no real songs to score in {folder}: {', '.join(lacking)} missing; --songs says where they are"


def write(folder: Path, songs: Path, sources: int, seconds: float) -> None:
    """Write references.npy and estimates.npy into a folder."""
    true = np.stack([_played(songs, names, round(seconds * RATE_HZ)) for names in SOURCES[:sources]])
    folder.mkdir(parents=True)
    np.save(folder / "references.npy", true)
    np.save(folder / "estimates.npy", estimated(true))


def estimated(true: np.ndarray) -> np.ndarray:
    """An estimate of every source: the worse the later."""
    drawn, mixture, found = np.random.default_rng(SEED), true.sum(axis=0), np.empty_like(true)
    for k, source in enumerate(true):
        before = np.concatenate([np.zeros((2, source.shape[1])), source])
        blurred = sum(weight * before[2 - lag : len(before) - lag] for lag, weight in enumerate(BLUR))
        noise = 0.004 * (1 + k) * drawn.standard_normal(source.shape)
        found[k] = blurred + (0.05 + 0.05 * k) * (mixture - source) + noise
    return found


def _played(songs: Path, names: list[str], frames: int) -> np.ndarray:
    """Stems one after another, and again from the first one, until there are enough frames."""
    parts, left = [], frames
    while left > 0:
        sound, rate_hz = soundfile.read(songs / names[len(parts) % len(names)], frames=left, always_2d=True)
        assert rate_hz == RATE_HZ and sound.shape[1] == 2, f"{names}: {rate_hz} Hz, {sound.shape[1]} channels"
        parts.append(sound)
        left -= len(sound)
    return np.concatenate(parts)
