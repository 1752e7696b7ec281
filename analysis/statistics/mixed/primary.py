"""The primary analysis for items in general: each contrast from the ratings of its own two conditions.

One model of all conditions pools variances over them. Where the two that are compared vary more than the others, its
error is too small: at nominal 5 % it called truly equal systems different in up to 12 % of simulated tests in which the
two were noisier, differed more from item to item, or competed beside systems at the ceiling. No ratio of residual
variances warns of the second. Models of two conditions called 2 to 6 % different everywhere. The price is power: 1 to 5
points of it from 12 items on, up to 16 with 5 items, in tests where pooling would have been right.

Where pages held both conditions, the differences of the two ratings of a page are modelled, in which the levels of
listeners and items cancel; there Satterthwaite's degrees of freedom do. In incomplete blocks with few such pages all
ratings of the two are modelled, which finds more: with Kenward and Roger's degrees of freedom where there are no more
ratings than those are made for, because with 5 items Satterthwaite's called 6.7 % different.

Conventions: as in ``means`` and ``by_pair``. Defines: ``Primary``, ``primary``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.statistics.mixed import means
from analysis.statistics.mixed.by_pair import PAGE, by_pair, rows_of
from analysis.statistics.mixed.kenward_roger import MOST_RATINGS
from stimuli.experiment import Contrast

Form = Literal["shared", "all", "apart"]
FEWEST_SHARED = 0.5
"""Share of the pages with either condition that must hold both for their differences to be enough."""


@dataclass(frozen=True)
class Primary:
    """Contrasts with their tests, and how they were made.

    ``rows``: as ``means.contrasts``, with a column ``pages``: ``shared`` (differences on pages that held both
    conditions), ``all`` (a mixed model of all ratings of the two) or ``apart`` (the same, of levels that share no
    page). ``why``: which was used, and why, in a sentence.
    """

    rows: pd.DataFrame
    why: str


def primary(frame: pd.DataFrame, wanted: Sequence[Contrast], *, adjust: str = "holm") -> Primary:
    """Test planned contrasts for items in general.

    Null: the mean difference over all listeners and items, of which these are samples, is 0.

    Parameters
    ----------
    frame : rated rows of one attribute.
    wanted : the family that is tested together.
    adjust : as in ``means.contrasts``.

    Raises
    ------
    AnalysisError
        Where fewer than two listeners or items rated both sides, or nothing varies; names the contrast.
    """
    forms: list[Form] = [_form(frame, wish) for wish in wanted]
    each = [_tested(frame, wish, form) for wish, form in zip(wanted, forms, strict=True)]
    rows = pd.concat(each, ignore_index=True) if each else by_pair(frame, [], adjust="none")
    return Primary(means.tested(rows, adjust).assign(pages=forms), _why(forms))


def _tested(frame: pd.DataFrame, wish: Contrast, form: Form) -> pd.DataFrame:
    if form == "shared":
        return by_pair(frame, [wish], adjust="none")
    few = sum(len(rows_of(frame, side, wish)) for side in wish) <= MOST_RATINGS
    return by_pair(frame, [wish], adjust="none", pages="all", df="kenward-roger" if few else "satterthwaite")


def _form(frame: pd.DataFrame, wish: Contrast) -> Form:
    if wish.first.on != wish.second.on:
        return "apart"
    keys = [column for column in PAGE if column in frame]
    first, second = (rows_of(frame, side, wish)[keys].drop_duplicates() for side in wish)
    either = len(pd.concat([first, second]).drop_duplicates())
    both = len(first) + len(second) - either
    return "shared" if both >= FEWEST_SHARED * either else "all"


def _why(forms: Sequence[Form]) -> str:
    model = (
        "Each contrast was tested in a linear mixed model of its own two conditions, with random listeners and items"
    )
    reason = "so that what other conditions vary does not enter its error"
    used = [(forms.count(form), words) for form, words in _FORMS.items() if form in forms]
    if len(used) == 1:
        return f"{model}, {used[0][1]}, {reason}."
    return f"{model}, {reason}: {'; '.join(f'{number} {words}' for number, words in used)}."


_FORMS: dict[Form, str] = {
    "shared": "of the differences on the pages that held both",
    "all": "of all their ratings because few pages held both (Kenward and Roger's degrees of freedom)",
    "apart": "of all their ratings because the two are on different levels, and no page holds both (Kenward and "
    "Roger's degrees of freedom)",
}
