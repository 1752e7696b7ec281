"""How fast the statistics are, beside the programs that do the same, and a report of a study beyond any laboratory.

* ``mixed``: the maximal model of 30 listeners, 12 items and 6 conditions with all contrasts by Satterthwaite's degrees
  of freedom; beside it statsmodels' mixedlm on the same terms (which has no degrees of freedom), and lme4 with
  lmerTest. From the table to the estimates, on one thread; what is started and imported before is not counted. All
  must find the same deviance, and R the same contrasts.
* ``permutation``: 10,000 permutations for all pairs of conditions of these 2,160 ratings, from the ratings to the
  adjusted p; beside it scipy's for one pair. Both p values must agree as far as two draws do.
* ``report``: ``mushra report`` on 400,000 ratings in a process of its own, from its start to its end, as page and as
  JSON, whose means are held against the ratings. Which parts stood aside is listed.

    make bench, or: python tests/bench/bench_statistics.py         prints and writes tests/bench/results/statistics.json
"""

from __future__ import annotations

import argparse
import html
import importlib.metadata
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import numpy as np
import outcome
import pandas as pd
import peer_models

HERE = Path(__file__).resolve()
sys.path.append(str(HERE.parents[1] / "analysis"))  # as pytest has it: these are modules of the tests

import large_study  # noqa: E402

from analysis.statistics.planning.components import Components  # noqa: E402
from analysis.statistics.planning.simulate import STANDARDS, simulate  # noqa: E402
from analysis.statistics.planning.trials import Trials  # noqa: E402

RESULTS = HERE.parent / "results" / "statistics.json"
AT_LEAST = {"statsmodels / ours": 100.0}
AT_MOST = {"ours / lme4": 2.0, "permutations, s": 1.0, "report, s": 60.0, "report, peak in GB": 4.0}
SYSTEMS = {"sysA": 71.0, "sysB": 67.0, "sysC": 58.0}
SEED, DRAWS = 6, 10_000
SAME = {"difference": 1e-5, "se": 1e-4, "df": 0.05}
"""How far apart contrasts may be of two programs that stop searching where they think fit."""
PARTS = (
    *("screening", "cells", "conditions/resampled_low", "reliability", "these/friedman", "these/effects"),
    *("these/contrasts/p_adjusted", "general/contrasts/df", "general/contrasts/p_equivalence"),
    "agreement/metrics/spearman",
)
"""What a report has to hold, however large the study is."""


def ratings(listeners: int, items: int) -> pd.DataFrame:
    """Ratings as the model has them, of three systems, the hidden reference and two anchors."""
    spread = Components(listener=7, item=5, listener_item=0, listener_condition=6, item_condition=4, residual=9)
    trials = Trials(listeners=listeners, items=items, systems=len(SYSTEMS))
    return simulate(spread, trials, {**STANDARDS, **SYSTEMS}, seed=SEED)


def mixed(frame: pd.DataFrame) -> dict[str, Any]:
    """Deviance and contrasts of ours."""
    from analysis.statistics.mixed.fit import fit
    from analysis.statistics.mixed.means import contrasts
    from analysis.statistics.mixed.terms import Terms

    random = (("listener",), ("item",), ("listener", "condition"), ("item", "condition"))
    fitted = fit(frame, Terms((("condition",),), random))
    found = contrasts(fitted, _pairs(frame))
    columns = {name: found[name].tolist() for name in SAME}
    return {"deviance": fitted.deviance, "pairs": found["contrast"].tolist(), **columns}


def permutation(frame: pd.DataFrame) -> dict[str, Any]:
    """p of all pairs by ours."""
    from analysis.statistics.description.summaries import listener_means
    from analysis.statistics.these_items.permutation import compare

    found = compare(listener_means(frame), _pairs(frame), draws=DRAWS, seed=SEED)
    return {"p": dict(zip(found["contrast"], found["p"], strict=True))}


def scipys(frame: pd.DataFrame) -> dict[str, Any]:
    """p of one pair by scipy."""
    from scipy import stats

    from analysis.statistics.description.summaries import listener_means

    means = listener_means(frame)
    first, second = (means[name].to_numpy(float) for name in ("sysA", "sysB"))
    found = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=DRAWS,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    return {"p": {"sysA - sysB": float(found.pvalue)}}


WORK: dict[str, Callable[[pd.DataFrame], dict[str, Any]]] = {
    "mixed": mixed,
    "permutation": permutation,
    "scipy": scipys,
}


def _pairs(frame: pd.DataFrame) -> list[Any]:
    from stimuli.experiment import contrast

    return [contrast(f"{a} - {b}") for a, b in itertools.combinations(sorted(frame["condition"].unique()), 2)]


def as_child(what: str, path: Path, repeats: int) -> None:
    """What a child does and tells: the work once for nothing, then as often as it is timed."""
    frame, times, told = pd.read_csv(path), [], {}
    for _ in range(repeats + 1):
        began = time.perf_counter()
        told = WORK[what](frame)
        times.append(time.perf_counter() - began)
    print(json.dumps(told | {"s": statistics.median(times[1:])}))


def measured(what: str, path: Path, repeats: int) -> dict[str, Any]:
    """Run one child on one thread; returns median seconds, and what it found."""
    command = [sys.executable, str(HERE), "--child", what, "--folder", str(path), "--repeats", str(repeats)]
    environment = {**os.environ, **peer_models.ONE_THREAD}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def models(folder: Path, frame: pd.DataFrame, repeats: int, python: Path | str) -> dict[str, dict[str, Any]]:
    """The mixed model by ours and by the others that can be had here, held against each other.

    ``python`` has statsmodels, or is the reason why there is none.
    """
    path = folder / "ratings.csv"
    frame.to_csv(path, index=False)
    found = {
        "ours": measured("mixed", path, repeats),
        "lme4": peer_models.lme4(path, repeats),
        "statsmodels": {"not_started": python} if isinstance(python, str) else peer_models.statsmodels(python, path),
    }
    hold(found)
    return found


def hold(found: dict[str, dict[str, Any]]) -> None:
    """A fit that is fast because it stops early would win otherwise."""
    ours, apart = found["ours"], []
    if "s" in (r := found["lme4"]):
        assert r["pairs"] == ours["pairs"], f"pairs of lmerTest {r['pairs']}, of ours {ours['pairs']}"
        apart += [("lme4, deviance", ours["deviance"], r["deviance"], 1e-6)]
        apart += [
            (f"lmerTest, {name} of {pair}", a, b, most * (abs(b) if name == "se" else 1))
            for name, most in SAME.items()
            for pair, a, b in zip(ours["pairs"], ours[name], r[name], strict=True)
        ]
    if "s" in (other := found["statsmodels"]):
        apart += [("statsmodels, deviance", ours["deviance"], other["deviance"], 1e-4 * abs(ours["deviance"]))]
    for name, a, b, most in apart:
        assert abs(a - b) <= most, f"{name}: {b}, ours {a}"


def hold_permutations(ours: dict[str, Any], scipys: dict[str, Any]) -> None:
    """Two draws of so many patterns differ by chance alone: by four standard errors at most."""
    (pair, p), own = next(iter(scipys["p"].items())), ours["p"]
    allowed = 4 * np.sqrt(2 * max(p * (1 - p), 1 / DRAWS) / DRAWS)
    assert abs(own[pair] - p) <= allowed, f"{pair}: p {own[pair]} by ours, {p} by scipy"


def report(folder: Path, listeners: int, items: int) -> dict[str, Any]:
    """The whole command on simulated ratings, twice: as a page, and as JSON."""
    manifest = large_study.build(folder / "set", items=items)
    path = folder / "large.csv"
    rows = large_study.export(path, manifest, listeners=listeners, seed=SEED)
    page, data = (_reported(path, folder / "set", form) for form in ("html", "json"))
    hold_report(json.loads((folder / "report.json").read_text(encoding="utf-8")), path)
    text = (folder / "report.html").read_text(encoding="utf-8")
    said = [html.unescape(one) for one in re.findall(r'<p class="problem">(.*?)</p>', text, re.S)]
    return {
        "ratings": rows,
        "page": page | {"size_mb": round(len(text.encode()) / 1e6, 2), "figures": text.count("<svg ")},
        "json": data,
        "stood_aside": [sentence for sentence in said if "stood aside" in sentence],
    }


def _reported(path: Path, folder: Path, form: str) -> dict[str, float]:
    """One report in a process of its own: wall and CPU seconds, and the largest memory it ever held."""
    command = "from mushra_app.cli import main; main()"
    arguments = [str(path), "--stimuli", str(folder), "--out", str(path.parent / f"report.{form}"), "--format", form]
    with (path.parent / "said.txt").open("w") as said:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-c", command, "report", *arguments], stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (path.parent / "said.txt").read_text()[-2000:]
    cpu_s = used.ru_utime + used.ru_stime
    return {"s": round(took, 2), "cpu_s": round(cpu_s, 2), "peak_gb": round(used.ru_maxrss / 2**20, 3)}


def hold_report(found: dict[str, Any], path: Path) -> None:
    """A report that is fast because it leaves ratings or parts out would win otherwise."""
    (section,) = found["sections"]
    lacking = [part for part in PARTS if not _part(section, part.split("/"))]
    assert not lacking and section["draws"] >= 2000, f"the report lacks {lacking}, and has {section['draws']} draws"
    rated = pd.read_csv(path, usecols=["listener", "condition", "rating"])
    kept = rated[~rated["listener"].isin(section["excluded"])]
    means = kept.groupby("condition")["rating"].mean()
    assert found["counts"]["analysed"] == len(rated)
    assert {row["condition"] for row in section["conditions"]} == set(means.index)
    for row in section["conditions"]:
        assert abs(row["mean"] - means[row["condition"]]) < 1e-6, f"{row['condition']}: {row['mean']}"


def _part(found: Any, way: list[str]) -> Any:
    """What a report holds at the end of a way, through the first row of tables; None where there is no such part."""
    for name in way:
        found = found[0] if isinstance(found, list) and found else found
        found = found.get(name) if isinstance(found, dict) else None
    return found


def bench(
    folder: Path, *, repeats: int, counts: tuple[int, int], large: tuple[int, int], statsmodels: Path | str
) -> dict[str, Any]:
    """All figures; ``counts`` and ``large`` are listeners and items of the model and of the report."""
    frame = ratings(*counts)
    compared = models(folder, frame, repeats, statsmodels)
    permuted = {name: measured(name, folder / "ratings.csv", repeats) for name in ("permutation", "scipy")}
    hold_permutations(*permuted.values())
    reported = report(folder, *large)
    times = {name: one["s"] for name, one in compared.items() if "s" in one}
    ratios = {f"{name} / ours": times[name] / times["ours"] for name in ("statsmodels",) if name in times}
    ratios |= {f"ours / {name}": times["ours"] / times[name] for name in ("lme4",) if name in times}
    ratios |= {
        "permutations, s": permuted["permutation"]["s"],
        "report, s": max(reported[form]["s"] for form in ("page", "json")),
        "report, peak in GB": max(reported[form]["peak_gb"] for form in ("page", "json")),
    }
    versions = [one.get("versions", {}) for one in compared.values()]
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine() | {name: version for own in versions for name, version in own.items()},
        "repeats": repeats,
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "at_least": AT_LEAST,
        "at_most": AT_MOST,
        "not_compared": {name: one["not_started"] for name, one in compared.items() if "not_started" in one},
        "mixed_model": {
            "ratings": len(frame),
            "medians_ms": {name: round(1000 * took, 2) for name, took in times.items()},
            "deviances": {name: compared[name]["deviance"] for name in times},
        },
        "permutation": {
            "draws": DRAWS,
            "pairs": {"ours": len(permuted["permutation"]["p"]), "scipy": 1},
            "medians_ms": {name: round(1000 * one["s"], 2) for name, one in permuted.items()},
        },
        "report": reported,
    }


def machine() -> dict[str, Any]:
    """What it ran on, and with which versions."""
    names = ("pandas", "matplotlib")
    return bench_stimuli.machine() | {name: importlib.metadata.version(name) for name in names}


def missed(ratios: dict[str, float]) -> list[str]:
    """Limits that do not hold, of what could be measured."""
    over = [f"{name} is {ratios[name]}, at most {most}" for name, most in AT_MOST.items() if ratios.get(name, 0) > most]
    under = [
        f"{name} is {ratios[name]}, at least {least}"
        for name, least in AT_LEAST.items()
        if ratios.get(name, least) < least
    ]
    return over + under


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", choices=list(WORK))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--statsmodels", type=Path, help="a Python that has it, instead of a new environment")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if asked.child:
        return as_child(asked.child, asked.folder, asked.repeats)
    with tempfile.TemporaryDirectory() as name:
        python = asked.statsmodels or peer_models.environment(Path(name) / "statsmodels")
        found = bench(Path(name), repeats=asked.repeats, counts=(30, 12), large=(1000, 50), statsmodels=python)
    outcome.keep(found, asked.out, missed(found["ratios"]))


if __name__ == "__main__":
    main()
