"""Which part of a song is heard, where the experiment gives a rule instead of a start.

Each rule draws a curve with one value for every 100 ms. The stretch with the greatest sum is taken first, then the best
of those that don't overlap it, and so on; each must leave room for the others. Between equal ones the seed decides, so
that the choice is nobody's.

* ``vocal-activity``: 1 where the true vocals are within 25 dB of their own loudest moments, else 0.
* ``energy``: energy of the mixture.
* ``onset-density``: onsets of the mixture, peaks of the spectral flux above its local mean.
* ``disagreement``: energy of the systems' differences from their mean, against the reference's. It looks at the
  outputs, so that such items can't speak for items in general; the rule ``excerpts-by-outputs`` says so.

Conventions: sound (frames, channels); times in seconds. Defines: ``starts``, ``curve``, ``disagreement``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from scipy.ndimage import uniform_filter1d

from stimuli.errors import StimuliError
from stimuli.experiment import Excerpt
from stimuli.separators import Sound, mixed
from stimuli.sources.song import MIXTURE, Song

STEP_S = 0.1
Curve = np.ndarray
"""One value for every 100 ms."""
ACTIVE_DB = -25.0
FLUX_WINDOW_S = 0.5


def starts(excerpt: Excerpt, values: Curve, length_s: float) -> list[float]:
    """Where the excerpts begin, in seconds, the best first.

    Parameters
    ----------
    values : the rule's curve, one value for every 100 ms.
    length_s : length of the song.

    Raises
    ------
    StimuliError
        Where the song is too short for so many excerpts.
    """
    steps = round(excerpt.length_s / STEP_S)
    last = min(int((length_s - excerpt.length_s) / STEP_S + 1e-9), len(values) - steps)
    fits = last // steps + 1 if last >= 0 else 0
    if fits < excerpt.count:
        raise StimuliError(
            f"{length_s:.2f} s long: {fits} excerpts of {excerpt.length_s:g} s that don't overlap fit, "
            f"{excerpt.count} are asked for; lower count or shorten length_s"
        )
    sums = np.convolve(values, np.ones(steps), mode="valid")[: last + 1]
    sums = np.round(sums / max(float(sums.max()), 1e-30), 9)  # what differs by rounding only is equal
    luck = np.random.default_rng(excerpt.seed).random(len(sums))
    found: list[int] = []
    for place in map(int, np.lexsort((luck, -sums))):
        if len(found) < excerpt.count and _room(sorted([*found, place]), steps, last) >= excerpt.count:
            found.append(place)
    return [round(place * STEP_S, 1) for place in found]


def _room(places: list[int], steps: int, last: int) -> int:
    """How many stretches fit in all, with these among them; 0 where two of these overlap."""
    gaps = [b - a for a, b in itertools.pairwise([-steps, *places, last + steps])]
    return len(places) + sum(gap // steps - 1 for gap in gaps) if min(gaps) >= steps else 0


def curve(rule: str, song: Song) -> Curve:
    """The curve of a rule that looks at the mixture and the true stems alone.

    Raises
    ------
    StimuliError
        For ``vocal-activity`` where the song has no vocals.
    """
    if rule == "energy":
        return _energy(song.read(MIXTURE), song.form.rate_hz)
    if rule == "onset-density":
        return _onsets(song.read(MIXTURE), song.form.rate_hz)
    if "vocals" not in song.stems:
        raise StimuliError(
            f"song {song.name!r}: the rule vocal-activity needs the stem vocals; found {', '.join(song.stems)}; "
            'use rule = "energy" or give start_s'
        )
    voice = _energy(song.read("vocals"), song.form.rate_hz)
    loud = np.quantile(voice, 0.95)
    return (voice > max(loud, 1e-12) * 10 ** (ACTIVE_DB / 10)).astype(np.float64)


def disagreement(estimates: Iterable[Sound], reference: Sound, rate_hz: int) -> Curve:
    """How far the systems' whole outputs lie apart from 100 ms to 100 ms, against the reference's mean energy."""
    sounds = list(estimates)
    middle = mixed(sounds) / len(sounds)
    apart = mixed(_energy(sound - middle, rate_hz) for sound in sounds)
    return apart / max(float(_energy(reference, rate_hz).mean()), 1e-12)


def _energy(sound: Sound, rate_hz: int) -> np.ndarray:
    """Energy of each whole 100 ms."""
    step = round(STEP_S * rate_hz)
    whole = sound[: len(sound) // step * step]
    by_step = whole.reshape(-1, step * sound.shape[1])
    return np.einsum("sn,sn->s", by_step, by_step, dtype=np.float64)


def _onsets(sound: Sound, rate_hz: int) -> np.ndarray:
    """Onsets in each 100 ms: where the half-wave rectified log-spectral flux peaks above its mean of half a second."""
    size, hop = 2048, round(rate_hz / 100)
    mono = np.pad(sound.mean(axis=1), (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop][: len(sound) // hop]
    flux = np.empty(len(frames))
    before = np.zeros(size // 2 + 1)
    for first in range(0, len(frames), 500):  # a few seconds at a time, so that memory stays flat
        spectra = np.log1p(100 * np.abs(np.fft.rfft(frames[first : first + 500] * np.hanning(size), axis=1)))
        flux[first : first + 500] = np.maximum(np.diff(spectra, axis=0, prepend=before[None]), 0).sum(axis=1)
        before = spectra[-1]
    level = uniform_filter1d(flux, round(FLUX_WINDOW_S * 100))
    peak = (flux[1:-1] > flux[:-2]) & (flux[1:-1] >= flux[2:]) & (flux[1:-1] > 1.3 * level[1:-1] + 0.1 * flux.mean())
    at = (np.flatnonzero(peak) + 1) // round(100 * STEP_S)
    return np.bincount(at, minlength=len(frames) // round(100 * STEP_S)).astype(np.float64)
