"""The sounds of setting up: level, sides, headphones. Made here, kept nowhere, served without loss (24-bit WAV).

Task: for each step of ``mushra_app.session.setting_up`` the sound that it asks about. Conventions: arrays have shape
(frames, 2), values in -1..1, at ``RATE_HZ``; loudness in LUFS (BS.1770, ungated: all of them are stationary), and it
is that of both channels together; a draw is a NumPy generator, so that a sound can be made again.

The alignment sounds are periodic and can be looped without a seam.

Defines: ``generator``, ``alignment_tone``, ``alignment_noise``, ``one_side``, ``antiphase_tones``,
``huggins_pitch``, ``wav``.
"""

from __future__ import annotations

import io
import wave
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Side = Literal["left", "middle", "right"]

RATE_HZ = 48_000
LOOP_S = 4.0
TONE_HZ = 1000.0
NOISE_HZ = (20.0, 20_000.0)
SIDE_S = 1.0
INTERVALS = 3
RAMP_S = 0.1
QUIET_DB = -6.0
ANTIPHASE_HZ, ANTIPHASE_S, ANTIPHASE_GAP_S = 200.0, 1.0, 0.5
HUGGINS_HZ, HUGGINS_SHARE, HUGGINS_S, HUGGINS_GAP_S = 600.0, 0.06, 1.0, 0.3
# BS.1770's two filters at 48 kHz: (numerator, denominator) of the shelf and of the high-pass.
K_WEIGHTING = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (1.0, -1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
LUFS_OFFSET = -0.691


def generator(seed: int, what: str) -> np.random.Generator:
    """Draws that are the same for the same seed and name, and others for any other."""
    return np.random.default_rng([seed, *what.encode()])


def alignment_tone(lufs: float) -> Samples:
    """A sine of 1 kHz on both channels, ``LOOP_S`` long: to find out that sound comes at all."""
    time = np.arange(round(LOOP_S * RATE_HZ)) / RATE_HZ
    return _both(np.sin(2 * np.pi * TONE_HZ * time), lufs)


def alignment_noise(lufs: float, draw: np.random.Generator, side: Side = "middle") -> Samples:
    """Pink noise, ``LOOP_S`` long, to set the level by.

    Parameters
    ----------
    lufs : loudness with both channels sounding.
    side : ``left`` and ``right`` silence the other channel and leave this one as it is, as a sound level meter wants
        it: BS.1534-3, clause 8 (BS.1116) states the level of one channel.
    """
    frames = round(LOOP_S * RATE_HZ)
    frequencies = np.fft.rfftfreq(frames, 1 / RATE_HZ)
    inside = (frequencies >= NOISE_HZ[0]) & (frequencies <= NOISE_HZ[1])
    phases = np.exp(2j * np.pi * draw.random(frequencies.size))
    spectrum = np.where(inside, phases / np.sqrt(np.maximum(frequencies, 1.0)), 0.0)  # equal power in every octave
    return _only(_both(np.fft.irfft(spectrum, frames), lufs), side)


def one_side(lufs: float, draw: np.random.Generator, side: Side) -> Samples:
    """A second of pink noise from one side or from the middle, faded in and out."""
    noise = alignment_noise(lufs, draw, side)[: round(SIDE_S * RATE_HZ)]
    return noise * _ramped(len(noise))[:, None]


def antiphase_tones(lufs: float, draw: np.random.Generator, quiet: int) -> Samples:
    """Three tones of which one is quieter, and another one has its channels in antiphase.

    On headphones interval ``quiet`` (from 0) is the softest; from loudspeakers the antiphase tone cancels in the air
    and seems to be. Woods et al. 2017, doi:10.3758/s13414-017-1361-2: 200 Hz, 1 s with ramps of 100 ms, 0.5 s apart,
    6 dB quieter.
    """
    frames = round(ANTIPHASE_S * RATE_HZ)
    tone = _both(np.sin(2 * np.pi * ANTIPHASE_HZ * np.arange(frames) / RATE_HZ), lufs) * _ramped(frames)[:, None]
    intervals = [tone] * INTERVALS
    intervals[quiet] = tone * 10 ** (QUIET_DB / 20)
    opposite = draw.choice([place for place in range(INTERVALS) if place != quiet])
    intervals[opposite] = tone * np.array([1.0, -1.0])
    return _in_turn(intervals, ANTIPHASE_GAP_S)


def huggins_pitch(lufs: float, draw: np.random.Generator, tonal: int) -> Samples:
    """Three bursts of white noise; in interval ``tonal`` (from 0) a faint tone is heard, on headphones only.

    Each channel alone is plain noise. In the tonal one the phase of the right channel is turned by 180° within 6 % of
    600 Hz (Milne et al. 2021, doi:10.3758/s13428-020-01514-0).
    """
    frames = round(HUGGINS_S * RATE_HZ)
    near = np.abs(np.fft.rfftfreq(frames, 1 / RATE_HZ) / HUGGINS_HZ - 1) <= HUGGINS_SHARE
    intervals = []
    for place in range(INTERVALS):
        left = draw.standard_normal(frames)
        turned = np.fft.irfft(np.where(near, -1.0, 1.0) * np.fft.rfft(left), frames)
        both = np.stack([left, turned if place == tonal else left], axis=1)
        intervals.append(_at_loudness(both, lufs) * _ramped(frames)[:, None])
    return _in_turn(intervals, HUGGINS_GAP_S)


def wav(samples: Samples) -> bytes:
    """The samples as a WAV file of 24 bits; ValueError where they would clip."""
    if np.abs(samples).max() > 1 - 2**-23:
        raise ValueError("a sound of setting up would clip; lower its loudness")
    whole = np.round(samples * 2**23).astype("<i4")
    packed = whole.reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3]
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(3)
        file.setframerate(RATE_HZ)
        file.writeframes(packed.tobytes())
    return stream.getvalue()


def _both(channel: NDArray[np.float64], lufs: float) -> Samples:
    return _at_loudness(np.stack([channel, channel], axis=1), lufs)


def _only(samples: Samples, side: Side) -> Samples:
    return samples * {"left": (1.0, 0.0), "middle": (1.0, 1.0), "right": (0.0, 1.0)}[side]


def _at_loudness(samples: Samples, lufs: float) -> Samples:
    """Scaled to a loudness: the power of all channels, each frequency weighted as BS.1770 has it."""
    frames = len(samples)
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(frames))
    weight = np.ones(z.size, dtype=complex)
    for (b0, b1, b2), (a0, a1, a2) in K_WEIGHTING:
        weight *= (b0 + b1 * z + b2 * z**2) / (a0 + a1 * z + a2 * z**2)
    power = 2 * np.sum(np.abs(np.fft.rfft(samples, axis=0) * weight[:, None]) ** 2) / frames**2
    return samples * 10 ** ((lufs - (LUFS_OFFSET + 10 * np.log10(power))) / 20)


def _ramped(frames: int) -> NDArray[np.float64]:
    """A gain that rises and falls by raised cosines of ``RAMP_S``."""
    rise = round(RAMP_S * RATE_HZ)
    ends = np.minimum(np.arange(frames), np.arange(frames)[::-1])
    return 0.5 * (1 - np.cos(np.pi * np.minimum(ends / rise, 1.0)))


def _in_turn(intervals: list[Samples], gap_s: float) -> Samples:
    gap = np.zeros((round(gap_s * RATE_HZ), 2))
    parts = [part for interval in intervals for part in (interval, gap)]
    return np.concatenate(parts[:-1])
