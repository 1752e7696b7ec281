"""What the studio says of a form that it refuses: which field it is, and no more of it than is needed."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest, calibrate
from studio_people import csrf, database_of, inside, person

from mushra_app.study import lifecycle

ENDLESS = "x" * 5000
SETTINGS = {"open_link": "yes", "transducer": "any", "experience": "any", "attention": "none"}
REFUSED = {
    "capacity": ("tiny/recruiting", SETTINGS | {"capacity": ENDLESS}, "tiny/listeners"),
    "free_after_h": ("tiny/recruiting", SETTINGS | {"free_after_h": ENDLESS}, "tiny/listeners"),
    "quota-1": ("tiny/recruiting", SETTINGS | {"group-0": "a", "group-4": "b", "quota-4": ENDLESS}, "tiny/listeners"),
    "group-0": ("tiny/recruiting", SETTINGS | {"group-0": ENDLESS}, "tiny/listeners"),
    "return_url": ("tiny/recruiting", SETTINGS | {"return_url": ENDLESS}, "tiny/listeners"),
    "screen_out_code": ("tiny/recruiting", SETTINGS | {"screen_out_code": ENDLESS}, "tiny/listeners"),
    "transducer": ("tiny/recruiting", SETTINGS | {"transducer": ENDLESS}, "tiny/listeners"),
    "count": ("tiny/invitations", {"count": ENDLESS}, "tiny/listeners"),
    "label": ("tiny/invitations", {"count": "1", "label": ENDLESS}, "tiny/listeners"),
    "text": ("tiny/invitations/list", {"text": f"{ENDLESS};{ENDLESS}"}, "tiny/listeners"),
    "who": ("tiny/withdraw", {"who": ENDLESS}, "tiny/results?version=1"),
    "reason": ("tiny/ratings.csv", {"layout": "long", "reason": ENDLESS}, "tiny/results?version=1"),
    "duplicate-name": ("tiny/duplicate", {"name": ENDLESS}, "tiny/"),
    "code": ("tiny/lab/back", {"code": ENDLESS, "place": "Booth 1"}, "tiny/lab"),
    "level": ("places", {"name": "Booth 2", "level_db_a": "9", "transducer": "headphones", "device": "x"}, "places"),
    "device": ("places", {"name": "B", "level_db_a": "80", "transducer": "headphones", "device": ENDLESS}, "places"),
}
"""A field that won't do: where it is sent, with what, and the page that it is on."""
ELSEWHERE = {
    "a study of that name": ("new", {"name": ENDLESS}),
    "an account": ("tiny/access", {"name": ENDLESS, "may": "view"}),
    "a layout": ("tiny/ratings.csv", {"layout": ENDLESS, "reason": "x"}),
    "a job": ("tiny/jobs", {"kind": ENDLESS, "reason": "x"}),
    "a state": ("tiny/versions/1/status", {"status": ENDLESS}),
    "a place": ("tiny/lab", {"place": ENDLESS}),
    "a transducer": ("places", {"name": "B", "level_db_a": "80", "transducer": ENDLESS, "device": "x"}),
    "a login": ("login", {"name": ENDLESS, "password": ENDLESS}),
    "a study to duplicate": (f"{ENDLESS}/duplicate", {"name": "x"}),
}


@pytest.fixture
def olga(app: Flask) -> FlaskClient:
    """A browser of an owner; a listening place is there."""
    calibrate(database_of(app))
    return inside(app, person(database_of(app), "olga", "owner"))


def sent(client: FlaskClient, address: str, fields: dict[str, str]) -> str:
    """What is answered to a form."""
    seen = re.search(r'name="seen" value="(\w+)"', client.get("/studio/tiny/listeners").text)
    assert seen
    token = csrf(client.get("/studio/account").text)
    answer = client.post(f"/studio/{address}", data=fields | {"csrf_token": token, "seen": seen[1]})
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.headers.get("Location"))
    return answer.text


@pytest.mark.parametrize("field", REFUSED)
def test_a_field_that_will_not_do_is_marked_and_said(olga: FlaskClient, field: str) -> None:
    """The sentence stands on top, leading to the field, and beside it; the page can be had in the other language."""
    address, fields, page = REFUSED[field]
    answer = sent(olga, address, fields)
    assert re.findall(r'<(?:input|select|textarea) id="([^"]+)"[^>]*aria-invalid="true"', answer) == [field]
    assert re.search(f'id="{field}"[^>]* aria-describedby="{field}-wrong[ "]', answer)
    beside = re.search(f'<span class="wrong" id="{field}-wrong">([^<]+)</span>', answer)
    assert beside and beside[1] in answer[answer.index('role="alert"') : beside.start()]
    assert longest(answer) <= 200
    link = re.search(r'<a href="([^"]+)" lang="de"', answer)
    assert link and html.unescape(link[1]) == f"/studio/{page}{'&' if '?' in page else '?'}lang=de"
    other = olga.get(html.unescape(link[1]))
    assert other.status_code == 200 and '<html lang="de"' in other.text and 'aria-invalid="true"' not in other.text


def test_a_page_of_trouble_can_be_had_in_the_other_language(olga: FlaskClient) -> None:
    assert olga.get("/studio/nothing/").text.count('<a href="/studio/nothing/?lang=de" lang="de"') == 1
    answer = olga.post("/studio/tiny/invitations", data={"csrf_token": "made up"})
    assert answer.status_code == 400 and '<a href="/studio/?lang=de" lang="de"' in answer.text


@pytest.mark.parametrize("what", ELSEWHERE)
def test_of_what_is_too_long_no_more_is_repeated_than_is_recognised(olga: FlaskClient, what: str) -> None:
    assert longest(sent(olga, *ELSEWHERE[what])) <= 200


def longest(answer: str) -> int:
    """So many letters of ``ENDLESS`` are read on a page; in the fields they stay, to be typed again."""
    read = re.sub(r"<textarea.*?</textarea>|<[^>]*>", "", answer, flags=re.DOTALL)
    return max(map(len, re.findall("x+", read)), default=0)


def test_closing_says_who_is_at_it(app: Flask, olga: FlaskClient) -> None:
    database = database_of(app)
    finished, one, other = (Guest(database) for _ in range(3))
    finished.finish()
    for guest in (one, other):
        guest.save(guest.trial())
    said = "2 listeners are under way now"
    assert f"{said}." in olga.get("/studio/tiny/").text
    token = csrf(olga.get("/studio/account").text)
    olga.post("/studio/tiny/versions/1/status", data={"csrf_token": token, "status": "closed"})
    page = olga.get("/studio/tiny/").text
    assert f"results may be looked at. {said}, and may finish." in page and page.count(said) == 1
    one.save(one.trial())  # as it was promised
    with database.reading() as db:
        assert lifecycle.current(db, "tiny").status == "closed"
