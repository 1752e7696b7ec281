"""The experiment file as a form: what is not touched stays as it was, to the byte, and what is touched is said once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mushra_app.study.drafts import form, labels
from mushra_app.study.drafts.checking import checked
from mushra_app.study.drafts.form import changed, parts_of, with_entry, without_entry
from mushra_app.study.drafts.shapes import entries_of, shape_of
from stimuli.experiment import Experiment, parse

FILE = """\
# What we compare

[experiment]
name = "singing"   # stands in the link
title = 'Voice "off"'
target = "accompaniment"

[[attributes]]
name = "overall"
question = "How good is it?"

[[items]]
song = "Falcon 69"
excerpt = { start_s = 0.05, length_s = 5.9 } # all there is

[[items]]
song = "feelings"
excerpt = { rule = "energy", length_s = 8, count = 2 }

[[systems]]
name = "ours"
kind = "torch_checkpoint"
path = "w.pt"
sources = ["accompaniment"]
architecture = "vox_tasnet"
parameters = { hidden = 32 }

[[systems]]
name = "repet"
kind = "repet"

[[anchors]]
kind = "lowpass"
cutoff_hz = 3500

[translations.de]
"How good is it?" = "Wie gut ist es?"

[analysis]
listeners = 12
contrasts = ["ours - repet"]
"""


def values(text: str) -> dict[str, str]:
    return {field.path: field.value for part in parts_of(tomllib.loads(text)) for field in part.all_fields()}


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    assert changed(FILE, values(FILE)) == FILE
    assert changed(FILE, {path: value.replace("\n", "\r\n") for path, value in values(FILE).items()}) == FILE


def test_one_changed_field_is_one_changed_line() -> None:
    after = changed(FILE, {"items.0.excerpt.length_s": "5.5", "analysis.listeners": "24", "experiment.title": FILE[:0]})
    lines = set(after.splitlines()) ^ set(FILE.splitlines())
    assert lines == {
        "excerpt = { start_s = 0.05, length_s = 5.9 } # all there is",
        "excerpt = { start_s = 0.05, length_s = 5.5 } # all there is",
        "listeners = 12",
        "listeners = 24",
        "title = 'Voice \"off\"'",
        'title = ""',
    }


def test_what_was_empty_is_written_where_it_belongs_and_what_is_emptied_goes() -> None:
    after = changed(FILE, {"test.replicates": "1", "setup.level": "no", "anchors.0.cutoff_hz": "7000"})
    found = parse(after)
    assert (found.test.replicates, found.setup.level, found.anchors[0].name) == (1, False, "lowpass-7000")
    assert "# What we compare" in after and "[translations.de]" in after
    emptied = changed(after, {"test.replicates": "", "analysis.contrasts": "", "setup.level": ""})
    assert parse(emptied).test == Experiment.model_fields["test"].default and "contrasts" not in emptied


def test_keys_that_the_form_has_no_input_for_are_named_and_kept() -> None:
    ours = next(part for part in parts_of(tomllib.loads(FILE)) if part.path == "systems").parts[0]
    assert "parameters" in ours.only_in_text
    after = changed(FILE, {"systems.0.name": "theirs", "analysis.contrasts": "theirs - repet"})
    assert "parameters = { hidden = 32 }" in after and parse(after).systems[0].name == "theirs"


def test_lists_grow_and_shrink() -> None:
    more = with_entry(with_entry(with_entry(FILE, "systems", "repet"), "questions"), "items")
    assert [system["name"] for system in tomllib.loads(more)["systems"]] == ["ours", "repet", "repet-2"]
    assert [problem.place for problem in checked(more).mistakes] == ["items.2.song", "questions.0.text"]
    less = without_entry(without_entry(more, "items.2"), "questions.0")
    assert parse(less).conditions == ("reference", "lowpass-3500", "ours", "repet", "repet-2")
    for odd in ("systems.9", "systems.-1", "systems", "nothing.0", "experiment.0", "", ".", "systems.x"):
        assert without_entry(FILE, odd) == FILE, odd
    assert with_entry(FILE, "systems", "a kind that nobody knows") == with_entry(FILE, "songs") == FILE


def test_a_wrong_file_is_shown_as_it_is_and_can_be_mended() -> None:
    wrong = FILE.replace("listeners = 12", 'listeners = "many"').replace('kind = "repet"', 'kind = "repetition"')
    wrong = wrong.replace('song = "feelings"', 'song = ["feelings"]')
    assert values(wrong)["analysis.listeners"] == "many" and "items.1.song" not in values(wrong)
    places = ["items.1.song", "systems.1.kind", "analysis.listeners"]
    assert [mistake.place for mistake in checked(wrong).mistakes] == places
    assert checked(changed(wrong, {"analysis.listeners": "12"})).mistakes == checked(wrong).mistakes[:2]


PATHS = sorted(values(FILE))


@given(st.dictionaries(st.sampled_from(PATHS), st.text(st.characters(exclude_categories=("Cs", "Cc"))), max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_is_typed_comes_back_as_it_was_typed(typed: dict[str, str]) -> None:
    after = changed(FILE, typed)
    found = values(after)
    for path, value in typed.items():
        if path in found:  # another kind of system has other fields
            shown = " ".join(found[path].split())
            assert shown in (" ".join(value.split()), "yes", "no") or _is_number(value), (path, value, found[path])
    for path in set(PATHS) - set(typed):
        assert found[path] == values(FILE)[path]


def _is_number(value: str) -> bool:
    try:
        return float(value) == float(value)
    except ValueError:
        return False


def test_every_key_of_the_file_has_an_input_or_is_said_to_be_only_in_the_text() -> None:
    left = {
        f"{name}.{kind}.{key}"
        for name, field in Experiment.model_fields.items()
        for kind, model in entries_of(field).items()
        for key, inner in model.model_fields.items()
        if key != "kind" and shape_of(inner) is None and form.inner_model(inner) is None and not entries_of(inner)
    }
    assert all(key.rpartition(".")[2] in ONLY_IN_TEXT for key in left), left


ONLY_IN_TEXT = {"parameters", "sha256"}  # tables of a user's own keys


@pytest.mark.parametrize("attributes", ["overall", "separation"])
def test_files_that_the_command_line_writes_pass_through_the_form(tmp_path: Path, attributes: str) -> None:
    from stimuli.starter import write_example

    write_example(tmp_path / "experiment.toml", attributes)
    text = (tmp_path / "experiment.toml").read_text()
    assert changed(text, values(text)) == text


def test_every_part_and_field_is_called_something() -> None:
    """With an entry of each kind there is, and a member of each kind in an ensemble."""
    raw = {
        name: [{"kind": kind} if kind else {} for kind in sorted(kinds)]
        for name, field in Experiment.model_fields.items()
        if (kinds := entries_of(field))
    }
    ensemble = next(one for one in raw["systems"] if one["kind"] == "minimum_magnitude")
    members = entries_of(entries_of(Experiment.model_fields["systems"])["minimum_magnitude"].model_fields["members"])
    ensemble |= {"members": [{"kind": kind} for kind in sorted(members)]}
    places: set[str] = set()

    def walk(part: form.Part) -> None:
        if not part.entry:
            places.add(labels.place_in_file(part.path))
        places.update(labels.place_in_file(field.path) for field in part.fields)
        for inner in part.parts:
            walk(inner)

    for part in parts_of(raw):
        walk(part)
    assert len(places) > 100 and places - set(labels.LABELS) == set()
    assert set(labels.LABELS) - places == {"systems.sha256"} - places, "names of what there is not"
    assert set(labels.HINTS) <= places
