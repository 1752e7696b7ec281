"""The clips that were heard, at the level that they had before the set's gain.

Both ends of every clip are faded in the same way, so that reference and estimate differ there by no more than
elsewhere.

Defines: ``heard``, ``before_gain``, ``judged``, ``of_clips``, ``labels_of``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.scoring.stretch import Stretch
from analysis.metrics.truth import Truth
from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.manifest import Clip, ItemRecord, Manifest

Rest = tuple[Mapping[str, np.ndarray], np.ndarray]
"""The other true sources by name, and the mixture."""


def heard(folder: Path, clip: Clip) -> np.ndarray:
    """Samples of a clip as it was heard, float64 (frames, channels).

    Raises
    ------
    AnalysisError
        Where the file is missing, no sound file, or not of the length and rate that the manifest says.
    """
    try:
        samples, rate_hz = audio.read(folder / clip.file)
    except StimuliError as error:
        raise AnalysisError(f"{clip.condition}: {error}") from None
    if (len(samples), rate_hz) != (clip.frames, clip.rate_hz):
        raise AnalysisError(
            f"{clip.file}: {len(samples)} frames at {rate_hz} Hz; expected {clip.frames} at {clip.rate_hz} Hz"
        )
    return samples.astype(np.float64)


def before_gain(folder: Path, clip: Clip) -> np.ndarray:
    """Samples of a clip with its logged gain undone."""
    return heard(folder, clip) * 10 ** (-clip.gain_db / 20)


def judged(clips: Sequence[Clip]) -> dict[str, Clip]:
    """The clips that are scored, by condition: anchors and systems."""
    return {clip.condition: clip for clip in clips if clip.role in ("anchor", "system")}


def of_clips(
    folder: Path, manifest: Manifest, item: ItemRecord, rest: Callable[[], Rest | None] = lambda: None
) -> Stretch:
    """What was heard of an item, out of its clips: the true target, and the mixture if a clip holds it.

    ``rest`` gives the other sources and the mixture from elsewhere, at their own level, where they are known.
    """
    clips = [clip for clip in manifest.clips if clip.item == item.name]
    mine = judged(clips)

    def truth() -> Truth:
        reference = next(clip for clip in clips if clip.role == "reference")
        if (known := rest()) is not None:
            return Truth(before_gain(folder, reference), reference.rate_hz, *known)
        mixture = next((clip for clip in clips if clip.provenance.kind == "mixture"), None)
        return Truth(
            before_gain(folder, reference),
            reference.rate_hz,
            mixture=before_gain(folder, mixture) if mixture else None,
        )

    labels = labels_of(item, "excerpt", "clip")
    roles = {name: clip.role for name, clip in mine.items()}
    return Stretch(labels, roles, truth, lambda name: before_gain(folder, mine[name]))


def labels_of(item: ItemRecord, stretch: str, basis: str) -> dict[str, str]:
    """The columns that say what was measured; a whole song bears the data set of its item, and no item."""
    name = item.name if stretch == "excerpt" else ""
    factors = {"song": item.song, "item": name, "target": item.target, "dataset": item.dataset}
    return {**factors, "stretch": stretch, "basis": basis}
