"""Full-length renders: what each condition sounds like over the whole song, before any gain.

A render is content-addressed: its key is the identity of everything that its samples follow from (the song's
decoded samples, the system's entry and version, the input level, the stage's version). So a changed system
renders only its own, a stopped build resumes, and an unchanged one has nothing to do.

Conventions: renders are float32 WAV ``<key>.wav`` with their provenance beside them in ``<key>.json``.
Defines: ``Job``, ``Wanted``, ``render_all``, ``provenance_of``.
"""

from __future__ import annotations

import functools
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from tqdm import tqdm

from stimuli import anchors, audio, estimates
from stimuli.experiment import REFERENCE, AnyAnchor, AnySystem, FilesSystem, LowpassAnchor, Songs, identity
from stimuli.manifest import Provenance
from stimuli.separators import Song, Sound, run, separator
from stimuli.songs import source, target_of

VERSION = 1
"""Raised by hand whenever the samples of a render can change and no other version says so."""


@dataclass(frozen=True)
class Wanted:
    """One condition: the target itself, an anchor or a system (``entry``), and the name it goes by."""

    name: str
    entry: AnyAnchor | AnySystem | None = None

    @property
    def kind(self) -> str:
        """Kind of the entry; ``reference`` for the target."""
        return self.entry.kind if self.entry else REFERENCE

    @property
    def version(self) -> str:
        """Version of the code that makes the samples."""
        if isinstance(self.entry, LowpassAnchor):
            return str(anchors.VERSION)
        if self.entry is None or self.kind in ("mixture", "files"):
            return "1"
        return f"{separator(self.entry).version}.{run.VERSION}"  # type: ignore[arg-type]

    @property
    def parameters(self) -> dict[str, Any]:
        """What the entry says, without its name: renaming a condition changes no sample."""
        return self.entry.model_dump(mode="json", exclude={"name", "kind", "max_lag_ms"}) if self.entry else {}


@dataclass(frozen=True)
class Job:
    """One render: everything that a worker process needs to know."""

    songs: Songs
    folder: Path
    renders: Path
    song: str
    song_id: str
    target: str
    wanted: Wanted

    @functools.cached_property
    def key(self) -> str:
        """Identity of the render's samples."""
        content = self.song_id
        if isinstance(self.wanted.entry, FilesSystem):
            content += audio.samples_sha256(audio.read(self._estimate)[0])
        told = {} if isinstance(self.wanted.entry, FilesSystem) else self.wanted.parameters
        made = [VERSION, self.wanted.kind, self.wanted.version, told, run.INPUT_LUFS]
        return identity({"content": content, "target": self.target, "made": made})[:32]

    @property
    def path(self) -> Path:
        """Where the render lies."""
        return self.renders / f"{self.key}.wav"

    @property
    def done(self) -> bool:
        """Sound and provenance are both there (the provenance is written last)."""
        return self.path.is_file() and self.path.with_suffix(".json").is_file()

    @property
    def _estimate(self) -> Path:
        assert isinstance(self.wanted.entry, FilesSystem)
        return estimates.path_of(self.wanted.entry, self.folder, song=self.song, target=self.target)


def render_all(jobs: Sequence[Job], *, workers: int, progress: bool) -> int:
    """Render what is not there yet, in worker processes; returns how many were rendered.

    Raises
    ------
    StimuliError
        Where a system fails; what was finished before stays and is not rendered again.
    """
    missing = list({job.key: job for job in jobs if not job.done}.values())
    bar = tqdm(total=len(missing), unit="render", desc="rendering", disable=not progress or not missing)
    with bar:
        done: Any = Parallel(n_jobs=workers, return_as="generator_unordered")(delayed(_render)(job) for job in missing)
        for job in done:
            bar.set_postfix_str(f"{job.song}: {job.wanted.name}")
            bar.update()
    return len(missing)


def provenance_of(job: Job) -> Provenance:
    """How a finished render was made."""
    return Provenance.model_validate_json(job.path.with_suffix(".json").read_text(encoding="utf-8"))


def _render(job: Job) -> Job:
    song = _song(job)
    began = time.perf_counter()
    samples, extra = _sound(job, song)
    seconds = time.perf_counter() - began
    facts = {
        "kind": job.wanted.kind,
        "version": job.wanted.version,
        "parameters": job.wanted.parameters,
        "seconds": round(seconds, 3),
        "real_time_factor": round(seconds * song.rate_hz / len(song.mixture), 4),
    }
    facts["parameters"] |= extra.pop("parameters", {})
    audio.write_render(job.path, samples, song.rate_hz)
    part = job.path.with_name(f".{job.key}.{uuid.uuid4().hex[:8]}.part")
    part.write_text(json.dumps(facts | extra, indent=1), encoding="utf-8")
    part.replace(job.path.with_suffix(".json"))
    return job


def _sound(job: Job, song: Song) -> tuple[Sound, dict[str, Any]]:
    """The condition's sound, and what its provenance says beyond kind and version."""
    entry = job.wanted.entry
    if entry is None:
        return target_of(song, job.target), {}
    if isinstance(entry, LowpassAnchor):
        return anchors.lowpass(target_of(song, job.target), song.rate_hz, cutoff_hz=entry.cutoff_hz), {}
    if entry.kind == "mixture":
        return song.mixture, {}
    if isinstance(entry, FilesSystem):
        return estimates.load(entry, job.folder, song, job.target), {}
    system = separator(entry)
    samples, _ = run.run(system, entry.name, song, job.target)
    return samples, system.provenance() | {"input_lufs": run.INPUT_LUFS}


_last: dict[tuple[Path, str, str], Song] = {}
"""The song that this worker read last: it meets a song's jobs one after the other."""


def _song(job: Job) -> Song:
    """The job's song, read once for all its jobs in a row."""
    key = (job.folder, job.songs.model_dump_json(), job.song)
    if key not in _last:
        _last.clear()
        _last[key] = source(job.songs, job.folder).load(job.song)
    return _last[key]
