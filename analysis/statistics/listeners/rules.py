"""The rules of screening in words, for methods, flow of exclusions and preregistration; limits stand with the rules.

Defines: ``RULES``.
"""

from __future__ import annotations

from analysis.statistics.listeners.screening import ANCHOR_ABOVE, REFERENCE_BELOW
from analysis.statistics.listeners.verdicts import SHARE_PERCENT

OFTEN = f"on more than {SHARE_PERCENT} % of their trials"
RULES = {
    "bs1534-hidden-reference": f"who rated the hidden reference below {REFERENCE_BELOW} {OFTEN} (BS.1534-3, 4.1.2)",
    "bs1534-mid-anchor": f"who rated the 7 kHz anchor above {ANCHOR_ABOVE} {OFTEN}, without items on which more than "
    "25 % of all did so (BS.1534-3, 4.1.2)",
}
