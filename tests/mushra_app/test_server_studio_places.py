"""The studio's page of the listening places: links that work, a form that says what is wrong, behind the key."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import calibrate
from sqlalchemy import select
from test_server_web import csrf, enrol

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import ListeningSession, Place
from mushra_app.publish import publish
from mushra_app.security import studio_key
from mushra_app.studio import overview
from mushra_app.studio.pages import Calibration, PlaceLink

PAGE = "/studio/places"


@pytest.fixture
def opened(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in the studio."""
    client.get(f"/studio/?key={studio_key(app.extensions['mushra'].settings)}")
    return client


def write_down(client: FlaskClient, **changes: str) -> Any:
    """Fill in the form and send it."""
    fields = {"name": "Booth 1", "level_db_a": "78.5", "transducer": "headphones", "device": "HD 650"} | changes
    return client.post(PAGE, data=fields | {"csrf_token": csrf(client.get(PAGE).text)})


def records(app: Flask) -> list[tuple[str, float, str, str]]:
    with app.extensions["mushra"].database.reading() as db:
        query = select(Place.name, Place.level_db_a, Place.transducer, Place.device).order_by(Place.id)
        return [tuple(row) for row in db.execute(query)]


def test_nobody_writes_down_a_calibration_without_the_key(app: Flask, client: FlaskClient) -> None:
    token = csrf(client.get("/studio/").text)
    assert client.get(PAGE).status_code == 401
    assert client.post(PAGE, data={"csrf_token": token, "name": "Booth 1"}).status_code == 401
    assert client.post(PAGE, data={"name": "Booth 1"}).status_code == 400  # without the form's token
    assert records(app) == []


def test_a_calibration_is_written_down_and_its_link_begins_a_session_there(app: Flask, opened: FlaskClient) -> None:
    assert "No place yet" in opened.get(PAGE).text
    answer = write_down(opened, transducer="loudspeakers")
    assert answer.status_code == 303 and answer.location == PAGE
    assert records(app) == [("Booth 1", 78.5, "loudspeakers", "HD 650")]
    page = opened.get(PAGE).text
    assert "78.5 dB(A) on loudspeakers" in page and "not within" not in page
    (address,) = re.findall(r'href="http://localhost(/listen/[^"]+)"', page)
    assert enrol(opened, html.unescape(address), transducer="").status_code == 303
    with app.extensions["mushra"].database.reading() as db:
        (sitting,) = db.scalars(select(ListeningSession))
        assert (sitting.place_id, sitting.level_db_a, sitting.transducer) == (1, 78.5, "loudspeakers")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"level_db_a": "loud"}, "the level: found no number"),
        ({"level_db_a": "20"}, "the level: found 20; expected 40 to 110 dB(A)"),
        ({"transducer": ""}, "the transducer: found nothing; expected headphones or loudspeakers"),
        ({"name": " "}, "the name: expected 1 to 60 letters"),
    ],
)
def test_what_will_not_do_is_said_beside_what_was_typed(
    app: Flask, opened: FlaskClient, changes: dict[str, str], sentence: str
) -> None:
    page = html.unescape(write_down(opened, device='"HD" <650>', **changes).text)
    assert sentence in page and 'value=""HD" <650>"' in page and records(app) == []


def test_links_are_as_listeners_reach_the_server(app: Flask, opened: FlaskClient) -> None:
    services = app.extensions["mushra"]
    changed = services.settings.model_copy(update={"external_url": "https://lab.example.org"})
    app.extensions["mushra"] = replace(services, settings=changed)
    calibrate(services.database)
    assert 'href="https://lab.example.org/listen/tiny?place=' in opened.get(PAGE).text


def test_every_study_that_takes_listeners_has_a_link_at_every_place(
    database: Database, either: Settings, stimuli: Any
) -> None:
    calibrate(database)
    calibrate(database, "Aula", level_db_a=82.1)
    with database.reading() as db:
        assert [place.links for place in overview.listening_places(db, str.join).places] == [(), ()]
    publish(stimuli, database, either)
    with database.reading() as db:
        page = overview.listening_places(db, lambda study, place: f"{study} at {place}")
    assert [(place.name, place.off) for place in page.places] == [("Aula", True), ("Booth 1", False)]
    assert page.places[0].links == (PlaceLink("tiny", "A tiny test", "tiny at Aula"),)
    assert page.typed == Calibration() and page.allowed_db_a == (74.0, 82.0)


def test_the_list_of_studies_leads_there(opened: FlaskClient) -> None:
    assert f'href="{PAGE}"' in opened.get("/studio/").text
