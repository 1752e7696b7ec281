"""What ``/metrics`` counts, alone and over three workers; who may see it; what is in no label."""

from __future__ import annotations

import os
import re
import signal
import stat
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn_process import Gunicorn, HalfSent
from prometheus_client.parser import text_string_to_metric_families
from server_guests import ORIGIN, Guest, as_json, body_of
from sqlalchemy import event

from mushra_app import schema, security
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.publish import publish

Samples = dict[tuple[str, ...], float]


@pytest.fixture
def counting(app: Flask, settings: Settings) -> Flask:
    """The same database behind an app that counts."""
    return create_app(settings.model_copy(update={"metrics": True}), app.extensions["mushra"].database)


def scraped(client: FlaskClient, settings: Settings) -> Samples:
    """Every sample by its name and the values of its labels."""
    answer = client.get("/metrics", headers=bearer(settings))
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    return samples(answer.text)


def samples(text: str) -> Samples:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def bearer(settings: Settings) -> dict[str, str]:
    return {"Authorization": f"Bearer {security.metrics_key(settings)}"}


def test_it_is_not_there_unless_it_is_asked_for(client: FlaskClient, settings: Settings) -> None:
    assert client.get("/metrics", headers=bearer(settings)).status_code == 404


@pytest.mark.parametrize("given", [None, "", "Bearer ", "Bearer wrong", "Bearer ü", "Basic bXVzaHJhOm11c2hyYQ=="])
def test_nobody_reads_it_without_its_key(counting: Flask, settings: Settings, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = counting.test_client().get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "mushra_" not in answer.text
    for key in (security.studio_key(settings), security.secret_key(settings)):
        assert counting.test_client().get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert stat.S_IMODE((settings.data_dir / "metrics.key").stat().st_mode) == 0o600


def test_requests_saves_sessions_and_time_are_counted(counting: Flask, settings: Settings) -> None:
    client, guest = counting.test_client(), Guest(counting.extensions["mushra"].database)
    page = guest.trial()
    rule = "/session/<token>/trials/<trial>"
    body = as_json(body_of(page))
    for _ in range(3):
        assert client.put(page.save_url, data=body, headers=ORIGIN).status_code == 200
    assert client.put(page.save_url, data=b"{}", headers=ORIGIN).status_code == 400
    found = scraped(client, settings)
    assert found["mushra_requests_total", "PUT", rule, "2xx"] == 3
    assert found["mushra_requests_total", "PUT", rule, "4xx"] == 1
    assert found["mushra_saves_acknowledged_total",] == 3
    assert found["mushra_sessions", "started"] == 1
    assert found["mushra_request_seconds_count", "PUT", rule] == 4
    assert 0 < found["mushra_request_seconds_sum", "PUT", rule] < 60
    assert found["mushra_requests_under_way",] == 1, "the scrape itself"


def test_a_request_that_fails_is_counted_and_no_longer_under_way(counting: Flask, settings: Settings) -> None:
    counting.add_url_rule("/broken", "broken", lambda: 1 // 0)
    client = counting.test_client()
    assert client.get("/broken").status_code == 500
    found = scraped(client, settings)
    assert found["mushra_requests_total", "GET", "/broken", "5xx"] == 1 and found["mushra_requests_under_way",] == 1


def test_labels_name_no_listener_no_study_and_no_condition(counting: Flask, settings: Settings) -> None:
    client, guest = counting.test_client(), Guest(counting.extensions["mushra"].database)
    page = guest.trial()
    client.get(page.sounds[0].url)
    client.get("/listen/tiny")
    client.get(f"/nothing/{guest.token}?q={guest.token}")
    client.open(f"{guest.base}/", method="WOMBAT")
    text = client.get("/metrics", headers=bearer(settings)).text
    for secret in (guest.token, page.token, page.sounds[0].token, "tiny", "WOMBAT", "zebra-net", "127.0.0.1"):
        assert secret not in text
    found = samples(text)
    assert found["mushra_requests_total", "GET", "none", "4xx"] == 1
    assert sum(value for name, value in found.items() if name[:2] == ("mushra_requests_total", "other")) == 1
    labels = set(re.findall(r"(\w+)=", text))
    assert labels == {"method", "rule", "status", "le", "version", "revision", "python"}


def test_a_storm_of_scrapes_asks_the_database_once(counting: Flask, settings: Settings) -> None:
    asked: list[str] = []
    database = counting.extensions["mushra"].database
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    threads = [threading.Thread(target=scraped, args=(counting.test_client(), settings)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([statement for statement in asked if "count" in statement]) == 2, "sessions and jobs, once each"


def test_a_database_that_is_away_leaves_the_other_numbers(tmp_path: Path) -> None:
    place = Settings(data_dir=tmp_path, database_url="postgresql://lab@127.0.0.1:1/listening", metrics=True)
    found = scraped(create_app(place).test_client(), place)
    assert any(name[0] == "mushra_build_info" for name in found)
    assert not any(name[0] in ("mushra_sessions", "mushra_jobs") for name in found)


def test_three_workers_count_as_one_also_after_one_has_died(
    on_postgresql: Settings, stimuli: Path, tmp_path: Path
) -> None:
    settings, database = on_postgresql, Database(on_postgresql)
    schema.require(database, settings)
    publish(stimuli, database, settings)
    guest = Guest(database)
    page = guest.trial()
    server = Gunicorn(settings, tmp_path, metrics=True, workers=3)
    (folder,) = tmp_path.glob("mushra-metrics-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for _ in range(60):
        urllib.request.urlopen(f"{server.url}/listen/tiny", timeout=30).close()
    rule = ("mushra_requests_total", "GET", "/listen/<study>", "2xx")
    assert [over_http(server, settings)[rule] for _ in range(9)] == [60] * 9
    assert len({process_of(file) for file in folder.glob("counter_*.db")}) >= 2, "more than one worker answered"

    held = HalfSent(server.url, "PUT", page.save_url, as_json(body_of(page)))
    under_way = ("mushra_requests_under_way",)
    assert settled(lambda: over_http(server, settings)[under_way], 2), "the save that is being sent, and the scrape"
    for worker in {process_of(file) for file in folder.glob("gauge_livesum_*.db")}:  # one of them has the save
        os.kill(worker, signal.SIGKILL)
        if settled(lambda: over_http(server, settings)[under_way], 1):
            break
    else:
        raise AssertionError("what the dead had under way is still counted")
    assert over_http(server, settings)[rule] == 60, "what the dead had counted stays"
    held.socket.close()
    assert server.stop() == 0 and not folder.exists()
    database.close()


def process_of(file: Path) -> int:
    """Whose file it is."""
    return int(file.stem.rpartition("_")[2])


def over_http(server: Gunicorn, settings: Settings) -> Samples:
    """A scrape; a worker that is killed may take one along."""
    for _ in range(50):
        try:
            request = urllib.request.Request(f"{server.url}/metrics", headers=bearer(settings))
            with urllib.request.urlopen(request, timeout=30) as answer:
                return samples(answer.read().decode())
        except OSError:
            time.sleep(0.1)
    raise AssertionError("no scrape was answered")


def settled(value: Callable[[], float], wanted: float, within_s: float = 1) -> bool:
    """Whether it becomes what is wanted."""
    until_s = time.monotonic() + within_s
    while value() != wanted:
        if time.monotonic() > until_s:
            return False
        time.sleep(0.05)
    return True
