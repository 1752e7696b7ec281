"""The tab "Design": drafts that two write at once, what is said of them, and the version that comes of one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import tiny_set
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from studio_people import csrf, database_of, inside, person

from analysis.statistics.planning.components import PRESETS
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError
from mushra_app.export import rows
from mushra_app.models import Job, StudyVersion
from mushra_app.people import accounts, permissions
from mushra_app.people.tables import AuditEntry
from mushra_app.session import planning
from mushra_app.studio.design import editor
from mushra_app.study import lifecycle
from mushra_app.study.drafts import checking, keeping, publishing
from mushra_app.study.drafts.publishing import restate
from mushra_app.study.tables import ExperimentDraft
from mushra_app.worker import Worker
from stimuli.errors import ManifestError
from stimuli.experiment import Experiment, parse


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


def post(client: FlaskClient, address: str, **fields: str):
    token = csrf(client.get("/studio/account").text)
    return client.post(f"/studio/{address}", data={"csrf_token": token} | fields)


def draft(app: Flask) -> ExperimentDraft | None:
    with database_of(app).reading() as db:
        return db.scalar(select(ExperimentDraft))


def test_a_version_as_text_says_what_it_says(published: Database) -> None:
    with published.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert parse(keeping.text_of(version)).model_dump() == editor.experiment_of(version).model_dump()


def test_two_at_once_lose_nothing(database: Database) -> None:
    with database.writing() as db:
        study = keeping.begin_study(db, "fresh", "ada").id
    with database.writing() as db:
        keeping.store(db, study, "of ada", 1, "ada")
    with (
        pytest.raises(ConflictError, match="changed by ada"),
        database.writing() as db,
    ):
        keeping.store(db, study, "of ben", 1, "ben")
    with database.writing() as db:
        keeping.store(db, study, "of ada", 1, "ben")  # the same text is no other one
        assert keeping.store(db, study, "of ben", 2, "ben").revision == 3
    with pytest.raises(AppError, match="longer than"), database.writing() as db:
        keeping.store(db, study, "x" * (keeping.MOST_CHARACTERS + 1), 3, "ben")


def test_the_page_that_refuses_holds_what_was_typed(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    assert post(ada, "tiny/design", revision="1", text="# of somebody else").status_code == 303
    refused = post(ada, "tiny/design", revision="1", text="# mine, long thought about")
    assert refused.status_code == 409 and "# mine, long thought about" in refused.text
    found = draft(app)
    assert found is not None and found.text == "# of somebody else"


def test_a_study_is_begun_by_name_and_its_beginner_may_go_on(app: Flask, ada: FlaskClient) -> None:
    for name, status in (("Singing 2027", 400), ("", 400), ("../x", 400), ("tiny", 409), ("singing", 303)):
        answer = post(ada, "new", name=name)
        assert answer.status_code == status, name
    page = ada.get("/studio/singing/design").text
    assert "items[0].song" in page and "Save the draft" in page
    assert ada.get("/studio/").text.count("/studio/singing/") == 1
    for tab in ("", "live", "results"):
        answer = ada.get(f"/studio/singing/{tab}")
        assert (answer.status_code, answer.location) == (303, "/studio/singing/design"), tab
    stranger = inside(app, person(database_of(app), "eve", "experimenter"))
    assert stranger.get("/studio/singing/design").status_code == 404 and "singing" not in stranger.get("/studio/").text
    assert app.test_client().get("/listen/singing").status_code == 404


def test_the_form_saves_one_field_and_keeps_the_rest(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    before = draft(app)
    assert before is not None
    answer = post(ada, "tiny/design", **{"revision": "1", "experiment.title": "Another", "add": "questions"})
    assert answer.status_code == 303 and answer.location.endswith("#questions")
    after = draft(app)
    assert after is not None and (after.revision, after.changed_by) == (2, "ada")
    added = set(after.text.splitlines()) - set(before.text.splitlines())
    assert added == {'title = "Another"', 'name = "question"', 'text = ""'}


def test_what_is_wrong_is_said_without_being_kept(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    said = post(ada, "tiny/design/check", **{"test.replicates": "9"})
    assert said.status_code == 200 and 'data-place="test.replicates"' in said.text and "<html" not in said.text
    assert "Time per listener" in post(ada, "tiny/design/check", **{"test.replicates": "1"}).text
    assert "not valid TOML" in post(ada, "tiny/design/check", text="[[").text
    empty = post(ada, "tiny/design/check", **{"experiment.title": ""}).text
    assert 'data-place="experiment.title"' in empty and "is empty; write" in empty and "String should" not in empty
    found = draft(app)
    assert found is not None and found.revision == 1
    viewer = inside(app, person(database_of(app), "vera", "viewer", "tiny"))
    assert "Save the draft" not in viewer.get("/studio/tiny/design").text
    assert post(viewer, "tiny/design", revision="1", text="").status_code == 403


def test_a_text_that_is_no_toml_is_kept_and_can_be_mended(ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    assert post(ada, "tiny/design", revision="1", text="[[items\n").status_code == 303
    page = ada.get("/studio/tiny/design").text
    assert "not valid TOML" in page and "[[items" in page
    assert "Save the draft</button>" not in page and "Save the text</button>" in page  # there is no form to save
    assert post(ada, "tiny/design", revision="2", **{"experiment.title": "x"}).status_code == 400


def test_a_corrected_sentence_becomes_a_version_with_the_same_sounds(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "test.consent": "You may stop at any time."})
    assert post(ada, "tiny/design/publish", revision="2").status_code == 303 and draft(app) is None
    with database_of(app).reading() as db:
        first, second = db.scalars(select(StudyVersion).order_by(StudyVersion.number)).all()
        assert (first.status, second.status) == ("open", "draft") and first.stimuli_id == second.stimuli_id
        assert second.experiment["test"]["consent"] == "You may stop at any time." and first.identity != second.identity
        assert [clip.media_sha256 for item in first.items for clip in item.clips] == [
            clip.media_sha256 for item in second.items for clip in item.clips
        ]
    assert "Version 2 waits below" in ada.get("/studio/tiny/").text


def test_what_changes_sounds_is_to_be_built(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "loudness.target_lufs": "-24"})
    page = ada.get("/studio/tiny/design").text
    assert "It changes sounds" in page and "mushra stimuli build experiment.toml" in page
    assert post(ada, "tiny/design/publish", revision="2").status_code == 409 and draft(app) is not None


def sets_of(app: Flask) -> list[Path]:
    return list((app.extensions["mushra"].settings.data_dir / "sets").glob("*"))


def stored(app: Flask) -> tuple[int, list[str]]:
    """How many versions there are, and what the audit log says of studies."""
    with database_of(app).reading() as db:
        told = db.scalars(select(AuditEntry.about).where(AuditEntry.what == "study").order_by(AuditEntry.id)).all()
        return len(db.scalars(select(StudyVersion.id)).all()), list(told)


@pytest.fixture
def on_either(published: Database, either: Settings) -> Flask:
    """The application with one study, on SQLite, then on PostgreSQL."""
    return create_app(either, published)


def test_what_is_saved_while_a_draft_is_published_stays(on_either: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody saves after the draft was read: it stays, and nothing that they have not seen is published."""
    ada = inside(on_either, person(database_of(on_either), "ada", "experimenter", "tiny"))
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "test.consent": "You may stop at any time."})

    def slowly(folder: Path, experiment: Experiment, into: Path) -> Path:
        with database_of(on_either).writing() as db:
            keeping.store(db, lifecycle.study_of(db, "tiny").id, "# of ben", 2, "ben")
        return restate(folder, experiment, into)

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "restate", slowly)
        refused = post(ada, "tiny/design/publish", revision="2")
    assert refused.status_code == 409 and "ben changed this draft" in refused.text
    assert post(ada, "tiny/design/publish", revision="2").status_code == 409  # of a page opened before
    assert post(ada, "tiny/design/publish").status_code == 409
    for shown in ({"revision": "2"}, {"revision": "9" * 5000}, {}):
        answer = post(ada, "tiny/design/draft", discard="yes", **shown)
        assert answer.status_code == 409 and "ben changed this draft" in answer.text
    kept = draft(on_either)
    assert kept is not None and kept.text == "# of ben"
    assert stored(on_either) == (1, []) and sets_of(on_either) == []
    assert post(ada, "tiny/design/draft", discard="yes", revision="3").status_code == 303
    assert draft(on_either) is None and len(stored(on_either)[1]) == 1


def test_a_title_that_a_database_refuses_is_a_mistake_and_no_version(on_either: Flask) -> None:
    ada = inside(on_either, person(database_of(on_either), "ada", "experimenter", "tiny"))
    post(ada, "tiny/design/draft")
    kept = draft(on_either)
    assert kept is not None
    text = kept.text.replace('title = "A tiny test"', 'title = "a\\u0000b"')
    assert post(ada, "tiny/design", revision="1", text=text).status_code == 303
    assert "without control characters" in ada.get("/studio/tiny/design").text
    answer = post(ada, "tiny/design/publish", revision="2")
    assert answer.status_code == 409 and "without control characters" in answer.text
    assert stored(on_either)[0] == 1


def test_a_title_stands_apart_from_what_is_beside_it(app: Flask, ada: FlaskClient) -> None:
    for address in ("/studio/tiny/", "/studio/", "/listen/tiny"):
        assert "<bdi>A tiny test</bdi>" in ada.get(address).text


def test_who_loses_the_right_meanwhile_publishes_nothing(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "test.consent": "You may stop at any time."})

    def slowly(folder: Path, experiment: Experiment, into: Path) -> Path:
        with database_of(app).writing() as db:
            permissions.grant(db, accounts.named(db, "ada"), "tiny", view_only=True)
        return restate(folder, experiment, into)

    monkeypatch.setattr(publishing, "restate", slowly)
    assert post(ada, "tiny/design/publish", revision="2").status_code == 409
    assert stored(app) == (1, []) and sets_of(app) == [] and draft(app) is not None


def test_a_draft_that_changes_nothing_is_no_version(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    answer = post(ada, "tiny/design/publish", revision="1")
    assert answer.status_code == 409 and "It says what version 1 says" in answer.text
    assert stored(app) == (1, []) and sets_of(app) == [] and draft(app) is not None


def test_a_set_that_is_gone_or_changed_is_not_restated(tmp_path: Path) -> None:
    made = tiny_set.make(tmp_path / "set")
    clip = tmp_path / "set" / made.clips[0].file
    clip.write_bytes(clip.read_bytes()[:-1] + b"x")
    with pytest.raises(ManifestError, match="not the file that was built"):
        restate(tmp_path / "set", made.experiment, tmp_path / "new")
    with pytest.raises(ManifestError, match="no such file"):
        restate(tmp_path / "elsewhere", made.experiment, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_large_file_is_looked_at_within_its_time(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """700 items, 48 listeners: fewer plans are drawn, the page says so, and the same text is looked at once."""
    post(ada, "tiny/design/draft")
    found = draft(app)
    assert found is not None
    song = '[[items]]\nsong = "s{}"\nexcerpt = {{start_s = 0, length_s = 10}}\n'
    text = found.text + "\n[analysis]\nlisteners = 48\n" + "".join(map(song.format, range(700)))
    assert post(ada, "tiny/design", revision="1", text=text).status_code == 303
    checking.checked.cache_clear()
    began = time.process_time()
    page = ada.get("/studio/tiny/design").text
    assert time.process_time() - began < 8  # it was 30
    assert "only the plan of 1 listener was looked at" in page
    monkeypatch.setattr(planning, "planned", lambda *_: pytest.fail("drawn again"))
    assert "only the plan of 1 listener was looked at" in post(ada, "tiny/design/check", text=text).text
    assert checking.checked(keeping_text(app)).drawn == 1


def keeping_text(app: Flask) -> str:
    found = draft(app)
    assert found is not None
    return found.text


def test_the_planners_presets_are_those_that_there_are() -> None:
    assert set(editor.PRESETS) == set(PRESETS)


def test_power_and_plan_are_worked_out_by_the_worker(app: Flask, ada: FlaskClient, settings: Settings) -> None:
    for kind in editor.WORK:
        assert post(ada, "tiny/design/work", kind=kind, preset="moderate").status_code == 303
    assert "Waits for its turn" in ada.get("/studio/tiny/design").text
    assert post(ada, "tiny/design/work", kind="report").status_code == 400
    assert post(ada, "tiny/design/work", kind="plan", preset="--out=/tmp/x").status_code == 400
    worker = Worker(database_of(app), settings, stale_s=60)
    assert worker.work(once=True) + worker.work(once=True) == 2
    with database_of(app).reading() as db:
        assert [(job.status, job.asked_by) for job in db.scalars(select(Job))] == [("done", "ada")] * 2
    page = ada.get("/studio/tiny/design").text
    assert 'class="power"' in page and " planned" in page and "# Preregistration: A tiny test" in page
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "analysis.listeners": "44"})
    assert ada.get("/studio/tiny/design").text.count("of an earlier text") == 2


def test_nothing_of_a_draft_reaches_listeners_or_exports(app: Flask, ada: FlaskClient) -> None:
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "experiment.title": "Secretly another"})
    assert "Secretly" not in app.test_client().get("/listen/tiny").text
    with database_of(app).reading() as db:
        assert list(rows(db, "tiny")) == []


def test_no_hint_shows_marks_of_the_source(app: Flask, ada: FlaskClient) -> None:
    post(ada, "new", name="fresh")
    with database_of(app).writing() as db:
        entries = "".join(f'[[systems]]\nkind = "{kind}"\n' for kind in ("plugin", "files", "panning_mask"))
        db.execute(update(ExperimentDraft).values(text=entries + '[[anchors]]\nkind = "interference"\n'))
    page = ada.get("/studio/fresh/design").text
    assert "`" not in page and "<code>level_db</code> against its level" in page
    assert "<code>{system} {song} {target}</code>" in page
    assert '<label for="f-experiment.title">Title <code class="key">title</code></label>' in page
