"""What can be wrong with a clip whatever it should be: an offset, ends that click, clipping, drop-outs.

Conventions: sound (frames, channels), full scale 1.0; times in seconds. Defines: ``dc``, ``end_step``, ``clipped``,
``dropout_s``.
"""

from __future__ import annotations

import numpy as np

from stimuli.loudness import STEP_S, Energy

SILENT_LUFS, SOUNDING_LUFS = -80.0, -50.0
"""A step of 100 ms is a drop-out where the clip is below the first while its reference is above the second."""
SHORTEST_RUN = 3


def dc(samples: np.ndarray) -> float:
    """Largest mean of a channel: 0 for a sound without offset."""
    return max(abs(float(channel.sum(dtype=np.float64))) / len(channel) for channel in samples.T)


def end_step(samples: np.ndarray) -> float:
    """Largest first or last sample: how far the sound jumps where it begins and ends."""
    return float(np.abs(samples[[0, -1]]).max())


def clipped(samples: np.ndarray) -> int:
    """Samples in runs of three and more at the channel's own highest or lowest value: the flat tops of clipping."""
    count = 0
    for channel in samples.T:
        for edge in (channel.max(), channel.min()):
            at = np.flatnonzero(channel == edge) if edge else np.empty(0, int)
            ends = np.flatnonzero(np.diff(at, append=-1) != 1)
            lengths = np.diff(ends, prepend=-1)
            count += int(lengths[lengths >= SHORTEST_RUN].sum())
    return count


def dropout_s(sound: Energy, reference: Energy) -> float:
    """Seconds in which the sound is silent while its reference is not."""
    with np.errstate(divide="ignore"):
        ours, theirs = (10 * np.log10(one.steps) for one in (sound, reference))
    return round(float(STEP_S * np.sum((ours < SILENT_LUFS) & (theirs > SOUNDING_LUFS))), 3)
