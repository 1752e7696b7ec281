"""One system on one sound file, outside any experiment: ``mushra separate``.

Conventions: estimates are float32 WAV ``<source>.wav`` of the mixture's rate, length and channels; ``provenance.json``
beside them is written last. Every file is whole or not there, and the next run removes what a killed one left half
written.

Defines: ``chosen``, ``prepared``, ``separate``, ``Task``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stimuli import audio, experiment
from stimuli.errors import StimuliError
from stimuli.experiment import AnySystem, FilesSystem
from stimuli.manifest import Provenance, file_sha256
from stimuli.render import facts_of
from stimuli.separators import Separator, Song, run, separator
from stimuli.separators.listing import with_defaults
from stimuli.whole_files import whole_file

PROVENANCE, LOCK = "provenance.json", ".separate.lock"
OURS = (".*.wav.????????.part", f".{PROVENANCE}.????????.part")
"""Half-written files (``whole_file``); the folder may hold others' too."""
Echo = Callable[[str], object]


@dataclass(frozen=True)
class Task:
    """A system, a sound file, and where its estimates of which sources go: all that it gives where none are named."""

    entry: AnySystem
    runs: Separator
    mixture: Path
    out: Path
    targets: Sequence[str] = ()

    def paths(self) -> dict[str, Path]:
        """The file of each source; refused where the system can't run, or one would be written over the mixture."""
        if reason := self.runs.missing():
            raise StimuliError(f"system {self.entry.name!r}: {reason}")
        wanted = tuple(dict.fromkeys(self.targets)) or _all_of(self.runs, self.entry.name)
        paths = {target: self.out / f"{target}.wav" for target in wanted}
        if self.mixture.absolute() in {path.absolute() for path in paths.values()}:
            raise StimuliError(
                f"{self.mixture}: an estimate of that name would be written over it; choose another --out"
            )
        return paths

    def describe(self, form: audio.Format) -> str:
        """The line that says what is going to happen."""
        length_s = form.frames / form.rate_hz
        return (
            f"{self.mixture}: {length_s:.2f} s, {form.channels} channel(s), {form.rate_hz} Hz; "
            f"separating with {self.entry.name}"
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder and hold it alone, without what a killed run left half written in it.

        Raises
        ------
        StimuliError
            Where another run writes there, or nothing can be written.
        """
        lock = FileLock(self.out / LOCK, timeout=0)
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise StimuliError(f"{self.out}: another run writes here; wait for it, or choose another --out") from None
        except OSError as error:
            raise StimuliError(f"{self.out}: can't be written: {error.strerror}; choose another --out") from None
        try:
            for part in (part for name in OURS for part in self.out.glob(name)):
                part.unlink(missing_ok=True)
            yield
        finally:
            (self.out / LOCK).unlink(missing_ok=True)
            lock.release()

    def forget(self) -> None:
        """Take away what an earlier result's record says: it is not of the estimates that are put there now."""
        (self.out / PROVENANCE).unlink(missing_ok=True)

    def tell_silent(self, silent: Sequence[str], of_silence: bool, facts: Provenance, echo: Echo) -> None:
        """Say which estimates are silent, and why; ``of_silence``: so is the mixture."""
        why = "so is the mixture" if of_silence else facts.parameters.get("silent")
        for target in silent:
            echo(f"{target}.wav is silent: {why or f'{self.entry.name} found none of it'}")

    def record(self, facts: Provenance, paths: Sequence[Path], more: Mapping[str, Any]) -> str:
        """Write how the estimates came to be, and say in a line what there is."""
        told = {
            "system": self.entry.name,
            "mixture": self.mixture.name,
            "mixture_sha256": file_sha256(self.mixture),
            "estimates_sha256": {path.name: file_sha256(path) for path in paths},
            "provenance": facts.model_dump(),
            **more,
        }
        with whole_file(self.out / PROVENANCE) as part:
            part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return f"{self.out}: {', '.join(path.name for path in paths)}; {facts.real_time_factor:.3f} x real time"


def chosen(name: str, path: Path | None) -> tuple[AnySystem, Path]:
    """The entry of a system and the folder that its paths are relative to.

    Parameters
    ----------
    name : a kind or a plugin that needs no more; with ``path``, the name of a system in that experiment file.

    Raises
    ------
    StimuliError
        Where there is no such system.
    """
    if path is None:
        return with_defaults(name), Path()
    systems = {system.name: system for system in experiment.load(path).systems}
    if name not in systems:
        raise StimuliError(f"{path}: no system is called {name!r}; found {', '.join(systems)}")
    return systems[name], path.absolute().parent


def separate(
    entry: AnySystem,
    runs: Separator,
    mixture: Path,
    out: Path,
    targets: Sequence[str] = (),
    echo: Echo = lambda _: None,
) -> list[Path]:
    """Run a system on a file and write what it gives.

    Parameters
    ----------
    targets : which sources; all that the system gives if empty.
    echo : called with each line that a person should read.

    Raises
    ------
    StimuliError
        Where the mixture can't be read, the system can't run, fails or does not give a target, or an estimate would be
        written over the mixture; then nothing is written.
    """
    task = Task(entry, runs, mixture, out, targets)
    paths = task.paths()
    samples, rate_hz = audio.read(mixture)
    song = Song(mixture.stem, rate_hz, samples)
    echo(task.describe(audio.Format(rate_hz, *samples.shape)))
    began = time.perf_counter()
    estimates, _ = run.run_all(runs, entry.name, song, tuple(paths))
    facts = facts_of(entry, runs, time.perf_counter() - began, len(samples) / rate_hz)
    with task.writing():
        task.forget()
        for target, path in paths.items():
            audio.write_render(path, estimates[target], rate_hz)
        echo(task.record(facts, list(paths.values()), {}))
    silent = [target for target, estimate in estimates.items() if not estimate.any()]
    task.tell_silent(silent, not samples.any(), facts, echo)
    return list(paths.values())


def prepared(entry: AnySystem, folder: Path, device: str) -> Separator:
    """The separator of an entry.

    Raises
    ------
    StimuliError
        Where there is nothing to run.
    """
    if isinstance(entry, FilesSystem):
        raise StimuliError(f"system {entry.name!r} was rendered elsewhere: there is nothing to run")
    return separator(entry, device, folder)


def _all_of(runs: Separator, name: str) -> tuple[str, ...]:
    if given := runs.gives(()):
        return given
    raise StimuliError(
        f"system {name!r}: it looks at the true stems, and a mixture alone has none; run it with: mushra stimuli build"
    )
