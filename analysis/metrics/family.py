"""What is known of a metric: its name, its unit, which way is better, where it is defined.

A family computes some metrics together. It is added by adding a module that ends with ``FAMILY`` and a line in
``FAMILIES``; whatever it imports is imported when somebody asks for it.

Defines: ``Metric``, ``Family``, ``FAMILIES``, ``family``, ``chosen``, ``measure``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.errors import AnalysisError, PassingError
from analysis.metrics.truth import Measured, NoNumber, Truth, checked_estimate

Better = Literal["higher", "lower", "zero"]


@dataclass(frozen=True)
class Metric:
    """One number.

    ``name`` is its column, ending in the unit; ``label`` what people read. ``better`` is where a good estimate lies:
    ``higher``, ``lower``, or near ``zero`` on either side. ``source``: the paper or standard that defines it.
    """

    name: str
    label: str
    unit: str
    better: Better
    source: str

    def goodness(self, value: float) -> float:
        """The value turned so that more is better."""
        return {"higher": value, "lower": -value, "zero": -abs(value)}[self.better]


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together.

    ``version`` is raised by hand whenever a number can change. ``measure`` takes a checked truth and estimate
    (float64, same shape) and answers with all of ``metrics``; an AnalysisError is a reason for all of them.
    ``caution`` says, where it found numbers, what a reader must know of them: a sentence without its subject, or "".
    ``missing`` says why the family can't run here, with the command that mends it. ``optional`` families run only where
    somebody names them. ``valid`` says for what sounds the numbers mean something. ``package`` names the package of
    others that computes, with its installed version, for the record; "" where there is none.
    """

    name: str
    version: int
    metrics: tuple[Metric, ...]
    measure: Callable[[Truth, np.ndarray], Measured]
    missing: Callable[[], str | None] = lambda: None
    optional: bool = False
    valid: str = ""
    package: Callable[[], str] = lambda: ""
    caution: Callable[[Truth], str] = lambda truth: ""

    @property
    def revision(self) -> str:
        """Its version and its package's: what must be the same where numbers are kept."""
        return ", ".join(filter(None, (str(self.version), self.package())))


FAMILIES = {
    "ratios": "analysis.metrics.families.ratios",
    "bss": "analysis.metrics.families.bss",
    "sources": "analysis.metrics.families.sources",
    "asymmetry": "analysis.metrics.families.asymmetry",
    "leakage": "analysis.metrics.families.leakage",
    "bands": "analysis.metrics.families.bands",
    "dropouts": "analysis.metrics.families.dropouts",
    "spectral": "analysis.metrics.families.spectral",
    "image": "analysis.metrics.families.image",
    "two_f": "analysis.metrics.perceptual.two_f",
    "visqol": "analysis.metrics.perceptual.visqol",
    "zimtohrli": "analysis.metrics.perceptual.zimtohrli",
    "peass": "analysis.metrics.perceptual.peass",
    "bss_v3": "analysis.metrics.families.bss_v3",
    "museval": "analysis.metrics.families.museval",
}
"""Name of a family to the module that ends with its ``FAMILY``; in the order of every table."""


DEFAULT = "default"
"""What stands for all families that are not optional."""


def family(name: str) -> Family:
    """A family by its name.

    Raises
    ------
    AnalysisError
        Where there is none of that name.
    """
    if name not in FAMILIES:
        raise AnalysisError(f"no family of metrics is called {name!r}; there are {', '.join(FAMILIES)}")
    return importlib.import_module(FAMILIES[name]).FAMILY


def chosen(names: Sequence[str] = ()) -> tuple[Family, ...]:
    """The families of these names, or all that are not optional (``default``); in the order of ``FAMILIES``.

    Raises
    ------
    AnalysisError
        Where a name is not known, or a family can't run here; the message says what to install.
    """
    usual = [one for one in map(family, FAMILIES) if not one.optional]
    wanted = [one for name in names or (DEFAULT,) for one in (usual if name == DEFAULT else [family(name)])]
    if lacking := [f"{one.name}: {reason}" for one in wanted if (reason := one.missing())]:
        raise AnalysisError("\n".join(lacking))
    order = list(FAMILIES)
    return tuple(sorted({one.name: one for one in wanted}.values(), key=lambda one: order.index(one.name)))


def measure(found: Family, truth: Truth, estimate: np.ndarray) -> Measured:
    """All metrics of a family, each a finite number or the reason why there is none."""
    try:
        values = found.measure(truth, checked_estimate(truth, estimate))
    except AnalysisError as error:
        return {metric.name: NoNumber(str(error), isinstance(error, PassingError)) for metric in found.metrics}
    return {metric.name: _finite(values[metric.name]) for metric in found.metrics}


def _finite(value: float | NoNumber) -> float | NoNumber:
    if isinstance(value, NoNumber):
        return value
    if np.isposinf(value):
        return NoNumber("no distortion to measure: what is compared is equal")
    return float(value) if np.isfinite(value) else NoNumber("nothing in common with the reference")
