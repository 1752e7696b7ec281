"""A built stimulus set becomes a study that takes listeners.

Every file is held against its hash, the sounds are copied into the data folder and into the object store where there is
one, then all rows are written in one transaction. Publishing the same set again changes nothing; the same experiment
name with anything else changed becomes the study's next version, and listeners who have begun stay with theirs. A
version is published as the open one, or as a draft.

Defines: ``Published``, ``publish``, ``LARGEST_MANIFEST``, ``manifest_too_large``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app import media
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.models import Clip, Condition, Item, Scale, Study, StudyVersion
from mushra_app.people import audit
from mushra_app.serving.object_store import store_of
from mushra_app.study import lifecycle, names, sets
from mushra_app.words import say
from stimuli import manifest as manifests
from stimuli.manifest import Clip as ClipRecord
from stimuli.manifest import ItemRecord, Manifest, RuleResult

OPEN_ROLES = ("reference", "mixture")
SCALE_RANGE = (0.0, 100.0)
LARGEST_MANIFEST = 16 * 10**6
"""Read whole, it takes eight times as much memory."""
MOST_CLIPS, MOST_ITEM_BYTES = 64, 512 * 10**6
"""Of one item, whose sounds are in memory together."""


@dataclass(frozen=True)
class Published:
    """What publishing did: ``change`` is new, next version, back or nothing; ``broken`` are the set's broken rules.

    ``status`` is the state that the version has now (``mushra_app.study.lifecycle``); ``taken`` is whether its set is
    read now in the folder that was published: always of a new version, of a known one where its own set was lost;
    ``begun`` is whether there was no study of that name before, not even one that somebody writes.
    """

    study: str
    title: str
    number: int
    change: str
    status: str
    taken: bool = False
    begun: bool = False
    broken: tuple[RuleResult, ...] = ()


def publish(
    folder: Path,
    database: Database,
    settings: Settings,
    *,
    as_draft: bool = False,
    reason: str = "",
    also: Callable[[Session, Published], None] = lambda db, done: None,
) -> Published:
    """Put the stimulus set in ``folder`` into the database.

    It takes listeners at once, in the place of the version that did; ``as_draft`` leaves it to somebody in the studio
    to look at it first, and changes nothing of what runs. ``reason``: why a version that was closed takes listeners
    again. ``also`` is done in the same transaction, once it is written.

    Raises
    ------
    ManifestError
        Where a file is missing or not the one that was built.
    AppError
        Where the sounds of an item differ in rate, length or channels, a reference is missing, or the object store
        doesn't keep what is put there; or where an address of the studio is called like the study.
    PeekError
        Where a closed version would run again without a reason.
    """
    _check_size(folder)
    manifest = manifests.verify(folder)
    clips = _clips_of_items(manifest)
    for item in manifest.items:
        _check_item(folder, item, clips[item.name])
    store = store_of(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.data_dir / ".publish.lock"):
        stored = {
            token: sha256
            for item in manifest.items
            for token, sha256 in _copy(folder, clips[item.name], settings).items()
        }
        if store is not None:  # before the database names them, so that no server looks for them in vain
            for sha256 in sorted(set(stored.values())):
                store.put(media.path_of(settings.media_dir, sha256), sha256)
        lost = _is_lost(database, settings, manifest)
        version = _version(manifest, stored)  # before the transaction, which stands in the way of listeners' saves
        with database.writing() as session:
            done = _write(session, manifest, version, reopen=None if as_draft else reason)
            if done.change in ("new", "next version") or lost:
                known = lifecycle.version_of(session, done.study, done.number)
                known.published_from, done = sets.named(folder, settings), replace(done, taken=True)
            also(session, done)
    return replace(done, broken=tuple(rule for rule in manifest.rules if not rule.passed and rule.severity != "note"))


def _is_lost(database: Database, settings: Settings, manifest: Manifest) -> bool:
    """Whether this set was published before, and isn't there any more where it was published from."""
    with database.reading() as session:
        known = session.scalar(select(StudyVersion.published_from).where(StudyVersion.identity == manifest.study_id))
    return known is not None and not sets.is_whole(sets.folder_of(known, settings), manifest.study_id)


def _check_size(folder: Path) -> None:
    """Refuse a manifest that would take the server's memory to read; one that isn't there is said when it is read."""
    path = folder / manifests.FILE_NAME
    if path.is_file() and path.stat().st_size > LARGEST_MANIFEST:
        raise AppError(manifest_too_large(str(path)))


def manifest_too_large(where: str) -> str:
    """What is said of such a manifest, here and of an archive."""
    return say(
        "%(where)s: larger than %(most)d MB, which no manifest of a listening test is; expected the folder that mushra "
        "stimuli build wrote.",
        where=where,
        most=LARGEST_MANIFEST // 10**6,
    )


def _clips_of_items(manifest: Manifest) -> Mapping[str, Sequence[ClipRecord]]:
    found: dict[str, list[ClipRecord]] = {item.name: [] for item in manifest.items}
    for clip in manifest.clips:
        if clip.item in found:
            found[clip.item].append(clip)
    return found


def _check_item(folder: Path, item: ItemRecord, clips: Sequence[ClipRecord]) -> None:
    """Refuse an item that no trial could be made of, or that is too large to be one."""
    where = f"{folder}: {item.name}"
    if len(clips) > MOST_CLIPS:
        raise AppError(f"{where}: found {len(clips)} sounds of one item; expected at most {MOST_CLIPS}")
    if (found := sum((folder / clip.file).stat().st_size for clip in clips)) > MOST_ITEM_BYTES:
        raise AppError(
            f"{where}: its sounds have {found // 10**6} MB together; expected at most {MOST_ITEM_BYTES // 10**6} MB: a "
            "listener's browser loads all of them"
        )
    for role in ("reference", "hidden_reference"):
        if sum(clip.role == role for clip in clips) != 1:
            raise AppError(f"{where}: expected one clip with the role {role}; build the set again")
    shapes = {(clip.rate_hz, clip.frames, clip.channels) for clip in clips}
    if len(shapes) > 1:
        found = ", ".join(f"{frames} frames of {channels} at {rate} Hz" for rate, frames, channels in sorted(shapes))
        raise AppError(f"{where}: its sounds differ ({found}), expected all alike; build the set again")


def _copy(folder: Path, clips: Sequence[ClipRecord], settings: Settings) -> dict[str, str]:
    """Store the sounds of one item, all of one size; the hash of each by its clip's token."""
    sounds = {clip.token: (folder / clip.file).read_bytes() for clip in clips}
    size = media.common_size(len(sound) for sound in sounds.values())
    return {token: media.store(settings.media_dir, media.padded(sound, size)) for token, sound in sounds.items()}


def _write(session: Session, manifest: Manifest, version: StudyVersion, *, reopen: str | None) -> Published:
    """All rows of a new version, or a known one made the open one again; a draft where ``reopen`` is None."""
    name = manifest.experiment.experiment.name
    there = session.scalar(select(Study).where(Study.name == name))
    if there is None:
        names.require_free(name)
    study = there or Study(name=name, versions=[])
    session.add(study)
    known = next((version for version in study.versions if version.identity == manifest.study_id), None)
    if known and (reopen is None or known.status in lifecycle.TAKES_LISTENERS):
        return Published(name, known.title, known.number, "nothing", known.status)
    if known:
        lifecycle.move(session, known, "open", reason=reopen or "", who=audit.COMMAND_LINE)
        return Published(name, known.title, known.number, "back", known.status)
    version.number = len(study.versions) + 1
    for older in study.versions:
        if older.status == "draft":
            older.status = "superseded"
    study.versions.append(version)
    session.flush()
    if reopen is not None:
        lifecycle.move(session, version, "open")
    change = "new" if version.number == 1 else "next version"
    return Published(name, version.title, version.number, change, version.status, begun=there is None)


def _version(manifest: Manifest, stored: Mapping[str, str]) -> StudyVersion:
    """The version with its scales and sounds; what depends on the others of its study is said when it is stored."""
    experiment = manifest.experiment
    version = StudyVersion(
        identity=manifest.study_id,
        stimuli_id=manifest.stimuli_id,
        title=experiment.experiment.title,
        experiment=_plain(experiment.model_dump_json()),
        manifest=_plain(manifest.model_dump_json()),
        published_from="",
        scales=[
            Scale(
                position=position,
                name=attribute.name,
                question=attribute.question,
                labels=list(attribute.labels),
                minimum=SCALE_RANGE[0],
                maximum=SCALE_RANGE[1],
            )
            for position, attribute in enumerate(experiment.attributes, 1)
        ],
    )
    _add_sounds(version, manifest, stored)
    return version


def _add_sounds(version: StudyVersion, manifest: Manifest, stored: Mapping[str, str]) -> None:
    """Items, conditions and clips of a version."""
    items = {
        record.name: Item(position=position, **record.model_dump()) for position, record in enumerate(manifest.items, 1)
    }
    conditions: dict[str, Condition] = {}
    for clip in manifest.clips:
        made = clip.provenance
        condition = conditions.setdefault(
            clip.condition,
            Condition(position=len(conditions) + 1, name=clip.condition, kind=made.kind, version=made.version),
        )
        shared = clip.model_dump(include={"role", "sha256", "samples_sha256", "rate_hz", "frames", "channels"})
        items[clip.item].clips.append(
            Clip(
                condition=condition,
                media_sha256=stored[clip.token],
                lufs=clip.lufs_after,
                gain_db=clip.gain_db,
                true_peak_dbtp=clip.true_peak_dbtp,
                provenance=_plain(made.model_dump_json()),
                **shared,
            )
        )
    version.items = list(items.values())
    version.conditions = list(conditions.values())


def _plain(json_text: str) -> dict[str, Any]:
    """JSON as a database keeps it: an infinite loudness (silence) is null."""
    return json.loads(json_text)
