"""One row of ratings: the columns, their types, and reading them from a file.  CONTRACT

Task: say once what a rating is, so that SQL, CSV and the analysis agree. One row per response (the latest
revision): a listener heard ``condition`` of ``item`` on a page and moved a slider to ``rating``.

Conventions: ids are text everywhere (leading zeros stay); ratings 0 to 100; times in seconds; instants
ISO 8601 UTC; booleans are written ``true`` and ``false``; an empty cell is a missing value. The first line
of a file names the columns; unknown columns are refused.

Out of SQL they come by ``mushra_app.stored_ratings``, so that reading a file needs no database.

Defines: ``COLUMNS``, ``Row``, ``read_csv``, ``lines``, ``Peek``, ``write_csv``, ``write_stream``, ``sha256_of``,
``write_peeks``, ``read_peeks``, ``from_text``, ``to_text``.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mushra_app import csv_lines
from mushra_app.errors import RatingsError
from stimuli.whole_files import whole_file

SCHEMA = 1


class Column(NamedTuple):
    """One column: its name, the Python type of its cells, and what it means.

    ``later``: exports of the first release lack it; their rows have it empty.
    """

    name: str
    type: type
    meaning: str
    later: bool = False


COLUMNS = (
    Column("study", str, "short name of the study"),
    Column("study_id", str, "identity of the study version: text, design, plan and sounds"),
    Column("stimuli_id", str, "identity of the sounds"),
    Column("listener", str, "pseudonym"),
    Column("listener_group", str, "group of the listener, a factor"),
    Column("session", str, "one sitting of one listener"),
    Column("part", int, "which of the listener's sessions, from 1", later=True),
    Column("trial", str, "one page of one session"),
    Column("presentation", int, "place of the trial in the session, from 1"),
    Column("attribute", str, "the scale that was asked"),
    Column("song", str, "the song"),
    Column("excerpt", str, "start and end in seconds of the song, 'start-end'"),
    Column("item", str, "the item: one excerpt of one song"),
    Column("target", str, "what the systems were asked for"),
    Column("dataset", str, "data set of the song, a factor"),
    Column("condition", str, "what was heard"),
    Column("role", str, "hidden_reference, anchor or system"),
    Column("slot", int, "position on the page, from 1"),
    Column("rating", float, "0 to 100"),
    Column("replicate", int, "0 for the first presentation of this item to this listener"),
    Column("training", bool, "training trial: never analysed"),
    Column("attention_check", bool, "a trial that only shows who listens: never analysed", later=True),
    Column("simulated", bool, "made by a program, not a person"),
    Column("finished", bool, "the session was finished"),
    Column("moved", bool, "the slider was moved"),
    Column("heard_s", float, "seconds this slot sounded"),
    Column("plays", int, "how often this slot was started or switched to"),
    Column("trial_s", float, "seconds on the trial"),
    Column("fade_mode", str, "how switching sounded: bs1534 (5 ms out, then 5 ms in) or crossfade (5 ms, equal gain)"),
    Column("engine", str, "playback engine of the page"),
    Column("rate_hz", int, "sample rate of the playback context"),
    Column("transducer", str, "headphones or loudspeakers, as stated, or as the place has them"),
    Column("experience", str, "experienced or inexperienced in rating sound, as stated", later=True),
    Column("level_db_a", float, "listening level that the place is calibrated to, dB(A)", later=True),
    Column("place", str, "listening place whose link the session was begun with; empty: none", later=True),
    Column("gain_db", float, "gain of the page, as the listener set it", later=True),
    Column("sides_check", str, "left and right told apart: passed, failed, or empty", later=True),
    Column("headphone_check", str, "screening by headphones: passed, failed, or empty", later=True),
    Column("language", str, "language of the pages", later=True),
    Column("altered", int, "sounds of the trial that the browser decoded otherwise; empty: not checked", later=True),
    Column("revision", int, "how often this trial was saved; the latest counts"),
    Column("saved_at", str, "when the server had stored it, ISO 8601 UTC"),
)

Row = dict[str, Any]
PEEK_COLUMNS = ("at", "reason")


class Peek(NamedTuple):
    """One look at the conditions of a study while it ran: when (ISO 8601 UTC), and the reason that was given for it."""

    at: str
    reason: str


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows atomically; returns how many."""
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        return write_stream(stream, rows)


def write_stream(stream: csv_lines.Lines, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to an open text stream, the names of the columns first; returns how many."""
    writer = csv_lines.writer(stream)
    writer.writerow([column.name for column in COLUMNS])
    count = 0
    for row in rows:
        writer.writerow([to_text(row.get(column.name)) for column in COLUMNS])
        count += 1
    return count


def sha256_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of the file that ``write_csv`` would write."""
    digest = hashlib.sha256()
    write_stream(_Hashed(digest), rows)
    return digest.hexdigest()


class _Hashed:
    """Hashes what is written to it, and keeps nothing."""

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def write(self, text: str, /) -> int:
        self._digest.update(text.encode())
        return len(text)


def read_csv(path: Path) -> list[Row]:
    """Read rows with their types.

    Raises
    ------
    RatingsError
        Where the file is missing, a column is missing or unknown, or a cell is not of its column's type;
        names the line and the column.
    """
    return [row for _, row in lines(path)]


def lines(path: Path) -> Iterator[tuple[int, Row]]:
    """Each row with the number of its line, one at a time: for files that are larger than memory. Raises the same."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            _check_header(path, reader.fieldnames or [])
            for line, cells in enumerate(reader, 2):
                yield line, _typed(path, line, cells)
    except FileNotFoundError:
        raise RatingsError(f"{path}: no such file; export ratings with: mushra export --out {path.name}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RatingsError(f"{path}: can't be read as CSV: {error}") from None


def write_peeks(path: Path, peeks: Iterable[Peek]) -> None:
    """Write looks as CSV, so that a report of a file can name them as one of a database does."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv_lines.writer(stream)
        writer.writerow(PEEK_COLUMNS)
        writer.writerows(peeks)


def read_peeks(path: Path) -> tuple[Peek, ...]:
    """The looks that ``write_peeks`` wrote; RatingsError where the file is missing or holds something else."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            head, *lines = csv.reader(stream, strict=True)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise RatingsError(f"{path}: can't be read as a list of looks: {error}") from None
    if tuple(head) != PEEK_COLUMNS or any(len(line) != len(PEEK_COLUMNS) for line in lines):
        raise RatingsError(f"{path}: expected the columns {', '.join(PEEK_COLUMNS)}; give the peeks.csv of a bundle")
    return tuple(Peek(*line) for line in lines)


def _check_header(path: Path, names: Iterable[str]) -> None:
    known, found = [column.name for column in COLUMNS], list(names)
    if missing := [column.name for column in COLUMNS if column.name not in found and not column.later]:
        raise RatingsError(
            f"{path}: line 1: the columns {', '.join(missing)} are missing; expected an export of mushra"
        )
    if unknown := [name for name in found if name not in known]:
        raise RatingsError(f"{path}: line 1: the columns {', '.join(unknown)} are not known; remove them")


def _typed(path: Path, line: int, cells: Mapping[str, str | None]) -> Row:
    if None in cells or None in cells.values():  # csv's marks of a row that is too long, and of one too short
        raise RatingsError(
            f"{path}: line {line}: expected {len(cells.keys() - {None})} cells, one per column; export again"
        )
    row: Row = {}
    for column in COLUMNS:
        text = cells.get(column.name)
        try:
            row[column.name] = from_text(text or "", column.type)
        except ValueError:
            raise RatingsError(
                f"{path}: line {line}: {column.name}: found {text!r}; expected {_EXPECTED[column.type]}"
            ) from None
    if row["rating"] is not None and not 0 <= row["rating"] <= 100:
        raise RatingsError(f"{path}: line {line}: rating: found {row['rating']:g}; expected 0 to 100")
    return row


_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def from_text(text: str, kind: type) -> Any:
    """What a cell of a file holds, by its column's type; None where it is empty and no text. ValueError if it can't."""
    if kind is str:
        return text
    if text == "":
        return None
    if kind is bool:
        return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _refuse()
    return kind(text)


def _refuse() -> Any:
    raise ValueError


def to_text(value: Any) -> str:
    """A value as a cell of a file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value + 0.0:.6g}"  # SQLite knows no -0.0, and both databases are to say the same
    return str(value)
