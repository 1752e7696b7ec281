"""Who asks for listeners: the studio, a program, the terminal; the same is changed, and the same is written down."""

from __future__ import annotations

import csv
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from arrivals import begin, settle
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from server_guests import calibrate
from sqlalchemy.orm import Session
from studio_people import csrf, database_of, inside, person, study_typed

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, NotFoundError, TurnedAwayError
from mushra_app.models import Study
from mushra_app.people import accounts, audit, tokens
from mushra_app.study import invitations, inviting, lifecycle
from mushra_app.study.invitations import Wanted
from mushra_app.study.recruiting import Group, Recruiting, recruiting_of
from mushra_app.study.recruiting_changes import differences
from mushra_app.study.recruiting_cli import lines_of, settings_of

BACK = "https://app.prolific.com/submissions/complete?cc={code}"
ALL = {
    "open_link": False,
    "capacity": 24,
    "free_after_h": 3,
    "groups": [{"name": "experts", "quota": 12, "by_link": False}, {"name": "naive", "quota": None, "by_link": True}],
    "transducer": "headphones",
    "experience": "experienced",
    "completion_code": "C-DONE",
    "screen_out_code": "C-OUT",
    "attention_code": "C-FAIL",
    "return_url": BACK,
    "attention": "share",
}
TYPED = (
    *("open_link=no", "capacity=24", "free_after_h=3", "groups=experts:12, naive:link", "transducer=headphones"),
    *("experience=experienced", "completion_code=C-DONE", "screen_out_code=C-OUT", "attention_code=C-FAIL"),
    *(f"return_url={BACK}", "attention=share"),
)
FORM = {
    **{key: str(value) for key, value in ALL.items() if key not in ("open_link", "groups")},
    **{"group-0": "experts", "quota-0": "12", "group-1": "naive", "by_link-1": "yes"},
}
SAID = (
    "tiny: recruiting changed: open link from yes to no; most listeners from no limit to 24; places free after from "
    "never to 3 h; groups from no groups to experts (at most 12), naive (any number, by link); listening by from any "
    "to headphones; experience from any to experienced; completion code changed; screen-out code changed; attention "
    "code changed; way back from nowhere to https://app.prolific.com; attention failed by from nothing to share"
)


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


@pytest.fixture
def study(app: Flask, settings: Settings):
    """Types ``mushra study`` on the tiny study's data; what was said."""
    return study_typed(settings)


def post(client: FlaskClient, address: str, **fields: str) -> Any:
    token = csrf(client.get("/studio/account").text)
    return client.post(f"/studio/tiny/{address}", data={"csrf_token": token} | fields)


def kept(app: Flask) -> Recruiting:
    with database_of(app).reading() as db:
        return recruiting_of(lifecycle.current(db, "tiny").study)


def noted(app: Flask, what: str) -> list[tuple[str, str]]:
    """Who did what of a kind, the first first."""
    with database_of(app).reading() as db:
        return [(row.who, row.about) for row in reversed(audit.latest(db)) if row.what == what]


def seen(client: FlaskClient) -> str:
    return re.findall(r'name="seen" value="(\w+)"', client.get("/studio/tiny/listeners").text)[0]


def by_ada(db: Session, what: str, about: str) -> None:
    audit.note(db, "ada", what, about)


# The settings


def test_the_studio_and_the_terminal_set_the_same_and_write_the_same_down(app: Flask, ada: FlaskClient, study) -> None:
    assert post(ada, "recruiting", seen=seen(ada), **FORM).status_code == 303
    assert kept(app) == Recruiting.model_validate(ALL) and noted(app, "study") == [("ada", SAID)]
    settle(database_of(app))
    study("recruiting", "tiny", *TYPED)
    assert kept(app) == Recruiting.model_validate(ALL)
    assert noted(app, "study") == [("ada", SAID), (audit.COMMAND_LINE, SAID)]


def test_nothing_is_written_down_where_nothing_is_another(app: Flask, ada: FlaskClient, study) -> None:
    study("recruiting", "tiny", "capacity=", "open_link=yes")
    post(ada, "recruiting", seen=seen(ada), open_link="yes", transducer="any", experience="any", attention="none")
    assert noted(app, "study") == []


def test_the_log_names_each_setting_and_shows_no_code() -> None:
    before, after = Recruiting.model_validate(ALL), Recruiting()
    told = []
    for name in Recruiting.model_fields:
        (one,) = differences(before, before.model_copy(update={name: getattr(after, name)}))
        assert "C-" not in one
        told.append(one)
    assert len(set(told)) == len(ALL) and told == differences(before, after)
    other = before.model_copy(update={"completion_code": "C-NEW", "return_url": BACK.replace("cc", "c")})
    assert differences(before, other) == ["completion code changed", "way back changed"]
    assert differences(before, before) == []


def test_a_german_page_says_what_was_changed_in_german(app: Flask, ada: FlaskClient) -> None:
    post(ada, "recruiting", seen=seen(ada), **FORM)
    owner = inside(app, person(database_of(app), "olga", "owner"))
    assert (
        "tiny: Rekrutierung geändert: offener Link von ja auf nein; Hörer höchstens von keine Grenze auf 24; Plätze "
        "frei nach: von nie auf 3 h; Gruppen von keine Gruppen auf experts (höchstens 12), naive (beliebig viele, über "
        "Link); Wiedergabe von beliebig auf Kopfhörer; Erfahrung von beliebig auf erfahren; Code für Fertige geändert; "
        "Code für Ausgeschiedene geändert; Code für verfehlte Aufmerksamkeit geändert; Rückweg von nirgendwohin auf "
        "https://app.prolific.com; Aufmerksamkeit verfehlt bei: von nichts auf Anteil"
    ) in owner.get("/studio/audit", headers={"Accept-Language": "de"}).text


def test_what_the_terminal_shows_can_be_typed_again(app: Flask, study) -> None:
    study("recruiting", "tiny", *TYPED)
    shown = study("recruiting", "tiny")
    assert "capacity=24\n" in shown and "groups=experts:12,naive::link\n" in shown
    settle(database_of(app))
    assert study("recruiting", "tiny", *shlex.split(shown)) == shown
    assert study("recruiting", "tiny", "groups=", "capacity=", "return_url=").count("=\n") == 3
    assert kept(app).completion_code == "C-DONE", "what is not named stays"


NAMES = st.text(st.sampled_from("ab:,\"' 1link"), min_size=1, max_size=12).filter(lambda name: bool(name.strip()))
GROUPS = st.builds(Group, name=NAMES, quota=st.none() | st.integers(1, 100_000), by_link=st.booleans())


@given(st.lists(GROUPS, max_size=4, unique_by=lambda group: group.name))
def test_whatever_a_group_is_called_it_is_typed_as_it_is_shown(groups: list[Group]) -> None:
    one = Recruiting(groups=tuple(groups))
    assert Recruiting.model_validate(settings_of(shlex.split(" ".join(lines_of(one))))) == one


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("capacity=many", "The most listeners: found 'many'; expected a whole number from 1 to 100000, or nothing"),
        ("free_after_h=0", "Hours until a place is free again: found '0'"),
        ("groups=experts:many", "The most of a group: found 'many'"),
        ("groups=a,a", "each needs a name of its own"),
        ("open_link=perhaps", "open_link: found 'perhaps', which is none of the choices"),
        ("attention=all", "attention: found 'all', which is none of the choices"),
        ("return_url=http://panel.example", "expected an address that begins with https://"),
        ("colour=red", "colour: there is no such setting; expected one of open_link, capacity, free_after_h, groups"),
        ("capacity", "'capacity': expected KEY=VALUE, such as capacity=24"),
    ],
)
def test_what_will_not_do_is_said_and_nothing_changed(app: Flask, study, typed: str, said: str) -> None:
    with pytest.raises(AppError, match=re.escape(said)):
        study("recruiting", "tiny", "completion_code=NEW", typed)
    with pytest.raises(AppError, match="capacity: found twice"):
        study("recruiting", "tiny", "capacity=1", "capacity=2")
    with pytest.raises(NotFoundError):
        study("recruiting", "nosuch", "capacity=2")
    assert kept(app) == Recruiting() and noted(app, "study") == []


# Invitations


def test_the_terminal_invites_lists_and_takes_back(app: Flask, study) -> None:
    settle(database_of(app), groups=[{"name": "experts"}])
    said = study("invite", "tiny", "--count", "2", "--label", " Choir ", "--group", "experts")
    links = re.findall(r"http://127\.0\.0\.1:8000(/listen/tiny\?invitation=\S+)", said)
    assert len(links) == 2 and "1  unused     Choir 1, experts" in said
    assert all(app.test_client().get(link).status_code == 200 for link in links)
    assert study("revoke", "tiny", "1") == "tiny: invitation 1 is taken back\n"
    assert app.test_client().get(links[0]).status_code == 410
    listed = study("invitations", "tiny")
    assert "     1  revoked    Choir 1, experts\n     2  unused" in listed and listed.count("http") == 1
    with pytest.raises(AppError, match="Invitation 1 was taken back before"):
        study("revoke", "tiny", "2", "1")
    with pytest.raises(NotFoundError, match="no invitation 99999999999999999999"):
        study("revoke", "tiny", "99999999999999999999")
    with database_of(app).reading() as db:
        assert invitations.counted(db, lifecycle.current(db, "tiny").study_id) == {"unused": 1, "revoked": 1}
    assert noted(app, "invitation") == [
        (audit.COMMAND_LINE, "tiny: 2 made, from number 1 on"),
        (audit.COMMAND_LINE, "tiny: invitation 1 taken back"),
    ]


def test_a_list_comes_in_and_goes_out_as_in_the_studio(app: Flask, ada: FlaskClient, study, tmp_path: Path) -> None:
    settle(database_of(app), groups=[{"name": "experts"}])
    people, links = tmp_path / "people.csv", tmp_path / "links.csv"
    people.write_bytes("Jürgen;experts\n=cmd|x;\n".encode("latin-1"))
    assert study("invite", "tiny", "--list", str(people), "--out", str(links)) == f"{links}: 2 invitations\n"
    rows = list(csv.DictReader(io.StringIO(links.read_bytes().decode("utf-8-sig"))))
    assert [(row["label"], row["group"]) for row in rows] == [("Jürgen", "experts"), ("'=cmd|x", "")]
    study("invite", "tiny", "--count", "1", "--out", str(tmp_path / "one.csv"))
    assert (tmp_path / "one.csv").read_text(encoding="utf-8-sig").count("\n") == 2, "those that were made, no other"
    study("invitations", "tiny", "--out", str(links))
    studios = ada.get("/studio/tiny/invitations.csv").data.decode("utf-8-sig")
    assert sorted(links.read_text(encoding="utf-8-sig").splitlines()) == sorted(
        studios.replace("http://localhost/", "http://127.0.0.1:8000/").splitlines()
    )
    assert noted(app, "export")[0] == (audit.COMMAND_LINE, "tiny: invitations")
    people.write_text("Ada;experts\nGrace;expert\n")
    with pytest.raises(AppError, match="Line 2: The group 'expert'"):
        study("invite", "tiny", "--list", str(people))
    with pytest.raises(AppError, match="The group 'nosuch'"):
        study("invite", "tiny", "--count", "1", "--group", "nosuch")
    for wrong in ((), ("--count", "1", "--list", str(people)), ("--list", str(people), "--label", "x")):
        assert "expected --count" in study("invite", "tiny", *wrong)
    assert "'501'" in study("invite", "tiny", "--count", "501").replace("501 is", "'501' is")


def test_links_are_by_the_address_that_the_settings_say(study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSHRA_EXTERNAL_URL", "https://listen.example.org")
    assert "  https://listen.example.org/listen/tiny?invitation=" in study("invite", "tiny", "--count", "1")


def test_the_terminal_calls_the_next_listener_to_a_place(app: Flask, study) -> None:
    with pytest.raises(NotFoundError, match="No listening place is on record yet: calibrate one in the studio"):
        study("next", "tiny", "--place", "Booth 1")
    calibrate(database_of(app))
    with pytest.raises(NotFoundError, match="No listening place 'Booth 2' is on record; there are: Booth 1"):
        study("next", "tiny", "--place", "Booth 2")
    said = study("next", "tiny", "--place", "booth  1")  # one chair is one place, however it is typed
    link, code = re.findall(r"open there: +http://127\.0\.0\.1:8000(\S+)\n +their code: +(\w+)", said)[0]
    assert "at Booth 1" in app.test_client().get(link).text
    with database_of(app).reading() as db:
        (made,) = invitations.listed(db, lifecycle.current(db, "tiny").study_id, coded=True)
    assert made.code == code and noted(app, "invitation") == [(audit.COMMAND_LINE, "tiny: number 1 made at Booth 1")]
    study("pause", "tiny")
    with pytest.raises((TurnedAwayError, AppError)):
        study("next", "tiny", "--place", "Booth 1")


def test_the_terminal_and_a_program_have_a_listener_who_comes_back_go_on(app: Flask, study, program) -> None:
    calibrate(database_of(app))
    calibrate(database_of(app), "Booth 2")
    said = study("next", "tiny", "--place", "Booth 1")
    link, code = re.findall(r"open there: +http://127\.0\.0\.1:8000(\S+)\n +their code: +(\w+)", said)[0]
    begun = begin(app.test_client(), link).location
    study("pause", "tiny")  # whoever has begun goes on
    again = study("back", "tiny", "--place", "booth 2", "--code", f" {code.lower()} ")
    assert again == f"tiny: back, at Booth 2\n  open there:   http://127.0.0.1:8000{begun}\n"
    answer = program("POST", "tiny/lab/back", {"place": "Booth 2", "code": code})
    assert (answer.status_code, answer.json) == (200, {"place": "Booth 2", "link": f"http://localhost{begun}"})
    assert app.test_client().get(begun).status_code == 200
    for place, wrong in (("Booth 2", "2222222222"), ("Booth 3", code)):
        assert program("POST", "tiny/lab/back", {"place": place, "code": wrong}).status_code == 404
    assert program("POST", "tiny/lab/back", {"place": "Booth 2"}).status_code == 400
    back = "tiny: a listener came back, at Booth 2"
    assert [about for _, about in noted(app, "invitation")][1:] == [back, f"{back}, by the token 'nightly'"]


# Programs


@pytest.fixture
def program(app: Flask, ada: FlaskClient):
    """Asks the API by a token of Ada's; what was answered."""
    made: dict[str, str] = {}

    def asked(method: str, address: str, body: Any = None, *, may: str = "change") -> Any:
        with database_of(app).writing() as db:
            made[may] = made.get(may) or tokens.make(db, accounts.named(db, "ada"), "nightly", may=may, days=30)
        headers = {"Authorization": f"Bearer {made[may]}"}
        return app.test_client().open(f"/api/v1/studies/{address}", method=method, json=body, headers=headers)

    return asked


def test_a_program_sets_the_same_as_the_form_and_what_it_was_told_can_be_sent(app: Flask, ada, program) -> None:
    answer = program("PUT", "tiny/recruiting", ALL)
    assert answer.status_code == 200 and kept(app) == Recruiting.model_validate(ALL)
    assert noted(app, "study") == [("ada", f"{SAID}, by the token 'nightly'")]
    page = ada.get("/studio/tiny/listeners").text
    assert f'value="{seen(ada)}"' in page and 'value="C-DONE"' in page and 'value="experts"' in page
    told = program("GET", "tiny/recruiting").json
    assert told == ALL | {"seen": seen(ada)} == answer.json
    assert program("PUT", "tiny/recruiting", told).json == told and len(noted(app, "study")) == 1
    post(ada, "recruiting", **FORM | {"seen": seen(ada), "capacity": "30"})
    late = program("PUT", "tiny/recruiting", told | {"capacity": 5})
    assert late.status_code == 409 and kept(app).capacity == 30
    assert program("PUT", "tiny/recruiting", {}).json == Recruiting().model_dump(mode="json") | {"seen": seen(ada)}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"capacity": 0}, "capacity"),
        ({"groups": [{"name": "a"}, {"name": "a"}]}, "'a' is named twice"),
        ({"return_url": "http://panel.example"}, "begins with https://"),
        ({"colour": "red"}, "colour"),
        ([], "the body"),
    ],
)
def test_a_program_is_told_what_will_not_do(app: Flask, program, body: Any, said: str) -> None:
    answer = program("PUT", "tiny/recruiting", body)
    assert answer.status_code == 400 and said in answer.json["error"] and kept(app) == Recruiting()


def test_a_program_invites_lists_in_pages_and_takes_back(app: Flask, program) -> None:
    settle(database_of(app), groups=[{"name": "experts"}])
    wanted = [{"label": "Ada", "group": "experts"}, {"label": "Grace"}, {}]
    answer = program("POST", "tiny/invitations", {"invitations": wanted})
    assert answer.status_code == 201 and answer.json["next"] is None
    assert [(one["label"], one["group"], one["state"]) for one in answer.json["invitations"]] == [
        *(("Ada", "experts", "unused"), ("Grace", "", "unused"), ("", "", "unused")),
    ]
    first = answer.json["invitations"][0]
    assert app.test_client().get(first["link"].removeprefix("http://localhost")).status_code == 200
    assert program("DELETE", f"tiny/invitations/{first['number']}").status_code == 204
    assert program("DELETE", f"tiny/invitations/{first['number']}").status_code == 409
    assert program("DELETE", f"tiny/invitations/{'9' * 30}").status_code == 404
    page = program("GET", "tiny/invitations?limit=2").json
    assert [(one["number"], one["state"], bool(one["link"])) for one in page["invitations"]] == [
        *((1, "revoked", False), (2, "unused", True)),
    ]
    rest = program("GET", f"tiny/invitations?limit=2&after={page['next']}").json
    assert [one["number"] for one in rest["invitations"]] == [3] and rest["next"] is None
    looked = program("GET", "tiny/invitations", may="view").json["invitations"]
    assert {(one["label"], one["code"], one["link"]) for one in looked} == {("", "", "")} and len(looked) == 3
    for body, status in (({"invitations": []}, 400), ({"invitations": [{"group": "x"}]}, 400), ({}, 400)):
        assert program("POST", "tiny/invitations", body).status_code == status
    assert [about for _, about in noted(app, "invitation")] == [
        *("tiny: 3 made, from number 1 on, by the token 'nightly'",),
        *("tiny: invitation 1 taken back, by the token 'nightly'",),
    ]


def test_a_program_calls_the_next_listener(app: Flask, program) -> None:
    assert program("POST", "tiny/lab", {"place": "Booth 1"}).status_code == 404
    calibrate(database_of(app))
    answer = program("POST", "tiny/lab", {"place": "Booth 1"})
    assert answer.status_code == 201 and answer.json["place"] == "Booth 1"
    assert "at Booth 1" in app.test_client().get(answer.json["link"].removeprefix("http://localhost")).text
    listed = program("GET", "tiny/invitations").json["invitations"]
    assert [one["code"] for one in listed] == [answer.json["code"]] and answer.json["code"]
    settle(database_of(app), groups=[{"name": "experts", "quota": 1}])
    assert program("POST", "tiny/lab", {"place": "Booth 1", "group": "naive"}).status_code == 400
    with database_of(app).writing() as db:
        lifecycle.current(db, "tiny").status = "paused"
    refused = program("POST", "tiny/lab", {"place": "Booth 1"})
    assert refused.status_code == 409 and set(refused.json) == {"error"}


def test_whoever_invites_is_told_their_own_whoever_else_invites_meanwhile(
    published: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = invitations.create

    def with_another(db: Session, study: Study, wanted: list[Wanted]) -> Any:
        made = make(db, study, wanted)
        if db.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time
            monkeypatch.setattr(invitations, "create", make)
            with published.writing() as other:
                make(other, lifecycle.current(other, "tiny").study, [Wanted("of somebody else")])
        return made

    monkeypatch.setattr(invitations, "create", with_another)
    with published.writing() as db:
        inviting.recruit(db, "tiny", ALL, by_ada)
        told = inviting.invite(db, "tiny", [Wanted("Ada", "experts"), Wanted("Grace")], by_ada)
        inviting.take_back(db, "tiny", told[0].number, by_ada)
    assert [one.label for one in told] == ["Ada", "Grace"]
    with published.reading() as db:
        version = lifecycle.current(db, "tiny")
        assert recruiting_of(version.study).capacity == 24
        assert invitations.counted(db, version.study_id)["revoked"] == 1
