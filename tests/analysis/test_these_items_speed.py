"""How long the statistics take for 400,000 ratings: 1,000 listeners, 50 items, 8 conditions; and the permutations.

Seconds of the processor, not of the clock, so that a busy machine is no slow one; run by make proof.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.description import bootstrap, checklist, summaries
from analysis.statistics.listeners import reliability
from analysis.statistics.these_items import anova, attachments, paired, permutation, rank_tests
from stimuli.experiment import Contrast, Side

SHAPE = (1000, 50, 8)


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    places = np.indices(SHAPE).reshape(3, -1)
    own = draw.normal(0, 6, (1000, 1, 8)) + draw.normal(0, 4, (1, 50, 8)) + draw.normal(0, 9, SHAPE)
    return pd.DataFrame(
        {
            "listener": [f"L{n:04d}" for n in places[0]],
            "item": [f"i{n:02d}" for n in places[1]],
            "condition": [f"c{n}" for n in places[2]],
            "replicate": 0,
            "rating": np.clip(np.round(50 + 4 * places[2] + own.ravel()), 0, 100),
        }
    )


CONTRASTS = [Contrast(Side(f"c{a}"), Side(f"c{b}")) for a, b in itertools.combinations(range(8), 2)]
SIDES = [Side(f"c{n}") for n in range(8)]
TASKS: dict[str, tuple[float, Callable[[pd.DataFrame, pd.DataFrame], object]]] = {
    "per condition": (2, lambda frame, _: summaries.per_condition(frame)),
    "per cell": (2, lambda frame, _: summaries.per_cell(frame)),
    "bootstrap": (3, lambda frame, _: bootstrap.cluster_interval(frame, SIDES + CONTRASTS, seed=1)),
    "checklist": (4, lambda frame, _: checklist.check(frame, [f"c{n}" for n in range(8)])),
    "pages": (6, lambda frame, _: [summaries.paired_means(frame, one) for one in CONTRASTS]),
    "variance": (3, lambda frame, _: anova.repeated_measures(frame)),
    "ranks": (4, lambda _, means: rank_tests.compare(means, CONTRASTS)),
    "paired": (4, lambda _, means: paired.compare(means, CONTRASTS, margin=5)),
    "signs": (3, lambda _, means: permutation.compare(means, CONTRASTS, seed=1)),
    "attachment 3": (2, lambda frame, _: attachments.attachment_3(frame, CONTRASTS[0], seed=1)),
    "paired medians": (3, lambda frame, _: attachments.paired_medians(frame, CONTRASTS[0], seed=1)),
    "agreement": (2, lambda frame, _: reliability.intraclass(reliability.targets(frame))),
    "alpha": (2, lambda frame, _: reliability.krippendorff_alpha(reliability.targets(frame))),
}


@pytest.mark.proof
@pytest.mark.parametrize("task", TASKS)
def test_400_000_ratings_take_seconds(many: pd.DataFrame, task: str) -> None:
    most, work = TASKS[task]
    means = summaries.listener_means(many)
    start = time.process_time()
    work(many, means)
    took = time.process_time() - start
    print(f"{task}: {took:.2f} s")
    assert took < most


@pytest.mark.proof
def test_10_000_permutations_of_2_160_cells_take_less_than_a_second(many: pd.DataFrame) -> None:
    few = many[(many["listener"] < "L0030") & (many["item"] < "i12") & (many["condition"] < "c6")]
    assert len(few) == 2160
    pairs = [one for one in CONTRASTS if max(side.condition for side in one) < "c6"]
    start = time.process_time()
    found = permutation.compare(summaries.listener_means(few), pairs, draws=10_000, seed=1)
    took = time.process_time() - start
    print(f"10,000 permutations of {len(pairs)} pairs: {took:.2f} s")
    assert len(found) == 15 and not found["exact"].any() and took < 1
