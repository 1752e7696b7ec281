"""Vocal leakage: how much of the mixture's vocals an estimate of something else still holds.

Each channel of the estimate is laid out by least squares over the same channel of all true sources at once, each
through a filter of 64 taps of its own (lags -32 to 31). Leakage is the level of the filtered vocals against the vocals
in the mixture, channels added: 10 log10(sum |h * v|^2 / sum |v|^2) dB, -20 for a tenth of their amplitude.

* All sources at once, so that what vocals and reference have in common by chance isn't taken for a leak.
* A filter rather than a gain, because what gets through is coloured and delayed. Of 10 s of a real song of which
  2-6 kHz of the vocals leak, at -7.6 dB, this finds -7.6 and a gain -14.1; of a leak of -20 dB, ten samples late,
  -20.0 and -44.6.
* A short one, because the more it can do, the more it finds by chance in what no source explains: about TAPS/n of that
  energy in a sound of n frames, and more where sources explain each other or lack high frequencies; whatever the
  level of the vocals, so that the quieter they are the higher it would read. Where the leak is not 4 times (6 dB) above
  chance there is no number; artefacts are taken to be loud where the estimate is, and count where vocals sound. With
  artefacts 20 dB below steady vocals, leaks are found down to about -52 dB in 10 s and -66 dB in 4 min; just above
  that, chance adds about 1 dB.
* Vocals more than 60 dB below the mixture are silence: dither, or the end of a reverberation.
* It stays the same over the signal. Of what a mask lets through, now more and now less, it finds the mean: under a
  ratio mask of that song -24 dB where the vocals behind the mask are at -18.
* Not scale-invariant: an estimate at half level leaks 6 dB less.

Conventions: sound (frames, channels). Edges count as if silence went on before and after.
Defines: ``vocal_leakage_db``, ``FAMILY``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft, rfft
from scipy.linalg import cho_factor, cho_solve, toeplitz

from analysis.errors import AnalysisError
from analysis.metrics.family import Family, Metric
from analysis.metrics.signals import COPY_DB, decibel, inner, step_energy
from analysis.metrics.truth import Measured, Truth

VOCALS = "vocals"
TAPS = 64
AHEAD = TAPS // 2
FFT_FRAMES = 1 << 15
SHORTEST_FRAMES = 100 * TAPS
LOUDNESS_FRAMES = 16 * TAPS
RIDGE = 1e-10
"""Of each source's energy: sources without high frequencies leave some filters undetermined, and these stay small."""
ALIKE = 1e-3
"""Share of the vocals' energy that the other sources must not explain."""
ABOVE_CHANCE = 4.0
"""Energy of a leak over what chance is expected to find: more than its spread, for sounds are not stationary."""
SILENT_DB = -60.0
"""Level of the vocals against the mixture below which they are not heard."""


@dataclass(frozen=True)
class _Channel:
    """The sources that sound in one channel, vocals last, and their normal equations, solved but for the estimate.

    ``found_by_chance``: energy of the filtered vocals that noise of unit power in the estimate is expected to give.
    """

    sources: list[np.ndarray]
    scale: np.ndarray
    factor: np.ndarray
    of_vocals: np.ndarray
    found_by_chance: float

    def leaked(self, estimate: np.ndarray) -> np.ndarray:
        """Energy of the filtered vocals in an estimate (frames,), and how much of it chance is expected to find."""
        shared = correlations(self.sources, [estimate], TAPS)[:, 0, TAPS - 1 - AHEAD :][:, :TAPS]
        shared = (shared / self.scale[:, None]).ravel()
        filters = cho_solve((self.factor, True), shared)
        of_vocals = filters[-TAPS:]
        unexplained = max(float(np.dot(estimate, estimate) - shared @ filters), 0.0)
        by_chance = self.found_by_chance * unexplained / len(estimate) * self._together(estimate)
        return np.array([of_vocals @ self.of_vocals @ of_vocals, by_chance])

    def _together(self, estimate: np.ndarray) -> float:
        """Mean power of the estimate, weighted with the power of the vocals, over its plain mean; at least 1."""
        powers = step_energy(np.stack([estimate, self.sources[-1]], axis=1), LOUDNESS_FRAMES)
        heard, vocals = powers.T
        return max(float(np.mean(heard * vocals) / (heard.mean() * vocals.mean())), 1.0) if powers.any(0).all() else 1.0


def correlations(first: Sequence[np.ndarray], second: Sequence[np.ndarray], taps: int) -> np.ndarray:
    """R[a, b, taps - 1 + lag] = sum over n of first_a[n] second_b[n + lag], for lags of less than ``taps``.

    Parameters
    ----------
    first, second : sounds (frames,) of one length.
    """
    block, frames = FFT_FRAMES - 2 * (taps - 1), len(first[0])
    total = np.zeros((len(first), len(second), FFT_FRAMES // 2 + 1), complex)
    for start in range(0, frames, block):
        ours = np.conj([rfft(sound[start : start + block], FFT_FRAMES) for sound in first])
        theirs = np.array([rfft(_around(sound, start, taps), FFT_FRAMES) for sound in second])
        total += ours[:, None] * theirs
    return irfft(total, FFT_FRAMES)[..., : 2 * taps - 1]


def _around(sound: np.ndarray, start: int, taps: int) -> np.ndarray:
    """A block with what lies at most ``taps - 1`` samples before and after it."""
    first = start - (taps - 1)
    found = sound[max(first, 0) : first + FFT_FRAMES]
    return np.concatenate([np.zeros(-first), found]) if first < 0 else found


def vocal_leakage_db(truth: Truth, estimate: np.ndarray) -> float:
    """Level of the vocals in an estimate (frames, channels) against their level in the mixture.

    Raises
    ------
    AnalysisError
        Where ``truth.others`` has no vocals that sound, the other sources explain them, the sound is shorter than
        6400 frames, or no more is found than chance finds.
    """
    channels = truth.once(_channels)
    there = sum(channel.scale[-1] ** 2 for channel in channels.values())
    leaked, by_chance = np.sum([of.leaked(estimate[:, channel]) for channel, of in channels.items()], axis=0)
    found = decibel(leaked, there)
    if found <= -COPY_DB:
        raise AnalysisError("no vocals found (below -100 dB)")
    if leaked < ABOVE_CHANCE * by_chance:
        raise AnalysisError("no more vocals than chance finds")
    return found


def _channels(truth: Truth) -> dict[int, _Channel]:
    """The channels in which there are vocals."""
    vocals = truth.others.get(VOCALS)
    if vocals is None:
        raise AnalysisError("the vocals of the mixture are not known, or are what was to be separated")
    if not np.any(vocals):
        raise AnalysisError("there are no vocals here")
    assert truth.mixture is not None
    if decibel(inner(vocals, vocals), inner(truth.mixture, truth.mixture)) < SILENT_DB:
        raise AnalysisError("the vocals are silent here, or next to it (more than 60 dB below the mixture)")
    if len(vocals) < SHORTEST_FRAMES:
        raise AnalysisError(
            f"{len(vocals)} frames are too few to find vocals by a filter; {SHORTEST_FRAMES} are needed"
        )
    sources = [truth.reference, *(sound for name, sound in truth.others.items() if name != VOCALS), vocals]
    return {
        channel: _channel([source[:, channel] for source in sources if np.any(source[:, channel])])
        for channel in range(vocals.shape[1])
        if np.any(vocals[:, channel])
    }


def _channel(sources: list[np.ndarray]) -> _Channel:
    found = correlations(sources, sources, TAPS)
    scale = np.sqrt(found[range(len(sources)), range(len(sources)), TAPS - 1])  # a quiet source counts as a loud one
    blocks = [[toeplitz(lags[TAPS - 1 :], lags[TAPS - 1 :: -1]) for lags in row] for row in found]
    of_vocals = blocks[-1][-1]
    normal = np.block(blocks) / np.outer(np.repeat(scale, TAPS), np.repeat(scale, TAPS))
    factor = cho_factor(normal + RIDGE * np.eye(len(normal)), lower=True)[0]
    # A row of the factor, squared, is what each earlier unknown explains of this one: a sample of the vocals.
    if 1 - np.sum(factor[-TAPS + AHEAD, :-TAPS] ** 2) < ALIKE:
        raise AnalysisError("the vocals can't be told from the other sources, of which they are a filtered copy")
    # Of white noise, vocals by themselves find one unknown's share each; the more the others explain, the more.
    spread = np.trace(cho_solve((factor[-TAPS:, -TAPS:], True), normal[-TAPS:, -TAPS:]))
    return _Channel(sources, scale, factor, of_vocals / scale[-1] ** 2, max(float(spread), TAPS))


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    return {"vocal_leakage_db": vocal_leakage_db(truth, estimate)}


FAMILY = Family(
    "leakage",
    2,
    (Metric("vocal_leakage_db", "Vocal leakage", "dB", "lower", "this project's definition, stated in the module"),),
    _measure,
    valid="sources in the mixture as they were added to it, vocals not the target",
)
