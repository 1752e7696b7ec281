"""Ratings whose truth is known, and metrics that follow it more or less closely."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.metrics.family import Better, Metric


def quality(draw: np.random.Generator, items: int, conditions: int) -> np.ndarray:
    """True mean ratings (items, conditions): conditions lie apart, items are easier or harder, and each has its own."""
    own = 4 * draw.standard_normal((items, 1)) + 6 * draw.standard_normal((items, conditions))
    return np.linspace(30, 75, conditions) + own


def follows(draw: np.random.Generator, true: np.ndarray, noise: float, *, of_items: float = 0.0) -> np.ndarray:
    """What a metric says that knows the truth but for noise, of its own and by items."""
    return true + noise * draw.standard_normal(true.shape) + of_items * draw.standard_normal((len(true), 1))


def ratings(draw: np.random.Generator, true: np.ndarray, listeners: int, *, noise: float = 8.0) -> pd.DataFrame:
    """Everybody rates everything once, each with their own leniency."""
    size = (listeners, *true.shape)
    given = true + 5 * draw.standard_normal((listeners, 1, 1)) + noise * draw.standard_normal(size)
    listener, item, condition = (place.ravel() for place in np.indices(size))
    return pd.DataFrame(
        {
            "listener": [f"L{number:04d}" for number in listener],
            "item": [f"i{number:02d}" for number in item],
            "condition": [f"c{number}" for number in condition],
            "song": "",
            "rating": given.ravel(),
            "replicate": 0,
        }
    )


def values(**columns: np.ndarray) -> pd.DataFrame:
    """What metrics say, each (items, conditions)."""
    item, condition = (place.ravel() for place in np.indices(next(iter(columns.values())).shape))
    cells: dict[str, Any] = {
        "item": [f"i{number:02d}" for number in item],
        "condition": [f"c{number}" for number in condition],
    }
    return pd.DataFrame(cells | {name: column.ravel() for name, column in columns.items()})


def metrics(*names: str, better: Better = "higher", unit: str = "dB") -> list[Metric]:
    """Metrics of these names, which are their labels too."""
    return [Metric(name, name, unit, better, "") for name in names]
