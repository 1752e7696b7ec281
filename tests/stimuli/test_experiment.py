"""The experiment file: every mistake at once, each with its place; identities that change with what matters."""

from __future__ import annotations

from typing import Any

import pytest
from commands import mushra

from stimuli import experiment
from stimuli.errors import ExperimentError


def problems(path) -> str:
    with pytest.raises(ExperimentError) as caught:
        experiment.load(path)
    return str(caught.value)


def test_all_mistakes_at_once_with_their_places(write_experiment) -> None:
    text = problems(
        write_experiment(
            systems='[[systems]]\nname = "x"\nkind = "repets"\n[[systems]]\nname = "Y!"\nkind = "repet"\n',
            more="[loudness]\ntarget_lufs = 3\n[test]\nreplicatez = 1\n",
        )
    )
    lines = text.splitlines()
    assert any(line.startswith("experiment.toml: systems[0].kind: found 'repets'; expected one of") for line in lines)
    assert any(line.startswith("experiment.toml: systems[1].name: ") for line in lines)
    assert any(line.startswith("experiment.toml: loudness.target_lufs: ") and "found 3" in line for line in lines)
    assert any(line.startswith("experiment.toml: test.replicatez: this key is not known") for line in lines)


def test_of_a_text_without_end_no_more_is_repeated_than_is_recognised(write_experiment) -> None:
    endless = "x" * 5000
    for plan in (f'contrasts = ["{endless}"]', f'contrasts = ["home - {endless}"]', f'primary = "{endless}"'):
        text = problems(write_experiment(more=f"[analysis]\n{plan}\n"))
        assert "xxx…" in text and len(text) < 1000
    assert len(problems(write_experiment(systems=f'[[systems]]\nname = "x"\nkind = "{endless}"\n'))) < 2000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"items": ""}, "items: is missing"),
        ({"more": '[analysis]\ncontrasts = ["home - nobody"]\n'}, "analysis.contrasts[0]: 'nobody' is no condition"),
        ({"more": '[analysis]\ncontrasts = ["home"]\n'}, "found 'home'; expected \"a - b\""),
        ({"more": "[test]\nitems_per_listener = 9\n"}, "test.items_per_listener: found 9; expected 1 to 2"),
        (
            {"more": "[test]\nsystems_per_page = 3\n"},
            "test.systems_per_page: found 3; expected 2 to 2, or 'all': there are 2 systems",
        ),
        ({"more": "[test]\nsystems_per_page = 1\n"}, "or 'all': one alone is compared with no other"),
        ({"more": '[test]\nsystems_per_page = "some"\n'}, "test.systems_per_page"),
        (
            {"systems": '[[systems]]\nname = "a"\nkind = "repet"\n', "more": "[test]\nsystems_per_page = 2\n"},
            "test.systems_per_page: found 2; there is one system, so leave",
        ),
        ({"systems": '[[systems]]\nname = "a"\nkind = "repet"\n' * 2}, "'a' is used more than once"),
        ({"systems": '[[systems]]\nname = "reference"\nkind = "repet"\n'}, "'reference' is used more than once"),
        ({"systems": '[[systems]]\nname = "a"\nkind = "files"\npath = "x/{songs}.wav"\n'}, "only {system}, {song}"),
        ({"systems": '[[systems]]\nname = "a"\nkind = "files"\npath = "x.wav"\n'}, "path has no {song}"),
        ({"head": "[experiment\n"}, "not valid TOML"),
    ],
)
def test_one_mistake_one_sentence(write_experiment, change, sentence) -> None:
    assert sentence in problems(write_experiment(**change))


def test_a_training_only_file_is_refused(write_experiment) -> None:
    items = '[[items]]\nsong = "Song A"\nexcerpt = { start_s = 0, length_s = 2 }\nuse = "training"\n'
    assert "at least one must be rated" in problems(write_experiment(items=items))


def test_missing_file_says_how_to_write_one(tmp_path) -> None:
    assert "mushra new" in problems(tmp_path / "none.toml")


def test_the_study_changes_with_its_text_and_the_sounds(write_experiment) -> None:
    first = experiment.load(write_experiment())
    second = experiment.load(write_experiment(more='[test]\nconsent = "Other words."\n'))
    assert experiment.study_id(first, "s") != experiment.study_id(second, "s")
    assert experiment.study_id(first, "s") != experiment.study_id(first, "t")
    assert experiment.study_id(first, "s") == experiment.study_id(experiment.load(write_experiment()), "s")


def test_a_file_that_shows_all_systems_keeps_the_identity_it_had_before_pages_could_be_incomplete(
    write_experiment,
) -> None:
    plain = experiment.load(write_experiment())
    assert experiment.study_id(plain, "s") == "df0b0a7c02c8c04aa8c2b4ba13254c4220d5189bb7798fd2024acc7c14dbd1f1"
    said = experiment.load(write_experiment(more='[test]\nsystems_per_page = "all"\n'))
    assert experiment.study_id(said, "s") == experiment.study_id(plain, "s")
    fewer = said.model_copy(update={"test": said.test.model_copy(update={"systems_per_page": 2})})
    assert experiment.study_id(fewer, "s") != experiment.study_id(plain, "s")
    assert experiment.Experiment.model_validate_json(fewer.model_dump_json()) == fewer


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"accept": ["maybe"]}, "expected some of the choices"),
        ({"accept": ["yes", "no"]}, "not all of them"),
        ({"accept": ["yes"], "required": False}, "required = true"),
        ({"accept": ["yes"], "when": "after"}, 'when = "before"'),
        ({"accept": ["yes"], "type": "text", "choices": []}, "expected some of the choices"),
    ],
)
def test_answers_that_are_looked_for_can_be_given_and_refused(keys: dict[str, Any], said: str) -> None:
    whole: dict[str, Any] = {
        "name": "ears",
        "text": "?",
        "type": "choice",
        "choices": ["yes", "no"],
        "when": "before",
        "required": True,
    }
    with pytest.raises(ValueError, match=said):
        experiment.Question.model_validate(whole | keys)
    assert "accept" not in experiment.Question.model_validate(whole).model_dump(), "older files keep their identity"


def test_planned_contrasts_are_all_pairs_where_none_are_named(write_experiment) -> None:
    assert list(map(str, experiment.load(write_experiment()).planned_contrasts)) == ["home - centre"]


@pytest.mark.parametrize("kind", experiment.AnySystem.__origin__.__args__)  # type: ignore[attr-defined]
def test_the_sentences_leave_out_the_name_of_the_branch(kind, write_experiment) -> None:
    """pydantic puts the union's tag into a mistake's place; a person did not write it there."""
    name = kind.model_fields["kind"].annotation.__args__[0]
    needed = {"path": '"{song}.wav"', "sources": '["vocals"]', "argv": '["p", "{mixture}", "{output}"]'}
    needed["members"] = '[{kind = "repet"}]'
    keys = [key for key, field in kind.model_fields.items() if field.is_required() and key not in ("name", "kind")]
    said = "".join(f"{key} = {needed.get(key, repr('unet'))}\n" for key in keys)
    text = problems(write_experiment(systems=f'[[systems]]\nname = "a"\nkind = "{name}"\n{said}odd = 1\n'))
    assert text == "experiment.toml: systems[0].odd: this key is not known; remove it or correct its spelling"


def test_the_command_says_it_without_a_trace(write_experiment) -> None:
    path = write_experiment(more="[loudness]\nmatch = 1\n")
    done = mushra("check", path)
    assert done.returncode == 2
    assert done.stderr.startswith("mushra: experiment.toml: loudness.match: ")
