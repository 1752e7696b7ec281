"""Ratings cut into the bands of the scale, for models that look at no more than these.

Conventions: five equal bands, closed on the right: 0 to 20, above 20 to 40, ..., above 80 to 100. A band without any
rating is left out, so that bands are numbered from 0 among those used.
Defines: ``LABELS``, ``cut``, ``check_not_separated``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.errors import AnalysisError

LABELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
UPPER_ENDS = (20.0, 40.0, 60.0, 80.0)


def cut(ratings: np.ndarray, labels: Sequence[str] = LABELS) -> tuple[np.ndarray, tuple[str, ...]]:
    """The band of each rating, counted among the bands that hold any; and the names of these.

    Raises
    ------
    AnalysisError
        Where all ratings lie in one band.
    """
    used, band = np.unique(np.searchsorted(UPPER_ENDS, ratings, side="left"), return_inverse=True)
    found = tuple(str(labels[number]) for number in used.tolist())
    if len(found) == 1:
        raise AnalysisError(f"the ordinal model needs ratings in 2 bands at least; all lie in {found[0]}")
    return band, found


def check_not_separated(condition: np.ndarray, band: np.ndarray, names: Sequence[str], labels: Sequence[str]) -> None:
    """Hold that a model of bands by conditions has a finite answer.

    It has none just where a band parts the conditions: some have no rating below it and the others none above it. The
    likelihood then grows without limit as they move apart. A condition that is always in the best band is such a case.

    Parameters
    ----------
    condition, band : of each rating, as numbers into ``names`` (two at least) and ``labels``.

    Raises
    ------
    AnalysisError
        Where they are separated, naming the conditions and the band.
    """
    best, worst = np.full(len(names), -1), np.full(len(names), len(labels))
    np.maximum.at(best, condition, band)
    np.minimum.at(worst, condition, band)
    for middle, label in enumerate(labels):
        above, below = worst >= middle, best <= middle
        if not ((above | below).all() and above.any() and below.any()):
            continue
        # Those wholly within the band may stand on either side; where nothing lies above it, they do.
        high = above & ~below if (above & ~below).any() else above & (np.cumsum(above) == 1)
        raise AnalysisError(
            f"the ordinal model has no finite answer: no rating of {_listed(names, high)} lies below {label} and none "
            f"of {_listed(names, ~high)} above it; leave out conditions that lie apart, like the hidden reference"
        )


def _listed(names: Sequence[str], chosen: np.ndarray) -> str:
    return ", ".join(name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen)
