"""How each key of the experiment file is asked for: what a field's type means for a form.

A key that no simple field can hold (a table of parameters, a union of tables) has no shape: it is left to the text.

Conventions: a field's value is the text that its input holds; a list has one entry per line; nothing is "".
Defines: ``Shape``, ``shape_of``, ``inner_model``, ``entries_of``, ``written``, ``read``.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import MaxLen
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

LONG_TEXT, LONG_DEFAULT = 200, 60
"""Texts that may be longer than that, or are where the file says nothing, are asked for in several lines."""


@dataclass(frozen=True)
class Shape:
    """One kind of input: ``text``, ``paragraph``, ``number``, ``choice``, ``flag`` or ``lines``.

    ``choices`` are the words that stand for themselves (of a choice: all that there are; of a number or of lines: those
    that may be written instead); ``numbers`` is whether a choice or lines are of numbers.
    """

    kind: str
    choices: tuple[str, ...] = ()
    numbers: bool = False


def shape_of(field: FieldInfo) -> Shape | None:
    """The input for a field; ``None`` where it is left to the text, or is a part of its own."""
    found = _shape(field.annotation, field.metadata)
    long = isinstance(field.default, str) and len(field.default) > LONG_DEFAULT
    return replace(found, kind="paragraph") if found and found.kind == "text" and long else found


def inner_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a table of its own."""
    found = [one for one in _variants(field.annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return found[0] if len(found) == 1 else None


def entries_of(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """The models of a field that is a list of tables, by their kind ("" where there is one); empty for any other."""
    if get_origin(field.annotation) is not tuple:
        return {}
    one = get_args(field.annotation)[0]
    models = [model for model in _variants(one) if isinstance(model, type) and issubclass(model, BaseModel)]
    if "kind" in (models[0].model_fields if models else {}):
        return {get_args(model.model_fields["kind"].annotation)[0]: model for model in models}
    return {"": models[0]} if len(models) == 1 else {}


def written(value: Any) -> str:
    """A value of the file as its input holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "\n".join(map(written, value))
    return str(value)


def read(shape: Shape, typed: str) -> Any:
    """A value for the file out of what was typed; what can't be one is kept as it was typed, to be complained of."""
    typed = typed.replace("\r\n", "\n")
    if shape.kind == "flag":
        return {"yes": True, "no": False}.get(typed, typed)
    if shape.kind == "number":
        return _number(typed)
    if shape.kind == "lines":
        lines = [line.strip() for line in typed.split("\n") if line.strip()]
        if len(lines) == 1 and lines[0] in shape.choices:
            return lines[0]
        return [_number(line) for line in lines] if shape.numbers else lines
    return _number(typed) if shape.numbers else typed


def _number(typed: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(typed.strip())
        except ValueError:
            continue
    return typed


def _shape(annotation: Any, metadata: list[Any] | tuple[Any, ...]) -> Shape | None:
    variants = [one for one in _variants(annotation) if one is not type(None)]
    words = tuple(word for one in variants if get_origin(one) is Literal for word in get_args(one))
    others = [one for one in variants if get_origin(one) is not Literal]
    if not others:
        return Shape("choice", tuple(map(str, words)), numbers=all(isinstance(word, int) for word in words))
    if len(others) > 1 and set(others) != {int, float}:
        return None
    one = others[0]
    if get_origin(one) is tuple:
        inner = _shape(get_args(one)[0], ())
        if inner is None or inner.kind in ("lines", "flag"):
            return None
        return Shape("lines", (*words, *inner.choices), numbers=inner.kind == "number")
    if one is bool:
        return Shape("flag")
    if one in (int, float):
        return Shape("number", words)
    if get_origin(one) is Annotated:
        return _shape(get_args(one)[0], get_args(one)[1:])
    if one is str:
        return Shape("paragraph" if _longest(metadata) > LONG_TEXT else "text", words)
    return None


def _longest(metadata: list[Any] | tuple[Any, ...]) -> int:
    """Most characters that a text may have; one without a limit is a short one."""
    for found in metadata:
        if isinstance(found, StringConstraints | MaxLen) and found.max_length is not None:
            return found.max_length
    return 0


def _variants(annotation: Any) -> list[Any]:
    """The members of a union, however it is written; of anything else it alone."""
    if get_origin(annotation) is Annotated and get_origin(get_args(annotation)[0]) in (Union, types.UnionType):
        return _variants(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [variant for one in get_args(annotation) for variant in _variants(one)]
    return [annotation]
