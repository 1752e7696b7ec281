"""Published scores as lines for a terminal: a block for each source, never in one table with numbers of another.

Defines: ``lines``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.metrics.published.reader import Published

WARNING = (
    "published scores can be compared with others of the same definition on the same songs alone: they are in no mean "
    "and in no test beside yours"
)


def lines(published: Sequence[Published]) -> Iterator[str]:
    """Each source with what its numbers mean; then a row for each system, a column for each target."""
    for one in published:
        yield f"published: {one.note}"
        for metric, own in one.frame.groupby("metric", sort=False):
            yield from _table(one, str(metric), own)
    if published:
        yield WARNING


def _table(one: Published, metric: str, own: pd.DataFrame) -> Iterator[str]:
    over = one.definition.over_songs
    songs = own.loc[own["stretch"] == "song", "song"].nunique()
    label = metric.removeprefix(f"published_{one.told.definition}_").removesuffix("_db").replace("_", "-").upper()
    of_each = own.groupby("condition")["song"].agg(frozenset)
    differing = "; not all of them have the same songs" if of_each.nunique() > 1 else ""
    yield f"{label} ({one.told.definition}), dB{f', {over} over {songs} songs{differing}' if songs else ''}:"
    table = own.groupby(["condition", "target"], sort=False)["value"].agg(over).unstack(sort=False)
    width = max(8, *(len(str(name)) for name in table.columns))
    first = max(len(str(name)) for name in table.index)
    yield " " * (first + 2) + "  ".join(f"{name:>{width}}" for name in table.columns)
    for name, row in table.iterrows():
        numbers = "  ".join(f"{'-' if value != value else format(value, '.2f'):>{width}}" for value in row)
        yield f"{name:<{first}}  {numbers}"
