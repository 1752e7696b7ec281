"""The rules of screening in words, for methods, flow of exclusions and preregistration; limits stand with the rules.

Defines: ``RULES``.
"""

from __future__ import annotations

from analysis.statistics.listeners.behaviour import LEAST_S
from analysis.statistics.listeners.flat import POINTS
from analysis.statistics.listeners.screening import ANCHOR_ABOVE, EXCEPTION_PERCENT, REFERENCE_BELOW
from analysis.statistics.listeners.verdicts import SHARE_PERCENT

OFTEN = f"on more than {SHARE_PERCENT} % of their trials"
RULES = {
    "bs1534-hidden-reference": f"who rated the hidden reference below {REFERENCE_BELOW} {OFTEN} (BS.1534-3, 4.1.2)",
    "bs1534-mid-anchor": f"who rated the 7 kHz anchor above {ANCHOR_ABOVE} {OFTEN}, without items on which more than "
    f"{EXCEPTION_PERCENT} % of all did so (BS.1534-3, 4.1.2)",
    "inexperienced": "who said that they are inexperienced in rating sound (BS.1534-3, 4.1)",
    "attention-check": f"who did not rate the reference above copies of the low anchor in more than {SHARE_PERCENT} % "
    "of their attention checks",
    "headphone-check": "who failed the screening by headphones",
    "not-heard": f"who rated a sound that they had not heard {OFTEN}",
    "too-fast": f"who took less than {LEAST_S:g} s for each sound {OFTEN}",
    "flat-ratings": f"whose ratings of a page lay within {POINTS:g} points {OFTEN}, where most others told its sounds "
    "apart",
    "unreliable": "whose second ratings agree with their first no more than by chance, or who tell no condition from "
    "another",
    "rank-order": "who order the sounds like the others no more than by chance, or the other way round",
}
"""Every rule that a plan may name: whom it leaves out."""
