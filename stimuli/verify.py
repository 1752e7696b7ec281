"""Is a stimulus set still what was built? Every file against its hash, and every clip decoded again.

Defines: ``verify``.
"""

from __future__ import annotations

from pathlib import Path

from stimuli import audio, manifest
from stimuli.errors import ManifestError, SoundError
from stimuli.manifest import Clip, Manifest


def verify(folder: Path) -> Manifest:
    """Read the manifest, hold file hashes, then decode every clip and hold samples, rate, length and channels.

    Raises
    ------
    ManifestError
        With one line for each clip that differs.
    """
    found = manifest.verify(folder)
    problems = [problem for clip in found.clips if (problem := _difference(folder / clip.file, clip))]
    if problems:
        raise ManifestError("\n".join(problems))
    return found


def _difference(path: Path, clip: Clip) -> str | None:
    try:
        samples, rate_hz = audio.read(path)
    except SoundError as error:
        return str(error)
    shape = (rate_hz, *samples.shape)
    if shape != (clip.rate_hz, clip.frames, clip.channels):
        return f"{path}: {shape} (Hz, frames, channels), the manifest says otherwise; build the set again"
    if audio.samples_sha256(samples) != clip.samples_sha256:
        return f"{path}: decodes to other samples than the manifest says; build the set again"
    return None
