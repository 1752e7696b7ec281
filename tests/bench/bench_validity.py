"""Do the statistics hold what they promise? False positives, coverage, power and screening on simulated tests.

Two systems, a and b, are equal in truth among others that are not. Every analysis tests a - b at 5 %:

* ``primary`` is the package's own primary analysis, on most of the complete tests in the closed form that it has there
  (and held to be equal on the others); it may call 6.5 % of the tests false at most on every pattern, and
  its 95 % intervals must hold a true difference in 93 to 97.5 % of the tests of most patterns (``covered``);
* ``all systems`` is one mixed model of all systems, whose variances are pooled over them;
* ``both systems`` is one of all ratings of the two systems, whichever page they stood on;
* ``listener means`` is Student's paired t over listeners' means, and ``cells`` Student's t over all ratings, as if each
  were a listener of its own: what people do, for comparison.

``power`` is at the difference that the planner says is found with 80 %. Screening: how many of the careless listeners
the package's rules find, and how many careful ones they lose.

    make bench, or: python tests/bench/bench_validity.py      prints and writes tests/bench/results/validity.json
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import re
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats
from tqdm import tqdm

from analysis.statistics.description import summaries
from analysis.statistics.listeners.all_rules import screen_all
from analysis.statistics.mixed.fit import fit
from analysis.statistics.mixed.means import contrasts
from analysis.statistics.mixed.primary import primary
from analysis.statistics.mixed.terms import maximal
from analysis.statistics.planning import power
from analysis.statistics.planning.components import PRESETS, Components
from analysis.statistics.planning.simulate import STANDARDS, Answers, Careless, simulate
from analysis.statistics.planning.trials import Trials
from analysis.study import Asked, Study
from stimuli.experiment import AnalysisPlan, contrast

RESULTS = Path(__file__).resolve().parent / "results" / "validity.json"
CONTRAST = [contrast("a - b")]
LIMITS: dict[str, Any] = {
    "false positives": 0.065,
    "coverage": [0.93, 0.975],
    "random raters found": 0.9,
    "careful listeners lost": 0.02,
}
CONSERVATIVE = ("0/0/9, 20 x 10", "3 of 6 on a page, a and b noisy, 6/4/9, 20 x 8")
"""Patterns whose intervals may be wider than need be: where neither listeners nor items differ in what they make of
systems, which no test knows beforehand; and noisy ratings in blocks, by Kenward and Roger's degrees of freedom."""
ALPHA = 0.05
SEED, OTHER_SEEDS = 20_260_000, 10**9
KEYS = ("false positives", "power", "coverage")
Shares = dict[str, dict[str, Any]]


RULES = ("bs1534-hidden-reference", "bs1534-mid-anchor", "flat-ratings", "rank-order")
OWN_RULES = RULES[2:]
KINDS = ("random", "flat", "reversed")
LISTENERS = 20
PANELS = {
    # The share of hidden references at 100 of the reference's simulated sets, and of the real test.
    "moderate": (PRESETS["moderate"].components, 0.78),
    "sisec08": (PRESETS["sisec08"].components, 0.995),
}
ROLES = {"reference": "hidden_reference", "lowpass-7000": "anchor", "lowpass-3500": "anchor"}
STUDY = Study(
    name="panel",
    title="Panel",
    study_id="",
    stimuli_id="",
    attributes=(Asked("overall", "How good?"),),
    primary="overall",
    roles=ROLES | dict.fromkeys("abc", "system"),
    reference="reference",
    mid_anchor="lowpass-7000",
    plan=AnalysisPlan(),
    contrasts=(),
    systems_on_page=3,
)


class Found(NamedTuple):
    """What an analysis says of a - b."""

    difference: float
    se: float
    df: float


@dataclass(frozen=True)
class Pattern:
    """A kind of test; ``others``: means of the systems beside a and b, which lie at ``level``."""

    components: Components
    trials: Trials
    answers: Answers = field(default_factory=Answers)
    level: float = 50.0
    others: tuple[float, ...] = (60.0, 70.0)

    def means(self, difference: float = 0.0) -> dict[str, float]:
        """True means before the slider, a better than b by so many points."""
        names = [f"other {number + 1}" for number in range(len(self.others))]
        return {"a": self.level + difference, "b": self.level} | dict(zip(names, self.others, strict=True))

    @property
    def complete(self) -> bool:
        """Whether every listener rates everything once."""
        return self.answers.missing == 0 and (self.trials.per_page, self.trials.per_listener) == (None, None)

    @property
    def least(self) -> float:
        """What the planner says is found with 80 % power, told of the noise of a and b."""
        noise = [self.answers.noise.get(name, 1.0) for name in ("a", "b")]
        residual = self.components.residual * float(np.sqrt(np.mean(np.square(noise))))
        return power.smallest_difference(dataclasses.replace(self.components, residual=residual), self.trials)

    def truth(self, difference: float) -> float:
        """Difference of the means of a and b on the scale, behind the slider."""
        if not self.answers.bounded:
            return difference
        first, second = (self._on_scale(name, mean) for name, mean in list(self.means(difference).items())[:2])
        return first - second

    def _on_scale(self, name: str, mean: float) -> float:
        """Mean of the rounded and clipped normal distribution: the sum of its upper tails at 1 to 100."""
        parts = dataclasses.asdict(self.components) | {
            "residual": self.components.residual * self.answers.noise.get(name, 1.0)
        }
        spread = np.sqrt(sum(value**2 for value in parts.values()))
        return float(stats.norm.sf(np.arange(0.5, 100), mean, spread).sum())


def _normal(lc: float, ic: float, residual: float, listeners: int, items: int, **more: Any) -> Pattern:
    others = more.pop("others", (60.0, 70.0))
    components = Components(7, 5, more.pop("li", 0), lc, ic, residual)
    answers = more.pop("answers", Answers())
    level = more.pop("level", 50.0)
    return Pattern(components, Trials(listeners, items, systems=2 + len(others), **more), answers, level, others)


def patterns() -> dict[str, Pattern]:
    """All patterns: the normal ones of the reference, and those that break the model's assumptions."""
    sisec = (3.1, 8.6, 7.4)
    found = {
        f"{lc:g}/{ic:g}/{e:g}, {people} x {items}": _normal(lc, ic, e, people, items)
        for lc, ic, e, people, items in (
            (6, 4, 9, 20, 10),
            (6, 4, 9, 10, 10),
            (6, 4, 9, 20, 5),
            (6, 4, 9, 60, 10),
            (6, 0, 9, 20, 10),
            (0, 0, 9, 20, 10),
            (*sisec, 14, 14),
            (*sisec, 20, 5),
            (*sisec, 20, 10),
            (*sisec, 20, 20),
            (*sisec, 40, 10),
            (6, 4, 9, 8, 5),
        )
    }
    both_noisy, one_noisy = Answers(noise={"a": 3, "b": 3}), Answers(noise={"a": 3})
    worst = dataclasses.replace(both_noisy, bounded=True, missing=0.2)
    six, quiet, low, at_100 = (60.0, 70.0, 40.0, 30.0), (60.0, 70.0, 40.0), (60.0, 40.0), (98.0, 98.0)
    for name, parts, items in (("6/4/9", (6, 4, 9), 8), ("SiSEC08", sisec, 5)):
        lc, ic, e = parts
        shape = (lc, ic, e, 20, items)
        noisy = (lc, ic, e / 1.5, 20, items)
        at = f"{name}, 20 x {items}"
        found |= {
            f"a and b noisy, {at}": _normal(*noisy, answers=both_noisy, others=quiet),
            f"a noisy, {at}": _normal(*noisy, answers=one_noisy, others=quiet),
            f"a and b at the ceiling, {at}": _normal(*shape, answers=Answers(bounded=True), level=92.0, others=low),
            f"others at the ceiling, {at}": _normal(*shape, answers=Answers(bounded=True), others=at_100),
            f"20 % missing, {at}": _normal(*shape, answers=Answers(missing=0.2), li=5),
            f"3 of 6 on a page, {at}": _normal(*shape, per_page=3, others=six, li=5),
            f"3 of 6 on a page, a and b noisy, {at}": _normal(*noisy, per_page=3, others=six, li=5, answers=both_noisy),
            f"a and b noisy, bounded, 20 % missing, {at}": _normal(*noisy, answers=worst, level=80.0, others=quiet),
            f"half of the items each, {name}, 20 x 16": _normal(lc, ic, e, 20, 16, per_listener=8),
        }
    return found


def analyses(frame: pd.DataFrame, names: tuple[str, ...], pattern: Pattern) -> dict[str, Found]:
    """Everything that is to be compared, on one simulated test.

    The primary analysis alone, of complete ratings, is in closed form; beside others it is the package's own, and has
    to be the same.
    """
    if not pattern.complete:
        return {name: ANALYSES[name](frame) for name in names}
    closed = in_closed_form(frame, pattern.trials)
    if names == QUICK:
        return {"primary": closed}
    found = {name: ANALYSES[name](frame) for name in names}
    np.testing.assert_allclose(found["primary"][:2], closed[:2], rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(found["primary"].df, closed.df, rtol=1e-2)
    return found


def _row(rows: pd.DataFrame) -> Found:
    return Found(*(float(rows[column].iloc[0]) for column in Found._fields))


def _all_systems(frame: pd.DataFrame) -> Found:
    return _row(contrasts(fit(frame, maximal(frame)), CONTRAST))


def _both_systems(frame: pd.DataFrame) -> Found:
    return _all_systems(frame[frame["condition"].isin(["a", "b"])])


def _listener_means(frame: pd.DataFrame) -> Found:
    means = summaries.paired_means(frame, CONTRAST[0])
    differences = means["first"] - means["second"]
    return Found(float(differences.mean()), float(differences.sem()), len(differences) - 1)


def _cells(frame: pd.DataFrame) -> Found:
    first, second = (frame.loc[frame["condition"] == name, "rating"] for name in "ab")
    n, m = len(first), len(second)
    variance = ((n - 1) * first.var() + (m - 1) * second.var()) / (n + m - 2)
    return Found(float(first.mean() - second.mean()), float(np.sqrt(variance * (1 / n + 1 / m))), n + m - 2)


ANALYSES = {
    "primary": lambda frame: _row(primary(frame, CONTRAST).rows),
    "all systems": _all_systems,
    "both systems": _both_systems,
    "listener means": _listener_means,
    "cells": _cells,
}
QUICK = ("primary",)


def in_closed_form(frame: pd.DataFrame, trials: Trials) -> Found:
    """The primary analysis of complete ratings without a model fit: REML of the differences, by their mean squares.

    A variance can't be below 0: a mean square below the residual's is pooled with it, and its freedom goes along.
    """
    ratings = frame["rating"].to_numpy().reshape(trials.listeners, trials.items, trials.systems)
    d = ratings[..., 0] - ratings[..., 1]
    rest = d - d.mean(axis=1, keepdims=True) - d.mean(axis=0) + d.mean()
    dfs = np.array([trials.listeners - 1, trials.items - 1, (trials.listeners - 1) * (trials.items - 1)])
    squares = np.array([trials.items * ((d.mean(axis=1) - d.mean()) ** 2).sum(), 0, (rest**2).sum()])
    squares[1] = trials.listeners * ((d.mean(axis=0) - d.mean()) ** 2).sum()
    people, items, residual = squares / dfs
    less = int(np.argmin(squares[:2] / dfs[:2]))
    more = 1 - less
    if min(people, items) >= residual:
        variance = people + items - residual
        df = variance**2 / ((squares / dfs) ** 2 / dfs).sum()
    elif squares[more] / dfs[more] >= (squares[less] + squares[2]) / (dfs[less] + dfs[2]):
        variance, df = squares[more] / dfs[more], dfs[more]
    else:
        variance, df = squares.sum() / dfs.sum(), dfs.sum()
    return Found(float(d.mean()), float(np.sqrt(variance / d.size)), float(df))


def one(pattern: Pattern, seed: int, names: tuple[str, ...]) -> dict[str, tuple[bool, bool, bool]]:
    """One test of a pattern: for each analysis, false positive, true difference found, interval holds the truth."""
    least = pattern.least
    null = analyses(_simulated(pattern, 0.0, seed), names, pattern)
    if pattern.answers.bounded:
        real = analyses(_simulated(pattern, least, seed + OTHER_SEEDS), names, pattern)
    else:
        # Without ends of the scale all that changes is the difference itself, by as much.
        real = {name: own._replace(difference=own.difference + least) for name, own in null.items()}
    truth = pattern.truth(least)
    return {name: (_passed(null[name], 0), _passed(real[name], 0), not _passed(real[name], truth)) for name in names}


def _simulated(pattern: Pattern, difference: float, seed: int) -> pd.DataFrame:
    means = pattern.means(difference)
    return simulate(pattern.components, pattern.trials, means, seed=seed, answers=pattern.answers)


def _passed(found: Found, null: float) -> bool:
    return bool(abs(found.difference - null) / found.se > stats.t.ppf(1 - ALPHA / 2, found.df))


def cell(pattern: Pattern, runs: int, *, others: int | None = None, seed: int = SEED, jobs: int = 1) -> Shares:
    """Shares over the runs of a pattern, by analysis; the slow ones, for comparison, on the first ``others`` runs."""
    few = runs if others is None else min(others, runs)
    calls = (delayed(one)(pattern, seed + run, tuple(ANALYSES) if run < few else QUICK) for run in range(runs))
    told: list[Any] = list(Parallel(n_jobs=jobs, batch_size=20)(calls))
    shares: Shares = {}
    for name in ANALYSES:
        own = np.array([run[name] for run in told if name in run], float)
        shares[name] = dict(zip(KEYS, own.mean(axis=0).round(4).tolist(), strict=True)) | {"runs": len(own)}
    return shares


def screened(share: float, kind: str, components: Components, at_100: float, seed: int) -> dict[str, tuple[int, int]]:
    """One test of 20 listeners and 10 items: by rule, careless listeners found, and careful ones lost."""
    how = Answers(bounded=True, reference_at_100=at_100, careless=Careless(share, kind) if share else None)
    means = {**STANDARDS, "a": 71.0, "b": 67.0, "c": 58.0}
    frame = simulate(components, Trials(LISTENERS, 10, systems=3), means, seed=seed, answers=how)
    conduct = frame.drop_duplicates("listener").set_index("listener")["conduct"]
    nobody = frame.head(0).assign(attribute="")
    rows = screen_all(frame, nobody, study=STUDY, attribute="overall", rules=RULES).rows
    out = {rule: set(own.loc[own["excluded"], "listener"]) for rule, own in rows.groupby("rule")}
    out["own"] = set().union(*(out.get(rule, set()) for rule in OWN_RULES))
    out["any"] = set().union(*(out.get(rule, set()) for rule in RULES))
    careless = set(conduct.index[conduct != "careful"])
    return {rule: (len(own & careless), len(own - careless)) for rule, own in out.items()}


def screening(runs: int, jobs: int = 1) -> dict[str, dict[str, Any]]:
    """Shares of careless listeners found and careful ones lost, by kind and share of carelessness, panel and rule."""
    found = {}
    for panel, (components, at_100) in PANELS.items():
        for kind, share in (("none", 0.0), *((kind, share) for kind in KINDS for share in (0.05, 0.2))):
            calls = (delayed(screened)(share, kind, components, at_100, SEED + run) for run in range(runs))
            told: list[Any] = list(Parallel(n_jobs=jobs, batch_size=20)(calls))
            careless = round(share * LISTENERS) * runs
            careful = LISTENERS * runs - careless
            found[f"{panel}, {100 * share:.0f} % {kind}"] = {
                "careful": careful,
                "careless": careless,
                "rules": {
                    rule: {
                        "found": round(sum(run.get(rule, (0, 0))[0] for run in told) / careless, 4)
                        if careless
                        else None,
                        "lost": round(sum(run.get(rule, (0, 0))[1] for run in told) / careful, 4),
                    }
                    for rule in (*RULES, "own", "any")
                },
            }
    return found


def missed(found: dict[str, Any]) -> list[str]:
    """Limits that do not hold."""
    problems = []
    low, high = LIMITS["coverage"]
    for name, shares in found["patterns"].items():
        own = shares["primary"]
        if own["false positives"] > LIMITS["false positives"]:
            problems.append(f"{name}: {own['false positives']} false positives, at most {LIMITS['false positives']}")
        if own["coverage"] < low:
            problems.append(f"{name}: coverage {own['coverage']}, at least {low}")
        if own["coverage"] > high and name not in CONSERVATIVE:
            problems.append(f"{name}: coverage {own['coverage']}, at most {high}")
    for name, own in found["screening"].items():
        rules = own["rules"]
        if "random" in name and rules["any"]["found"] < LIMITS["random raters found"]:
            problems.append(f"{name}: {rules['any']['found']} found, at least {LIMITS['random raters found']}")
        # How many careful ones the standard's rules take hangs on how often they miss the hidden reference, and is the
        # standard's to answer for; the moderate panel misses it often.
        lost = rules["any" if name.startswith("sisec08") else "own"]["lost"]
        if lost > LIMITS["careful listeners lost"]:
            problems.append(f"{name}: {lost} careful ones lost, at most {LIMITS['careful listeners lost']}")
    return problems


def bench(runs: int, others: int, panels: int, jobs: int) -> dict[str, Any]:
    """All figures."""
    began = time.perf_counter()
    cells = {}
    for name, pattern in tqdm(patterns().items(), desc="patterns", unit="pattern"):
        cells[name] = cell(pattern, runs * (2 if pattern.complete else 1), others=others, jobs=jobs)
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "runs": runs,
        "seed": SEED,
        "limits": LIMITS,
        "conservative": CONSERVATIVE,
        "patterns": cells,
        "screening": screening(panels, jobs),
        "seconds": round(time.perf_counter() - began),
    }


def machine() -> dict[str, Any]:
    """What it ran on, and with which versions."""
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    packages = ("hidden-reference", "numpy", "scipy", "pandas", "joblib")
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def main() -> None:
    """Simulate, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000, help="simulated tests; twice as many where complete")
    parser.add_argument("--others", type=int, default=300, help="runs of the analyses for comparison")
    parser.add_argument("--panels", type=int, default=200, help="panels of each kind for the screening")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--again", choices=list(patterns()), help="one pattern anew, into the result that is there")
    asked = parser.parse_args()
    # A process for each core, and none of them with threads of its own.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if asked.again:
        found = json.loads(asked.out.read_text()) | {"limits": LIMITS, "conservative": CONSERVATIVE}
        found["patterns"][asked.again] = cell(patterns()[asked.again], asked.runs, others=asked.others, jobs=asked.jobs)
    else:
        found = bench(asked.runs, asked.others, asked.panels, asked.jobs)
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(text)
    sys.exit("\n".join(missed(found)) or 0)


if __name__ == "__main__":
    main()
