"""The OpenAPI document tells of every address, and what is made up from it crashes nothing."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from bench_stimuli import RESULTS, machine
from flask import Flask, request
from fuzzing import Fuzz
from server_guests import opened

from mushra_app import openapi
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.operation.health import Probe
from mushra_app.people import throttle
from mushra_app.publish import publish

SEED = 20261126
SOME, SOME_AGAIN = 6, 4
"""Calls of each operation in the suite, and on PostgreSQL, where most is the same: each of ``CARES`` still comes.
``make proof`` makes ten thousand in all on either."""
SUCCEED = 0.3


@pytest.fixture
def fuzzed(
    either: Settings, empty_sqlite: Path, stimuli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fuzz]:
    """The tiny study with and without a check of the sound, on either database; wrong passwords make nobody wait."""
    monkeypatch.setattr(throttle, "BY_NAME", 10**6)
    monkeypatch.setattr(throttle, "BY_NETWORK", 10**6)
    database = opened(either, empty_sqlite)
    described = {"name": "checked", "title": "A tiny test", "contact": "lab@example.org"}
    tiny_set.make(tmp_path / "checked", experiment=described, setup={"level": False, "sides": True})
    publish(stimuli, database, either)
    publish(tmp_path / "checked", database, either)
    yield Fuzz(create_app(either, database))
    database.close()


def test_every_address_is_in_the_document(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"metrics": True}))
    routes = {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    }
    assert routes == set(openapi.ANSWERS), "say in openapi.ANSWERS what is answered there"
    told = app.test_client().get("/openapi.json").json
    assert told is not None and "/metrics" in told["paths"]


def test_the_document_holds_the_limits_that_are_checked(app: Flask) -> None:
    told = app.test_client().get("/openapi.json").json
    assert told is not None and told["openapi"] == "3.1.0"
    models = told["components"]["schemas"]
    assert models["SoundRating"]["properties"]["value"] | {"title": ""} == {
        "type": "number",
        "minimum": 0,
        "maximum": 100,
        "title": "",
    }
    assert models["TrialSave"]["additionalProperties"] is False
    enrol = told["paths"]["/listen/{study}"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert enrol["schema"]["required"] == ["consent", "transducer", "experience", "csrf_token"]
    assert enrol["schema"]["properties"]["transducer"]["enum"] == ["headphones", "loudspeakers"]


def test_nothing_made_up_crashes_it_and_all_answers_are_as_written(fuzzed: Fuzz, either: Settings) -> None:
    calls = SOME_AGAIN if either.database_url else SOME
    for label in fuzzed.operations:
        fuzzed.run(label, calls=calls, seeded=SEED)
    assert fuzzed.crashes == [] and fuzzed.lies == []
    assert set(fuzzed.calls.values()) == {calls}
    assert {label: fuzzed.successes[label] for label in fuzzed.calls if fuzzed.successes[label] < SUCCEED * calls} == {}


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_a_server_that_is_not_ready_answers_as_written(fuzzed: Fuzz) -> None:
    _, *others = fuzzed.app.extensions["mushra-probe"]
    fuzzed.app.extensions["mushra-probe"] = Probe(lambda: None), *others
    fuzzed.run("GET /readyz", calls=1, seeded=SEED)
    assert fuzzed.successes["GET /readyz"] == 0 and fuzzed.lies == []


def by_language() -> None:
    {"de": 1, "en": 2, None: 3}[request.args.get("lang")]


def by_lowest_rating() -> None:
    min(rating["value"] for rating in json.loads(request.get_data())["ratings"])


def by_32_bits() -> None:
    struct.pack("i", (request.view_args or {})["attempt"])


def by_ascii() -> None:
    request.get_data().decode("ascii")


def by_a_number() -> None:
    float(request.form["level_db_a"])


PLANTED: dict[str, tuple[str, Callable[[], None]]] = {
    "a language that nobody speaks": ("GET /listen/{study}", by_language),
    "a save without ratings": ("PUT /session/{token}/trials/{trial}", by_lowest_rating),
    "a number above 32 bits": ("GET /session/{token}/setup/{step}/{attempt}/{number}", by_32_bits),
    "an error in another script": ("POST /session/{token}/error", by_ascii),
    "a level that is no number": ("POST /studio/places", by_a_number),
}


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_planted_crashes_are_found(fuzzed: Fuzz) -> None:
    for name, (label, crash) in PLANTED.items():
        endpoint = str(fuzzed.operations[label].definition.raw["operationId"])
        view = fuzzed.app.view_functions[endpoint]

        @wraps(view)  # by its name it is known to need no form token
        def crashing(crash: Any = crash, view: Any = view, **arguments: Any) -> Any:
            crash()
            return view(**arguments)

        fuzzed.app.view_functions[endpoint] = crashing
        fuzzed.crashes.clear()
        for n in range(5):
            if not fuzzed.crashes:
                fuzzed.run(label, calls=20, seeded=SEED + n)
        fuzzed.app.view_functions[endpoint] = view
        assert fuzzed.crashes, name


@pytest.mark.proof
def test_ten_thousand_calls_crash_nothing(fuzzed: Fuzz, either: Settings) -> None:
    seeded = random.SystemRandom().getrandbits(32)
    each = -(-10_000 // len(fuzzed.operations))
    for label in fuzzed.operations:
        fuzzed.run(label, calls=each, seeded=seeded)
    shares = {label: round(fuzzed.successes[label] / fuzzed.calls[label], 2) for label in fuzzed.operations}
    database = "postgresql" if either.database_url else "sqlite"
    told = {
        "command": "make proof",
        "machine": machine(),
        "database": database,
        "seed": seeded,
        "calls": fuzzed.calls.total(),
        "crashes": len(fuzzed.crashes),
        "answers that the document does not promise": len(fuzzed.lies),
        "share that succeeded": shares,
    }
    (RESULTS.parent / f"fuzzing-{database}.json").write_text(json.dumps(told, indent=1) + "\n")
    assert fuzzed.crashes == [] and fuzzed.lies == [], f"seed {seeded}"
    assert fuzzed.calls.total() >= 10_000 and min(shares.values()) >= SUCCEED
