"""Who rates how much: the counts of a planned test.

Conventions: a *page* is one presentation of one item to one listener. Defines: ``Trials``.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.errors import AnalysisError


@dataclass(frozen=True)
class Trials:
    """Counts of a test.

    ``replicates``: further presentations of each item to each listener. ``per_page``: systems on each page, a balanced
    part of them; None for all. ``per_listener``: items that each listener gets, a balanced part of them; None for all.
    ``targets``: the items are shared out over so many targets, and what is compared is compared on one of them.

    Raises
    ------
    AnalysisError
        For fewer than two listeners, items of a target or systems, and where pages do not fit the systems.
    """

    listeners: int
    items: int
    systems: int = 2
    replicates: int = 0
    per_page: int | None = None
    per_listener: int | None = None
    targets: int = 1

    def __post_init__(self) -> None:
        if self.listeners < 2:
            raise AnalysisError(f"listeners: found {self.listeners}; expected 2 at least: one tells nothing of others")
        if self.systems < 2:
            raise AnalysisError(f"systems: found {self.systems}; expected 2 at least, to be compared")
        if self.targets < 1 or self.replicates < 0:
            raise AnalysisError("targets: expected 1 at least; replicates: expected 0 at least")
        if self.items_of_target < 2:
            of = f" for {self.targets} targets" if self.targets > 1 else ""
            raise AnalysisError(f"items: found {self.items}{of}; expected 2 at least for each target")
        if self.per_page is not None and not 2 <= self.per_page <= self.systems:
            raise AnalysisError(
                f"systems per page: found {self.per_page}; expected 2 to {self.systems}: there are {self.systems} "
                "systems, and one alone is compared with no other"
            )
        if self.per_listener is not None and not 1 <= self.per_listener <= self.items:
            raise AnalysisError(f"items per listener: found {self.per_listener}; expected 1 to {self.items}")

    @property
    def items_of_target(self) -> int:
        """Items that a contrast on one target rests on; where they can't be shared out evenly, the fewest."""
        return self.items // self.targets

    @property
    def presentations(self) -> int:
        """How often each listener hears each of their items."""
        return self.replicates + 1

    @property
    def share_heard(self) -> float:
        """Share of the items that a listener hears."""
        return 1.0 if self.per_listener is None else self.per_listener / self.items

    @property
    def share_shown(self) -> float:
        """Share of pages that hold a given system."""
        return 1.0 if self.per_page is None else self.per_page / self.systems

    @property
    def share_together(self) -> float:
        """Share of pages that hold both of two given systems."""
        if self.per_page is None:
            return 1.0
        return self.per_page * (self.per_page - 1) / (self.systems * (self.systems - 1))
