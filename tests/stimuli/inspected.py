"""A small set to be looked at: an estimate that is late in one item, one upside down, names that need escaping."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from small_world import ANCHORS, HEAD, ITEMS, STEMS, noise, write

from stimuli.build import build

SHIFTED = "a-late-one-with-a-name-that-is-longer-than-most-columns-are-wide"
TITLE = 'Late & "upside-down" <b>'
ODD = "\"><img src=x onerror=alert(1)> & 'B'"
"""The name of the second item, as it would have to be written to break a careless page."""
SYSTEMS = "".join(
    f"""
[[systems]]
name = "{name}"
kind = "files"
path = "estimates/{folder}/{{song}}/{{target}}.wav"
"""
    for name, folder in (("home", "home"), (SHIFTED, "late"), ("upside-down", "inverted"))
)


def make(folder: Path) -> Path:
    """Build it, and give its folder."""
    for number, song in enumerate(("Song A", "Song B")):
        stems = {stem: noise(10 * number + i) for i, stem in enumerate(STEMS)}
        for stem, sound in stems.items():
            write(folder / "songs" / song / f"{stem}.wav", sound)
        home = stems["drums"] + stems["bass"] + stems["other"] + 0.2 * stems["vocals"]
        late = np.roll(home, 75, axis=0) if number else 0.9 * home  # in the second song only
        for system, sound in (("home", home), ("late", late), ("inverted", -home)):
            write(folder / "estimates" / system / song / "accompaniment.wav", sound)
    head = HEAD.replace('"A tiny test"', json.dumps(TITLE))
    items = ITEMS.replace('song = "Song B"', f'song = "Song B"\nname = {json.dumps(ODD)}')
    test = '[test]\nreferences = ["reference", "mixture"]\n'
    experiment = folder / "experiment.toml"
    experiment.write_text(head + items + SYSTEMS + ANCHORS + test, encoding="utf-8")
    build(experiment, folder / "set", jobs=1, progress=False)
    return folder / "set"
