"""Songs too long to be worked on as a whole: stretches of equal length that overlap, each worked on as a song is.

A system that holds the spectra of a whole song needs several megabytes for each of its seconds. One that says so
(``holds_spectra``) gets a song of up to ``LONGEST_S`` whole, and a longer one in as few stretches as can be, of
``LONGEST_S`` at most. What neighbours make of the ``OVERLAP_S`` that they share is cross-faded as in
``stimuli.separators.chunks``: a system that changes nothing gives back its input, to the bit. What such a system looks
for through a whole song (a period, atoms, covariances, a pitch) it then finds anew in each stretch.

Level is no matter of stretches: they all have the gain of the whole song.

Conventions: times in seconds, parts in frames. Defines: ``holds_spectra``, ``in_stretches``, ``stretches``, ``told``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from stimuli.separators import Separator

LONGEST_S = 600.0
OVERLAP_S = 10.0
VERSION = 1
"""Raised by hand whenever the samples that systems give for longer songs can change."""


def holds_spectra(separator: Separator) -> bool:
    """Whether a system holds the spectra of a whole song."""
    return getattr(separator, "holds_spectra", False)


def in_stretches(separator: Separator, length_s: float) -> bool:
    """Whether what a system gives for a song of this length is made in stretches, its own or those of a member."""
    return length_s > LONGEST_S and any(map(holds_spectra, _all_of(separator)))


def told(separator: Separator, length_s: float) -> dict[str, Any]:
    """How it was cut, as a part of its parameters; nothing for a song that is worked on whole."""
    if not in_stretches(separator, length_s):
        return {}
    return {"stretches": {"longest_s": LONGEST_S, "overlap_s": OVERLAP_S, "version": VERSION}}


def stretches(separator: Separator, frames: int, rate_hz: int) -> list[slice]:
    """What a system hears of a song at a time: all of it, or parts that follow each other and share ``OVERLAP_S``."""
    longest, shared = round(LONGEST_S * rate_hz), round(OVERLAP_S * rate_hz)
    if frames <= longest or not holds_spectra(separator):
        return [slice(0, frames)]
    count = -(-(frames - shared) // (longest - shared))
    edges = np.linspace(0, frames - shared, count + 1).astype(int).tolist()
    return [slice(start, end + shared) for start, end in itertools.pairwise(edges)]


def _all_of(separator: Separator) -> Iterator[Separator]:
    """A system, and those that it runs itself."""
    yield separator
    for member in getattr(separator, "members", {}).values():
        yield from _all_of(member)
