"""What was built: the record of a stimulus set, ``manifest.json``.  CONTRACT

Task: one record per clip, enough to prove that the files are what was made and to undo what was done to
them. Conventions: loudness in LUFS, gain in dB, peaks in dBTP, lags in seconds (positive = the clip is late
against the reference), lengths in frames. File paths are relative to the set's folder.

Defines: ``Manifest``, ``Clip`` and its records, ``read``, ``write``, ``verify``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from stimuli.description.model import Line, Lines
from stimuli.errors import ManifestError
from stimuli.experiment import Experiment

SCHEMA = 2
READS = (1, 2)
"""Schema 1 had no facts of clips, no kinds of rules and no clips named by a rule."""
FILE_NAME = "manifest.json"

Role = Literal["reference", "hidden_reference", "anchor", "system", "mixture"]
"""``reference`` and ``mixture`` are the open ones; the hidden reference is a clip of its own."""


class Record(BaseModel):
    """Frozen; unknown keys are refused, so that a newer schema is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ItemRecord(Record):
    """The item a clip belongs to, with its factors."""

    name: Line
    song: Line
    start_s: float
    length_s: float
    target: Line
    dataset: Line
    use: Literal["test", "training", "both"]


class Provenance(Record):
    """How a condition came to be: enough to make it again and to say what it cost."""

    kind: Line
    version: Lines
    parameters: dict[str, Any] = {}
    weights_sha256: dict[str, str] = {}
    input_lufs: float | None = None
    device: str = "cpu"
    seconds: float | None = None
    real_time_factor: float | None = None
    meant_for: str = ""


class Resemblance(Record):
    """How an anchor or an estimate lies against the reference of its item, before any gain.

    ``gain_error_db``: how much louder the reference is inside it; ``side_*``: the difference of left and right, its
    correlation with the reference's and its level against the sum; ``closer_to``: another stem that it was driven
    towards; ``copy_of``: ``reference`` or ``mixture`` where it is one. See ``stimuli.resemblance``.
    """

    lag_s: float | None
    polarity: int
    correlation: float
    gain_error_db: float | None
    side_correlation: float | None
    side_db: float | None
    reference_side_db: float | None
    closer_to: str
    copy_of: str


class Response(Record):
    """A low-pass measured from the finished clip against the reference's clip, in dB; None where it can't be heard.

    ``ripple_db``: largest departure from 0 up to the cut-off; ``at_8_7_db``, ``from_9_7_db``: level at 8/7 of the
    cut-off (4 kHz for 3.5 kHz), and the highest from 9/7 of it on (4.5 kHz).
    """

    cutoff_hz: int
    ripple_db: float | None
    at_8_7_db: float | None
    from_9_7_db: float | None


class Facts(Record):
    """What was measured of a clip as it is heard, besides its loudness and peaks.

    ``dc``: largest mean of a channel, full scale 1; ``end_step``: largest first or last sample; ``clipped``: samples
    in runs of three and more at the sound's own peak; ``dropout_s``: seconds in which it is silent and its reference
    is not.
    """

    momentary_lufs: float
    short_term_lufs: float | None
    range_lu: float | None
    dc: float
    end_step: float
    clipped: int
    dropout_s: float
    resemblance: Resemblance | None = None
    response: Response | None = None


class Clip(Record):
    """One sound file of the set."""

    token: str
    file: str
    sha256: str
    samples_sha256: str
    item: str
    condition: Line
    role: Role
    rate_hz: int
    frames: int
    channels: int
    lufs_before: float
    lufs_after: float
    gain_db: float
    true_peak_dbtp: float
    sample_peak_dbfs: float
    lag_s: float | None
    polarity: int
    render_key: str
    provenance: Provenance
    facts: Facts | None = None


class RuleResult(Record):
    """What one rule said of this set. ``clips`` are the tokens of those it found at fault.

    ``clause`` is one of BS.1534-3, or ``practice`` for what the standard takes for granted.
    """

    rule: str
    clause: str
    severity: Literal["must", "should", "note"]
    passed: bool
    message: str
    clips: tuple[str, ...] = ()

    @property
    def authority(self) -> str:
        """Who asks for it, as it is printed."""
        return "good practice" if self.clause == "practice" else f"BS.1534-3, {self.clause}"


class LeftOut(Record):
    """A system that could not run here, and why."""

    system: str
    reason: str


class Manifest(Record):
    """A whole stimulus set."""

    schema_number: int = SCHEMA
    stimuli_id: str
    study_id: str
    title: str
    made_at: str
    versions: dict[str, str]
    experiment: Experiment
    renders: str
    items: tuple[ItemRecord, ...]
    clips: tuple[Clip, ...]
    left_out: tuple[LeftOut, ...] = ()
    rules: tuple[RuleResult, ...] = ()

    @property
    def missing_for_mushra(self) -> tuple[RuleResult, ...]:
        """The broken musts: while there is one, the set makes a multi-stimulus test and no MUSHRA test."""
        return tuple(rule for rule in self.rules if not rule.passed and rule.severity == "must")

    def item(self, name: str) -> ItemRecord:
        """The item of that name."""
        return next(item for item in self.items if item.name == name)


def read(folder: Path) -> Manifest:
    """Read the manifest of a stimulus set.

    Raises
    ------
    ManifestError
        Where there is none, it is not valid, or a newer release wrote it.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise ManifestError(
            f"{path}: {reason}; build the set with: mushra stimuli build EXPERIMENT --out DIR"
        ) from None
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ManifestError(f"{path}: {place}: {first['msg']}; build the set again with this release") from None
    if found.schema_number not in READS:
        raise ManifestError(f"{path}: schema {found.schema_number}, this release reads {', '.join(map(str, READS))}")
    return found


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest atomically: a reader sees the old one or the new one, never half of one."""
    part = folder / f".{FILE_NAME}.part"
    part.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    part.replace(folder / FILE_NAME)


def verify(folder: Path) -> Manifest:
    """Read the manifest and hold every file against its hash; every difference is named.

    Raises
    ------
    ManifestError
        With one line per clip that is missing, changed, or outside the folder.
    """
    manifest = read(folder)
    problems = []
    for clip in manifest.clips:
        path = folder / clip.file
        if not path.resolve().is_relative_to(folder.resolve()):
            problems.append(f"{folder / FILE_NAME}: {clip.file} lies outside the set's folder")
        elif not path.is_file():
            problems.append(f"{path}: missing ({clip.item}, {clip.condition}); build the set again")
        elif file_sha256(path) != clip.sha256:
            problems.append(f"{path}: not the file that was built ({clip.item}, {clip.condition}); build the set again")
    if problems:
        raise ManifestError("\n".join(problems))
    return manifest


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
