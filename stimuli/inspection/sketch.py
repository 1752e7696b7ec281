"""Small pictures of sounds for a page that somebody else makes: ``mushra stimuli draw``.

Sounds that are to be compared have one scale, as on the contact sheet.

Conventions: a waveform is the data of an SVG path in a box of ``BOX``; a spectrogram is a PNG in base64.
Defines: ``Sketch``, ``sketches``, ``BOX``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from stimuli import audio
from stimuli.inspection import drawing, pictures

COLUMNS, ROWS = 240, 64
BOX = (COLUMNS, drawing.HEIGHT)


class Sketch(NamedTuple):
    """The pictures of one sound."""

    wave: str
    spectrogram: str


def sketches(groups: Iterable[Sequence[Path]], told: Callable[[], object] = lambda: None) -> dict[str, Sketch]:
    """The pictures of sounds by the stems of their files' names; each group is drawn to one scale.

    Raises
    ------
    SoundError
        Where a file is missing or no sound.
    """
    found: dict[str, Sketch] = {}
    for group in groups:
        sounds = []
        for path in group:
            sound, rate_hz = audio.read(path)
            top_hz = pictures.highest_hz(rate_hz)
            levels = pictures.spectrogram(sound, rate_hz, top_hz, columns=COLUMNS, rows=ROWS)
            sounds.append((path.stem, pictures.outline(sound, COLUMNS), levels))
            told()
        peak = max((shape.peak for _, shape, _ in sounds), default=0.0)
        top_db = max((float(levels.max()) for _, _, levels in sounds), default=0.0)
        for name, shape, levels in sounds:
            image = base64.b64encode(drawing.png(levels, top_db)).decode("ascii")
            found[name] = Sketch(drawing.path(shape, peak), image)
    return found
