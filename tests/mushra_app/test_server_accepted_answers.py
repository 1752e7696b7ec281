"""Whom a study looks for, by what they answer before the test: everybody else is thanked, and hears nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_set
from server_guests import Guest
from sqlalchemy import select
from studio_people import csrf

from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener.pages import InstructionsPage, MessagePage, QuestionsPage
from mushra_app.models import Answer, ListeningSession, PersonalText
from mushra_app.publish import publish
from mushra_app.session import listening, setting_up
from mushra_app.study import counting, recruiting

HEARING = {"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no", "don't know"]}
LOOKED_FOR = HEARING | {"when": "before", "required": True, "accept": ["yes", "don't know"]}


@pytest.fixture
def either(settings: Settings) -> Settings:
    """SQLite alone: nothing here asks a database for more than rows."""
    return settings


@pytest.fixture
def guest(database: Database, either: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Guest:
    """Somebody who is asked whether they hear well; a parameter changes the experiment."""
    more: dict[str, Any] = getattr(request, "param", {})
    tiny_set.make(tmp_path / "set", **({"questions": [LOOKED_FOR], "test": {"sessions": 2}} | more))
    publish(tmp_path / "set", database, either)
    with database.writing() as db:
        study = recruiting.locked(db, 1)
        recruiting.change(study, {"screen_out_code": "OUT", "return_url": "https://panel.example/?c={code}"})
    return Guest(database)


def answers(guest: Guest, ears: str) -> QuestionsPage | None:
    with guest.database.writing() as db:
        return listening.answer(db, listening.sitting_of(db, guest.token), {"ears": ears})


def test_whoever_answers_otherwise_is_thanked_and_hears_nothing(guest: Guest) -> None:
    assert answers(guest, "no") is None
    page = guest.page()
    assert isinstance(page, MessagePage)
    assert (page.heading, page.code) == ("Thank you for your interest", "OUT")
    assert page.return_url == "https://panel.example/?c=OUT"
    with guest.database.reading() as db:
        assert set(db.scalars(select(ListeningSession.status))) == {"refused"}, "the second session too"
        assert counting.of_studies(db).get(1, counting.Count()).begun == 0, "takes no place"
        assert db.scalar(select(Answer.text)) == "no"


@pytest.mark.parametrize("ears", ["yes", "don't know"])
def test_whoever_is_looked_for_goes_on(guest: Guest, ears: str) -> None:
    assert answers(guest, ears) is None
    assert isinstance(guest.page(), InstructionsPage)


def test_whoever_is_simulated_answers_whatever_comes_first_and_goes_on(guest: Guest) -> None:
    bot = Guest(guest.database, simulated=True)
    assert answers(bot, "no") is None
    assert isinstance(bot.page(), InstructionsPage)


@pytest.mark.parametrize("ears", ["", "perhaps"])
def test_an_answer_that_will_not_do_ends_nothing(guest: Guest, ears: str) -> None:
    page = answers(guest, ears)
    assert page is not None and page.fields[0].error
    assert isinstance(guest.page(), QuestionsPage)


@pytest.mark.parametrize("guest", [{"questions": [LOOKED_FOR | {"personal": True}]}], indirect=True)
def test_a_personal_answer_decides_too_and_is_not_kept(guest: Guest) -> None:
    answers(guest, "no")
    assert isinstance(guest.page(), MessagePage)
    with guest.database.reading() as db:
        assert (db.scalar(select(Answer.text)), db.scalar(select(PersonalText.text))) == ("", None)


@pytest.mark.parametrize("guest", [{"setup": {"level": False, "sides": True, "on_failure": "refuse"}}], indirect=True)
def test_whoever_failed_a_check_once_and_passed_is_told_what_ended_it(guest: Guest) -> None:
    wrong = {f"heard-{n}": "left" for n in range(1, 5)}
    with guest.database.writing() as db:
        sitting = listening.sitting_of(db, guest.token)
        setting_up.answer(db, sitting, {"step": "sides"} | wrong)
        assert setting_up.refused_at(sitting) is None
    answers(guest, "no")
    page = guest.page()
    assert isinstance(page, MessagePage) and page.heading == "Thank you for your interest"


def test_the_page_itself_says_it_and_its_address_stays_so(guest: Guest, either: Settings) -> None:
    browser = create_app(either, guest.database).test_client()
    form = {"csrf_token": csrf(browser.get(f"{guest.base}/").text), "ears": "no"}
    sent = browser.post(f"{guest.base}/", data=form, follow_redirects=True)
    for page in (sent, browser.get(f"{guest.base}/"), browser.get(f"{guest.base}/?lang=de")):
        assert page.status_code == 200 and "OUT" in page.text and "<audio" not in page.text
    assert "listeners of another kind" in sent.text
