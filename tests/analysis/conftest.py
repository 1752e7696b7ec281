"""The small study that tests of the analysis share, and R's answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import small_study

from stimuli.manifest import Manifest


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stimulus set that tests read and do not change."""
    folder = tmp_path_factory.mktemp("study")
    small_study.build(folder, small_study.experiment())
    return folder


@pytest.fixture(scope="session")
def study(study_folder: Path) -> Manifest:
    """Its manifest."""
    from stimuli import manifest

    return manifest.read(study_folder)


@pytest.fixture(scope="session")
def r_folder(shared: Path) -> Path:
    """R's answers and the data they are about."""
    return shared / "data" / "r_reference"


@pytest.fixture(scope="session", params=["gauss", "sim", "missing", "small"])
def r_set(request: pytest.FixtureRequest, r_folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Ratings as a frame, and what R 4.2.2 says of them."""
    ratings = pd.read_csv(r_folder / "data" / f"mushra_{request.param}.csv").rename(columns={"score": "rating"})
    return ratings, json.loads((r_folder / "R" / f"R_{request.param}.json").read_text())
