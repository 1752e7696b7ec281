"""Templates of the sentences that other rooms say, out of their code, for the catalogues of translations.

A sentence with numbers in it is an f-string: ``f"{found} items in the test"``. Its template is the same text with names
for what is filled in, ``{found} items in the test``, and that is what ``pybabel extract`` collects by this module. So
the rooms write plain English and know of no language; ``mushra_app.studio.retelling`` finds the template back.

Conventions: a name in braces stands for what is filled in. ``{size:number}`` is a number, ``{names:and}`` and
``{names:or}`` are lists that are joined by that word. Braces that are meant as such are doubled. Where one of two texts
is filled in there are two templates. ``{place}: `` at the beginning is left out: places come before any sentence. One
word alone is a sentence where it is the value of a dictionary, or marked by ``kept("...")``.
Options of a file in ``rooms.cfg``: ``within`` are the calls whose strings are collected, and with a colon the functions
(``raise`` is a call, too; without it all strings of the file are looked at); ``braces = names`` where plain strings are
templates themselves; ``models = yes`` where the first lines of its models' documentation are shown.

Defines: ``collect``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import IO, Any, TypeGuard

WORD = re.compile(r"[A-Za-z]{2,}")
UNITS = {"dB", "dBTP", "LU", "LUFS", "Hz", "kHz", "ms"}
PLACES = re.compile(r"^(?:{\w+}: )+")
FILLED_IN = re.compile(r"(?<!{){\w[^}]*}")
JOINED_BY = {" and ": "and", " or ": "or"}
NUMBERS = "defgn"
"""With which formats of numbers end."""

Found = tuple[int, None, str, list[str]]


def collect(file: IO[bytes], keywords: Any, comment_tags: Any, options: Mapping[str, str]) -> Iterator[Found]:
    """The templates of one file of Python, as Babel asks for them: line, no function, message, no comments."""
    within = options.get("within", "").split()
    named = options.get("braces") == "names"
    tree = ast.parse(file.read())
    if options.get("models") == "yes":
        yield from _first_lines(tree)
    for root in (node for node in ast.walk(tree) if _called(node) in within) if within else [tree]:
        for node, alone in _texts(root):
            for written in _templates(node, named=named):
                template = PLACES.sub("", written)
                words = set(WORD.findall(FILLED_IN.sub("", template))) - UNITS
                if words and (alone or " " in written.strip()):
                    yield node.lineno, None, template, []


def _first_lines(tree: ast.AST) -> Iterator[Found]:
    """What is said of the tables of a file: those that a ``kind`` chooses, and models that are no others' base."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    bases = {base.id for node in classes for base in node.bases if _is_name(base)}
    for node in classes:
        if node.name not in bases:
            names = {one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and _is_name(one.target)}
            if "kind" in names or any(_is_name(base) and base.id == "Model" for base in node.bases):
                line = (ast.get_docstring(node) or "").partition("\n")[0]
                yield node.lineno, None, line.replace("{", "{{").replace("}", "}}"), []


def _is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)


def _called(node: ast.AST) -> str:
    """What a function is called where it is called; with a colon where it is defined."""
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", ""))
    return "raise" if isinstance(node, ast.Raise) else f"{node.name}:" if isinstance(node, ast.FunctionDef) else ""


def _texts(root: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Strings under a node, and whether one may be a single word."""
    waiting: list[tuple[ast.AST, bool]] = [(root, False)]
    while waiting:
        node, alone = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # what documents the code
        if _is_text(node):
            yield node, alone  # type: ignore[misc]
            waiting += [(value, False) for value in _filled_in(node)]
        elif isinstance(node, ast.Dict):
            waiting += [(key, False) for key in node.keys if key] + [(value, True) for value in node.values]
        else:
            waiting += [(child, _called(node) == "kept") for child in ast.iter_child_nodes(node)]


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """A text piece by piece: constants, and what is filled in between."""
    if isinstance(node, ast.BinOp) and _is_text(node):
        yield from (*_parts(node.left), *_parts(node.right))
    elif isinstance(node, ast.JoinedStr):
        yield from node.values
    else:
        yield node


def _either(value: ast.AST) -> list[ast.expr]:
    """The two of which one is filled in, where one at least is a text."""
    found = [value.body, value.orelse] if isinstance(value, ast.IfExp) else []
    found = value.values if isinstance(value, ast.BoolOp) else found
    return found if any(map(_is_text, found)) else []


def _filled_in(node: ast.AST) -> Iterator[ast.AST]:
    """What is filled into a text and is no part of its templates."""
    for part in _parts(node):
        value = part.value if isinstance(part, ast.FormattedValue) else part
        for one in _either(value) or [value]:
            if _is_text(one):
                yield from () if isinstance(one, ast.Constant) else _filled_in(one)
            else:
                yield one


def _templates(node: ast.AST, *, named: bool) -> Iterator[str]:
    """A text with names for what is filled in, once for each way in which it can be put together."""
    for pieces in product(*(list(_ways(part, named=named)) for part in _parts(node))):
        text, seen = "", list[str]()
        for name, kind, constant in (piece for way in pieces for piece in way):
            seen.append(name)
            number = str(seen.count(name)) if seen.count(name) > 1 else ""
            text += constant if not name else f"{{{name}{number}{kind}}}"
        yield text


def _ways(part: ast.AST, *, named: bool) -> Iterator[list[tuple[str, str, str]]]:
    """What may stand at a place of a text: each way is pieces of name, kind and constant."""
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield [("", "", value.value if named else value.value.replace("{", "{{").replace("}", "}}"))]
    elif either := _either(value):
        for one in either:
            yield from _ways(one, named=named)
    elif _is_text(value):
        for pieces in product(*(list(_ways(one, named=named)) for one in _parts(value))):
            yield [piece for way in pieces for piece in way]
    else:
        yield [(_name(value), _kind(part, value), "")]


def _kind(part: ast.AST, value: ast.AST) -> str:
    spec = getattr(part, "format_spec", None)
    if spec is not None and ast.unparse(spec).rstrip("'\"")[-1:] in NUMBERS:
        return ":number"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "join":
        by = value.func.value
        kind = JOINED_BY.get(str(by.value), "") if isinstance(by, ast.Constant) else ""
        return f":{kind}" if kind else ""
    return ""


def _name(value: ast.AST) -> str:
    """What a reader of the template would call it: the name that the expression is about, roughly."""
    if isinstance(value, ast.Name):
        return value.id.strip("_").lower()
    if isinstance(value, ast.Attribute):
        return value.attr
    if isinstance(value, ast.Call):
        given = [one for one in value.args if not isinstance(one, ast.Constant)]
        about = value.func.value if isinstance(value.func, ast.Attribute) else value.func
        return _name(given[-1] if given else about)
    key = value.slice.value if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant) else None
    if isinstance(key, str):
        return key
    if isinstance(value, ast.GeneratorExp | ast.ListComp):
        return _name(value.generators[0].iter)
    inner = [child for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr)]
    named = next((child for child in inner if not isinstance(child, ast.Constant)), None)
    return _name(named) if named is not None else "text"
