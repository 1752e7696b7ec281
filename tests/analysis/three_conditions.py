"""Made-up ratings of three conditions, and the contrasts between them, for the tests of tests for these items."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stimuli.experiment import contrast

AB = contrast("a - b")
ALL = [contrast("a - b"), contrast("b - c"), contrast("a - c")]


def ratings(listeners: int = 12, items: int = 5, seed: int = 4) -> pd.DataFrame:
    """Integer ratings of three conditions, with effects of listeners and items."""
    draw = np.random.default_rng(seed)
    lean, ease = draw.normal(0, 5, listeners), draw.normal(0, 6, items)
    return pd.DataFrame(
        [
            {"listener": f"L{n:02d}", "item": f"i{m}", "condition": c, "replicate": 0,
             "rating": float(np.round(level + lean[n] + ease[m] + draw.normal(0, 8)))}
            for n in range(listeners) for m in range(items) for c, level in zip("abc", (60, 56, 45), strict=True)
        ]
    )  # fmt: skip
