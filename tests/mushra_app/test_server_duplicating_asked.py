"""Who asks for a duplicate: somebody in the studio, a program, the terminal; and what each is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from duplicates import experimenter, said_of_studies, studies, written
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from studio_people import csrf, database_of, inside, person, study_typed

from mushra_app.config import Settings
from mushra_app.errors import ConflictError
from mushra_app.models import Job, StudyVersion
from mushra_app.people import accounts, audit, tokens
from mushra_app.study import lifecycle

# The studio


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


def post(client: FlaskClient, address: str, **fields: str) -> Any:
    token = csrf(client.get("/studio/account").text)
    return client.post(f"/studio/{address}", data={"csrf_token": token} | fields)


def offered(client: FlaskClient, address: str) -> list[str]:
    """The name that the page's form holds; nothing where there is none."""
    return re.findall(r'id="duplicate-name"[^>]*value="([^"]*)"', client.get(f"/studio/{address}").text)


def test_the_studio_duplicates_and_leads_to_the_new_study(app: Flask, ada: FlaskClient) -> None:
    assert offered(ada, "tiny/") == ["tiny-2"] and offered(ada, "tiny/design") == []
    answer = post(ada, "tiny/duplicate", name=" tiny-2 ")
    assert (answer.status_code, answer.location) == (303, "/studio/tiny-2/")
    page = ada.get("/studio/tiny-2/").text
    assert "tiny-2 is there as a draft, with the sounds of version 1 of tiny" in page and "Start a pilot" in page
    assert offered(ada, "tiny/") == ["tiny-3"] and ada.get("/studio/").text.count("/studio/tiny-2/") == 1
    assert said_of_studies(database_of(app)) == [("ada", "tiny-2: duplicated from tiny, version 1")]
    with database_of(app).reading() as db:
        own = select(Job.kind, Job.status).where(Job.study_id == lifecycle.study_of(db, "tiny-2").id)
        assert db.execute(own).all() == [("pictures", "waiting")], "as of a set that was sent"
    for tab in ("sounds", "design", "listeners", "live", "results", "access", "preview/1"):
        assert ada.get(f"/studio/tiny-2/{tab}").status_code == 200, tab
    assert post(ada, "tiny-2/versions/1/status", status="open").status_code == 303
    assert app.test_client().get("/listen/tiny-2").status_code == 200
    stranger = inside(app, person(database_of(app), "eve", "experimenter"))
    assert stranger.get("/studio/tiny-2/").status_code == 404


def test_a_written_study_is_duplicated_on_its_one_tab(app: Flask, ada: FlaskClient) -> None:
    post(ada, "new", name="fresh")
    assert offered(ada, "fresh/design") == ["fresh-2"]
    answer = post(ada, "fresh/duplicate", name="fresh-2")
    assert (answer.status_code, answer.location) == (303, "/studio/fresh-2/design")
    page = ada.get("/studio/fresh-2/design").text
    assert "fresh-2 is there, with a copy of the file of fresh" in page and 'value="fresh-2"' in page


def test_a_name_that_wont_do_is_said_beside_the_name(app: Flask, ada: FlaskClient) -> None:
    post(ada, "new", name="fresh")
    for of, name, status in (
        *(("tiny", "Tiny 2", 400), ("tiny", "fresh", 409), ("tiny", "", 400)),
        *(("fresh", "new", 400), ("fresh", "tiny", 409)),
    ):
        answer = post(ada, f"{of}/duplicate", name=name)
        assert answer.status_code == status and 'role="alert"' in answer.text, name
        assert f'name="name" type="text" value="{name}"' in answer.text
    assert studies(database_of(app)) == ["fresh", "tiny"]


def test_whoever_may_make_no_study_is_offered_none(app: Flask, settings: Settings) -> None:
    viewer = inside(app, person(database_of(app), "vera", "viewer", "tiny"))
    assert offered(viewer, "tiny/") == [] and post(viewer, "tiny/duplicate", name="tiny-2").status_code == 403
    experimenter(database_of(app), "tiny", view_only=True)
    eve = inside(app, "eve")
    assert post(eve, "tiny/archive").status_code == 403 and offered(eve, "tiny/") == ["tiny-2"]
    assert post(eve, "tiny/duplicate", name="tiny-2").status_code == 303
    assert post(eve, "tiny-2/archive").status_code == 303 and offered(eve, "tiny-2/") == ["tiny-3"]


def test_a_lost_set_is_said_on_the_page(app: Flask, ada: FlaskClient, settings: Settings) -> None:
    with database_of(app).writing() as db:
        lifecycle.current(db, "tiny").published_from = "sets/nowhere"
    answer = post(ada, "tiny/duplicate", name="tiny-2")
    assert answer.status_code == 409 and "no such file" in answer.text and offered(ada, "tiny/") == ["tiny-2"]


def test_a_draft_with_another_name_is_no_version_of_its_study(app: Flask, ada: FlaskClient) -> None:
    """What a duplicate may: the sentence says so."""
    post(ada, "tiny/design/draft")
    post(ada, "tiny/design", **{"revision": "1", "experiment.name": "other", "test.consent": "You may stop."})
    page = ada.get("/studio/tiny/design").text
    said = "name is “other”, and this study is “tiny”"
    assert said in page and "It changes sounds" not in page and "Publish it as a draft version" not in page
    refused = post(ada, "tiny/design/publish", revision="2")
    assert refused.status_code == 409 and said in refused.text.partition("</div>")[0]
    assert studies(database_of(app)) == ["tiny"]


# Programs and the terminal


def by_token(app: Flask, may: str, address: str, body: Any) -> Any:
    with database_of(app).writing() as db:
        token = tokens.make(db, accounts.named(db, "ada"), "nightly", may=may, days=30)
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().post(f"/api/v1/studies/{address}", json=body, headers=headers)


def test_a_program_duplicates(app: Flask, ada: FlaskClient) -> None:
    post(ada, "new", name="fresh")
    answer = by_token(app, "change", "tiny/duplicate", {"name": "tiny-2", "version": 1})
    told = {"name": "tiny-2", "status": "draft", "of_study": "tiny", "of_version": 1}
    assert (answer.status_code, answer.json) == (201, told)
    answer = by_token(app, "change", "fresh/duplicate", {"name": "fresh-2"})
    assert answer.status_code == 201 and answer.json["of_version"] is None
    assert [about for _, about in said_of_studies(database_of(app))] == [
        "fresh: begun",
        "tiny-2: duplicated from tiny, version 1, by the token 'nightly'",
        "fresh-2: duplicated from fresh, of which only the file is written, by the token 'nightly'",
    ]
    assert ada.get("/studio/tiny-2/").status_code == 200


def test_a_program_is_told_why_not(app: Flask, ada: FlaskClient) -> None:
    for may, of, body, status, said in (
        ("view", "tiny", {"name": "tiny-2"}, 403, "may look and change nothing"),
        ("change", "nosuch", {"name": "tiny-2"}, 404, "no study of that name"),
        ("change", "tiny", {"name": "tiny-2", "version": 7}, 404, "no version 7"),
        ("change", "tiny", {"name": "tiny"}, 409, "already"),
        ("change", "tiny", {"name": "Tiny!"}, 400, "expected 1 to 64"),
        ("change", "tiny", {"name": "tiny-2", "sounds": True}, 400, "sounds"),
        ("change", "tiny", {}, 400, "name"),
    ):
        answer = by_token(app, may, f"{of}/duplicate", body)
        assert answer.status_code == status and said in answer.json["error"], (body, answer.json)
    assert studies(database_of(app)) == ["tiny"]


def test_the_terminal_duplicates(app: Flask, settings: Settings) -> None:
    typed = study_typed(settings)
    said = typed("duplicate", "tiny", "tiny-2", "--version", "1")
    assert said == (
        "tiny-2: duplicated from tiny, version 1; a draft, which takes no listeners yet\n"
        "  open it:      mushra study open tiny-2\n"
    )
    assert "from draft to open" in typed("open", "tiny-2")
    written(database_of(app))
    assert "of which only the file is written" in typed("duplicate", "fresh", "fresh-2")
    with pytest.raises(ConflictError, match="already"):
        typed("duplicate", "tiny", "tiny-2")
    assert said_of_studies(database_of(app))[0] == (audit.COMMAND_LINE, "tiny-2: duplicated from tiny, version 1")
    with database_of(app).reading() as db:
        assert len(db.scalars(select(StudyVersion.id)).all()) == 2
