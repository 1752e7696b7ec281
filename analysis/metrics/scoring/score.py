"""Score a stimulus set: every anchor and system, in every item and every whole song, by families of metrics.

A job is a song with a target, so that what metrics prepare of its truth serves all conditions. What a family found of
a stretch is kept in the set, under the identity of all that it follows from: the files, the place, the family's
version. So a stopped run goes on, a changed version measures its own family again, and an unchanged set has nothing to
do. Items for training alone are not scored: nobody analyses their ratings.

Defines: ``Wanted``, ``score_set``, ``score_clips``, ``write_museval``, ``SongJob``, ``measure_song``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import Arithmetic, arithmetic_on, unusable
from analysis.metrics.families.museval import FAMILY as MUSEVAL
from analysis.metrics.family import FAMILIES, Family, chosen, family
from analysis.metrics.results import table
from analysis.metrics.results.table import Scored
from analysis.metrics.results.versions import versions
from analysis.metrics.scoring.clips import of_clips
from analysis.metrics.scoring.museval_rows import frame_jobs, write_frames
from analysis.metrics.scoring.of_set import Part, parts_of
from analysis.metrics.scoring.stretch import Row, rows_of
from stimuli import manifest as manifests
from stimuli.errors import HiddenReferenceError
from stimuli.experiment import identity
from stimuli.manifest import Manifest
from stimuli.whole_files import whole_file
from stimuli.whole_songs import SetSong, songs_folder
from stimuli.workers import Workers

GIVEN = MUSEVAL.name
VERSION = 1
"""Of what is kept; raised by hand whenever its form changes."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: families by name (none: all that are not optional), whole songs too, and where songs lie now.

    ``songs_from``: the folder that the experiment file's paths are relative to; None for where it lay at the build.
    ``device``: where torch computes BSS Eval; None for numpy. Numbers are kept alike: they differ by rounding alone.
    """

    families: tuple[str, ...] = ()
    whole: bool = True
    songs_from: Path | None = None
    device: str | None = None


@dataclass(frozen=True)
class SongJob:
    """One song with one of its targets: everything that a worker process needs to know."""

    song: SetSong
    families: tuple[str, ...]
    whole: bool
    length_s: float
    device: str | None = None

    @property
    def told(self) -> str:
        """What the progress bar says."""
        return self.song.song


@dataclass(frozen=True)
class Found:
    """What was found of a song: rows of the table, notes by what they are about, and how many families measured."""

    rows: list[Row]
    notes: list[tuple[str, str]]
    measured: int


def score_set(
    folder: Path,
    wanted: Wanted | None = None,
    *,
    workers: Workers | None = None,
    given: Sequence[Row] = (),
    echo: Callable[[str], object] = lambda _: None,
) -> Scored:
    """Score a set, and write the table into its folder.

    What stands in the table already stays: its families are measured with those that are asked for (mostly out of what
    was kept), and somebody's results of other conditions are taken over.

    Parameters
    ----------
    folder : the set's folder.
    workers : where the jobs run.
    given : rows of somebody else's results, to stand beside ours.
    echo : called with each line that a person should read.

    Raises
    ------
    AnalysisError
        Where a family is not known or can't run here; nothing was measured then.
    StimuliError
        Where there is no such set, a worker can't be reached, or one can't use the device.
    """
    wanted, workers = wanted or Wanted(), workers or Workers()
    if wanted.device is not None:
        workers.check_device(wanted.device, unusable)
    folder = folder.absolute()
    manifest = manifests.read(folder)
    before = _before(folder, manifest)
    families = _with_those(before, chosen(wanted.families), echo)
    jobs = list(_jobs(folder, manifest, wanted, tuple(one.name for one in families)))
    found = workers.run("scoring", measure_song, jobs)
    rows = [row for one in found for row in one.rows]
    notes = _sentences(note for one in found for note in one.notes)
    rows += [*given, *_given_before(before, {row["condition"] for row in given})]
    made = Scored(table.frame_of(rows), manifest.stimuli_id, versions(families), notes)
    _keep(folder, before, made, sum(one.measured for one in found), echo)
    return made


def score_clips(folder: Path, manifest: Manifest, families: Sequence[str] = ("ratios",)) -> Scored:
    """What is heard of a set, scored from its clips alone, here and now; nothing is kept."""
    used = chosen(families)
    stretches = [of_clips(folder, manifest, item) for item in manifest.items if item.use != "training"]
    rows = [row for stretch in stretches for row, _ in rows_of(stretch, used)]
    return Scored(table.frame_of(rows), manifest.stimuli_id, versions(used))


def write_museval(folder: Path, out: Path, wanted: Wanted, workers: Workers) -> list[str]:
    """Write the frames of BSS Eval of whole songs as museval's files, ``out/<condition>/test/<song>.json``.

    Returns
    -------
    what is to be said of it
    """
    folder = folder.absolute()
    asked = Wanted(("bss",), True, wanted.songs_from)
    songs = list(_jobs(folder, manifests.read(folder), asked, asked.families))
    jobs = frame_jobs([job.song for job in songs], out, [job.length_s for job in songs], wanted.device)
    said = [note for notes in workers.run("museval", write_frames, jobs) for note in notes]
    return [*said, f"wrote museval's JSON of {len(jobs)} songs into {out}"]


def measure_song(job: SongJob) -> Found:
    """All rows of one song, measured or out of what was kept."""
    families, arithmetic = chosen(job.families), arithmetic_on(job.device)
    found = Found([], [], 0)
    for part in parts_of(job.song, whole=job.whole):
        records = {one.name: _record(job.song.folder, part, one) for one in families}
        kept = {name: _kept(record) for name, record in records.items()}
        missing = [one for one in families if kept[one.name] is None]
        if missing:
            kept |= _measured(part, missing, records, arithmetic)
        for entry in kept.values():
            assert entry is not None
            found.rows.extend(entry["rows"])
        found.notes.extend(
            (part.about, note) for note in dict.fromkeys(n for e in kept.values() if e for n in e["notes"])
        )
        found = Found(found.rows, found.notes, found.measured + len(missing))
    return found


def _jobs(folder: Path, manifest: Manifest, wanted: Wanted, families: tuple[str, ...]) -> Iterable[SongJob]:
    songs_from = (wanted.songs_from or songs_folder(folder)).absolute()
    analysed = [item for item in manifest.items if item.use != "training"]
    for song, target in dict.fromkeys((item.song, item.target) for item in analysed):
        own = SetSong(folder, manifest, song, target, songs_from)
        conditions = len({clip.condition for clip in manifest.clips if clip.role in ("anchor", "system")})
        length_s = sum(item.length_s for item in own.items) + (_length_s(own) if wanted.whole else 0)
        # Another one than was asked for its length: that one holds an open song, and workers are elsewhere.
        yield SongJob(
            SetSong(folder, manifest, song, target, songs_from),
            families,
            wanted.whole,
            length_s * conditions,
            wanted.device,
        )


def _length_s(song: SetSong) -> float:
    try:
        return song.length_s
    except HiddenReferenceError:
        return 0.0


def _record(folder: Path, part: Part, family: Family) -> Path:
    """Where what a family found of a stretch is kept."""
    key = identity([VERSION, part.identity, family.name, family.revision])[:32]
    return folder / "records" / f"metrics-{key}.json"


def _kept(record: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return found if found["rows"] is not None and found["notes"] is not None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _measured(
    part: Part, families: Sequence[Family], records: dict[str, Path], arithmetic: Arithmetic
) -> dict[str, Any]:
    """What the families find of a stretch; each is kept by itself, but for one whose tool failed and may not again."""
    resolved = part.resolved()
    found: dict[str, Any] = {one.name: {"rows": [], "notes": list(resolved.notes)} for one in families}
    failed: set[str] = set()
    cautions: dict[str, str] = {}
    for row, passing in rows_of(resolved.stretch, families, cautions, arithmetic):
        found[row["family"]]["rows"].append(row)
        if passing:
            failed.add(row["family"])
    for name, said in cautions.items():
        found[name]["notes"].append(said)
    for name, entry in found.items():
        if name in failed:
            continue
        records[name].parent.mkdir(exist_ok=True)
        with whole_file(records[name]) as temporary:
            temporary.write_text(json.dumps(entry, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return found


def _sentences(notes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Notes as sentences; those that say the same are one."""
    about: dict[str, list[str]] = {}
    for name, said in notes:
        about.setdefault(said, []).append(name)
    return tuple(f"{', '.join(dict.fromkeys(names))}: {said}." for said, names in about.items())


def _before(folder: Path, manifest: Manifest) -> Scored | None:
    """The table that stands there, if it can be read and is of this set."""
    try:
        found = table.read(folder)
    except AnalysisError:
        return None
    return found if found is not None and found.stimuli_id == manifest.stimuli_id else None


def _with_those(
    before: Scored | None, families: tuple[Family, ...], echo: Callable[[str], object]
) -> tuple[Family, ...]:
    """The families that are asked for, and those of the table as far as they can run here."""
    names = [one.name for one in families]
    for name in () if before is None else before.frame["family"].unique():
        if name in names or name not in FAMILIES or name == GIVEN:
            continue
        if reason := family(name).missing():
            echo(f"the numbers of {name} that stood in the table are dropped: {reason}")
        else:
            names.append(name)
    return chosen(names)


def _given_before(before: Scored | None, conditions: set[str]) -> list[Row]:
    """Somebody's results that stand in the table, but for conditions that have new ones."""
    if before is None:
        return []
    own = before.frame[(before.frame["family"] == GIVEN) & ~before.frame["condition"].isin(conditions)]
    return own.to_dict("records")  # type: ignore[return-value]


def _keep(folder: Path, before: Scored | None, made: Scored, measured: int, echo: Callable[[str], object]) -> None:
    """Write the table unless it stands there already, and say what was done."""
    for note in made.notes:
        echo(note)
    path = folder / table.FILE_NAME
    if measured == 0 and before is not None and _same(before, made):
        echo(f"{path}: nothing to do, the set is scored")
        return
    table.write(folder, made)
    numbers = int(made.frame["value"].notna().sum())
    what = "all out of what was kept" if measured == 0 else f"{measured} families of stretches measured anew"
    echo(f"{path}: {numbers} numbers in {len(made.frame)} rows; {what}")


def _same(one: Scored, other: Scored) -> bool:
    alike = (one.stimuli_id, dict(one.versions), one.notes) == (other.stimuli_id, dict(other.versions), other.notes)
    return alike and one.frame.equals(other.frame)
