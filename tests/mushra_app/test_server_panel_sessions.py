"""Several sessions over days go through a panel: each ends with its code, and the next submission leads on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from arrivals import BACK, KEY, come, from_prolific, guest_of, in_all, settle, two_sessions

from mushra_app.db import Database
from mushra_app.errors import ConflictError
from mushra_app.listener.pages import DonePage
from mushra_app.models import now
from mushra_app.session import enrolment, listening
from mushra_app.study import arriving
from mushra_app.study.arriving import Link


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
