"""Listeners who save trials over HTTP and keep account of what was acknowledged; servers that can be killed.

The account is what counts: every key that was ever sent, with the ratings that were sent under it. A client repeats
a request until it is acknowledged, as the page does, and never forgets one.

Defines: ``published``, ``enrolled``, ``Client``, ``Crowd``, ``Serve``, ``Gunicorn``, ``compare``.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import tiny_set
from gunicorn_process import COMMAND
from postgresql_server import free_port
from server_guests import Guest, as_json
from sqlalchemy import select

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import ListeningSession, Response, Save, Slot, Trial
from mushra_app.publish import publish
from mushra_app.security import token_sha256

AWAIT_S = 0.02
REPEATED = 0.1
"""Share of requests that were acknowledged before and are sent again."""


def published(folder: Path, database: Database, settings: Settings, *, trials: int, systems: int = 2) -> None:
    """A study with so many short trials of ``systems + 3`` hidden sounds, open to listeners."""
    items = [{"song": f"Song {n}", "excerpt": {"start_s": 0, "length_s": 1}} for n in range(trials)]
    described: dict[str, Any] = {
        "items": items,
        "systems": [{"name": f"system-{n}", "kind": "centre_cancellation"} for n in range(systems)],
        "test": {"references": ["reference"]},
        "questions": [{"name": "remarks", "text": "Anything else?"}],  # so that a session is never finished
    }
    tiny_set.make(folder, sound=lambda *names: tiny_set.noise(*names)[:441], **described)
    publish(folder, database, settings)


@dataclass(frozen=True)
class Sheet:
    """One trial of one session, as far as saving it goes."""

    token: str
    url: str
    sounds: tuple[str, ...]


def enrolled(database: Database) -> list[Sheet]:
    """The trials of a new listener."""
    guest = Guest(database)
    with database.reading() as db:
        rows = db.execute(
            select(Trial.token, Slot.token)
            .join(Slot, Slot.trial_id == Trial.id)
            .join(ListeningSession, ListeningSession.id == Trial.session_id)
            .where(ListeningSession.token_sha256 == token_sha256(guest.token), Slot.hidden)
            .order_by(Trial.position, Slot.position)
        )
        found: dict[str, list[str]] = {}
        for trial, sound in rows:
            found.setdefault(trial, []).append(sound)
    return [Sheet(token, f"{guest.base}/trials/{token}", tuple(sounds)) for token, sounds in found.items()]


@dataclass
class Sent:
    """One save: where it went, what it holds, and whether the server said that it has it."""

    sheet: Sheet
    body: dict[str, Any]
    acknowledged: bool = False

    @property
    def ratings(self) -> dict[str, float]:
        return {rating["sound"]: rating["value"] for rating in self.body["ratings"]}


@dataclass
class Client:
    """One browser with its listener: new trials, then revisions of old ones, and repeats of what is stored already."""

    port: int
    sheets: list[Sheet]
    draw: random.Random
    most: int = 10**9
    sent: list[Sent] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    lost_connections: int = 0
    mistakes: list[str] = field(default_factory=list)
    connection: http.client.HTTPConnection | None = None

    def work(self, until: threading.Event) -> None:
        """Save until told to stop, or ``most`` trials; what was begun is repeated until it is acknowledged."""
        while not until.is_set() and not self.mistakes and len(self.sent) < self.most:
            if self.sent and self.draw.random() < REPEATED:
                self.deliver(self.draw.choice(self.sent))
            else:
                self.sent.append(self.next_save())
                self.deliver(self.sent[-1])

    def next_save(self) -> Sent:
        """A trial that was not saved yet, or a higher revision of one that was."""
        revisions = [sum(one.sheet is sheet for one in self.sent) for sheet in self.sheets]
        new = [n for n, revision in enumerate(revisions) if revision == 0]
        chosen = new[0] if new and self.draw.random() < 0.7 else self.draw.randrange(len(self.sheets))
        sheet = self.sheets[chosen]
        ratings = [
            {"sound": sound, "value": self.draw.randrange(1001) / 10, "moved": True, "heard_s": 1.5, "plays": 2}
            for sound in sheet.sounds
        ]
        body = {"key": f"{self.draw.getrandbits(128):032x}", "revision": revisions[chosen] + 1, "ratings": ratings}
        body |= {"trial_s": 30.5, "engine": "audioworklet", "fade_mode": "bs1534", "rate_hz": 44100}
        events = [{"at_s": 1.5, "kind": "play", "sound": sheet.sounds[0], "value": None}]
        return Sent(sheet, body | {"events": events})

    def deliver(self, one: Sent, give_up_s: float = 120) -> None:
        """Send it until it is acknowledged; anything but that, a busy server or none, is a mistake."""
        deadline = time.monotonic() + give_up_s
        while time.monotonic() < deadline:
            try:
                status, said = self.put(one)
            except (OSError, http.client.HTTPException):
                self.lost_connections += 1
                self.hang_up()
                time.sleep(AWAIT_S)
                continue
            self.answers[status] = self.answers.get(status, 0) + 1
            if status == 200:
                one.acknowledged = True
                return
            if status not in (503, 507):
                self.mistakes.append(f"{status}: {said!r} to revision {one.body['revision']}")
                return
            time.sleep(AWAIT_S)
        self.mistakes.append(f"nothing acknowledged within {give_up_s} s")

    def put(self, one: Sent) -> tuple[int, bytes]:
        """One request."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
        self.connection.request("PUT", one.sheet.url, as_json(one.body), headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def hang_up(self) -> None:
        """Forget the connection."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Crowd:
    """Clients on threads of their own, from ``with`` to its end; each then has every save acknowledged."""

    def __init__(self, port: int, sheets: list[list[Sheet]], seed: int, *, most: int = 10**9) -> None:
        """One client for each list of trials; ``most`` ends each of them early."""
        self.clients = [Client(port, own, random.Random(f"{seed}/{n}"), most) for n, own in enumerate(sheets)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=client.work, args=(self._stop,)) for client in self.clients]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for client in self.clients:
            client.hang_up()
        assert self.mistakes == [], self.mistakes

    def finish(self) -> None:
        """Until every client has saved its ``most``."""
        for thread in self._threads:
            thread.join()

    @property
    def sent(self) -> list[Sent]:
        return [one for client in self.clients for one in client.sent]

    @property
    def acknowledged(self) -> int:
        """How many different saves the server said that it has."""
        return sum(one.acknowledged for one in self.sent)

    @property
    def mistakes(self) -> list[str]:
        return [mistake for client in self.clients for mistake in client.mistakes]

    @property
    def answers(self) -> dict[int, int]:
        """How many requests were answered with each status."""
        codes = sorted({code for client in self.clients for code in client.answers})
        return {code: sum(client.answers.get(code, 0) for client in self.clients) for code in codes}

    def wait_for(self, more: int, within_s: float = 60) -> None:
        """Until so many more saves are acknowledged."""
        wanted, deadline = self.acknowledged + more, time.monotonic() + within_s
        while self.acknowledged < wanted:
            assert time.monotonic() < deadline and not self.mistakes, (self.acknowledged, self.answers, self.mistakes)
            time.sleep(AWAIT_S)


def compare(database: Database, sent: list[Sent]) -> dict[str, int]:
    """What the database holds against what the clients know.

    ``lost``: acknowledged and not stored; ``altered``: stored with other ratings than were sent, or not all of them;
    ``duplicated``: rows that are there more than once, or that nobody sent.
    """
    with database.reading() as db:
        saves = db.execute(select(Save.key, Trial.token, Save.revision).join(Trial, Trial.id == Save.trial_id)).all()
        rows = db.execute(
            select(Save.key, Slot.token, Response.number)
            .select_from(Response)
            .join(Save, Save.id == Response.save_id)
            .join(Slot, Slot.id == Response.slot_id)
        ).all()
    stored = {key: (trial, revision) for key, trial, revision in saves}
    ratings: dict[str, dict[str, float]] = {key: {} for key in stored}
    for key, sound, number in rows:
        ratings[key][sound] = number
    known = {one.body["key"]: one for one in sent}
    acknowledged = [key for key, one in known.items() if one.acknowledged]
    present = [one for key, one in known.items() if key in stored]
    return {
        "acknowledged": len(acknowledged),
        "stored": len(saves),
        "lost": sum(key not in stored for key in acknowledged),
        "duplicated": len(rows) - sum(map(len, ratings.values())) + len(saves) - len(present),
        "altered": sum(
            stored[one.body["key"]] != (one.sheet.token, one.body["revision"])
            or ratings[one.body["key"]] != one.ratings
            for one in present
        ),
    }


class Serve:
    """``mushra serve`` on a port that it gets again after every kill; ``fault`` is code that runs before it."""

    size: ClassVar[dict[str, str]] = {"MUSHRA_THREADS": "16"}

    def __init__(self, settings: Settings, *, fault: str = "", before: tuple[str, ...] = ()) -> None:
        self.settings, self.port = settings, free_port()
        self.code = f"{fault}\nfrom mushra_app.server_cli import serve; serve()"
        self.before = before
        self.log_file = settings.data_dir.with_name(f"{settings.data_dir.name}.log")  # not on a disk that may be full
        self.start()

    def command(self) -> list[str]:
        return [sys.executable, "-c", self.code, "--data", str(self.settings.data_dir)]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        said = {"MUSHRA_DATABASE_URL": self.settings.database_url} if self.settings.database_url else {}
        said |= {"MUSHRA_DATA_DIR": str(self.settings.data_dir), "MUSHRA_PORT": str(self.port)} | self.size
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.before, *self.command()],
                env=os.environ | said,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(600):
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/healthz")
                assert connection.getresponse().status == 200
                connection.close()
                return
            assert self.process.poll() is None, self.log
            time.sleep(0.05)
        raise AssertionError("the server did not answer in 30 s")

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_file.read_text()

    def kill(self) -> None:
        """SIGKILL to the whole process group."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """Stop it politely."""
        os.killpg(self.process.pid, signal.SIGTERM)  # a tracer in front of it does not hand it on
        self.process.wait(timeout=30)


class Gunicorn(Serve):
    """gunicorn as it is shipped, with two workers of eight threads."""

    size: ClassVar[dict[str, str]] = {"MUSHRA_WORKERS": "2", "MUSHRA_THREADS": "8", "MUSHRA_GRACEFUL_STOP_S": "10"}

    def command(self) -> list[str]:
        return COMMAND

    def workers(self) -> list[int]:
        """The processes that answer."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def kill_one(self, draw: random.Random) -> None:
        """SIGKILL to one worker; the other goes on, and gunicorn starts a new one."""
        if workers := self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(draw.choice(workers), signal.SIGKILL)
