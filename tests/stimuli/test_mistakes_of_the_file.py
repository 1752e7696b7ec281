"""Mistakes of an experiment file are said in our own words, whatever is wrong: where, what was found, what belongs."""

from __future__ import annotations

import copy
import datetime
import re
import string
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stimuli import experiment
from stimuli.errors import ExperimentError

PYDANTICS = re.compile(
    r"Input should|Extra inputs|Field required|should have at|should be a valid|should match|Value error|Unable to|"
    r"pydantic|Assertion failed|unable to parse|literal\[|constrained-|function-|tuple\[|something else",
    re.IGNORECASE,
)
WHOLE = """
[experiment]
name = "whole"
title = "A whole file"
[[attributes]]
name = "overall"
question = "How good is it?"
anchors = ["lowpass-3500"]
[songs]
root = "songs"
[[items]]
song = "Song A"
excerpt = { start_s = 1, length_s = 8 }
[[systems]]
name = "home"
kind = "repet"
[[systems]]
name = "centre"
kind = "files"
path = "x/{song}.wav"
[[systems]]
name = "both"
kind = "minimum_magnitude"
members = [{ kind = "repet" }, { kind = "centre_cancellation" }]
[[anchors]]
kind = "lowpass"
cutoff_hz = 3500
[[questions]]
name = "ears"
text = "Do you hear well?"
type = "choice"
choices = ["yes", "no"]
[loudness]
target_lufs = -24
[test]
items_per_listener = 1
systems_per_page = "all"
[setup]
level = false
[analysis]
contrasts = ["home - centre"]
listeners = 20
[completion]
code = "C0"
"""


def told(text: str) -> list[str]:
    with pytest.raises(ExperimentError) as caught:
        experiment.parse(text)
    return [line.removeprefix("experiment.toml: ") for line in caught.value.problems]


HEAD = '[experiment]\nname = "a"\ntitle = "A"\n[[attributes]]\nname = "overall"\nquestion = "How good?"\n'
REST = '[[items]]\nsong = "A"\nexcerpt = { start_s = 0, length_s = 8 }\n[[systems]]\nname = "x"\nkind = "repet"\n'


@pytest.mark.parametrize(
    ("more", "sentences"),
    [
        ("[test]\nreplicates = 9\n", ["test.replicates: found 9; expected at most 3"]),
        ("[test]\nreplicates = 1.5\n", ["test.replicates: found 1.5; expected a whole number"]),
        (
            "[test]\nitems_per_listener = 'x'\n",
            ["test.items_per_listener: found 'x'; expected a whole number or 'all'"],
        ),
        ("[setup]\nlevel = 'maybe'\n", ["setup.level: found 'maybe'; expected true or false"]),
        ("[setup]\nlevel = 2026-11-26\n", ["setup.level: found 2026-11-26; expected true or false"]),
        ("[test]\nconsent = true\n", ["test.consent: found true; expected text"]),
        ("[loudness]\ntarget_lufs = inf\n", ["loudness.target_lufs: found inf; expected at most -10"]),
        ("[loudness]\ntarget_lufs = 'loud'\n", ["loudness.target_lufs: found 'loud'; expected a number"]),
        ("[analysis]\ncontrasts = 'x'\n", ["analysis.contrasts: found 'x'; expected a list"]),
        ("[[test]]\n", ["test: found a list of 1; expected a table of keys"]),
        ("[test]\nodd = 1\n", ["test.odd: this key is not known; remove it or correct its spelling"]),
        (
            '[[systems]]\nname = "Big"\nkind = "files"\npath = "{song}.wav"\n',
            [
                "systems[1].name: found 'Big'; expected 1 to 64 small letters, digits and hyphens, which begin with no "
                "hyphen"
            ],
        ),
        ('[[systems]]\nname = "b"\nkind = "files"\n', ["systems[1].path: is missing; add it (see: mushra new)"]),
    ],
)
def test_a_mistake_says_where_what_was_found_and_what_belongs(more: str, sentences: list[str]) -> None:
    assert told(HEAD + REST + more) == sentences


TITLE, SONG = "experiment.title", "items[0].song"
ON_ONE_LINE = "text on one line, without control characters and without such as turn the direction of writing"
UNTURNED = "text without control characters and without such as turn the direction of writing"


@pytest.mark.parametrize("unseen", [r"\u0000", r"\u0007", r"\u007f", r"\u0085", r"\u202e", r"\u2067", r"\n", r"\u2028"])
def test_names_hold_nothing_that_cannot_be_seen(unseen: str) -> None:
    text = (HEAD + REST).replace('title = "A"', f'title = "a{unseen}b"').replace('song = "A"', f'song = "a{unseen}b"')
    found = repr(tomlkit.parse(f't = "a{unseen}b"')["t"].unwrap())
    assert told(text) == [f"{place}: found {found}; expected {ON_ONE_LINE}" for place in (TITLE, SONG)]


def test_paragraphs_have_lines_and_hold_nothing_else_that_cannot_be_seen() -> None:
    assert experiment.parse(HEAD + REST + '[test]\nconsent = "a\\n\\n\\tb\\r\\nc"\n').test.consent == "a\n\n\tb\r\nc"
    for unseen in ("\\u0000", "\\u001b", "\\u202e"):
        for table, key in (("test", "consent"), ("translations.de", "A")):
            line = f'[{table}]\n{key} = "a{unseen}b"\n'
            found = repr(tomlkit.parse(f't = "a{unseen}b"')["t"].unwrap())
            assert told(HEAD + REST + line) == [f"{table}.{key}: found {found}; expected {UNTURNED}"]


@pytest.mark.parametrize("name", ["سلام‌دنیا", "שלום", "👩‍🔬", "Ä \u200f b"])
def test_what_a_script_is_written_with_may_stand_in_a_name(name: str) -> None:
    text = (HEAD + REST).replace('title = "A"', f'title = "{name}"')
    assert experiment.parse(text).experiment.title == name


def test_what_only_follows_is_not_said() -> None:
    text = (HEAD + REST).replace('question = "How good?"\n', 'question = "How good?"\nanchors = ["No!"]\n')
    assert [line.partition(":")[0] for line in told(text)] == ["attributes[0].anchors[0]"]
    text = HEAD + REST + '[[systems]]\nname = "both"\nkind = "minimum_magnitude"\nmembers = [{ kind = "no" }]\n'
    assert [line.partition(":")[0] for line in told(text)] == ["systems[1].members[0].kind"]


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 100_000, "a", "a = 1\na = 2"])
def test_what_is_no_toml_is_a_sentence_too(text: str) -> None:
    (line,) = told(text)
    assert line.startswith("not valid TOML: ")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a file."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inside for place in places(one, (*path, key)))]


BASE = tomlkit.parse(WHOLE).unwrap()
LEAVES = st.one_of(
    st.text(string.ascii_letters + " -{}é\n", max_size=12),
    st.sampled_from(["repet", "files", "lowpass", "all", "x" * 5000]),
    st.integers(-(2**62), 2**62),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.just(datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)),
)
KEYS = st.sampled_from(["kind", "name", "path", "repet", "files", "odd", "anchors"]) | st.text(
    string.ascii_letters, min_size=1
)
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=3), max_leaves=5
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(places(BASE)[1:]), st.sampled_from(["set", "drop", "add"]), KEYS, VALUES),
        min_size=1,
        max_size=3,
    )
)
def test_no_made_up_experiment_is_answered_in_pydantics_words(changes: list[tuple[Any, ...]]) -> None:
    made = copy.deepcopy(BASE)
    for path, what, key, value in changes:
        parent = made
        try:
            for part in path[:-1]:
                parent = parent[part]
            if isinstance(parent, dict) is not isinstance(path[-1], str):
                continue
            if what == "drop":
                del parent[path[-1]]
            elif what == "add" and isinstance(parent[path[-1]], dict):
                parent[path[-1]][key] = value
            else:
                parent[path[-1]] = value
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
    try:
        experiment.parse(tomlkit.dumps(made))
    except ExperimentError as error:
        for line in error.problems:
            # What was written is quoted, and may be anything.
            assert not PYDANTICS.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", line)), line
            assert re.match(r"experiment\.toml: (not valid TOML: |[^:]+: .)", line), line


def test_the_file_that_is_spoiled_here_is_whole() -> None:
    assert experiment.parse(WHOLE).experiment.name == "whole"
