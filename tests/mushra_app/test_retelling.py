"""What other rooms say, and what is stored in English, on a German page: all of it, and no name is taken for a word."""

from __future__ import annotations

import ast
import re
import string
import time
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from flask import Flask
from flask.testing import FlaskClient
from studio_people import csrf, database_of, inside, person
from test_standard import EXPERIMENTS, broken, loaded
from test_standard_sets import CLIPS, GENEROUS, ORACLE, SETS, changed

from mushra_app import web
from mushra_app.collecting import collect
from mushra_app.people import audit
from mushra_app.studio import retelling
from mushra_app.studio.retelling import retold
from stimuli.errors import ExperimentError
from stimuli.experiment import parse
from stimuli.standard.check import check_experiment, check_set

PACKAGE = Path(web.__file__).parent
GERMAN = {"Accept-Language": "de"}
ENGLISH = re.compile(r"\b(the|are|is|than|with|without|found|expected|build|give|every|which|and|or|by|of|from)\b")
CATALOGUE = [
    (str(one.id), str(one.string))
    for one in read_mo(BytesIO((PACKAGE / "translations/de/LC_MESSAGES/rooms.mo").read_bytes()))
    if one.id
]


@pytest.fixture
def german(app: Flask):
    with app.test_request_context(headers=GERMAN):
        yield


def collected(code: str, **options: str) -> list[str]:
    return sorted(text for _, _, text, _ in collect(BytesIO(code.encode()), None, None, options))


def filled(template: str) -> str:
    """A template with names that are no words, and numbers, filled in."""
    values = {"number": "3.5", "and": "xa and xb", "or": "xa or xb"}
    parts = string.Formatter().parse(template)
    return "".join(piece + (values.get(kind or "", f"x{name}") if name else "") for piece, name, kind, _ in parts)


def test_each_template_is_found_back_in_what_it_says(german: None) -> None:
    """And not another one in its place; what is filled into a sentence is looked at with those of few letters, too."""
    words = {"number": "3.5", "and": "xa und xb", "or": "xa oder xb"}
    wrong = []
    for template, translated in CATALOGUE:
        kinds = {name: kind for _, name, kind, _ in string.Formatter().parse(template) if name}
        expected = translated.format_map({name: words.get(kind or "", f"x{name}") for name, kind in kinds.items()})
        if (said := retelling._book("de")._filled_in(filled(template), "")) != expected:
            wrong.append(f"{template}: {said}")
    assert wrong == []


def test_every_finding_about_an_experiment_is_said_in_german(german: None, tmp_path: Path) -> None:
    for _, change, _ in EXPERIMENTS:
        for result in check_experiment(loaded(tmp_path, **change)):
            assert not ENGLISH.search(retold(result.message)), retold(result.message)


def test_every_finding_about_a_set_is_said_in_german(german: None, tmp_path: Path) -> None:
    described = loaded(tmp_path, systems=GENEROUS + ORACLE)
    for rule, changes, _ in SETS:
        results = check_set(described, [changed(clip, changes.get(clip.token, {})) for clip in CLIPS])
        assert rule in broken(results)
        for result in results:
            assert not ENGLISH.search(retold(result.message)), retold(result.message)


MISTAKEN = """
[experiment]
name = "Not small"
title = ""
[[attributes]]
name = "overall"
question = "How good?"
extra = 1
[[items]]
song = "a"
excerpt = { start_s = 0.0, length_s = "long" }
[[systems]]
name = "x"
kind = "nothing"
[[systems]]
name = "y"
kind = "files"
path = "{what}.wav"
[test]
items_per_listener = "some"
switching = "hard"
references = 3
"""


def test_every_mistake_of_a_file_is_said_in_german(german: None) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse(MISTAKEN)
    assert len(caught.value.problems) > 7
    for line in caught.value.problems:
        said = retold(line)
        assert said.startswith(line[: line.index(": ", 17)]), "the place stays"
        assert not ENGLISH.search(said.replace("'or'", "")), said


@pytest.mark.parametrize(
    ("english", "translated"),
    [
        (
            "no low-pass anchor at 3.5 kHz and 7 kHz; add items if you can",
            "kein Tiefpass-Anker bei 3.5 kHz und 7 kHz; fügen Sie Items hinzu, wenn Sie können",
        ),
        ("tiny: version 1 from draft to open", "tiny: Version 1 von „Entwurf“ zu „offen“"),
        ("tiny: begun", "tiny: begonnen"),
        ("an invitation: experimenter, given tiny", "eine Einladung: Versuchsleitung, freigegeben: tiny"),
        (
            "tiny: closed at 2026-01-01 10:00, results could be looked at, opened again: not enough",
            "tiny: geschlossen am 2026-01-01 10:00, Ergebnisse waren einsehbar, wieder geöffnet: not enough",
        ),
        ("first line\nno such file", "first line\ndiese Datei gibt es nicht"),
        ("ended with exit code 2: mushra: nobody knows", "endete mit dem Code 2: mushra: nobody knows"),
    ],
)
def test_what_is_stored_is_said_in_german(german: None, english: str, translated: str) -> None:
    assert retold(english) == translated


def test_names_are_no_words(german: None) -> None:
    """An experimenter may call a system or a song by a word that stands in a sentence of ours."""
    said = retold("true peak above 0 dBTP: early in Romeo and Juliet (1 dBTP), open in late, reference in draft")
    assert said == "True Peak über 0 dBTP: early in Romeo and Juliet (1 dBTP), open in late, reference in draft"
    assert retold("The quick brown fox, and the others; that is all: done") == (
        "The quick brown fox, and the others; that is all: done"
    )


def test_english_stays_as_it_is(app: Flask) -> None:
    assert retold("tiny: begun") == "tiny: begun"
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert retold("tiny: begun") == "tiny: begun"


@pytest.mark.parametrize("text", ["a; " * 400, "build the set again; " * 60, "a: " * 400, "(" * 1400, " of " * 300])
def test_no_text_holds_a_page_up(german: None, text: str) -> None:
    begun_s = time.process_time()
    retold(text)
    assert time.process_time() - begun_s < 1


def test_one_template_for_each_way_in_which_a_sentence_is_put_together() -> None:
    code = "def f(a, b):\n    'No sentence.'\n    return f'{a}: it is {b:.1f} dB' + (' late' if a else ' and {early}')"
    assert collected(code) == ["it is {b:number} dB and {{early}}", "it is {b:number} dB late"]
    assert collected("x = f\"{' and '.join(one for one in names)} are there\"") == ["{names:and} are there"]
    assert collected("f('some words')\nraise E('other words')", within="raise") == ["other words"]
    assert collected("g(kept('ef'))", within="kept") == ["ef"]


def test_what_the_audit_log_is_told_is_collected() -> None:
    """A sentence that is put together before it is noted has to be marked: it would stay English."""
    marked_before = {"about", "done", "_about"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "audit.note" and len(node.args) > 3:
                told = node.args[3]
                name = ast.unparse(told).split("(")[0].rpartition(".")[2]
                assert isinstance(told, ast.Constant | ast.JoinedStr | ast.IfExp) or name in marked_before, path.name


def test_the_pages_of_the_studio_say_it_in_german(app: Flask) -> None:
    bob: FlaskClient = inside(app, person(database_of(app), "bob", "owner"))
    with database_of(app).writing() as db:
        audit.note(db, audit.COMMAND_LINE, "study", "tiny: archived")
    log = bob.get("/studio/audit", headers=GERMAN).text
    assert "tiny: archiviert" in log and "die Befehlszeile" in log and 'value="the command line"' in log
    rules = bob.get("/studio/tiny/design", headers=GERMAN).text
    assert "Items im Test; fügen Sie Items hinzu: mindestens 5" in rules and ">muss</b>" in rules
    token = csrf(bob.get("/studio/account").text)
    typed = {"csrf_token": token, "text": MISTAKEN}
    found = bob.post("/studio/tiny/design/check", data=typed, headers=GERMAN).text
    assert "ist leer; schreiben Sie, was dorthin gehört" in found and "is empty" not in found
    assert "noch niemand ist mit dem Test fertig" in bob.get("/studio/tiny/", headers=GERMAN).text
