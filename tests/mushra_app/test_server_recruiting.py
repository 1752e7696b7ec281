"""How listeners come to a study: groups, criteria, invitations, panels, and the places of a lab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from arrivals import (
    KEY,
    at_once,
    come,
    ended_by,
    from_prolific,
    guest_of,
    in_all,
    invite,
    listener_of,
    settle,
    state_of,
    turned_away,
)
from server_guests import calibrate
from sqlalchemy import func, select

from mushra_app import places
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError, TurnedAwayError
from mushra_app.listener.pages import MessagePage
from mushra_app.models import ListeningSession, Study, now
from mushra_app.operation import retention
from mushra_app.session import listening, privacy
from mushra_app.session.enrolment import Arrival
from mushra_app.study import arriving, invitations, lab, lifecycle, recruiting
from mushra_app.study.arriving import Link
from mushra_app.study.invitations import Wanted
from mushra_app.study.recruiting import Recruiting
from mushra_app.study.tables import Invitation, Recruit


def test_an_invitation_that_is_opened_twice_at_once_makes_one_listener(published: Database) -> None:
    number, tokens = invite(published), []
    assert at_once(5, lambda _: tokens.append(come(published, Link(invitation=number)))) == []
    assert in_all(published) == 1 and len(tokens) == 5 and len(set(tokens)) == 1


def test_a_worker_who_comes_twice_at_once_is_one_listener(published: Database) -> None:
    tokens: list[str] = []
    assert at_once(5, lambda _: tokens.append(come(published, from_prolific("5f1", SESSION_ID="x")))) == []
    assert in_all(published) == 1 and len(set(tokens)) == 1


def test_an_invitation_leads_back_in_whatever_state_the_study_is(published: Database) -> None:
    link = Link(invitation=invite(published))
    token = come(published, link)
    for status in ("paused", "closed", "superseded"):
        with published.writing() as db:
            lifecycle.version_of(db, "tiny", 1).status = status
        with published.reading() as db:
            assert arriving.way_back(db, "tiny", link, KEY) == token
            assert arriving.way_back(db, "tiny", Link(), KEY) is None
    with published.reading() as db, pytest.raises(ConflictError, match="begun already"):
        arriving.way_back(db, "tiny", link, "another server's key, of another data folder")


def test_an_invitation_that_was_taken_back_opens_nothing_new(published: Database) -> None:
    unused, used = invite(published), invite(published)
    token = come(published, Link(invitation=used))
    with published.writing() as db:
        invitations.revoke(db, "tiny", unused)
    for number, said in ((unused, "was taken back before"), (used, "has begun, and goes on")):
        with published.writing() as db, pytest.raises(ConflictError, match=said):
            invitations.revoke(db, "tiny", number)
    with published.writing() as db, pytest.raises(NotFoundError):
        invitations.revoke(db, "tiny", 10**6)
    assert turned_away(published, Link(invitation=unused)) == "revoked"
    assert come(published, Link(invitation=used)) == token
    assert [state_of(published, number) for number in (unused, used)] == ["revoked", "begun"]


def test_the_states_of_invitations_are_those_of_their_listeners(published: Database) -> None:
    numbers = [invite(published, f"person {n}") for n in range(5)]
    tokens = [come(published, Link(invitation=number)) for number in numbers[1:]]
    guest_of(published, tokens[1]).finish()
    ended_by(published, tokens[2], "refused")
    with published.writing() as db:
        privacy.withdraw(db, listener_of(db, tokens[3]))
    expected = ["unused", "begun", "finished", "refused", "withdrawn"]
    assert [state_of(published, number) for number in numbers] == expected
    with published.reading() as db:
        study_id = lifecycle.current(db, "tiny").study_id
        assert invitations.counted(db, study_id) == dict.fromkeys(expected, 1)
        unused = invitations.listed(db, study_id, state="unused")
        assert [one.number for one in unused] == numbers[:1]
        older = invitations.listed(db, study_id, most=2, before=numbers[3])
        assert [one.number for one in older] == [numbers[2], numbers[1]]


def test_without_an_open_link_only_the_invited_come(published: Database) -> None:
    settle(published, open_link=False)
    assert turned_away(published) == turned_away(published, from_prolific()) == "uninvited"
    assert come(published, Link(invitation=invite(published))) and come(published, Link(simulated=True))


def test_a_panels_worker_is_written_down_and_led_back(published: Database) -> None:
    token = come(published, from_prolific("5f1", STUDY_ID="s", SESSION_ID="x"))
    assert come(published, from_prolific("5f1", SESSION_ID="x")) == token
    others = ({"SESSION_ID": "y"}, {"SESSION_ID": ""}, {}, {"assignmentId": "x"}, {"STUDY_ID": "s"})
    for detail in others:  # whoever knows the name alone
        with pytest.raises(ConflictError, match="You have begun already"):
            come(published, from_prolific("5f1", **detail))
    come(published, without := from_prolific("5f2"))
    with pytest.raises(ConflictError, match="You have begun already"):
        come(published, without)
    assert come(published, replace(from_prolific("5f1"), panel=arriving.Panel("mturk", "5f1"))) != token
    with published.reading() as db:
        rows = db.execute(select(Recruit.channel, Recruit.person, Recruit.detail).order_by(Recruit.id)).all()
    assert [tuple(row) for row in rows] == [
        ("prolific", "5f1", {"STUDY_ID": "s", "SESSION_ID": "x"}),
        ("prolific", "5f2", {}),
        ("mturk", "5f1", {}),
    ]


def test_who_they_are_is_erased_when_they_withdraw_and_the_channel_stays(published: Database) -> None:
    number = invite(published, "Ada Lovelace")
    for link in (Link(invitation=number), from_prolific("5f1", STUDY_ID="s")):
        token = come(published, link)
        with published.writing() as db:
            privacy.withdraw(db, listener_of(db, token))
    with published.reading() as db:
        rows = db.execute(select(Recruit.channel, Recruit.person, Recruit.detail).order_by(Recruit.id)).all()
        assert [tuple(row) for row in rows] == [("invitation", "", {}), ("prolific", "", {})]
        assert db.get_one(Invitation, number).label == ""
    page = guest_of(published, come(published, Link(invitation=number))).page()
    assert isinstance(page, MessagePage) and page.heading == "You have withdrawn"
    assert in_all(published) == 2, "the invitation leads to its listener, who has withdrawn"


def test_who_they_are_is_kept_no_longer_than_the_setting_says(published: Database) -> None:
    invite(published, "never came")
    come(published, Link(invitation=invite(published, "Ada Lovelace")))
    come(published, from_prolific("5f1"))
    assert retention.erase_expired(published, 30) == 0
    assert retention.erase_expired(published, 1e-9) == 4  # two sessions and two invitations
    assert retention.erase_expired(published, 1e-9) == 0
    with published.reading() as db:
        assert set(db.scalars(select(Invitation.label))) | set(db.scalars(select(Recruit.person))) == {""}


@pytest.mark.parametrize(
    ("settings", "meets"),
    [
        ({}, True),
        ({"transducer": "headphones", "experience": "experienced"}, True),
        ({"transducer": "loudspeakers"}, False),
        ({"experience": "inexperienced"}, False),
    ],
)
def test_criteria_are_held_against_what_is_asked(settings: dict[str, str], meets: bool) -> None:
    arrival = Arrival("headphones", "experienced", "a test")
    assert arriving.meets_criteria(Recruiting(**settings), arrival) is meets  # pyright: ignore[reportArgumentType]
    assert arriving.meets_criteria(Recruiting(**settings), replace(arrival, simulated=True))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://app.prolific.com/submissions/complete?cc={code}", True),
        ("http://localhost:8000/x", True),
        ("http://127.0.0.1/x", True),
        ("http://[::1]/x", True),
        ("http://panel.example/", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example", False),
        ("https:evil.example", False),
        ("https://", False),
        ("https://good@evil.example/", False),
        ("https://{code}.evil.example/", False),
        ("https://a b/", False),
        ("https://a\\b/", False),
        ("https://[::1/", False),
        ("https://a:99999999/", False),
        ("https://bücher.example/", False),
    ],
)
def test_the_way_back_is_https_or_this_machine(address: str, safe: bool) -> None:
    assert recruiting.is_safe_address(address) is safe


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"capacity": "many"}, "The most listeners: found 'many'; expected a whole number from 1 to 100000"),
        ({"capacity": 0}, "found 0"),
        (
            {"free_after_h": "soon"},
            "Hours until a place is free again: found 'soon'; expected a whole number from 1 to",
        ),
        ({"free_after_h": 0}, "found 0"),
        ({"groups": [{"name": "a", "quota": "-1"}]}, "The most of a group: found '-1'"),
        ({"groups": [{"name": ""}]}, "A group: found ''"),
        ({"groups": [{"name": "a"}, {"name": "a"}]}, "a name of its own"),
        ({"groups": [{"name": f"g{n}"} for n in range(51)]}, "at most 50"),
        ({"return_url": "http://panel.example"}, "begins with https://"),
        ({"completion_code": "a\nb"}, "A code: found"),
        ({"transducer": "a horn"}, "transducer: found 'a horn', which is none of the choices"),
    ],
)
def test_settings_that_will_not_do_are_refused_in_a_sentence(given: dict[str, Any], said: str) -> None:
    study = Study(name="tiny", recruiting={"capacity": 7})
    with pytest.raises(AppError) as caught:
        recruiting.change(study, given)
    assert said in str(caught.value) and study.recruiting == {"capacity": 7}


def test_nobody_overwrites_settings_that_they_have_not_seen(published: Database) -> None:
    with published.reading() as db:
        seen = recruiting.fingerprint(lifecycle.current(db, "tiny").study)
    settle(published, capacity=7)
    with published.writing() as db, pytest.raises(ConflictError, match="Somebody else changed"):
        recruiting.change(lifecycle.current(db, "tiny").study, {"capacity": 8}, seen=seen)


# A lab


def called(database: Database, place: str = "Booth 1") -> tuple[str, str]:
    """The next listener at a place: their token, and the code that they were given before."""
    with database.writing() as db:
        version, found = lifecycle.taking(db, "tiny"), places.current(db, place)
        made = lab.next_listener(db, version, found, "", f"{place}, today")
        number, code = made.id, made.code or ""
    with database.reading() as db:
        link = Link(invitation=number, place=places.current(db, place))
    return come(database, link), code


def test_a_listener_of_a_lab_goes_on_at_another_place_by_their_code(study: Callable[..., Database]) -> None:
    database = study(test={"sessions": 2, "hours_between_sessions": 20})
    calibrate(database)
    calibrate(database, "Booth 2", level_db_a=76.0)
    token, code = called(database)
    with database.reading() as db:
        assert listener_of(db, token).code == code and len(code) == 10
        assert db.scalars(select(Recruit.channel)).all() == ["lab"]
    guest_of(database, token).finish()

    def back(typed: str) -> str:
        with database.writing() as db:
            version, place = lifecycle.current(db, "tiny"), places.current(db, "Booth 2")
            return lab.come_back(db, version.study_id, typed, place, KEY)

    with pytest.raises(ConflictError, match="in about 20 hours"):
        back(code)
    with database.writing() as db:
        listening.sitting_of(db, token).finished_at = now() - timedelta(hours=21)
    with database.reading() as db:
        (row,) = lab.returning(db, lifecycle.current(db, "tiny"))
        assert (row.code, row.part, row.sessions, row.wait_h) == (code, 2, 2, 0)
    second = guest_of(database, back(f"{code[:5].lower()}-{code[5:]} "))
    assert second.token != token
    with database.reading() as db:
        sittings = db.scalars(select(ListeningSession).order_by(ListeningSession.part)).all()
        held_at = [(one.place.name, one.level_db_a) for one in sittings if one.place]
        assert held_at == [("Booth 1", 78.0), ("Booth 2", 76.0)]
    second.finish()
    with pytest.raises(ConflictError, match="no session left"):
        back(code)
    with pytest.raises(NotFoundError):
        back("2222222222")
    with database.reading() as db:
        assert lab.returning(db, lifecycle.current(db, "tiny")) == []


def test_a_full_study_calls_nobody_and_leaves_no_invitation(published: Database) -> None:
    settle(published, capacity=1)
    calibrate(published)
    come(published)
    with pytest.raises(TurnedAwayError):
        called(published)
    with published.reading() as db:
        assert db.scalar(select(func.count(Invitation.id))) == 0


def test_invitations_into_a_group_that_there_is_not_are_refused(published: Database) -> None:
    settle(published, groups=[{"name": "experts"}])
    with pytest.raises(AppError, match=r"The group 'expert'.*\(experts\)"):
        invite(published, group="expert")
    with published.writing() as db, pytest.raises(AppError, match="found 501"):
        invitations.create(db, lifecycle.current(db, "tiny").study, [Wanted("x")] * 501)
