"""The forms of the tab "People", as mappings of what was typed: nothing typed is lost where something won't do.

Field names: ``seen``, ``open_link``, ``capacity``, ``free_after_h``, ``transducer``, ``experience``, ``attention``, the
three codes and ``return_url``; of every group ``group-N``, ``quota-N`` and ``by_link-N``. Invitations are asked for by
``count``, ``label`` and ``group``, a list by ``text`` or as the file ``list``.

Defines: ``typed``, ``fields_of``, ``as_recruiting``, ``named``, ``numbered``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mushra_app.errors import FieldsError
from mushra_app.models import Study
from mushra_app.studio.listeners.pages import Fields, GroupFields
from mushra_app.study import invitations
from mushra_app.study.invitations import MOST_AT_ONCE, Wanted
from mushra_app.study.recruiting import MOST_GROUPS, fingerprint, recruiting_of
from mushra_app.words import say

EMPTY_GROUPS = 2
"""Rows for further groups below those that there are."""
TEXTS = (
    "capacity",
    "free_after_h",
    "transducer",
    "experience",
    "completion_code",
    "screen_out_code",
    "attention_code",
    "return_url",
    "attention",
)


def fields_of(study: Study) -> Fields:
    """The settings that a study has, to be changed."""
    found = recruiting_of(study)
    groups = [GroupFields(one.name, _text(one.quota), one.by_link) for one in found.groups]
    texts = {name: _text(getattr(found, name)) for name in TEXTS}
    return Fields(seen=fingerprint(study), open_link=found.open_link, groups=_with_empty(groups), **texts)


def typed(given: Mapping[str, str]) -> Fields:
    """The settings as they were typed."""
    groups = [
        GroupFields(given.get(f"group-{n}", "").strip(), given.get(f"quota-{n}", "").strip(), f"by_link-{n}" in given)
        for n in range(MOST_GROUPS + EMPTY_GROUPS)
    ]
    texts = {name: given.get(name, "").strip() for name in TEXTS}
    kept = [group for group in groups if group.name or group.quota]
    return Fields(seen=given.get("seen", ""), open_link="open_link" in given, groups=_with_empty(kept), **texts)


def as_recruiting(fields: Fields) -> dict[str, Any]:
    """What was typed, as ``Recruiting`` takes it."""
    given = {name: value for name, value in asdict(fields).items() if name != "seen"}
    groups = [group for group in fields.groups if group.name or group.quota]
    return given | {
        "capacity": fields.capacity or None,
        "free_after_h": fields.free_after_h or None,
        "groups": [asdict(group) | {"quota": group.quota or None} for group in groups],
    }


def named(wrong: Mapping[str, str]) -> dict[str, str]:
    """What ``Recruiting`` says of its fields, by the names that they have here."""
    found = {}
    for place, sentence in wrong.items():
        name, number, part = [*place.split("."), "", ""][:3]
        found[f"{'quota' if part == 'quota' else 'group'}-{number or 0}" if name in ("groups", "") else name] = sentence
    return found


def numbered(given: Mapping[str, str]) -> list[Wanted]:
    """The invitations that are asked for by how many."""
    text, label, group = given.get("count", ""), " ".join(given.get("label", "").split()), given.get("group", "")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= count <= MOST_AT_ONCE:
        said = say(
            "How many: found %(found)r; expected a whole number from 1 to %(most)d.", found=text, most=MOST_AT_ONCE
        )
        raise FieldsError({"count": said})
    return invitations.numbered(count, label, group)


def _with_empty(groups: list[GroupFields]) -> tuple[GroupFields, ...]:
    return (*groups, *[GroupFields()] * EMPTY_GROUPS)


def _text(value: object) -> str:
    return "" if value is None else str(value)
