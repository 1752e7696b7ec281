"""The tab "People" and a listener's links, through the web: what each opens, what is said, what is noted."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from arrivals import FORM, begin
from flask import Flask
from flask.testing import FlaskClient
from server_guests import calibrate
from sqlalchemy import func, select
from studio_people import csrf, database_of, inside, person

from mushra_app.models import Listener, ListeningSession, Place, now
from mushra_app.people import audit
from mushra_app.people.logins import Visitor
from mushra_app.security import invitation_link_token, place_link_token, secret_key, token_sha256
from mushra_app.session import enrolment, listening
from mushra_app.studio.listeners import overview
from mushra_app.studio.listeners.overview import Addresses
from mushra_app.study import lifecycle, recruiting
from mushra_app.study.tables import Invitation, Recruit

TAB = "/studio/tiny/listeners"
BACK = "https://panel.example/?cc={code}"


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """A browser of somebody who may change the tiny study."""
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


def settle(app: Flask, **settings: Any) -> None:
    with database_of(app).writing() as db:
        recruiting.change(lifecycle.current(db, "tiny").study, settings)


def move(app: Flask, status: str) -> None:
    with database_of(app).writing() as db:
        lifecycle.current(db, "tiny").status = status


def send(client: FlaskClient, path: str, **fields: Any) -> Any:
    """Fill in a form of the tab and send it."""
    return client.post(f"/studio/tiny{path}", data=fields | {"csrf_token": csrf(client.get("/studio/account").text)})


def settings_form(client: FlaskClient, **changes: str) -> dict[str, str]:
    seen = re.search(r'name="seen" value="(\w+)"', client.get(TAB).text)
    assert seen
    fields = {"seen": seen[1], "open_link": "yes", "transducer": "any", "experience": "any", "attention": "none"}
    return fields | changes


def links(client: FlaskClient) -> list[str]:
    """The links of the unused invitations, the newest first."""
    found = re.findall(r'class="link"[^>]*value="([^"]+)"', client.get(TAB).text)
    return [html.unescape(one).removeprefix("http://localhost") for one in found]


def listeners(app: Flask) -> int:
    with database_of(app).reading() as db:
        return db.scalar(select(func.count(Listener.id))) or 0


# What a listener's link opens


@pytest.mark.parametrize(
    ("status", "code", "heading"),
    [("paused", 409, "Not just now"), ("closed", 410, "This study has ended"), ("draft", 404, "Nothing here")],
)
def test_a_study_that_takes_nobody_says_so_and_why(
    app: Flask, client: FlaskClient, status: str, code: int, heading: str
) -> None:
    token = csrf(client.get("/listen/tiny").text)
    move(app, status)
    for answer in (client.get("/listen/tiny"), client.post("/listen/tiny", data=FORM | {"csrf_token": token})):
        assert answer.status_code == code and heading in answer.text
    assert listeners(app) == 0


def test_a_full_study_says_so_before_anything_is_filled_in(app: Flask, client: FlaskClient) -> None:
    settle(app, capacity=1)
    first = begin(client, "/listen/tiny")
    answer = client.get("/listen/tiny")
    assert (answer.status_code, "All places are taken" in answer.text, listeners(app)) == (409, True, 1)
    assert client.get(first.location).status_code == 200, "whoever has begun goes on"


def test_whom_a_panel_sends_in_vain_takes_a_code_and_the_way_back_along(app: Flask, client: FlaskClient) -> None:
    sent, panel = "/listen/tiny?PROLIFIC_PID=5f1&SESSION_ID=x1", {"screen_out_code": "OUT 1", "return_url": BACK}
    token = csrf(client.get(sent).text)

    def answers(address: str) -> list[str]:
        return [client.get(address).text, client.post(address, data=FORM | {"csrf_token": token}).text]

    settle(app, capacity=1, **panel)
    begin(client, "/listen/tiny")
    for page in answers(sent):
        assert "All places are taken" in page and "OUT 1" in page and 'href="https://panel.example/?cc=OUT%201"' in page
    assert not any("OUT 1" in page for page in answers("/listen/tiny")), "which is no panel's"
    mturk = client.get("/listen/tiny?workerId=A1&assignmentId=as1").text
    assert "OUT 1" in mturk and "panel.example" not in mturk
    settle(app, open_link=False, **panel)
    assert all("By invitation only" in page and "OUT 1" in page for page in answers(sent))
    move(app, "closed")
    assert all("This study has ended" in page and "OUT 1" in page for page in answers(sent))
    move(app, "paused")
    assert not any("OUT 1" in page for page in answers(sent)), "they are to come back later"
    assert listeners(app) == 1


def test_whoever_does_not_meet_the_criteria_is_told_politely_and_not_kept(app: Flask, client: FlaskClient) -> None:
    settle(app, experience="experienced", screen_out_code="OUT 1", return_url="https://panel.example/?cc={code}")
    answer = begin(client, "/listen/tiny?PROLIFIC_PID=5f1", experience="inexperienced")
    assert answer.status_code == 403 and "Thank you for your interest" in answer.text
    assert 'href="https://panel.example/?cc=OUT%201"' in answer.text and "OUT 1" in answer.text
    assert listeners(app) == 0 and begin(client, "/listen/tiny?PROLIFIC_PID=5f1").status_code == 303


def test_an_invitation_opens_one_session_and_leads_back_into_it_from_any_browser(app: Flask, ada: FlaskClient) -> None:
    assert send(ada, "/invitations", count="2", label="Grace").status_code == 303
    second, first = links(ada)
    begun = begin(app.test_client(), first)
    for browser in (app.test_client(), app.test_client()):
        answer = browser.get(first)
        assert (answer.status_code, answer.location) == (303, begun.location)
    token = csrf(app.test_client().get("/withdraw").text)
    assert app.test_client().post(first, data=FORM | {"csrf_token": token}).status_code == 400, "of another browser"
    assert listeners(app) == 1 and links(ada) == [second]
    assert first.split("invitation=")[1] not in ada.get(TAB).text, "nobody strays into a session by a click"


def test_an_invitation_that_was_taken_back_or_changed_opens_nothing(app: Flask, ada: FlaskClient) -> None:
    send(ada, "/invitations", count="1")
    (link,) = links(ada)
    number = int(re.findall(r"invitations/(\d+)/revoke", ada.get(TAB).text)[0])
    assert send(ada, f"/invitations/{number}/revoke").status_code == 303
    assert send(ada, f"/invitations/{number}/revoke").status_code == 409
    answer = app.test_client().get(link)
    assert answer.status_code == 410 and "This invitation was taken back" in answer.text
    key = secret_key(app.extensions["mushra"].settings)
    wrong = [f"{link}x", "/listen/tiny?invitation=", "/listen/tiny?invitation=1"]
    wrong.append(f"/listen/tiny?invitation={place_link_token(key, str(number))}")
    assert [app.test_client().get(one).status_code for one in wrong] == [403] * 4
    assert app.test_client().get(f"/listen/tiny?invitation={invitation_link_token(key, 10**6)}").status_code == 404
    assert listeners(app) == 0


def test_the_panels_say_who_comes_and_a_preview_enrols_nobody(app: Flask, client: FlaskClient) -> None:
    prolific = "/listen/tiny?PROLIFIC_PID=5f1&STUDY_ID=s1&SESSION_ID=x1"
    begun = begin(client, prolific)
    assert app.test_client().get(prolific).location == begun.location
    other = app.test_client().get(prolific.replace("x1", "x2"))
    assert other.status_code == 409 and "You have begun already" in other.text and begun.location not in other.text
    mturk = "/listen/tiny?workerId=A1&assignmentId={}&hitId=h1"
    preview = client.get(mturk.format("ASSIGNMENT_ID_NOT_AVAILABLE"))
    assert preview.status_code == 200 and "This is a preview" in preview.text and "<form" not in preview.text
    form = FORM | {"csrf_token": csrf(client.get("/listen/tiny").text)}
    assert client.post(mturk.format("ASSIGNMENT_ID_NOT_AVAILABLE"), data=form).status_code == 403
    assert listeners(app) == 1
    begin(client, mturk.format("as1"))
    with database_of(app).reading() as db:
        rows = db.execute(select(Recruit.channel, Recruit.person, Recruit.detail).order_by(Recruit.id)).all()
    assert [tuple(row) for row in rows] == [
        ("prolific", "5f1", {"STUDY_ID": "s1", "SESSION_ID": "x1"}),
        ("mturk", "A1", {"assignmentId": "as1", "hitId": "h1"}),
    ]


def test_a_panels_link_of_another_day_leads_to_the_session_that_is_next(app: Flask, client: FlaskClient) -> None:
    sent = "/listen/tiny?PROLIFIC_PID=5f1&STUDY_ID=s{0}&SESSION_ID=x{0}"
    first = begin(client, sent.format(1)).location.split("/")[2]
    with database_of(app).writing() as db:
        sitting = listening.sitting_of(db, first)
        sitting.status, sitting.finished_at = "finished", now()
        names = ("version", "transducer", "experience", "user_agent", "consent_at", "consent_sha256", "started_at")
        alike = {name: getattr(sitting, name) for name in names}
        sha256 = token_sha256(enrolment.token_after(first))
        own = {"listener": sitting.listener, "token_sha256": sha256, "part": 2, "status": "planned", "seed": 1}
        db.add(ListeningSession(**alike, **own))
    for _ in range(2):  # it is written down once, and leads back from then on
        answer = app.test_client().get(sent.format(2))
        assert (answer.status_code, answer.location) == (303, f"/session/{enrolment.token_after(first)}/")
    with database_of(app).reading() as db:
        said = db.scalars(select(Recruit.detail)).one()
    assert said == {"STUDY_ID": "s1", "SESSION_ID": "x1", "later": {"2": {"STUDY_ID": "s2", "SESSION_ID": "x2"}}}


@pytest.mark.parametrize("person", ["x" * 201, "a%0Ab", "%E2%80%AEabc"])
def test_a_panels_name_that_nobody_has_is_refused(app: Flask, client: FlaskClient, person: str) -> None:
    assert client.get(f"/listen/tiny?PROLIFIC_PID={person}").status_code == 403
    assert client.get(f"/listen/tiny?PROLIFIC_PID=a&STUDY_ID={person}").status_code == 403


@pytest.mark.parametrize(
    "said",
    [
        overview.BY_PROLIFIC,
        overview.BY_MTURK,
        quote(overview.BY_PROLIFIC, safe="=&"),
        quote(quote(overview.BY_MTURK, safe="=&"), safe="=&"),
        "PROLIFIC_PID=5f1&SESSION_ID={{%SESSION_ID%}}",
        "PROLIFIC_PID={{%PROLIFIC_PID%}}&SESSION_ID=x1",
        "PROLIFIC_PID=&SESSION_ID=x1",
        "workerId=${workerId}&assignmentId=as1",
        "workerId=+&assignmentId=as1",
    ],
)
def test_a_panels_link_that_is_not_filled_in_enrols_nobody(app: Flask, client: FlaskClient, said: str) -> None:
    form = FORM | {"csrf_token": csrf(client.get("/listen/tiny").text)}
    for answer in (client.get(f"/listen/tiny?{said}"), client.post(f"/listen/tiny?{said}", data=form)):
        assert answer.status_code == 403 and "The panel did not fill in who you are" in answer.text
    assert listeners(app) == 0


def test_in_a_preview_nobody_is_anybody_yet(app: Flask, client: FlaskClient) -> None:
    for worker in ("", "${workerId}", "A1"):
        preview = client.get(f"/listen/tiny?workerId={worker}&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE")
        assert preview.status_code == 200 and "This is a preview" in preview.text


def test_a_group_is_named_by_a_link_only_where_the_settings_say(app: Flask, client: FlaskClient) -> None:
    settle(app, groups=[{"name": "jazz & co", "by_link": True}, {"name": "experts"}])
    assert begin(client, f"/listen/tiny?group={quote('jazz & co')}").status_code == 303
    assert [client.get(f"/listen/tiny?group={name}").status_code for name in ("experts", "nosuch")] == [404, 404]
    with database_of(app).reading() as db:
        assert db.scalars(select(Listener.listener_group)).all() == ["jazz & co"]


# The tab


def test_settings_are_kept_and_noted_and_what_was_typed_wrong_is_not_lost(app: Flask, ada: FlaskClient) -> None:
    form = settings_form(
        ada, capacity="24", free_after_h="48", return_url="https://panel.example/?cc={code}", completion_code=" C0 "
    )
    form |= {"group-0": "experts", "quota-0": "6", "group-1": "students", "by_link-1": "yes"}
    assert send(ada, "/recruiting", **form).status_code == 303
    with database_of(app).reading() as db:
        found = recruiting.recruiting_of(lifecycle.current(db, "tiny").study)
        assert (found.capacity, found.free_after_h, found.completion_code, found.open_link) == (24, 48, "C0", True)
        assert [(one.name, one.quota, one.by_link) for one in found.groups] == [
            ("experts", 6, False),
            ("students", None, True),
        ]
        assert (entry := audit.latest(db)[0]).what == "study" and "most listeners from no limit to 24; " in entry.about
        assert "places free after from never to 48 h; " in entry.about
    wrong = settings_form(ada, capacity="many", return_url="http://panel.example", completion_code="kept as typed")
    answer = send(ada, "/recruiting", **wrong)
    text = html.unescape(answer.text)
    assert answer.status_code == 400 and "found 'many'" in text and "begins with https://" in text
    assert 'value="many"' in text and "kept as typed" in text
    assert send(ada, "/recruiting", **form).status_code == 409, "over settings that have changed since"


def test_a_list_comes_in_and_goes_out(app: Flask, ada: FlaskClient) -> None:
    settle(app, groups=[{"name": "experts"}])
    content = "Jürgen;experts\n=cmd|x;\n<b>Ada</b>;experts\n".encode("latin-1")
    assert send(ada, "/invitations/list", list=(io.BytesIO(content), "people.csv")).status_code == 303
    page = ada.get(TAB).text
    assert "Jürgen" in page and "&lt;b&gt;Ada" in page and "<b>Ada" not in page
    answer = ada.get("/studio/tiny/invitations.csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [(row["label"], row["group"], row["state"]) for row in rows] == [
        ("<b>Ada</b>", "experts", "unused"),
        ("'=cmd|x", "", "unused"),
        ("Jürgen", "experts", "unused"),
    ]
    assert begin(app.test_client(), rows[0]["link"].removeprefix("http://localhost")).status_code == 303
    with database_of(app).reading() as db:
        assert [(one.what, one.about) for one in audit.latest(db)[:2]] == [
            ("export", "tiny: invitations"),
            ("invitation", "tiny: 3 made, from number 1 on"),
        ]
    refused = send(ada, "/invitations/list", text="Ada;experts\nGrace;expert\n")
    assert refused.status_code == 400 and "Line 2" in refused.text and "Nothing was imported" in refused.text
    with database_of(app).reading() as db:
        assert db.scalar(select(func.count(Invitation.id))) == 3


@pytest.mark.parametrize("count", ["0", "501", "-1", "x", "1e3", "²", "9" * 400, ""])
def test_how_many_invitations_is_a_number_within_reason(ada: FlaskClient, count: str) -> None:
    answer = send(ada, "/invitations", count=count)
    assert answer.status_code == 400 and "expected a whole number from 1 to 500" in answer.text


def test_the_tickets_are_of_the_unused_ones_a_sheet_at_a_time(app: Flask, ada: FlaskClient) -> None:
    assert "There is none" in ada.get("/studio/tiny/invitations/tickets").text
    send(ada, "/invitations", count="30", label="Choir")
    page = ada.get("/studio/tiny/invitations/tickets").text
    assert page.count('class="qr"') == 24 and "Choir 1<" in page and "Choir 25" not in page
    more = re.search(r'href="([^"]+after=\d+)"', page)
    assert more and ada.get(more[1]).text.count('class="qr"') == 6
    for nonsense in ("x", "-1", "9" * 30, ""):
        assert ada.get(f"/studio/tiny/invitations/tickets?after={nonsense}").status_code == 200


def test_who_may_only_look_sees_no_link_and_no_form(app: Flask, ada: FlaskClient) -> None:
    send(ada, "/invitations", count="1", label="Grace")
    viewer = inside(app, person(database_of(app), "vera", "viewer", "tiny"))
    page = viewer.get(TAB).text
    assert "not used yet" in page and "Grace" not in page, "whom it is for is personal"
    assert "invitation=" not in page and 'action="/studio/tiny' not in page
    made = Addresses(welcome=lambda **_: "/", invitation=lambda number: f"/{number}", older=str, further=str)
    with database_of(app).reading() as db:
        looks = Visitor("", None, "vera", "viewer")
        (row,) = overview.listeners(db, lifecycle.current(db, "tiny"), looks, made).invitations
        assert (row.label, row.code, row.url) == ("", "", ""), "the page is not even told"
    for path in ("invitations.csv", "invitations/tickets", "lab"):
        assert viewer.get(f"/studio/tiny/{path}").status_code == 403


def test_an_invitation_of_one_study_is_none_of_another(app: Flask, ada: FlaskClient) -> None:
    send(ada, "/invitations", count="1")
    with database_of(app).writing() as db:
        from mushra_app.models import Study

        db.add(Study(name="other"))
    stranger = inside(app, person(database_of(app), "eve", "experimenter", "other"))
    with database_of(app).reading() as db:
        number = db.scalars(select(Invitation.id)).one()
    token = csrf(stranger.get("/studio/account").text)
    assert stranger.post(f"/studio/other/invitations/{number}/revoke", data={"csrf_token": token}).status_code == 404
    assert len(links(ada)) == 1


# A lab


def test_the_next_listener_sits_down_with_one_click(app: Flask, ada: FlaskClient) -> None:
    assert "No listening place is on record yet" in ada.get("/studio/tiny/lab").text
    calibrate(database_of(app))
    calibrate(database_of(app), "Booth 2", level_db_a=90.0)
    with database_of(app).writing() as db:
        old = db.scalars(select(Place).where(Place.name == "Booth 1")).one()
        old.calibrated_at -= timedelta(days=31)
    page = ada.get("/studio/tiny/lab").text
    assert "more than 30 days ago" in page and "not within 74 to 82 dB(A)" in page
    assert "78 dB(A) on headphones" in page
    assert "78 dB(A) über Kopfhörer" in ada.get("/studio/tiny/lab?lang=de").text
    ada.get("/studio/tiny/lab?lang=en")
    answer = send(ada, "/lab", place="Booth 1")
    assert answer.status_code == 303 and "at Booth 1" in ada.get(answer.location).text
    begun = begin(ada, answer.location)
    with database_of(app).reading() as db:
        sitting = db.scalars(select(ListeningSession)).one()
        assert sitting.place is not None and sitting.place.name == "Booth 1" and sitting.level_db_a == 78.0
        code = sitting.listener.code
    assert code in ada.get("/studio/tiny/lab").text
    back = send(ada, "/lab/back", place="Booth 1", code=f" {code.lower()} ")
    assert (back.status_code, back.location) == (303, begun.location)
    assert send(ada, "/lab/back", place="Booth 1", picked=code, code="").location == begun.location
    assert send(ada, "/lab/back", place="Booth 1", code="2222222222").status_code == 404
    assert send(ada, "/lab", place="nowhere").status_code == 404


def test_a_listener_does_not_sit_in_the_studio_where_that_is_asked_for(app: Flask, ada: FlaskClient) -> None:
    calibrate(database_of(app))
    answer = send(ada, "/lab", place="Booth 1", leave="yes")
    assert answer.status_code == 303 and ada.get("/studio/tiny/lab").status_code == 401
    assert begin(ada, answer.location).status_code == 303


def test_a_study_that_takes_nobody_calls_nobody(app: Flask, ada: FlaskClient) -> None:
    calibrate(database_of(app))
    move(app, "paused")
    answer = send(ada, "/lab", place="Booth 1")
    assert answer.status_code == 409 and "paused just now" in answer.text
    with database_of(app).reading() as db:
        assert db.scalar(select(func.count(Invitation.id))) == 0
