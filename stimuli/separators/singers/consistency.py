"""Which output is which singer: outputs without order, put into the order of what was heard before.

Every orderer takes the outputs of one stretch after another, float32 (sources, frames), and gives them back in the
singers' order; the first stretch says which singer is which. Of all n! orders it takes the one with the greatest sum
of likenesses; where several are equal (silence), the order in which they came.

Defines: ``Orderer``, ``Neighbours``, ``Voices``, ``best_order``, ``cosine``, ``nearness``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

Orderer = Callable[[np.ndarray], np.ndarray]
Likeness = Callable[[np.ndarray, np.ndarray], float]


def best_order(likeness: np.ndarray) -> np.ndarray:
    """Which output each singer has; ``likeness`` is (singers, outputs), the larger the more alike.

    An assignment is found without trying all n! orders, and is as good as the best of them.
    """
    return linear_sum_assignment(likeness, maximize=True)[1]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of the angle between two vectors; 0 where one of them is zero."""
    sizes = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / sizes if sizes else 0.0


def nearness(one: np.ndarray, other: np.ndarray) -> float:
    """Minus the distance of two vectors: of a single value the cosine is always 1, and could tell nobody apart."""
    return -float(np.linalg.norm(one - other))


class Neighbours:
    """Windows that overlap: the outputs of one against those of the one before, where both say the same.

    ``hop`` is by how many frames a window lies after the one before; the likeness is the inner product of what they
    have in common, their means taken away.
    """

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._before: np.ndarray | None = None

    def __call__(self, made: np.ndarray) -> np.ndarray:
        """The outputs of the next window, in the order of the last."""
        if self._before is not None:
            then, now = _centred(self._before[:, self._hop :]), _centred(made[:, : -self._hop])
            made = made[best_order(then @ now.T)]
        self._before = made
        return made


class Voices:
    """Stretches anywhere: each output's features against the mean of those that the singer had in all before.

    ``features`` gives (times, values) for a sound (frames,), and their mean over time counts; of each output the first
    ``frames`` are looked at, all if None.
    """

    def __init__(
        self, features: Callable[[np.ndarray], np.ndarray], likeness: Likeness, frames: int | None = None
    ) -> None:
        self._features, self._likeness, self._frames = features, likeness, frames
        self._mean, self._count = np.empty((0, 0)), 0

    def __call__(self, made: np.ndarray) -> np.ndarray:
        """The outputs of the next stretch in the singers' order; their features join the singers' means."""
        found = np.stack([self._features(one[: self._frames]).mean(axis=0) for one in made])
        if self._count:
            order = best_order(np.array([[self._likeness(mean, one) for one in found] for mean in self._mean]))
            made, found = made[order], found[order]
        self._count += 1
        self._mean = found if self._count == 1 else self._mean + (found - self._mean) / self._count
        return made


def _centred(sounds: np.ndarray) -> np.ndarray:
    return sounds - sounds.mean(axis=1, keepdims=True, dtype=np.float64)
