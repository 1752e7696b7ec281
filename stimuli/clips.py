"""The clips of an item: cut out of the renders, faded, measured, brought to level, written, and put on record.

Conventions: sound (frames, channels), full scale 1.0; loudness in LUFS, gains in dB, peaks in dBTP.
Defines: ``clips_of``, ``excerpt_of``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stimuli import audio, experiment, manifest
from stimuli.alignment import align
from stimuli.errors import SoundError
from stimuli.experiment import REFERENCE, Item, Loudness
from stimuli.loudness import Level, gain_plan, integrated_lufs, sample_peak_dbfs, true_peak_dbtp
from stimuli.manifest import Clip, Role
from stimuli.render import Job, Wanted, provenance_of
from stimuli.separators import Sound


def clips_of(item: Item, jobs: Sequence[Job], out: Path, *, loudness: Loudness, stimuli_id: str) -> Iterator[Clip]:
    """Write the clips of one item into ``out/clips`` and tell what was written.

    Parameters
    ----------
    jobs : the item's finished renders, the target's first.
    stimuli_id : goes into the files' names, so that another set has others.

    Raises
    ------
    SoundError
        Where a condition is too quiet in this excerpt to be measured.
    """
    (out / "clips").mkdir(exist_ok=True)
    sounds: dict[str, Sound] = {}
    rate_hz = 0
    for job in jobs:
        whole, rate_hz = audio.read(job.path)
        sounds[job.wanted.name] = audio.fade_ends(excerpt_of(job.song, whole, rate_hz, item), rate_hz)
    levels = {name: _level(f"{item.key}: {name}", sound, rate_hz) for name, sound in sounds.items()}
    gains = gain_plan(
        levels, target_lufs=loudness.target_lufs, match=loudness.match, ceiling_dbtp=loudness.ceiling_dbtp
    )
    for job in jobs:
        name = job.wanted.name
        for role in _roles(job.wanted):
            final = audio.quantise24(sounds[name] * 10 ** (gains[name] / 20))
            token = experiment.identity([stimuli_id, item.key, name, role])[:24]
            path = out / "clips" / f"{token}.flac"
            digest = audio.write_clip(path, final, rate_hz)
            lie = align(sounds[REFERENCE], sounds[name], rate_hz)
            yield Clip(
                token=token,
                file=path.relative_to(out).as_posix(),
                sha256=manifest.file_sha256(path),
                samples_sha256=digest,
                item=item.key,
                condition=name,
                role=role,
                rate_hz=rate_hz,
                frames=len(final),
                channels=final.shape[1],
                lufs_before=round(levels[name].lufs, 4),
                lufs_after=round(integrated_lufs(final, rate_hz), 4),
                gain_db=gains[name],
                true_peak_dbtp=round(true_peak_dbtp(final), 4),
                sample_peak_dbfs=round(sample_peak_dbfs(final), 4),
                lag_s=None if lie.lag_s is None else round(lie.lag_s, 7),
                polarity=lie.polarity,
                render_key=job.key,
                provenance=provenance_of(job),
            )


def _level(place: str, sound: Sound, rate_hz: int) -> Level:
    level = Level(integrated_lufs(sound, rate_hz), true_peak_dbtp(sound))
    if level.lufs == float("-inf"):
        raise SoundError(f"{place}: too quiet to measure its loudness in this excerpt; choose another excerpt")
    return level


def _roles(wanted: Wanted) -> tuple[Role, ...]:
    """The target is heard twice: as the open reference, and hidden among the conditions."""
    if wanted.entry is None:
        return ("reference", "hidden_reference")
    if wanted.name == "mixture-open":
        return ("mixture",)
    return ("anchor",) if wanted.kind in ("lowpass", "mixture") else ("system",)


def excerpt_of(place: str, sound: Sound, rate_hz: int, item: Item) -> Sound:
    """The item's excerpt of a whole song; ``place`` is named where it reaches beyond the end."""
    try:
        return audio.cut(sound, rate_hz, start_s=item.excerpt.start_s, length_s=item.excerpt.length_s)
    except SoundError as error:
        raise SoundError(f"{place}: {error}; shorten length_s or move start_s") from None
