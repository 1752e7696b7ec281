"""The demo's songs: five short ones synthesised from a seed, and one real one out of an installed package.

Each synthetic song is ten seconds long, with its own tempo, key, chords and mix; ``demo_band`` plays it.

Conventions: 44.1 kHz stereo, float32 (frames, channels); full scale 1.0.
Defines: ``DemoSongs``, ``SONGS``, ``falcon_69``, ``falcon_69_missing``.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import numpy as np

from stimuli import containers
from stimuli.errors import StimuliError
from stimuli.separators import mixed
from stimuli.sources.demo_band import DORIAN, MAJOR, MINOR, Score, synthesise
from stimuli.sources.song import Song, SynthesisedSong

FALCON_69 = "Falcon 69"

SONGS = (
    Score(
        name="Harbour Lights",
        seed=11,
        tempo_bpm=96.0,
        root=50,
        scale=MAJOR,
        chords=(0, 5, 3, 4),
        kick="x.....x.x.......",
        snare="....x.......x..x",
        hats="x.x.x.x.x.x.x.x.",
        voice_db=-4.0,
    ),
    Score(
        name="Night Tram",
        seed=23,
        tempo_bpm=118.0,
        root=45,
        scale=MINOR,
        chords=(0, 5, 2, 6),
        kick="x...x...x...x...",
        snare="....x.......x...",
        hats="..x...x...x...xx",
        voice_db=-3.0,
    ),
    Score(
        name="Paper Kites",
        seed=37,
        tempo_bpm=84.0,
        root=53,
        scale=MAJOR,
        chords=(0, 2, 3, 3),
        kick="x.........x.....",
        snare="........x.......",
        hats="x..xx..xx..xx..x",
        voice_db=-2.0,
    ),
    Score(
        name="Low Tide",
        seed=41,
        tempo_bpm=72.0,
        root=47,
        scale=DORIAN,
        chords=(0, 3, 0, 6),
        kick="x.......x..x....",
        snare="....x.......x...",
        hats="x.x.x.xxx.x.x.x.",
        voice_db=-1.0,
    ),
    Score(
        name="Glass Garden",
        seed=59,
        tempo_bpm=132.0,
        root=48,
        scale=MINOR,
        chords=(0, 6, 5, 4),
        kick="x..x..x.x..x..x.",
        snare="....x.......x.x.",
        hats="xxx.xxx.xxx.xxx.",
        voice_db=-5.0,
    ),
)


class DemoSongs:
    """The five synthetic songs, and Falcon 69 where its package is installed."""

    def names(self) -> list[str]:
        """All that can be loaded here."""
        real = [] if falcon_69_missing() else [FALCON_69]
        return real + [score.name for score in SONGS]

    def open(self, name: str) -> Song:
        """One song with its stems.

        Raises
        ------
        StimuliError
            Where there is no such song, or the package that brings it is missing.
        """
        if name == FALCON_69:
            return falcon_69()
        for score in SONGS:
            if score.name == name:
                return synthesise(score)
        raise StimuliError(f"the demo has no song {name!r}; found {', '.join(self.names())}")


def falcon_69_missing() -> str | None:
    """Why Falcon 69 can't be read here; None if it can."""
    if importlib.util.find_spec("stempeg") is None:
        return 'the package stempeg is not installed; pip install "hidden-reference[demo]"'
    return containers.missing()


@functools.cache
def falcon_69() -> Song:
    """The Easton Ellises, "Falcon 69": 6.08 s with a real singer, read out of the installed package stempeg.

    The mixture is the sum of the four stems, which peaks at 3.70: one gain for all brings it to 0.97.
    Licence: CC BY-NC-SA 3.0; the file is read where it lies and never copied.
    """
    if reason := falcon_69_missing():
        raise StimuliError(f"{FALCON_69}: {reason}")
    spec = importlib.util.find_spec("stempeg")
    assert spec is not None and spec.submodule_search_locations
    (path,) = Path(spec.submodule_search_locations[0]).glob("data/*Falcon 69*.mp4")
    sounds = {name: containers.read(path, number)[0] for number, name in enumerate(containers.STREAMS) if number}
    gain = np.float32(0.97 / np.abs(mixed(sounds.values())).max())
    return SynthesisedSong(FALCON_69, 44_100, {name: sound * gain for name, sound in sounds.items()})
