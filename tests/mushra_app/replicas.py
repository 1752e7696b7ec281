"""Bundles of a little study that has everything, and made-up ones, for the tests of putting bundles back.

Defines: ``listen_to_all``, ``bundled``, ``made_up``, ``changed``, ``unpacked``.
"""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tiny_set
from server_guests import Guest, calibrate
from sqlalchemy import select
from studio_people import close

from mushra_app import ratings
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.export import ANSWER_COLUMNS
from mushra_app.listener.pages import DonePage, QuestionsPage, TrialPage
from mushra_app.models import ListeningSession, SetupStep
from mushra_app.publish import publish
from mushra_app.session import listening, privacy
from mushra_app.study import bundle, packing, peeking
from stimuli import manifest as sets

QUESTIONS = [
    {"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no"], "when": "before"},
    {"name": "tired", "text": "Are you tired?", "when": "between"},
    {"name": "age", "text": "How old are you?", "type": "number", "personal": True},
    {"name": "remarks", "text": "Anything else?"},
]
GIVEN = {"ears": "yes", "tired": "a bit", "age": "33", "remarks": "=1+1"}


def listen_to_all(database: Database, settings: Settings, folder: Path) -> None:
    """A closed study with all that a study can have.

    Two listeners who finished, one of them at a listening place; one who left after a comment that was changed; one who
    only answered a question; one who withdrew; a program; and a look at the ratings while it ran.
    """
    test = {"attention_checks": 1, "break_every": 1, "references": ["reference", "mixture"]}
    tiny_set.make(folder, questions=QUESTIONS, test=test)
    publish(folder, database, settings)
    calibrate(database)
    for guest in (Guest(database, at="Booth 1"), Guest(database)):
        _go(guest, 99, comment="fine")
    changed = Guest(database, experience="inexperienced")
    *_, page = _go(changed, 2, comment="a first thought", engine="=an engine")
    changed.save(replace(page, revision=1), comment='-a second\none, with "quotes"', engine="=an engine")
    _answer(changed)
    _answer(Guest(database))
    gone = Guest(database)
    _go(gone, 1)
    with database.writing() as db:
        privacy.withdraw(db, listening.sitting_of(db, gone.token).listener)
        peeking.note(db, "ada@example.org", "tiny", 'the headphones, "ours", were broken: all of them')
        peeking.note(db, "ada@example.org", "tiny", "again")
        kept = db.scalars(select(ListeningSession).order_by(ListeningSession.id)).all()
        kept[1].listener.listener_group = "choir"
        kept[1].setup_steps += [
            SetupStep(step="sides", attempt=1, passed=False, detail={}),
            SetupStep(step="sides", attempt=2, passed=True, detail={}),
            SetupStep(step="headphones", attempt=1, passed=False, detail={}),
        ]
    _go(Guest(database, simulated=True), 99)
    close(database)


def _go(guest: Guest, most: int, **body: Any) -> list[TrialPage]:
    """Rate so many trials, or all that there are; those that were rated."""
    done: list[TrialPage] = []
    while len(done) < most and not isinstance(page := guest.page(), DonePage):
        if isinstance(page, TrialPage):
            guest.save(page, trial_s=30 + 1 / 7, **body)
            done.append(page)
        elif isinstance(page, QuestionsPage):
            _answer(guest)
        else:
            guest.pass_by(page)
    return done


def _answer(guest: Guest) -> None:
    """The questions that are put now; instructions are passed by until then."""
    while not isinstance(guest.page(), QuestionsPage):
        guest.pass_by(guest.page())
    with guest.database.writing() as db:
        assert listening.answer(db, listening.sitting_of(db, guest.token), GIVEN) is None


def bundled(database: Database, settings: Settings, out: Path, *, sounds: bool = True) -> Path:
    """The bundle of the study; its bytes follow from the study alone."""
    with database.reading() as db:
        found = bundle.contents_of(db, settings, "tiny")
    bundle.write_bundle(database, found, out, sounds=sounds)
    return out


def made_up(folder: Path, stimuli: Path, rows: Iterable[ratings.Row], answers: Sequence[Sequence[str]] = ()) -> Path:
    """A bundle's folder with the ratings that are given."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stimuli, folder / "stimuli")
    manifest = sets.read(stimuli)
    facts = {"schema_number": 1, "study": "tiny", "version": 3, "sounds": True, "study_id": manifest.study_id}
    times = {"published_at": "2025-01-02T03:04:05+00:00", "opened_at": None, "closed_at": None}
    facts |= times | {"stimuli_id": manifest.stimuli_id}
    (folder / "versions.json").write_text(json.dumps(facts))
    ratings.write_csv(folder / "ratings.csv", rows)
    with (folder / "answers.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([ANSWER_COLUMNS, *answers])
    ratings.write_peeks(folder / "peeks.csv", ())
    packing.write_sums(folder)
    return folder


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    """The bundle with a text of one of its files changed, and the hashes with it."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text, text[:2000]
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    (folder / packing.SUMS).unlink()
    packing.write_sums(folder)
    return folder


def unpacked(archive: Path, folder: Path) -> Path:
    """The folder of a bundle."""
    with zipfile.ZipFile(archive) as found:
        found.extractall(folder)
    return folder / "tiny"
