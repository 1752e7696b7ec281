"""What numbers were made by: packages and families, with their versions.

Defines: ``versions``.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from analysis.metrics.family import Family

PACKAGES = ("hidden-reference", "numpy", "scipy")


def versions(families: Sequence[Family]) -> dict[str, str]:
    """Packages by their names, families as ``family <name>``."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return packages | {f"family {one.name}": one.revision for one in families}
