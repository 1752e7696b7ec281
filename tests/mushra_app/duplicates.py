"""Studies to be duplicated, and what a database holds before and after, for the tests of duplicating."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text
from studio_people import person

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.models import Study
from mushra_app.people import accounts, audit, permissions
from mushra_app.people.logins import Visitor
from mushra_app.study import recruiting
from mushra_app.study.drafts import keeping
from mushra_app.table_base import Base

PANEL = {
    "completion_code": "PAID-1",
    "screen_out_code": "OUT-1",
    "attention_code": "MISSED-1",
    "return_url": "https://panel.example/done?cc={code}",
}
KEPT = {
    "free_after_h": 48,
    "open_link": False,
    "capacity": 24,
    "groups": [{"name": "experts", "quota": 12, "by_link": True}],
    "transducer": "headphones",
    "experience": "experienced",
    "attention": "any",
}
WRITTEN = """# the pilot's lessons are in here
[experiment]
name = "fresh"  # as in the paper
title = "Fresh"

[completion]
# of the first round
code = "PAID-1"
return_url = "https://panel.example/1"

[wrong]
key = "that no file has"
"""


def written(database: Database, text: str = WRITTEN) -> None:
    """A study that somebody writes."""
    with database.writing() as db:
        study = keeping.begin_study(db, "fresh", "ada")
        keeping.store(db, study.id, text, 1, "ada")
        recruiting.change(study, PANEL | KEPT)


def all_rows(database: Database) -> dict[str, list[str]]:
    """Every row of every table, as the database holds it."""
    with database.reading() as db:
        return {
            table.name: [repr(row) for row in db.execute(text(f"SELECT * FROM {table.name} ORDER BY id"))]
            for table in Base.metadata.sorted_tables
        }


def sets_of(settings: Settings) -> list[Path]:
    return list((settings.data_dir / "sets").glob("*"))


def studies(database: Database) -> list[str]:
    with database.reading() as db:
        return sorted(db.scalars(select(Study.name)))


def said_of_studies(database: Database) -> list[tuple[str, str]]:
    with database.reading() as db:
        return [(row.who, row.about) for row in reversed(audit.latest(db)) if row.what == "study"]


def experimenter(database: Database, *studies: str, view_only: bool = False) -> Visitor:
    """Somebody who may make studies, and was given these."""
    person(database, "eve", "experimenter", *studies)
    with database.writing() as db:
        account = accounts.named(db, "eve")
        for study in studies:
            permissions.grant(db, account, study, view_only=view_only)
        return Visitor("", account.id, "eve", "experimenter")
