"""Saving a trial: exactly once, never backwards, and nothing that does not belong; on both databases."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from server_guests import Guest, as_json, body_of
from sqlalchemy import func, select

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.models import Clip, Event, Response, Save, Slot
from mushra_app.security import token_sha256
from mushra_app.session import listening
from mushra_app.session.saving import decoded_sha256, lock_trial, read_body, save_trial


@pytest.fixture
def guest(published: Database) -> Guest:
    return Guest(published)


def save(guest: Guest, trial: str, body: dict) -> int:
    with guest.database.writing() as db:
        return save_trial(db, lock_trial(db, token_sha256(guest.token), trial), read_body(as_json(body)), "a test")


def counts(guest: Guest) -> tuple[int, ...]:
    with guest.database.reading() as db:
        return tuple(db.scalar(select(func.count(table.id))) or 0 for table in (Save, Response, Event))


def test_the_same_request_fifty_times_from_eight_threads_is_one_save(guest: Guest) -> None:
    page = guest.trial()
    body = body_of(page)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: save(guest, page.token, body), range(50)))
    assert answers == [1] * 50
    assert counts(guest) == (1, 5, 1)


def test_two_workers_with_connections_of_their_own_end_in_one_truth(guest: Guest, either: Settings) -> None:
    page, others = guest.trial(), [Guest(guest.database) for _ in range(8)]
    workers, body = (Database(either), Database(either)), body_of(page)

    def work(turn: int) -> int:
        own = others[turn % 8]
        own.database = workers[turn % 2]
        save(own, own.trial().token, body_of(own.trial()))
        with workers[turn % 2].writing() as db:
            sitting = listening.sitting_of(db, guest.token)
            return save_trial(db, lock_trial(db, sitting.token_sha256, page.token), read_body(as_json(body)), "a test")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [1] * 8
    assert counts(guest) == (9, 45, 9)
    for worker in workers:
        worker.close()


def test_of_eight_different_saves_of_one_revision_one_wins(guest: Guest) -> None:
    page = guest.trial()

    def attempt(_: int) -> str:
        try:
            return str(save(guest, page.token, body_of(page)))
        except ConflictError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(attempt, range(8)))
    assert answers[0] == "1" and all("saved elsewhere" in answer for answer in answers[1:])
    assert counts(guest) == (1, 5, 1)


def test_a_newer_revision_adds_rows_and_an_older_one_is_refused(guest: Guest) -> None:
    page = guest.trial()
    first = body_of(page)
    assert save(guest, page.token, first) == 1
    assert save(guest, page.token, body_of(page, revision=3)) == 3
    with pytest.raises(ConflictError, match="revision 3, this one is 2"):
        save(guest, page.token, body_of(page, revision=2))
    assert save(guest, page.token, first) == 1, "a late repeat of the first is answered as it was"
    assert counts(guest) == (2, 10, 2)


def test_every_hidden_sound_must_be_rated_once(guest: Guest) -> None:
    page = guest.trial()
    ratings = body_of(page)["ratings"]
    with pytest.raises(AppError, match="1 of 5 sounds are not rated"):
        save(guest, page.token, body_of(page, ratings=ratings[:-1]))
    with pytest.raises(AppError, match="found 6; expected each of the 5"):
        save(guest, page.token, body_of(page, ratings=[*ratings, ratings[0]]))
    stranger = ratings[0] | {"sound": page.references[0].token}
    with pytest.raises(AppError, match="found 6; expected each of the 5"):
        save(guest, page.token, body_of(page, ratings=[*ratings, stranger]))
    assert counts(guest) == (0, 0, 0)


def test_an_event_on_a_strange_sound_leaves_nothing_half_saved(guest: Guest) -> None:
    page = guest.trial()
    events = [{"at_s": 1, "kind": "play", "sound": "elsewhere", "value": None}]
    with pytest.raises(AppError, match="not on this page"):
        save(guest, page.token, body_of(page, events=events))
    assert counts(guest) == (0, 0, 0)


def test_another_sessions_trial_is_not_there(guest: Guest) -> None:
    page, other = guest.trial(), Guest(guest.database)
    with pytest.raises(NotFoundError):
        save(other, page.token, body_of(page))
    assert counts(guest) == (0, 0, 0)


def test_a_key_of_another_trial_is_refused(guest: Guest) -> None:
    page = guest.trial()
    body = body_of(page)
    save(guest, page.token, body)
    later = guest.trial()
    with pytest.raises(ConflictError, match="another trial"):
        save(guest, later.token, body_of(later, key=body["key"]))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"surprise": 1}, "surprise"),
        ({"revision": 0}, "revision"),
        ({"revision": "1"}, "revision"),
        ({"key": "short"}, "key"),
        ({"trial_s": float("nan")}, "trial_s"),
        ({"fade_mode": "equal-power"}, "fade_mode"),
        ({"ratings": [{"sound": "a", "value": 100.5, "moved": True, "heard_s": 1, "plays": 1}]}, "ratings[0].value"),
        ({"ratings": [{"sound": "a", "value": 0.25, "moved": True, "heard_s": 1, "plays": 1}]}, "ratings[0].value"),
        ({"ratings": [{"sound": "a", "value": None, "moved": True, "heard_s": 1, "plays": 1}]}, "ratings[0].value"),
        ({"events": [{"at_s": 0, "kind": "hack"}]}, "events[0].kind"),
        ({"events": [{"at_s": 0, "kind": "play"}] * 5001}, "events"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change: dict, place: str) -> None:
    body = {"key": "0" * 32, "revision": 1, "ratings": [], "trial_s": 1, "engine": "x", "fade_mode": "bs1534"}
    body |= {"rate_hz": 48000}
    assert read_body(as_json(body)).comment == ""
    with pytest.raises(AppError, match=rf"^{re.escape(place)}: (this key|found|expected) .*nothing was saved$"):
        read_body(as_json(body | change))


def test_ratings_in_tenths_are_kept_as_written() -> None:
    rating = {"sound": "a", "value": 33.3, "moved": True, "heard_s": 1, "plays": 1}
    body = {"key": "0" * 32, "revision": 1, "ratings": [rating], "trial_s": 1, "engine": "x", "fade_mode": "bs1534"}
    assert read_body(as_json(body | {"rate_hz": 48000})).ratings[0].value == 33.3


def test_what_was_decoded_is_compared_and_flagged_and_refuses_nothing(guest: Guest) -> None:
    """A listener is not to blame for a browser: the ratings are kept, and what was heard is on record."""
    page = guest.trial()
    with guest.database.reading() as db:
        built = dict(tuple(row) for row in db.execute(select(Slot.token, Clip.samples_sha256).join(Clip)))
    tokens = [sound.token for sound in (*page.references, *page.sounds)]
    right = [{"sound": token, "sha256": decoded_sha256(token, built[token])} for token in tokens]
    unsalted = [{"sound": token, "sha256": built[token]} for token in tokens[:2]]
    for revision, decoded in enumerate(([], right, [*unsalted, *right[2:]]), 1):
        save(guest, page.token, body_of(page, revision=revision, decoded=decoded))
    with guest.database.reading() as db:
        assert db.scalars(select(Save.altered).order_by(Save.revision)).all() == [None, 0, 2]
    with pytest.raises(AppError, match="is not on this page; nothing was saved"):
        save(guest, page.token, body_of(page, revision=4, decoded=[right[0] | {"sound": "elsewhere"}]))
    assert counts(guest)[0] == 3
