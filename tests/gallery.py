"""Pictures of every page that people see, in light, dark and phone size: ``make gallery`` writes docs/gallery.

The pages are the real ones, of a real server on the demo's sounds, walked through in Chromium. A page is photographed
once it looks as it does in use: a sound plays, some sliders are moved, a check was failed. ``docs/gallery.md`` lists
the pictures; tests/test_gallery.py asks for one of each page of the app.

Defines: ``VIEWS``, ``SHOWN``.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.doctor import browser_path
from mushra_app.people import accounts, permissions, second_factor
from mushra_app.places import add
from mushra_app.publish import publish
from mushra_app.schema import require
from mushra_app.security import studio_key
from mushra_app.simulated.browser import FLAGS
from mushra_app.simulated.browser import _fill_in as fill_in
from stimuli import manifest as manifests
from stimuli.experiment import Completion, Question, Setup, study_id

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo" / "stimuli"
OUT = ROOT / "docs" / "gallery"
COLOURS = 128
PERSON, COLLEAGUE, PASSWORD = "ada@example.org", "grace@example.org", "correct horse battery"
OF_A_STUDY = {
    "study-sounds": "sounds",
    "study-design": "design",
    "study": "",
    "study-people": "listeners",
    "study-tickets": "invitations/tickets",
    "study-lab": "lab",
    "study-live": "live",
    "study-results": "results",
    "study-erase": "erase",
    "preview": "preview/1",
}
"""The pages of one study, and where they are."""
PEOPLE = {
    "studio-second-factor": "account/second-factor",
    "studio-tokens": "account/tokens",
    "studio-people": "people",
    "studio-person": "people/2",
    "study-access": "demo/access",
    "studio-audit": "audit",
}
"""What an owner sees of people, and where."""
VIEWS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}
SHOWN = {
    "welcome": "listener/welcome.html",
    "welcome-german": "listener/welcome.html",
    "level": "listener/level.html",
    "sides": "listener/check.html",
    "sides-failed": "listener/check.html",
    "headphones": "listener/check.html",
    "practice": "listener/instructions.html",
    "training": "listener/trial.html",
    "trial": "listener/trial.html",
    "sorted": "listener/trial.html",
    "keys": "listener/trial.html",
    "break": "listener/questions.html",
    "done": "listener/done.html",
    "withdraw": "listener/withdraw.html",
    "refused": "listener/message.html",
    "studio-login": "studio/login.html",
    "studio": "studio/studies.html",
    "study": "studio/test.html",
    "studio-new": "studio/new.html",
    "study-design": "studio/design.html",
    "study-live": "studio/live.html",
    "study-results": "studio/results.html",
    "study-people": "studio/listeners.html",
    "study-tickets": "studio/tickets.html",
    "study-lab": "studio/lab.html",
    "study-erase": "studio/erasure.html",
    "study-withdraw": "studio/withdrawal.html",
    "places": "studio/places.html",
    "studio-account-by-key": "studio/account.html",
    "studio-log-in": "studio/login.html",
    "studio-log-in-refused": "studio/login.html",
    "studio-account": "studio/account.html",
    "studio-code": "studio/code.html",
    "studio-second-factor": "studio/second-factor.html",
    "studio-tokens": "studio/tokens.html",
    "studio-people": "studio/people.html",
    "studio-person": "studio/person.html",
    "studio-join": "studio/join.html",
    "study-access": "studio/access.html",
    "studio-audit": "studio/audit.html",
    "publish": "studio/publish.html",
    "study-sounds": "studio/sounds.html",
    "preview": "listener/welcome.html",
    "study-listener": "studio/listener.html",
    "studio-nothing-here": "studio/trouble.html",
}
"""Every picture, and the template of the page on it."""
PARTS = {"studio/design_findings.html"}
"""What a script puts into a page that is shown."""


def published(folder: Path) -> Settings:
    """The demo's sounds as a study that goes through everything."""
    found = manifests.read(DEMO)
    tired = Question(
        name="tired", text="How tired are your ears?", when="between", type="choice", choices=("not", "a bit")
    )
    experiment = found.experiment.model_copy(
        update={
            "setup": Setup(headphones="huggins"),
            "completion": Completion(code="C0FFEE"),
            "questions": (tired,),
            "test": found.experiment.test.model_copy(update={"break_every": 1, "items_per_listener": 2}),
        }
    )
    folder.mkdir()
    shutil.copytree(DEMO / "clips", folder / "clips")
    changed = {"experiment": experiment, "study_id": study_id(experiment, found.stimuli_id)}
    manifests.write(folder, found.model_copy(update=changed))
    settings = Settings(data_dir=folder / "data")
    database = Database(settings)
    require(database, settings)
    publish(folder, database, settings)
    with database.writing() as db:
        add(db, "Booth 1", level_db_a=78.0, transducer="headphones", device="RME Fireface, HD 650")
    database.close()
    return settings


class Photographer:
    """One browser window of one view."""

    def __init__(self, browser: Browser, view: str, settings: Settings) -> None:
        self.view, self.settings = view, settings
        self.context = browser.new_context(**VIEWS[view])
        self.page: Page = self.context.new_page()

    def shoot(self, name: str) -> None:
        """Keep what is seen, in few colours."""
        assert name in SHOWN, name
        picture = Image.open(io.BytesIO(self.page.screenshot(full_page=self.view == "phone")))
        picture.convert("RGB").quantize(COLOURS).save(OUT / f"{name}-{self.view}.png", optimize=True)

    def go_on(self, name: str) -> None:
        """Press a button that leads to another page."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()


def listener(one: Photographer, url: str) -> None:
    """A listener's way, from the welcome page to the last."""
    page = one.page
    page.goto(f"{url}?lang=de")
    one.shoot("welcome-german")
    page.goto(f"{url}?lang=en")
    one.shoot("welcome")
    fill_in(page)
    page.locator(".sound-button").nth(1).click()
    page.wait_for_timeout(600)
    one.shoot("level")
    one.go_on("Continue")
    one.shoot("sides")
    fill_in(page)
    page.locator(".sound-button").first.click()
    page.wait_for_timeout(300)
    one.shoot("sides-failed")
    one.go_on("Go on as it is")
    one.shoot("headphones")
    fill_in(page)
    one.go_on("Go on as it is")
    one.shoot("practice")
    fill_in(page)
    rate(one, before=lambda: one.shoot("training"))
    while page.locator("h1").inner_text() != "Thank you":
        if page.locator("#trial").count():
            rate(one, before=lambda: one.shoot("trial"), after=lambda: arranged(one))
        else:
            if page.locator("input[type=radio]").count():
                one.shoot("break")
            fill_in(page)
    one.shoot("done")
    page.goto(f"{page.url}withdraw")
    one.shoot("withdraw")


def arranged(one: Photographer) -> None:
    """The sorted view, and the keys."""
    one.page.locator("#sort").click()
    one.shoot("sorted")
    one.page.locator("#keys-button").click()
    one.shoot("keys")
    one.page.keyboard.press("Escape")


def rate(one: Photographer, before: Callable[[], None], after: Callable[[], None] = lambda: None) -> None:
    """Hear and rate every sound; ``before`` when half of them are rated."""
    page = one.page
    page.wait_for_selector("body.ready")
    buttons = page.locator(".hear")
    for number in range(buttons.count()):
        buttons.nth(number).click()
        page.wait_for_timeout(150)
        for _ in range((number * 7) % 5 + 1):
            page.keyboard.press("Shift+ArrowUp" if number % 2 else "Shift+ArrowDown")
        if number == buttons.count() // 2:
            page.wait_for_timeout(1500)
            before()
    after()
    following = page.get_by_role("button", name="Next", exact=True)
    following.click()  # reminds once where nothing is at 100
    page.wait_for_timeout(400)
    if page.locator("#hint").count() and page.locator("#hint").inner_text():
        following.click()
    page.wait_for_selector("body:not(.trial)")


def experimenter(one: Photographer, origin: str, key: str) -> None:
    """The studio, and a link that was changed."""
    page = one.page
    page.goto(f"{origin}/listen/demo?as=changed")
    one.shoot("refused")
    page.goto(f"{origin}/studio/")
    one.shoot("studio-login")
    page.goto(f"{origin}/studio/?key={key}")
    one.shoot("studio")
    study = f"{origin}/studio/demo"
    page.goto(f"{study}/sounds")
    if (draw := page.get_by_role("button", name="Draw them")).count():
        draw.click()
        work_once(one.settings)
    page.goto(f"{study}/listeners")
    page.get_by_label("How many").fill("4")
    page.get_by_label("For whom").fill("Choir")
    one.go_on("Make invitations")
    for name, address in OF_A_STUDY.items():
        page.goto(f"{study}/{address}")
        one.shoot(name)
    page.goto(f"{study}/live")
    page.locator(".matrix th[scope=row] a").first.click()
    one.shoot("study-listener")
    pseudonym = page.url.rpartition("/")[2]
    page.goto(f"{study}/results")
    page.locator("#who").fill(pseudonym)
    one.go_on("Find")
    one.shoot("study-withdraw")
    for name, address in {
        "studio-new": "new",
        "places": "places",
        "publish": "publish",
        "studio-nothing-here": "nothing-here/",
    }.items():
        page.goto(f"{origin}/studio/{address}")
        one.shoot(name)
    page.goto(f"{origin}/studio/account")
    one.shoot("studio-account-by-key")


def work_once(settings: Settings) -> None:
    """Have the job done that waits."""
    command = [sys.executable, "-m", "mushra_app.cli", "worker", "--once", "--data", str(settings.data_dir)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def person(one: Photographer, origin: str) -> None:
    """Somebody with an account, at the door and inside."""
    page = one.page
    page.goto(f"{origin}/studio/login")
    one.shoot("studio-log-in")
    for password in ("not the password", PASSWORD):
        page.get_by_label("Name").fill(PERSON)
        page.get_by_label("Password").fill(password)
        one.go_on("Log in")
        if page.get_by_role("alert").count():
            one.shoot("studio-log-in-refused")
    page.goto(f"{origin}/studio/account")
    one.shoot("studio-account")
    people(one, origin)


def people(one: Photographer, origin: str) -> None:
    """What an owner sees of everybody, and what a colleague sees at the door."""
    page, link = one.page, ""
    for name, address in PEOPLE.items():
        page.goto(f"{origin}/studio/{address}")
        if name == "studio-tokens":
            page.get_by_label("What is it for?").fill("nightly export")
            page.get_by_label("Your password, once more").fill(PASSWORD)
            one.go_on("Make it")
        if name == "studio-people":
            one.go_on("Make a link")
            link = page.get_by_label("Link").input_value()
        one.shoot(name)
    assert link
    page.goto(link)
    one.shoot("studio-join")
    page.goto(f"{origin}/studio/login")
    page.get_by_label("Name").fill(COLLEAGUE)
    page.get_by_label("Password").fill(PASSWORD)
    one.go_on("Log in")
    one.shoot("studio-code")


def with_an_owner(settings: Settings) -> None:
    """From here on the studio's key opens nothing; a colleague is asked for a code."""
    password = accounts.hashed(PASSWORD)
    database = Database(settings)
    with database.writing() as db:
        accounts.add(db, PERSON, password, role="owner")
        colleague = accounts.add(db, COLLEAGUE, password, role="experimenter")
        colleague.totp_secret = second_factor.new_secret()
        permissions.grant(db, colleague, "demo")
    database.close()


def main() -> int:
    """Take all pictures; they replace those of the last time."""
    if not DEMO.is_dir():
        print(f"{DEMO}: is not there; run make demo first, it makes the sounds", file=sys.stderr)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        settings = published(Path(temporary) / "set")
        command = [sys.executable, "-m", "mushra_app.cli", "serve", "--data", str(settings.data_dir), "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        url = server.stdout.readline().split()[-1]
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=browser_path(), args=list(FLAGS))
                for view in VIEWS:
                    one = Photographer(browser, view, settings)
                    listener(one, url)
                    experimenter(one, url.split("/listen")[0], studio_key(settings))
                    one.context.close()
                with_an_owner(settings)
                for view in VIEWS:
                    one = Photographer(browser, view, settings)
                    person(one, url.split("/listen")[0])
                    one.context.close()
        finally:
            server.terminate()
            server.wait()
    write_page()
    return 0


def write_page() -> None:
    """List the pictures, a row each."""
    lines = ["# Every page", "", "Taken by `make gallery` on the demo's sounds: light, dark, and on a phone.", ""]
    lines += ["| | " + " | ".join(VIEWS) + " |", "|---|" + "---|" * len(VIEWS)]
    for name in SHOWN:
        cells = [f'<img src="gallery/{name}-{view}.png" alt="{name}, {view}" width="280">' for view in VIEWS]
        lines.append(f"| {name.replace('-', ' ')} | " + " | ".join(cells) + " |")
    (OUT.parent / "gallery.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
