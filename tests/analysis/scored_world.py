"""Two songs in MUSDB layout with a system's estimates, and a set built from them with every basis of scoring."""

from __future__ import annotations

from pathlib import Path

from small_world import ANCHORS, HEAD, ITEMS, STEMS, SYSTEMS, noise, write

from stimuli.build import build
from stimuli.manifest import Manifest

MORE = """
[[items]]
song = "Song A"
name = "Again"
excerpt = { start_s = 0.9, length_s = 1.5 }

[[items]]
song = "Song B"
name = "Practice"
excerpt = { start_s = 0.2, length_s = 1.5 }
use = "training"
"""


def make(world: Path, *, anchors: str = ANCHORS, seconds: float = 3.0) -> Manifest:
    """Songs, estimates and ``experiment.toml`` in a folder, and the set built in ``set/``."""
    for number, song in enumerate(("Song A", "Song B")):
        stems = {stem: noise(10 * number + i, seconds) for i, stem in enumerate(STEMS)}
        for stem, sound in stems.items():
            write(world / "songs" / song / f"{stem}.wav", sound)
        rest = stems["drums"] + stems["bass"] + stems["other"]
        write(world / "estimates" / "home" / song / "accompaniment.wav", rest + 0.2 * stems["vocals"])
    path = world / "experiment.toml"
    path.write_text(HEAD + ITEMS + MORE + SYSTEMS + anchors, encoding="utf-8")
    return build(path, world / "set", jobs=1, progress=False)
