"""Numbers in words: how the report prints a p value, a count, a list.

Defines: ``probability``, ``relation``, ``points``, ``level``, ``count``.
"""

from __future__ import annotations


def probability(p: float) -> str:
    """A p value as it is printed: three digits, four where it is close to 0.05, or how small it is."""
    if p < 0.001:
        return "< 0.001"
    return f"{p:.4f}" if 0.0495 <= p < 0.0505 else f"{p:.3f}"


def relation(p: float) -> str:
    """A p value behind the letter: "= 0.012" or "< 0.001"."""
    return probability(p) if p < 0.001 else f"= {probability(p)}"


def points(value: float) -> str:
    """A rating, a difference or a level with one decimal and a true minus."""
    return f"{value:.1f}".replace("-", "−")


def level(decibels: float) -> str:
    """A level as short as it can be written, with a true minus."""
    return f"{decibels:g}".replace("-", "−")


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 listener", "2 listeners"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
