"""Sentences that were written in English by another room, or stored in English, in the language of the page.

Rules, mistakes of the experiment file, the planner and the audit log say what they say as plain text, which stands in
manifests, in the database and in what jobs have printed. The catalogue ``rooms`` has a template for each such sentence
(``mushra_app.collecting``): what fits one is said again by its translation, with the same values in it. So nothing is
stored otherwise than before, and what an older release has stored is understood as well. What fits no template stays
as it is.

Conventions: a text is a sentence, or several: ``sentence; sentence``, ``where: sentence``, ``sentence: what about``.
What is filled in is said again where it is a sentence itself, or a list of some; under a name of ``WORDS`` it is one of
our own words, and under any other a name of the experimenter's stays as it is. A template with few letters is one for
what is filled in alone: elsewhere chance would fit it.

Defines: ``retold``, ``SEVERITY_WORDS``.
"""

from __future__ import annotations

import re
import string
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.messages.mofile import read_mo
from flask_babel import get_locale

from mushra_app.studio.accounts.words import ROLE_WORDS
from mushra_app.studio.tabs import STATUS_WORDS
from mushra_app.words import say_later

FOLDER = Path(__file__).parents[1] / "translations"
FEWEST_LETTERS = 7
LONGEST, MOST_SEAMS = 1500, 24
"""A line that is longer, or is parted more often, is no sentence of ours and is left alone: somebody may type it."""
TRIED_SEAMS = 3
"""At so many places of a text it is looked whether it is two."""
NUMBER = r"[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|inf|nan)"
JOINED_BY = {"and": (" and ", say_later(" and ")), "or": (" or ", say_later(" or "))}
OUTSIDE = re.compile(r", (?![^(]*\))")
"""Between entries of a list, not inside the brackets of one."""
SEVERITY_WORDS = {"must": say_later("must"), "should": say_later("should"), "note": say_later("note")}
"""How grave it is that a rule is broken."""
SOUND_WORDS = {
    "reference": say_later("reference"),
    "hidden reference": say_later("hidden reference"),
    "anchor": say_later("anchor"),
    "system": say_later("system"),
}
WORDS: Mapping[str, Mapping[str, Any]] = {
    "before": STATUS_WORDS,
    "status": STATUS_WORDS,
    "role": {**SOUND_WORDS, **ROLE_WORDS},
    "may": {"view": say_later("view"), "change": say_later("change")},
    "kind": {"report": say_later("report"), "bundle": say_later("bundle"), "export": say_later("ratings as Parquet")},
}
"""What is filled in under these names."""


class Strength(Enum):
    """How surely a text that fits a template is what it says."""

    FIXED, STRONG, WEAK = range(3)


SURE = frozenset({Strength.FIXED, Strength.STRONG})


@dataclass(frozen=True)
class Template:
    """One sentence: ``pattern`` is what fits it, ``kinds`` are those of what is filled in, by name.

    ``piece`` is the longest text between what is filled in, ``says`` how much there is of it in all. ``strength`` is
    FIXED where nothing is filled in, and WEAK where it begins with what is filled in and has few letters of its own.
    """

    pattern: re.Pattern[str]
    kinds: dict[str, str]
    piece: str
    says: int
    strength: Strength
    translated: str


def retold(text: object) -> str:
    """A text line by line in the language of the page; what is not known stays as it is."""
    locale = get_locale()
    book = _book(locale.language) if locale else None
    return "\n".join(map(book.retold, str(text).split("\n"))) if book and book.templates else str(text)


class Book:
    """The templates of one language, and how texts are said by them."""

    def __init__(self, templates: list[Template]) -> None:
        # The one that says most itself fits best.
        self.templates = sorted(templates, key=lambda one: -one.says)
        self.known = lru_cache(maxsize=4096)(self._known)

    def retold(self, text: str) -> str:
        """A line in this language."""
        typed = len(text) > LONGEST or text.count("; ") + text.count(": ") > MOST_SEAMS
        return text if typed else self.known(text) or text

    def _known(self, text: str) -> str | None:
        """What is said for a text; None where nothing of it is known."""
        return (
            self._whole(text, {Strength.FIXED})
            or self._both(text)
            or self._about(text)
            or self._whole(text)
            or self._there(text)
        )

    def _both(self, text: str) -> str | None:
        """Two sentences, of which both are known."""
        for first, second in _parted(text, "; ", last=True):
            if (end := self._whole(second)) and (beginning := self.known(first)):
                return f"{beginning}; {end}"
        return None

    def _about(self, text: str) -> str | None:
        """A sentence, and what it is about."""
        for first, second in _parted(text, ": "):
            if known := self._whole(first):
                return f"{known}: {self._filled_in(second, '')}"
        return None

    def _there(self, text: str) -> str | None:
        """Where a sentence holds, and the sentence."""
        for first, second in _parted(text, ": "):
            if known := self.known(second):
                return f"{first}: {known}"
        return None

    def _whole(self, text: str, strengths: Container[Strength] = SURE) -> str | None:
        for one in self.templates:
            if one.strength in strengths and one.piece in text and (found := one.pattern.fullmatch(text)):
                return one.translated.format_map(
                    {
                        name: str(WORDS.get(name, {}).get(value) or self._filled_in(value, one.kinds[name]))
                        for name, value in found.groupdict().items()
                    }
                )
        return None

    def _filled_in(self, value: str, kind: str) -> str:
        """A value: a sentence, a list, or a name or number that stays as it is."""
        if kind == "number":
            return value
        if (known := self.known(value)) is not None:
            return known
        if kind in JOINED_BY:
            written, said = JOINED_BY[kind]
            return str(said).join(self._filled_in(piece, "") for piece in value.split(written))
        entries = OUTSIDE.split(value)
        if len(entries) > 1:
            return ", ".join(self._filled_in(entry, "") for entry in entries)
        return self._whole(value, {Strength.WEAK}) or value


@lru_cache
def _book(language: str) -> Book:
    path = FOLDER / language / "LC_MESSAGES" / "rooms.mo"
    if not path.is_file():
        return Book([])
    with path.open("rb") as stream:
        return Book([_template(str(one.id), str(one.string)) for one in read_mo(stream) if one.id])


def _template(text: str, translated: str) -> Template:
    pattern, pieces = "", [""]
    kinds: dict[str, str] = {}
    for piece, name, kind, _ in string.Formatter().parse(text):
        pieces.append(piece)
        pattern += re.escape(piece)
        if name is not None:
            kinds[name] = kind or ""
            pattern += f"(?P<{name}>{NUMBER if kind == 'number' else '.*'})"
    said = "".join(pieces)
    weak = not pieces[1] and sum(map(str.isalpha, said)) < FEWEST_LETTERS
    strength = Strength.WEAK if weak else Strength.STRONG if kinds else Strength.FIXED
    return Template(re.compile(pattern), kinds, max(pieces, key=len), len(said), strength, translated)


def _parted(text: str, seam: str, *, last: bool = False) -> Iterator[tuple[str, str]]:
    """A text in two, at the first few seams, or at the last few from the end on."""
    found = [one.start() for one in re.finditer(re.escape(seam), text)]
    for at in found[: -TRIED_SEAMS - 1 : -1] if last else found[:TRIED_SEAMS]:
        yield text[:at], text[at + len(seam) :]
