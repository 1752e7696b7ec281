"""Languages: which one a listener reads, that all of ours is translated, and texts of the experiment file."""

from __future__ import annotations

import re
import string
from io import BytesIO
from pathlib import Path

import pytest
import tiny_set
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from studio_people import csrf, database_of, log_in, person
from test_server_web import enrol

from mushra_app import web
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import ListeningSession
from mushra_app.people import accounts, second_factor
from mushra_app.publish import publish
from mushra_app.schema import require
from mushra_app.security import secret_key, simulated_link_token
from mushra_app.words import OF_THE_FILE
from stimuli.description.session import Attribute, Test
from stimuli.experiment import load
from stimuli.starter import write_example

PACKAGE = Path(web.__file__).parent
FOLDER = PACKAGE / "translations"
KEYWORDS = {"say": None, "say_later": None, "mark": None, "say_number": (1, 2), "_": None, "ngettext": (1, 2)}
DOMAINS = {"messages": "pages.cfg", "scripts": "scripts.cfg", "rooms": "rooms.cfg"}
TRANSLATED = sorted(set(web.LANGUAGES) - {web.WRITTEN_IN})
GERMAN = {"Accept-Language": "de-AT,de;q=0.8,en;q=0.3"}


def to_translate(domain: str) -> set[str | tuple[str, ...]]:
    """Everything in the code that somebody reads; other rooms lie beside this package."""
    with (FOLDER / DOMAINS[domain]).open() as stream:
        methods, options = parse_mapping_cfg(stream)
    found = extract_from_dir(PACKAGE.parent if domain == "rooms" else PACKAGE, methods, options, keywords=KEYWORDS)
    return {tuple(message) if isinstance(message, tuple | list) else message for _, _, message, _, _ in found}


def catalog(language: str, domain: str) -> Catalog:
    with (FOLDER / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as stream:
        return read_po(stream, locale=language)


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_everything_is_translated_and_nothing_else(language: str, domain: str) -> None:
    stored = {message.id: message for message in catalog(language, domain) if message.id}
    assert set(stored) == to_translate(domain), "run: make translations, and translate what is new"
    for key, message in stored.items():
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts) and not message.fuzzy, key
        for text in texts:
            assert places(text) <= places(str(key)), key


def places(text: str) -> set[str]:
    """What is filled into a text: ``%(name)s`` of pages, ``{name}`` of scripts."""
    braces = {name for _, name, _, _ in string.Formatter().parse(text.replace("%(", "")) if name}
    return set(re.findall(r"%\((\w+)\)[sdr]", text)) | (braces if "%(" not in text else set())


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_what_is_compiled_is_what_is_written(language: str, domain: str) -> None:
    compiled = read_mo(BytesIO((FOLDER / language / "LC_MESSAGES" / f"{domain}.mo").read_bytes()))
    assert as_pairs(compiled) == as_pairs(catalog(language, domain))


def as_pairs(found: Catalog) -> list[tuple[str, str]]:
    """What is said for what, plurals and all."""
    return sorted((str(list(message.id)), str(list(message.string))) for message in found if message.id)


def test_scripts_say_nothing_that_is_not_wrapped() -> None:
    """A sentence in quotes that is no argument of say would be read in English by everybody."""
    for path in (PACKAGE / "static" / "js").glob("*.js"):
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
        wrapped = re.sub(r'\bsay\(\s*"[^"]*"', "", code)
        sentences = [text for text in re.findall(r'["`]([A-Z][^"`]*)["`]', wrapped) if " " in text]
        assert sentences == [], path.name


def test_defaults_of_the_experiment_file_are_ours_to_translate(tmp_path: Path) -> None:
    write_example(tmp_path / "experiment.toml", "separation")
    example = load(tmp_path / "experiment.toml")
    asked = {text for question in example.questions for text in (question.text, *question.choices)}
    asked |= {text for one in example.attributes for text in (one.question, one.instructions) if text}
    assert {*Attribute.model_fields["labels"].default, Test.model_fields["consent"].default, *asked} == set(OF_THE_FILE)


@pytest.mark.parametrize(
    ("address", "headers", "language"),
    [
        ("/listen/tiny", {}, "en"),
        ("/listen/tiny", GERMAN, "de"),
        ("/listen/tiny", {"Accept-Language": "fr"}, "en"),
        ("/listen/tiny?lang=de", {}, "de"),
        ("/listen/tiny?lang=en", GERMAN, "en"),
        ("/listen/tiny?lang=xx", GERMAN, "de"),
        ("/nowhere", GERMAN, "de"),
        ("/session/nobody/", GERMAN, "de"),
    ],
)
def test_the_link_decides_then_the_browser(client: FlaskClient, address: str, headers: dict, language: str) -> None:
    html = client.get(address, headers=headers).text
    assert f'<html lang="{language}" dir="ltr">' in html
    assert ("Hörtest" in html or "Einwilligung" in html) == (language == "de")


def test_a_session_keeps_its_language_whatever_browser_opens_it(app: Flask, client: FlaskClient) -> None:
    address = enrol(client, "/listen/tiny?lang=de").location
    page = client.get(address, headers={"Accept-Language": "en"}).text
    assert '<html lang="de"' in page and "Bevor Sie beginnen" in page
    with app.extensions["mushra"].database.reading() as db:
        assert db.query(ListeningSession).one().language == "de"


def test_a_german_trial_speaks_german_to_eyes_and_readers(app: Flask, client: FlaskClient) -> None:
    guest = Guest(app.extensions["mushra"].database)
    guest.trial()
    with app.extensions["mushra"].database.writing() as db:
        db.query(ListeningSession).one().language = "de"
    page = client.get(f"{guest.base}/").text
    for text in ("Ausgezeichnet", "Übung 1 von 1", "Klang 1 abspielen", "noch nicht bewertet", "All sounds heard"):
        assert text in page  # the last one as the key of a script's word
    assert 'aria-label="Play' not in page


def test_the_file_translates_its_own_texts(app: Flask, client: FlaskClient, settings: Settings, tmp_path) -> None:
    german = {"A tiny test": "Ein kleiner Test", "How good is it? 100 % or less": "Wie gut ist es?"}
    attributes = [{"name": "overall", "question": "How good is it? 100 % or less"}]
    tiny_set.make(tmp_path / "other", attributes=attributes, translations={"de": german}, questions=[])
    publish(tmp_path / "other", app.extensions["mushra"].database, settings)
    assert "Ein kleiner Test" in client.get("/listen/tiny?lang=de").text
    assert "A tiny test" in client.get("/listen/tiny").text
    guest = Guest(app.extensions["mushra"].database)
    guest.trial()
    assert "100 % or less" in client.get(f"{guest.base}/").text
    with app.extensions["mushra"].database.writing() as db:
        db.query(ListeningSession).one().language = "de"
    assert "Wie gut ist es?" in client.get(f"{guest.base}/").text


def test_the_link_to_another_language_keeps_what_the_link_says_and_nothing_acts_on_it(app: Flask, client) -> None:
    as_program = simulated_link_token(secret_key(app.extensions["mushra"].settings))
    address = f"/listen/tiny?as={as_program}&_scheme=javascript&study=other&lang=en"
    html = client.get(address).text
    assert f"/listen/tiny?as={as_program}&amp;_scheme=javascript&amp;study=other&amp;lang=de" in html
    assert "javascript:" not in html


def test_the_studio_speaks_the_browsers_language_until_another_one_is_chosen(client: FlaskClient) -> None:
    german = client.get("/studio/login", headers=GERMAN).text
    assert '<html lang="de"' in german and "Der Schlüssel des Studios" in german and 'id="words"' in german
    assert '<html lang="en"' in client.get("/studio/login?lang=en", headers=GERMAN).text
    assert '<html lang="en"' in client.get("/studio/login", headers=GERMAN).text, "it is remembered"
    assert '<html lang="en"' in client.get("/studio/login?lang=tlh", headers=GERMAN).text
    assert '<html lang="de"' in client.get("/listen/tiny", headers=GERMAN).text, "of the studio's pages only"


def test_the_language_that_was_chosen_at_the_door_is_that_of_the_studio(app: Flask) -> None:
    """Nothing else of the cookie outlives a login, with a code or without, and its end."""
    client, name = app.test_client(), person(database_of(app), "ada@example.org", "owner")
    client.get("/studio/login?lang=de")
    log_in(client, name)
    inside = client.get("/studio/account").text
    assert '<html lang="de"' in inside
    client.post("/studio/logout", data={"csrf_token": csrf(inside)})
    assert '<html lang="de"' in client.get("/studio/login").text
    with client.session_transaction() as cookie:
        assert set(cookie) <= {"language", "csrf_token"}
    with database_of(app).writing() as db:
        accounts.named(db, name).totp_secret = second_factor.new_secret()
    log_in(client, name)
    asked = client.get("/studio/login/code").text
    assert '<html lang="de"' in asked and 'inputmode="numeric"' in asked


def test_the_address_to_keep_is_the_one_that_listeners_reach(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", external_url="https://lab.example/tests")
    database = Database(settings)
    require(database, settings)
    tiny_set.make(tmp_path / "set", test={"sessions": 2}, setup={"level": False, "sides": False}, questions=[])
    publish(tmp_path / "set", database, settings)
    guest = Guest(database)
    guest.finish()
    html = create_app(settings, database).test_client().get(f"{guest.base}/").text
    assert re.search(r">https://lab\.example/tests/session/[\w-]{22}/</a>", html)
    database.close()


def test_refusals_are_said_in_the_listeners_language(client: FlaskClient) -> None:
    html = client.post("/listen/tiny?lang=de", data={}).text
    assert "veraltet" in html  # without its token the form is refused
