"""What a rule says of a listener: one shape for all rules of screening.

A rule either counts *slips*, trials on which a listener did what nobody who listens does, and excludes above 15 % of
the trials it could look at (the share that BS.1534-3 takes for its own two rules); or it measures a value for each
listener and excludes on the wrong side of a limit.

Conventions: a table of verdicts has one row per listener and rule: listener, rule, slips and trials (whole numbers,
empty where a rule counts nothing), value and limit (floats; shares from 0 to 1), excluded (bool), reason (what was
found, in words that follow the listener's name). Defines: ``COLUMNS``, ``SHARE_PERCENT``, ``of_slips``, ``of_values``,
``one_slip_excludes``, ``gathered``, ``pages``.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

COLUMNS = ("listener", "rule", "slips", "trials", "value", "limit", "excluded", "reason")
SHARE_PERCENT = 15


def of_slips(rule: str, trials: pd.DataFrame, told: str, noun: str = "trial") -> pd.DataFrame:
    """Verdicts of a rule that counts.

    Parameters
    ----------
    trials : one row per trial that the rule could look at, with columns listener and ``slip`` (bool).
    told : what a slip is, as "rated the hidden reference below 90".
    noun : what is counted.
    """
    counted = trials.groupby("listener", sort=True)["slip"].agg(["sum", "size"])
    slips, count = counted["sum"].astype(int), counted["size"].astype(int)
    excluded = 100 * slips > SHARE_PERCENT * count  # whole numbers, so that exactly 15 % is not more than 15 %
    reasons = [
        f"{told} on {slip} of {of} {noun}{'' if of == 1 else 's'} ({100 * slip / of:.3g} %"
        + (f", more than {SHARE_PERCENT} %)" if out else ")")
        for slip, of, out in zip(slips, count, excluded, strict=True)
    ]
    return _table(
        counted.index,
        rule=rule,
        slips=slips.to_numpy(),
        trials=count.to_numpy(),
        value=(slips / count).to_numpy(float),
        limit=SHARE_PERCENT / 100,
        excluded=excluded.to_numpy(bool),
        reason=reasons,
    )


def of_values(rule: str, measured: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of a rule that measures; ``measured``: columns value, limit, excluded and reason, by listener."""
    empty = pd.array([pd.NA] * len(measured), dtype="Int64")
    columns = {name: measured[name].to_numpy() for name in ("value", "limit", "excluded", "reason")}
    return _table(measured.index, rule=rule, slips=empty, trials=empty, **columns)


def one_slip_excludes(verdicts: pd.DataFrame) -> pd.Series:
    """Which verdicts are of so few trials that a single slip is an exclusion (bool)."""
    return (SHARE_PERCENT * verdicts["trials"] < 100).fillna(value=False).astype(bool)


def gathered(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables of several rules as one, in their order."""
    found = [table for table in tables if len(table)]
    return pd.concat(found, ignore_index=True) if found else _table(pd.Index([], dtype="str"))


def pages(frame: pd.DataFrame) -> pd.Series:
    """The number of each row's page: one item before one listener, one presentation of it."""
    keys = ["listener", "item"] + (["replicate"] if "replicate" in frame.columns else [])
    return frame.groupby(keys, sort=False).ngroup()


def _table(listeners: pd.Index, **columns: object) -> pd.DataFrame:
    table = pd.DataFrame({"listener": listeners.astype("str"), **columns}, columns=pd.Index(COLUMNS))
    whole = {"slips": "Int64", "trials": "Int64", "value": float, "limit": float, "excluded": bool}
    return table.astype(whole | {"rule": "str", "reason": "str"})
