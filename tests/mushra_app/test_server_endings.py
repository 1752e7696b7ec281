"""What listeners are handed at the end: a code, a way back, and what a missed attention check makes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from arrivals import BACK, come, from_prolific, guest_of, invite, listener_of, settle, two_sessions
from server_guests import body_of
from sqlalchemy import select

from mushra_app.db import Database
from mushra_app.listener.pages import DonePage, MessagePage, TrialPage
from mushra_app.models import Clip, Listener, ListeningSession, Slot
from mushra_app.session import listening, setting_up
from mushra_app.study import arriving, attention
from mushra_app.study.arriving import Link


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
