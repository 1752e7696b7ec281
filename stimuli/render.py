"""Full-length renders: what each system that runs here makes of each song, before any gain.

A render is content-addressed: its key is the identity of everything that its samples follow from (the song's
files, the system's entry and version, the input level, the stage's version). So a changed system
renders only its own, a stopped build resumes, and an unchanged one has nothing to do.

Conventions: renders are float32 WAV ``<key>.wav`` with their provenance beside them in ``<key>.json``.
Defines: ``Render``, ``render``, ``attempt``, ``song_identity``, ``as_heard``, ``key_of``, ``facts_of``,
``provenance_of``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.experiment import AnySystem, Songs, identity
from stimuli.manifest import Provenance
from stimuli.separators import Separator, run, separator, stretches
from stimuli.sources import songs as sources
from stimuli.sources.song import MIXTURE, Song, whole
from stimuli.whole_files import whole_file

VERSION = 2
"""Raised by hand whenever the samples of a render can change and no other version says so."""


@dataclass(frozen=True)
class Render:
    """One system on one song: everything that a worker process needs to know."""

    songs: Songs
    folder: Path
    renders: Path
    song: str
    target: str
    system: AnySystem
    key: str
    length_s: float
    device: str = "cpu"

    @property
    def path(self) -> Path:
        """Where the render lies."""
        return self.renders / f"{self.key}.wav"

    @property
    def done(self) -> bool:
        """Sound and provenance are both there (the provenance is written last)."""
        return self.path.is_file() and self.path.with_suffix(".json").is_file()

    @property
    def told(self) -> str:
        """What the progress bar says."""
        return f"{self.song}: {self.system.name}"


def song_identity(song: Song, *, stems: bool) -> str:
    """Identity of what a system can see of a song: the mixture, and for an oracle its stems too."""
    return identity([song.fingerprint(name) for name in ((MIXTURE, *song.stems) if stems else (MIXTURE,))])


def as_heard(song_id: str, system: Separator, length_s: float) -> str:
    """Identity of a song as a system hears it: that of the song, unless it comes to it in stretches."""
    cut = stretches.told(system, length_s)
    return identity([song_id, cut]) if cut else song_id


def key_of(system: AnySystem, song_id: str, target: str, device: str = "cpu", folder: Path | None = None) -> str:
    """Identity of a render's samples; the system's name is not part of it.

    Raises
    ------
    StimuliError
        Where a file of the system is not the one that its entry pins.
    """
    runs = separator(system, device, folder)
    made = [VERSION, system.kind, f"{runs.version}.{run.VERSION}", parameters_of(system), run.INPUT_LUFS]
    # Another device rounds differently; systems that know none run on the processor, of which the key says nothing.
    where = getattr(runs, "device", "cpu")
    more = {} if where == "cpu" else {"device": where}
    if files := getattr(runs, "fingerprint", dict)():
        more["follows_from"] = files
    return identity({"content": song_id, "target": target, "made": made} | more)[:32]


def parameters_of(entry: object) -> dict[str, object]:
    """What an entry of the experiment says of its samples: other names, places and limits of time change none."""
    left_out = {"name", "max_lag_ms", "path", "sha256", "time_limit_s"}
    exclude = dict.fromkeys((*left_out, "kind"), True) | {"members": {"__all__": left_out}}
    return entry.model_dump(mode="json", exclude=exclude)  # type: ignore[attr-defined]


def render(job: Render) -> Render:
    """Run the system on its song and write what it made, the provenance last.

    Raises
    ------
    StimuliError
        Where the system fails or gives something else than a sound of the song's shape.
    """
    song = whole(sources.source(job.songs, job.folder).open(job.song))
    system = separator(job.system, job.device, job.folder)
    began = time.perf_counter()
    samples, _ = run.run(system, job.system.name, song, job.target)
    seconds = time.perf_counter() - began
    audio.write_render(job.path, samples, song.rate_hz)
    facts = facts_of(job.system, system, seconds, len(song.mixture) / song.rate_hz)
    with whole_file(job.path.with_suffix(".json")) as part:
        part.write_text(json.dumps(facts.model_dump(), indent=1), encoding="utf-8")
    return job


def attempt(job: Render) -> str:
    """Render; says what went wrong with the system, empty where nothing did."""
    try:
        render(job)
    except StimuliError as error:
        return str(error)
    return ""


def facts_of(entry: AnySystem, system: Separator, seconds: float, length_s: float) -> Provenance:
    """How a system that ran for ``seconds`` on a song of ``length_s`` made what it made."""
    told = system.provenance()
    return Provenance(
        kind=entry.kind,
        version=f"{system.version}.{run.VERSION}",
        parameters=parameters_of(entry) | told["parameters"] | stretches.told(system, length_s),
        weights_sha256=told["weights_sha256"],
        input_lufs=run.INPUT_LUFS,
        device=told.get("device", "cpu"),
        seconds=round(seconds, 3),
        real_time_factor=round(seconds / length_s, 4),
    )


def provenance_of(job: Render) -> Provenance:
    """How a finished render was made."""
    return Provenance.model_validate_json(job.path.with_suffix(".json").read_text(encoding="utf-8"))
