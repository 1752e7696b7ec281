"""Is a stimulus set still what was built, and does it hold the rules?

``verify``: every file against its hash, and every clip decoded again. ``check_built``: also measured again from the
decoded clips, and judged by the rules as they are today. What only the songs could tell (which stem an estimate is
nearer to, how it lay before its gain) is taken from the record of the build.

Defines: ``verify``, ``check_built``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from stimuli import audio, blemishes, loudness, manifest
from stimuli.errors import ManifestError, SoundError
from stimuli.experiment import LowpassAnchor
from stimuli.manifest import Clip, Manifest, RuleResult
from stimuli.resemblance import Yardstick, loudest
from stimuli.response import response
from stimuli.separators import Sound
from stimuli.standard.check import check_experiment, check_set
from stimuli.true_peak import sample_peak_dbfs, true_peak_dbtp

ALLOWED_LU = 0.02
"""A clip that measures further from its record than this is not the clip that was recorded."""


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


def check_built(folder: Path, echo: Callable[[str], object] = lambda _: None) -> tuple[RuleResult, ...]:
    """All rules of a built set, on what its clips measure today.

    Raises
    ------
    ManifestError
        Where the set is not what was built, or a clip measures otherwise than its record says.
    """
    found = verify(folder)
    clips = [clip for item in found.items for clip in _measured_again(folder, found, item.name)]
    echo(f"{folder}: {len(clips)} clips measured again; stimuli {found.stimuli_id[:12]}")
    return (*check_experiment(found.experiment), *check_set(found.experiment, clips))


def _measured_again(folder: Path, found: Manifest, item: str) -> Iterator[Clip]:
    """The clips of an item with what can be measured from the files alone measured anew."""
    clips = [clip for clip in found.clips if clip.item == item]
    open_one = next((clip for clip in clips if clip.role == "reference"), None)
    if open_one is None:
        raise ManifestError(f"{folder}: {item}: no reference; build the set again")
    reference, _ = audio.read(folder / open_one.file)
    cutoffs = {a.name: a.cutoff_hz for a in found.experiment.anchors if isinstance(a, LowpassAnchor)}
    for clip in clips:
        sound = audio.in_planes(audio.read(folder / clip.file)[0])
        yield _anew(folder / clip.file, clip, sound, reference, cutoffs.get(clip.condition))


def _anew(path: Path, clip: Clip, sound: Sound, reference: Sound, cutoff_hz: int | None) -> Clip:
    energy, rate_hz = loudness.energy(sound, clip.rate_hz), clip.rate_hz
    lufs = energy.integrated_lufs()
    if np.isfinite(clip.lufs_after) and not abs(lufs - clip.lufs_after) <= ALLOWED_LU:
        raise ManifestError(
            f"{path}: {lufs:.2f} LUFS, the manifest says {clip.lufs_after:.2f}; build the set again with this release"
        )
    facts = clip.facts and clip.facts.model_copy(
        update={
            "momentary_lufs": round(float(energy.momentary_lufs.max()), 3),
            "dc": round(blemishes.dc(sound), 7),
            "end_step": round(blemishes.end_step(sound), 7),
            "dropout_s": blemishes.dropout_s(energy, loudness.energy(reference, rate_hz)),
        }
    )
    part = loudest(reference, rate_hz)
    if facts and cutoff_hz and clip.role == "anchor" and len(reference) == len(sound):
        lag = Yardstick(reference[part], {}, rate_hz).lag(sound[part])
        update: dict[str, object] = {"response": response(reference[part], sound[part], rate_hz, cutoff_hz)}
        if facts.resemblance:
            seen = {"lag_s": lag.lag_s, "polarity": lag.polarity}
            update["resemblance"] = facts.resemblance.model_copy(update=seen)
        facts = facts.model_copy(update=update)
    return clip.model_copy(
        update={
            "lufs_after": round(lufs, 4),
            "true_peak_dbtp": round(true_peak_dbtp(sound, rate_hz), 4),
            "sample_peak_dbfs": round(sample_peak_dbfs(sound), 4),
            "facts": facts,
        }
    )


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
