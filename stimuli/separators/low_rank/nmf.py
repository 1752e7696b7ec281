"""Non-negative matrix factorisation: each source is a dictionary of spectra, and how strong each is at each time.

Multiplicative updates for the generalised Kullback-Leibler divergence (Lee and Seung 2001), which never rises. With
both dictionaries known only the strengths are found (supervised); with one, the other is found in the song itself
(semi-supervised: Smaragdis, Raj and Shashanka 2007). The voice is its share of the model.

Conventions: spectra are magnitudes (bins, times), float; dictionaries (bins, atoms) with atoms of sum 1.
Defines: ``Factors``, ``factorised``, ``divergence``, ``Nmf``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stimuli.experiment import NmfSystem
from stimuli.separators.low_rank.dictionaries import Trained
from stimuli.separators.spectral import bins_below

LOWEST_VOICE_HZ = 100.0
EPSILON = 1e-12


class Factors(NamedTuple):
    """A dictionary, its fixed atoms first, and the strengths (atoms, times)."""

    dictionary: np.ndarray
    strengths: np.ndarray


def factorised(spectra: np.ndarray, fixed: np.ndarray, free: int, *, iterations: int, seed: int = 0) -> Factors:
    """Factors of spectra with ``fixed`` atoms (bins, any number) that stay, and ``free`` ones that are found."""
    rng, known = np.random.default_rng(seed), fixed.shape[1]
    kind = np.float32 if spectra.dtype == np.float32 else float
    found = rng.random((len(spectra), free)) + 0.1
    atoms = np.concatenate([fixed, found / found.sum(axis=0)], axis=1).astype(kind)
    strengths = (rng.random((atoms.shape[1], spectra.shape[1])) + 0.1).astype(kind)
    strengths *= kind(spectra.sum() / max(float((atoms @ strengths).sum()), EPSILON))
    ratio = np.empty(spectra.shape, kind)
    for _ in range(iterations):
        _over_model(spectra, atoms, strengths, ratio)
        strengths *= (atoms.T @ ratio) / np.maximum(atoms.sum(axis=0)[:, None], EPSILON)
        if free:
            _over_model(spectra, atoms, strengths, ratio)
            freed = strengths[known:]
            atoms[:, known:] *= (ratio @ freed.T) / np.maximum(freed.sum(axis=1), EPSILON)
            sums = np.maximum(atoms[:, known:].sum(axis=0), EPSILON)
            atoms[:, known:] /= sums
            freed *= sums[:, None]
    return Factors(atoms, strengths)


def divergence(spectra: np.ndarray, model: np.ndarray) -> float:
    """The generalised Kullback-Leibler divergence of a model from spectra, 0 or more."""
    spectra, model = spectra.astype(float), np.maximum(model.astype(float), EPSILON)
    there = spectra > 0
    return float((spectra[there] * np.log(spectra[there] / model[there])).sum() - spectra.sum() + model.sum())


def learnt(spectra: np.ndarray, atoms: int, seed: int) -> np.ndarray:
    """A dictionary of spectra."""
    return factorised(spectra, spectra[:, :0], atoms, iterations=100, seed=seed).dictionary


def _over_model(spectra: np.ndarray, atoms: np.ndarray, strengths: np.ndarray, out: np.ndarray) -> None:
    """Write spectra divided by their model into ``out``."""
    np.matmul(atoms, strengths, out=out)
    np.maximum(out, EPSILON, out=out)
    np.divide(spectra, out, out=out)


class Nmf(Trained):
    """KL-NMF with one or two dictionaries."""

    learner = staticmethod(learnt)

    def mask(self, spectra: np.ndarray, rate_hz: int) -> np.ndarray:
        """The voice's share of the model."""
        magnitude, entry = np.abs(spectra).mean(axis=0), self.entry
        assert isinstance(entry, NmfSystem)
        known = {source: self.dictionary(source, rate_hz) for source in self.places}
        free = 0 if len(known) == 2 else entry.components
        fixed = np.concatenate(list(known.values()), axis=1)
        atoms, strengths = factorised(magnitude, fixed, free, iterations=entry.iterations, seed=entry.seed)
        # The fixed atoms come first, the voice's before the accompaniment's.
        first = known.get("voice", known.get("accompaniment", fixed)).shape[1]
        voice = slice(first) if "voice" in known else slice(first, None)
        mask = atoms[:, voice] @ strengths[voice] / np.maximum(atoms @ strengths, EPSILON)
        mask[: bins_below(LOWEST_VOICE_HZ, self.stft.window, rate_hz)] = 0
        return mask[None]
