"""Listening places: what may be written down, which record holds, and links that nobody can make up."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
import soundfile
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest, calibrate
from sqlalchemy import select
from test_server_commands import typed
from test_server_web import csrf, enrol

from mushra_app import place_cli, places, ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, NotFoundError
from mushra_app.export import rows
from mushra_app.models import Listener, ListeningSession, Place
from mushra_app.security import place_link_token, secret_key, simulated_link_token, studio_key


def link(app: Flask, name: str = "Booth 1", study: str = "tiny") -> str:
    """The address that is opened at a place."""
    return f"/listen/{study}?place={place_link_token(secret_key(app.extensions['mushra'].settings), name)}"


def sessions(app: Flask) -> list[ListeningSession]:
    with app.extensions["mushra"].database.reading() as db:
        return list(db.scalars(select(ListeningSession).order_by(ListeningSession.id)))


def test_the_record_written_last_holds_whatever_the_clock_said(database: Database) -> None:
    calibrate(database, level_db_a=70.0)
    calibrate(database, "Aula", transducer="loudspeakers")
    calibrate(database, level_db_a=78.0)
    with database.writing() as db:
        older, newer = db.scalars(select(Place).where(Place.name == "Booth 1").order_by(Place.id))
        older.calibrated_at, newer.calibrated_at = newer.calibrated_at, older.calibrated_at
    with database.reading() as db:
        assert [(one.name, one.level_db_a) for one in places.latest(db)] == [("Aula", 78.0), ("Booth 1", 78.0)]
        assert places.current(db, "Booth 1").level_db_a == 78.0
        with pytest.raises(NotFoundError, match="No listening place"):
            places.current(db, "Booth 2")


def test_one_chair_is_one_place_however_its_name_is_typed(database: Database) -> None:
    calibrate(database, "Booth 1", level_db_a=70.0)
    calibrate(database, "  booth \t 1", level_db_a=78.0, device=" HD 650,\n Fireface ")
    with database.reading() as db:
        (found,) = places.latest(db)
    assert (found.name, found.level_db_a, found.device) == ("Booth 1", 78.0, "HD 650, Fireface")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "the name: expected 1 to 60 letters"),
        ({"name": "x" * 61}, "the name: expected 1 to 60 letters"),
        ({"name": "a\0b"}, "the name: expected 1 to 60 letters"),
        ({"level_db_a": 39.9}, r"the level: found 39.9; expected 40 to 110 dB\(A\)"),
        ({"level_db_a": math.inf}, "the level: found inf"),
        ({"level_db_a": math.nan}, "the level: found no number"),
        ({"transducer": "teapot"}, "the transducer: found 'teapot'; expected headphones or loudspeakers"),
        ({"device": "\n"}, "the device: expected 1 to 300 letters"),
        ({"device": "x" * 301}, "the device: expected 1 to 300 letters"),
        ({"device": "", "level_db_a": 0.0}, "the level: found 0.*\nthe device"),
    ],
)
def test_what_will_not_do_is_said_and_nothing_is_stored(
    database: Database, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence):
        calibrate(database, **({"name": "Booth 1"} | changes))
    with database.reading() as db:
        assert places.latest(db) == []


def test_a_session_keeps_what_its_place_was_when_it_began(published: Database) -> None:
    calibrate(published, level_db_a=74.0, transducer="loudspeakers")
    Guest(published, at="Booth 1").finish()
    calibrate(published, level_db_a=82.0)
    Guest(published, at="Booth 1").finish()
    Guest(published).finish()
    with published.reading() as db:
        found = {(row["place"], row["level_db_a"], row["transducer"]) for row in rows(db, "tiny")}
        assert [one.place_id and one.place.level_db_a for one in db.scalars(select(ListeningSession))] == [74, 82, None]
    assert found == {("Booth 1", 74.0, "loudspeakers"), ("Booth 1", 82.0, "headphones"), ("", None, "headphones")}


def test_ratings_go_through_a_file_with_their_place(app: Flask, tmp_path: Path) -> None:
    database = app.extensions["mushra"].database
    calibrate(database, "Kabine, links")
    Guest(database, at="Kabine, links").finish()
    with database.reading() as db:
        ratings.write_csv(tmp_path / "ratings.csv", rows(db, "tiny"))
    assert {row["place"] for row in ratings.read_csv(tmp_path / "ratings.csv")} == {"Kabine, links"}
    names = [column.name for column in ratings.COLUMNS]
    assert names.index("place") == names.index("level_db_a") + 1


def test_at_a_place_the_page_says_what_is_listened_on_and_does_not_ask(app: Flask, client: FlaskClient) -> None:
    calibrate(app.extensions["mushra"].database, "<Booth> 1", transducer="loudspeakers")
    page = client.get(link(app, "<Booth> 1")).text
    assert "You listen on loudspeakers at &lt;Booth&gt; 1." in page and 'name="transducer"' not in page
    assert "How do you listen?" in client.get("/listen/tiny").text
    answer = enrol(client, link(app, "<Booth> 1"), transducer="headphones")  # not asked, and not believed
    assert answer.status_code == 303
    (sitting,) = sessions(app)
    assert (sitting.transducer, sitting.level_db_a, sitting.place_id) == ("loudspeakers", 78.0, 1)


def test_a_refused_form_stays_at_its_place(app: Flask, client: FlaskClient) -> None:
    """The form is posted to the page's own address, query and all, and so is the corrected one."""
    services = app.extensions["mushra"]
    calibrate(services.database)
    address = f"{link(app)}&as={simulated_link_token(secret_key(services.settings))}"
    refused = enrol(client, address, consent="")
    assert "confirm that you agree" in refused.text and "You listen on headphones at" in refused.text
    assert refused.request.full_path == address and '<form method="post">' in refused.text
    fields = {"csrf_token": csrf(refused.text), "consent": "yes", "experience": "experienced"}
    assert client.post(refused.request.full_path, data=fields).status_code == 303
    (sitting,) = sessions(app)
    with services.database.reading() as db:
        assert sitting.place_id == 1 and db.scalars(select(Listener.simulated)).all() == [True]


@pytest.mark.parametrize("token", ["Booth 1", "", "IkJvb3RoIDEi.x"])
def test_nobody_claims_a_place_by_editing_the_address(app: Flask, client: FlaskClient, token: str) -> None:
    calibrate(app.extensions["mushra"].database)
    assert client.get(f"/listen/tiny?place={token}").status_code == 403
    fields = {"csrf_token": csrf(client.get("/listen/tiny").text), "consent": "yes", "experience": "experienced"}
    answer = client.post(f"/listen/tiny?place={token}", data=fields)
    assert answer.status_code == 403 and "This link was changed" in answer.text and sessions(app) == []


def test_the_link_of_a_place_that_is_not_on_record_opens_nothing(app: Flask, client: FlaskClient) -> None:
    answer = client.get(link(app, "Booth 9"))
    assert answer.status_code == 404 and "ask who sent you the link" in answer.text


def test_the_commands_write_down_and_list(app: Flask, settings: Settings) -> None:
    data = ("--data", settings.data_dir)
    assert "mushra place add NAME" in typed(place_cli.place, "list", *data)
    named = ("--transducer", "headphones", "--device", "HD 650")
    typed(place_cli.place, "add", "Booth 2", "--level-db-a", "80", *named, *data)
    said = typed(place_cli.place, "add", "Booth 1", "--level-db-a", "78.25", *named, *data)
    assert said.startswith("Booth 1: 78.25 dB(A) on headphones, HD 650\n")
    first, second = typed(place_cli.place, "list", *data).splitlines()
    assert first.startswith("Booth 1   78.25 dB(A)  headphones    2") and first.endswith(" UTC  HD 650")
    assert second.startswith("Booth 2      80 dB(A)")


def test_the_commands_refuse_what_will_not_do(settings: Settings, tmp_path: Path, app: Flask) -> None:
    command = ("add", "Booth 1", "--transducer", "headphones", "--device", "HD 650")
    with pytest.raises(AppError, match="the level: found 20"):
        typed(place_cli.place, *command, "--level-db-a", "20", "--data", settings.data_dir)
    with pytest.raises(AppError, match="no such database"):
        typed(place_cli.place, *command, "--level-db-a", "78", "--data", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_the_alignment_noise_is_one_channel_as_loud_as_listeners_have_it(app: Flask, client: FlaskClient) -> None:
    client.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
    for side, silent in (("left", 1), ("right", 0)):
        answer = client.get(f"/studio/places/noise/tiny/{side}")
        samples, rate = soundfile.read(io.BytesIO(answer.data))
        assert not samples[:, silent].any()
        both = np.repeat(samples[:, [1 - silent]], 2, axis=1)
        # The tiny study sets no level, so that nothing is kept free above it.
        assert pyloudnorm.Meter(rate).integrated_loudness(np.tile(both, (2, 1))) == pytest.approx(-23, abs=0.05)
    assert client.get("/studio/places/noise/tiny/middle").status_code == 404
    assert app.test_client().get("/studio/places/noise/tiny/left").status_code == 401
