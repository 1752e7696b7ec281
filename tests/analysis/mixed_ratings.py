"""Ratings simulated for tests of the mixed model, and the model by brute force, with V as one dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics.mixed.terms import Terms

SDS = {"listener": 7.0, "listener:item": 5.0, "listener:condition": 6.0, "item": 5.0, "item:condition": 4.0}


def crossed(
    seed: int, sizes: tuple[int, int, int] = (8, 6, 3), *, missing: float = 0.0, sds: dict[str, float] = SDS
) -> pd.DataFrame:
    """Listeners by items by conditions, normal effects, a residual of 9; cells missing at random."""
    rng = np.random.default_rng(seed)
    at = dict(zip(("listener", "item", "condition"), (axis.ravel() for axis in np.indices(sizes)), strict=True))
    rating = 60 + 8.0 * at["condition"] + 9 * rng.normal(size=int(np.prod(sizes)))
    for name, sd in sds.items():
        effect = rng.normal(size=sizes) * sd
        columns = name.split(":")
        rating = rating + effect[tuple(at[column] if column in columns else 0 for column in at)]
    names = {column: [f"{column[0]}{number:02d}" for number in numbers] for column, numbers in at.items()}
    frame = pd.DataFrame({**names, "replicate": 0, "rating": rating})
    return frame[rng.uniform(size=len(frame)) >= missing].reset_index(drop=True)


def with_factors(seed: int) -> pd.DataFrame:
    """10 listeners of two groups by 24 items of two targets, four to a song, by 3 conditions; 15 % missing."""
    rng = np.random.default_rng(seed)
    listener, song = rng.normal(size=10) * 6, rng.normal(size=6) * 5
    items, own = rng.normal(size=24) * 3, rng.normal(size=(10, 3)) * 5
    of_song, of_item = rng.normal(size=(6, 3)) * 4, rng.normal(size=(24, 3)) * 3
    rows = []
    for who, piece, k, c in np.ndindex(10, 6, 4, 3):
        noise, item = rng.normal() * 7, 4 * piece + k
        if rng.uniform() < 0.15:
            continue
        fixed = 60 + 8 * c + 3 * (k % 2) * c - 4 * (who % 2) * (c == 2)
        random = listener[who] + song[piece] + items[item] + own[who, c] + of_song[piece, c] + of_item[item, c]
        names = (f"L{who:02d}", f"song{piece}-{k}", f"song{piece}", "vocals" if k % 2 else "drums")
        rows.append((*names, "expert" if who % 2 else "other", "abc"[c], 0, round(fixed + random + noise, 3)))
    columns = ["listener", "item", "song", "target", "listener_group", "condition", "replicate", "rating"]
    return pd.DataFrame(rows, columns=columns)


def by_brute_force(frame: pd.DataFrame, terms: Terms, variances: dict[str, float], *, reml: bool) -> dict[str, Any]:
    """The deviance, the fixed effects' cell means and the fitted values at given variances."""
    y, count = frame["rating"].to_numpy(float), len(frame)
    random = np.zeros((count, count))
    for term, name in zip(terms.random, terms.random_names, strict=True):
        key = frame.groupby(list(term)).ngroup().to_numpy()
        random += variances[name] * (key[:, None] == key[None, :])
    whole = random + variances["residual"] * np.eye(count)
    x = _treatment(frame, terms)
    inverse = np.linalg.inv(whole)
    information = x.T @ inverse @ x
    beta = np.linalg.solve(information, x.T @ inverse @ y)
    rest = y - x @ beta
    deviance = np.linalg.slogdet(whole)[1] + rest @ inverse @ rest + count * np.log(2 * np.pi)
    if reml:
        deviance += np.linalg.slogdet(information)[1] - x.shape[1] * np.log(2 * np.pi)
    fitted = x @ beta + random @ inverse @ rest
    return {"deviance": deviance, "beta": beta, "covariance": np.linalg.inv(information), "fitted": fitted}


def _treatment(frame: pd.DataFrame, terms: Terms) -> np.ndarray:
    columns = [np.ones(len(frame))]
    for term in terms.fixed:
        products = [np.ones(len(frame))]
        for factor in term:
            levels = sorted(frame[factor].unique())[1:]
            products = [old * (frame[factor] == level).to_numpy(float) for old in products for level in levels]
        columns += products
    return np.column_stack(columns)
