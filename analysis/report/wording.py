"""Numbers in words: how the report prints a p value, a count, a list.

Defines: ``probability``, ``relation``, ``count``.
"""

from __future__ import annotations


def probability(p: float) -> str:
    """A p value as it is printed: three digits, or how small it is."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def relation(p: float) -> str:
    """A p value behind the letter: "= 0.012" or "< 0.001"."""
    return probability(p) if p < 0.001 else f"= {probability(p)}"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 listener", "2 listeners"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
