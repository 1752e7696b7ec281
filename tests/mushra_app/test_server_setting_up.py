"""Setting up before the trials: which step is next, what passes, what happens to those who fail."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny_set
from flask.testing import FlaskClient
from server_guests import Guest

from mushra_app import export
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, NotFoundError
from mushra_app.listener.pages import CheckPage, InstructionsPage, LevelPage, MessagePage
from mushra_app.models import SetupStep
from mushra_app.publish import publish
from mushra_app.session import setting_up
from mushra_app.session.enrolment import token_after
from mushra_app.session.listening import next_page, sitting_of

Enrol = Callable[..., Guest]
FAST = json.dumps({"rate_hz": 48000, "latency_s": 0.02})


@pytest.fixture
def either(settings: Settings) -> Settings:
    """SQLite alone: nothing here asks a database for more than rows."""
    return settings


@pytest.fixture
def enrol(database: Database, either: Settings, tmp_path: Path) -> Enrol:
    """Begin a session of a study with these steps."""

    def begin(*, simulated: bool = False, sessions: int = 1, **setup: Any) -> Guest:
        off = {"level": False, "sides": False}
        tiny_set.make(tmp_path / "set", setup=off | setup, questions=[], test={"sessions": sessions})
        publish(tmp_path / "set", database, either)
        return Guest(database, simulated=simulated)

    return begin


def right(guest: Guest, page: CheckPage) -> dict[str, str]:
    """The right answers to a check."""
    with guest.database.reading() as db:
        sitting = sitting_of(db, guest.token)
        attempt = int(page.rounds[0].url.split("/")[-2])
        answers = setting_up._right_answers(sitting, page.step, attempt)
    return {one.name: answer for one, answer in zip(page.rounds, answers, strict=True)}


def send(guest: Guest, page: Any, **given: str) -> None:
    """Fill in the form of a step."""
    with guest.database.writing() as db:
        setting_up.answer(db, sitting_of(db, guest.token), {"step": page.step, "output": FAST} | given)


def fail(guest: Guest) -> CheckPage:
    """Answer everything wrongly; the page that was failed."""
    page = guest.page()
    assert isinstance(page, CheckPage)
    wrong = {name: next(a for a in page.answers if a != answer) for name, answer in right(guest, page).items()}
    send(guest, page, **wrong)
    return page


def test_steps_come_in_order_before_the_instructions_and_each_once(enrol: Enrol) -> None:
    guest = enrol(level=True, sides=True, headphones="antiphase")
    level = guest.page()
    assert isinstance(level, LevelPage) and (level.lowest_db, level.highest_db) == (-24, -4)
    send(guest, level, gain_db="-7")
    for step in ("sides", "headphones"):
        page = guest.page()
        assert isinstance(page, CheckPage) and (page.step, page.gain_db) == (step, -7)
        send(guest, page, **right(guest, page))
    assert isinstance(guest.page(), InstructionsPage)


def test_a_program_sets_up_nothing(enrol: Enrol) -> None:
    guest = enrol(simulated=True, level=True, sides=True, headphones="huggins", on_failure="refuse")
    assert isinstance(guest.page(), InstructionsPage)


@pytest.mark.parametrize("gain", ["", "loud", "-3", "-25", "nan"])
def test_a_level_out_of_range_is_refused_with_a_sentence(enrol: Enrol, gain: str) -> None:
    guest = enrol(level=True)
    with pytest.raises(AppError, match="The volume could not be read"):
        send(guest, guest.page(), gain_db=gain)
    assert isinstance(guest.page(), LevelPage)


def test_the_level_is_the_trials_gain_and_the_last_trials_gain_the_next_ones(enrol: Enrol) -> None:
    guest = enrol(level=True)
    send(guest, guest.page(), gain_db="-10")
    trial = guest.trial()
    assert (trial.gain_db, trial.lowest_gain_db, trial.highest_gain_db) == (-10, -14, -6)
    guest.save(trial, gain_db=-8.0)
    assert guest.trial().gain_db == -8.0
    with guest.database.reading() as db:
        assert {row["gain_db"] for row in export.rows(db)} == {-8.0}


def test_without_a_level_step_sounds_are_played_as_built(enrol: Enrol) -> None:
    trial = enrol().trial()
    assert (trial.gain_db, trial.lowest_gain_db, trial.highest_gain_db) == (0, 0, 0)


def test_a_policy_of_note_goes_on_without_a_word_and_the_export_knows(enrol: Enrol) -> None:
    guest = enrol(sides=True, headphones="huggins", on_failure="note")
    fail(guest)
    page = guest.page()
    assert isinstance(page, CheckPage) and (page.step, page.error) == ("headphones", "")
    send(guest, page, **right(guest, page))
    guest.finish()
    with guest.database.reading() as db:
        rows = list(export.rows(db))
    assert {(row["sides_check"], row["headphone_check"]) for row in rows} == {("failed", "passed")}


def test_a_policy_of_warn_says_what_is_wrong_and_lets_them_try_again_or_go_on(enrol: Enrol) -> None:
    guest = enrol(sides=True, headphones="antiphase")
    assert not fail(guest).may_skip
    again = guest.page()
    assert again.may_skip and "Please check your headphones" in again.error
    assert "/setup/sides/2/" in again.rounds[0].url  # other sounds
    send(guest, again, **right(guest, again))
    fail(guest)
    send(guest, guest.page(), skip="yes")
    assert isinstance(guest.page(), InstructionsPage)
    with guest.database.reading() as db:
        steps = sitting_of(db, guest.token).setup_steps
        assert [(row.step, row.attempt, row.passed) for row in steps] == [
            ("sides", 1, False),
            ("sides", 2, True),
            ("headphones", 1, False),
            ("headphones", 2, False),
        ]
        assert setting_up.outcomes(steps) == {"sides": "passed", "headphones": "failed"}


def test_a_policy_of_refuse_ends_the_session_after_two_failures(enrol: Enrol) -> None:
    guest = enrol(headphones="huggins", on_failure="refuse", sessions=2)
    assert not fail(guest).may_skip
    assert not guest.page().may_skip
    fail(guest)
    ended = guest.page()
    assert isinstance(ended, MessagePage) and "needs headphones" in ended.paragraphs[0]
    with guest.database.reading() as db:
        assert sitting_of(db, guest.token).status == "refused"
        with pytest.raises(NotFoundError):
            setting_up.sound(sitting_of(db, guest.token), "headphones", 3, 1)
        later = sitting_of(db, token_after(guest.token))
        assert next_page(db, later, "") == ended


@pytest.mark.parametrize("policy", ["warn", "refuse"])
def test_nobody_skips_a_check_that_was_not_failed_or_that_refuses(enrol: Enrol, policy: str) -> None:
    guest = enrol(sides=True, on_failure=policy)
    with pytest.raises(AppError, match="answer every round"):
        send(guest, guest.page(), skip="yes")
    fail(guest)
    if policy == "refuse":
        with pytest.raises(AppError, match="answer every round"):
            send(guest, guest.page(), skip="yes")


def test_swapped_sides_and_mono_are_told_apart(enrol: Enrol) -> None:
    guest = enrol(sides=True)
    page = guest.page()
    swapped = {"left": "right", "middle": "middle", "right": "left"}
    send(guest, page, **{name: swapped[side] for name, side in right(guest, page).items()})
    assert "are swapped" in guest.page().error
    send(guest, page, **dict.fromkeys(right(guest, page), "middle"))
    assert "plays in mono" in guest.page().error


def test_a_device_at_telephone_quality_fails_whatever_is_answered(enrol: Enrol) -> None:
    guest = enrol(sides=True)
    page = guest.page()
    send(guest, page, output=json.dumps({"rate_hz": 16000, "latency_s": 0.2}), **right(guest, page))
    assert "telephone quality" in guest.page().error


@pytest.mark.parametrize("output", ["", "{", "[1]", '{"rate_hz": "x"}', "x" * 10_000])
def test_what_a_browser_says_of_its_output_may_be_nonsense(enrol: Enrol, output: str) -> None:
    guest = enrol(sides=True)
    page = guest.page()
    send(guest, page, output=output, **right(guest, page))
    assert isinstance(guest.page(), InstructionsPage)
    with guest.database.reading() as db:
        assert sitting_of(db, guest.token).setup_steps[0].detail["output"] == {}


def test_a_round_left_out_is_asked_for_and_another_steps_form_does_nothing(enrol: Enrol) -> None:
    guest = enrol(sides=True)
    page = guest.page()
    with pytest.raises(AppError, match="answer every round"):
        send(guest, page, **{"heard-1": "left"})
    send(guest, page, step="level", gain_db="-10")
    assert guest.page() == page


def test_five_of_six_pass_by_antiphase_and_only_six_by_huggins_pitch(enrol: Enrol) -> None:
    for kind, passes in (("antiphase", True), ("huggins", False)):
        guest = enrol(headphones=kind)
        page = guest.page()
        answers = right(guest, page)
        answers["heard-1"] = next(one for one in page.answers if one != answers["heard-1"])
        send(guest, page, **answers)
        assert isinstance(guest.page(), InstructionsPage) is passes


def test_right_answers_are_balanced_and_differ_between_sessions_and_attempts(enrol: Enrol) -> None:
    guest, drawn = enrol(headphones="huggins", sides=True), set()
    with guest.database.reading() as db:
        sitting = sitting_of(db, guest.token)
        for attempt in range(1, 30):
            answers = setting_up._right_answers(sitting, "headphones", attempt)
            assert sorted(answers) == ["1", "1", "2", "2", "3", "3"]
            drawn.add(tuple(answers))
            assert set(setting_up._right_answers(sitting, "sides", attempt)) == {"left", "middle", "right"}
    assert len(drawn) > 15


def test_sounds_are_what_the_right_answers_say(enrol: Enrol) -> None:
    guest = enrol(sides=True)
    page = guest.page()
    with guest.database.reading() as db:
        sitting = sitting_of(db, guest.token)
        for number, side in enumerate(right(guest, page).values(), 1):
            samples, _ = soundfile.read(io.BytesIO(setting_up.sound(sitting, "sides", 1, number)))
            sounding = tuple((np.abs(samples) > 0).any(axis=0))
            assert sounding == {"left": (True, False), "middle": (True, True), "right": (False, True)}[side]
        for step, number in (("sides", 0), ("sides", 5), ("level", 1), ("nothing", 1)):
            with pytest.raises(NotFoundError):
                setting_up.sound(sitting, step, 1, number)


def test_the_pages_and_their_sounds_over_http(enrol: Enrol, either: Settings, database: Database) -> None:
    guest = enrol(level=True, sides=True, headphones="antiphase")
    app = create_app(either, database)
    app.config["WTF_CSRF_ENABLED"] = False
    client: FlaskClient = app.test_client()
    for given in ({"gain_db": "-6"}, None, None):
        page = guest.page()
        html = client.get(f"{guest.base}/").text
        urls = [page.tone_url, page.noise_url] if isinstance(page, LevelPage) else [one.url for one in page.rounds]
        for url in urls:
            answer = client.get(url)
            assert url in html and answer.mimetype == "audio/wav" and answer.data[:4] == b"RIFF"
            assert answer.headers["Cache-Control"] == "private, no-store"
        given = given or right(guest, page)
        assert client.post(f"{guest.base}/", data={"step": page.step, "output": FAST} | given).status_code == 303
    assert isinstance(guest.page(), InstructionsPage)


def test_the_record_of_a_step_says_what_was_asked_and_answered(enrol: Enrol) -> None:
    guest = enrol(headphones="huggins")
    fail(guest)
    with guest.database.reading() as db:
        row: SetupStep = sitting_of(db, guest.token).setup_steps[0]
        assert row.detail["kind"] == "huggins" and len(row.detail["right"]) == len(row.detail["answered"]) == 6
        assert row.detail["output"] == {"rate_hz": 48000.0, "latency_s": 0.02}
