"""Ratings as the five bands of the scale: the cumulative-logit mixed model, a check on the linear one.

Where ratings crowd at the ends of the scale or listeners space the scale in their own ways, differences in points mean
less than their order. This model looks at no more than the band in which a rating lies, and asks the same of listeners
and items as the linear model does: both are random samples.

Conventions: bands are closed on the right (Bad 0 to 20, Poor above 20 to 40, ... Excellent above 80). Differences are
log odds of lying in a higher band. For systems alone: a hidden reference that is always Excellent has no finite place.
Maximum likelihood by Laplace's approximation, thresholds free (R's ``ordinal::clmm`` fits the same model); standard
errors from the observed information of all parameters; p by Wald's z, two-sided. z takes the standard deviations for
known and has no degrees of freedom, so that with few listeners or items it finds a little too readily: this model
checks the linear one and does not replace it.

Defines: ``fit``, ``contrasts``, ``OrdinalFit``, ``TERMS``, ``MOST_RATINGS``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.ordinal.bands import LABELS, check_not_separated, cut
from analysis.statistics.ordinal.likelihood import TERMS, Model, maximum
from analysis.statistics.these_items.pairs import table
from stimuli.experiment import Contrast

MOST_RATINGS = 60_000
CONFIDENCE = 0.95
FLAT = 1e-4
"""Largest slope of the log-likelihood, per standard error, at which a fit counts as converged."""
NONE = 1e-3
"""Standard deviation on the logit scale that counts as zero."""
RISING = 1e-2
"""Curvature away from a standard deviation of zero, at which the zero is no maximum but a saddle."""


@dataclass(frozen=True)
class OrdinalFit:
    """A fitted model.

    ``thresholds``: rows between (two neighbouring bands), value, se. ``coefficients``: rows condition, value, se, as
    log odds against the first condition, whose row is 0 (se nan); ``covariance`` is theirs, by condition. ``sds``:
    standard deviation of each random term on the logit scale. ``bands``: those that hold ratings; the others are no
    part of the model. ``singular``: terms whose standard deviation is zero. ``notes`` are sentences that a reader has
    to know.
    """

    thresholds: pd.DataFrame
    coefficients: pd.DataFrame
    covariance: pd.DataFrame
    sds: Mapping[str, float]
    log_likelihood: float
    converged: bool
    bands: tuple[str, ...]
    singular: tuple[str, ...]
    ratings: int
    listeners: int
    items: int
    notes: tuple[str, ...]

    @property
    def how(self) -> str:
        """What was fitted, and the notes."""
        random = ", ".join(term.replace(":", " × ") for term in self.sds)
        model = (
            f"Cumulative-logit mixed model of {len(self.bands)} bands with free thresholds and random intercepts for "
            f"{random}, fitted to {self.ratings} ratings by maximum likelihood with Laplace’s approximation; tests are "
            "Wald’s."
        )
        return " ".join([model, *self.notes])


def fit(frame: pd.DataFrame, *, terms: Sequence[str] = TERMS, labels: Sequence[str] = LABELS) -> OrdinalFit:
    """Fit the model to one attribute's ratings.

    Parameters
    ----------
    frame : rows with listener, item, condition, rating (0 to 100). Rows without a rating are left out; replicates are
        rows like others. Incomplete data are fine.
    terms : random intercepts, of ``TERMS``; one of listeners and one of items at least.
    labels : names of the five bands, worst first.

    Raises
    ------
    AnalysisError
        For more than ``MOST_RATINGS``, for fewer than two listeners, items, conditions or bands that are used, and
        where conditions are separated (``analysis.statistics.ordinal.bands``).
    """
    rated = frame[frame["rating"].notna()]
    _check_size(rated)
    band, found = cut(rated["rating"].to_numpy(float), labels)
    codes = {name: pd.factorize(rated[name], sort=True) for name in ("listener", "item", "condition")}
    names = [str(name) for name in codes["condition"][1]]
    check_not_separated(codes["condition"][0], band, names, found)
    model = Model(codes, band, terms)
    best, slope, information = maximum(model)
    return _result(model, best, slope, information, _Names(names, found, tuple(labels)))


def contrasts(fit: OrdinalFit, wanted: Sequence[Contrast], adjust: str = "holm") -> pd.DataFrame:
    """Planned contrasts. Null of each: a rating of either condition is as likely to lie in a higher band.

    Parameters
    ----------
    wanted : pairs of conditions. The model knows no other factors: for a contrast ``on`` a level, fit its rows alone.
    adjust : ``holm``, ``hochberg``, or, where they are all pairs of some conditions, ``tukey``; over all of them.

    Returns
    -------
    DataFrame
        One row per contrast: contrast, first, second, difference (log odds), se, z, p, odds_ratio, low, high (its 95 %
        interval, unadjusted), p_higher and p_lower (probabilities that a rating of the first lies in a higher, in a
        lower band than one of the second, by a listener and of an item in the middle of theirs), sentence, p_adjusted.

    Raises
    ------
    AnalysisError
        For a contrast on levels of a factor, of a condition that was not in the model, and for ``tukey`` without all
        pairs.
    """
    rows = [_contrast(fit, one) for one in wanted]
    if adjust != "tukey" or not rows:
        return table(wanted, rows, adjust)
    return table(wanted, rows, "holm").assign(p_adjusted=_tukey(wanted, np.array([row["z"] for row in rows], float)))


def _tukey(wanted: Sequence[Contrast], z: np.ndarray) -> np.ndarray:
    """P that the largest of all pairs' differences is as large: the studentised range of normal estimates."""
    pairs = {frozenset((one.first.condition, one.second.condition)) for one in wanted}
    names = frozenset().union(*pairs)
    if len(pairs) != len(wanted) or len(pairs) != len(names) * (len(names) - 1) // 2:
        raise AnalysisError("tukey adjusts for all pairs of some conditions, each once; ask for these, or for holm")
    return stats.studentized_range.sf(np.abs(z) * np.sqrt(2), len(names), np.inf)


def _contrast(fit: OrdinalFit, wanted: Contrast) -> dict[str, object]:
    first, second = wanted.first.condition, wanted.second.condition
    if wanted.first.on or wanted.second.on:
        raise AnalysisError(
            f"{wanted}: the ordinal model knows conditions only; fit the ratings of that level alone, and ask for "
            f"{first} - {second}"
        )
    values = fit.coefficients.set_index("condition")["value"]
    if missing := [name for name in (first, second) if name not in values.index]:
        raise AnalysisError(f"{wanted}: {missing[0]} has no ratings in the ordinal model")
    difference = float(values[first] - values[second])
    covariance = fit.covariance.loc[[first, second], [first, second]].to_numpy(float)
    se = float(np.sqrt(np.array([1, -1]) @ covariance @ np.array([1, -1])))
    reach = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * se
    higher, lower = _order(fit, float(values[first]), float(values[second]))
    return {
        "difference": difference,
        "se": se,
        "z": difference / se,
        "p": float(2 * stats.norm.sf(abs(difference / se))),
        "odds_ratio": float(np.exp(difference)),
        "low": float(np.exp(difference - reach)),
        "high": float(np.exp(difference + reach)),
        "p_higher": higher,
        "p_lower": lower,
        "sentence": f"A rating of {first} lies in a higher band than one of {second} with probability {higher:.2f}, "
        f"in a lower one with {lower:.2f}, in the same with {1 - higher - lower:.2f} (for a listener and an item in "
        "the middle of theirs).",
    }


def _order(fit: OrdinalFit, first: float, second: float) -> tuple[float, float]:
    """Probabilities that a rating at ``first`` lies in a higher, and in a lower band than another at ``second``."""
    edges = fit.thresholds["value"].to_numpy(float)
    below = [np.concatenate([[0.0], stats.logistic.cdf(edges - place), [1.0]]) for place in (first, second)]
    shares = [np.diff(one) for one in below]
    return float(shares[0] @ below[1][:-1]), float(shares[1] @ below[0][:-1])


def _check_size(rated: pd.DataFrame) -> None:
    if len(rated) > MOST_RATINGS:
        raise AnalysisError(
            f"the ordinal model stood aside: it is fitted for up to {MOST_RATINGS} ratings, found {len(rated)}"
        )
    for name in ("listener", "item", "condition"):
        if (count := rated[name].nunique()) < 2:
            raise AnalysisError(f"the ordinal model needs 2 {name}s at least, found {count}")


@dataclass(frozen=True)
class _Names:
    conditions: Sequence[str]
    bands: tuple[str, ...]
    labels: tuple[str, ...]


def _result(model: Model, best: np.ndarray, slope: np.ndarray, information: np.ndarray, names: _Names) -> OrdinalFit:
    conditions = list(names.conditions)
    shifts = slice(model.thresholds, model.thresholds + len(conditions) - 1)
    sds = {term: sd if sd >= NONE else 0.0 for term, sd in zip(model.order, np.abs(best[shifts.stop :]), strict=True)}
    # A standard deviation of zero is no parameter any more: the likelihood is flat there, and even.
    free = np.concatenate([np.ones(shifts.stop, bool), [sd > 0 for sd in sds.values()]])
    covariance, errors, converged = _covariance(information[np.ix_(free, free)], slope[free])
    converged &= not (np.diagonal(information)[~free] < -RISING).any()
    of_conditions = np.zeros((len(conditions), len(conditions)))
    of_conditions[1:, 1:] = covariance[shifts, shifts]
    singular = tuple(term for term in TERMS if sds.get(term) == 0)
    between = [f"{low}|{high}" for low, high in itertools.pairwise(names.bands)]
    values, ses = np.concatenate([[0.0], best[shifts]]), np.concatenate([[np.nan], errors[shifts]])
    return OrdinalFit(
        thresholds=pd.DataFrame(
            {"between": between, "value": best[: shifts.start], "se": errors[: shifts.start]},
        ),
        coefficients=pd.DataFrame({"condition": conditions, "value": values, "se": ses}),
        covariance=pd.DataFrame(of_conditions, index=conditions, columns=conditions),
        sds={term: float(sds[term]) for term in TERMS if term in sds},
        log_likelihood=model(best)[0],
        converged=converged,
        bands=names.bands,
        singular=singular,
        ratings=len(model.table.band),
        listeners=model.sizes["listener"],
        items=model.sizes["item"],
        notes=_notes(names, singular, converged),
    )


def _covariance(information: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Covariance and standard errors of the estimates (nan off a maximum), and whether this is a maximum."""
    if not (np.linalg.eigvalsh(information) > 0).all():
        return np.full(information.shape, np.nan), np.full(len(slope), np.nan), False
    covariance = np.linalg.inv(information)
    errors = np.sqrt(np.diagonal(covariance))
    return covariance, errors, bool((np.abs(slope) * errors < FLAT).all())


def _notes(names: _Names, singular: tuple[str, ...], converged: bool) -> tuple[str, ...]:
    notes = []
    if empty := [label for label in names.labels if label not in names.bands]:
        notes.append(f"No rating lies in {', '.join(empty)}: the ordinal model has {len(names.bands)} bands.")
    if singular:
        notes.append(f"The ordinal model finds no variance of {', '.join(singular)} beyond the others.")
    if not converged:
        notes.append("The ordinal model did not converge: take nothing from it.")
    return tuple(notes)
