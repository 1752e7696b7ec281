"""Williams' test: R's numbers, a hand's, and the ends of its range."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis.agreement.dependent import williams

# R 4.2.2, psych 2.2.9: r.test(n = 103, r12 = .4, r13 = .5, r23 = .1) and so on; $t and $p. The first is what psych's
# manual calls case A of Steiger (1980); the last is printed there with its p (0.1000759).
FROM_R = [
    (103, 0.4, 0.5, 0.1, -0.891279904761, 0.374918517491),
    (103, 0.5, 0.6, 0.7, -1.619699670233, 0.108446314509),
    (24, -0.2, 0.6, 0.1, -3.572108580704, 0.001798424560),
    (40, 0.91, 0.9, 0.98, 0.737035486328, 0.465748995253),
    (5105, 0.693458895410494, 0.695966022434845, 0.988475791500198, -1.64478414632, 0.100075937397),
]


@pytest.mark.parametrize(("cells", "first", "second", "between", "t", "p"), FROM_R)
def test_as_psych(cells: int, first: float, second: float, between: float, t: float, p: float) -> None:
    found = williams(np.array(first), np.array(second), np.array(between), cells=cells)
    assert (float(found[0]), float(found[1])) == pytest.approx((t, p), abs=1e-11)


def test_by_hand() -> None:
    """|R| = 1 - .16 - .25 - .01 + .04 = .62; 2 (102/100) .62 + .45^2 .9^3 = 1.4124225; t = -.1 sqrt(102 (1.1) / it)."""
    t, _ = williams(np.array(0.4), np.array(0.5), np.array(0.1), cells=103)
    assert float(t) == pytest.approx(-0.1 * np.sqrt(112.2 / 1.4124225), abs=1e-7)


def test_many_at_once_and_the_other_way_round() -> None:
    rows = np.array([row[1:4] for row in FROM_R]).T
    t, p = williams(*rows, cells=30)
    back, same = williams(rows[1], rows[0], rows[2], cells=30)
    assert t.shape == (5,)
    np.testing.assert_allclose(back, -t)
    np.testing.assert_allclose(same, p)


def test_equal_metrics_and_perfect_ones_have_an_answer() -> None:
    t, p = williams(np.array([0.8, 1, 0.5]), np.array([0.8, 1, 0.5]), np.array([1.0, 1, -1]), cells=12)
    assert t.tolist() == [0, 0, 0]
    assert p.tolist() == [1, 1, 1]


def test_opposite_metrics_differ_by_as_much_as_the_limit_says() -> None:
    """r and -r with -1 between them: r sqrt((cells - 3) / (1 - r^2)) = .9 sqrt(37 / .19); from nearby, too."""
    limit = 0.9 * np.sqrt(37 / 0.19)
    for between in (-1, -1 + 1e-16, -1 + 1e-13, -1 + 1e-9, -1 + 1e-7):
        t, p = williams(np.array(0.9), np.array(-0.9), np.array(between), cells=40)
        assert float(t) == pytest.approx(limit, rel=1e-5)
        assert float(p) == pytest.approx(2 * stats.t.sf(limit, 37), rel=1e-3)
    back, _ = williams(np.array(-0.9), np.array(0.9), np.array(-1), cells=40)
    assert float(back) == pytest.approx(-limit)
    assert williams(np.array(1), np.array(-1), np.array(-1), cells=40)[0] == np.inf


def test_the_null_is_kept_for_independent_normal_cells() -> None:
    draw = np.random.default_rng(1)
    truth = draw.standard_normal((2000, 25, 1))
    both = truth + draw.standard_normal((2000, 25, 2))
    r = np.array([np.corrcoef(np.column_stack([t, b]).T) for t, b in zip(truth, both, strict=True)])
    _, p = williams(r[:, 0, 1], r[:, 0, 2], r[:, 1, 2], cells=25)
    assert stats.binomtest(int((p < 0.05).sum()), 2000, 0.05).pvalue > 0.01
