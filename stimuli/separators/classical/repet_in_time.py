"""REPET for music whose repetition changes: a period for each part of the song, or only what was heard so far.

``RepetExtended`` (Rafii and Pardo 2013, doi:10.1109/TASL.2012.2213249) and ``RepetAdaptive`` (Liutkus et al. 2012,
ICASSP) look for the period anew every 5 s; ``RepetSimOnline`` (Rafii and Pardo 2013, ICASSP) finds for each frame those
most like it among the last 10 s. Periods are those of the beat spectrum as it stands (the public port adds a frame to
each), and every frame has one (the port leaves the last of every 5 s without).

Conventions: those of ``repet``: magnitudes are the mean over channels, shape (bins, times).
Defines: ``RepetExtended``, ``RepetAdaptive``, ``RepetSimOnline``.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d

from stimuli.separators.classical.repet import EPSILON, Repet, RepetSim, median_over

SEGMENT_S, STEP_S = 10.0, 5.0


class RepetExtended(Repet):
    """REPET on segments of 10 s that overlap by half, cross-faded; a song shorter than 15 s is one segment."""

    def background(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """Backgrounds of the segments, each faded in while the one before it fades out."""
        times = magnitude.shape[1]
        segment, step = round(SEGMENT_S * frames_per_s), round(STEP_S * frames_per_s)
        starts = range(0, max(times - segment, 0) + 1, step)
        found = np.zeros_like(magnitude)
        for start in starts:
            # The last one takes the rest: a remnant of less than 5 s repeats too little to be a segment.
            last = start == starts[-1]
            stop = times if last else start + segment
            own = super().background(magnitude[:, start:stop], frames_per_s)
            fade = np.ones(stop - start, np.float32)
            rise = (np.arange(segment - step, dtype=np.float32) + 0.5) / (segment - step)
            if start:
                fade[: len(rise)] = rise
            if not last:
                fade[step:] = 1 - rise
            found[:, start:stop] += fade * own
        return found


class RepetAdaptive(Repet):
    """REPET whose period follows the song: the median over five frames, one, two periods before and after."""

    around = np.arange(-2, 3)

    def background(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """Median over the frames that lie up to two of their period away and inside the song."""
        times = magnitude.shape[1]
        periods = self.periods(magnitude, frames_per_s)
        found = np.empty_like(magnitude)
        for time in range(times):
            places = time + self.around * periods[time]
            found[:, time] = median_over(magnitude, places[(places >= 0) & (places < times)])
        return found

    def periods(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """The period of each frame: that of the 10 s around the nearest of the centres, which are 5 s apart.

        At the ends of the song, where there are no 10 s around, it is that of the first or last 10 s.
        """
        times = magnitude.shape[1]
        segment, step = round(SEGMENT_S * frames_per_s), round(STEP_S * frames_per_s)
        centres = np.arange(0, times, step)
        starts = np.clip(centres - segment // 2, 0, max(times - segment, 0))
        known = {start: self.period(magnitude[:, start : start + segment], frames_per_s) for start in np.unique(starts)}
        nearest = np.minimum((np.arange(times) + step // 2) // step, len(centres) - 1)
        return np.array([known[start] for start in starts])[nearest]


class RepetSimOnline(RepetSim):
    """REPET-SIM that knows no future: what it gives at a moment depends on sound up to one window later.

    Until 10 s have passed, it has what there was since the song began (the public port gives silence until then).
    """

    memory_s = 10.0

    def background(self, magnitude: np.ndarray, frames_per_s: float) -> np.ndarray:
        """Median over those of the last 10 s that are most alike, each the best within ``apart_s`` around it."""
        unit = magnitude / np.maximum(np.linalg.norm(magnitude, axis=0), EPSILON)
        found = np.empty_like(magnitude)
        memory, around = round(self.memory_s * frames_per_s), 2 * round(self.apart_s * frames_per_s) + 1
        for start in range(0, magnitude.shape[1], self.block):
            first = max(start - memory + 1, 0)
            now = np.arange(start, min(start + self.block, magnitude.shape[1]))
            heard = np.arange(first, now[-1] + 1)
            likeness = unit[:, now].T @ unit[:, heard]
            likeness[(heard > now[:, None]) | (heard <= now[:, None] - memory)] = -1
            best = (likeness == maximum_filter1d(likeness, around, axis=1, mode="constant", cval=-1)) & (likeness > 0)
            for row, time in enumerate(now):
                alike = self.most_similar(likeness[row], best[row]) + first
                found[:, time] = median_over(magnitude, alike if len(alike) else np.array([time]))
        return found
