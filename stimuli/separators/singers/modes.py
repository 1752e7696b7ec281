"""Long sounds through a network whose outputs have no order, piece by piece, each put into the singers' order.

``windowed``: windows that overlap, each sample the mean of all windows over it. ``segmented``: the stretches in which
somebody sings, each by itself; outside of them every output is an equal share of the mixture, and they add up to it.

Conventions: mixture float32 (frames,); a network takes float32 (frames,) and gives (``count``, frames), ``count`` being
how many singers it tells apart. Beside the sounds themselves, work space is that of one piece.

Defines: ``windowed``, ``segmented``, ``OVERLAP``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from stimuli.separators.singers.consistency import Orderer

OVERLAP = 4
"""Windows over each sample."""
SHORTEST = 1024
"""Segments of so many samples or fewer are heard with silence around them."""

Network = Callable[[np.ndarray], np.ndarray]


def windowed(network: Network, mixture: np.ndarray, count: int, hop: int, order: Orderer) -> np.ndarray:
    """Windows of ``OVERLAP * hop`` frames, ``hop`` apart, with no taper: float32 (``count``, frames).

    A network that changes nothing gives back its input, to the bit. A window of nothing but silence is silence, and
    tells nothing of the singers: the network does not hear it.
    """
    frames, window = len(mixture), OVERLAP * hop
    hops = -(-frames // hop)
    # Silence before and after, so that the first and the last sample too lie under all windows.
    padded = np.pad(mixture, (window - hop, window - hop + hops * hop - frames))
    whole = np.empty((count, hops * hop), np.float32)
    under = np.zeros((count, window), np.float32)
    for index in range(hops + OVERLAP - 1):
        heard = padded[index * hop : index * hop + window]
        if heard.any():
            under += order(network(heard))
        if (done := index - (OVERLAP - 1)) >= 0:
            whole[:, done * hop : (done + 1) * hop] = under[:, :hop] / OVERLAP
        under[:, :-hop] = under[:, hop:]
        under[:, -hop:] = 0
    return whole[:, :frames]


def segmented(
    network: Network, mixture: np.ndarray, count: int, segments: Iterable[slice], order: Orderer
) -> np.ndarray:
    """The segments one by one, and an equal share of the mixture elsewhere: float32 (``count``, frames)."""
    whole = np.repeat(mixture[None] / np.float32(count), count, axis=0)
    for segment in segments:
        whole[:, segment] = order(_heard_long_enough(network, mixture[segment]))
    return whole


def _heard_long_enough(network: Network, segment: np.ndarray) -> np.ndarray:
    if len(segment) > SHORTEST:
        return network(segment)
    around = (SHORTEST - len(segment)) // 2 + 1
    return network(np.pad(segment, around))[:, around : around + len(segment)]
