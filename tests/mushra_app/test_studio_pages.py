"""What the studio's pages say where something can't be had, and that nothing typed is lost."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
import tiny_set
from careful_guests import listened
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import select
from studio_people import close, csrf, database_of, inside, person

from mushra_app import jobs
from mushra_app.api import found
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job, Listener, Study
from mushra_app.people import accounts, permissions
from mushra_app.people.tables import AuditEntry
from mushra_app.publish import publish
from mushra_app.session import privacy
from mushra_app.session.enrolment import experiment_of
from mushra_app.study import counting, lifecycle, study_cli
from mushra_app.study.counting import Count
from mushra_app.study.drafts import keeping
from stimuli.standard.check import check_experiment


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An experimenter's browser, who may change the tiny study."""
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


def sent(client: FlaskClient, page: str, path: str, **form: str):
    """Send a form of a page; ``path`` and ``page`` lie below the study."""
    token = csrf(client.get(f"/studio/tiny/{page}").text)
    return client.post(f"/studio/tiny/{path}", data=form | {"csrf_token": token})


def without_names(page: str, *names: str) -> str:
    """A page without what differs from call to call."""
    page = re.sub(r'value="[^"]{40,}"', "", page)
    for name in names:
        page = page.replace(name, "NAME")
    return page


def test_what_is_not_there_is_said_by_the_studio_and_alike_for_what_may_not_be_seen(app: Flask) -> None:
    stranger = inside(app, person(database_of(app), "eve", "experimenter"))
    owner = inside(app, person(database_of(app), "bob", "owner"))
    unseen, missing = (stranger.get(f"/studio/{name}/results") for name in ("tiny", "nono"))
    assert unseen.status_code == missing.status_code == 404
    assert without_names(unseen.text, "tiny") == without_names(missing.text, "nono")
    assert "not yours to see" in owner.get("/studio/nono/").text
    assert "not yours to see" in unseen.text and "takes listeners" not in unseen.text
    assert 'class="studio"' in unseen.text and 'href="/studio/"' in unseen.text
    assert "no such page in the studio" in owner.get("/studio/a/b/c/d/e").text
    refused = stranger.get("/studio/people")
    assert refused.status_code == 403 and 'class="studio"' in refused.text and "for owners alone" in refused.text


def test_listeners_still_get_their_own_page(client: FlaskClient) -> None:
    answer = client.get("/listen/nono")
    assert answer.status_code == 404 and "check the link" in answer.text and "/studio/" not in answer.text


def test_an_archived_study_is_put_back_before_it_is_opened(app: Flask, ada: FlaskClient) -> None:
    close(database_of(app))
    assert 'action="/studio/tiny/versions/1/status"' in ada.get("/studio/tiny/").text
    assert sent(ada, "", "archive", archived="yes").status_code == 303
    assert "/status" not in ada.get("/studio/tiny/").text
    refused = sent(ada, "", "versions/1/status", status="open")
    assert refused.status_code == 409 and "put it back on the list first" in refused.text
    sent(ada, "", "archive", archived="no")
    assert sent(ada, "", "versions/1/status", status="open").status_code == 303


def test_invitations_that_were_refused_come_back_as_they_were_typed(ada: FlaskClient) -> None:
    listed = 'Ada Lovelace;experts\nEmmy Noether;"nobody"'
    answer = sent(ada, "listeners", "invitations/list", text=listed)
    assert answer.status_code == 400 and "Nothing was imported" in answer.text
    assert listed in html.unescape(answer.text) and 'href="#groups"' in answer.text and 'id="groups"' in answer.text
    answer = sent(ada, "listeners", "invitations", count="0", label="Choir <1>")
    assert answer.status_code == 400 and 'value="Choir &lt;1&gt;"' in answer.text and 'value="0"' in answer.text
    assert 'name="count" type="number" min="1" max="500" value="1"' in ada.get("/studio/tiny/listeners").text


def test_a_study_without_a_version_leads_nowhere_and_can_be_thrown_away(app: Flask, ada: FlaskClient) -> None:
    token = csrf(ada.get("/studio/new").text)
    ada.post("/studio/new", data={"csrf_token": token, "name": "mistyped"})
    page = ada.get("/studio/mistyped/design").text
    tabs = page.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    assert tabs.count('aria-disabled="true"') == 5 and re.findall(r'href="([^"]+)"', tabs) == [
        "/studio/mistyped/design"
    ]
    away = ada.post(
        "/studio/mistyped/design/draft", data={"csrf_token": token, "discard": "study"}, follow_redirects=True
    )
    assert away.request.path == "/studio/" and '<div class="notice" role="status"><p>mistyped was thrown' in away.text
    assert "mistyped" not in ada.get("/studio/").text and ada.get("/studio/mistyped/design").status_code == 404
    with database_of(app).reading() as db:
        assert db.scalars(select(AuditEntry.about).order_by(AuditEntry.id.desc())).first() == (
            "mistyped: thrown away, before anything of it was published"
        )
    refused = sent(ada, "", "design/draft", discard="study")
    assert refused.status_code == 409 and "has been published" in refused.text
    assert "disabled" not in ada.get("/studio/tiny/design").text.partition("</nav>")[0]


def test_whatever_hangs_on_a_study_goes_with_it(database: Database) -> None:
    ada = person(database, "ada", "experimenter")
    with database.writing() as db:
        study = keeping.begin_study(db, "mistyped", ada)
        permissions.grant(db, accounts.named(db, ada), "mistyped")
        jobs.ask(db, "plan", ("file",)).study_id = study.id
    with database.writing() as db:
        keeping.throw_away(db, "mistyped")
    with database.reading() as db:
        assert not db.scalars(select(Study)).all() and db.scalars(select(Job.study_id)).all() == [None]


def test_a_mistyped_code_is_answered_on_results_with_what_was_typed(ada: FlaskClient) -> None:
    answer = sent(ada, "results", "withdraw", who="ABCD-EFGX")
    assert answer.status_code == 404 and "no listener with the pseudonym" in answer.text
    assert 'value="ABCD-EFGX"' in answer.text and 'id="sealed"' in answer.text
    assert "<details open>" not in answer.text  # the reason for an early look was not asked for


def told(client: FlaskClient, page: str) -> list[str]:
    """What the page says was done."""
    return re.findall(r'<div class="notice" role="status"><p>(.*?)</p></div>', client.get(f"/studio/tiny/{page}").text)


def test_what_was_done_is_said_once(app: Flask, ada: FlaskClient) -> None:
    listened(database_of(app), 1)
    with database_of(app).reading() as db:
        pseudonym = db.scalars(select(Listener.pseudonym)).one()
    sent(ada, "listeners", "invitations", count="2", label="Choir")
    assert told(ada, "listeners") == ["2 invitations were made: Choir 1, Choir 2"] and told(ada, "listeners") == []
    sent(ada, "listeners", "invitations/list", text="Ada\nBob\nZoë\nEve")
    assert told(ada, "listeners") == ["4 invitations were made: Ada, Bob, Zoë …"]
    sent(ada, "listeners", "invitations/list", text="x" * 120)
    assert told(ada, "listeners") == [f"1 invitation was made: {'x' * 40}"]
    sent(ada, "listeners", "invitations", count="1")
    assert told(ada, "listeners") == ["1 invitation was made."]
    sent(ada, "results", "withdrawn", listener=pseudonym)
    assert told(ada, "results") == [f"{pseudonym} is withdrawn; whatever they wrote is erased."]
    sent(ada, "results", "erase")
    assert told(ada, "results") == ["What was personal is erased."]
    sent(ada, "design", "design/draft")
    sent(ada, "design", "design", revision="1", **{"experiment.title": "Another title"})
    assert told(ada, "design") == ["The draft is saved."]
    close(database_of(app))
    sent(ada, "results", "jobs", kind="export")
    assert "a worker makes it" in told(ada, "results")[0]
    sent(ada, "", "archive", archived="yes")
    assert "is archived" in told(ada, "")[0]


def boxes(client: FlaskClient) -> list[tuple[list[str], str]]:
    """Of each box "What next?" the words of its filled buttons, and all of it."""
    found = client.get("/studio/tiny/").text.split('<section class="next"')[1:]
    parts = [part.partition("</section>")[0] for part in found]
    filled = r'<(?:a|button)[^>]*class="(?:button )?primary"[^>]*>([^<]+)<'
    return [(re.findall(filled, part), part) for part in parts]


def test_what_comes_next_is_one_filled_button_in_every_state(
    app: Flask, ada: FlaskClient, settings: Settings, tmp_path: Path
) -> None:
    database, seen = database_of(app), {}
    for status in ("open", "paused", "closed"):
        if status != "open":
            with database.writing() as db:
                lifecycle.move(db, lifecycle.current(db, "tiny"), status)
        ((seen[status], box),) = boxes(ada)
        assert "Preview version 1" in box
    assert seen == {"open": ["Invite people"], "paused": ["Open again"], "closed": ["Make the report"]}
    tiny_set.make(tmp_path / "second", experiment={"name": "tiny", "title": "Second", "contact": "lab@example.org"})
    publish(tmp_path / "second", database, settings, as_draft=True)
    (first, _), (second, box) = boxes(ada)
    assert (first, second) == (["Make the report"], []) and "Preview version 2" in box


def test_a_set_without_rules_is_not_said_to_break_none(app: Flask, ada: FlaskClient) -> None:
    with database_of(app).writing() as db:
        version = lifecycle.current(db, "tiny")
        version.manifest = {**version.manifest, "rules": []}
    sounds, test = (html.unescape(ada.get(f"/studio/tiny/{page}").text) for page in ("sounds", ""))
    assert "No rule was checked in this set" in sounds and "breaks no rule" not in sounds
    with database_of(app).reading() as db:
        broken = [rule for rule in check_experiment(experiment_of(lifecycle.current(db, "tiny"))) if not rule.passed]
    assert broken and all(rule.message in test for rule in broken)


def test_accounts_and_a_studys_people_are_called_by_two_names(app: Flask) -> None:
    owner = inside(app, person(database_of(app), "bob", "owner"))
    assert "<title>Accounts</title>" in owner.get("/studio/people").text
    assert ">Accounts</a>" in owner.get("/studio/").text and ">People</a>" not in owner.get("/studio/").text
    assert 'href="/studio/tiny/listeners">People</a>' in owner.get("/studio/tiny/").text


def test_what_can_not_be_undone_looks_dangerous(app: Flask, ada: FlaskClient) -> None:
    listened(database_of(app), 1)
    with database_of(app).reading() as db:
        pseudonym = db.scalars(select(Listener.pseudonym)).one()
    for page in (sent(ada, "results", "withdraw", who=pseudonym), ada.get("/studio/tiny/erase")):
        assert 'class="danger"' in page.text and 'class="primary"' not in page.text


def test_looks_at_the_widths_are_counted_beside_those_at_the_conditions(app: Flask, ada: FlaskClient) -> None:
    listened(database_of(app), 1)
    sent(ada, "live", "live/precision")
    page = ada.get("/studio/tiny/results").text
    assert "<dt>Looks at" not in page and "Somebody looked once at how wide" in page


def test_the_same_listeners_are_counted_everywhere(app: Flask, ada: FlaskClient, settings: Settings) -> None:
    database = database_of(app)
    listened(database, 5)
    Guest(database)
    with database.writing() as db:
        gone, simulated, pilot = db.scalars(select(Listener).order_by(Listener.id)).all()[:3]
        privacy.withdraw(db, gone)
        simulated.simulated, pilot.pilot = True, True
    with database.reading() as db:
        study = lifecycle.current(db, "tiny").study_id
        (of_all,), (of_version,) = counting.of_studies(db).values(), counting.of_versions(db, study).values()
        (version,) = found.versions(db, "tiny").versions
    assert of_all == of_version == Count(begun=3, finished=2, simulated=1, pilots=1)
    assert (version.listeners, version.simulated, version.pilots) == (3, 1, 1)
    assert "2 of 3 listeners finished + 1 simulated" in ada.get("/studio/").text
    assert "3 listeners + 1 simulated" in ada.get("/studio/tiny/").text
    shown = re.sub(r"<[^>]+>", "", ada.get("/studio/tiny/results").text)
    assert "Listeners who finished2 of 3 + 1 simulated" in shown
    told = CliRunner().invoke(
        study_cli.study, ["show", "tiny", "--data", str(app.extensions["mushra"].settings.data_dir)]
    )
    assert "2 of 3 listeners finished (+ 1 simulated)" in told.output


def test_tickets_are_printed_in_the_order_of_their_numbers(app: Flask, ada: FlaskClient) -> None:
    sent(ada, "listeners", "invitations", count="30")
    first = ada.get("/studio/tiny/invitations/tickets").text
    second = ada.get(re.findall(r'href="([^"]+after=[^"]+)"', first)[0]).text
    numbers = [int(number) for page in (first, second) for number in re.findall(r"<p><bdi>Invitation (\d+)", page)]
    assert len(numbers) == 30 and numbers == sorted(numbers)
    assert '<a href="/studio/">Studies</a> /' in first


def test_live_says_of_a_closed_study_who_may_still_finish(app: Flask, ada: FlaskClient) -> None:
    assert "may still finish" not in ada.get("/studio/tiny/live").text
    close(database_of(app))
    assert "may still finish" in ada.get("/studio/tiny/live").text
