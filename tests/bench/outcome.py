"""What benches do with what they found: hold it against its limits, print it, keep it.

Defines: ``missed``, ``keep``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn


def missed(ratios: Mapping[str, float], at_most: Mapping[str, float], at_least: Mapping[str, float]) -> list[str]:
    """Limits that do not hold."""
    over = [f"{name} is {ratios[name]}, at most {limit}" for name, limit in at_most.items() if ratios[name] > limit]
    under = [f"{name} is {ratios[name]}, at least {limit}" for name, limit in at_least.items() if ratios[name] < limit]
    return over + under


def keep(found: Mapping[str, Any], out: Path, problems: list[str]) -> NoReturn:
    """Print and write a result, and exit: with 1 and the problems where there are any."""
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    print(text, end="")
    out.parent.mkdir(exist_ok=True)
    out.write_text(text, encoding="utf-8")
    sys.exit("\n".join(problems) or 0)
