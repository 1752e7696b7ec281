"""What the contact sheet shows, as frozen dataclasses: a built set with its rules, items and clips.

Conventions: numbers are texts as people read them, a dash where nothing is known; loudness in LUFS, peaks in dBTP,
lags in milliseconds and samples. Defines: ``Sheet``, ``Item``, ``Card``, ``Mark``, ``Tick``, ``sheet_of``.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stimuli import audio
from stimuli.inspection import pictures
from stimuli.manifest import Clip, ItemRecord, LeftOut, Manifest, RuleResult

DASH = "–"
ORDER = ("reference", "hidden_reference", "mixture", "anchor", "system")
SEVERITIES = ("must", "should", "note")
TICKS_HZ = (100, 1000, 3500, 10_000)

Fact = tuple[str, str]
"""A name and what is to be said of it."""


@dataclass(frozen=True)
class Mark:
    """A rule that a clip breaks."""

    rule: str
    severity: str


@dataclass(frozen=True)
class Tick:
    """A frequency on the spectrogram's axis; ``height`` in percent from the bottom."""

    label: str
    height: float


@dataclass(frozen=True)
class Card:
    """One clip. ``outline`` is an SVG path, ``picture`` the spectrogram's PNG as a data URI; ``role`` in words."""

    token: str
    source: str
    file: str
    name: str
    role: str
    outline: str
    picture: str
    facts: tuple[Fact, ...]
    more: tuple[Fact, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Item:
    """One item and its clips, side by side."""

    anchor: str
    name: str
    facts: tuple[Fact, ...]
    length_s: float
    ticks: tuple[Tick, ...]
    cards: tuple[Card, ...]

    @property
    def marked(self) -> int:
        """How many of its clips break a rule."""
        return sum(bool(card.marks) for card in self.cards)

    @property
    def worst(self) -> str:
        """The gravest severity among its clips' marks; "" where none has any."""
        found = {mark.severity for card in self.cards for mark in card.marks}
        return next((severity for severity in SEVERITIES if severity in found), "")


@dataclass(frozen=True)
class Rule:
    """What a rule said; ``places`` are the clips it means: a card's token, and how it is called."""

    rule: str
    severity: str
    authority: str
    message: str
    places: tuple[Fact, ...]


@dataclass(frozen=True)
class Sheet:
    """A whole set. ``called`` says what a test of it may be called as far as the sounds go."""

    title: str
    called: str
    facts: tuple[Fact, ...]
    broken: tuple[Rule, ...]
    met: tuple[Rule, ...]
    left_out: tuple[LeftOut, ...]
    items: tuple[Item, ...]


def sheet_of(folder: Path, found: Manifest, address: str, told: Callable[[Clip], object] = lambda _: None) -> Sheet:
    """Look at every clip of a set.

    Parameters
    ----------
    address : of the set's folder as the page sees it, without a slash at its end: clips are played from there.
    told : called with each clip that was looked at.

    Raises
    ------
    SoundError
        Where a clip can't be read.
    """
    named = {clip.token: f"{clip.condition} in {clip.item}" for clip in found.clips}
    shown = _shown(found.clips)
    cards = {clip.token: clips[0].token for clips in shown for clip in clips}
    rules = [_rule(result, named, cards) for result in sorted(found.rules, key=_gravity)]
    passed = {result.rule for result in found.rules if result.passed}
    items = tuple(
        _item(folder, number, item, [clips for clips in shown if clips[0].item == item.name], found, address, told)
        for number, item in enumerate(found.items, 1)
    )
    systems = {clip.condition for clip in found.clips if clip.role == "system"}
    return Sheet(
        title=found.title,
        called="a multi-stimulus test, no MUSHRA test"
        if found.missing_for_mushra
        else "may be called a MUSHRA test, if the test as run holds too",
        facts=(
            ("Items", str(len(found.items))),
            ("Clips", f"{len(found.clips)}, {len(systems)} systems"),
            ("Level", _level_of(found)),
            ("Sounds", found.stimuli_id[:16]),
            ("Study", found.study_id[:16]),
            ("Made", found.made_at),
        ),
        broken=tuple(rule for rule in rules if rule.rule not in passed),
        met=tuple(rule for rule in rules if rule.rule in passed),
        left_out=found.left_out,
        items=items,
    )


def _gravity(result: RuleResult) -> int:
    return SEVERITIES.index(result.severity)


def _shown(clips: Sequence[Clip]) -> list[list[Clip]]:
    """Clips that are one card: the hidden reference is shown with the open one where both are the same."""
    groups: dict[tuple[str, str, str], list[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: ORDER.index(clip.role)):
        groups.setdefault((clip.item, clip.condition, clip.samples_sha256), []).append(clip)
    return list(groups.values())


def _rule(result: RuleResult, named: dict[str, str], cards: dict[str, str]) -> Rule:
    places = {cards[token]: named[token] for token in result.clips if token in named}
    return Rule(result.rule, result.severity, result.authority, result.message, tuple(places.items()))


def _level_of(found: Manifest) -> str:
    wanted = found.experiment.loudness
    how = {"item": "one gain per item", "each": "every system a gain of its own", "none": "gains left alone"}
    return f"{_number(wanted.target_lufs)} LUFS, {how[wanted.match]}, at most {_number(wanted.ceiling_dbtp)} dBTP"


def _item(
    folder: Path,
    number: int,
    item: ItemRecord,
    shown: list[list[Clip]],
    found: Manifest,
    address: str,
    told: Callable[[Clip], object],
) -> Item:
    """One item: all of its pictures have one scale."""
    looks = []
    for clips in shown:
        sound, rate_hz = audio.read(folder / clips[0].file)
        looks.append((pictures.envelope(sound), pictures.spectrogram(sound, rate_hz)))
        for clip in clips:
            told(clip)
    peak = max((float(np.abs(extremes).max()) for extremes, _ in looks), default=1.0)
    loudest = max((float(power.max()) for _, power in looks), default=1.0)
    rate_hz = shown[0][0].rate_hz if shown else 44_100
    return Item(
        anchor=f"item-{number}",
        name=item.name,
        facts=(
            ("song", item.song),
            ("from", f"{item.start_s:g} to {item.start_s + item.length_s:g} s"),
            ("target", item.target),
            ("data set", item.dataset or DASH),
            ("used for", "test and training" if item.use == "both" else item.use),
        ),
        length_s=item.length_s,
        ticks=tuple(
            Tick(f"{hz / 1000:g}k" if hz >= 1000 else str(hz), round(100 * pictures.height_of(hz, rate_hz), 2))
            for hz in TICKS_HZ
            if hz < pictures.highest_hz(rate_hz)
        ),
        cards=tuple(
            _card(clips, found.rules, address, pictures.outline(extremes, peak), pictures.png(power, loudest))
            for clips, (extremes, power) in zip(shown, looks, strict=True)
        ),
    )


def _card(clips: list[Clip], rules: Iterable[RuleResult], address: str, outline: str, picture: bytes) -> Card:
    clip, tokens = clips[0], {clip.token for clip in clips}
    return Card(
        token=clip.token,
        source=f"{address}/{clip.file}",
        file=clip.file,
        name=clip.condition,
        role=_role(clips),
        outline=outline,
        picture="data:image/png;base64," + base64.b64encode(picture).decode(),
        facts=tuple(_facts(clip)),
        more=tuple(_more(clip)),
        marks=tuple(
            Mark(rule.rule, rule.severity)
            for rule in sorted(rules, key=_gravity)
            if not rule.passed and tokens & set(rule.clips)
        ),
    )


def _role(clips: list[Clip]) -> str:
    words = {"reference": "open reference", "hidden_reference": "hidden reference", "mixture": "open mixture"}
    roles = [words.get(clip.role, clip.role) for clip in clips]
    return "reference, open and hidden" if len(roles) > 1 else roles[0]


def _facts(clip: Clip) -> Iterable[Fact]:
    """What people look at first."""
    facts = clip.facts
    yield "Loudness", f"{_number(clip.lufs_after)} LUFS"
    yield "Momentary", f"{_number(facts and facts.momentary_lufs)} LUFS"
    yield "True peak", f"{_number(clip.true_peak_dbtp)} dBTP"
    yield "Gain", f"{_number(clip.gain_db, sign=True)} dB"
    yield "Lag", _lag(clip)


def _more(clip: Clip) -> Iterable[Fact]:
    """The rest of the record."""
    facts, made = clip.facts, clip.provenance
    if facts:
        yield "Short-term", f"{_number(facts.short_term_lufs)} LUFS"
        yield "Loudness range", f"{_number(facts.range_lu)} LU"
        yield "Offset (DC)", f"{facts.dc:g}"
        yield "Flat tops", f"{facts.clipped} samples"
        yield "Silent where the reference is not", f"{facts.dropout_s:g} s"
        if found := facts.resemblance:
            yield "Correlation with the reference", f"{found.correlation:.3f}"
            yield "Target's level", f"{_number(found.gain_error_db, sign=True)} dB"
        if response := facts.response:
            yield "Ripple", f"{_number(response.ripple_db, 3)} dB"
            yield f"At {response.cutoff_hz * 8 / 7000:.4g} kHz", f"{_number(response.at_8_7_db)} dB"
            yield f"From {response.cutoff_hz * 9 / 7000:.4g} kHz", f"{_number(response.from_9_7_db)} dB"
    yield "Before its gain", f"{_number(clip.lufs_before)} LUFS"
    yield "Sample peak", f"{_number(clip.sample_peak_dbfs)} dBFS"
    yield "Made by", f"{made.kind}, version {made.version}"
    if made.parameters:
        yield "With", json.dumps(made.parameters, ensure_ascii=False, sort_keys=True)
    if made.meant_for:
        yield "Meant for", made.meant_for
    if made.real_time_factor is not None:
        yield "Took", f"{made.real_time_factor:g} x real time on {made.device}"
    yield "Format", f"{clip.rate_hz} Hz, {clip.frames} frames, {clip.channels} channel{'s' * (clip.channels > 1)}"
    yield "File", clip.file


def _lag(clip: Clip) -> str:
    if clip.lag_s is None:
        return f"{DASH} (too little in common)"
    told = f"{_number(1000 * clip.lag_s, 2, sign=bool(clip.lag_s))} ms"
    told += f" = {_number(clip.lag_s * clip.rate_hz, 1)} samples" if clip.lag_s else ""
    return told + (", inverted" if clip.polarity < 0 else "")


def _number(value: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """As people write it; a dash for what is not known, and the sign of infinity for silence."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    rounded = round(value, digits) + 0.0  # no "-0.0"
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}".replace("-", "−")
