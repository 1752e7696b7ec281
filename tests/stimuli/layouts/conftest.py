"""Where songs lie: on a disk, and where only ``fsspec`` knows."""

from __future__ import annotations

import pytest
from upath import UPath

MEMORY = iter(range(1000))


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path) -> UPath:
    """An empty folder on disk, then one that only ``fsspec`` knows."""
    place = UPath(tmp_path if request.param == "local" else f"memory://layouts{next(MEMORY)}/data")
    place.mkdir(parents=True, exist_ok=True)
    return place
