"""The places of a study: how many there are, who takes one, and when it is free again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from arrivals import at_once, come, ended_by, guest_of, in_all, invite, listener_of, settle, turned_away

from mushra_app.db import Database
from mushra_app.errors import NotFoundError, TurnedAwayError
from mushra_app.models import now
from mushra_app.session import privacy
from mushra_app.study import lifecycle, recruiting
from mushra_app.study.arriving import Link
from mushra_app.study.recruiting import Filled


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
