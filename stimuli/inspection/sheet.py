"""The contact sheet as data: what the page shows, item by item, ready to be rendered.

What is heard openly and once more hidden (the reference, a mixture that is an anchor too) is shown once if it is the
same to the sample. Waveforms of an item have one scale, and so have its spectrograms: they are there to be compared.

Conventions: pictures as in ``stimuli.inspection.drawing``; heights as shares, 0 at the foot; times in seconds.
Defines: ``Sheet``, ``ItemPart``, ``Card``, ``Line``, ``sheet``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stimuli import audio
from stimuli.errors import ManifestError
from stimuli.experiment import LowpassAnchor
from stimuli.inspection import drawing, pictures
from stimuli.inspection.facts import Fact, facts, number, record
from stimuli.inspection.findings import GRAVITY, Mark, marks_of, parted
from stimuli.manifest import Clip, ItemRecord, LeftOut, Manifest, Role, RuleResult

ORDER: tuple[Role, ...] = ("reference", "hidden_reference", "system", "anchor", "mixture")
ALSO_HIDDEN: dict[Role, Role] = {"reference": "hidden_reference", "mixture": "anchor"}
TICKS_HZ = (500, 1000, 2000, 3500, 7000, 14000)
"""Octaves, near enough, that meet the standard's two anchors."""


@dataclass(frozen=True)
class Card:
    """One clip. ``cutoff`` is the height of a low-pass anchor's cut-off in its spectrogram."""

    id: str
    name: str
    role: str
    href: str
    file: str
    length_s: float
    wave: str
    spectrogram: str
    cutoff: float | None
    facts: tuple[Fact, ...]
    record: tuple[Fact, ...]
    marks: tuple[Mark, ...]

    @property
    def worst(self) -> str:
        """The gravest severity of its marks; empty where there are none."""
        return next((one for one in GRAVITY if any(mark.severity == one for mark in self.marks)), "")


@dataclass(frozen=True)
class ItemPart:
    """One item, its clips side by side. ``ticks`` are labels in kHz with their heights."""

    id: str
    item: ItemRecord
    cards: tuple[Card, ...]
    ticks: tuple[tuple[str, float], ...]
    scale: str

    @property
    def broken(self) -> bool:
        """Whether a clip of it breaks a rule."""
        return any(card.marks for card in self.cards)

    def card(self, name: str) -> Card | None:
        """The clip of that condition, if this item has one."""
        return next((card for card in self.cards if card.name == name), None)


@dataclass(frozen=True)
class Line:
    """One broken rule of the list at the top, with the clips it means: words and the id of the card."""

    result: RuleResult
    finding: str
    mend: str
    clips: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sheet:
    """The whole page."""

    manifest: Manifest
    broken: tuple[Line, ...]
    met: tuple[RuleResult, ...]
    left_out: tuple[LeftOut, ...]
    items: tuple[ItemPart, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Ids of the broken musts."""
        return tuple(rule.rule for rule in self.manifest.missing_for_mushra)

    @property
    def names(self) -> tuple[str, ...]:
        """The conditions of all items, each once, in the order in which they are shown."""
        return tuple(dict.fromkeys(card.name for part in self.items for card in part.cards))


def sheet(
    folder: Path, found: Manifest, href: Callable[[str], str], told: Callable[[], object] = lambda: None
) -> Sheet:
    """Draw every clip of a set and put it beside what its manifest says.

    Parameters
    ----------
    href : from a clip's file to the address that the page gives its player.
    told : called after each clip.

    Raises
    ------
    ManifestError
        Where a clip belongs to no item of the manifest.
    """
    known = {item.name for item in found.items}
    if lost := [clip.file for clip in found.clips if clip.item not in known]:
        raise ManifestError(f"{folder}: {lost[0]} belongs to no item of the manifest; build the set again")
    maker = _Maker(folder, found, href, told)
    items = tuple(maker.part(number, item) for number, item in enumerate(found.items, 1))
    broken = sorted((rule for rule in found.rules if not rule.passed), key=lambda rule: GRAVITY.index(rule.severity))
    return Sheet(
        manifest=found,
        broken=tuple(Line(rule, *parted(rule), maker.places(rule)) for rule in broken),
        met=tuple(rule for rule in found.rules if rule.passed),
        left_out=found.left_out,
        items=items,
    )


@dataclass(frozen=True)
class _Maker:
    """The work on all items; ``shown`` says which card shows the clip of a token."""

    folder: Path
    found: Manifest
    href: Callable[[str], str]
    told: Callable[[], object]

    @cached_property
    def shown(self) -> dict[str, Card]:
        return {}

    def part(self, number_of_item: int, item: ItemRecord) -> ItemPart:
        """An item: all its pictures first, because they share their scales."""
        groups = _shown_together([clip for clip in self.found.clips if clip.item == item.name])
        top_hz = min((pictures.highest_hz(group[0].rate_hz) for group in groups), default=pictures.HIGHEST_HZ)
        drawn = [self._draw(group, top_hz) for group in groups]
        peak = max((one.peak for one, _ in drawn), default=0.0)
        top_db = max((float(levels.max()) for _, levels in drawn), default=0.0)
        cards = []
        for place, (group, (shape, levels)) in enumerate(zip(groups, drawn, strict=True), 1):
            image = base64.b64encode(drawing.png(levels, top_db)).decode("ascii")
            card = self._card(f"i{number_of_item}c{place}", group, drawing.path(shape, peak), image, top_hz)
            self.shown.update({clip.token: card for clip in group})
            cards.append(card)
        return ItemPart(
            id=f"i{number_of_item}",
            item=item,
            cards=tuple(cards),
            ticks=tuple((f"{hz / 1000:g}", pictures.height_of(hz, top_hz)) for hz in TICKS_HZ if hz < top_hz),
            scale=number(20 * float(np.log10(peak)), 1) if peak > 0 else "−∞",
        )

    def _draw(self, group: tuple[Clip, ...], top_hz: float) -> tuple[pictures.Outline, np.ndarray]:
        clip = group[0]
        sound, rate_hz = audio.read(self.folder / clip.file)
        for _ in group:
            self.told()
        return pictures.outline(sound), pictures.spectrogram(sound, rate_hz, top_hz)

    def _card(self, name: str, group: tuple[Clip, ...], wave: str, image: str, top_hz: float) -> Card:
        clip = group[-1]  # the hidden one: it is what is rated
        marks = marks_of(self.found, group)
        cutoff = self._cutoffs.get(clip.condition) if clip.role == "anchor" else None
        return Card(
            id=name,
            name=clip.condition,
            role=_role(group),
            href=self.href(group[0].file),
            file=group[0].file,
            length_s=clip.frames / clip.rate_hz,
            wave=wave,
            spectrogram=image,
            cutoff=pictures.height_of(cutoff, top_hz) if cutoff and cutoff < top_hz else None,
            facts=facts(clip, {mark.rule: mark.severity for mark in marks}),
            record=record(clip),
            marks=marks,
        )

    @cached_property
    def _cutoffs(self) -> dict[str, int]:
        return {one.name: one.cutoff_hz for one in self.found.experiment.anchors if isinstance(one, LowpassAnchor)}

    def places(self, rule: RuleResult) -> tuple[tuple[str, str], ...]:
        """The clips that a rule means; what is shown together is named once."""
        items: Mapping[str, str] = {clip.token: clip.item for clip in self.found.clips}
        cards = {self.shown[token].id: (token, self.shown[token]) for token in rule.clips if token in self.shown}
        return tuple((f"{card.name} in {items[token]}", name) for name, (token, card) in cards.items())


def _shown_together(clips: Sequence[Clip]) -> list[tuple[Clip, ...]]:
    """Clips in the order of the page; an open one comes with the hidden one that is the same sound."""
    left = list(clips)
    pairs = []
    for clip in clips:
        hidden = ALSO_HIDDEN.get(clip.role)
        same = (one for one in left if one.role == hidden and one.samples_sha256 == clip.samples_sha256)
        if twin := next(same, None):
            left = [one for one in left if one not in (clip, twin)]
            pairs.append((clip, twin))
    return sorted([*pairs, *((clip,) for clip in left)], key=lambda group: ORDER.index(group[-1].role))


def _role(group: tuple[Clip, ...]) -> str:
    if len(group) == 1:
        open_one = group[0].role in ALSO_HIDDEN
        return f"open {group[0].role}" if open_one else group[0].role.replace("_", " ")
    return "open and hidden" if group[1].role == "hidden_reference" else f"{group[1].role}, also heard openly"
