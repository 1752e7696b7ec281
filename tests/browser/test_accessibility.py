"""axe-core on every page that people see: nothing to complain about, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import listener as a
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from server_guests import Guest, calibrate
from sqlalchemy import delete
from studio_looks import looked_at
from studio_people import PASSWORD, person

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Job, now
from mushra_app.people import accounts, second_factor
from mushra_app.security import place_link_token, secret_key, studio_key
from mushra_app.session import listening
from mushra_app.session.saving import store_script_error
from mushra_app.study import lifecycle, results

VIEWS = {
    "desk, light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone, dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


SOUNDS = (
    "publish",
    "tiny/sounds",
    "tiny/preview/1",
    *(f"tiny/preview/1/session/en-headphones-7-{n}" for n in range(2)),
)


@pytest.fixture(params=VIEWS)
def seen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that may run axe beside its own scripts."""
    context = browser.new_context(**VIEWS[request.param], bypass_csp=True, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def complaints(page: Page) -> list[str]:
    """What axe finds, a line each: the rule, and the first place."""
    found = Axe().run(page).response["violations"]
    return [f"{page.title()}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:120]}" for one in found]


def test_every_page_of_a_listener(seen: Page, server) -> None:
    found: list[str] = []
    kinds: set[str] = set()
    seen.goto(f"{server.url}/listen/tiny")
    for _ in range(20):
        kinds.add(seen.locator("h1").inner_text())
        if seen.locator("#trial").count():
            trial = a.trial(seen)
            found += complaints(seen)
            for number in range(1, len(trial["sounds"]) + 1):
                a.play(seen, number)
                seen.keyboard.press("PageUp")
            found += complaints(seen)
            seen.locator("#keys-button").click()
            found += complaints(seen)
            seen.keyboard.press("Escape")
            a.next_button(seen).click()  # reminds once: nothing is at 100
            with seen.expect_navigation():
                a.next_button(seen).click()
            continue
        found += complaints(seen)
        if not seen.locator("form[method=post]").count() or "Thank you" in seen.locator("h1").inner_text():
            break
        a.fill_in(seen)
    assert len(kinds) >= 6, kinds
    assert found == []


def test_every_page_of_the_studio(seen: Page, server, data_dir: Path) -> None:
    seen.goto(f"{server.url}/studio/")
    found = complaints(seen)
    seen.goto(f"{server.url}/studio/?key={studio_key(Settings(data_dir=data_dir))}")
    found += complaints(seen)
    calibrate_and_fail(data_dir)
    of_a_study = ("tiny", "tiny/design", "tiny/live", "tiny/results", "tiny/erase")
    for address in ("", "new", *of_a_study, "places", "account", *SOUNDS):
        seen.goto(f"{server.url}/studio/{address}")
        found += complaints(seen)
    seen.goto(f"{server.url}/studio/tiny/live")
    for details in seen.locator("details").all():
        details.evaluate("details => details.open = true")
    assert found + complaints(seen) == []


def test_the_pages_of_a_test_that_is_under_way(seen: Page, server, data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    database = Database(settings)
    pseudonym = looked_at(database, settings)
    database.close()
    seen.goto(f"{server.url}/studio/?key={studio_key(settings)}")
    found = []
    for address in ("live", "live?state=withdrawn", f"listeners/{pseudonym}"):
        seen.goto(f"{server.url}/studio/tiny/{address}")
        for details in seen.locator("details").all():
            details.evaluate("details => details.open = true")
        found += complaints(seen)
    assert found == [] and seen.locator(".timeline .plays").count() >= 1


def test_every_page_of_those_with_accounts(seen: Page, server, data_dir: Path) -> None:
    database = Database(Settings(data_dir=data_dir))
    name = f"vera-{uuid.uuid4().hex[:6]}"
    person(database, name, "viewer")
    database.close()
    seen.goto(f"{server.url}/studio/login")
    found = complaints(seen)
    for password in ("not the password", PASSWORD):
        seen.get_by_label("Name").fill(name)
        seen.get_by_label("Password").fill(password)
        with seen.expect_navigation():
            seen.get_by_role("button", name="Log in", exact=True).click()
        found += complaints(seen)
    for address in ("places", "account?changed", "account"):
        seen.goto(f"{server.url}/studio/{address}")
        found += complaints(seen)
    assert seen.get_by_role("button", name="Log out").count() == 1 and found == []


def test_every_page_of_people(seen: Page, server, data_dir: Path) -> None:
    database = Database(Settings(data_dir=data_dir))
    names = [f"{name}-{uuid.uuid4().hex[:6]}" for name in ("olga", "carl")]
    person(database, names[0], "owner")
    person(database, names[1], "experimenter", "tiny")
    with database.writing() as db:
        carl = accounts.named(db, names[1])
        carl.totp_secret, number = second_factor.new_secret(), carl.id
    found: list[str] = []
    log_in_at(seen, server.url, names[1])
    found += complaints(seen)
    seen.get_by_label("Code").fill("000000")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Go on").click()
    found += complaints(seen)
    log_in_at(seen, server.url, names[0])
    for address in ("people", f"people/{number}", "audit", "audit?who=x", "tiny/access", "account/second-factor"):
        seen.goto(f"{server.url}/studio/{address}")
        found += complaints(seen)
    seen.goto(f"{server.url}/studio/account/tokens")
    seen.get_by_label("What is it for?").fill("axe")
    seen.get_by_label("Your password, once more").fill(PASSWORD)
    with seen.expect_navigation():
        seen.get_by_role("button", name="Make it").click()
    found += complaints(seen)
    seen.goto(f"{server.url}/studio/people")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Make a link").click()
    found += complaints(seen)
    seen.goto(seen.get_by_label("Link").input_value())
    found += complaints(seen)
    database.close()
    assert found == [] and "Join the studio" in seen.locator("h1").inner_text()


def log_in_at(seen: Page, url: str, name: str) -> None:
    seen.context.clear_cookies()
    seen.goto(f"{url}/studio/login")
    seen.get_by_label("Name").fill(name)
    seen.get_by_label("Password").fill(PASSWORD)
    with seen.expect_navigation():
        seen.get_by_role("button", name="Log in", exact=True).click()


def as_an_owner(seen: Page, url: str, data_dir: Path) -> None:
    """Once there is an account, the studio's key opens nothing."""
    database, name = Database(Settings(data_dir=data_dir)), f"owner-{uuid.uuid4().hex[:6]}"
    person(database, name, "owner")
    database.close()
    log_in_at(seen, url, name)


def test_the_pages_of_people_who_come(seen: Page, server, data_dir: Path) -> None:
    calibrate_and_fail(data_dir)
    as_an_owner(seen, server.url, data_dir)
    found: list[str] = []
    for address in ("listeners", "invitations/tickets"):  # while there is none
        seen.goto(f"{server.url}/studio/tiny/{address}")
        found += complaints(seen)
    seen.goto(f"{server.url}/studio/tiny/listeners")
    seen.locator("#text").fill("label;group\nAda;\nGrace;")
    with seen.expect_navigation():
        seen.get_by_role("button", name="Import the list").click()
    found += complaints(seen)
    seen.locator("input.link").first.focus()
    assert seen.evaluate("getSelection().toString()").startswith(f"{server.url}/listen/tiny?invitation=")
    for address in ("invitations/tickets", "lab"):
        seen.goto(f"{server.url}/studio/tiny/{address}")
        found += complaints(seen)
    with seen.expect_navigation():
        seen.get_by_role("button", name="Next listener at Booth 1").click()
    assert "at Booth 1" in seen.locator("main").inner_text()
    assert found + complaints(seen) == []


def calibrate_and_fail(data_dir: Path) -> None:
    """A listening place that is too loud, and a page's error: what the studio shows of them."""
    database = Database(Settings(data_dir=data_dir))
    calibrate(database, level_db_a=90.0)
    guest = Guest(database)
    with database.writing() as db:
        sitting = listening.sitting_of(db, guest.token)
        store_script_error(db, sitting, "TypeError: nothing\n  at trial.js", "a test")
    database.close()


def test_the_welcome_page_of_a_listening_place(seen: Page, server, data_dir: Path) -> None:
    calibrate_and_fail(data_dir)
    seen.goto(f"{server.url}/listen/tiny?place={place_link_token(secret_key(Settings(data_dir=data_dir)), 'Booth 1')}")
    assert "at Booth 1" in seen.locator("main").inner_text() and complaints(seen) == []


def test_a_message_page(seen: Page, server) -> None:
    seen.goto(f"{server.url}/listen/nothing")
    assert complaints(seen) == []


def test_the_contact_sheet(seen: Page, tmp_path: Path) -> None:
    import tiny_set

    from stimuli.inspection.show import show

    tiny_set.make(tmp_path / "set")
    seen.goto(show(tmp_path / "set", progress=False).as_uri())
    assert complaints(seen) == []


def test_the_report(seen: Page, tmp_path: Path) -> None:
    import small_study

    from analysis.report import assemble, page

    manifest = small_study.build(tmp_path / "set", small_study.experiment())
    ratings = small_study.save(tmp_path / "ratings.csv", small_study.rows(manifest, simulated=True))
    path = tmp_path / "report.html"
    path.write_text(page.html(assemble.assemble(assemble.Source(ratings, tmp_path / "set"))), encoding="utf-8")
    seen.goto(path.as_uri())
    assert complaints(seen) == []


def test_axe_would_complain(seen: Page) -> None:
    """A planted fault: a button without a name, and pale text."""
    seen.set_content(
        "<html lang=en><title>x</title><main><h1>x</h1><button></button><p style='color:#ccc'>pale</p></main>"
    )
    assert [line.split(": ")[1] for line in complaints(seen)] == ["button-name", "color-contrast"]


def test_results_with_a_report_a_failed_job_and_one_under_way(seen: Page, server, data_dir: Path) -> None:
    database = Database(settings := Settings(data_dir=data_dir))
    guest = Guest(database)
    guest.finish()
    with database.writing() as db:
        version = lifecycle.current(db, "tiny")
        place, before, version.status = results.place_of(db, version, settings), version.status, "closed"
        for kind, status in (("report", "done"), ("export", "failed"), ("bundle", "waiting")):
            job = jobs.ask(db, kind, [str(place.folder / uuid.uuid4().hex)], study_id=version.study_id)
            job.status, job.reason, job.started_at, job.ended_at = status, "no such folder", now(), now()
        pseudonym = listening.sitting_of(db, guest.token).listener.pseudonym
    results.prepare(place)
    (place.folder / "report.json").write_text('{"counts": {"analysed": 1}, "listeners": 1, "deviations": ["one"]}')
    (place.folder / "report.html").write_text("<!doctype html><html lang=en><title>r</title><main><h1>r</h1></main>")
    try:
        as_an_owner(seen, server.url, data_dir)
        seen.goto(f"{server.url}/studio/tiny/results")
        assert seen.locator("iframe").count() == 1 and seen.locator(".work").count() == 1
        found = complaints(seen)
        seen.locator("#who").fill(pseudonym)
        with seen.expect_navigation():
            seen.get_by_role("button", name="Find").click()
        found += complaints(seen)
    finally:
        with database.writing() as db:
            lifecycle.current(db, "tiny").status = before
            db.execute(delete(Job))
        database.close()
    assert found == []
