"""``/metrics`` for Prometheus: how much is asked, how long answers take, how many sessions and jobs there are.

Only for whoever shows ``metrics.key`` of the data folder as a bearer token, through however many proxies; without the
setting ``metrics`` there is no such address. Labels have few values, and none of them is a listener's or a study's:
addresses appear as their rules, unknown methods and addresses as one.

With one process the counts are in its memory. With several workers prometheus-client keeps them in one file per worker,
in the folder that ``mushra_app.gunicorn_config`` has made, and any worker answers for all of them. Numbers of sessions
and jobs are read from the database by whoever is asked, at most every ``KEPT_S``, and are left out while it does not
answer.

Conventions: seconds, until an answer begins to be sent.
Defines: ``attach``, ``Counted``, ``Stored``.
"""

from __future__ import annotations

import hmac
import os
import platform
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from mushra_app import schema
from mushra_app.db import Database
from mushra_app.models import Job, ListeningSession
from mushra_app.operation.health import Probe
from mushra_app.operation.request_log import METHODS
from mushra_app.security import metrics_key
from mushra_app.web import Services, services

KEPT_S = 5.0
"""How long numbers of sessions and jobs are repeated: a storm of scrapes is no storm on the database."""
ANSWERS_WITHIN_S = 1.0
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
Numbers = tuple[dict[str, int], dict[str, int]]
blueprint = Blueprint("metrics", __name__)


class Counted:
    """What this process counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        asked = ["method", "rule"]
        self.requests = Counter(
            "mushra_requests", "Requests answered, by class of status.", [*asked, "status"], registry=registry
        )
        self.seconds = Histogram(
            "mushra_request_seconds",
            "Seconds until an answer began to be sent.",
            asked,
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.saves = Counter("mushra_saves_acknowledged", "Saves of a trial answered as stored.", registry=registry)
        self.under_way = Gauge(
            "mushra_requests_under_way", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )


class Stored(Collector):
    """What the database counts, and which release this is."""

    def __init__(self, database: Database) -> None:
        self._probe = Probe(lambda: _numbers(database))
        self._lock = threading.Lock()
        self._found: Numbers | None = None
        self._until_s = 0.0

    def collect(self) -> Iterator[Metric]:
        """One metric after the other."""
        release = {"version": version("hidden-reference"), "revision": schema.head()}
        build = GaugeMetricFamily("mushra_build_info", "Which release this is.", labels=[*release, "python"])
        build.add_metric([*release.values(), platform.python_version()], 1)
        yield build
        if (numbers := self._recent()) is None:
            return
        for name, states in zip(("sessions", "jobs"), numbers, strict=True):
            family = GaugeMetricFamily(f"mushra_{name}", f"Number of {name} by status.", labels=["status"])
            for status, count in states.items():
                family.add_metric([status], count)
            yield family

    def _recent(self) -> Numbers | None:
        with self._lock:
            if time.monotonic() >= self._until_s:
                self._found = self._probe.answer(ANSWERS_WITHIN_S)
                self._until_s = time.monotonic() + KEPT_S
            return self._found


def attach(app: Flask, services: Services) -> None:
    """Count this app's requests from here on, and give it the address. Before all that may refuse a request."""
    registry = CollectorRegistry()
    app.extensions["mushra-metrics"] = Counted(registry), registry, Stored(services.database)
    metrics_key(services.settings)  # made now, so that whoever scrapes can be given it
    app.register_blueprint(blueprint)
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_gone)


def _numbers(database: Database) -> Numbers:
    """Sessions and jobs by status."""
    with database.reading() as db:
        sessions, jobs = (
            dict(db.execute(select(table.status, func.count()).group_by(table.status)).all())
            for table in (ListeningSession, Job)
        )
    return sessions, jobs


def _counted() -> Counted:
    return current_app.extensions["mushra-metrics"][0]


def _begin() -> None:
    g.counted_since = time.perf_counter()
    _counted().under_way.inc()


def _end(response: Response) -> Response:
    method = request.method if request.method in METHODS else "other"
    rule = request.url_rule.rule if request.url_rule else "none"
    _counted().requests.labels(method, rule, f"{response.status_code // 100}xx").inc()
    if "counted_since" in g:
        _counted().seconds.labels(method, rule).observe(time.perf_counter() - g.counted_since)
    if request.endpoint == "listener.save" and response.status_code == 200:
        _counted().saves.inc()
    return response


def _gone(error: BaseException | None) -> None:
    if g.pop("counted_since", None) is not None:
        _counted().under_way.dec()


@blueprint.get("/metrics")
def metrics() -> Response:
    """What all workers counted, for whoever has the key."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), metrics_key(services().settings).encode()):
        return Response("metrics.key is expected as a bearer token\n", 401, {"WWW-Authenticate": "Bearer"})
    _, registry, stored = current_app.extensions["mushra-metrics"]
    shown = CollectorRegistry()
    shown.register(MultiProcessCollector(None) if "PROMETHEUS_MULTIPROC_DIR" in os.environ else registry)
    shown.register(stored)
    return Response(generate_latest(shown), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
