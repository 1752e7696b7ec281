"""All tests of one attribute together: items in general, exactly these items, the bands, the standard's attachments.

Defines: ``Tested``, ``tested``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.report.parts.general import Fitted, General, contrasts, general
from analysis.report.parts.ordinal import Ordinal, ordinal
from analysis.report.parts.results import ContrastRow
from analysis.report.parts.standard import Standard, standard
from analysis.report.parts.these import These, these
from analysis.report.parts.tried import Tried
from analysis.study import Study


@dataclass(frozen=True)
class Tested:
    """What every test found; None where these ratings do not allow one. ``fitted`` is what residuals are drawn from."""

    general: General | None
    fitted: Fitted | None
    these: These
    ordinal: Ordinal | None
    standard: Standard

    @property
    def general_rows(self) -> tuple[ContrastRow, ...]:
        """The contrasts for items in general."""
        return self.general.contrasts if self.general else ()


def tested(
    frame: pd.DataFrame, study: Study, *, incomplete: bool, tried: Tried, tell: Callable[[str], object]
) -> Tested:
    """Make every test of the planned contrasts; ``incomplete``: pages held some of the systems each, by design."""
    tell("mixed model")
    model = general(frame, study, tried)
    tell("tests on listener means")
    twin = these(frame, study, incomplete=incomplete, tried=tried)
    tell("ordinal model")
    bands = ordinal(frame, study, tried)
    tell("attachments of the standard")
    attachments = standard(frame, study, incomplete=incomplete)
    return Tested(*(model or (None, None)), twin, bands, attachments)


def beside_all(found: Tested, everybody: pd.DataFrame, study: Study, *, incomplete: bool) -> Tested:
    """The same results, each contrast with its adjusted p as it would be with all listeners in ``everybody``."""
    quietly = Tried()
    _, _, model = contrasts(everybody, study, quietly)
    twin = these(everybody, study, incomplete=incomplete, tried=quietly)
    own = found.general
    if own is not None:
        before = _p_of(model[0].itertuples() if model else ())
        own = replace(own, contrasts=_with_p(own.contrasts, before))
    return replace(
        found, general=own, these=replace(found.these, contrasts=_with_p(found.these.contrasts, _p_of(twin.contrasts)))
    )


def _p_of(rows: Iterable[Any]) -> dict[str, float]:
    return {row.contrast: float(row.p_adjusted) for row in rows}


def _with_p(rows: tuple[Any, ...], known: dict[str, float]) -> tuple[Any, ...]:
    return tuple(replace(row, p_adjusted_unscreened=known.get(row.contrast)) for row in rows)
