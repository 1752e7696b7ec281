"""One track of a data set and its estimates, scored by museval's rules and by the families of metrics.

museval's rules (``eval_mus_track`` of 0.4.1): where vocals and accompaniment are both estimated, they are a problem of
two sources by themselves; all other estimates of a track, and the vocals with them, are scored together. One estimate
alone has no place in museval's file; here the families measure it nevertheless, with all true stems known.

Conventions: sound float64 (frames, channels); rows bear the name of the folder of estimates as their condition.
Defines: ``Wanted``, ``TrackJob``, ``Measured``, ``measure_track``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import arithmetic_on
from analysis.metrics.bss.images import References, Scores
from analysis.metrics.families.bss import RIDGED, number_of
from analysis.metrics.family import chosen
from analysis.metrics.scoring.museval_rows import write_track
from analysis.metrics.scoring.permutation import assigned
from analysis.metrics.scoring.stretch import Row, Stretch, row_of, rows_of
from analysis.metrics.truth import NoNumber, Truth
from stimuli import audio
from stimuli.errors import HiddenReferenceError, StimuliError
from stimuli.tracks import Tracks

TWO = ("vocals", "accompaniment")


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    ``pad``: bring estimates to their songs' lengths; ``unordered``: find out whose they are; ``device``: where torch
    computes BSS Eval, None for numpy.
    """

    root: Path
    estimates: Path
    out: Path
    families: tuple[str, ...] = ()
    pad: bool = False
    unordered: bool = False
    device: str | None = None


@dataclass(frozen=True)
class TrackJob:
    """One track: everything that a worker process needs to know."""

    wanted: Wanted
    track: str
    files: Mapping[str, Path]
    length_s: float

    @property
    def told(self) -> str:
        """What the progress bar says."""
        return self.track


@dataclass(frozen=True)
class Measured:
    """All rows of one track, what is to be said of it, and whether museval's file was written."""

    rows: list[Row]
    notes: list[str]
    written: bool


def measure_track(job: TrackJob) -> Measured:
    """Measure one track and write museval's file; a track whose own files can't be used is said."""
    try:
        return _Track(job).measured()
    except StimuliError as error:
        return Measured([], [f"{job.track}: left out: {error}"], False)


class _Track:
    """The work on one track."""

    def __init__(self, job: TrackJob) -> None:
        self.job, self.notes = job, list[str]()
        self.song = Tracks(job.wanted.root).open(job.track)
        self.form = self.song.form
        self.arithmetic = arithmetic_on(job.wanted.device)

    def measured(self) -> Measured:
        """Rows and notes."""
        targets = list(self.song.stems) if self.job.wanted.unordered else list(self.job.files)
        references = self._references(targets)
        estimates, reasons = self._estimates(references)
        families = chosen(self.job.wanted.families)
        scores = self._by_musevals_rules(references, estimates)
        rows, cautions = [], dict[str, str]()
        for target in references:
            together = scores.get(target)
            own = [one for one in families if one.name != "bss" or together is None or isinstance(together, NoNumber)]
            stretch = self._stretch(target, references, estimates, reasons)
            rows += [row for row, _ in rows_of(stretch, own, cautions, self.arithmetic)]
            if isinstance(together, tuple) and len(own) < len(families):
                rows += list(_bss_rows(stretch, together))
        silent = [name for name, sound in estimates.items() if not sound.any()]
        if any(isinstance(entry, tuple) and entry[0].ridge for entry in scores.values()):
            cautions["bss"] = RIDGED
        notes = [
            *self.notes,
            *dict.fromkeys(cautions.values()),
            *([f"silent, and without numbers: {', '.join(silent)}"] if silent else []),
        ]
        written = any(isinstance(entry, tuple) for entry in scores.values())
        return Measured(rows, [f"{self.job.track}: {note}" for note in notes], written)

    def _references(self, targets: Sequence[str]) -> dict[str, np.ndarray]:
        found = {}
        for target in targets:
            try:
                found[target] = self.song.target(target).astype(np.float64)
            except StimuliError as error:
                self.notes.append(f"the estimate {target} was left out: {error}")
        return found

    def _estimates(self, references: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Sounds of the estimates, by target; and why one can't be used."""
        found, reasons = {}, {}
        for name, path in self.job.files.items():
            if not self.job.wanted.unordered and name not in references:
                continue
            try:
                found[name] = self._read(path)
            except HiddenReferenceError as error:
                reasons[name] = str(error)
                self.notes.append(f"the estimate {name} has no numbers: {error}")
        if self.job.wanted.unordered:
            try:
                assignment = assigned(references, found)
            except AnalysisError as error:
                self.notes.append(str(error))
                return {}, dict.fromkeys(references, str(error))
            self.notes.append(assignment.sentence)
            found = {target: found[name] for target, name in assignment.pairs.items()}
        return found, reasons

    def _read(self, path: Path) -> np.ndarray:
        sound, rate_hz = audio.read(path)
        for what, mine, wanted in (
            ("Hz", rate_hz, self.form.rate_hz),
            ("channel(s)", sound.shape[1], self.form.channels),
        ):
            if mine != wanted:
                raise AnalysisError(f"{path}: {mine} {what}, but the song has {wanted} {what}; render it like the song")
        if (over := len(sound) - self.form.frames) and not self.job.wanted.pad:
            raise AnalysisError(
                f"{path}: {len(sound)} frames, but the song has {self.form.frames}; render it to the song's length, or "
                "say --pad"
            )
        if over:
            done = f"{over} frames cut from the end" if over > 0 else f"{-over} zeros put to the end"
            self.notes.append(f"padded: {done} of {path.name}")
            sound = np.pad(sound[: self.form.frames], ((0, max(-over, 0)), (0, 0)))
        return sound.astype(np.float64)

    def _by_musevals_rules(
        self, references: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray]
    ) -> dict[str, tuple[Scores, int] | NoNumber]:
        """Scores of each target with its place in them, or why there are none; museval's file is written."""
        both = all(name in estimates for name in TWO)
        rest = [name for name in references if name in estimates and not (both and name == "accompaniment")]
        problems = [rest] if len(rest) > 1 else []
        problems += [list(TWO)] if both else []
        if not problems and estimates:
            self.notes.append(
                f"museval asks for two estimates and there is {next(iter(estimates))} alone: no file for it"
            )
        found: dict[str, tuple[Scores, int] | NoNumber] = {}
        for names in problems:
            try:
                true = np.stack([references[name] for name in names])
                together = References(true, self.form.rate_hz, arithmetic=self.arithmetic)
                scores = together.scores(np.stack([estimates[name] for name in names]))
            except AnalysisError as error:
                self.notes.append(f"no numbers of BSS Eval: {error}")
                found |= dict.fromkeys(names, NoNumber(str(error)))
            else:
                found |= {name: (scores, place) for place, name in enumerate(names)}
        there = {name: entry for name, entry in found.items() if isinstance(entry, tuple)}
        if there:
            path = self.job.wanted.out / self.song.split / f"{self.job.track}.json"
            write_track(
                path, {name: scores for name, (scores, _) in there.items()}, {n: p for n, (_, p) in there.items()}
            )
        return found

    def _stretch(
        self,
        target: str,
        references: Mapping[str, np.ndarray],
        estimates: Mapping[str, np.ndarray],
        reasons: Mapping[str, str],
    ) -> Stretch:
        def truth() -> Truth:
            return Truth(references[target], self.form.rate_hz, self.song.others(target), self.song.mixture)

        def sound(_: str) -> np.ndarray:
            if target not in estimates:
                raise AnalysisError(reasons.get(target, "there is no estimate"))
            return estimates[target]

        labels = {
            "song": self.job.track,
            "item": "",
            "target": target,
            "dataset": "",
            "stretch": "song",
            "basis": "file",
        }
        return Stretch(labels, {self.job.wanted.estimates.name: "system"}, truth, sound)


def _bss_rows(stretch: Stretch, found: tuple[Scores, int]) -> Iterator[Row]:
    """Medians over the frames, as museval aggregates them."""
    scores, place = found
    (condition,) = stretch.roles
    for name, values in scores.medians().items():
        yield row_of(stretch, condition, "bss", f"bss_{name}_db", number_of(float(values[place])))
