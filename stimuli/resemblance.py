"""How an anchor or an estimate lies against what it should be: late, upside down, swapped, or something else.

The lag is that of the generalised cross-correlation (Knapp and Carter 1976, doi:10.1109/TASSP.1976.1162830) with
half-whitened spectra: as sharp as tonal music allows, and still led by what is loud. Between samples it is the top
of the correlation interpolated without loss around its peak.

Conventions: sound (frames, channels) of one shape; lag in seconds, positive = late; polarity +1 or -1;
correlations -1 to 1 at lag zero, all channels as one vector; levels in dB.
Defines: ``Lag``, ``Yardstick``, ``correlation``, ``loudest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

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


class _Vector:
    """A sound as one vector: ``channels`` (channels, frames) lie in one piece, ``size`` is its Euclidean length.

    Double precision: a copy is told by what is left at -60 dB, where single precision has nothing left to say.
    """

    def __init__(self, sound: np.ndarray) -> None:
        self.channels = np.ascontiguousarray(sound.T, np.float64)
        self.size = float(np.sqrt(np.vdot(self.channels, self.channels)))

    def alike(self, other: _Vector) -> float:
        """Correlation with another; 0 where one of them is silent."""
        sizes = self.size * other.size
        return float(np.vdot(self.channels, other.channels)) / sizes if sizes else 0.0

    @cached_property
    def side(self) -> _Vector | None:
        """Difference of left and right."""
        return _Vector((self.channels[0] - self.channels[1])[:, None]) if len(self.channels) == 2 else None


class Yardstick:
    """What the sounds of an item are held against, prepared once for all of them: reference, mixture, other stems.

    Parameters
    ----------
    stems : ``mixture`` and what else the song is made of that is not the target, by name; silent ones are left out.
        All are the same stretch as the reference, and so are the sounds that are measured.
    """

    def __init__(
        self, reference: np.ndarray, stems: Mapping[str, np.ndarray], rate_hz: int, *, max_lag_s: float = MAX_LAG_S
    ) -> None:
        self._reference = _Vector(reference)
        self._others = {name: _Vector(stem) for name, stem in stems.items() if np.any(stem)}
        self._mixture = self._others.pop("mixture", self._reference)
        self._rate_hz = rate_hz
        self._reach = min(round(max_lag_s * rate_hz), len(reference) - 1)
        self._size = int(next_fast_len(len(reference) + self._reach + 1, real=True) or 0)

    @cached_property
    def _spectra(self) -> list[np.ndarray]:
        """Of the reference's channels. Single precision is plenty for a place in time, and half the work."""
        return [np.conj(rfft(channel, self._size)) for channel in self._reference.channels.astype(np.float32)]

    @cached_property
    def _mixtures(self) -> dict[str, float]:
        """How the mixture itself correlates with each of the other stems."""
        return {name: self._mixture.alike(stem) for name, stem in self._others.items()}

    @cached_property
    def _mixtures_own(self) -> float:
        return self._mixture.alike(self._reference)

    @cached_property
    def _reference_side_db(self) -> float | None:
        return _side_db(self._reference)

    def lag(self, sound: np.ndarray) -> Lag:
        """The lag where a sound resembles the reference most, channels taken together."""
        return self._lag(_Vector(sound))

    def _lag(self, sound: _Vector) -> Lag:
        channels = zip(sound.channels.astype(np.float32), self._spectra, strict=True)
        cross = mixed(rfft(ours, self._size) * theirs for ours, theirs in channels)
        magnitude = np.abs(cross)
        if not magnitude.any():
            return Lag(None, 1, 0.0)
        whitened = cross / np.sqrt(magnitude + 1e-9 * magnitude.max())
        curve = irfft(whitened, self._size)
        around = _around_zero(curve, self._reach)
        best = int(np.argmax(np.abs(around))) - self._reach
        plain = _around_zero(irfft(cross, self._size), self._reach)[best + self._reach]
        found = float(plain / (sound.size * self._reference.size))
        if abs(found) < WEAK:
            return Lag(None, 1, abs(found))
        sign = 1 if around[best + self._reach] > 0 else -1
        return Lag((best + _top(sign * curve, best)) / self._rate_hz, sign, abs(found))

    def resemblance(self, heard: np.ndarray) -> Resemblance:
        """Hold a sound against the reference, and against what it should not be."""
        sound, reference = _Vector(heard), self._reference
        lag, own = self._lag(sound), sound.alike(reference)
        others = {name: sound.alike(stem) for name, stem in self._others.items()}
        return Resemblance(
            lag_s=None if lag.lag_s is None else round(lag.lag_s, 7),
            polarity=lag.polarity,
            correlation=round(lag.correlation, 4),
            gain_error_db=_gain_db(sound, reference, lag.correlation),
            side_correlation=_side_correlation(sound, reference),
            side_db=_side_db(sound),
            reference_side_db=self._reference_side_db,
            closer_to=self._closer_to(own, others),
            copy_of=self._copy_of(own, sound.alike(self._mixture)),
        )

    def _closer_to(self, own: float, others: Mapping[str, float]) -> str:
        """A stem that the sound was driven towards, away from its target; "" where that can't be said.

        A weak system's estimate may still resemble the loudest stem most, because the mixture does. So a stem counts
        only where the sound lies nearer to it than to the target, nearer than the mixture lies, and further from the
        target than the mixture lies.
        """
        if abs(own) >= abs(self._mixtures_own):
            return ""
        towards = {
            name: abs(ours) for name, ours in others.items() if abs(ours) > max(abs(own), abs(self._mixtures[name]))
        }
        return max(towards, key=lambda name: towards[name], default="")

    def _copy_of(self, own: float, mixtures: float) -> str:
        """``reference`` or ``mixture`` where the sound is a scaled copy of it; "" otherwise."""
        if _left_db(own) < SAME_REFERENCE_DB:
            return "reference"
        # Where nothing had to be removed in this excerpt, the mixture is what a good system gives.
        if _left_db(mixtures) < SAME_INPUT_DB and _left_db(self._mixtures_own) > SAME_INPUT_DB:
            return "mixture"
        return ""


def _around_zero(correlation: np.ndarray, reach: int) -> np.ndarray:
    return np.concatenate([correlation[len(correlation) - reach :], correlation[: reach + 1]])


def _top(curve: np.ndarray, best: int) -> float:
    """Where the band-limited correlation is largest around sample ``best``: -1 to 1, exact to 1/FINE/2 samples.

    The peak's own neighbourhood is interpolated by a windowed sinc, which is the correlation itself up to its length.
    """
    half = 64
    near = curve[np.arange(best - half, best + half + 1) % len(curve)]
    offsets = np.arange(-FINE, FINE + 1) / FINE
    distance = offsets[:, None] - np.arange(-half, half + 1)
    window = np.cos(np.pi * distance / (2 * (half + 1))) ** 2
    values = (np.sinc(distance) * window) @ near
    return float(offsets[int(np.argmax(values))])


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Normalised inner product, all channels as one vector; 0 where one of them is silent."""
    return _Vector(one).alike(_Vector(other))


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


def _gain_db(sound: _Vector, reference: _Vector, alike: float) -> float | None:
    """By how much the reference is louder or softer inside the sound (least squares); None without resemblance.

    ``alike`` is their correlation at the best lag: a sound that is late is not softer for that.
    """
    return round(20 * np.log10(alike * sound.size / reference.size), 3) if alike >= WEAK else None


def _side_correlation(sound: _Vector, reference: _Vector) -> float | None:
    """Correlation of the differences of the channels: -1 where left and right are swapped."""
    ours, theirs = sound.side, reference.side
    return None if ours is None or theirs is None else round(ours.alike(theirs), 4)


def _side_db(sound: _Vector) -> float | None:
    """Level of the channels' difference against their sum; None for other than stereo and for silence."""
    if sound.side is None or not sound.size:
        return None
    side = sound.side.size**2
    middle = 2 * sound.size**2 - side  # |L + R|^2 = 2 (|L|^2 + |R|^2) - |L - R|^2
    return round(10 * np.log10((side + 1e-20) / (max(middle, 0.0) + 1e-20)), 2)


def _left_db(alike: float) -> float:
    """Level of what is left of a sound after its best copy of another is taken away, given their correlation."""
    return 10 * np.log10(max(1 - alike**2, 1e-12))
