"""A scored table as lines for a terminal.

Defines: ``pairs``, ``summary``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import pandas as pd

from analysis.metrics.family import Metric, family


def pairs(frame: pd.DataFrame) -> Iterator[str]:
    """Every metric of each pair of files on a line; what has no number says why."""
    labels = _labels(frame)
    for (song, condition), own in frame.groupby(["song", "condition"], sort=False):
        yield f"{condition} against {song}:"
        for metric, value, reason in zip(own["metric"], own["value"], own["reason"], strict=True):
            known = labels[metric]
            said = f"-  {reason}" if reason else f"{value:.3f} {known.unit}"
            yield f"  {known.label:<{_width(labels)}}  {said}".rstrip()


def summary(frame: pd.DataFrame, how: Literal["median", "mean"]) -> Iterator[str]:
    """The middle over excerpts, and over whole songs, of every metric of every condition that has a number."""
    labels = _labels(frame)
    for stretch, what in (("excerpt", "excerpts"), ("song", "whole songs")):
        own = frame[frame["stretch"] == stretch]
        if own["value"].isna().all():
            continue
        yield f"{how} over {what}:"
        grouped = own.groupby(["metric", "condition"], sort=False)["value"]
        table = (grouped.median() if how == "median" else grouped.mean()).unstack(sort=False)
        width = max(9, *(len(name) for name in table.columns))
        yield " " * (_width(labels) + 2) + "  ".join(f"{name:>{width}}" for name in table.columns)
        for metric, row in table.iterrows():
            # Adding 0.0 turns a rounded -0.0 into 0.0.
            numbers = "  ".join(
                f"{'-' if value != value else format(round(value, 2) + 0.0, '.2f'):>{width}}" for value in row
            )
            yield f"{_said(labels[str(metric)]):<{_width(labels)}}  {numbers}"


def _labels(frame: pd.DataFrame) -> dict[str, Metric]:
    """What is known of every metric of a table."""
    found: dict[str, Metric] = {}
    for name, metrics in frame.groupby("family", sort=False)["metric"]:
        known = {metric.name: metric for metric in family(str(name)).metrics}
        found |= {metric: known[metric] for metric in metrics.unique()}
    return found


def _said(metric: Metric) -> str:
    return f"{metric.label} ({metric.unit})" if metric.unit else metric.label


def _width(labels: Mapping[str, Metric]) -> int:
    return max(len(_said(metric)) for metric in labels.values())
