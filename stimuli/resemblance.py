"""How an anchor or an estimate lies against what it should be: late, upside down, swapped, or something else.

The lag is that of the generalised cross-correlation (Knapp and Carter 1976, doi:10.1109/TASSP.1976.1162830) with
half-whitened spectra: as sharp as tonal music allows, and still led by what is loud. Between samples it is the top
of the correlation interpolated without loss around its peak.

Conventions: sound (frames, channels) of one shape; lag in seconds, positive = late; polarity +1 or -1;
correlations -1 to 1 at lag zero, all channels as one vector; levels in dB.
Defines: ``Lag``, ``lag_between``, ``resemblance``, ``correlation``, ``loudest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft, rfft
from scipy.fft import next_fast_len

from stimuli.manifest import Resemblance
from stimuli.separators import mixed

WEAK = 0.1
"""Below this correlation at its best lag nothing is said of lag and polarity: the two hardly resemble each other."""
MAX_LAG_S = 0.5
LONGEST_S = 10.0
"""Of longer sounds the loudest stretch of this length is looked at, see ``loudest``."""
EDGE_S = 0.01
FINE = 32
"""Steps per sample in which the top of the correlation is looked for."""
SAME_INPUT_DB, SAME_REFERENCE_DB = -40.0, -60.0
"""What is left of an estimate when its copy of the mixture, or of the reference, is taken away."""


@dataclass(frozen=True)
class Lag:
    """``lag_s`` is None where the resemblance is too weak to tell; ``correlation`` is the one at that lag, 0 to 1."""

    lag_s: float | None
    polarity: int
    correlation: float


def lag_between(reference: np.ndarray, estimate: np.ndarray, rate_hz: int, max_lag_s: float = MAX_LAG_S) -> Lag:
    """Find the lag within ``max_lag_s`` where the two resemble each other most, channels taken together."""
    reach = min(round(max_lag_s * rate_hz), len(reference) - 1)
    size = int(next_fast_len(len(reference) + reach + 1, real=True) or 0)
    # Single precision is plenty for a place in time, and half the work.
    channels = zip(estimate.T.astype(np.float32), reference.T.astype(np.float32), strict=True)
    cross = mixed(rfft(ours, size) * np.conj(rfft(theirs, size)) for ours, theirs in channels)
    magnitude = np.abs(cross)
    if not magnitude.any():
        return Lag(None, 1, 0.0)
    whitened = cross / np.sqrt(magnitude + 1e-9 * magnitude.max())
    around = _around_zero(irfft(whitened, size), reach)
    best = int(np.argmax(np.abs(around))) - reach
    plain = _around_zero(irfft(cross, size), reach)[best + reach]
    energies = [float(np.vdot(sound, sound).real) for sound in (estimate, reference)]
    correlation = float(plain / np.sqrt(energies[0] * energies[1]))
    if abs(correlation) < WEAK:
        return Lag(None, 1, abs(correlation))
    sign = 1 if around[best + reach] > 0 else -1
    return Lag((best + _top(sign * whitened, size, best)) / rate_hz, sign, abs(correlation))


def _around_zero(correlation: np.ndarray, reach: int) -> np.ndarray:
    return np.concatenate([correlation[len(correlation) - reach :], correlation[: reach + 1]])


def _top(spectrum: np.ndarray, size: int, best: int) -> float:
    """Where the band-limited correlation is largest around sample ``best``: -1 to 1, exact to 1/FINE/2 samples.

    The peak's own neighbourhood is interpolated by a windowed sinc, which is the correlation itself up to its length.
    """
    half = 64
    curve = irfft(spectrum, size)
    near = curve[np.arange(best - half, best + half + 1) % size]
    offsets = np.arange(-FINE, FINE + 1) / FINE
    distance = offsets[:, None] - np.arange(-half, half + 1)
    window = np.cos(np.pi * distance / (2 * (half + 1))) ** 2
    values = (np.sinc(distance) * window) @ near
    return float(offsets[int(np.argmax(values))])


def resemblance(sound: np.ndarray, reference: np.ndarray, stems: Mapping[str, np.ndarray], rate_hz: int) -> Resemblance:
    """Hold a sound against the reference and against what it should not be, all of them the same stretch.

    Parameters
    ----------
    stems : ``mixture`` and what else the song is made of that is not the target, by name; silent ones are left out.
    """
    # Double precision: a copy is told by what is left at -60 dB, where single precision has nothing left to say.
    sound, reference = np.asarray(sound, np.float64), np.asarray(reference, np.float64)
    others = {name: np.asarray(stem, np.float64) for name, stem in stems.items() if np.any(stem)}
    lag = lag_between(reference, sound, rate_hz)
    own = correlation(sound, reference)
    mixture = others.pop("mixture", reference)
    told = {name: (correlation(sound, stem), correlation(mixture, stem)) for name, stem in others.items()}
    return Resemblance(
        lag_s=None if lag.lag_s is None else round(lag.lag_s, 7),
        polarity=lag.polarity,
        correlation=round(lag.correlation, 4),
        gain_error_db=_gain_db(sound, reference),
        side_correlation=_side_correlation(sound, reference),
        side_db=_side_db(sound),
        reference_side_db=_side_db(reference),
        closer_to=_closer_to(own, correlation(mixture, reference), told),
        copy_of=_copy_of(sound, reference, mixture),
    )


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Normalised inner product, all channels as one vector; 0 where one of them is silent."""
    energy = float(np.vdot(one, one)) * float(np.vdot(other, other))
    return float(np.vdot(one, other)) / np.sqrt(energy) if energy else 0.0


def loudest(reference: np.ndarray, rate_hz: int) -> slice:
    """The stretch of at most ``LONGEST_S`` with the most energy, on whole seconds, without the faded ends.

    A clip is faded there and a stem is not: they would differ for that alone.
    """
    edge, length = round(EDGE_S * rate_hz), round(LONGEST_S * rate_hz)
    last = len(reference) - edge
    if last - edge <= length:
        return slice(edge, last)
    seconds = np.add.reduceat(np.einsum("fc,fc->f", reference, reference), np.arange(0, len(reference), rate_hz))
    total = np.convolve(seconds, np.ones(int(LONGEST_S)), mode="valid")
    start = min(max(int(np.argmax(total)) * rate_hz, edge), last - length)
    return slice(start, start + length)


def _gain_db(sound: np.ndarray, reference: np.ndarray) -> float | None:
    """By how much the reference is louder or softer inside the sound (least squares); None without resemblance."""
    share = float(np.vdot(sound, reference)) / max(float(np.vdot(reference, reference)), 1e-30)
    return round(20 * np.log10(abs(share)), 3) if abs(correlation(sound, reference)) >= WEAK else None


def _side(sound: np.ndarray) -> np.ndarray | None:
    return sound[:, 0] - sound[:, 1] if sound.shape[1] == 2 else None


def _side_correlation(sound: np.ndarray, reference: np.ndarray) -> float | None:
    """Correlation of the differences of the channels: -1 where left and right are swapped."""
    ours, theirs = _side(sound), _side(reference)
    return None if ours is None or theirs is None else round(correlation(ours, theirs), 4)


def _side_db(sound: np.ndarray) -> float | None:
    """Level of the channels' difference against their sum; None for other than stereo and for silence."""
    side = _side(sound)
    if side is None:
        return None
    middle = sound.sum(axis=1)
    energies = float(np.vdot(side, side)), float(np.vdot(middle, middle))
    return round(10 * np.log10((energies[0] + 1e-20) / (energies[1] + 1e-20)), 2) if any(energies) else None


def _closer_to(own: float, mixture_own: float, told: Mapping[str, tuple[float, float]]) -> str:
    """A stem that the sound was driven towards, away from its target; "" where that can't be said.

    A weak system's estimate may still resemble the loudest stem most, because the mixture does. So a stem counts
    only where the sound lies nearer to it than to the target, nearer than the mixture lies, and further from the
    target than the mixture lies.
    """
    if abs(own) >= abs(mixture_own):
        return ""
    towards = {name: abs(ours) for name, (ours, mixtures) in told.items() if abs(ours) > max(abs(own), abs(mixtures))}
    return max(towards, key=lambda name: towards[name], default="")


def _copy_of(sound: np.ndarray, reference: np.ndarray, mixture: np.ndarray) -> str:
    """``reference`` or ``mixture`` where the sound is a scaled copy of it; "" otherwise."""
    if _left_db(sound, reference) < SAME_REFERENCE_DB:
        return "reference"
    # Where nothing had to be removed in this excerpt, the mixture is what a good system gives.
    if _left_db(sound, mixture) < SAME_INPUT_DB and _left_db(mixture, reference) > SAME_INPUT_DB:
        return "mixture"
    return ""


def _left_db(sound: np.ndarray, other: np.ndarray) -> float:
    """Level of what is left of a sound after its best copy of another is taken away, against the sound's own."""
    return 10 * np.log10(max(1 - correlation(sound, other) ** 2, 1e-12))
