"""Rules on what is on record of a listener besides ratings: experience, and the screening by headphones.

* ``inexperienced``: the listener said to be inexperienced in rating sound. BS.1534-3, clause 4.1, wants experienced
  assessors only; of who said nothing the rule says nothing, and nobody is excluded for having said nothing.
* ``headphone-check``: the listener failed the screening by headphones (antiphase tones, Woods et al. 2017; or Huggins
  pitch, Milne et al. 2020) in a session whose ratings are analysed. Some of those who use headphones fail it: with
  Huggins pitch about one in five by its authors' figures.

Either is read off, not estimated: one session is enough. Conventions: columns listener and session (where there is
one), and experience or headphone_check as in ``mushra_app.ratings``. Defines: ``RULES``, ``inexperienced``,
``headphone_check``.
"""

from __future__ import annotations

import pandas as pd

from analysis.errors import AnalysisError
from analysis.statistics.listeners import verdicts

RULES = ("inexperienced", "headphone-check")


def inexperienced(frame: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on all who said how experienced they are; AnalysisError where nobody did."""
    said = {"experienced": "is experienced in rating sound, as stated", "inexperienced": "is inexperienced, as stated"}
    return _read_off(frame, RULES[0], column="experience", words=said, bad="inexperienced")


def headphone_check(frame: pd.DataFrame) -> pd.DataFrame:
    """Verdicts on all who took the screening by headphones; AnalysisError where nobody did."""
    said = {"passed": "passed the screening by headphones", "failed": "failed the screening by headphones"}
    return _read_off(frame, RULES[1], column="headphone_check", words=said, bad="failed")


def _read_off(frame: pd.DataFrame, rule: str, *, column: str, words: dict[str, str], bad: str) -> pd.DataFrame:
    if column not in frame.columns or not (known := frame[frame[column].isin(list(words))]).size:
        raise AnalysisError(f"the ratings have nothing in the column {column}")
    worst = (known[column] == bad).groupby(known["listener"], sort=True).any()
    good = next(word for word in words if word != bad)
    measured = pd.DataFrame(
        {
            "value": worst.astype(float),
            "limit": 0.0,
            "excluded": worst,
            "reason": [words[bad if is_bad else good] for is_bad in worst],
        },
        index=worst.index,
    )
    return verdicts.of_values(rule, measured)
