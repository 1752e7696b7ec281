"""Two at once end in one truth: workers, publishers, migrations and first starts, each a process of its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiny_set
from durability import Crowd, Gunicorn, Sent, Serve, compare, enrolled, published
from replicas import ANSWERS, ROWS, made_up
from sqlalchemy import func, select

from mushra_app import schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.export import rows
from mushra_app.models import Clip, Study, StudyVersion

MAIN = "from mushra_app.cli import main; import sys; sys.argv[0] = 'mushra'; main()"


def at_once(settings: Settings, *commands: tuple[object, ...], before: str = "") -> list[tuple[int, str]]:
    """Several ``mushra`` at the same time, each after the code ``before``: its exit code, and all that it said.

    They share the data folder, but for those that name another one.
    """
    own = {"MUSHRA_DATABASE_URL": settings.database_url} if settings.database_url else {}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", before + MAIN, *map(str, command)],
            env=os.environ | own | {"MUSHRA_DATA_DIR": str(settings.data_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    said = [process.communicate(timeout=120)[0] for process in started]
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


def rival_of(one: Sent) -> Sent:
    """Another page's save of the same revision: a key and ratings of its own."""
    ratings = [rating | {"value": round(100 - rating["value"], 1)} for rating in one.body["ratings"]]
    return Sent(one.sheet, one.body | {"key": f"{random.getrandbits(128):032x}", "ratings": ratings})


def test_two_workers_and_one_trial_end_in_one_truth(database: Database, either: Settings, tmp_path: Path) -> None:
    """Every request is sent to both of them at the same moment: same keys, and other ratings of the same revision."""
    published(tmp_path / "set", database, either, trials=2)
    servers = [Serve(either), Serve(either)] if either.database_url is None else [Gunicorn(either)] * 2
    sheets = enrolled(database)
    clients = [Crowd(server.port, [sheets], seed=n).clients[0] for n, server in enumerate(servers)]
    answers: Counter[int] = Counter()
    sent = []
    for turn in range(20):
        first = clients[0].next_save()
        # The other one is the same request, as a page sends it again that waited too long; or another page's.
        other = first if turn % 2 else rival_of(first)
        with ThreadPoolExecutor(2) as pool:
            codes = list(pool.map(lambda client, one: client.put(one)[0], clients, (first, other)))
        answers.update(codes)
        won = (first, other)[codes.index(200)]
        won.acknowledged = True
        sent.append(won)
        clients[0].sent.append(won)  # so that it knows the trial's revision
    for server in {id(server): server for server in servers}.values():
        server.close()
    told = compare(database, sent)
    assert told == {"acknowledged": 20, "stored": 20, "lost": 0, "duplicated": 0, "altered": 0}
    assert answers == {200: 30, 409: 10}


@pytest.mark.parametrize("sets", ["the same", "different"])
def test_two_publishers_at_once(database: Database, either: Settings, tmp_path: Path, sets: str) -> None:
    tiny_set.make(tmp_path / "one")
    tiny_set.make(tmp_path / "two", test={"references": ["reference"]})
    second = tmp_path / ("one" if sets == "the same" else "two")
    done = at_once(either, ("publish", tmp_path / "one"), ("publish", second))
    assert [code for code, _ in done] == [0, 0], done
    said = " ".join(text for _, text in done)
    assert ("nothing changed" if sets == "the same" else "published as version 2") in said and "tiny: published" in said
    with database.reading() as db:
        versions = db.execute(select(StudyVersion.number, StudyVersion.status).order_by(StudyVersion.number)).all()
        assert db.scalar(select(func.count(Study.id))) == 1
        names = set(db.scalars(select(Clip.media_sha256)))
    assert [tuple(row) for row in versions] == (
        [(1, "open")] if sets == "the same" else [(1, "superseded"), (2, "open")]
    )
    assert {path.stem for path in either.media_dir.iterdir()} == names


def test_two_upgrades_of_an_old_database_at_once(database: Database, either: Settings, stimuli: Path) -> None:
    schema.downgrade(database, "0001")
    done = at_once(either, ("db", "upgrade"), ("db", "upgrade"))
    assert [code for code, _ in done] == [0, 0], done
    said = sorted(text for _, text in done)
    second = f"{schema.head()}: these are this release's tables already; nothing changed\n"
    assert said == sorted([f"0001 -> {schema.head()}\n", second])
    schema.require(database, either)


def test_two_servers_at_once_in_a_fresh_folder_agree_on_tables_and_keys(either: Settings) -> None:
    either.data_dir.mkdir(parents=True)
    started: list[Serve] = []
    threads = [threading.Thread(target=lambda: started.append(Serve(either))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    links = {line.partition("key=")[2] for line in started[0].log.splitlines() if "key=" in line}
    for server in started:
        server.close()
    assert len(started) == 2 and len(links) == 1, "both print the same link of the studio"
    assert "Traceback" not in started[0].log


SLOWLY = """import time; from mushra_app.study import replicating
same = replicating.require_same; replicating.require_same = lambda *found: (time.sleep(1.5), same(*found))
"""


@pytest.mark.parametrize("bundles", ["the same", "different"])
def test_two_bundles_put_back_at_once_into_one_database_from_two_machines(
    on_postgresql: Settings, tmp_path: Path, bundles: str
) -> None:
    """One is there at the end, all of it, and whoever comes second is told so."""
    described = tiny_set.experiment().experiment.model_dump()
    names = ["tiny", "tiny" if bundles == "the same" else "other"]
    made = []
    for number, name in enumerate(names):
        tiny_set.make(tmp_path / f"set{number}", experiment=described | {"name": name})
        made.append(made_up(tmp_path / f"bundle{number}", tmp_path / f"set{number}", ROWS, ANSWERS))
    folders = [tmp_path / "one", tmp_path / "two"]
    commands = [("replicate", one, "--data", folder) for one, folder in zip(made, folders, strict=True)]
    done = at_once(on_postgresql, *commands, before=SLOWLY)
    assert sorted(code for code, _ in done) == [0, 2], done
    won = [code for code, _ in done].index(0)
    lost = done[1 - won][1].splitlines()[-1]
    assert "another mushra replicate is at work" in lost or "has studies or places already" in lost, done
    assert "Traceback" not in done[1 - won][1]
    database = Database(on_postgresql)
    with database.reading() as db:
        assert db.scalars(select(Study.name)).all() == [names[won]]
        assert len(list(rows(db))) == len(ROWS)
    database.close()
    kept = [[path.name for path in (folder / "uploads").iterdir()] for folder in folders]
    assert (len(kept[won]), kept[1 - won]) == (1, []), "of the other one nothing stays"
