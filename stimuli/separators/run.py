"""One way to run any separator: one fixed input level, its gain undone, the outcome checked.

Neural systems depend on level (Spleeter loses up to 5.6 dB between -10 and -23 LUFS), so every system hears
the whole song at ``INPUT_LUFS``, float and unlimited, whatever the loudness of the listening test will be.
"""

from __future__ import annotations

import numpy as np

from stimuli.errors import SoundError, StimuliError
from stimuli.loudness import to_level
from stimuli.separators import Levelled, Separator, Song, Sound

INPUT_LUFS = -14.0
VERSION = 2


def run(separator: Separator, name: str, song: Song, target: str) -> tuple[Sound, float]:
    """Separate a whole song; ``name`` is the system's in the experiment file.

    Returns
    -------
    estimate : float32, the shape of ``song.mixture``, at the song's own level
    gain_db : the gain that the system's input had

    Raises
    ------
    SoundError
        Where the system fails, answers with another shape, or with NaN or infinity; names system and song.
    """
    mixture, gain_db = to_level(song.mixture, song.rate_hz, INPUT_LUFS)
    gain = np.float32(10 ** (gain_db / 20))
    levelled = Song(song.name, song.rate_hz, mixture, Levelled(song.stems, gain))
    who = f"system {name!r} on {song.name!r}"
    try:
        estimate = separator.separate(levelled, target)
    except StimuliError:
        raise
    except Exception as error:  # a system is somebody else's code: whatever it raises is said, with its name
        raise SoundError(f"{who}: it failed: {type(error).__name__}: {error}") from error
    if estimate.shape != song.mixture.shape:
        raise SoundError(f"{who}: it returned shape {estimate.shape}, expected {song.mixture.shape} like the mixture")
    if not np.isfinite(estimate).all():
        raise SoundError(f"{who}: it returned NaN or infinity")
    return (estimate / gain).astype(np.float32), gain_db
