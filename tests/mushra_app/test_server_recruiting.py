"""How a study is filled: places, groups, criteria, invitations, panels, and what is handed out at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from arrivals import KEY, come, from_prolific, invite, listener_of, settle, state_of
from server_guests import Guest, body_of, calibrate
from sqlalchemy import func, select

from mushra_app import places
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError, TurnedAwayError
from mushra_app.listener.pages import DonePage, MessagePage, TrialPage
from mushra_app.models import Clip, Listener, ListeningSession, Slot, Study, now
from mushra_app.operation import retention
from mushra_app.publish import publish
from mushra_app.session import enrolment, listening, privacy, setting_up
from mushra_app.session.enrolment import Arrival
from mushra_app.study import arriving, attention, invitations, lab, lifecycle, recruiting
from mushra_app.study.arriving import Link
from mushra_app.study.invitations import Wanted
from mushra_app.study.recruiting import Filled, Recruiting
from mushra_app.study.tables import Invitation, Recruit

BACK = "https://app.prolific.com/submissions/complete?cc={code}"


@pytest.fixture
def published(database: Database, either: Settings, stimuli: Path) -> Database:
    publish(stimuli, database, either)
    return database


@pytest.fixture
def study(database: Database, either: Settings, tmp_path: Path) -> Callable[..., Database]:
    """Publish the tiny study with these changes."""

    def make(**changes: Any) -> Database:
        tiny_set.make(tmp_path / "set", **changes)
        publish(tmp_path / "set", database, either)
        return database

    return make


def guest_of(database: Database, token: str) -> Guest:
    found = object.__new__(Guest)
    found.database, found.token, found.base = database, token, f"/session/{token}"
    return found


def ended_by(database: Database, token: str, status: str) -> None:
    with database.writing() as db:
        listening.sitting_of(db, token).status = status


def in_all(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count(Listener.id))) or 0


def turned_away(database: Database, link: Link | None = None) -> str:
    with pytest.raises(TurnedAwayError) as caught:
        come(database, link)
    return caught.value.reason


def at_once(count: int, work: Callable[[int], object]) -> list[Exception]:
    """Run something on that many threads at the same moment; what they raised."""
    ready, raised = threading.Barrier(count), []

    def one(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except AppError as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_no_more_than_the_capacity_come_and_only_whose_ratings_count_are_counted(published: Database) -> None:
    settle(published, capacity=2)
    first = come(published)
    come(published, Link(simulated=True))
    ended_by(published, come(published), "refused")
    come(published)
    assert turned_away(published) == "full"
    with published.writing() as db:
        privacy.withdraw(db, listener_of(db, first))
    come(published)
    assert turned_away(published) == "full" and come(published, Link(simulated=True))


def test_a_pilot_takes_no_place(published: Database) -> None:
    settle(published, capacity=1)
    with published.writing() as db:
        lifecycle.current(db, "tiny").status = "piloting"
    come(published)
    come(published)
    with published.writing() as db:
        lifecycle.current(db, "tiny").status = "open"
    come(published)
    assert turned_away(published) == "full"


def test_a_quota_is_of_its_group_alone(published: Database) -> None:
    settle(published, groups=[{"name": "experts", "quota": 1, "by_link": True}, {"name": "others"}])
    come(published, Link(group="experts"))
    assert turned_away(published, Link(group="experts")) == "full"
    assert turned_away(published, Link(invitation=invite(published, group="experts"))) == "full"
    token = come(published, Link(invitation=invite(published, group="others")))
    come(published)
    with published.reading() as db:
        assert listener_of(db, token).listener_group == "others"
        counts = recruiting.filled(db, listener_of(db, token).study_id, None)
    assert counts == {"experts": Filled(1, 0), "others": Filled(1, 0), "": Filled(1, 0)}


def test_a_link_names_no_group_that_the_settings_do_not_let_it(published: Database) -> None:
    settle(published, groups=[{"name": "experts"}])
    for group in ("experts", "nosuch", "' OR 1=1"):
        with pytest.raises(NotFoundError, match="This link was changed"):
            come(published, Link(group=group))
    assert in_all(published) == 0


def test_of_many_who_want_the_last_place_at_once_one_gets_it(published: Database) -> None:
    settle(published, capacity=3)
    come(published)
    come(published)
    raised = at_once(6, lambda _: come(published))
    assert [error.reason for error in raised if isinstance(error, TurnedAwayError)] == ["full"] * 5
    assert in_all(published) == 3


def idle(database: Database, token: str, hours: float) -> None:
    """Put everything that was stored of a listener so many hours back."""
    with database.writing() as db:
        for sitting in listener_of(db, token).sessions:
            sitting.started_at -= timedelta(hours=hours)
            for trial in sitting.trials:
                for save in trial.saves:
                    save.saved_at -= timedelta(hours=hours)


def places_of(database: Database, free_after_h: int | None = 24, at: datetime | None = None) -> Filled:
    with database.reading() as db:
        study_id = lifecycle.current(db, "tiny").study_id
        return sum(recruiting.filled(db, study_id, free_after_h, at).values(), Filled())


def test_a_place_is_free_again_when_its_listener_stopped_so_long_ago(published: Database) -> None:
    settle(published, capacity=2)
    stopped = come(published)
    guest_of(published, stopped).save(guest_of(published, stopped).trial())
    finished = come(published)
    guest_of(published, finished).finish()
    for token in (stopped, finished):
        idle(published, token, 25)
    assert turned_away(published) == "full", "as long as nothing is set"
    settle(published, capacity=2, free_after_h=26)
    assert turned_away(published) == "full"
    settle(published, capacity=2, free_after_h=24)
    assert places_of(published) == Filled(begun=2, finished=1, stopped=1)
    come(published)
    assert turned_away(published) == "full"
    guest_of(published, stopped).finish()
    assert places_of(published) == Filled(begun=3, finished=2), "whoever comes back goes on, one more than looked for"
    assert turned_away(published) == "full"


def test_one_save_holds_a_place_however_long_ago_its_listener_began(published: Database) -> None:
    settle(published, capacity=1, free_after_h=24)
    token = come(published)
    idle(published, token, 25)
    guest = guest_of(published, token)
    guest.save(guest.trial())
    assert turned_away(published) == "full"
    idle(published, token, 23.9)
    assert turned_away(published) == "full"
    idle(published, token, 0.2)
    come(published)


def test_who_waits_for_a_further_session_holds_their_place(study: Callable[..., Database]) -> None:
    database = study(test={"sessions": 2})
    settle(database, capacity=1, free_after_h=1)
    token = come(database)
    guest_of(database, token).finish()
    idle(database, token, 1000)
    assert turned_away(database) == "full"


def test_a_quota_too_has_its_places_back(published: Database) -> None:
    settle(published, free_after_h=1, groups=[{"name": "experts", "quota": 1, "by_link": True}])
    idle(published, come(published, Link(group="experts")), 2)
    come(published, Link(group="experts"))
    assert turned_away(published, Link(group="experts")) == "full"


def test_of_many_who_want_the_place_of_one_who_stopped_one_gets_it(published: Database) -> None:
    settle(published, capacity=2, free_after_h=24)
    come(published)
    idle(published, come(published), 25)
    raised = at_once(6, lambda _: come(published))
    assert [error.reason for error in raised if isinstance(error, TurnedAwayError)] == ["full"] * 5
    assert in_all(published) == 3


def test_a_clock_that_jumps_gives_no_place_away_twice(published: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(published, capacity=1, free_after_h=24)
    came = now()

    def clock_says(hours: float) -> None:
        monkeypatch.setattr(recruiting, "now", lambda: came + timedelta(hours=hours))

    idle(published, come(published), 25)
    clock_says(-48)
    assert turned_away(published) == "full"
    clock_says(0)
    come(published)
    for hours in (-48, 0, -2, 0, -24, 1):
        clock_says(hours)
        assert turned_away(published) == "full", hours
    assert in_all(published) == 2


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


# The end


def done(database: Database, link: Link, **rated: float) -> DonePage:
    """The last page of somebody who came so; ``reference`` and ``copies`` are what they rate in an attention check."""
    guest = guest_of(database, come(database, link))
    while not isinstance(page := guest.page(), DonePage):
        if not isinstance(page, TrialPage):
            guest.pass_by(page)
            continue
        body = body_of(page)
        roles = roles_of(database, page)
        if len(set(roles.values())) == 2 and rated:  # a check: the reference, and copies of one anchor
            for rating in body["ratings"]:
                hidden = roles[rating["sound"]] == "hidden_reference"
                rating["value"] = rated["reference"] if hidden else rated["copies"]
        guest.save(page, ratings=body["ratings"])
    return page


def roles_of(database: Database, page: TrialPage) -> dict[str, str]:
    with database.reading() as db:
        query = select(Slot.token, Clip.role).join(Clip).where(Slot.token.in_([one.token for one in page.sounds]))
        return {token: role for token, role in db.execute(query)}  # noqa: C416


def test_each_channel_is_handed_its_code_and_its_way_back(published: Database) -> None:
    settle(published, completion_code="C 1&x", return_url=BACK)
    back = "https://app.prolific.com/submissions/complete?cc=C%201%26x"
    mturk = Link(panel=arriving.Panel("mturk", "A1"))
    for link, code, way in (
        (Link(), "C 1&x", back),
        (from_prolific(), "C 1&x", back),
        (mturk, "C 1&x", ""),
        (Link(invitation=invite(published)), "", ""),
    ):
        page = done(published, link)
        assert (page.completion, page.return_url) == (code, way), link


def two_sessions(pause_h: float) -> dict[str, Any]:
    return {"test": {"references": ["reference"], "sessions": 2, "hours_between_sessions": pause_h}}


def sent_again(database: Database, link: Link) -> str | None:
    """The token that a link leads back to, as the study's first page does it."""
    with database.reading() as db:
        if not arriving.is_sent_again(db, "tiny", link):
            return arriving.way_back(db, "tiny", link, KEY)
    with database.writing() as db:
        return arriving.come_again(db, "tiny", link, KEY)


def test_a_panel_sends_its_worker_days_later_into_the_next_session(study: Callable[..., Database]) -> None:
    database = study(**two_sessions(24))
    settle(database, completion_code="DONE", return_url=BACK)
    day_1, day_2, other = (from_prolific("5f1", STUDY_ID=f"s{n}", SESSION_ID=f"x{n}") for n in (1, 2, 3))
    first = guest_of(database, come(database, day_1))
    second = guest_of(database, enrolment.token_after(first.token))
    with pytest.raises(ConflictError, match="begun already"):
        sent_again(database, day_2)  # before the first session is finished
    first.finish()
    page = first.page()
    assert isinstance(page, DonePage)
    assert (page.completion, page.return_url) == ("DONE", BACK.replace("{code}", "DONE")) and page.wait_h == 24
    assert sent_again(database, day_1) == first.token, "where the code stands"
    assert sent_again(database, day_2) == second.token and "24 hours" in second.page().paragraphs[0]
    with database.writing() as db:
        listening.sitting_of(db, first.token).finished_at = now() - timedelta(hours=24)
        listening.go_on(db, listening.sitting_of(db, second.token))
    assert sent_again(database, day_2) == sent_again(database, day_1) == second.token, "which is under way"
    for link in (other, from_prolific("5f1"), from_prolific("5f1", SESSION_ID="")):
        with pytest.raises(ConflictError, match="begun already"):
            sent_again(database, link)
    second.finish()
    assert isinstance(page := second.page(), DonePage) and page.completion == "DONE" and page.next_url == ""
    assert in_all(database) == 1


def test_whoever_says_nothing_new_or_nothing_secret_is_not_sent_again(study: Callable[..., Database]) -> None:
    database = study(**two_sessions(24))
    guest_of(database, come(database, from_prolific("5f1", SESSION_ID="x1"))).finish()
    for link in (from_prolific("5f1"), from_prolific("5f1", SESSION_ID=""), from_prolific("5f1", STUDY_ID="s2")):
        with pytest.raises(ConflictError, match="begun already"):
            sent_again(database, link)
    assert sent_again(database, from_prolific("5f2", SESSION_ID="x2")) is None, "another worker, who is new"


@pytest.mark.parametrize(
    ("link", "pause_h", "code"),
    [(from_prolific(), 24, "DONE"), (from_prolific(), 0, ""), (Link(), 24, "")],
)
def test_a_session_that_a_pause_follows_ends_with_the_panels_code(
    study: Callable[..., Database], link: Link, pause_h: float, code: str
) -> None:
    database = study(**two_sessions(pause_h))
    settle(database, completion_code="DONE")
    assert done(database, link).completion == code


CHECKS = {"test": {"references": ["reference"], "attention_checks": 2}}


@pytest.mark.parametrize(("reference", "missed"), [(90, 0), (20, 2)])
def test_who_misses_attention_checks_gets_the_other_code(
    study: Callable[..., Database], reference: float, missed: int
) -> None:
    database = study(**CHECKS)
    settle(database, completion_code="GOOD", attention_code="MISSED", attention="any")
    page = done(database, from_prolific(), reference=reference, copies=20)
    assert page.completion == ("MISSED" if missed else "GOOD")
    with database.reading() as db:
        listener = db.scalars(select(Listener)).one()
        checks = attention.checks_of(db, listener.id)
    assert checks == (2, missed)
    settle(database, completion_code="GOOD", attention_code="MISSED", attention="none")
    with database.reading() as db:
        sitting = db.scalars(select(ListeningSession)).one()
        last = listening.next_page(db, sitting, "/session/x")
    assert isinstance(last, DonePage) and last.completion == "GOOD"


def test_the_last_save_of_a_check_counts(study: Callable[..., Database]) -> None:
    database = study(**CHECKS)
    guest = guest_of(database, come(database))
    while len(set(roles_of(database, page := guest.trial()).values())) != 2:
        guest.save(page)
    roles = roles_of(database, page)
    for revision, (reference, copies) in enumerate(((10, 50), (90, 50)), 1):
        ratings = body_of(page)["ratings"]
        for one in ratings:
            one["value"] = reference if roles[one["sound"]] == "hidden_reference" else copies
        guest.save(page, ratings=ratings, revision=revision)
        with database.reading() as db:
            found = attention.checks_of(db, listener_of(db, guest.token).id)
        assert found == (1, 2 - revision)


def test_the_definition_of_a_missed_check_is_that_of_the_report(study: Callable[..., Database]) -> None:
    import pandas as pd

    from analysis.statistics.listeners.attention import attention_check
    from analysis.statistics.listeners.verdicts import SHARE_PERCENT
    from mushra_app import export

    database = study(**CHECKS)
    for number, (reference, copies) in enumerate([(90, 20), (20, 20), (0, 100)]):
        done(database, from_prolific(str(number)), reference=reference, copies=copies)
    with database.reading() as db:
        rows = pd.DataFrame(list(export.rows(db, "tiny")))
        own = {
            name: attention.failed(attention.checks_of(db, listener), "share")
            for listener, name in db.execute(select(Listener.id, Listener.pseudonym))
        }
    verdicts = attention_check(rows[rows["attention_check"]], "reference")
    theirs = dict(zip(verdicts["listener"], verdicts["excluded"], strict=True))
    assert own == theirs and sorted(own.values()) == [False, True, True]
    assert attention.SHARE_PERCENT == SHARE_PERCENT
    assert [attention.failed(attention.Checks(20, n), "share") for n in (3, 4)] == [False, True]


def test_whom_a_check_of_the_sound_refuses_gets_the_screen_out_code(study: Callable[..., Database]) -> None:
    database = study(setup={"level": False, "sides": True, "on_failure": "refuse"}, questions=[])
    settle(database, screen_out_code="OUT", return_url=BACK)
    guest = guest_of(database, come(database, from_prolific()))
    for _ in range(2):
        with database.writing() as db:
            wrong = {f"heard-{n}": "left" for n in range(1, 5)}
            setting_up.answer(db, listening.sitting_of(db, guest.token), {"step": "sides"} | wrong)
    page = guest.page()
    assert isinstance(page, MessagePage) and page.code == "OUT" and page.return_url == BACK.replace("{code}", "OUT")


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
