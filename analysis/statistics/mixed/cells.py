"""Ratings brought into the shape that the mixed model is solved in: listeners by cells.

A cell is what a rating of one listener can be of: an item under a condition (with its target, its data set). All
that a random-intercept model needs of the ratings are, for each listener and cell, how many there are and their sum,
and the sum of squares of all. Listeners who rated the same cells equally often, and whose own factors (their group)
are the same, share a pattern: what depends on the design alone is computed once per pattern, so that complete data
of any number of listeners cost one.

Conventions: the ratings' mean is taken off first, so that no digits are lost; cells are sorted by the level of the
term that is diagonal within a listener. Defines: ``Cells``, ``cells_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.statistics.mixed.fixed import FixedEffects, fixed_effects
from analysis.statistics.mixed.terms import LISTENER, Term, Terms

DENSE = 50_000
"""Numbers up to which a matrix of zeros and ones is multiplied faster as it is than as a sparse one."""

Codes = tuple[np.ndarray, np.ndarray]
"""Of a column: the number of each row's level, and the levels."""


@dataclass(frozen=True)
class Cells:
    """The data of a model. L listeners, U patterns, K cells, G groups (listeners' own factors), p fixed columns.

    ``row_listener``, ``row_cell``: where each row of the frame went. ``inner``: the random terms within a listener
    whose levels are eliminated together; ``diagonal``: the one with most levels, eliminated first, or -1.
    """

    ratings: np.ndarray
    mean: float
    rows: int
    square_sum: float
    row_listener: np.ndarray
    row_cell: np.ndarray
    sums: np.ndarray  # (L, K) of the ratings less their mean
    pattern: np.ndarray  # (L,)
    counts: np.ndarray  # (U, K)
    shared: np.ndarray  # (U,) listeners of a pattern
    group: np.ndarray  # (U,)
    fixed: FixedEffects
    matrices: np.ndarray  # (G, K, p): the fixed effects' columns
    diagonal: int
    starts: np.ndarray  # (J,) first cell of each level of the diagonal term
    level: np.ndarray  # (K,) that level
    inner: np.ndarray  # (s,) term of each column of ``inner_columns``
    inner_columns: np.ndarray  # (K, s) 0 or 1
    outer: np.ndarray  # (q,) term of each column of ``outer_columns``
    outer_columns: Any  # (K, q) 0 or 1; a sparse matrix where it is large
    row_levels: tuple[np.ndarray, ...]  # of each random term: the level of each row

    def by_level(self, over_cells: np.ndarray) -> np.ndarray:
        """Sums over the cells of each level of the diagonal term; cells are the last axis."""
        return np.add.reduceat(over_cells, self.starts, axis=-1)

    @cached_property
    def members(self) -> list[np.ndarray]:
        """Patterns of each group."""
        return [np.flatnonzero(self.group == group) for group in range(len(self.matrices))]

    @cached_property
    def listeners(self) -> list[np.ndarray]:
        """Listeners of each group."""
        return [np.flatnonzero(self.group[self.pattern] == group) for group in range(len(self.matrices))]

    @cached_property
    def gram(self) -> np.ndarray:
        """X'X of the fixed effects (p, p)."""
        ratings = np.array([self.shared[own] @ self.counts[own] for own in self.members])
        return (self.matrices.transpose(0, 2, 1) @ (self.matrices * ratings[:, :, None])).sum(axis=0)

    @cached_property
    def level_counts(self) -> np.ndarray:
        """Ratings at each level of the diagonal term (U, J)."""
        return self.by_level(self.counts)

    @cached_property
    def heads(self) -> np.ndarray:
        """Ratings of each inner column at each level of the diagonal term (U, J, s)."""
        of_columns = [self.by_level(self.counts * column) for column in self.inner_columns.T]
        return np.stack(of_columns, axis=-1) if of_columns else np.zeros((*self.level_counts.shape, 0))

    @cached_property
    def same_level(self) -> np.ndarray:
        """Whether two cells are at one level of the diagonal term (K, K)."""
        return self.level[:, None] == self.level[None, :]


def cells_of(frame: pd.DataFrame, terms: Terms) -> Cells:
    """Count and add up the ratings of a frame."""
    rating = frame["rating"].to_numpy(float)
    mean = float(rating.mean())
    columns = sorted({column for term in (*terms.fixed, *terms.random) for column in term} - {LISTENER})
    codes = {column: _codes(frame[column]) for column in columns}
    listener, names = _codes(frame[LISTENER]) if LISTENER in frame else (np.zeros(len(frame), int), np.array(["all"]))
    own = _of_listeners(terms, codes, listener)
    others = [column for column in columns if column not in own]
    diagonal = _diagonal(terms, codes)
    within = tuple(column for column in terms.random[diagonal] if column != LISTENER) if diagonal >= 0 else ()
    order = [*within, *(column for column in others if column not in within)]
    cell, cell_codes = _combined([codes[column][0] for column in order], len(frame))
    group, group_codes = _combined([codes[column][0] for column in own], len(frame))
    at = {column: cell_codes[:, position] for position, column in enumerate(order)}
    shape = (len(names), len(cell_codes))
    counts = _added_up(listener, cell, shape)
    group_of = np.zeros(len(names), int)
    group_of[listener] = group
    first, pattern, shared = _patterns(counts, group_of)
    seen = _added_up(group, cell, (len(group_codes), shape[1])) > 0
    levels = {column: codes[column][1] for column in columns}
    of_groups = {column: group_codes[:, [position]] for position, column in enumerate(own)}
    of_cells = {column: at[column][None, :] for column in others}
    fixed, matrices = fixed_effects(terms, levels, of_groups | of_cells, seen)
    level = _combined([at[column] for column in within], shape[1])[0]
    (inner, inner_columns), (outer, outer_columns) = _inner_and_outer(terms, diagonal, at, shape[1])
    return Cells(
        ratings=rating,
        mean=mean,
        rows=len(frame),
        square_sum=float(((rating - mean) ** 2).sum()),
        row_listener=listener,
        row_cell=cell,
        sums=_added_up(listener, cell, shape, rating - mean),
        pattern=pattern,
        counts=counts[first],
        shared=shared.astype(float),
        group=group_of[first],
        fixed=fixed,
        matrices=matrices,
        diagonal=diagonal,
        starts=np.flatnonzero(np.diff(level, prepend=-1)),
        level=level,
        inner=inner,
        inner_columns=inner_columns,
        outer=outer,
        outer_columns=outer_columns,
        row_levels=_row_levels(terms, codes, listener),
    )


def _codes(column: pd.Series) -> Codes:
    """Numbers of the levels, and the levels: in the order of a categorical column, else sorted."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        return column.cat.codes.to_numpy(int), column.cat.categories.to_numpy()
    codes, levels = pd.factorize(column, sort=True)
    return codes, np.asarray(levels)


def _added_up(
    row: np.ndarray, column: np.ndarray, shape: tuple[int, int], weights: np.ndarray | None = None
) -> np.ndarray:
    """A table of what falls into each row and column: how many, or the sum of their weights."""
    flat = np.bincount(row * shape[1] + column, weights=weights, minlength=shape[0] * shape[1])
    return flat.reshape(shape).astype(float)


def _of_listeners(terms: Terms, codes: Mapping[str, Codes], listener: np.ndarray) -> list[str]:
    """Columns of fixed effects alone in which every listener has one level: their own factors."""
    random = {column for term in terms.random for column in term}
    listeners = int(listener.max()) + 1
    return [c for c in codes if c not in random and _constant_within(codes[c][0], listener, listeners)]


def _inner_and_outer(
    terms: Terms, diagonal: int, at: dict[str, np.ndarray], cells: int
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, Any]]:
    """Term and column over the cells of each level: of the other terms within a listener, and of those across them."""
    inside = [k for k, term in enumerate(terms.random) if LISTENER in term and k != diagonal]
    outside = [k for k, term in enumerate(terms.random) if LISTENER not in term]
    inner, inner_columns = _indicators(terms.random, inside, at, cells)
    outer, outer_columns = _indicators(terms.random, outside, at, cells)
    small = cells * len(outer) <= DENSE
    return (inner, inner_columns.toarray()), (outer, outer_columns.toarray() if small else outer_columns)


def _row_levels(terms: Terms, codes: Mapping[str, Codes], listener: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each random term: the level of each row."""
    return tuple(
        _combined([listener if column == LISTENER else codes[column][0] for column in term], len(listener))[0]
        for term in terms.random
    )


def _constant_within(codes: np.ndarray, owner: np.ndarray, owners: int) -> bool:
    first = np.zeros(owners, int)
    first[owner] = codes
    return bool((first[owner] == codes).all())


def _combined(columns: list[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of the combination of several codes, and the codes of each combination; sorted by the first column."""
    if not columns:
        return np.zeros(length, int), np.zeros((1, 0), int)
    key = np.zeros(length, np.int64)
    for codes in columns:
        key = key * (int(codes.max()) + 1) + codes
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return inverse, np.column_stack([codes[first] for codes in columns])


def _patterns(counts: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First listener of each pattern, the pattern of each listener, and how many listeners share it."""
    rows = np.ascontiguousarray(np.column_stack([group, counts]))
    whole = rows.view([("", f"V{rows.dtype.itemsize * rows.shape[1]}")])[:, 0]
    _, first, pattern, shared = np.unique(whole, return_index=True, return_inverse=True, return_counts=True)
    return first, pattern, shared


def _diagonal(terms: Terms, codes: Mapping[str, Codes]) -> int:
    """The term within listeners with most levels; -1 where no term but the listener is within one."""
    sizes = {
        k: int(np.prod([len(codes[column][1]) for column in term if column != LISTENER]))
        for k, term in enumerate(terms.random)
        if LISTENER in term and len(term) > 1
    }
    return max(sizes, key=lambda k: sizes[k]) if sizes else -1


def _indicators(
    terms: tuple[Term, ...], chosen: list[int], at: dict[str, np.ndarray], cells: int
) -> tuple[np.ndarray, sparse.csr_matrix]:
    """Term of each column, and the columns of the chosen random terms over the cells, one per level."""
    owner, levels = [], []
    for k in chosen:
        level = _combined([at[column] for column in terms[k] if column != LISTENER], cells)[0]
        levels.append(level + len(owner))
        owner += [k] * (int(level.max()) + 1)
    rows = np.tile(np.arange(cells), len(chosen))
    columns = np.concatenate(levels) if levels else np.zeros(0, int)
    return np.array(owner, int), sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(cells, len(owner)))
