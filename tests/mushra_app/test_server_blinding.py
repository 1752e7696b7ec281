"""Blinding: nothing that reaches a listener says what a sound is. Pages, headers, addresses and sizes are searched."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, template_rendered
from flask.testing import FlaskClient
from server_guests import ORIGIN, Guest, as_json, body_of
from sqlalchemy import select

from mushra_app.listener import pages
from mushra_app.models import Clip
from stimuli.manifest import Manifest

OF_FLASK = {"g", "request", "session", "config", "csrf_token", "csrf_meta_tag"}
"""What Flask and Flask-WTF put into every template."""


@contextmanager
def rendered(app: Flask) -> Iterator[list[dict[str, Any]]]:
    """The contexts of all templates that are rendered meanwhile."""
    seen: list[dict[str, Any]] = []

    def note(sender: Flask, template: Any, context: dict[str, Any], **_: Any) -> None:
        seen.append(context)

    with template_rendered.connected_to(note, app):
        yield seen


def secrets_of(app: Flask, manifest: Manifest) -> set[str]:
    """Every name and hash that would tell what a sound is."""
    with app.extensions["mushra"].database.reading() as db:
        stored = {clip.media_sha256 for clip in db.scalars(select(Clip))}
    names = {"reference", "hidden_reference", "anchor", "system", "lowpass", "zebra-net", "quokka-sep", "mixture-open"}
    for clip in manifest.clips:
        names |= {clip.condition, clip.token, clip.file, clip.sha256, clip.samples_sha256, clip.render_key}
    return names | stored | {item.name for item in manifest.items} | {"Walrus", "yonder"}


def everything_a_listener_gets(app: Flask, client: FlaskClient) -> list[tuple[str, str, dict[str, str]]]:
    """Address, text and headers of every page, sound and save of a session."""
    guest, seen = Guest(app.extensions["mushra"].database), []

    def note(address: str, answer: Any) -> None:
        text = answer.text if answer.mimetype != "audio/flac" else ""
        seen.append((address, text, dict(answer.headers)))

    note("/listen/tiny", client.get("/listen/tiny"))
    for _ in range(20):
        page = guest.page()
        note(guest.base + "/", client.get(guest.base + "/"))
        if isinstance(page, pages.DonePage):
            return seen
        if isinstance(page, pages.TrialPage):
            for sound in (*page.references, *page.sounds):
                note(sound.url, client.get(sound.url))
            saved = client.put(page.save_url, data=as_json(body_of(page)), headers=ORIGIN)
            note(page.save_url, saved)
        else:
            guest.pass_by(page)
    raise AssertionError("the session did not end")


def told(secrets: set[str], text: str) -> set[str]:
    """Secrets that stand in a text. The open reference is labelled Reference; only its role's name is a secret."""
    return {secret for secret in secrets if secret in text}


def test_names_roles_files_and_hashes_stay_here(app: Flask, client: FlaskClient, manifest: Manifest) -> None:
    secrets = secrets_of(app, manifest)
    for address, text, headers in everything_a_listener_gets(app, client):
        # The page's own words and the keys of its data may say "reference": it offers an open one.
        words = {"reference", "system", "mixture"}
        assert told(secrets, address) == set()
        assert told(secrets, str(headers)) == set(), address
        assert told(secrets - words, text) == set(), address


def test_templates_get_exactly_the_page(app: Flask, client: FlaskClient) -> None:
    with rendered(app) as contexts:
        everything_a_listener_gets(app, client)
    assert len(contexts) == 9
    for context in contexts:
        assert set(context) - OF_FLASK == {"page"}
        assert type(context["page"]).__module__ == "mushra_app.listener.pages"
    assert {type(context["page"]) for context in contexts} >= {pages.WelcomePage, pages.TrialPage, pages.DonePage}


def test_the_values_of_a_trial_page_hold_no_secret(app: Flask, manifest: Manifest) -> None:
    page = Guest(app.extensions["mushra"].database).trial()
    assert told(secrets_of(app, manifest) - {"reference", "mixture"}, str(dataclasses.asdict(page))) == set()
    assert [sound.label for sound in page.references] == ["Reference", "Mixture"]
    assert [sound.label for sound in page.sounds] == [f"Sound {n}" for n in range(1, 6)]


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=0-99"}])
def test_all_sounds_of_a_trial_answer_alike(app: Flask, client: FlaskClient, asked: dict[str, str]) -> None:
    page = Guest(app.extensions["mushra"].database).trial()
    answers = [client.get(sound.url, headers=asked) for sound in (*page.references, *page.sounds)]
    headers = [{name: value for name, value in answer.headers if name != "Date"} for answer in answers]
    assert all(other == headers[0] for other in headers)
    assert headers[0]["Cache-Control"] == "private, max-age=3600" and headers[0]["Content-Type"] == "audio/flac"
    assert not {"ETag", "Last-Modified", "Content-Disposition"} & set(headers[0])


def test_tokens_and_orders_are_drawn_anew_for_every_session(app: Flask) -> None:
    trials = [Guest(app.extensions["mushra"].database).trial() for _ in range(12)]
    tokens = [sound.token for page in trials for sound in (*page.references, *page.sounds)]
    assert len(set(tokens)) == len(tokens)
    with app.extensions["mushra"].database.reading() as db:
        from mushra_app.models import Slot

        clip = {slot.token: slot.clip_id for slot in db.scalars(select(Slot))}
    assert len({tuple(clip[sound.token] for sound in page.sounds) for page in trials}) > 6
