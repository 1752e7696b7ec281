"""The pitch of a voice over time: subharmonic summation, and the likeliest path through what it finds.

Each candidate's salience is the sum of the spectrum's peaks at its harmonics, the n-th weighed by 0.84^(n-1) (Hermes
1988, doi:10.1121/1.396427); of their roots, so that one loud partial of an instrument counts less. From frame to frame
a voice seldom leaps: its path is the one with the greatest product of saliences and of a Laplacian in the size of each
step (Viterbi's algorithm), as Ikemiya, Yoshii and Itoyama (2015, ICASSP) have it for the voice that RPCA leaves.

Conventions: magnitudes (bins, times) of linear frequency; frequencies in Hz; a pitch of 0 is none.
Defines: ``candidates``, ``peaks``, ``salience``, ``path``, ``pitch``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import maximum_filter1d

WEIGHT = 0.84
STEP_CENTS = 10.0
"""Between two candidates: a tenth harmonic at 4 kHz is then at most 12 Hz off."""
LEAP_CENTS = 150.0
"""Mean size of a step of the path, from one frame to the next: notes that follow each other are further apart."""
PEAK_BINS = 5
"""A peak of a spectrum is the greatest of so many bins, and these are what is summed."""
EPSILON = 1e-12


def candidates(lowest_hz: float, highest_hz: float) -> np.ndarray:
    """Pitches at equal distances in cents, from the lowest to the highest at most."""
    count = int(1200 * np.log2(highest_hz / lowest_hz) / STEP_CENTS) + 1
    return lowest_hz * 2 ** (np.arange(count) * STEP_CENTS / 1200)


def peaks(magnitudes: np.ndarray) -> np.ndarray:
    """Magnitudes around the peaks of each spectrum; what is no part of any is 0, as it tells no harmonics."""
    tops = magnitudes == maximum_filter1d(magnitudes, PEAK_BINS, axis=0)
    return np.where(maximum_filter1d(tops, PEAK_BINS, axis=0), magnitudes, 0)


def salience(magnitudes: np.ndarray, bin_hz: float, pitches_hz: np.ndarray, harmonics: int) -> np.ndarray:
    """Weighed sums (pitches, times) of the magnitudes at so many harmonics, between bins linearly interpolated."""
    bins = len(magnitudes)
    combs = np.zeros((len(pitches_hz), bins), magnitudes.dtype)
    rows = np.arange(len(pitches_hz))
    for harmonic in range(1, harmonics + 1):
        place = harmonic * pitches_hz / bin_hz
        below = place.astype(int)
        there = below < bins - 1
        part = place[there] - below[there]
        combs[rows[there], below[there]] += WEIGHT ** (harmonic - 1) * (1 - part)
        combs[rows[there], below[there] + 1] += WEIGHT ** (harmonic - 1) * part
    return combs @ magnitudes


def path(saliences: np.ndarray) -> np.ndarray:
    """For each time the candidate on the best path through saliences (candidates, times), 0 or more."""
    count, times = saliences.shape
    likely = np.log(saliences / np.maximum(saliences.sum(axis=0), EPSILON) + EPSILON)
    steps = np.abs(np.arange(count)[:, None] - np.arange(count))
    cost = (-STEP_CENTS / LEAP_CENTS * steps).astype(likely.dtype)
    came_from = np.zeros((times, count), np.min_scalar_type(count))
    best, rows = likely[:, 0], np.arange(count)
    for time in range(1, times):
        through = best + cost
        came_from[time] = through.argmax(axis=1)
        best = through[rows, came_from[time]] + likely[:, time]
        best = best - best.max()
    found = np.empty(times, int)
    found[-1] = best.argmax()
    for time in range(times - 1, 0, -1):
        found[time - 1] = came_from[time, found[time]]
    return found


def pitch(
    blocks: Iterable[np.ndarray], bin_hz: float, lowest_hz: float, highest_hz: float, *, harmonics: int = 15
) -> np.ndarray:
    """Pitch in Hz at each time, between the lowest and the highest; 0 in silence.

    Parameters
    ----------
    blocks : magnitudes (bins, times) of the voice as well as it is known, some times after the other; of a whole song
        only the saliences are kept.
    bin_hz : distance of two bins.
    harmonics : how many are summed; those beyond the last bin are silent.
    """
    pitches = candidates(lowest_hz, highest_hz)
    parts = [salience(np.sqrt(peaks(magnitudes)), bin_hz, pitches, harmonics) for magnitudes in blocks]
    saliences = np.concatenate(parts, axis=1)
    return np.where(saliences.any(axis=0), pitches[path(saliences)], 0)
