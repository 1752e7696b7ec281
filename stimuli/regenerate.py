"""Make the anchors of a built set again from its manifest and the songs, and hold them against the clips.

BS.1534-3 (clause 10.2) asks a report for what regenerates every anchor that is not the standard's own. Here it is the
manifest: each anchor's record has its kind, parameters and seed, each item's its place in the song, each clip's its
gain.

Defines: ``anchor_of``, ``regenerated``, ``differing``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from stimuli import audio, manifest
from stimuli.clips import ItemJob, scene_of
from stimuli.conditions import Condition
from stimuli.errors import StimuliError
from stimuli.experiment import AnyAnchor
from stimuli.manifest import Clip, Manifest
from stimuli.separators import Sound


def anchor_of(clip: Clip) -> Condition:
    """The anchor that a clip was made as, out of its record.

    Raises
    ------
    StimuliError
        Where the record is of no anchor that this release can make.
    """
    made = {"kind": clip.provenance.kind, **clip.provenance.parameters}
    try:
        return Condition(clip.condition, TypeAdapter(AnyAnchor).validate_python(made))
    except ValidationError:
        raise StimuliError(f"{clip.condition}: this release makes no anchor of the kind {made['kind']!r}") from None


def regenerated(found: Manifest, clip: Clip, folder: Path) -> tuple[Sound, int]:
    """An anchor's sound before its gain, and its rate, out of the songs and the manifest alone.

    Parameters
    ----------
    folder : what the songs' root is relative to: where the experiment file lay.
    """
    item = found.item(clip.item)
    job = ItemJob(found.experiment.songs, folder, folder, item, (), found.experiment.loudness)
    scene = scene_of(job)
    rate_hz = scene.song.form.rate_hz
    return audio.fade_ends(scene.sound(anchor_of(clip)), rate_hz), rate_hz


def differing(folder: Path, songs_folder: Path) -> tuple[int, list[str]]:
    """How many anchors of a set were made again, and those that came out other than they are.

    Raises
    ------
    StimuliError
        Where the set is not what was built, or a song is missing.
    """
    found = manifest.verify(folder)
    anchors = [clip for clip in found.clips if clip.role == "anchor"]
    if not anchors:
        raise StimuliError(f"{folder}: no anchors in this set")
    with tempfile.TemporaryDirectory() as name:
        other = [
            f"{clip.condition} in {clip.item}"
            for clip in anchors
            if _made_again(found, clip, songs_folder, Path(name) / "again.flac") != clip.samples_sha256
        ]
    return len(anchors), other


def _made_again(found: Manifest, clip: Clip, songs_folder: Path, path: Path) -> str:
    sound, rate_hz = regenerated(found, clip, songs_folder)
    return audio.write_clip(path, sound, rate_hz, gain_db=clip.gain_db).samples_sha256
