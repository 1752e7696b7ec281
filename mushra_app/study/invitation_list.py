"""Lists of invitations as files: CSV in (label, group) and out (number, label, group, link, state).

What comes in may be UTF-8 with or without its mark, UTF-16 with its mark, or Windows' Western European, which holds
Latin-1; columns stand apart by semicolon, comma or tab, as Excel of whichever country writes them: by the one that
parts the most lines, and a line that only another one would part is told. A first line with the names of columns is
recognised (``LABELS``, ``GROUPS``), so that what went out comes in again. What a spreadsheet would take for a formula
goes out with an apostrophe before it, and loses it on the way in. One bad line, and nothing is taken.

Defines: ``MOST_BYTES``, ``LABELS``, ``GROUPS``, ``read``, ``write``.
"""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import IO, NamedTuple

from mushra_app.errors import AppError
from mushra_app.export import FORMULA_STARTS, harmless
from mushra_app.study.invitations import MOST_AT_ONCE, Listed, Wanted, mistakes
from mushra_app.words import say

MOST_BYTES = 100_000
MOST_TOLD = 10
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UNREADABLE = ("Cc", "Cn", "Co")
"""Kinds of characters (Unicode's) that nobody types: control characters, and what stands for none."""
SEPARATORS = ";\t,"
"""The first of those that part as many lines: names have commas in them more often than semicolons."""
COLUMNS = ("number", "label", "group", "link", "state")
LABELS = ("label", "name", "listener", "participant", "bezeichnung", "hörer", "hörerin", "teilnehmer")
GROUPS = ("group", "gruppe")
"""What a first line may call the two columns, in any case."""


class _Line(NamedTuple):
    number: int
    cells: list[str]


class _List(NamedTuple):
    """The lines that say something; ``otherwise`` are the numbers of those that another separator would part."""

    separator: str
    lines: list[_Line]
    otherwise: set[int]


class _Places(NamedTuple):
    """Which cell holds what, and how many of a line may hold anything."""

    label: int = 0
    group: int = 1
    most: int = 2


def read(content: bytes, groups: set[str]) -> list[Wanted]:
    """The invitations that a list asks for.

    Raises
    ------
    AppError
        With a line per bad line of the file (at most ten), each with its number.
    """
    if len(content) > MOST_BYTES:
        raise AppError(
            say("The list: found %(found)d bytes; expected at most %(most)d.", found=len(content), most=MOST_BYTES)
        )
    found = _list(_text(content))
    headings = _headings(found.lines)
    rows = found.lines[1:] if headings else found.lines
    wanted, sentences = [], []
    for line in rows:
        places = headings or _Places()
        wanted.append(one := Wanted(_plain(line.cells, places.label), _plain(line.cells, places.group)))
        sentences.append(_unclear(found, line, places) or _mistake(one, groups, found.separator))
    if wanted and wanted[0].group and sentences[0] and not headings:
        sentences[0] += " " + say("If these are the names of columns, call them name and group.")
    wrong = [
        say("Line %(number)d: %(said)s", number=line.number, said=said)
        for line, said in zip(rows, sentences, strict=True)
        if said
    ]
    if wrong:
        more = say("… and %(number)d more lines", number=len(wrong) - MOST_TOLD) if len(wrong) > MOST_TOLD else ""
        raise AppError("\n".join([*wrong[:MOST_TOLD], *([more] if more else []), say("Nothing was imported.")]))
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise AppError(
            say(
                "The list: found %(found)d invitations; expected 1 to %(most)d. Nothing was imported.",
                found=len(wanted),
                most=MOST_AT_ONCE,
            )
        )
    return wanted


def write(stream: IO[str], rows: Iterable[tuple[Listed, str]]) -> None:
    """Write invitations, each with its link ("" for those that lead nowhere)."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one, link in rows:
        writer.writerow([one.number, harmless(one.label), harmless(one.group), link, one.state])


def _text(content: bytes) -> str:
    """The file's text, whatever it was written as."""
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "")
    for name in (encoding,) if encoding else ("utf-8", "cp1252"):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if all(character in "\t\r\n" or unicodedata.category(character) not in UNREADABLE for character in text):
            return text
        break  # as Windows' it would only be read as something else
    raise AppError(say("The list can't be read as text. Please save it as CSV with UTF-8. Nothing was imported."))


def _list(text: str) -> _List:
    """The list by the separator that its ``sep=`` says, that names columns, or that parts the most lines."""
    begun = text.lstrip("\r\n")
    skipped = text.count("\n", 0, len(text) - len(begun))
    first, _, rest = begun.partition("\n")
    marked = first.strip().lower()
    if marked.startswith("sep=") and marked[4:] in tuple(SEPARATORS):  # what some write for Excel
        return _List(marked[4:], _parted(rest, marked[4:], skipped + 1), set())
    read_by: dict[str, list[_Line]] = {}
    refused: dict[str, AppError] = {}
    for separator in SEPARATORS:
        try:
            read_by[separator] = _parted(begun, separator, skipped)
        except AppError as error:
            refused[separator] = error
    if not read_by:
        raise refused[max(SEPARATORS, key=begun.count)]
    best = max(read_by, key=lambda one: (_headings(read_by[one]) is not None, len(_in_parts(read_by[one]))))
    others = (_in_parts(lines) for separator, lines in read_by.items() if separator != best)
    return _List(best, read_by[best], set().union(*others) - _in_parts(read_by[best]))


def _parted(text: str, separator: str, skipped: int) -> list[_Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[_Line] = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append(_Line(reader.line_num + skipped, stripped))
    except csv.Error as error:
        number = reader.line_num + skipped
        raise AppError(
            say("Line %(number)d: %(said)s. Nothing was imported.", number=number, said=str(error))
        ) from None
    return lines


def _in_parts(lines: Sequence[_Line]) -> set[int]:
    return {line.number for line in lines if len(line.cells) > 1}


def _unclear(found: _List, line: _Line, places: _Places) -> str:
    """Why nobody can say what of a line is its label; "" where it is clear."""
    if line.number in found.otherwise:
        return say(
            "%(found)r: expected a label and a group with %(separator)r between them, as on other lines, or the label "
            "in quotes.",
            found=line.cells[0],
            separator=found.separator,
        )
    if more := [cell for cell in line.cells[places.most :] if cell]:
        return say(
            "found %(found)r after the label and the group; expected nothing there. A label with %(separator)r in it "
            "stands in quotes.",
            found=more[0],
            separator=found.separator,
        )
    return ""


def _mistake(one: Wanted, groups: set[str], separator: str) -> str:
    """What is wrong with what a line asks for, in a sentence; "" where nothing is."""
    if not one.label:
        return say("expected a label, such as a name; found none")
    said = " ".join(mistakes(one, groups).values())
    if said and one.group not in groups and separator == ",":
        said += " " + say("A label with a comma in it stands in quotes.")
    return said


def _headings(lines: Sequence[_Line]) -> _Places | None:
    """Where the columns are that a first line names; None where it names none."""
    names = [cell.casefold() for cell in lines[0].cells] if lines else []
    label, group = (next((names.index(name) for name in known if name in names), None) for known in (LABELS, GROUPS))
    return None if label is None else _Places(label, len(names) if group is None else group, len(names))


def _plain(cells: list[str], place: int) -> str:
    """A cell's text, without the apostrophe that keeps a spreadsheet from calculating it."""
    text = cells[place] if place < len(cells) else ""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
