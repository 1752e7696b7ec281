"""The clips of an item: every condition faded, measured, brought to level, written, and put on record.

One condition is in memory at a time, beside the reference. All of an item is lowered together where the loudest
would pass the ceiling; that is known only when all were measured, so what was written before is then written again.
An item that was made before from the same sounds is taken from its record.

Conventions: sound (frames, channels), full scale 1.0; loudness in LUFS, gains in dB, peaks in dBTP.
Defines: ``ItemJob``, ``make_item``, ``attempt_item``, ``unusable_inputs``, ``scene_of``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stimuli import audio, blemishes, loudness
from stimuli.conditions import Condition, Scene
from stimuli.errors import ConditionError, SoundError
from stimuli.experiment import REFERENCE, FilesSystem, Loudness, LowpassAnchor, Songs, identity
from stimuli.loudness import Energy
from stimuli.manifest import Clip, Facts, ItemRecord, Resemblance, Response, Role, file_sha256
from stimuli.render import parameters_of
from stimuli.resemblance import Yardstick, loudest
from stimuli.response import response
from stimuli.separators import Sound, mixed
from stimuli.sources import songs as sources
from stimuli.sources.song import SILENT_PEAK
from stimuli.true_peak import sample_peak_dbfs, true_peak_dbtp
from stimuli.whole_files import whole_file

STAGES = {"excerpt": 2, "loudness": 2, "clip": 2, "facts": 2}
"""Versions of the stages after the renders; raised by hand whenever one can change samples or records."""


@dataclass(frozen=True)
class ItemJob:
    """One item: everything that a worker process needs to know."""

    songs: Songs
    folder: Path
    out: Path
    item: ItemRecord
    conditions: tuple[Condition, ...]
    loudness: Loudness

    @property
    def told(self) -> str:
        """What the progress bar says."""
        return self.item.name

    @property
    def length_s(self) -> float:
        """Seconds of sound that are made."""
        return self.item.length_s * len(self.conditions)


def make_item(job: ItemJob) -> tuple[Clip, ...]:
    """Write the clips of one item into ``out/clips``, unless they are there.

    Raises
    ------
    SoundError
        Where a condition is too quiet in this excerpt to be measured, or a file can't be used.
    """
    return _made(_Maker(job))


def attempt_item(job: ItemJob) -> tuple[tuple[Clip, ...], dict[str, str]]:
    """The clips of an item without those of the systems that can't be used in it, and by name why these can't.

    Raises
    ------
    SoundError
        As ``make_item`` does, but for systems.
    """
    maker = _Maker(job, keep_going=True)
    return _made(maker), maker.failed


def scene_of(job: ItemJob) -> Scene:
    """The item's excerpt of its song."""
    song = sources.source(job.songs, job.folder).open(job.item.song)
    start, frames = (audio.frame_at(seconds, song.form.rate_hz) for seconds in (job.item.start_s, job.item.length_s))
    return Scene(f"item {job.item.name!r}", song, job.item.target, start, frames, job.folder)


def unusable_inputs(job: ItemJob) -> Iterator[ConditionError]:
    """Read what is heard of the reference and of estimates that were rendered elsewhere, before anything is rendered.

    Yields what is wrong with an estimate that can't be read, holds NaN, or is silent in this excerpt.

    Raises
    ------
    SoundError
        Where it is the reference.
    """
    scene = scene_of(job)
    scene.check()
    for condition in job.conditions:
        if isinstance(condition.entry, FilesSystem):
            try:
                sound = scene.sound(condition)
            except SoundError as error:
                yield ConditionError(condition.name, str(error))
                continue
            if max(float(sound.max()), -float(sound.min())) < SILENT_PEAK:
                what = f"{scene.place}: {condition.name} is silent in this excerpt; render it again"
                yield ConditionError(condition.name, what)


def _made(maker: _Maker) -> tuple[Clip, ...]:
    """The clips, out of their record where they are there; without systems that failed they have another one."""
    job = maker.job
    if known := _known(maker.record, job.out):
        return known
    clips = maker.clips()
    with whole_file(maker.record) as part:
        part.write_text(json.dumps([clip.model_dump(mode="json") for clip in clips], indent=1), encoding="utf-8")
    return clips


def _known(record: Path, out: Path) -> tuple[Clip, ...]:
    """The clips of a record whose files are all there and unchanged; none otherwise."""
    try:
        clips = tuple(Clip.model_validate(entry) for entry in json.loads(record.read_text(encoding="utf-8")))
        return clips if all(file_sha256(out / clip.file) == clip.sha256 for clip in clips) else ()
    except (OSError, ValueError):
        return ()


@dataclass(frozen=True)
class _Level:
    """What was measured of a condition before any gain."""

    energy: Energy
    lufs: float
    true_peak_dbtp: float


class _Maker:
    """The work on one item; ``failed`` are its systems that can't be used, and why, if it is to go on without them."""

    def __init__(self, job: ItemJob, *, keep_going: bool = False) -> None:
        self.job, self.scene, self.keep_going = job, scene_of(job), keep_going
        self.failed: dict[str, str] = {}
        self.scene.check()
        self.rate_hz = self.scene.song.form.rate_hz
        self._known_contents: dict[str, list[object]] = {}

    @property
    def conditions(self) -> list[Condition]:
        """Those that have not failed."""
        return [condition for condition in self.job.conditions if condition.name not in self.failed]

    @property
    def record(self) -> Path:
        """The file of the clips' record, named by the identity of everything that they follow from."""
        made = [[condition.name, *self._made_of(condition)] for condition in self.conditions]
        return self.job.out / "records" / f"{identity([self._common, made])[:32]}.json"

    @cached_property
    def _common(self) -> list[object]:
        """What all clips of the item follow from: what was cut from where, and how loud it was made."""
        item = self.job.item.model_dump(mode="json", include={"name", "song", "start_s", "length_s", "target"})
        return [STAGES, self.rate_hz, item, self.job.loudness.model_dump(mode="json")]

    def _made_of(self, condition: Condition) -> list[object]:
        """What the condition's samples follow from; asked for twice, and hashing files takes its time."""
        if condition.name not in self._known_contents:
            self._known_contents[condition.name] = self._contents(condition)
        return self._known_contents[condition.name]

    def _contents(self, condition: Condition) -> list[object]:
        parameters = parameters_of(condition.entry) if condition.entry else {}
        return [condition.kind, condition.version, parameters, self.scene.contents(condition)]

    def clips(self) -> tuple[Clip, ...]:
        """All clips, the item lowered as far as its peaks ask for."""
        lowered_db = 0.0
        while True:
            clips, over_db = self._attempt(lowered_db)
            if over_db <= 0:
                return tuple(clips)
            # A millionth of a decibel more, so that rounding does not send us round again.
            lowered_db += over_db + 1e-6

    def _attempt(self, lowered_db: float) -> tuple[list[Clip], float]:
        """The clips at one lowering, and by how much the loudest passes the ceiling; then nothing is complete."""
        clips: list[Clip] = []
        over_db = 0.0
        for condition in self.conditions:
            # Faded where it stands: the sound is ours.
            sound = audio.fade_ends(self.scene.sound(condition), self.rate_hz)
            try:
                level = self._level(condition, sound)
            except ConditionError as error:
                if not (self.keep_going and condition.roles == ("system",)):
                    raise
                self.failed[condition.name] = str(error)
                continue
            gain_db = self._gain_db(condition, level) - lowered_db
            over_db = max(over_db, level.true_peak_dbtp + gain_db - self.job.loudness.ceiling_dbtp)
            if over_db <= 0:
                clips += self._written(condition, sound, level, gain_db)
        return clips, over_db

    def _level(self, condition: Condition, sound: Sound) -> _Level:
        place = f"{self.scene.place}: {condition.name}"
        try:
            energy = loudness.energy(sound, self.rate_hz)
        except SoundError as error:
            raise ConditionError(condition.name, f"{place}: {error}") from None
        found = _Level(energy, energy.integrated_lufs(), true_peak_dbtp(sound, self.rate_hz))
        if np.isnan(found.true_peak_dbtp):
            what = f"{place}: holds NaN or infinity; render it again, or report it if it was made here"
            raise ConditionError(condition.name, what)
        if not np.isfinite(found.lufs):
            what = f"{place}: too quiet to measure its loudness in this excerpt{condition.why_silent}"
            raise ConditionError(condition.name, what)
        if condition.name == REFERENCE:
            self._reference_level, self._part = found, loudest(sound, self.rate_hz)
            self._reference_part = sound[self._part].copy()
        return found

    def _gain_db(self, condition: Condition, level: _Level) -> float:
        wanted = self.job.loudness
        return loudness.gain_db(
            level.lufs,
            self._reference_level.lufs,
            target_lufs=wanted.target_lufs,
            match=wanted.match,
            shared=condition.shares_the_references_gain,
        )

    def _written(self, condition: Condition, sound: Sound, level: _Level, gain_db: float) -> Iterator[Clip]:
        """Write the sound, and put it on record under each of its roles; a second role gets a copy of the file."""
        paths: dict[Role, Path] = {role: self._path(condition, role, gain_db) for role in condition.roles}
        first, *copies = paths.values()
        written = audio.write_clip(first, sound, self.rate_hz, gain_db=gain_db, part=self._part)
        digest = file_sha256(first)
        for path in copies:
            if not path.is_file() or file_sha256(path) != digest:
                with whole_file(path) as part:
                    shutil.copyfile(first, part)
        facts = self._facts(condition, sound, level, gain_db, written.part)
        lag, peak_dbfs = facts.resemblance, sample_peak_dbfs(sound)
        for role, path in paths.items():
            yield Clip(
                token=path.stem,
                file=path.relative_to(self.job.out).as_posix(),
                sha256=digest,
                samples_sha256=written.samples_sha256,
                item=self.job.item.name,
                condition=condition.name,
                role=role,
                rate_hz=self.rate_hz,
                frames=len(sound),
                channels=sound.shape[1],
                lufs_before=round(level.lufs, 4),
                lufs_after=round(level.energy.integrated_lufs(gain_db), 4),
                gain_db=gain_db,
                true_peak_dbtp=round(level.true_peak_dbtp + gain_db, 4),
                sample_peak_dbfs=round(peak_dbfs + gain_db, 4),
                lag_s=lag.lag_s if lag else 0.0,
                polarity=lag.polarity if lag else 1,
                render_key=condition.render.key if condition.render else "",
                provenance=condition.provenance,
                facts=facts,
            )

    def _path(self, condition: Condition, role: Role, gain_db: float) -> Path:
        """A name that says nothing, and is another one for any other sound."""
        made = [self._common, condition.name, role, *self._made_of(condition), round(gain_db, 6)]
        return self.job.out / "clips" / f"{identity(made)[:24]}.flac"

    def _facts(self, condition: Condition, sound: Sound, level: _Level, gain_db: float, decoded: Sound) -> Facts:
        """What the rules will judge, as it is heard; of the reference itself only its blemishes."""
        factor = 10 ** (gain_db / 20)
        short_term = level.energy.short_term_lufs
        range_lu = level.energy.range_lu
        return Facts(
            momentary_lufs=round(float(level.energy.momentary_lufs.max()) + gain_db, 3),
            short_term_lufs=round(float(short_term.max()) + gain_db, 3) if len(short_term) else None,
            range_lu=None if range_lu is None else round(range_lu, 3),
            dc=round(factor * blemishes.dc(sound), 7),
            end_step=round(factor * blemishes.end_step(sound), 7),
            clipped=blemishes.clipped(sound),
            dropout_s=blemishes.dropout_s(level.energy, self._reference_level.energy),
            resemblance=self._resemblance(condition, sound),
            response=self._response(condition, decoded),
        )

    def _resemblance(self, condition: Condition, sound: Sound) -> Resemblance | None:
        if condition.name == REFERENCE:
            return None
        return self._yardstick.resemblance(sound[self._part])

    @cached_property
    def _yardstick(self) -> Yardstick:
        """The reference, the other stems and the mixture, in the stretch that is looked at."""
        first, end, _ = self._part.indices(self.scene.frames)
        start, frames = self.scene.start + first, end - first
        read = self.scene.song.read
        others = {name: mixed(read(stem, start, frames) for stem in stems) for name, stems in self.scene.others.items()}
        return Yardstick(self._reference_part, others, self.rate_hz)

    def _response(self, condition: Condition, decoded: Sound) -> Response | None:
        if condition.name == REFERENCE:
            self._reference_decoded = decoded
        if isinstance(condition.entry, LowpassAnchor):
            return response(self._reference_decoded, decoded, self.rate_hz, condition.entry.cutoff_hz)
        return None
