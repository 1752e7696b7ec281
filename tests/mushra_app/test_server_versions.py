"""Results of every version of a study: each has its own files and exports, and all are sealed while one runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from careful_guests import listened
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from studio_people import close, csrf, database_of, inside, person

from analysis.errors import AnalysisError
from analysis.reading import export as reading
from mushra_app import jobs
from mushra_app.people import accounts, tokens
from mushra_app.publish import publish
from mushra_app.server_cli import export
from mushra_app.study import results
from stimuli import manifest as sets

FILES = ("report.html", "files/report.json", "files/bundle.zip", "files/ratings.parquet")
WHY = "the first one broke off"


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An experimenter's browser; two have finished version 1, which is closed, and everything is made of it."""
    listened(database_of(app), 2)
    close(database_of(app))
    browser = inside(app, person(database_of(app), "ada", "experimenter", "tiny"))
    for kind in results.KINDS:
        assert ask(browser, kind).status_code == 303
        do_the_job(app, "version 1")
    return browser


def second(app: Flask, tmp_path: Path, count: int = 0) -> str:
    """A corrected title, published and open; so many finish it. Its identity."""
    title = {"name": "tiny", "title": "A corrected title", "contact": "lab@example.org"}
    made = tiny_set.make(tmp_path / "second", experiment=title)
    publish(tmp_path / "second", database_of(app), app.extensions["mushra"].settings)
    listened(database_of(app), count)
    return made.study_id


def ask(client: FlaskClient, kind: str, version: str = "", **form: str) -> Any:
    token = csrf(client.get("/studio/tiny/results").text)
    return client.post(f"/studio/tiny/jobs{version}", data=form | {"kind": kind, "csrf_token": token})


def do_the_job(app: Flask, said: str) -> list[str]:
    """As a worker would: the files that the job names, with ``said`` in them; its arguments."""
    with database_of(app).writing() as db:
        taken = jobs.take(db, "a worker")
        assert taken
        for path in (Path(word) for word in taken.argv if Path(word).suffix in (".html", ".zip", ".parquet")):
            path.write_text(said)
            told = {"counts": {"analysed": 20}, "listeners": 2, "deviations": []}
            path.with_name("report.json").write_text(json.dumps(told))
        jobs.end(db, taken, output="")
    return list(taken.argv)


def programs(app: Flask, name: str) -> dict[str, str]:
    with database_of(app).writing() as db:
        return {"Authorization": f"Bearer {tokens.make(db, accounts.named(db, name), 't', may='change', days=30)}"}


def identities(text: str) -> set[str]:
    return {row["study_id"] for row in csv.DictReader(io.StringIO(text))}


def test_a_new_version_takes_no_result_of_the_old_one_away(app: Flask, ada: FlaskClient, tmp_path: Path) -> None:
    second(app, tmp_path)
    close(database_of(app))
    page, old = ada.get("/studio/tiny/results").text, ada.get("/studio/tiny/results?version=1").text
    assert "Nobody has listened yet" in page and 'href="/studio/tiny/results?version=1"' in page
    assert "2<span" in old and "/studio/tiny/report.html?version=1" in old and 'aria-current="page">Version 1<' in old
    for file in FILES:
        assert ada.get(f"/studio/tiny/{file}").status_code == 404, "nothing of version 2 is made"
        assert ada.get(f"/studio/tiny/{file}?version=1").status_code == 200
    assert ada.get("/studio/tiny/report.html?version=1").text == "version 1"
    client, token = app.test_client(), programs(app, "ada")
    for name in results.FILES:
        assert client.get(f"/api/v1/studies/tiny/files/{name}", headers=token).status_code == 404
        assert client.get(f"/api/v1/studies/tiny/files/{name}?version=1", headers=token).status_code == 200
    assert ask(ada, "export", "?version=1").location == "/studio/tiny/results?version=1"
    argv = do_the_job(app, "again")
    assert argv[argv.index("--version") + 1] == "1" and "/v1-w0/" in argv[argv.index("--out") + 1]
    asked = client.post("/api/v1/studies/tiny/jobs?version=1", json={"kind": "bundle"}, headers=token)
    assert asked.status_code == 202 and "/v1-w0/" in " ".join(do_the_job(app, "again"))
    for missing in ("results", *FILES, "ratings.csv"):
        assert ada.get(f"/studio/tiny/{missing}?version=3").status_code == 404
    for wrong, status in (("3", 404), ("0", 400), ("x", 400), ("9" * 30, 400)):
        answer = client.get(f"/api/v1/studies/tiny/ratings.csv?version={wrong}", headers=token)
        assert answer.status_code == status and answer.json and answer.json["error"]


def test_ratings_leave_version_by_version(app: Flask, ada: FlaskClient, tmp_path: Path, manifest: Any) -> None:
    newer = second(app, tmp_path, 1)
    close(database_of(app))
    client, token = app.test_client(), programs(app, "ada")
    for version, identity in (("", newer), ("?version=2", newer), ("?version=1", manifest.study_id)):
        assert identities(ada.get(f"/studio/tiny/ratings.csv{version}").text) == {identity}
        assert identities(ada.get(f"/studio/tiny/answers.csv{version}").text) == {identity}
        assert identities(client.get(f"/api/v1/studies/tiny/ratings.csv{version}", headers=token).text) == {identity}
        lines = client.get(f"/api/v1/studies/tiny/ratings.jsonl{version}", headers=token).text.splitlines()
        assert {json.loads(line)["study_id"] for line in lines} == {identity}
        wide = ada.get(f"/studio/tiny/ratings.csv{version}{'&' if version else '?'}layout=wide").text
        assert identities(wide) == {identity}
    sessions = [row.split(",")[1:3] for row in ada.get("/studio/tiny/ratings.csv?layout=webmushra").text.splitlines()]
    assert len(sessions) == 1 + 10


def test_while_the_new_version_runs_the_old_one_is_sealed_too(app: Flask, ada: FlaskClient, tmp_path: Path) -> None:
    second(app, tmp_path)
    bob, token = inside(app, person(database_of(app), "bob", "owner")), programs(app, "bob")
    page = bob.get("/studio/tiny/results?version=1").text
    assert "Sealed while it runs" in page and "version 2 now" in page and "<iframe" not in page
    assert bob.get("/studio/tiny/ratings.csv?version=1").status_code == 409
    assert ask(bob, "bundle", "?version=1", reason=WHY).status_code == 409
    assert ask(bob, "report", "?version=1").status_code == 409
    for file in FILES:
        assert bob.get(f"/studio/tiny/{file}?version=1").status_code == 404
    client = app.test_client()
    assert client.get("/api/v1/studies/tiny/ratings.csv?version=1", headers=token).status_code == 409
    assert client.get("/api/v1/studies/tiny/files/report.json?version=1", headers=token).status_code == 404
    assert ask(bob, "report", "?version=1", reason=WHY).status_code == 303
    argv = do_the_job(app, "early")
    assert argv[argv.index("--version") + 1] == "1" and f"--peek={WHY}" in argv
    assert bob.get("/studio/tiny/report.html?version=1").text == "early"


def test_an_export_of_several_versions_says_so_and_a_report_names_the_way_out(
    app: Flask, ada: FlaskClient, tmp_path: Path, stimuli: Path
) -> None:
    second(app, tmp_path, 1)
    close(database_of(app))
    data = str(app.extensions["mushra"].settings.data_dir)

    def exported(*more: str) -> tuple[str, Path]:
        done = CliRunner().invoke(export, ["--data", data, "--out", str(tmp_path / "ratings.csv"), *more])
        assert done.exit_code == 0, done.exception
        return done.output, tmp_path / "ratings.csv"

    said, file = exported()
    assert "45 ratings of the versions 1, 2" in said and "--version NUMBER" in said
    for folder in (stimuli, tmp_path / "second"):
        with pytest.raises(AnalysisError, match=r"ratings of 2 versions of tiny .*mushra export --version NUMBER"):
            reading.load(file, sets.read(folder))
        with pytest.raises(AnalysisError, match=r"take that version alone, with --version NUMBER"):
            reading.load(reading.Place(Path(data), "tiny"), sets.read(folder))
    for number, folder, count in ((1, stimuli, 30), (2, tmp_path / "second", 15)):
        said, file = exported("--version", str(number), "--answers", str(tmp_path / "answers.csv"))
        assert f"{count} ratings\n" in said
        assert identities((tmp_path / "answers.csv").read_text()) == {sets.read(folder).study_id}
        assert reading.load(file, sets.read(folder)).rows == count
    with pytest.raises(AnalysisError, match=r"give the set .* or the ratings of its version"):
        reading.load(file, sets.read(stimuli))
    missing = CliRunner().invoke(export, ["--data", data, "--out", str(tmp_path / "none.csv"), "--version", "3"])
    assert "tiny: no version 3" in str(missing.exception) and not (tmp_path / "none.csv").exists()


def test_a_study_that_is_not_there_has_no_ratings_and_no_export_is_noted(app: Flask) -> None:
    person(database_of(app), "eve", "owner")
    client, token = app.test_client(), programs(app, "eve")
    for name in ("ratings.csv", "ratings.jsonl"):
        answer = client.get(f"/api/v1/studies/nope/{name}", headers=token)
        assert answer.status_code == 404 and "no study" in answer.json["error"]
    assert client.get("/api/v1/audit?what=export", headers=token).json == {"entries": [], "next": None}
