"""Lists of invitations as files: CSV in (label, group) and out (number, label, group, link, state).

What comes in may be UTF-8 with or without its mark, UTF-16 with its mark, or Windows' Western European, which holds
Latin-1; columns stand apart by semicolon, comma or tab, as Excel of whichever country writes them. A first line with
the names of columns is recognised, so that what went out comes in again. What a spreadsheet would take for a formula
goes out with an apostrophe before it, and loses it on the way in. One bad line, and nothing is taken.

Defines: ``MOST_BYTES``, ``read``, ``write``.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO

from mushra_app.errors import AppError
from mushra_app.export import FORMULA_STARTS, harmless
from mushra_app.study.invitations import MOST_AT_ONCE, Listed, Wanted, mistake
from mushra_app.words import say

MOST_BYTES = 100_000
MOST_TOLD = 10
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
SEPARATORS = ";,\t"
COLUMNS = ("number", "label", "group", "link", "state")


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
    lines = _lines(_text(content))
    label, group = 0, 1
    wanted, wrong = [], []
    for place, (number, cells) in enumerate(lines):
        names = [cell.casefold() for cell in cells]
        if place == 0 and "label" in names:
            label, group = names.index("label"), names.index("group") if "group" in names else len(names)
            continue
        one = Wanted(_plain(cells, label), _plain(cells, group))
        said = mistake(one, groups) if one.label else say("expected a label, such as a name; found none")
        if said:
            wrong.append(say("Line %(number)d: %(said)s", number=number, said=said))
        wanted.append(one)
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
        if not any(ord(character) < 32 and character not in "\t\r\n" for character in text):
            return text
    raise AppError(say("The list can't be read as text. Please save it as CSV with UTF-8. Nothing was imported."))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that say something, with their numbers from 1."""
    begun = text.lstrip("\r\n")
    first = begun.partition("\n")[0].strip()
    skipped = text.count("\n", 0, len(text) - len(begun))
    separator = max(SEPARATORS, key=first.count)
    if first.lower().startswith("sep=") and first[4:] in tuple(SEPARATORS):  # what some write for Excel
        separator, begun, skipped = first[4:], begun.partition("\n")[2], skipped + 1
    reader = csv.reader(io.StringIO(begun, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num + skipped, stripped
    except csv.Error as error:
        number = reader.line_num + skipped
        raise AppError(
            say("Line %(number)d: %(said)s. Nothing was imported.", number=number, said=str(error))
        ) from None


def _plain(cells: list[str], place: int) -> str:
    """A cell's text, without the apostrophe that keeps a spreadsheet from calculating it."""
    text = cells[place] if place < len(cells) else ""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
