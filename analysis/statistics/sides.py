"""Which ratings one side of a contrast is about.

Conventions: a rating frame; a plan's factors target, dataset and group are its columns target, dataset and
listener_group. Defines: ``COLUMNS``, ``of_side``.
"""

from __future__ import annotations

import pandas as pd

from analysis.errors import AnalysisError
from stimuli.experiment import Side

COLUMNS = {"target": "target", "dataset": "dataset", "group": "listener_group"}
"""Column of the frame that holds a factor of the plan."""


def of_side(frame: pd.DataFrame, side: Side, where: object) -> pd.DataFrame:
    """The rows of one side of a contrast, perhaps none; ``where`` begins the message if the ratings lack a factor."""
    chosen = frame["condition"] == side.condition
    for factor, level in side.on:
        if COLUMNS[factor] not in frame:
            raise AnalysisError(
                f"{where}: the ratings have no column {COLUMNS[factor]}; expected one for the factor {factor}"
            )
        chosen &= frame[COLUMNS[factor]] == level
    return frame[chosen]
