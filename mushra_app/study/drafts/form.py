"""An experiment file as a form, and the form's answers as changes of the file: both directions without loss.

The form is made from the same models that read the file. A field that was not changed is not written, so that
comments, order, and whatever the form can't show stay as they are; a field that was emptied is taken out of the file.

Conventions: a field's path is its place in the file (``systems.1.name``), lists counted from 0.
Defines: ``Field``, ``Part``, ``parts_of``, ``changed``, ``with_entry``, ``without_entry``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from tomlkit.items import AoT

from mushra_app.study.drafts.labels import HINTS, hint_of, label_of
from mushra_app.study.drafts.shapes import Shape, entries_of, inner_model, read, shape_of, written
from stimuli.experiment import Experiment

NEW: dict[str, dict[str, Any]] = {
    "items": {"song": "", "excerpt": {"start_s": 0.0, "length_s": 10.0}},
    "attributes": {"question": ""},
    "questions": {"text": ""},
}
"""What an entry of a list begins with, beside a name of its own and its kind."""
UNNAMED = ("items",)
MOST_ENTRIES = 200


@dataclass(frozen=True)
class Field:
    """One input: ``default`` is what holds where it is empty; ``label`` and ``help`` are in the reader's language."""

    path: str
    label: Any
    shape: Shape
    value: str
    default: str
    required: bool
    help: Any

    @property
    def key(self) -> str:
        """What the file calls it."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Part:
    """One table of the file, or a list of tables: then its ``parts`` are the entries, and ``kinds`` what can be added.

    ``only_in_text`` names the keys that the form does not show; ``entry`` is whether it is one of a list.
    """

    path: str
    label: Any
    help: Any
    fields: tuple[Field, ...] = ()
    parts: tuple[Part, ...] = ()
    only_in_text: tuple[str, ...] = ()
    is_list: bool = False
    kinds: tuple[str, ...] = ()
    entry: bool = False

    @property
    def key(self) -> str:
        """What the file calls it."""
        return self.path.rpartition(".")[2]

    def all_fields(self) -> Iterator[Field]:
        """Its own and those of its parts."""
        yield from self.fields
        for part in self.parts:
            yield from part.all_fields()


def parts_of(raw: Mapping[str, Any]) -> tuple[Part, ...]:
    """The form of a file, as TOML reads it; mistakes in it are shown as they are."""
    return tuple(part for name, field in Experiment.model_fields.items() if (part := _part(name, field, raw.get(name))))


def changed(text: str, typed: Mapping[str, str]) -> str:
    """The file with the fields whose input holds something else now.

    Raises
    ------
    tomlkit.exceptions.TOMLKitError
        Where the text is no TOML.
    """
    document = tomlkit.parse(text)
    for part in parts_of(document.unwrap()):
        for field in part.all_fields():
            new = typed.get(field.path)
            if new is not None and new.replace("\r\n", "\n").strip() != field.value.strip():
                _put(document, field, new)
    return tomlkit.dumps(document)


def with_entry(text: str, where: str, kind: str = "") -> str:
    """The file with one more entry in the list at ``where``; unchanged where it is full or there is no such list."""
    document = tomlkit.parse(text)
    field = Experiment.model_fields.get(where)
    if field is None or kind not in entries_of(field):
        return text
    if where not in document:
        document[where] = tomlkit.aot()
    entries: Any = document[where]
    if len(entries) >= MOST_ENTRIES:
        return text
    content = dict(NEW.get(where, {}))
    if where not in UNNAMED:
        content = {"name": _free_name(where, kind, entries)} | content
    if kind:
        content = {"kind": kind} | content
    entries.append(_table(content) if isinstance(entries, AoT) else content)
    return tomlkit.dumps(document)


def without_entry(text: str, where: str) -> str:
    """The file without the entry at ``where`` (``systems.2``); unchanged where there is none."""
    document = tomlkit.parse(text)
    name, _, number = where.rpartition(".")
    entries: Any = document.get(name)
    if not (isinstance(entries, list) and number.isdecimal() and int(number) < len(entries)):
        return text
    del entries[int(number)]
    if not entries:
        del document[name]
    return tomlkit.dumps(document)


def _part(path: str, field: FieldInfo, raw: Any) -> Part | None:
    """The part of a field that is a table or a list of tables; None for any other."""
    if kinds := entries_of(field):
        entries = raw if isinstance(raw, list) else []
        parts = [_entry(f"{path}.{number}", kinds, one) for number, one in enumerate(entries)]
        return Part(
            path,
            label_of(path),
            hint_of(path, _said(field)),
            parts=tuple(parts),
            is_list=True,
            kinds=tuple(sorted(kinds)),
        )
    if model := inner_model(field):
        return _table_part(path, label_of(path), model, raw if isinstance(raw, dict) else {})
    return None


def _entry(path: str, kinds: Mapping[str, type[BaseModel]], raw: Any) -> Part:
    known = raw if isinstance(raw, dict) else {}
    kind = str(known.get("kind", "")) if "" not in kinds else ""
    label = str(known.get("name") or known.get("song") or kind or int(path.rpartition(".")[2]) + 1)
    if kind not in kinds:
        return Part(path, label, "", only_in_text=tuple(map(str, known)), entry=True)
    return _table_part(path, label, kinds[kind], known, entry=True)


def _table_part(path: str, label: str, model: type[BaseModel], raw: Mapping[str, Any], *, entry: bool = False) -> Part:
    fields: list[Field] = []
    parts: list[Part] = []
    left: list[str] = [str(key) for key in raw if key not in model.model_fields]
    for name, field in model.model_fields.items():
        own = f"{path}.{name}"
        if name == "kind":
            continue
        if part := _part(own, field, raw.get(name)):
            parts.append(part)
        elif (shape := shape_of(field)) and _fits(shape, raw.get(name)):
            default = "" if field.is_required() else written(field.get_default(call_default_factory=True))
            fields.append(
                Field(
                    own,
                    label_of(own),
                    shape,
                    written(raw.get(name)),
                    default,
                    field.is_required(),
                    hint_of(own, _said(field)),
                )
            )
        else:
            left.append(name)
    return Part(
        path,
        label,
        "" if entry and path.partition(".")[0] in HINTS else hint_of(path, _first_line(model)),
        tuple(fields),
        tuple(parts),
        tuple(left),
        entry=entry,
    )


def _fits(shape: Shape, value: Any) -> bool:
    """Whether an input of that shape can hold what the file says; a table in a text's place can't be shown in one."""
    if isinstance(value, list):
        return shape.kind == "lines" and not any(isinstance(one, dict | list) for one in value)
    return not isinstance(value, dict)


def _put(document: Any, field: Field, typed: str) -> None:
    """Write one field; its table is made where there is none."""
    *way, key = field.path.split(".")
    place = document
    for step in way:
        if isinstance(place, list):
            place = place[int(step)]
        else:
            if step not in place:
                place[step] = tomlkit.table() if place is document else tomlkit.inline_table()
            place = place[step]
    if typed.strip() == "" and not field.required:
        if key in place:
            del place[key]
        return
    value = read(field.shape, typed)
    if isinstance(value, str) and "\n" in value:
        place[key] = tomlkit.string(value, multiline=True)
    else:
        place[key] = value


def _free_name(where: str, kind: str, entries: Any) -> str:
    taken = {entry.get("name") for entry in entries if isinstance(entry, dict)}
    stem = (kind or where.removesuffix("s")).replace("_", "-")
    return next(
        name for number in range(len(taken) + 1) if (name := f"{stem}-{number + 1}" if number else stem) not in taken
    )


def _table(content: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for key, value in content.items():
        if isinstance(value, dict):
            inline = tomlkit.inline_table()
            inline.update(value)
            value = inline
        table[key] = value
    return table


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _said(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())
