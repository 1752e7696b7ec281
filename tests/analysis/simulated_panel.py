"""Panels of simulated listeners, careful and careless, with the variances that real tests have."""

from __future__ import annotations

import numpy as np
import pandas as pd

TRUTH = {"reference": 96.0, "mid": 52.0, "low": 24.0, "a": 71.0, "b": 67.0, "c": 58.0}
SDS = {"standards": (7.0, 5.0, 6.0, 4.0, 9.0), "sisec08": (3.4, 10.7, 3.1, 8.6, 7.4)}
"""Listener, item, listener x condition, item x condition, residual."""
KINDS = ("random", "flat", "reversed")


def panel(
    draw: np.random.Generator, careless: list[str], *, listeners: int = 20, items: int = 10, replicates: int = 1,
    sds: str = "standards",
) -> pd.DataFrame:  # fmt: skip
    """Ratings of a panel whose first listeners are careless, each in the way that is named, as their names are."""
    names, conditions = list(TRUTH), np.array(list(TRUTH.values()))
    who, item, both, of_item, rest = SDS[sds]
    shape = (listeners, items, len(names), replicates)
    system = ~np.isin(names, ["reference"])
    true = (
        conditions + draw.normal(0, item, (items, 1)) * system + draw.normal(0, of_item, (items, len(names))) * system
    )
    own = draw.normal(0, who, (listeners, 1, 1, 1)) + draw.normal(0, both, (listeners, 1, len(names), 1))
    ratings = true[None, :, :, None] + own + draw.normal(0, rest, shape)
    ceiling = np.where(
        draw.random(shape[:2] + shape[3:]) < 0.95, 100, 100 - np.abs(draw.normal(0, 7, shape[:2] + shape[3:]))
    )
    ratings[:, :, names.index("reference")] = ceiling
    for number, kind in enumerate(careless):
        ratings[number] = {
            "random": lambda number=number: draw.uniform(0, 100, shape[1:]),
            "flat": lambda number=number: draw.uniform(30, 90) + draw.uniform(-2, 2, shape[1:]),
            "reversed": lambda number=number: 100 - ratings[number],
        }[kind]()
    ratings = ratings.clip(0, 100).round()
    listener = [f"{careless[n] if n < len(careless) else 'careful'}-{n:02d}" for n in range(listeners)]
    index = pd.MultiIndex.from_product(
        [listener, [f"i{n:02d}" for n in range(items)], names, range(replicates)],
        names=["listener", "item", "condition", "replicate"],
    )
    return pd.DataFrame({"rating": ratings.ravel()}, index=index).reset_index()
