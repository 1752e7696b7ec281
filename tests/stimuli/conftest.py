"""A small world of songs: seeded noise in MUSDB layout, and experiment files about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import inspected
import pytest
from small_world import ANCHORS, HEAD, ITEMS, STEMS, SYSTEMS, noise, write

from stimuli import manifest
from stimuli.inspection.sheet import Sheet, sheet


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs in MUSDB layout, and estimates of one system that are the target with a little vocal left."""
    folder = tmp_path_factory.mktemp("world")
    for number, song in enumerate(("Song A", "Song B")):
        stems = {stem: noise(10 * number + i) for i, stem in enumerate(STEMS)}
        for stem, sound in stems.items():
            write(folder / "songs" / song / f"{stem}.wav", sound)
        rest = stems["drums"] + stems["bass"] + stems["other"]
        write(folder / "estimates" / "home" / song / "accompaniment.wav", rest + 0.2 * stems["vocals"])
    return folder


@pytest.fixture
def world(tmp_path: Path, small_world: Path) -> Path:
    """A copy of it for one test."""
    shutil.copytree(small_world, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def write_experiment(world: Path) -> Callable[..., Path]:
    """Write ``experiment.toml`` into the world; each part can be replaced."""

    def make(
        *, head: str = HEAD, items: str = ITEMS, systems: str = SYSTEMS, anchors: str = ANCHORS, more: str = ""
    ) -> Path:
        path = world / "experiment.toml"
        path.write_text(head + items + systems + anchors + more, encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="session")
def spoiled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built set with faults; it may be read and shown, and is changed in copies only."""
    return inspected.make(tmp_path_factory.mktemp("spoiled"))


@pytest.fixture(scope="session")
def spoiled(spoiled_folder: Path) -> Sheet:
    """The contact sheet of that set."""
    return sheet(spoiled_folder, manifest.read(spoiled_folder), str)
