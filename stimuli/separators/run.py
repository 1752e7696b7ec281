"""One way to run any separator: one fixed input level, its gain undone, the outcome checked.

Neural systems depend on level (Spleeter loses up to 5.6 dB between -10 and -23 LUFS), so every system hears
the whole song at ``INPUT_LUFS``, float and unlimited, whatever the loudness of the listening test will be.
Systems that hold the spectra of a whole song hear a long one in stretches (``stretches``), at the level of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from stimuli.audio import CHUNK
from stimuli.errors import SoundError, StimuliError
from stimuli.loudness import gain_of
from stimuli.separators import Levelled, Separator, Song, Sound
from stimuli.separators.chunks import join
from stimuli.separators.stretches import stretches

INPUT_LUFS = -14.0
VERSION = 2
Result = TypeVar("Result")


def run(separator: Separator, name: str, song: Song, target: str) -> tuple[Sound, float]:
    """Separate a whole song for one target; see ``run_all``.

    Returns
    -------
    estimate : float32, the shape of ``song.mixture``, at the song's own level
    gain_db : the gain that the system's input had
    """
    estimates, gain_db = run_all(separator, name, song, [target])
    return estimates[target], gain_db


def run_all(separator: Separator, name: str, song: Song, targets: Sequence[str]) -> tuple[dict[str, Sound], float]:
    """Separate a whole song; ``name`` is the system's in the experiment file.

    Returns
    -------
    estimates : for each target float32, the shape of ``song.mixture``, at the song's own level
    gain_db : the gain that the system's input had

    Raises
    ------
    StimuliError
        Where the system does not give a target.
    SoundError
        Where the system fails, answers with another shape, or with NaN or infinity; names system and song.
    """
    gain_db = gain_of(song.mixture, song.rate_hz, INPUT_LUFS)
    gain = np.float32(10 ** (gain_db / 20))
    who = f"system {name!r} on {song.name!r}"
    said(who, lambda: check_targets(separator, who, tuple(song.stems), targets))
    whole = {target: np.empty(song.mixture.shape[::-1], np.float32) for target in targets}
    done = 0
    for part in stretches(separator, len(song.mixture), song.rate_hz):
        heard = Levelled(song.stems, gain, part)
        found = _separated(separator, who, Song(song.name, song.rate_hz, song.mixture[part] * gain, heard), targets)
        for target, sound in whole.items():
            # Taken out of what was found, so that not all of it is there twice.
            join(sound, (found.pop(target) / gain).T, part.start, done - part.start)
        done = part.stop
    return {target: sound.T for target, sound in whole.items()}, gain_db


def _separated(separator: Separator, who: str, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
    """What a system makes of a song at its level, each target a sound like the mixture."""
    found = said(who, lambda: separator.separate(song, targets))
    return {target: _checked(found, target, song, who) for target in targets}


def said(who: str, step: Callable[[], Result]) -> Result:
    """What a step of a system gives.

    Raises
    ------
    SoundError
        Whatever the step raises, with the system's name: it is somebody else's code. A ``StimuliError`` stays as it is.
    """
    try:
        return step()
    except StimuliError:
        raise
    except (Exception, SystemExit) as error:
        raise SoundError(f"{who}: it failed: {type(error).__name__}: {error}") from error


def check_targets(separator: Separator, who: str, stems: Sequence[str], targets: Sequence[str]) -> None:
    """Hold what is asked for against what the system gives for a song with these true stems.

    Raises
    ------
    StimuliError
        Where it does not give a target, with what it gives; ``who`` says which system it is, and on which song.
    """
    given = separator.gives(stems)
    if unknown := [target for target in targets if target not in given]:
        # An oracle that gives nothing lacks stems; what gives something only wants another name.
        lacks = separator.looks_at_stems and not given
        seen = "; it looks at the true stems, and needs two or more" if lacks else ""
        raise StimuliError(f"{who}: it can give {' or '.join(given) or 'nothing'}, not {unknown[0]!r}{seen}")


def _checked(found: object, target: str, song: Song, who: str) -> Sound:
    """The estimate of a target, if it is a sound like the mixture."""
    if not isinstance(found, Mapping):
        raise SoundError(f"{who}: it returned {type(found).__name__}, expected a sound for each target by its name")
    if target not in found:
        raise SoundError(f"{who}: it returned nothing for {target!r}; found {', '.join(map(str, found)) or 'nothing'}")
    sound = found[target]
    if not isinstance(sound, np.ndarray) or sound.dtype.kind not in "fiu":
        raise SoundError(f"{who}: it returned {type(sound).__name__} for {target!r}, expected a float32 array")
    if sound.shape != song.mixture.shape:
        raise SoundError(f"{who}: it returned shape {sound.shape}, expected {song.mixture.shape} like the mixture")
    # Part by part: what is as long as the song takes memory.
    if not all(np.isfinite(sound[first : first + CHUNK]).all() for first in range(0, len(sound), CHUNK)):
        raise SoundError(f"{who}: it returned NaN or infinity")
    return sound
