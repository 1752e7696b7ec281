"""Online dictionary learning (Mairal, Bach, Ponce and Sapiro 2010, JMLR 11), for dictionaries that are not negative.

min over atoms of 1/2 ||x - D a||^2 + weight ||a||_1, a >= 0, in expectation over spectra x: a few of them at a time are
coded, and the atoms follow from sums over all codes so far.

Conventions: spectra (bins, times), scaled to norm 1 each; the answer's atoms have norm 1. Defines: ``learnt``.
"""

from __future__ import annotations

import numpy as np

WEIGHT = 0.1
BATCH, ROUNDS = 64, 10
STEPS = 40
EPSILON = 1e-12


def learnt(spectra: np.ndarray, atoms: int, seed: int) -> np.ndarray:
    """A dictionary (bins, atoms) of spectra; it starts from spectra that are drawn."""
    rng = np.random.default_rng(seed)
    unit = spectra.astype(float) / np.maximum(np.linalg.norm(spectra, axis=0), EPSILON)
    start = unit[:, rng.choice(unit.shape[1], atoms, replace=unit.shape[1] < atoms)]
    found = start + 1e-3 * rng.random(start.shape)
    found /= np.linalg.norm(found, axis=0)
    products, targets = np.zeros((atoms, atoms)), np.zeros(found.shape)
    for _ in range(ROUNDS):
        order = rng.permutation(unit.shape[1])
        for first in range(0, len(order), BATCH):
            batch = unit[:, order[first : first + BATCH]]
            codes = coded(batch, found)
            # What older codes say, of a dictionary that is gone, fades.
            products, targets = 0.95 * products + codes @ codes.T, 0.95 * targets + batch @ codes.T
            _follow(found, products, targets)
    return found


def coded(spectra: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """Sparse codes (atoms, times) that are not negative, by FISTA (Beck and Teboulle 2009)."""
    gram, target = atoms.T @ atoms, atoms.T @ spectra - WEIGHT
    step = 1 / np.linalg.eigvalsh(gram)[-1]
    codes = ahead = np.zeros(target.shape)
    pace = 1.0
    for _ in range(STEPS):
        new = np.maximum(ahead + step * (target - gram @ ahead), 0)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        codes, ahead, pace = new, new + (pace - 1) / faster * (new - codes), faster
    return codes


def _follow(found: np.ndarray, products: np.ndarray, targets: np.ndarray) -> None:
    """One atom after another to where its codes want it; an atom without codes stays."""
    for atom in np.flatnonzero(products.diagonal() > EPSILON):
        wanted = found[:, atom] + (targets[:, atom] - found @ products[:, atom]) / products[atom, atom]
        wanted = np.maximum(wanted, 0)
        if norm := np.linalg.norm(wanted):
            found[:, atom] = wanted / norm
