"""What forms and scripts of the pages send and get, where no model or form of ours says it already.

Defines: a JSON schema for each, and ``Schema``, ``TEXT``.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from mushra_app.operation.health import Ready
from mushra_app.people.accounts import ROLES
from mushra_app.people.tokens import DAYS
from mushra_app.studio.accounts.people import CHANGES
from mushra_app.studio.design.editor import PRESETS
from mushra_app.studio.listeners.forms import TEXTS
from mushra_app.study import results
from mushra_app.study.layouts import LAYOUTS
from mushra_app.study.lifecycle import STATUSES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
QUESTIONS: Schema = {"type": "object", "additionalProperties": TEXT}
"""The answers to a questionnaire, by the names of its questions, or to a step of setting up."""
CODE: Schema = {"type": "object", "properties": {"code": TEXT}, "required": ["code"]}
NOTHING: Schema = {"type": "object", "properties": {}}
STATUS: Schema = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": list(STATUSES)}, "reason": TEXT},
    "required": ["status"],
}
NAMED: Schema = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
REVISION: Schema = {"type": "object", "properties": {"revision": TEXT}, "required": ["revision"]}
DISCARD: Schema = {
    "type": "object",
    "properties": {"revision": TEXT, "discard": {"type": "string", "enum": ["yes", "study"]}},
}
DESIGN_WORK: Schema = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["plan", "preregister"]},
        "preset": {"type": "string", "enum": list(PRESETS)},
    },
    "required": ["kind"],
}
ARCHIVED: Schema = {"type": "object", "properties": {"archived": {"type": "string", "enum": ["yes", "no"]}}}
MAY: Schema = {"type": "string", "enum": ["view", "change"]}
ROLE: Schema = {"type": "string", "enum": list(ROLES)}
INVITED: Schema = {
    "type": "object",
    "properties": {"role": ROLE, "may": MAY, "study": {"type": "array", "items": TEXT}},
    "required": ["role"],
}
JOINING: Schema = {
    "type": "object",
    "properties": {"name": TEXT, "password": TEXT},
    "required": ["name", "password"],
}
PERSON: Schema = {
    "type": "object",
    "properties": {
        "change": {"type": "string", "enum": list(CHANGES)},
        "role": ROLE,
        "study": TEXT,
        "may": MAY,
        "password": TEXT,
    },
    "required": ["change"],
}
SHARED: Schema = {
    "type": "object",
    "properties": {"name": TEXT, "may": {"type": "string", "enum": ["view", "change", "none"]}},
    "required": ["name", "may"],
}
TOKEN: Schema = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "may": MAY,
        "days": {"type": "string", "enum": list(map(str, DAYS))},
        "password": TEXT,
    },
    "required": ["name", "may", "days", "password"],
}
SECOND_FACTOR: Schema = {
    "type": "object",
    "properties": {"change": {"type": "string", "enum": ["on", "off"]}, "sealed": TEXT, "password": TEXT, "code": TEXT},
    "required": ["change", "password", "code"],
}

FOLDER: Schema = {"type": "object", "properties": {"folder": TEXT}, "required": ["folder"]}
ARCHIVE = "multipart/form-data"
BYTES: Schema = {"type": "string", "format": "binary"}
FILE: Schema = {"type": "object", "properties": {"archive": BYTES}, "required": ["archive"]}

LAYOUT: Schema = {
    "type": "object",
    "properties": {"layout": {"type": "string", "enum": list(LAYOUTS)}, "reason": TEXT},
    "required": ["reason"],
}
JOB: Schema = {
    "type": "object",
    "properties": {"kind": {"type": "string", "enum": list(results.KINDS)}, "reason": TEXT, "sounds": TEXT},
    "required": ["kind"],
}
WHO: Schema = {"type": "object", "properties": {"who": TEXT}, "required": ["who"]}
LISTENER: Schema = {"type": "object", "properties": {"listener": TEXT}, "required": ["listener"]}
RECRUITING: Schema = {
    "type": "object",
    "properties": dict.fromkeys(("seen", "open_link", *TEXTS, "group-0", "quota-0", "by_link-0"), TEXT),
    "required": ["seen"],
}
LISTENERS_INVITED: Schema = {
    "type": "object",
    "properties": {"count": TEXT, "label": TEXT, "group": TEXT},
    "required": ["count"],
}
AT_A_PLACE: Schema = {
    "type": "object",
    "properties": {"place": TEXT, "group": TEXT, "leave": TEXT},
    "required": ["place"],
}
BACK: Schema = {
    "type": "object",
    "properties": {"place": TEXT, "code": TEXT, "picked": TEXT, "leave": TEXT},
    "required": ["place"],
}
READY = TypeAdapter(Ready).json_schema()
READY["properties"]["ready"] = {"type": "boolean"}
