"""Blinding, proved by numbers: nothing that can be observed of a slot has to do with what it plays.

Three hundred sessions; of every slot everything that a browser sees without decoding it: bytes, headers, tokens,
places, how long the answer took. Each is held against the slot's role by a permutation test within trials. Planted
leaks are found, so that finding nothing means something.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import tiny_set
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import select

from mushra_app import media, schema
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Condition, Slot
from mushra_app.publish import publish
from mushra_app.session import enrolment

SESSIONS, DRAWS = 300, 2000
ALPHA = 0.01


@dataclass(frozen=True)
class Seen:
    """One slot of one session: what was observed of it, and (which no browser sees) what it plays."""

    observed: dict[str, float]
    condition: str


def number(content: bytes | str) -> float:
    """Any content as a number: equal for equal contents, and without order otherwise."""
    raw = content if isinstance(content, bytes) else content.encode()
    return int.from_bytes(hashlib.sha256(raw).digest()[:6], "big")


def watched(app: Flask, client: FlaskClient, sessions: int) -> list[list[Seen]]:
    """The hidden slots of each session's first trial, asked for in an order that is nobody's."""
    database, rng, trials = app.extensions["mushra"].database, np.random.default_rng(1), []
    for _ in range(sessions):
        page = Guest(database).trial()
        with database.reading() as db:
            wanted = [sound.token for sound in page.sounds]
            rows = select(Slot.token, Condition.name).join(Slot.clip).join(Condition).where(Slot.token.in_(wanted))
            plays = dict(db.execute(rows).all())
        trial = []
        for at in rng.permutation(len(page.sounds)):
            sound = page.sounds[at]
            began = time.perf_counter()
            answer = client.get(sound.url)
            took_s = time.perf_counter() - began
            body = answer.data
            trial.append(
                Seen(
                    {
                        "size": len(body),
                        "bytes": number(body),
                        "first 200 bytes": number(body[:200]),
                        "headers": number(str(sorted((k, v) for k, v in answer.headers if k != "Date"))),
                        "address": number(sound.url),
                        "token's letters": number(sound.token[:2]),
                        "label": float(sound.label.removeprefix("Sound ")),
                        "place": float(at),
                        "time": took_s,
                    },
                    plays[sound.token],
                )
            )
        trials.append(trial)
    return trials


def p_values(trials: list[list[Seen]]) -> dict[str, float]:
    """For each observable: is some condition's mean rank within its trials further from the middle than chance has it?

    The statistic is the sum over conditions of the squared mean rank, ranks centred in their trial, ties shared;
    conditions are permuted within trials, for all observables together.
    """
    rng = np.random.default_rng(2)
    names = sorted({seen.condition for seen in trials[0]})
    which = np.array([[names.index(seen.condition) for seen in trial] for trial in trials])
    observables = list(trials[0][0].observed)
    values = np.array([[[seen.observed[what] for seen in trial] for trial in trials] for what in observables])
    below = (values[..., :, None] > values[..., None, :]).sum(axis=3)
    ranks = below + 0.5 * (values[..., :, None] == values[..., None, :]).sum(axis=3)
    ranks = (ranks - ranks.mean(axis=2, keepdims=True)).reshape(len(observables), -1)

    def statistics(labels: np.ndarray) -> np.ndarray:
        chosen = labels.ravel()[:, None] == np.arange(len(names))
        return ((ranks @ chosen) ** 2).sum(axis=1)

    actual = statistics(which)
    as_far = sum(statistics(rng.permuted(which, axis=1)) >= actual - 1e-9 for _ in range(DRAWS))
    return dict(zip(observables, (1 + as_far) / (1 + DRAWS), strict=True))


def significant(found: dict[str, float]) -> set[str]:
    """Those below the level, corrected for how many there are (Bonferroni)."""
    return {what for what, p in found.items() if p < ALPHA / len(found)}


@pytest.fixture
def app(tmp_path) -> Flask:
    """The tiny study on a file of SQLite's, published anew so that a planted leak can be published too."""
    settings = Settings(data_dir=tmp_path / "data")
    database = Database(settings)
    schema.require(database, settings)
    tiny_set.make(tmp_path / "set")
    publish(tmp_path / "set", database, settings)
    return create_app(settings, database)


def test_nothing_that_can_be_observed_of_a_slot_tells_its_role(app: Flask) -> None:
    trials = watched(app, app.test_client(), SESSIONS)
    assert len(trials) == SESSIONS and {len(trial) for trial in trials} == {5}
    # Chance alone finds something in one run of a hundred; what is really there is there in other sessions too.
    if found := significant(p_values(trials)):
        found &= significant(p_values(watched(app, app.test_client(), SESSIONS)))
    assert found == set()
    every = [seen.observed for trial in trials for seen in trial]
    for what in ("bytes", "first 200 bytes", "address"):
        assert len({one[what] for one in every}) == len(every), f"{what} recur in another slot or session"
    assert len({one["size"] for one in every}) == len({one["headers"] for one in every}) == 1


def test_the_open_reference_and_its_hidden_copy_are_unequal_files_with_equal_sound(app: Flask) -> None:
    import io

    import soundfile

    page, client = Guest(app.extensions["mushra"].database).trial(), app.test_client()
    sounds = [client.get(sound.url).data for sound in (page.references[0], *page.sounds)]
    decoded = [soundfile.read(io.BytesIO(sound), dtype="int32")[0].tobytes() for sound in sounds]
    assert decoded.count(decoded[0]) == 2 and len(set(sounds)) == len(sounds)
    assert all(sound[26:42] == bytes(16) for sound in sounds), "the header's hash of the samples would tell"
    again = client.get(page.sounds[0].url, headers={"Range": "bytes=40-99"})
    assert again.status_code == 206 and again.data == sounds[1][40:100]


def one_order_for_all(patch: pytest.MonkeyPatch) -> None:
    """The same seed and the same turn of the square for everybody: one of the two alone leaks nothing."""
    patch.setattr(enrolment.secrets, "randbits", lambda bits: 7)
    patch.setattr(enrolment, "_enrolled_before", lambda db, version, simulated: (0, None))


LEAKS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "no padding": (
        lambda patch: patch.setattr(media, "padded", lambda flac, size: flac),
        "size",
    ),
    "one order for all": (one_order_for_all, "place"),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(tmp_path, monkeypatch, leak) -> None:
    plant, what = LEAKS[leak]
    plant(monkeypatch)
    settings = Settings(data_dir=tmp_path / "data")
    database = Database(settings)
    schema.require(database, settings)
    tiny_set.make(tmp_path / "set")
    publish(tmp_path / "set", database, settings)
    app = create_app(settings, database)
    assert what in significant(p_values(watched(app, app.test_client(), 60)))
