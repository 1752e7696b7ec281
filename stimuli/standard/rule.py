"""What a rule is: one requirement of ITU-R BS.1534-3 (10/2015) with its clause, its check and what to do about it.

A broken *must* means that the test may not be called MUSHRA; a *should* is a departure that the test report owes its
readers; a *note* is worth knowing. Defines: ``Rule``, ``Finding``, ``listed``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from stimuli.manifest import RuleResult

MOST_PLACES = 5
"""A message names that many places; whoever mends them asks again."""

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Finding:
    """What is wrong and where; ``clips`` are the tokens of those at fault."""

    text: str
    clips: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """One requirement. ``check`` answers with what is wrong, or None; ``mend`` says what to do about it.

    ``says`` is the requirement as it reads where it is met. ``needs_facts``: older sets lack what it looks at.
    """

    id: str
    clause: str
    severity: Literal["must", "should", "note"]
    says: str
    check: Callable[[Subject], Finding | str | None]
    mend: str
    needs_facts: bool = False

    def result(self, subject: Subject) -> RuleResult:
        """What this rule says of an experiment or of a set."""
        found = self.check(subject)
        wrong = Finding(found) if isinstance(found, str) else found
        return RuleResult(
            rule=self.id,
            clause=self.clause,
            severity=self.severity,
            passed=wrong is None,
            message=f"{wrong.text}; {self.mend}" if wrong else self.says,
            clips=wrong.clips if wrong else (),
        )


def listed(places: Iterable[str]) -> str:
    """The first places, each named once, and how many more there are."""
    told = list(dict.fromkeys(places))
    shown, more = ", ".join(told[:MOST_PLACES]), len(told) - MOST_PLACES
    return f"{shown} and {more:d} more" if more > 0 else shown
