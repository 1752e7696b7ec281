"""Around the trials: several sessions, blocks with words of their own, questions in between, checks, the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from server_guests import Guest, as_json, body_of
from sqlalchemy import select
from studio_people import AN_OWNER

from analysis.reading import export as reading
from analysis.reading.ratings import Ratings
from mushra_app import export, ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener.pages import DonePage, InstructionsPage, MessagePage, QuestionsPage, TrialPage
from mushra_app.models import Answer, ListeningSession, Trial
from mushra_app.publish import publish
from mushra_app.session import course, enrolment, listening, privacy
from mushra_app.session.saving import lock_trial, read_body, save_trial
from mushra_app.studio import overview
from mushra_app.studio.live import listener as one_listener
from mushra_app.studio.live import progress
from mushra_app.studio.live.pages import LivePage, View
from stimuli import manifest as manifests

SETUP = {"level": False, "sides": False}
Enrol = Callable[..., Guest]


@pytest.fixture
def enrol(database: Database, either: Settings, tmp_path: Path) -> Enrol:
    """Begin a session of a study with these changes."""

    def begin(**changes: Any) -> Guest:
        tiny_set.make(tmp_path / "set", **changes)
        publish(tmp_path / "set", database, either)
        return Guest(database)

    return begin


def later(guest: Guest, page: DonePage) -> Guest:
    """The same listener, at the address that the last page of a session gives."""
    found = object.__new__(Guest)
    found.database, found.token = guest.database, page.next_url.split("/")[2]
    found.base = f"/session/{found.token}"
    return found


def seen(guest: Guest) -> list[Any]:
    """All pages of a session, each answered or saved."""
    found = [guest.page()]
    while not isinstance(found[-1], DonePage | MessagePage):
        guest.save(found[-1]) if isinstance(found[-1], TrialPage) else guest.pass_by(found[-1])
        found.append(guest.page())
    return found


def back_date(guest: Guest, hours: float) -> None:
    """Let the finished session lie further back."""
    with guest.database.writing() as db:
        sitting = listening.sitting_of(db, guest.token)
        assert sitting.finished_at
        sitting.finished_at -= timedelta(hours=hours)


def test_a_second_session_follows_after_its_pause_and_shares_the_listener(enrol: Enrol) -> None:
    first = enrol(test={"sessions": 2, "hours_between_sessions": 20}, setup=SETUP)
    pages = seen(first)
    done = pages[-1]
    assert (done.next_url, done.wait_h, done.completion) == (f"/session/{later(first, done).token}/", 20, "")
    assert [page.heading for page in pages if isinstance(page, QuestionsPage)] == ["Before you begin"]
    second = later(first, done)
    assert second.page() == MessagePage(
        "A tiny test", "Not yet", ("This session can begin in about 20 hours.", "Come back with the same address.")
    )
    back_date(first, 20)
    assert (first.page().wait_h, second.page().heading) == (0, "Welcome back")
    pages = seen(second)
    assert not any(getattr(page, "training", False) for page in pages)
    assert [page.heading for page in pages if isinstance(page, QuestionsPage)] == ["Before you leave"]
    assert pages[-1] == DonePage("A tiny test", done.code, "lab@example.org")
    with first.database.reading() as db:
        rows = list(export.rows(db))
    assert len({row["listener"] for row in rows}) == 1 and len({row["session"] for row in rows}) == 2
    assert {row["part"] for row in rows if row["training"]} == {1}
    assert Counter(row["part"] for row in rows if not row["training"]) == {1: 5, 2: 5}


def test_a_later_session_can_t_be_begun_early_nor_out_of_turn(enrol: Enrol) -> None:
    first = enrol(test={"sessions": 2}, setup=SETUP, questions=[])
    with first.database.reading() as db:
        token = enrolment.token_after(first.token)
        assert listening.sitting_of(db, token).status == "planned"
    second = object.__new__(Guest)
    second.database, second.token, second.base = first.database, token, f"/session/{token}"
    assert "finish the session before" in second.page().paragraphs[0]
    with first.database.writing() as db:
        listening.go_on(db, listening.sitting_of(db, token))
        assert listening.sitting_of(db, token).status == "planned"
        assert listening.sitting_of(db, first.token).status == "started"


@pytest.mark.parametrize("ahead_h", [1, 24 * 400])
def test_a_clock_that_is_set_back_makes_no_pause_longer(enrol: Enrol, ahead_h: float) -> None:
    first = enrol(test={"sessions": 2, "hours_between_sessions": 24}, setup=SETUP, questions=[])
    done = seen(first)[-1]
    back_date(first, -ahead_h)
    assert first.page().wait_h == 24
    assert later(first, done).page().paragraphs[0] == "This session can begin in about 24 hours."


def test_without_a_pause_the_next_session_can_begin_at_once(enrol: Enrol) -> None:
    first = enrol(test={"sessions": 2, "hours_between_sessions": 0}, setup=SETUP, questions=[])
    done = seen(first)[-1]
    assert done.wait_h == 0 and later(first, done).page().heading == "Welcome back"


def analysed(database: Database, folder: Path) -> Ratings:
    """What a report reads."""
    with database.reading() as db:
        ratings.write_csv(folder / "ratings.csv", export.rows(db))
    return reading.load(folder / "ratings.csv", manifests.read(folder / "set"))


def test_studio_and_report_count_a_listener_as_finished_after_the_last_session(enrol: Enrol, tmp_path: Path) -> None:
    first = enrol(test={"sessions": 2, "hours_between_sessions": 0}, setup=SETUP, questions=[])
    done = seen(first)[-1]
    with first.database.reading() as db:
        (study,) = overview.studies(db, str).studies
        assert (study.count.begun, study.count.finished) == (1, 0)
    assert ((found := analysed(first.database, tmp_path)).listeners, found.finished) == (1, 0)
    seen(later(first, done))
    with first.database.reading() as db:
        (study,) = overview.studies(db, str).studies
        assert (study.count.begun, study.count.finished) == (1, 1)
    assert ((found := analysed(first.database, tmp_path)).listeners, found.finished) == (1, 1)


def test_live_counts_listeners_and_gives_no_times_of_a_session_that_was_never_begun(enrol: Enrol) -> None:
    done = enrol(test={"sessions": 2, "hours_between_sessions": 0}, setup=SETUP, questions=[])
    seen(later(done, seen(done)[-1]))
    half, gone, turned, here = (Guest(done.database) for _ in range(4))
    seen(half)
    with done.database.writing() as db:
        privacy.withdraw(db, listening.sitting_of(db, gone.token).listener)
        course.refuse(listening.sitting_of(db, turned.token))
    with done.database.reading() as db:
        names = [listening.sitting_of(db, guest.token).listener.pseudonym for guest in (half, gone, turned, here)]

        def look(state: str = "") -> LivePage:
            return progress.live(db, "tiny", AN_OWNER, progress.Place("", Path()), View(state=state))

        counts = {count.state: (count.number, count.words) for count in look().counts}
        assert counts[""] == (5, "listeners in all")
        one_each = ("now", "finished", "withdrawn", "refused", "planned")
        assert {state: counts[state][0] for state in one_each} == dict.fromkeys(one_each, 1)
        for state, name in zip(("planned", "withdrawn", "refused", "now"), names, strict=True):
            assert {(row.listener, row.part) for row in look(state).sessions} == {(name, 1), (name, 2)}
        second = {row.listener: row for row in look().sessions if row.part == 2}
        assert [(second[name].seen, second[name].seen_at) for name in names] == [("", "")] * 4
        for name in names:
            first, later_one = one_listener.listener(db, "tiny", name, AN_OWNER).parts
            assert first.seen == "just now" and later_one.seen == "", name
            assert "Began" in dict(first.facts) and not {"Began", "Browser"} & set(dict(later_one.facts))


def test_withdrawing_takes_back_every_session(enrol: Enrol) -> None:
    first = enrol(test={"sessions": 2}, setup=SETUP, questions=[])
    with first.database.writing() as db:
        privacy.withdraw(db, listening.sitting_of(db, first.token).listener)
        assert set(db.scalars(select(ListeningSession.status))) == {"withdrawn"}


def test_the_end_hands_out_the_code_and_the_way_back(enrol: Enrol) -> None:
    address = "https://panel.example/done?cc={code}&a=b"
    guest = enrol(completion={"code": "C 0&E", "return_url": address}, setup=SETUP, questions=[])
    done = seen(guest)[-1]
    assert done.completion == "C 0&E" and done.return_url == "https://panel.example/done?cc=C%200%26E&a=b"
    assert done.code and done.code not in done.return_url, "who has a listener's own code can withdraw them"


def test_each_attribute_is_a_block_with_its_words_and_anchors(enrol: Enrol) -> None:
    attributes = [
        {"name": "overall", "question": "Overall?", "anchors": "all"},
        {
            "name": "rest",
            "question": "Rest?",
            "anchors": ["lowpass-7000"],
            "instructions": "Only the rest.\n\nNo more.",
        },
    ]
    guest = enrol(attributes=attributes, setup=SETUP, questions=[])
    pages = seen(guest)
    trials = [page for page in pages if isinstance(page, TrialPage)]
    assert [(page.question, len(page.sounds)) for page in trials] == [
        ("Overall?", 5),
        ("Rest?", 4),
        ("Overall?", 5),
        ("Overall?", 5),
        ("Rest?", 4),
        ("Rest?", 4),
    ]
    before = pages[pages.index(trials[4]) - 1]
    assert before == InstructionsPage("A tiny test", "Another question", ("Only the rest.", "No more."), "Go on")
    with guest.database.reading() as db:
        rows = list(export.rows(db))
    assert {row["condition"] for row in rows if row["attribute"] == "rest" and row["role"] == "anchor"} == {
        "lowpass-7000"
    }


def test_questions_between_are_put_at_every_break_and_kept_with_their_place(enrol: Enrol) -> None:
    tired = {"name": "tired", "text": "Are you tired?", "when": "between"}
    items = [{"song": f"Song {n}", "excerpt": {"start_s": 0, "length_s": 1}} for n in range(5)]
    guest = enrol(test={"break_every": 2}, items=items, setup=SETUP, questions=[tired])
    found, asked = [], []
    while not isinstance(page := guest.page(), DonePage):
        found.append(type(page).__name__)
        if isinstance(page, TrialPage):
            guest.save(page)
        elif isinstance(page, QuestionsPage):
            asked.append(page.heading)
            with guest.database.writing() as db:
                assert listening.answer(db, listening.sitting_of(db, guest.token), {"tired": "a bit"}) is None
        else:
            guest.pass_by(page)
    at_break = ["QuestionsPage", "InstructionsPage"]
    trials = ["TrialPage"] * 2
    assert found == ["InstructionsPage", *trials, *at_break, *trials, *at_break, "TrialPage"]
    assert asked == ["In between"] * 2
    with guest.database.reading() as db:
        assert db.execute(select(Answer.question, Answer.text, Answer.at_position)).all() == [
            ("tired", "a bit", 3),
            ("tired", "a bit", 5),
        ]
        following = [str(trial.id) for trial in db.scalars(select(Trial).where(Trial.position.in_((3, 5))))]
        assert [(row["question"], row["trial"]) for row in export.answer_rows(db)] == [("tired", t) for t in following]


def test_attention_checks_look_like_any_page_and_are_kept_apart(enrol: Enrol) -> None:
    guest = enrol(test={"attention_checks": 1}, setup=SETUP, questions=[])
    pages = [page for page in seen(guest) if isinstance(page, TrialPage)]
    tested = [page for page in pages if not page.training]
    assert [page.number for page in tested] == [1, 2, 3] and {page.total for page in tested} == {3}
    assert {len(page.sounds) for page in pages} == {5}
    with guest.database.reading() as db:
        (trial,) = db.scalars(select(Trial).where(Trial.block == "attention"))
        hidden = Counter(slot.clip.condition.name for slot in trial.slots if slot.hidden)
        assert hidden == {"reference": 1, "lowpass-3500": 4}
        assert len({slot.token for slot in trial.slots}) == len(trial.slots)
        rows = list(export.rows(db))
    checks = [row for row in rows if row["attention_check"]]
    assert len(checks) == 5 and not any(row["training"] for row in checks)
    assert sum(not row["training"] and not row["attention_check"] for row in rows) == 10


def test_a_finished_trial_of_a_later_session_is_saved_as_any_other(enrol: Enrol) -> None:
    first = enrol(test={"sessions": 2, "hours_between_sessions": 0}, setup=SETUP, questions=[])
    second = later(first, seen(first)[-1])
    trial = second.trial()
    with first.database.writing() as db:
        sitting = listening.sitting_of(db, second.token)
        assert (
            save_trial(db, lock_trial(db, sitting.token_sha256, trial.token), read_body(as_json(body_of(trial))), "")
            == 1
        )
        assert sitting.status == "finished"
