"""A study once more under another name: what comes along, what does not, and that the old one stays as it was."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
import tiny_set
from duplicates import KEPT, PANEL, WRITTEN, all_rows, experimenter, said_of_studies, sets_of, studies, written
from flask import Flask
from flask.testing import FlaskClient
from server_guests import Guest
from sqlalchemy import select
from sqlalchemy.orm import Session
from studio_people import AN_OWNER, csrf, database_of

from mushra_app import media
from mushra_app.app import create_app
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError, ConflictError, NotFoundError, UnavailableError
from mushra_app.export import rows
from mushra_app.listener.pages import DonePage, TrialPage
from mushra_app.models import Study
from mushra_app.people import logins, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.publish import publish
from mushra_app.session.enrolment import experiment_of
from mushra_app.study import duplicating, lifecycle, peeking, recruiting, sets
from mushra_app.study.drafts import keeping, publishing
from mushra_app.study.duplicating import Wanted, duplicate
from mushra_app.study.names import free_like
from mushra_app.study.tables import ExperimentDraft
from stimuli import manifest as manifests


@pytest.fixture
def tiny(database: Database, either: Settings, tmp_path: Path) -> Database:
    """The tiny study with an ending of its own, recruiting and a listener, on SQLite, then on PostgreSQL."""
    tiny_set.make(tmp_path / "set", completion={"code": "PAID-0", "return_url": "https://panel.example/0"})
    publish(tmp_path / "set", database, either)
    Guest(database).finish()
    with database.writing() as db:
        recruiting.change(lifecycle.study_of(db, "tiny"), PANEL | KEPT)
        peeking.note(db, "eve", "tiny", "to see what comes")
    return database


# What comes along


def test_a_duplicate_is_a_draft_with_the_very_same_sounds(tiny: Database, either: Settings) -> None:
    assert duplicate(tiny, either, Wanted("tiny", "tiny-2"), AN_OWNER) == 1
    with tiny.reading() as db:
        old, new = lifecycle.current(db, "tiny"), lifecycle.current(db, "tiny-2")
        assert (new.status, new.number, new.title, len(new.study.versions)) == ("draft", 1, old.title, 1)
        assert new.stimuli_id == old.stimuli_id and new.identity != old.identity
        assert new.experiment == old.experiment | {
            "experiment": old.experiment["experiment"] | {"name": "tiny-2"},
            "completion": {"code": "", "return_url": ""},
        }
        heard = [
            [(c.role, c.condition.name, c.sha256, c.media_sha256, c.lufs) for i in one.items for c in i.clips]
            for one in (old, new)
        ]
        assert heard[0] == heard[1] and len(heard[0]) > 10
        folder = sets.folder_of(new.published_from, either)
        assert not Path(new.published_from).is_absolute() and folder != sets.folder_of(old.published_from, either)
        assert sets.is_whole(folder, new.identity) and manifests.read(folder).experiment == experiment_of(new)
        assert keeping.found(db, new.study_id) is None and list(rows(db, "tiny-2")) == []
    assert said_of_studies(tiny) == [(logins.BY_KEY, "tiny-2: duplicated from tiny, version 1")]


def test_the_old_study_stays_as_it_was(tiny: Database, either: Settings) -> None:
    before = all_rows(tiny)
    duplicate(tiny, either, Wanted("tiny", "tiny-2"), AN_OWNER)
    after = all_rows(tiny)
    assert {name: found[: len(before[name])] for name, found in after.items()} == before
    new = {name: len(found) - len(before[name]) for name, found in after.items() if found != before[name]}
    assert new == {
        "study": 1,
        "study_version": 1,
        "audit_entry": 1,
        **{name: len(before[name]) for name in ("scale", "item", "condition", "clip")},
    }


def test_who_is_taken_comes_along_and_what_a_panel_handed_out_does_not(tiny: Database, either: Settings) -> None:
    written(tiny)
    for of in ("tiny", "fresh"):
        duplicate(tiny, either, Wanted(of, f"{of}-2"), AN_OWNER)
        with tiny.reading() as db:
            assert lifecycle.study_of(db, f"{of}-2").recruiting == KEPT | dict.fromkeys(PANEL, "")
            assert lifecycle.study_of(db, of).recruiting == KEPT | PANEL
            assert peeking.peeks(db, f"{of}-2") == () and len(peeking.peeks(db, "tiny")) == 1


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_the_version_that_is_named_is_taken(tiny: Database, either: Settings, tmp_path: Path) -> None:
    described = {"name": "tiny", "title": "Reworded", "contact": "lab@example.org"}
    tiny_set.make(tmp_path / "second", experiment=described)
    publish(tmp_path / "second", tiny, either)
    assert duplicate(tiny, either, Wanted("tiny", "of-two"), AN_OWNER) == 2
    assert duplicate(tiny, either, Wanted("tiny", "of-one", 1), AN_OWNER) == 1
    with tiny.reading() as db:
        titles = {name: lifecycle.current(db, name).title for name in ("of-one", "of-two")}
    assert titles == {"of-one": "A tiny test", "of-two": "Reworded"}
    with pytest.raises(NotFoundError, match="no version 3"):
        duplicate(tiny, either, Wanted("tiny", "of-three", 3), AN_OWNER)


def test_a_written_study_is_copied_with_its_comments(database: Database, either: Settings) -> None:
    written(database)
    assert duplicate(database, either, Wanted("fresh", "fresh-2"), AN_OWNER) is None
    with database.reading() as db:
        old, new = (keeping.found(db, lifecycle.study_of(db, name).id) for name in ("fresh", "fresh-2"))
        assert old is not None and new is not None and old.text == WRITTEN and new.revision == 1
        assert new.changed_by == logins.BY_KEY and lifecycle.study_of(db, "fresh-2").versions == []
    gone = ('code = "PAID-1"\n', 'return_url = "https://panel.example/1"\n')
    expected = WRITTEN.replace('"fresh"', '"fresh-2"')
    for line in gone:
        expected = expected.replace(line, "")
    assert new.text == expected
    assert said_of_studies(database) == [
        (logins.BY_KEY, "fresh-2: duplicated from fresh, of which only the file is written")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("[[items\n", "is no TOML yet"), ("experiment = 3\n", r"no table \[experiment\]")],
)
def test_a_written_file_whose_name_cannot_be_changed_is_refused(
    sqlite: Database, settings: Settings, text: str, said: str
) -> None:
    written(sqlite, text)
    with pytest.raises(AppError, match=said):
        duplicate(sqlite, settings, Wanted("fresh", "fresh-2"), AN_OWNER)
    assert studies(sqlite) == ["fresh"]


ODD = (
    'experiment.name = "a"\n',
    'experiment = {name = "a", title = "b"}\n',
    '[experiment]\nname = "a"\n[songs]\nroot = "x"\n[experiment.more]\nx = 1\n',
    'completion = {code = "x", return_url = "https://a"}\nexperiment.title = "t"\n',
    'completion.code = "x"\ncompletion.more = 1\n',
    '[experiment]\n[completion]\ncode = "x"\n[songs]\n[completion.more]\nx = 1\n',
    '[[completion]]\ncode = "x"\n',
    "experiment.name.x = 3\n",
    "\r\n# x\r\n[experiment]\r\n",
    "",
)


def test_whatever_is_written_besides_stays() -> None:
    for text in ODD:
        expected = tomllib.loads(text)
        expected.setdefault("experiment", {})["name"] = "new"
        if isinstance(panel := expected.get("completion"), dict):
            expected["completion"] = {key: panel[key] for key in panel if key not in ("code", "return_url")}
        assert tomllib.loads(duplicating._copied(text, "new")) == expected, text


def test_a_written_file_without_a_name_gets_one(sqlite: Database, settings: Settings) -> None:
    written(sqlite, "# nothing yet\n")
    duplicate(sqlite, settings, Wanted("fresh", "fresh-2"), AN_OWNER)
    with sqlite.reading() as db:
        texts = dict(db.execute(select(Study.name, ExperimentDraft.text).join(ExperimentDraft)).all())
    assert texts["fresh-2"].startswith("# nothing yet\n") and '[experiment]\nname = "fresh-2"' in texts["fresh-2"]


# What is refused


WONT_DO = {
    "Tiny 2": (AppError, "found “Tiny 2”; expected 1 to 64 of a to z"),
    "": (AppError, "expected 1 to 64 of a to z"),
    "../tiny": (AppError, "expected 1 to 64 of a to z"),
    "x" * 65: (AppError, "expected 1 to 64 of a to z"),
    "publish": (AppError, "is an address of the studio itself"),
    "tiny": (ConflictError, "There is a study “tiny” already"),
    "fresh": (ConflictError, "There is a study “fresh” already"),
}


@pytest.mark.parametrize("of", ["tiny", "fresh"])
def test_names_that_wont_do(app: Flask, settings: Settings, of: str) -> None:
    written(database_of(app))
    before = all_rows(database_of(app))
    for name, (kind, said) in WONT_DO.items():
        with pytest.raises(kind, match=re.escape(said)):
            duplicate(database_of(app), settings, Wanted(of, name), AN_OWNER)
        assert all_rows(database_of(app)) == before and sets_of(settings) == []


def test_the_offered_name_is_the_next_that_is_free(sqlite: Database) -> None:
    with sqlite.writing() as db:
        for name in ("tiny", "tiny-2", "tiny-4", "tiny_2", "x" * 64):
            db.add(Study(name=name, recruiting={}, versions=[]))
    with sqlite.reading() as db:
        assert free_like(db, "tiny") == "tiny-3" and free_like(db, "tiny-2") == "tiny-3"
        assert free_like(db, "tiny-3") == "tiny-5" and free_like(db, "tiny-2027") == "tiny-2027-2"
        assert free_like(db, "x" * 64) == "x" * 58 + "-2" and free_like(db, "nosuch") == "nosuch-2"


@pytest.mark.parametrize("wrong", ["gone", "another byte", "another set"])
@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_a_set_that_is_not_where_it_was_published_from(
    tiny: Database, either: Settings, tmp_path: Path, wrong: str
) -> None:
    folder, before = tmp_path / "set", all_rows(tiny)
    if wrong == "gone":
        folder.rename(tmp_path / "moved")
    elif wrong == "another byte":
        clip = folder / manifests.read(folder).clips[0].file
        clip.write_bytes(clip.read_bytes()[:-1] + b"x")
    else:
        tiny_set.make(folder, sound=lambda item, condition: tiny_set.noise(condition, item))
    with pytest.raises(ConflictError, match=r"where it was published from|another stimulus set lies there") as refused:
        duplicate(tiny, either, Wanted("tiny", "tiny-2"), AN_OWNER)
    assert "Publish" in str(refused.value) and "\n" not in str(refused.value)
    assert all_rows(tiny) == before and sets_of(either) == []


def test_where_the_disk_is_full_nothing_is_left(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "_link", full)
    with pytest.raises(UnavailableError, match="No space left on device"):
        duplicate(database_of(app), settings, Wanted("tiny", "tiny-2"), AN_OWNER)
    assert studies(database_of(app)) == ["tiny"] and sets_of(settings) == []


def test_to_see_it_is_enough_and_the_duplicate_is_ones_own(tiny: Database, either: Settings) -> None:
    written(tiny)
    eve = experimenter(tiny, "tiny", "fresh", view_only=True)
    for of in ("tiny", "fresh"):
        duplicate(tiny, either, Wanted(of, f"{of}-2"), eve)
        with tiny.reading() as db:
            assert permissions.right_of(db, eve, f"{of}-2") == Right.CHANGE
            assert permissions.right_of(db, eve, of) == Right.VIEW
            assert [account.name for account, _ in permissions.sharers(db, f"{of}-2")] == ["eve"]


@pytest.mark.parametrize("role", ["experimenter", "viewer"])
def test_who_may_not_makes_nothing(tiny: Database, either: Settings, role: str) -> None:
    """Asked again in the transaction: an experimenter who lost the old study meanwhile, and a viewer who has it."""
    written(tiny)
    eve = experimenter(tiny, *(("tiny", "fresh") if role == "viewer" else ()))
    before = all_rows(tiny)
    for of in ("tiny", "fresh"):
        with pytest.raises(ConflictError, match="may not duplicate"):
            duplicate(tiny, either, Wanted(of, "again"), Visitor("", eve.account_id, "eve", role))
        assert all_rows(tiny) == before and sets_of(either) == []


# Two at once


@pytest.mark.parametrize("of", ["tiny", "fresh"])
def test_of_two_at_once_one_wins(tiny: Database, either: Settings, of: str) -> None:
    written(tiny)

    def one(_: int) -> str:
        try:
            duplicate(tiny, either, Wanted(of, "again"), AN_OWNER)
        except ConflictError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(one, range(4)))
    assert told == ["There is a study “again” already; take another name"] * 3 + ["made"]
    with tiny.reading() as db:
        made = lifecycle.study_of(db, "again")
        assert len(made.versions) == (of == "tiny") and made.recruiting["capacity"] == 24
    assert len(sets_of(either)) == (of == "tiny") and len(said_of_studies(tiny)) == 1


@pytest.mark.parametrize("of", ["tiny", "fresh"])
def test_who_takes_the_name_meanwhile_keeps_it(
    tiny: Database, either: Settings, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first look, while the set is laid down or the text is copied, Bob begins a study of that name."""
    written(tiny)

    def slowly(looked: Any) -> Any:
        def look(*given: Any) -> Any:
            with tiny.writing() as db:
                keeping.begin_study(db, "again", "bob")
            return looked(*given)

        return look

    monkeypatch.setattr(publishing, "restate", slowly(publishing.restate))
    monkeypatch.setattr(duplicating, "_copied", slowly(duplicating._copied))
    with pytest.raises(ConflictError, match="There is a study “again” already"):
        duplicate(tiny, either, Wanted(of, "again"), AN_OWNER)
    with tiny.reading() as db:
        made = lifecycle.study_of(db, "again")
        draft = keeping.found(db, made.id)
        assert made.versions == [] and made.recruiting == {} and draft is not None and draft.changed_by == "bob"
    assert sets_of(either) == [] and said_of_studies(tiny) == []


def test_the_very_same_moment_is_told_in_the_same_sentence(
    on_postgresql: Settings, empty_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL two transactions may both have found the name free; its unique column decides."""
    from server_guests import opened

    database = opened(on_postgresql, empty_sqlite)
    written(database)
    kept = keeping.begin_with

    def at_once(db: Session, *given: str) -> Study:
        monkeypatch.setattr(keeping, "begin_with", kept)
        with database.writing() as other:
            keeping.begin_study(other, "again", "bob")
        return kept(db, *given)

    monkeypatch.setattr(keeping, "begin_with", at_once)
    with pytest.raises(ConflictError, match="There is a study “again” already"):
        duplicate(database, on_postgresql, Wanted("fresh", "again"), AN_OWNER)
    database.close()


def test_no_file_is_read_or_written_while_listeners_saves_wait(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a TOML file parsed: everything that takes time is done before the transaction that writes."""
    database, writing, seen = database_of(app), Database.writing, list[tuple[str, bool]]()
    written(database)
    inside_of = [False]

    @contextmanager
    def watched(self: Database) -> Iterator[Session]:
        with writing(self) as db:
            inside_of[0] = True
            yield db
            inside_of[0] = False

    def noted(module: Any, name: str) -> None:
        does = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: (seen.append((name, inside_of[0])), does(*given))[1])

    monkeypatch.setattr(Database, "writing", watched)
    for module, name in (
        *((manifests, "file_sha256"), (manifests, "write"), (publishing, "_link")),
        *((media, "store"), (duplicating, "_copied")),
    ):
        noted(module, name)
    duplicate(database, settings, Wanted("tiny", "tiny-2"), AN_OWNER)
    duplicate(database, settings, Wanted("fresh", "fresh-2"), AN_OWNER)
    assert {name for name, _ in seen} == {"file_sha256", "write", "_link", "store", "_copied"}
    assert not any(during for _, during in seen)


# Listeners of the duplicate


def test_a_duplicate_opens_and_its_listeners_hear_the_same(tiny: Database, either: Settings) -> None:
    app = create_app(either, tiny)
    duplicate(tiny, either, Wanted("tiny", "tiny-2"), AN_OWNER)
    client = app.test_client()
    assert client.get("/listen/tiny-2").status_code == 404
    with tiny.writing() as db:
        lifecycle.move(db, lifecycle.current(db, "tiny-2"), "open")
        study = lifecycle.study_of(db, "tiny-2")
        recruiting.change(study, study.recruiting | {"open_link": True})
    form = {"consent": "yes", "transducer": "headphones", "experience": "experienced"}
    begun = client.post("/listen/tiny-2", data=form | {"csrf_token": csrf(client.get("/listen/tiny-2").text)})
    assert begun.status_code == 303 and client.get(begun.location).status_code == 200
    guest, old = Guest(tiny, "tiny-2"), Guest(tiny, "tiny")
    heard, known = sounds_of(client, guest), sounds_of(client, old)
    assert heard == known and len(heard) > 10
    with tiny.reading() as db:
        assert {row["study_id"] for row in rows(db, "tiny-2")} == {lifecycle.current(db, "tiny-2").identity}
        assert {row["study_id"] for row in rows(db, "tiny")} == {lifecycle.current(db, "tiny").identity}
    last, of_the_old = (client.get(f"{one.base}/").text for one in (guest, old))
    assert "PAID" not in last and "panel.example" not in last and "PAID-1" in of_the_old


def sounds_of(client: FlaskClient, guest: Guest) -> set[bytes]:
    """The samples of all that a listener hears, through the server; the files' bytes are each session's own."""
    heard = set[bytes]()
    while not isinstance(page := guest.page(), DonePage):
        if isinstance(page, TrialPage):
            for sound in page.sounds:
                file = io.BytesIO(client.get(f"{guest.base}/sound/{sound.token}").data)
                heard.add(soundfile.read(file, dtype="int32")[0].tobytes())
            guest.save(page)
        else:
            guest.pass_by(page)
    return heard
