"""Low-pass anchors of BS.1534-3: pure array functions.

Linear-phase FIR with its delay taken out to the sample, designed anew for each sample rate. 3.5 kHz holds the
standard's mask (clause 5.1): ripple within 0.1 dB, at least 25 dB down at 4 kHz and 50 dB from 4.5 kHz. For
7 kHz the standard gives no mask; this project's convention is the same mask scaled by two: 8 kHz and 9 kHz.

Conventions: sound (frames, channels); frequencies in Hz. Defines: ``lowpass_taps``, ``lowpass``.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.fft import irfft, rfft
from scipy.fft import next_fast_len
from scipy.signal import firwin, kaiser_beta

from stimuli.errors import SoundError

BLOCK = 1 << 14
STOP_DB = 80.0
"""Kaiser design attenuation: 30 dB more than the mask asks, so that the pass-band ripple is far below 0.1 dB."""


@functools.cache
def lowpass_taps(rate_hz: int, cutoff_hz: int) -> np.ndarray:
    """Taps of the anchor's filter: odd in number and symmetric, so that the delay is a whole number of samples.

    Raises
    ------
    SoundError
        Where the sample rate can't hold the stop band, which begins at 8/7 of the cut-off.
    """
    stop_hz = cutoff_hz * 8 / 7
    if stop_hz >= rate_hz / 2:
        raise SoundError(
            f"anchors: a {cutoff_hz} Hz low-pass needs a sample rate above {2 * stop_hz:.0f} Hz, found {rate_hz} Hz; "
            "use songs of a higher rate or leave this anchor out"
        )
    width = (stop_hz - cutoff_hz) / (rate_hz / 2)
    count = int(np.ceil((STOP_DB - 7.95) / (2.285 * np.pi * width))) // 2 * 2 + 1
    shape: Any = ("kaiser", kaiser_beta(STOP_DB))
    return np.asarray(firwin(count, (cutoff_hz + stop_hz) / 2, window=shape, fs=rate_hz))


def lowpass(samples: np.ndarray, rate_hz: int, *, cutoff_hz: int) -> np.ndarray:
    """The low-pass anchor of ``samples``: same shape, same type, not a sample early or late.

    Overlap-save in blocks: a whole song needs no more working memory than a short one, and beyond its ends there is
    silence.
    """
    taps = lowpass_taps(rate_hz, cutoff_hz).astype(samples.dtype)
    half, frames = len(taps) // 2, len(samples)
    size = max(BLOCK, int(next_fast_len(4 * len(taps), real=True) or 0))
    step, response = size - 2 * half, rfft(taps, size)
    through = np.empty(samples.shape[::-1], samples.dtype).T
    padded = np.zeros(frames + 2 * half + step, samples.dtype)
    for channel, sound in enumerate(samples.T):
        padded[half : half + frames] = sound
        for first in range(0, frames, step):
            block = irfft(rfft(padded[first : first + size], size) * response, size)[2 * half :]
            through[first : first + step, channel] = block[: frames - first]
    return through
