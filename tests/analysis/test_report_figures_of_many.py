"""Figures of hundreds of listeners: as many as there are, in few strokes, and the same when drawn again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import StepPatch

from analysis.report.figures.conditions import MOST_DOTS, conditions
from analysis.report.figures.drawing import Drawing
from analysis.report.figures.listeners import consistency, screening
from analysis.report.parts.results import ConditionRow, ScreeningRow, rows_of
from analysis.statistics.description import summaries

LABELS = ("Bad", "Poor", "Fair", "Good", "Excellent")
LIMIT = 0.15


def shapes(drawing: Drawing, panel: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Heights and edges of every histogram of a panel."""
    found = [patch.get_data() for patch in drawing.figure.axes[panel].patches if isinstance(patch, StepPatch)]
    return [(np.asarray(one.values), np.asarray(one.edges)) for one in found]


def drawn(values: np.ndarray) -> Drawing:
    """The figure of one condition whose listeners have these means."""
    frame = pd.DataFrame({"listener": [f"L{n:04d}" for n in range(len(values))], "item": "i", "rating": values})
    frame = frame.assign(condition="a", replicate=0)
    limits = {"role": "system", "resampled_low": None, "resampled_high": None}
    rows = rows_of(ConditionRow, summaries.per_condition(frame).assign(**limits))
    return conditions(summaries.listener_means(frame), rows, {"a": "system"}, LABELS)


def test_up_to_a_number_every_listener_is_a_dot() -> None:
    values = np.linspace(20, 90, MOST_DOTS)
    dots = drawn(values).figure.axes[0].lines[-1]
    assert np.asarray(dots.get_xdata()).tolist() == values.tolist()
    assert not shapes(drawn(values))


def test_more_are_counted_by_whole_numbers_and_those_alone_are_dots() -> None:
    values = np.concatenate([[3.0, 97.4], np.repeat([50.0, 51.49, 51.51], [100, 200, 50]), [100.0, 100.0, 0.0]])
    found = drawn(values)
    ((heights, edges),) = shapes(found)
    counts = (heights[0] - heights) / 0.36  # of the highest; nobody but one is at 0
    expected = np.bincount([3, 97, *[50] * 100, *[51] * 200, *[52] * 50, 100, 100, 0], minlength=101)
    np.testing.assert_allclose(counts * expected.max() + 1, expected, atol=1e-9)
    np.testing.assert_allclose((edges[:-1] + edges[1:]) / 2, np.arange(101))
    assert np.asarray(found.figure.axes[0].lines[-1].get_xdata()).tolist() == [0, 3, 97]


def test_a_thousand_listeners_make_a_small_drawing_and_twice_the_same() -> None:
    values = np.random.default_rng(1).normal(60, 10, 1000).clip(0, 100)
    text = drawn(values).svg()
    assert len(text) < len(drawn(values[:MOST_DOTS]).svg())
    assert drawn(values).svg() == text


@pytest.mark.parametrize("listeners", [25, 26, 400])
def test_screening_shows_every_listener_and_ranks_many(listeners: int) -> None:
    draw = np.random.default_rng(2)
    slips = {f"L{n:03d}": int(count) for n, count in enumerate(draw.binomial(20, 0.1, listeners))}
    rows = [
        ScreeningRow(name, "rule", count, 20, None, LIMIT, excluded=count > LIMIT * 20, reason="")
        for name, count in slips.items()
    ]
    found = screening(rows)
    assert found is not None
    out = sorted((5.0 * count for count in slips.values() if count > 3), reverse=True)
    if listeners == 25:
        assert [bar.get_height() for bar in found.figure.axes[0].patches] == [5.0 * n for n in slips.values()]
        return
    (excluded, first), (kept, then) = shapes(found)
    assert out == excluded.tolist() and len(kept) == listeners - len(out)
    assert (np.diff(kept) <= 0).all() and max(kept) <= 100 * LIMIT < min(excluded)
    assert first[-1] == then[0] and then[-1] == listeners - 0.5
    assert f"{listeners} listeners, by each rule from most to least" in found.svg()


@pytest.mark.filterwarnings("error")
def test_who_lies_below_the_floor_of_noise_is_named_and_who_has_no_number_is_not_there() -> None:
    found = pd.DataFrame(
        {"reliability": [0.9, 0.1, 0.8, np.nan], "f_condition": [200.0, 0.4, 2.0, np.nan]},
        index=pd.Index(["good", "random", "dull", "flat"], name="listener"),
    )
    found = found.assign(reliability_floor=0.3, discrimination_floor=3.0)
    axes = consistency(found).figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["random", "dull"]
    assert np.isfinite(np.asarray(axes.lines[0].get_xdata(), float)).sum() == 3
    assert "flat" not in consistency(found).svg()
