"""Listeners and servers for the tests of this room: a guest who walks a session, and a real server process."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from mushra_app import places, schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener.pages import DonePage, InstructionsPage, QuestionsPage, TrialPage
from mushra_app.publish import publish
from mushra_app.session import enrolment, listening
from mushra_app.session.saving import lock_trial, read_body, save_trial
from mushra_app.study import lifecycle

ORIGIN = {"Origin": "http://localhost"}
"""What a browser sends with a save, from a page of the test client's server."""


class Guest:
    """A listener who enrolled through the use cases, to test one of them at a time; ``at`` is a listening place."""

    def __init__(
        self,
        database: Database,
        study: str = "tiny",
        *,
        simulated: bool = False,
        experience: str = "experienced",
        at: str = "",
    ) -> None:
        self.database = database
        with database.writing() as db:
            place = places.current(db, at) if at else None
            arrival = enrolment.Arrival("headphones", experience, "a test", place=place, simulated=simulated)
            self.token = enrolment.enrol(db, lifecycle.taking(db, study), arrival)
        self.base = f"/session/{self.token}"

    def page(self) -> Any:
        """The page that is next."""
        with self.database.reading() as db:
            return listening.next_page(db, listening.sitting_of(db, self.token), self.base)

    def trial(self) -> TrialPage:
        """The trial that is next, past all questions and instructions before it."""
        while not isinstance(page := self.page(), TrialPage):
            self.pass_by(page)
        return page

    def pass_by(self, page: Any) -> None:
        """Answer or go on."""
        with self.database.writing() as db:
            sitting = listening.sitting_of(db, self.token)
            if isinstance(page, QuestionsPage):
                assert listening.answer(db, sitting, {"ears": "yes", "age": "33", "remarks": "=1+1"}) is None
            elif isinstance(page, InstructionsPage):
                listening.go_on(db, sitting)
            else:
                raise AssertionError(f"no trial follows {page}")

    def save(self, page: TrialPage, **changes: Any) -> dict[str, Any]:
        """Save a trial; what was sent."""
        body = body_of(page, **changes)
        with self.database.writing() as db:
            sitting = listening.sitting_of(db, self.token)
            save_trial(db, lock_trial(db, sitting.token_sha256, page.token), read_body(as_json(body)), "a test")
        return body

    def finish(self) -> list[tuple[TrialPage, dict[str, Any]]]:
        """Take the rest of the session; every trial with what was sent for it."""
        sent = []
        while not isinstance(page := self.page(), DonePage):
            if isinstance(page, TrialPage):
                sent.append((page, self.save(page)))
            else:
                self.pass_by(page)
        return sent


def calibrate(database: Database, name: str = "Booth 1", **changes: Any) -> None:
    """Write down a calibration: 78 dB(A) on headphones, if nothing else is said."""
    written = {"level_db_a": 78.0, "transducer": "headphones", "device": "HD 650 on a RME Fireface"} | changes
    with database.writing() as db:
        places.add(db, name, **written)


def body_of(page: TrialPage, **changes: Any) -> dict[str, Any]:
    """What a page sends when a trial is saved; sound n is rated 10 n."""
    ratings = [
        {"sound": sound.token, "value": 10 * n, "moved": True, "heard_s": 1.5, "plays": 2}
        for n, sound in enumerate(page.sounds, 1)
    ]
    return {
        "key": uuid.uuid4().hex,
        "revision": page.revision + 1,
        "ratings": ratings,
        "comment": "",
        "trial_s": 30.5,
        "engine": "audioworklet",
        "fade_mode": page.switching,
        "rate_hz": 44100,
        "base_latency_s": 0.01,
        "output_latency_s": None,
        "events": [{"at_s": 1.5, "kind": "play", "sound": page.sounds[0].token, "value": None}],
    } | changes


class Served:
    """A ``mushra serve`` process; ``url`` is where it answers, ``before`` runs first, ``popen`` is how it starts."""

    def __init__(self, data: Path, port: int = 0, *, before: str = "", **popen: Any) -> None:
        code = f"{before}from mushra_app.server_cli import serve; serve()"
        command = [sys.executable, "-c", code, "--data", str(data), "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **popen)
        assert self.process.stdout is not None
        self.said = [self.process.stdout.readline() for _ in range(3)]
        found = re.search(r"experimenter: (http://[^/\s]+)/studio/", "".join(self.said))
        assert found, self.said
        self.url = found[1]

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=20)


def opened(settings: Settings, empty_sqlite: Path) -> Database:
    """A database with this release's tables."""
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True)
        shutil.copy(empty_sqlite, settings.database_file)
    found = Database(settings)
    schema.require(found, settings)
    return found


def published_in(folder: Path, stimuli: Path, empty_sqlite: Path) -> Path:
    """A new data folder with this set published."""
    settings = Settings(data_dir=folder)
    database = opened(settings, empty_sqlite)
    publish(stimuli, database, settings)
    database.close()
    return folder


def as_json(body: dict[str, Any]) -> bytes:
    """JSON as a page sends it."""
    return json.dumps(body).encode()
