"""Sound files held against each other: one estimate against its reference, or some without order.

Sounds of different rates, lengths or numbers of channels are refused, unless it is said what to do with the lengths:

* ``align``: the estimate is shifted by a whole number of samples, to where its cross-correlation with the reference
  (all channels added up, the sign left aside) is greatest, and both are cut to what they share;
* ``pad``: zeros are put to the end of the shorter ones.

Either is said with its figure, since it changes what is measured.

Conventions: sound float64 (frames, channels); a lag is positive where the estimate is late.
Defines: ``Given``, ``score_files``, ``lag_of``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.signal import correlate

from analysis.errors import AnalysisError
from analysis.metrics.bss.arithmetic import arithmetic_on
from analysis.metrics.family import chosen
from analysis.metrics.results import table
from analysis.metrics.results.table import Scored
from analysis.metrics.results.versions import versions
from analysis.metrics.scoring.permutation import assigned
from analysis.metrics.scoring.stretch import Row, Stretch, rows_of
from analysis.metrics.truth import Truth
from stimuli import audio

Fit = Literal["exact", "align", "pad"]


@dataclass(frozen=True)
class Given:
    """The files: references and estimates in pairs, or (``unordered``) in any order; what else is in the mixture."""

    references: Sequence[Path]
    estimates: Sequence[Path]
    mixture: Path | None = None
    others: Mapping[str, Path] = field(default_factory=dict)
    fit: Fit = "exact"
    unordered: bool = False


@dataclass(frozen=True)
class _Sounds:
    """What was read, by names: of the files, of the other sources."""

    rate_hz: int
    references: dict[str, np.ndarray]
    estimates: dict[str, np.ndarray]
    others: dict[str, np.ndarray]
    mixture: np.ndarray | None


def score_files(given: Given, families: Sequence[str] = (), device: str | None = None) -> Scored:
    """All metrics of the estimates; ``song`` is the reference's name and ``condition`` the estimate's.

    Parameters
    ----------
    device : where torch computes BSS Eval; None for numpy.

    Raises
    ------
    AnalysisError
        Where a family or the device can't be used here, files do not fit together, or nothing could be measured.
    StimuliError
        Where a file can't be read.
    """
    used, arithmetic = chosen(families), arithmetic_on(device)
    _check(given)
    sounds, notes = _fitted(_read(given), given.fit)
    if given.unordered:
        found = assigned(sounds.references, sounds.estimates)
        pairs, notes = dict(found.pairs), [*notes, found.sentence]
    else:
        pairs = dict(zip(sounds.references, sounds.estimates, strict=True))
    cautions: dict[str, str] = {}
    rows: list[Row] = [
        row
        for name, estimate in pairs.items()
        for row, _ in rows_of(_stretch(sounds, name, estimate), used, cautions, arithmetic)
    ]
    notes = [*notes, *dict.fromkeys(cautions.values())]
    frame = table.frame_of(rows)
    if frame["value"].isna().all():
        raise AnalysisError("nothing could be measured: " + "; ".join(dict.fromkeys(frame["reason"])))
    return Scored(frame, "", versions(used), tuple(f"{note}." for note in notes))


def lag_of(reference: np.ndarray, estimate: np.ndarray) -> int:
    """By how many samples the estimate is late against the reference; their lengths may differ. 0 for silence."""
    if not (reference.any() and estimate.any()):
        return 0
    channels = zip(reference.T, estimate.T, strict=True)
    found = np.abs(sum(correlate(theirs, own, "full", "fft") for own, theirs in channels))
    return int(np.argmax(found)) - (len(reference) - 1)


def _check(given: Given) -> None:
    if not given.references or not given.estimates:
        raise AnalysisError("name a reference and an estimate: --reference R.wav --estimate E.wav")
    if not given.unordered and (len(given.references), len(given.estimates)) != (1, 1):
        raise AnalysisError(
            f"{len(given.references)} references and {len(given.estimates)} estimates; give one of each, or say with "
            "--unordered that they are to be assigned"
        )
    if given.fit == "align" and len(given.estimates) > 1:
        raise AnalysisError("--align takes one reference and one estimate: others would be shifted differently")
    if twice := {path.stem for path in given.references} & set(given.others):
        raise AnalysisError(f"--other {min(twice)} is called like a reference; give it another name")
    for paths in (given.references, given.estimates):
        names = [path.stem for path in paths]
        if len(set(names)) < len(names):
            raise AnalysisError(f"two files are called {max(names, key=names.count)}; give each another name")


def _read(given: Given) -> _Sounds:
    """All files; one rate and one number of channels."""
    paths = [*given.references, *given.estimates, *given.others.values(), *([given.mixture] if given.mixture else [])]
    read = {path: audio.read(path) for path in paths}
    first = given.references[0]
    for path, (sound, rate_hz) in read.items():
        for what, mine, wanted in (
            ("Hz", rate_hz, read[first][1]),
            ("channel(s)", sound.shape[1], read[first][0].shape[1]),
        ):
            if mine != wanted:
                raise AnalysisError(f"{path}: {mine} {what}, but {first} has {wanted} {what}; render both alike")
    sounds = {path: sound.astype(np.float64) for path, (sound, _) in read.items()}
    return _Sounds(
        read[first][1],
        {path.stem: sounds[path] for path in given.references},
        {path.stem: sounds[path] for path in given.estimates},
        {name: sounds[path] for name, path in given.others.items()},
        sounds[given.mixture] if given.mixture else None,
    )


def _fitted(sounds: _Sounds, fit: Fit) -> tuple[_Sounds, list[str]]:
    """The sounds with one length, and what was done to them."""
    if fit == "pad":
        return _padded(sounds)
    first, wanted = next((name, len(sound)) for name, sound in sounds.references.items())
    for name, sound in (_truths(sounds) if fit == "align" else _all(sounds)).items():
        if len(sound) != wanted:
            rate_hz = sounds.rate_hz
            mend = "" if fit == "align" else ", or say --align or --pad"
            raise AnalysisError(
                f"{name}: {len(sound)} frames ({len(sound) / rate_hz:.3f} s), but {first} has {wanted} "
                f"({wanted / rate_hz:.3f} s); render both with one length{mend}"
            )
    return _aligned(sounds) if fit == "align" else (sounds, [])


def _aligned(sounds: _Sounds) -> tuple[_Sounds, list[str]]:
    (reference,), ((name, estimate),) = sounds.references.values(), sounds.estimates.items()
    lag = lag_of(reference, estimate)
    start, late = max(-lag, 0), max(lag, 0)
    shared = min(len(reference) - start, len(estimate) - late)
    cut = slice(start, start + shared)
    moved = _Sounds(
        sounds.rate_hz,
        {key: sound[cut] for key, sound in sounds.references.items()},
        {name: estimate[late : late + shared]},
        {key: sound[cut] for key, sound in sounds.others.items()},
        None if sounds.mixture is None else sounds.mixture[cut],
    )
    seconds = sounds.rate_hz
    said = (
        f"aligned: {name} is {abs(lag)} samples ({abs(lag) / seconds * 1000:.2f} ms) {'late' if lag > 0 else 'early'}"
    )
    if lag == 0:
        said = f"aligned: {name} is neither late nor early"
    return moved, [f"{said}; measured on the {shared} samples ({shared / seconds:.3f} s) that both share"]


def _padded(sounds: _Sounds) -> tuple[_Sounds, list[str]]:
    longest = max(len(sound) for sound in _all(sounds).values())
    notes = [
        f"padded: {longest - len(sound)} zeros ({(longest - len(sound)) / sounds.rate_hz:.3f} s) at the end of {name}"
        for name, sound in _all(sounds).items()
        if len(sound) < longest
    ]

    def padded(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: np.pad(sound, ((0, longest - len(sound)), (0, 0))) for name, sound in found.items()}

    mixture = None if sounds.mixture is None else padded({"": sounds.mixture})[""]
    return _Sounds(
        sounds.rate_hz, padded(sounds.references), padded(sounds.estimates), padded(sounds.others), mixture
    ), notes


def _truths(sounds: _Sounds) -> dict[str, np.ndarray]:
    mixture = {} if sounds.mixture is None else {"the mixture": sounds.mixture}
    return {**sounds.references, **sounds.others, **mixture}


def _all(sounds: _Sounds) -> dict[str, np.ndarray]:
    estimates = {f"{name} (the estimate)": sound for name, sound in sounds.estimates.items()}
    return {**_truths(sounds), **estimates}


def _stretch(sounds: _Sounds, reference: str, estimate: str) -> Stretch:
    """One estimate against its reference; the other references are other sources too."""
    others = {name: sound for name, sound in sounds.references.items() if name != reference} | sounds.others

    def truth() -> Truth:
        return Truth(sounds.references[reference], sounds.rate_hz, others, sounds.mixture)

    labels = {"song": reference, "item": "", "target": "", "dataset": "", "stretch": "song", "basis": "file"}
    return Stretch(labels, {estimate: "system"}, truth, lambda name: sounds.estimates[name])
