"""What the tests of layouts share: files about which only their paths matter, and what is found of them."""

from __future__ import annotations

import pytest
from upath import UPath

from stimuli.errors import StimuliError
from stimuli.sources.layouts import layout
from stimuli.sources.parts import Part, SongFiles

STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}


def fill(root: UPath, *paths: str) -> None:
    """Empty files: layouts are about paths."""
    for path in paths:
        put(root, path, "")


def put(root: UPath, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def parts(root: UPath, found: tuple[Part, ...]) -> list[str]:
    """Paths below the root of whole files."""
    assert all(part == Part(part.path) for part in found)
    return [str(part.path).removeprefix(f"{root}/") for part in found]


def stems(root: UPath, song: SongFiles) -> dict[str, list[str]]:
    return {stem: parts(root, found) for stem, found in song.stems.items()}


def refusal(name: str, root: UPath, song: str = "S") -> str:
    with pytest.raises(StimuliError) as caught:
        layout(name, root).files(song)
    return str(caught.value)
