"""A listening place's link in a real browser: the form keeps it, also when it is refused first."""

from __future__ import annotations

import sqlite3

import listener as a
from server_guests import calibrate

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.security import place_link_token, secret_key


def test_a_refused_form_and_its_correction_stay_at_the_place(page, server, data_dir) -> None:
    settings = Settings(data_dir=data_dir)
    database = Database(settings)
    calibrate(database, level_db_a=79.5, transducer="loudspeakers")
    database.close()
    page.goto(f"{server.url}/listen/tiny?place={place_link_token(secret_key(settings), 'Booth 1')}")
    page.locator("form").evaluate("form => form.noValidate = true")
    with page.expect_navigation():
        page.get_by_role("button", name="Begin").click()
    assert "confirm that you agree" in page.locator("[role=alert]").inner_text()
    assert "You listen on loudspeakers at Booth 1" in page.locator("form").inner_text()
    a.fill_in(page)
    assert "/session/" in page.url
    with sqlite3.connect(data_dir / "mushra.sqlite3") as stored:
        query = "select p.name, s.level_db_a, s.transducer from session s join place p on p.id = s.place_id"
        assert stored.execute(query).fetchall() == [("Booth 1", 79.5, "loudspeakers")]
