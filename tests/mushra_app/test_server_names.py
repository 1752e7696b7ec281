"""No study is called as an address of the studio begins: its pages could not be opened."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_set
from flask import Flask
from studio_people import csrf, database_of, inside, person

from mushra_app.errors import AppError
from mushra_app.publish import publish
from mushra_app.study import lifecycle
from mushra_app.study.names import RESERVED


def test_every_first_word_of_the_studios_addresses_is_reserved(app: Flask) -> None:
    rules = [rule.rule.split("/") for rule in app.url_map.iter_rules()]
    beside_a_study = {parts[2] for parts in rules if parts[1] == "studio" and len(parts) > 2}
    first = {parts[1] for parts in rules}
    assert {"people", "publish"} <= beside_a_study and {"listen", "session", "studio"} <= first
    missing = {word for word in beside_a_study | first if word and "<" not in word and "." not in word} - RESERVED
    assert not missing, "mushra_app/study/names.py has to reserve what a study's address would be taken for"


def test_a_study_of_such_a_name_is_neither_begun_nor_published(app: Flask, tmp_path: Path) -> None:
    database = database_of(app)
    tiny_set.make(tmp_path / "people", experiment={"name": "people", "title": "A test", "contact": "lab@example.org"})
    with pytest.raises(AppError, match="“people” is an address of the studio"):
        publish(tmp_path / "people", database, app.extensions["mushra"].settings)
    browser = inside(app, person(database, "ada", "owner"))
    token = csrf(browser.get("/studio/account").text)
    refused = browser.post("/studio/new", data={"csrf_token": token, "name": "people"})
    assert refused.status_code == 400 and "is an address of the studio" in refused.text
    with database.reading() as db, pytest.raises(AppError, match="people"):
        lifecycle.study_of(db, "people")
