"""Wiener filters after a separation: from magnitudes or first estimates of the sources to shares of the mixture.

``generalised`` works cell by cell, v_j^alpha / sum of v_k^alpha (Liutkus and Badeau 2015,
doi:10.1109/ICASSP.2015.7177973). ``multichannel`` models each source at each bin by a power over time and one
covariance between channels, found by expectation maximisation (Duong, Vincent and Gribonval 2010,
doi:10.1109/TASL.2010.2050716): it uses where a source is in the stereo image.

Conventions: spectra (channels, bins, times), complex, as ``Stft`` makes them; sources are the first axis.
Defines: ``generalised``, ``first_estimates``, ``multichannel``, ``post_filtered``, ``version_of``.
"""

from __future__ import annotations

import numpy as np

from stimuli.errors import StimuliError

EPSILON = 1e-10
VERSIONS = {"em": "2"}
"""Of the filters whose samples have changed since there were any: 2 computes in double precision."""
BLOCK = 300
"""Frames that are filtered together: a source may move in the image from one block to the next."""


def generalised(magnitudes: np.ndarray, alpha: float = 2.0) -> np.ndarray:
    """Masks (sources, ...) of magnitudes (sources, ...) that are 0 or more; they add up to 1, in silence too."""
    loudest = magnitudes.max(axis=0)
    powers = (magnitudes / np.maximum(loudest, np.finfo(magnitudes.dtype).tiny)) ** alpha
    return np.where(loudest > 0, powers, 1) / np.where(loudest > 0, powers.sum(axis=0), len(magnitudes))


def first_estimates(
    magnitudes: np.ndarray, mixture: np.ndarray, *, shares: bool = False, rest: bool = False
) -> np.ndarray:
    """Sources with given magnitudes (sources, channels, bins, times) and the mixture's phase.

    With ``shares`` they are the mixture's parts in the proportion of the magnitudes, instead of having these.
    ``rest`` appends what they lack to be the mixture. The phase of a zero is zero: silence has no rest.
    """
    if shares:
        sources = mixture * (magnitudes / (EPSILON + magnitudes.sum(axis=0)))
    else:
        sources = magnitudes * np.exp(1j * np.angle(mixture))
    return np.concatenate([sources, (mixture - sources.sum(axis=0))[None]]) if rest else sources


def multichannel(sources: np.ndarray, mixture: np.ndarray, iterations: int = 1, block: int = BLOCK) -> np.ndarray:
    """Sources (sources, channels, bins, times) filtered out of a mono or stereo mixture, from first estimates of them.

    It computes in double precision, block by block, and answers in that of ``sources``. They add up to the mixture but
    for what the regulariser keeps of cells that are quiet beside the loudest. The largest difference against the
    largest value of the mixture, as measured: 2e-4 where both channels are nearly the same, 5e-3 where noise and a
    tone stand in two places; in the sound 3e-2 and 6e-2 of its peak.

    Raises
    ------
    StimuliError
        For more than two channels, or fewer than two sources.
    """
    if len(mixture) > 2 or len(sources) < 2:
        found = f"{len(mixture)} channels and {len(sources)} sources"
        raise StimuliError(
            f"a multichannel Wiener filter is for one or two channels and two sources or more, found {found}"
        )
    filtered = np.empty_like(sources)
    for start in range(0, mixture.shape[2], block):
        part = slice(start, start + block)
        filtered[..., part] = _filtered(sources[..., part], mixture[..., part], iterations)
    return filtered


def post_filtered(mask: np.ndarray, mixture: np.ndarray, kind: str, alpha: float) -> np.ndarray:
    """Spectra of the source that has the share ``mask`` of the mixture, after a filter: none, ``wiener`` or ``em``."""
    if kind == "none":
        return mixture * mask
    mask = np.broadcast_to(mask, mixture.shape).astype(np.float32)
    both = np.stack([mask, 1 - mask])
    if kind == "wiener":
        return mixture * generalised(both, alpha)[0]
    return multichannel(both * mixture, mixture)[0]


def version_of(kind: str) -> dict[str, str]:
    """What a render that was filtered so follows from, beside its entry; nothing for those that never changed."""
    return {kind: VERSIONS[kind]} if kind in VERSIONS else {}


def _filtered(sources: np.ndarray, mixture: np.ndarray, iterations: int) -> np.ndarray:
    """One block. The regulariser is meant for values up to 10, so that louder blocks are scaled down."""
    scale = max(1.0, float(np.abs(mixture).max()) / 10)
    # What is in one place alone makes matrices that are nearly singular: in single precision only rounding is left.
    mixture, sources = mixture.astype(np.complex128) / scale, sources.astype(np.complex128) / scale
    for _ in range(iterations):
        power = (np.abs(sources) ** 2).mean(axis=1)
        spread = np.einsum("jcft,jdft->jcdf", sources, sources.conj())
        spread /= EPSILON + power.sum(axis=2)[:, None, None]
        total = np.einsum("jft,jcdf->cdft", power, spread)
        total += np.sqrt(EPSILON) * np.eye(len(mixture))[:, :, None, None]
        white = np.einsum("cdft,dft->cft", _inverse(total), mixture)
        sources = power[:, None] * np.einsum("jcdf,dft->jcft", spread, white)
    return sources * scale


def _inverse(matrices: np.ndarray) -> np.ndarray:
    """Inverses of (channels, channels, ...) matrices, one or two channels."""
    if len(matrices) == 1:
        return 1 / matrices
    (a, b), (c, d) = matrices
    return np.stack([np.stack([d, -b]), np.stack([-c, a])]) / (a * d - b * c)
