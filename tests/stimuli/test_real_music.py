"""Faults of estimates on real music: each is found by its sound and named, and a good estimate has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_world import ANCHORS, HEAD, write

from stimuli.build import build
from stimuli.manifest import Manifest

RATE_HZ = 44_100
SONGS = {"feelings": (4.0, 14.0), "escape": (10.0, 18.0)}
"""Where an excerpt begins, and where another one does."""


def delayed(sound: np.ndarray, samples: float) -> np.ndarray:
    """Later by any number of samples, whole or not."""
    frames = len(sound) + 4096
    turns = np.exp(-2j * np.pi * np.arange(frames // 2 + 1) / frames * samples)[:, None]
    return np.fft.irfft(np.fft.rfft(sound, frames, axis=0) * turns, frames, axis=0)[: len(sound)]


FAULTS = {
    "good": lambda rest, vocals: rest + 0.1 * vocals,
    "late": lambda rest, vocals: delayed(rest + 0.1 * vocals, 60.5),
    "inverted": lambda rest, vocals: -rest - 0.1 * vocals,
    "swapped": lambda rest, vocals: (rest + 0.1 * vocals)[:, ::-1],
    "voice": lambda rest, vocals: vocals + 0.1 * rest,
    "softer": lambda rest, vocals: 0.5 * (rest + 0.1 * vocals),
    "unprocessed": lambda rest, vocals: 0.8 * (rest + vocals),
}
EXPECTED = {
    "lag": {"late"},
    "polarity": {"inverted"},
    "swapped-channels": {"swapped"},
    "wrong-target": {"voice"},
    "copy-of-mixture": {"unprocessed"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, shared) -> Manifest:
    world, items = tmp_path_factory.mktemp("music"), ""
    for song, starts in SONGS.items():
        parts = {"guitar": f"sectoid_{song}.guitar", "backing": f"sectoid_{song}.backing"}
        parts["vocals"] = f"sung_sectoid_{song}.vocals"
        stems = {n: 0.7 * soundfile.read(shared / f"data/songs/{f}.flac", dtype="float32")[0] for n, f in parts.items()}
        for name, sound in stems.items():
            write(world / "songs" / song / f"{name}.wav", sound)
        for name, fault in FAULTS.items():
            estimate = fault(stems["guitar"] + stems["backing"], stems["vocals"])
            write(world / "est" / name / f"{song}.wav", estimate.astype(np.float32))
        items += "".join(
            f'[[items]]\nsong = "{song}"\nname = "{song} {start:g}"\n'
            f"excerpt = {{ start_s = {start}, length_s = 6.0 }}\n"
            for start in starts
        )
    systems = "".join(
        f'[[systems]]\nname = "{name}"\nkind = "files"\npath = "est/{{system}}/{{song}}.wav"\n' for name in FAULTS
    )
    path = Path(world / "experiment.toml")
    path.write_text(HEAD + items + systems + ANCHORS)
    return build(path, world / "set", jobs=1, progress=False)


def test_every_fault_is_named_on_every_excerpt_and_nothing_else_is(made) -> None:
    condition = {clip.token: clip.condition for clip in made.clips}
    for rule in made.rules:
        at_fault = {condition[token] for token in rule.clips}
        assert "good" not in at_fault, rule
        if rule.rule in EXPECTED:
            assert at_fault == EXPECTED[rule.rule] and len(rule.clips) == 4, rule
    assert {"softer"} <= {condition[token] for rule in made.rules if rule.rule == "gain-error" for token in rule.clips}


def test_the_lag_is_right_to_a_tenth_of_a_sample(made) -> None:
    for clip in made.clips:
        facts = clip.facts
        assert facts
        if clip.role == "system" and clip.condition not in ("voice", "unprocessed"):
            assert facts.resemblance and facts.resemblance.lag_s is not None
            expected = 60.5 if clip.condition == "late" else 0.0
            assert facts.resemblance.lag_s * RATE_HZ == pytest.approx(expected, abs=0.1)


def test_both_anchors_hold_their_masks_on_music(made) -> None:
    anchors = [clip.facts.response for clip in made.clips if clip.facts and clip.facts.response]
    assert len(anchors) == 8
    for found in anchors:
        assert found.ripple_db is not None and found.ripple_db <= 0.1
        assert found.at_8_7_db is None or found.at_8_7_db <= -25
        assert found.from_9_7_db is None or found.from_9_7_db <= -50
