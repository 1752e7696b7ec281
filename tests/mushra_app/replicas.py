"""Bundles of a little study that has everything, and made-up ones, for the tests of putting bundles back.

Defines: ``listen_to_all``, ``bundled``, ``ROWS``, ``ANSWERS``, ``made_up_rows``, ``row_of``,
``made_up``, ``changed``, ``unpacked``.
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
from hypothesis import strategies as st
from server_guests import Guest, calibrate
from sqlalchemy import select
from studio_people import close

from mushra_app import export, ratings
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


MANIFEST_ROW: ratings.Row = {
    **{"study": "tiny", "attribute": "overall", "song": "Walrus 1", "excerpt": "1-2"},
    **{"item": "Walrus 1", "target": "accompaniment", "dataset": "yonder"},
}
"""Of the tiny set: what a rating of its first item says of it."""
CONDITIONS = (
    *(("reference", "hidden_reference"), ("lowpass-3500", "anchor"), ("lowpass-7000", "anchor")),
    *(("zebra-net", "system"), ("quokka-sep", "system")),
)


def row_of(slot: int, **changes: Any) -> ratings.Row:
    """A rating of the first listener's first trial; the slot says which condition."""
    condition, role = CONDITIONS[slot - 1]
    row = MANIFEST_ROW | {"listener": "L-1", "listener_group": "", "session": "4", "part": 1, "trial": "7"}
    row |= {"presentation": 1, "condition": condition, "role": role, "slot": slot, "rating": 48.5 + slot}
    row |= {"replicate": 0, "training": False, "attention_check": False, "simulated": False, "finished": True}
    row |= {"moved": True, "heard_s": 1.5, "plays": 2, "trial_s": 30.25, "fade_mode": "bs1534", "rate_hz": 44100}
    row |= {"engine": "audioworklet", "transducer": "headphones", "experience": "", "level_db_a": None, "place": ""}
    row |= {"gain_db": -1.5, "sides_check": "", "headphone_check": "", "language": "", "altered": None, "revision": 1}
    return row | {"saved_at": "2025-01-02T03:04:05.500+00:00"} | changes


ROWS = tuple(row_of(slot) for slot in range(1, 6))
ANSWERS = (("L-1", "4", "7", "comment", "fine"), ("L-1", "4", "", "remarks", "none"), ("L-1", "4", "", "ears", "yes"))
LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(LETTERS, max_size=8) | st.sampled_from(("=1", "'=1", '"', ",", "\r", "\n", " "))
NUMBERS = st.floats(0, 1e7) | st.just(0.1)


@st.composite
def made_up_rows(draw: st.DrawFn) -> list[ratings.Row]:
    """Ratings of a few sessions, of any values that tables can hold."""
    rows: list[ratings.Row] = []
    session, trial = 0, draw(st.integers(0, 10**6))
    for number in range(draw(st.integers(1, 3))):
        session += draw(st.integers(1, 600_000_000))
        told = {"session": str(session), "part": 1 + number % 2, "listener": f"L-{number // 2}"} | draw(SITTINGS)
        told["level_db_a"] = draw(NUMBERS if told["place"] else NUMBERS | st.none())
        position = 0
        for _ in range(draw(st.integers(1, 3))):
            trial, position = trial + draw(st.integers(1, 1000)), position + draw(st.integers(1, 3))
            page = {"trial": str(trial), "presentation": position} | draw(PAGES)
            rows += [row_of(slot, **(told | page | draw(HEARD))) for slot in range(1, draw(st.integers(1, 5)) + 1)]
    return rows


CHECKED = st.sampled_from(("", "passed", "failed"))
SITTINGS = st.fixed_dictionaries(
    {"place": st.sampled_from(("", "Booth 1", "Booth 2")), "sides_check": CHECKED, "headphone_check": CHECKED}
    | {"language": TEXTS, "transducer": TEXTS, "experience": TEXTS, "finished": st.booleans()}
)
BLOCKS = st.sampled_from([{"training": one, "attention_check": other} for one, other in ((0, 0), (0, 1), (1, 0))])
PAGES = st.builds(
    lambda block, page: page | {name: bool(is_so) for name, is_so in block.items()},
    BLOCKS,
    st.fixed_dictionaries(
        {"replicate": st.integers(0, 3), "trial_s": NUMBERS, "gain_db": NUMBERS.map(lambda value: -value)}
        | {"engine": TEXTS.map(export.harmless), "fade_mode": TEXTS, "rate_hz": st.integers(1, 10**6)}
        | {"revision": st.integers(1, 9), "altered": st.none() | st.integers(0, 9)}
        | {"saved_at": st.integers(0, 999).map(lambda ms: f"2025-01-02T03:04:05.{ms:03}+00:00")}
    ),
)
HEARD = st.fixed_dictionaries(
    {"rating": st.floats(0, 100), "moved": st.booleans() | st.none()}
    | {"heard_s": NUMBERS | st.none(), "plays": st.integers(0, 10**6) | st.none()}
)


def made_up(folder: Path, stimuli: Path, rows: Iterable[ratings.Row], answers: Sequence[Sequence[str]] = ()) -> Path:
    """A bundle's folder with the ratings that are given."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stimuli, folder / "stimuli")
    manifest = sets.read(stimuli)
    study = manifest.experiment.experiment.name
    facts = {"schema_number": 1, "study": study, "version": 3, "sounds": True, "study_id": manifest.study_id}
    times = {"published_at": "2025-01-02T03:04:05+00:00", "opened_at": None, "closed_at": None}
    facts |= times | {"stimuli_id": manifest.stimuli_id}
    (folder / "versions.json").write_text(json.dumps(facts))
    identity = {"study": study, "study_id": manifest.study_id, "stimuli_id": manifest.stimuli_id}
    ratings.write_csv(folder / "ratings.csv", (row | identity for row in rows))
    given = ((study, manifest.study_id, *one) for one in answers)
    with (folder / "answers.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([ANSWER_COLUMNS, *given])
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
