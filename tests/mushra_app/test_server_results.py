"""The tab "Results": sealed while the study runs, jobs and their files, withdrawal and erasure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from careful_guests import listened
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from studio_people import close, csrf, database_of, inside, person

from mushra_app import jobs
from mushra_app.models import Answer, Job, Listener, PersonalText, now
from mushra_app.people import accounts, tokens
from mushra_app.people.tables import AuditEntry
from mushra_app.server_cli import export
from mushra_app.study import lifecycle, results
from mushra_app.study.tables import Invitation, Recruit

WHY = "two headphones were broken"


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An experimenter's browser; two listeners have finished."""
    listened(database_of(app), 2, comment="a remark")
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


def sent(client: FlaskClient, path: str, **form: str):
    token = csrf(client.get("/studio/tiny/results").text)
    return client.post(f"/studio/tiny/{path}", data=form | {"csrf_token": token})


def noted(app: Flask, what: str) -> list[tuple[str, str]]:
    with database_of(app).reading() as db:
        found = db.scalars(select(AuditEntry).where(AuditEntry.what == what).order_by(AuditEntry.id))
        return [(entry.who, entry.about) for entry in found]


def place(app: Flask) -> results.Place:
    with database_of(app).reading() as db:
        return results.place_of(db, lifecycle.current(db, "tiny"), app.extensions["mushra"].settings)


def made(app: Flask, kind: str = "report", name: str = "report.html") -> Path:
    """As if a worker had done the newest job of a kind; the file that it made."""
    told = {"counts": {"analysed": 20}, "listeners": 2, "deviations": ["20 listeners were planned, 2 finished."]}
    (place(app).folder / "report.json").write_text(json.dumps(told))
    (file := place(app).folder / name).write_text("<p>the report</p>")
    with database_of(app).writing() as db:
        db.execute(update(Job).where(Job.kind == kind).values(status="done", started_at=now(), ended_at=now()))
    return file


def newest(app: Flask) -> Job:
    with database_of(app).reading() as db:
        return db.scalars(select(Job).order_by(Job.id.desc())).first()  # type: ignore[return-value]


def test_while_it_runs_no_condition_leaves_without_a_reason(app: Flask, ada: FlaskClient) -> None:
    refused = ada.get("/studio/tiny/ratings.csv")
    assert refused.status_code == 409 and "still running" in refused.text and "zebra-net" not in refused.text
    for path, form in (("ratings.csv", {"layout": "long"}), ("jobs", {"kind": "report"}), ("jobs", {"kind": "export"})):
        assert sent(ada, path, reason=" ", **form).status_code == 409
    assert sent(ada, "jobs", kind="bundle", reason=WHY).status_code == 409
    assert noted(app, "peek") == [] and newest(app) is None
    given = sent(ada, "ratings.csv", layout="wide", reason=WHY)
    assert given.status_code == 200 and "zebra-net" in given.text
    assert noted(app, "peek") == [("ada", f"tiny: {WHY}")]
    assert WHY in ada.get("/studio/tiny/results").text


def test_an_early_report_is_shown_to_whoever_gave_the_reason(app: Flask, ada: FlaskClient) -> None:
    assert sent(ada, "jobs", kind="report", reason=WHY).status_code == 303
    job = newest(app)
    assert job.argv[-2:] == [f"--peek={WHY}", "--by=ada"] and job.asked_by == "ada"
    made(app)
    other = inside(app, person(database_of(app), "bob", "owner"))
    statuses = [client.get("/studio/tiny/report.html").status_code for client in (ada, other)]
    assert statuses == [200, 404]
    assert "<iframe" in ada.get("/studio/tiny/results").text and "<iframe" not in other.get("/studio/tiny/results").text
    close(database_of(app))
    assert other.get("/studio/tiny/report.html").status_code == 200
    assert "made while the study ran" in other.get("/studio/tiny/results").text


def test_an_export_asked_for_while_closed_is_not_made_of_a_study_that_runs_again(app: Flask, ada: FlaskClient) -> None:
    close(database_of(app))
    sent(ada, "jobs", kind="export")
    while_closed = newest(app)
    with database_of(app).writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny"), "open", reason="more listeners", who="ada")
    refused = CliRunner().invoke(export, while_closed.argv)
    assert "still running" in str(refused.exception) and list(place(app).folder.iterdir()) == []
    sent(ada, "jobs", kind="export", reason=WHY)
    assert [about for _, about in noted(app, "peek") if WHY in about] == []
    done = CliRunner().invoke(export, newest(app).argv)
    assert done.exit_code == 0 and [path.name for path in place(app).folder.iterdir()] == ["ratings.parquet"]
    assert noted(app, "peek")[-1] == ("ada", f"tiny: {WHY}")
    assert noted(app, "export")[-1] == ("ada", "tiny: ratings, version 1 while it ran")
    typed = ["--data", str(place(app).data_dir), "--out", str(place(app).folder / "typed.csv")]
    assert CliRunner().invoke(export, typed).exit_code == 0 and noted(app, "peek")[-1] == ("ada", f"tiny: {WHY}")


def test_two_who_ask_for_the_same_while_it_runs_get_one_each(app: Flask, ada: FlaskClient) -> None:
    bob = inside(app, person(database_of(app), "bob", "owner"))
    for kind in ("report", "export"):
        for client in (ada, bob, ada):
            assert sent(client, "jobs", kind=kind, reason=WHY).status_code == 303
    with database_of(app).reading() as db:
        found = [(job.kind, job.asked_by) for job in db.scalars(select(Job).order_by(Job.id))]
    assert found == [("report", "ada"), ("report", "bob"), ("export", "ada"), ("export", "bob")]


def test_while_it_runs_why_a_job_failed_is_told_to_whoever_asked(app: Flask, ada: FlaskClient) -> None:
    sent(ada, "jobs", kind="report", reason=WHY)
    with database_of(app).writing() as db:
        job = jobs.take(db, "a worker")
        assert job
        jobs.end(db, job, output="", reason="zebra-net: no model could be fitted")
        study_id = db.query(Job).one().study_id
        db.add(Job(kind="check", argv=[], key="x", status="failed", reason="no such folder", study_id=study_id))
    bob = inside(app, person(database_of(app), "bob", "owner"))
    with database_of(app).writing() as db:
        held = {name: tokens.make(db, accounts.named(db, name), "t", may="view", days=30) for name in ("ada", "bob")}

    def told(name: str, client: FlaskClient) -> list[bool]:
        said = [client.get("/studio/tiny/results").text]
        headers = {"Authorization": f"Bearer {held[name]}"}
        said += [app.test_client().get(f"/api/v1/studies/tiny/jobs{n}", headers=headers).text for n in ("", "/1")]
        assert "no such folder" in said[1]
        return ["zebra-net: no model" in text for text in said]

    assert told("ada", ada) == [True] * 3 and told("bob", bob) == [False] * 3
    close(database_of(app))
    assert told("bob", bob) == [True] * 3


def test_a_job_waits_works_fails_and_is_tried_again(app: Flask, ada: FlaskClient) -> None:
    close(database_of(app))
    sent(ada, "jobs", kind="report")
    first = ada.get("/studio/tiny/results")
    assert first.text.count('data-work="waiting"') == 1 and "Waits for its turn" in first.text
    known = {"If-None-Match": first.headers["ETag"]}
    assert ada.get("/studio/tiny/results", headers=known).status_code == 304
    with database_of(app).writing() as db:
        db.execute(update(Job).values(created_at=now() - 2 * jobs.PATIENCE))
    assert "no worker seems to run" in (page := ada.get("/studio/tiny/results").text) and "mushra worker --data" in page
    with database_of(app).writing() as db:
        job = jobs.take(db, "a worker")
        assert job and jobs.beat(db, job, "overall: mixed model")
    assert "At work: overall: mixed model" in ada.get("/studio/tiny/results", headers=known).text
    with database_of(app).writing() as db:
        jobs.end(db, job, output="", reason="the set is gone")
    failed = ada.get("/studio/tiny/results").text
    assert "the set is gone" in failed and "Try again" in failed
    sent(ada, "jobs", kind="report")
    assert newest(app).status == "waiting" and newest(app).id != job.id


def test_the_report_runs_nothing_and_is_framed_by_us_alone(app: Flask, ada: FlaskClient) -> None:
    close(database_of(app))
    sent(ada, "jobs", kind="report")
    made(app)
    page, report = ada.get("/studio/tiny/results"), ada.get("/studio/tiny/report.html")
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"] and "sandbox></iframe>" in page.text
    policy = report.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy and policy.endswith("sandbox")
    assert "script-src" not in policy and report.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert report.headers["Cache-Control"] == "private, no-store" and "20 ratings by 2 listeners" in page.text
    assert ada.get("/studio/tiny/report.html?download").headers["Content-Disposition"].startswith("attachment")
    assert noted(app, "export")[-1] == ("ada", "tiny: report.html, version 1")


def test_what_was_saved_after_the_report_is_counted(app: Flask, ada: FlaskClient) -> None:
    sent(ada, "jobs", kind="report", reason=WHY)
    made(app)
    assert "saved since" not in ada.get("/studio/tiny/results").text
    listened(database_of(app), 1)
    assert "3 trials were saved since" in ada.get("/studio/tiny/results").text


def test_who_is_withdrawn_leaves_the_files_that_were_made(app: Flask, ada: FlaskClient) -> None:
    close(database_of(app))
    sent(ada, "jobs", kind="report")
    file = made(app)
    with database_of(app).reading() as db:
        listener = db.scalars(select(Listener)).first()
        assert listener
        name, code = listener.pseudonym, listener.code
    asked = sent(ada, "withdraw", who=code.lower())
    assert asked.status_code == 200 and f"Withdraw {name}?" in asked.text and "3 saved trials" in asked.text
    assert file.is_file() and noted(app, "withdrawal") == []
    assert sent(ada, "withdrawn", listener=name).status_code == 303
    assert not file.exists() and ada.get("/studio/tiny/report.html").status_code == 404
    assert name not in ada.get("/studio/tiny/ratings.csv").text and noted(app, "withdrawal") == [
        ("ada", f"tiny: {name}")
    ]
    missing = sent(ada, "withdraw", who="L-NOBODY")
    assert missing.status_code == 404 and "no listener with the pseudonym or code" in missing.text


def test_what_is_personal_can_be_erased_and_the_rest_stays(app: Flask, ada: FlaskClient) -> None:
    with database_of(app).writing() as db:
        listener = db.scalars(select(Listener)).first()
        assert listener
        db.add(Recruit(listener_id=listener.id, channel="prolific", person="5f", detail={"SESSION_ID": "s"}))
        db.add(Invitation(study_id=listener.study_id, label="Zaphod"))
        db.add(Invitation(study_id=listener.study_id, label="Ford", listener_id=listener.id))
    before = ada.get("/studio/tiny/answers.csv").text
    assert "So are 3 labels of invitations and names from panels" in ada.get("/studio/tiny/erase").text
    assert "2 personal answers are erased" in ada.get("/studio/tiny/erase").text
    assert sent(ada, "erase").status_code == 303
    with database_of(app).reading() as db:
        assert not db.scalars(select(PersonalText)).all() and len(db.scalars(select(Answer)).all()) == 6
        assert {session.user_agent for one in db.scalars(select(Listener)) for session in one.sessions} == {""}
        assert [(one.person, one.detail) for one in db.scalars(select(Recruit))] == [("", {})]
        assert [one.label for one in db.scalars(select(Invitation))] == ["", ""]
    assert 'href="/studio/tiny/erase"' not in ada.get("/studio/tiny/results").text
    with database_of(app).writing() as db:
        db.execute(update(Invitation).where(Invitation.listener_id.is_(None)).values(label="Zaphod"))
    assert 'href="/studio/tiny/erase"' in ada.get("/studio/tiny/results").text
    assert ada.get("/studio/tiny/answers.csv").text == before and len(noted(app, "erasure")) == 1


def test_a_study_without_listeners_says_the_next_step(app: Flask) -> None:
    client = inside(app, person(database_of(app), "eve", "owner"))
    page = client.get("/studio/tiny/results").text
    assert "Nobody has listened yet" in page and "See how far they are" in page and "<iframe" not in page


def test_a_look_of_the_script_takes_no_sentence_from_the_page_that_is_opened_next(app: Flask, ada: FlaskClient) -> None:
    close(database_of(app))
    sent(ada, "jobs", kind="report")
    followed = ada.get("/studio/tiny/results", headers={"If-None-Match": 'W/"of another state"'})
    assert followed.status_code == 200 and "It is asked for" not in followed.text
    assert "It is asked for" in ada.get("/studio/tiny/results").text
