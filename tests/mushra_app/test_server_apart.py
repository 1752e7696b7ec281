"""What is asked of the studio is answered by processes of their own, word for word as the server itself would.

The server of these tests answers ``HERE`` to whatever it has to answer itself.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn_process import environment
from many_sessions import stock
from server_guests import Guest, Served
from studio_people import close, database_of, inside, person

from mushra_app.config import Settings
from mushra_app.models import Job
from mushra_app.operation import apart
from mushra_app.people import accounts, tokens
from mushra_app.study import lifecycle

HERE = b"the server itself"
ANSWERS_ITSELF = f"import flask; flask.Flask.dispatch_request = lambda self: ({HERE.decode()!r}, 200); "
CHANGES = re.compile(r'value="[^"]{60,}"|\d+ s\b|127\.0\.0\.1:\d+|localhost|\d\d:\d\d(:\d\d)?')
"""Of two answers to one question: forms' tokens, times, and where the server is."""


LONG = 3900


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Studio:
    """A server process, and somebody's browser in its studio."""

    def __init__(self, served: Served, browser: FlaskClient) -> None:
        self.process, self.host = served.process, served.url.removeprefix("http://")
        cookie = browser.get_cookie("mushra")
        assert cookie is not None
        self.cookie = f"mushra={cookie.value}"

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answered:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, path, headers={"Cookie": self.cookie} | headers)
        found = connection.getresponse()
        answered = Answered(found.status, {name.lower(): told for name, told in found.getheaders()}, found.read())
        connection.close()
        return answered

    def others(self) -> list[int]:
        """The processes that answer beside the server."""
        asked = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)]
        listed = subprocess.run(asked, stdout=subprocess.PIPE, text=True).stdout
        return [int(line.split()[0]) for line in listed.splitlines() if "spawn_main" in line]

    def started(self) -> list[int]:
        """The same, once one answers: the first page asks for it."""
        wait_until(lambda: self.ask("/studio/").body != HERE)
        return self.others()


def wait_until(holds: Callable[[], bool], most_s: float = 60.0) -> None:
    until = time.monotonic() + most_s
    while not holds():
        assert time.monotonic() < until, "in vain"
        time.sleep(0.05)


def written_by(pid: int) -> int:
    """Bytes that a process has written, to whatever it was."""
    return int(re.findall(r"wchar: (\d+)", Path(f"/proc/{pid}/io").read_text())[0])


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """Of an owner."""
    return inside(app, person(database_of(app), "ada", "owner"))


@pytest.fixture
def start(settings: Settings, browser: FlaskClient) -> Iterator[Callable[..., Studio]]:
    """Starts such a server."""
    running: list[Served] = []

    def started(**more: Any) -> Studio:
        popen = {"env": environment(settings, **more), "stderr": subprocess.PIPE} if more else {}
        running.append(Served(settings.data_dir, before=ANSWERS_ITSELF, **popen))
        return Studio(running[-1], browser)

    yield started
    for server in running:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def test_answers_are_those_of_the_server_itself(start: Callable[..., Studio], browser: FlaskClient, app: Flask) -> None:
    Guest(database_of(app)).finish()
    close(database_of(app))
    studio = start()
    studio.started()
    pages = ["", "tiny/", "tiny/live", "tiny/sounds", "tiny/results", "tiny/design", "login", "tiny/listeners/L-1"]
    files_and_none = ["tiny/ratings.csv", "tiny/experiment.toml", "nobody/"]
    for path in [*(f"/studio/{page}" for page in [*pages, *files_and_none, "?lang=de"]), "/api/v1/studies"]:
        ours, theirs = browser.get(path), studio.ask(path)
        assert theirs.status == ours.status_code, path
        assert CHANGES.sub("", theirs.body.decode()) == CHANGES.sub("", ours.text), path
        sent = {name.lower(): told for name, told in ours.headers}
        assert set(theirs.headers) - {"date", "set-cookie"} == set(sent) - {"set-cookie"}, path
        for name in ("cache-control", "content-type", "content-security-policy"):
            assert theirs.headers.get(name) == sent.get(name), (path, name)
    assert studio.ask("/studio/tiny/", Cookie="").status == 401, "whoever is not in"
    found = studio.ask("/studio/tiny/live")
    again = studio.ask("/studio/tiny/live", **{"If-None-Match": found.headers["etag"]})
    assert (found.status, again.status, again.body) == (200, 304, b"")
    assert studio.ask("/studio/tiny/", "HEAD").body == b""
    assert studio.ask("/studio/tiny/", "POST").body == HERE, "what changes something stays"
    assert studio.ask("/listen/tiny").body == HERE, "and so do listeners' pages"


def test_a_large_answer_is_written_to_one_file_that_does_not_stay(
    start: Callable[..., Studio], browser: FlaskClient, app: Flask, settings: Settings
) -> None:
    guest = Guest(database_of(app))
    page = guest.trial()
    for revision in range(1, 2 + apart.IN_MEMORY // LONG):
        guest.save(page, comment="x" * LONG, revision=revision, key=f"{revision:032x}")
    close(database_of(app))
    studio = start()
    (other,) = studio.started()
    before = written_by(other)
    ours, theirs = browser.get("/studio/tiny/answers.csv"), studio.ask("/studio/tiny/answers.csv")
    assert len(theirs.body) > apart.IN_MEMORY and theirs.body == ours.data
    assert theirs.headers["content-length"] == str(len(ours.data))
    assert len(ours.data) <= written_by(other) - before < 1.2 * len(ours.data), "once"
    head = studio.ask("/studio/tiny/answers.csv", "HEAD")
    assert (head.body, head.headers["content-length"]) == (b"", str(len(ours.data)))
    with database_of(app).writing() as db:
        study = lifecycle.current(db, "tiny").study_id
        db.add(Job(kind="check", argv=[], key="k", study_id=study, status="done", output="x" * (apart.IN_MEMORY + 1)))
        token = tokens.make(db, accounts.named(db, "ada"), "a test", may="view", days=30)
    one = studio.ask("/api/v1/studies/tiny/jobs/1/output", Authorization=f"Bearer {token}")
    assert one.body == b"x" * (apart.IN_MEMORY + 1), "of which nobody knew how long it is"
    assert not list(settings.tmp_dir.glob(f"{apart.PREFIX}*"))
    assert studio.ask("/studio/tiny/report.html").body == HERE, "a file has nothing to be worked out"


def test_one_that_is_killed_while_it_writes_leaves_no_file(
    start: Callable[..., Studio], app: Flask, settings: Settings
) -> None:
    stock(database_of(app), 300, "many", saved=True)
    close(database_of(app))
    studio = start()
    (other,) = studio.started()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(studio.ask, "/studio/tiny/ratings.csv")
        wait_until(lambda: bool(list(settings.tmp_dir.glob(f"{apart.PREFIX}*"))))
        os.kill(other, signal.SIGKILL)
        assert asked.result().body == HERE
    assert not list(settings.tmp_dir.iterdir())
    assert studio.process.poll() is None and studio.ask("/studio/").body == HERE


def test_one_that_is_killed_takes_the_other_along_and_the_server_can_still_end(start: Callable[..., Studio]) -> None:
    studio = start()
    studio.started()
    with ThreadPoolExecutor(8) as pool:  # the second is started by two requests at once
        wait_until(lambda: list(pool.map(lambda _: studio.ask("/studio/"), range(8))) and len(studio.others()) == 2)
    others = studio.others()
    os.kill(others[0], signal.SIGKILL)
    wait_until(lambda: studio.ask("/studio/").body == HERE)
    wait_until(lambda: all(map(is_gone, others)), 10.0)
    studio.process.terminate()
    assert studio.process.wait(timeout=20) == 0


def test_those_that_hang_hold_no_listener_up_and_no_end(start: Callable[..., Studio]) -> None:
    studio = start()
    others = studio.started()
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(20) as pool:
        hanging = [pool.submit(studio.ask, "/studio/") for _ in range(20)]
        wait_until(lambda: sum(one.done() for one in hanging) == 20 - apart.MOST_WAITING)
        assert studio.ask("/listen/tiny").body == HERE
        for pid in others:
            os.kill(pid, signal.SIGKILL)
        assert {one.result().status for one in hanging} == {200}
    studio.process.terminate()
    assert studio.process.wait(timeout=20) == 0


@pytest.mark.parametrize("ended", [signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_server(start: Callable[..., Studio], ended: signal.Signals) -> None:
    studio = start()
    others = studio.started()
    os.kill(others[0], signal.SIGINT)  # as a terminal tells everybody
    assert studio.ask("/studio/").body != HERE
    studio.process.send_signal(ended)
    studio.process.wait(timeout=20)
    wait_until(lambda: all(map(is_gone, others)), 10.0)
    if ended == signal.SIGTERM:
        assert studio.process.returncode == 0


def test_the_views_that_send_a_file_are_views(app: Flask) -> None:
    assert app.view_functions.keys() >= apart.SENDS_A_FILE


def test_a_request_is_counted_and_logged_once_and_without_its_address(start: Callable[..., Studio]) -> None:
    studio = start(metrics="true", log_format="json")
    studio.started()
    assert studio.ask("/studio/tiny/live").status == 200
    studio.process.terminate()
    _, said = studio.process.communicate(timeout=20)
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["route"] for line in lines].count("/studio/<study>/live") == 1
    assert "tiny" not in said
