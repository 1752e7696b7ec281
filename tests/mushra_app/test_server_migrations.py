"""Migrations: one head, equal to the models, up and down with data, and no rating lost; on both databases."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_set
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from server_guests import Guest, as_json, body_of
from sqlalchemy import func, inspect, select, text

from mushra_app import jobs, schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.models import Answer, Base, Job, ListeningSession, PersonalText, Save
from mushra_app.people import accounts, audit, logins, permissions, throttle
from mushra_app.publish import publish
from mushra_app.session import listening
from mushra_app.session.saving import lock_trial, read_body, save_trial

HEAD = schema.head()
NEXT = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9000", "{HEAD}", None, None

def upgrade() -> None:
    with op.batch_alter_table("response") as table:
        table.add_column(sa.Column("extra", sa.Text()))
    with op.batch_alter_table("save") as table:
        table.alter_column("engine", new_column_name="player", existing_type=sa.Text(), existing_nullable=False)
    LOSS

def downgrade() -> None:
    with op.batch_alter_table("save") as table:
        table.alter_column("player", new_column_name="engine", existing_type=sa.Text(), existing_nullable=False)
    with op.batch_alter_table("response") as table:
        table.drop_column("extra")
"""


@pytest.fixture
def rated(published: Database) -> Database:
    """A database with one saved trial."""
    guest = Guest(published)
    page = guest.trial()
    with published.writing() as db:
        sitting = listening.sitting_of(db, guest.token)
        save_trial(db, lock_trial(db, sitting.token_sha256, page.token), read_body(as_json(body_of(page))), "")
    return published


def next_release(folder: Path, *, loss: str = "") -> Path:
    """A copy of the migrations with one more, which rebuilds the tables that hold ratings."""
    shutil.copytree(schema.migrations_folder(), folder)
    (folder / "versions" / "9000_player.py").write_text(NEXT.replace("LOSS", loss))
    return folder


def rows(database: Database) -> dict[str, int]:
    with database.reading() as db:
        return {
            table.name: db.scalar(select(func.count()).select_from(table)) or 0 for table in Base.metadata.sorted_tables
        }


def test_head_file_and_revisions_agree(root: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations_folder()))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.head()]
    assert schema.migrations_folder() == root / "migrations"


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == schema.head()


def test_up_and_down_again_keeps_every_row(rated: Database, tmp_path: Path) -> None:
    before, folder = rows(rated), next_release(tmp_path / "migrations")
    assert (before["response"], before["save"], before["event"]) == (5, 1, 1)
    schema.upgrade(rated, folder=folder)
    assert {column["name"] for column in inspect(rated.engine).get_columns("save")} >= {"player"}
    schema.downgrade(rated, HEAD, folder=folder)
    assert rows(rated) == before and schema.current(rated) == HEAD
    with rated.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_sessions_of_the_first_release_have_no_experience_and_no_level(rated: Database) -> None:
    before = rows(rated)
    schema.downgrade(rated, "0001")
    assert {"experience", "level_db_a"}.isdisjoint(c["name"] for c in inspect(rated.engine).get_columns("session"))
    schema.upgrade(rated)
    assert rows(rated) == before
    with rated.reading() as db:
        assert db.execute(select(ListeningSession.experience, ListeningSession.level_db_a)).all() == [("", None)]
        assert db.scalars(select(Save.altered)).all() == [None]
    with rated.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_what_the_older_tables_have_no_word_for_goes_down_as_what_counts_no_more(
    database: Database, either: Settings, tmp_path: Path
) -> None:
    tired = {"name": "tired", "text": "Tired?", "when": "between"}
    test = {"sessions": 3, "attention_checks": 1, "break_every": 1}
    items = [{"song": f"Song {n}", "excerpt": {"start_s": 0, "length_s": 1}} for n in range(6)]
    setup = {"level": False, "sides": False}
    tiny_set.make(tmp_path / "set", test=test, items=items, questions=[tired], setup=setup)
    publish(tmp_path / "set", database, either)
    guest = Guest(database)
    for _ in range(3):
        guest.save(guest.trial())
    with database.writing() as db:
        assert len(db.scalars(select(Answer)).all()) == 2
        db.scalars(select(ListeningSession).where(ListeningSession.part == 3)).one().status = "refused"
    before = rows(database)
    schema.downgrade(database, "0003")
    with database.engine.connect() as connection:
        found = {
            table: sorted(connection.execute(text(f"SELECT {column} FROM {table}")).scalars())
            for table, column in (("session", "status"), ("answer", "question"))
        }
        blocks = set(connection.execute(text("SELECT block FROM trial")).scalars())
    assert found == {"session": ["finished", "started", "withdrawn"], "answer": ["tired@2", "tired@3"]}
    assert blocks == {"test", "training"}
    schema.upgrade(database)
    after = rows(database)
    assert {name: after[name] for name in before} == before


def test_jobs_of_an_older_release_are_kept_and_can_be_taken(database: Database) -> None:
    with database.writing() as db:
        for _ in range(2):
            db.add(Job(kind="check", argv=["a set"], key=f"{db.scalar(select(func.count(Job.id)))}"))
            db.flush()
        assert jobs.take(db, "one")
    schema.downgrade(database, "0004")
    with database.writing() as db:
        assert db.execute(text("SELECT kind, status FROM job")).all() == [("check", "waiting")] * 2
        db.execute(text("UPDATE job SET status = 'running'"))
    schema.upgrade(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    with database.writing() as db:
        assert [db.get_one(Job, number).key for number in (1, 2)] == ["older-1", "older-2"]
        assert jobs.take(db, "two") == jobs.Taken(1, "check", ("a set",), "two")


def test_personal_answers_move_apart_and_back(published: Database) -> None:
    Guest(published).finish()
    schema.downgrade(published, "0005")
    with published.reading() as db:
        assert db.execute(text("SELECT text FROM answer WHERE personal")).scalars().all() == ["33"]
    schema.upgrade(published)
    with published.reading() as db:
        assert db.scalars(select(Answer.text).where(Answer.personal)).all() == [""]
        assert db.scalars(select(PersonalText.text)).all() == ["33"]
    with published.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_without_the_tables_of_accounts_every_rating_is_kept_and_the_key_opens_again(rated: Database) -> None:
    with rated.writing() as db:
        account = accounts.add(db, "ada", "a hash", role="owner")
        permissions.grant(db, account, "tiny")
        logins.begin(db, account)
        throttle.begin(db, "ada", "192.0.2.1")
        audit.note(db, "ada", "login")
    before, of_people = rows(rated), {"account", "study_permission", "studio_login", "login_attempt", "audit_entry"}
    assert {before[name] for name in of_people} == {1}
    schema.downgrade(rated, "0006")
    assert of_people.isdisjoint(inspect(rated.engine).get_table_names())
    schema.upgrade(rated)
    assert rows(rated) == before | dict.fromkeys(of_people, 0)
    with rated.reading() as db:
        assert not logins.has_owner(db)
    with rated.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_migration_that_loses_ratings_is_undone(rated: Database, tmp_path: Path) -> None:
    before = rows(rated)
    folder = next_release(tmp_path / "migrations", loss='op.execute("DELETE FROM response WHERE number = 10")')
    with pytest.raises(AppError, match="response: 5 rows before, 4 after"):
        schema.upgrade(rated, folder=folder)
    assert rows(rated) == before and schema.current(rated) == HEAD
    assert "extra" not in {column["name"] for column in inspect(rated.engine).get_columns("response")}


def test_the_first_migration_goes_down_without_ratings_and_stays_with_them(rated: Database, either: Settings) -> None:
    with pytest.raises(AppError, match="would lose"):
        schema.downgrade(rated, "base")
    assert rows(rated)["response"] == 5
    with rated.writing() as db:
        for table in ("event", "response", "save"):
            db.execute(text(f"DELETE FROM {table}"))
    schema.downgrade(rated, "base")
    assert set(inspect(rated.engine).get_table_names()) <= {"alembic_version"}
    schema.upgrade(rated)
    assert rows(rated)["study"] == 0


@pytest.mark.parametrize(
    ("revision", "said"), [("0000", "made by a newer release"), ("9999", "made by a newer release")]
)
def test_another_releases_database_is_refused(database: Database, either: Settings, revision: str, said: str) -> None:
    with database.writing() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    with pytest.raises(AppError, match=said):
        schema.require(database, either)


def test_an_older_database_is_refused_with_the_command(
    database: Database, either: Settings, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = next_release(tmp_path / "migrations")
    (folder / ".current-alembic-head").write_text("9000\n")
    monkeypatch.setattr(schema, "migrations_folder", lambda: folder)
    with pytest.raises(AppError, match=rf"has revision {HEAD}, this release needs 9000; run: mushra db upgrade"):
        schema.require(database, either)
    schema.upgrade(database)
    schema.require(database, either)


def test_a_database_of_something_else_is_refused(either: Settings) -> None:
    other = Database(either)
    with other.writing() as db:
        db.execute(text("CREATE TABLE stranger (id INTEGER)"))
    with pytest.raises(AppError, match="has tables, but not ours"):
        schema.require(other, either)
    other.close()
