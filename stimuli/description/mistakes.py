"""What is wrong with a file, or with JSON that was sent, in sentences: "place: found X; expected Y".

pydantic finds the mistakes; its own words are a programmer's. A key that may be of several kinds is one mistake, which
says all of them, at the place where a person wrote it: pydantic names the kinds in the path as well.

Defines: ``sentences``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from stimuli.description.model import LINE, LINES, SLUG, STEM_NAME
from stimuli.errors import shown

_WHOLE, _NUMBER, _LIST, _TABLE = "a whole number", "a number", "a list", "a table of keys"
_EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), _LIST),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), _TABLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "text"),
    "finite_number": "a number that is finite",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}
"""What belongs there, by pydantic's name of the mistake."""
_PATTERNS = {
    SLUG: "1 to 64 small letters, digits and hyphens, which begin with no hyphen",
    STEM_NAME: "1 to 64 small letters, digits, hyphens and underscores, which begin with a letter or a digit",
    LINE: "text on one line, without control characters and without such as turn the direction of writing",
    LINES: "text without control characters and without such as turn the direction of writing",
}


def sentences(details: Iterable[Any], written: Any, shown_by: str, whole: str = "the file") -> list[str]:
    """One line for each mistake.

    Parameters
    ----------
    details : pydantic's errors.
    written : what was checked, as it was read.
    shown_by : what shows a file that is as it should be.
    whole : what a mistake is of that is at no place in it.
    """
    found = [(_place(detail, written) or whole, detail) for detail in details]
    lines: dict[str, str] = {}
    kinds: dict[str, list[str]] = {}
    for place, detail in found:
        own = _of_its_own(place, detail, shown_by)
        if own:
            lines[own] = own
        elif not _only_follows(place, detail, found):
            kinds.setdefault(place, []).append(_expectation(detail))
            expected = dict.fromkeys(kinds[place])
            lines[place] = f"{place}: found {_shown(detail['input'])}; expected {' or '.join(expected)}"
    return list(dict.fromkeys(lines.values()))


def _place(detail: Any, written: Any) -> str:
    """Where it is, as a person wrote it: the path without names of kinds, which lead nowhere in what was written."""
    place, chosen = "", None
    value: Any = written
    for number, part in enumerate(detail["loc"], 1):
        if isinstance(part, int):
            place, value = f"{place}[{part}]", value[part] if _has(value, part) else None
            continue
        table: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        names_kind = value is not chosen and table.get("kind") == part
        is_missing = detail["type"] == "missing" and number == len(detail["loc"])
        if names_kind:
            chosen = value
        elif is_missing or part in table:
            place, value = (f"{place}.{part}" if place else part), table.get(part)
    return place


def _of_its_own(place: str, detail: Any, shown_by: str) -> str:
    """The sentence of a mistake that is no wrong value, or of one that a check of our own found; "" for any other."""
    kind, found = detail["type"], detail.get("input")
    if kind == "missing":
        return f"{place}: is missing; add it (see: {shown_by})"
    if kind.startswith("string_") and isinstance(found, str) and not found.strip():
        return f"{place}: is empty; write what belongs there"
    if kind in ("extra_forbidden", "invalid_key"):
        return f"{place}: this key is not known; remove it or correct its spelling"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        expected = detail["ctx"].get("expected_tags", "a known kind")
        tag = detail["ctx"].get("tag")
        return f"{place}.kind: " + (f"found {shown(tag)}" if tag else "is missing") + f"; expected one of {expected}"
    if kind in ("value_error", "assertion_error"):
        return f"{place}: {detail['ctx']['error']}"
    return ""


def _only_follows(place: str, detail: Any, found: Iterable[tuple[str, Any]]) -> bool:
    """Whether a list or table is wrong because of what is in it, which is said beside it."""
    inside = any(other != place and other.startswith((f"{place}[", f"{place}.")) for other, _ in found)
    return inside and detail["type"] in ("literal_error", "too_short")


def _expectation(detail: Any) -> str:
    kind, more = detail["type"], detail.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(more["pattern"], f"text of the pattern {more['pattern']}")
    plain = {name: f"{value:g}" if isinstance(value, float) else value for name, value in more.items()}
    return _EXPECTED.get(kind, "something else").format_map(plain)


def _shown(found: Any) -> str:
    """What was written, as it is written in TOML or JSON, or what of."""
    if isinstance(found, Mapping):
        return "a table"
    if isinstance(found, list | tuple):
        return f"a list of {len(found)}"
    if found is None or isinstance(found, bool):
        return "null" if found is None else str(found).lower()
    if isinstance(found, datetime.date | datetime.time):
        return found.isoformat()
    return shown(found)


def _has(value: Any, index: int) -> bool:
    return isinstance(value, list | tuple) and -len(value) <= index < len(value)
