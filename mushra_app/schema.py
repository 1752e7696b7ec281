"""The tables' revision: where the migrations lie, bringing a database to them, refusing any other.

A fresh database is made by running all migrations. One of an older release is refused with the command that
mends it, because a migration is a moment to have a backup; one of a newer release is refused altogether.
SQLite rebuilds a table to change it, which foreign keys would turn into deletions: they are off meanwhile,
and afterwards they are checked, as is that no table has fewer rows than before.

Defines: ``migrations_folder``, ``head``, ``is_known``, ``current``, ``upgrade``, ``downgrade``, ``require``.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from sqlalchemy import Connection, inspect, text

from mushra_app.config import Settings
from mushra_app.db import WRITES, Database
from mushra_app.errors import AppError
from mushra_app.refusals import Refusal

if TYPE_CHECKING:  # a sixth of what every command takes to start, for the few that migrate
    from alembic.config import Config

KEPT = ("save", "response", "event")
"""Tables that no migration may shorten: what listeners gave us."""
ADVISORY_LOCK = 0x4D555348
"""Of PostgreSQL, for two who migrate at once, on one machine or on several; SQLite has one writer anyway."""


def migrations_folder() -> Path:
    """Where the migrations lie: beside the package in a checkout, inside it when installed from a wheel."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise AppError(f"{package}: the migrations are missing; install hidden-reference again")


def head(folder: Path | None = None) -> str:
    """The revision that this release's tables have."""
    return ((folder or migrations_folder()) / ".current-alembic-head").read_text(encoding="utf-8").strip()


def is_known(revision: str) -> bool:
    """Whether this release has the migrations of that revision."""
    return bool(list((migrations_folder() / "versions").glob(f"{revision}_*.py")))


def current(database: Database) -> str | None:
    """The revision that the database has; ``None`` where it has no tables yet."""
    with database.engine.connect() as connection:
        return _revision(connection)


def upgrade(database: Database, revision: str = "head", *, folder: Path | None = None) -> str | None:
    """Bring the database up to a revision, and return the one that it had; of two at once the second finds it done.

    Raises
    ------
    AppError
        Where a rating would be lost; nothing was changed.
    """
    from alembic import command

    return _migrate(database, folder or migrations_folder(), lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str, *, folder: Path | None = None) -> None:
    """Bring the database down to a revision; raises AppError and changes nothing where a rating would be lost."""
    from alembic import command

    _migrate(database, folder or migrations_folder(), lambda config: command.downgrade(config, revision))


def require(database: Database, settings: Settings) -> None:
    """Make a fresh database ready, and refuse one of another release.

    Raises
    ------
    AppError
        With the command that mends it.
    """
    with _alone(settings):
        found, wanted = current(database), head()
        if found is None and not inspect(database.engine).get_table_names():
            upgrade(database)
            return
        found = current(database)  # another machine may have made them between the two looks
    if found == wanted:
        with database.writing() as db:
            # A database that can't be written opens without a word, until the first listener saves.
            db.execute(text("DELETE FROM alembic_version WHERE 1 = 0"))
        return
    name = database.name
    if found is None:
        raise AppError(f"{name}: has tables, but not ours; choose another database with MUSHRA_DATABASE_URL")
    if not is_known(found):
        raise AppError(f"{name}: made by a newer release (revision {found}, this one knows {wanted}); install that one")
    raise AppError(f"{name}: has revision {found}, this release needs {wanted}; run: mushra db upgrade")


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One process at a time makes the tables in this data folder."""
    lock = FileLock(settings.data_dir / ".schema.lock")
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        mend = Refusal.FULL if error.errno == errno.ENOSPC else Refusal.READ_ONLY
        raise AppError(f"{settings.data_dir}: {error.strerror}; {mend.value}") from None
    try:
        yield
    finally:
        lock.release()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(database: Database, folder: Path, work: Callable[[Config], None]) -> str | None:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    with database.engine.connect().execution_options(**{WRITES: True}) as connection:
        sqlite = connection.dialect.name == "sqlite"
        driver = connection.connection.driver_connection
        if sqlite and driver is not None:
            driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction, hence before it
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
                had, before = _revision(connection), _kept_rows(connection)
                config.attributes["connection"] = connection
                work(config)
                _refuse_loss(connection, before)
                return had
        finally:
            if sqlite and driver is not None:
                driver.execute("PRAGMA foreign_keys=ON")


def _kept_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table of ``KEPT`` has; 0 where there is no such table."""
    present = inspect(connection).get_table_names()
    return {
        name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() if name in present else 0
        for name in KEPT
    }


def _refuse_loss(connection: Connection, before: dict[str, int]) -> None:
    """Undo (by raising) a migration that lost rows or left references to nothing."""
    after = _kept_rows(connection)
    if lost := [
        f"{name}: {before[name]} rows before, {after[name]} after" for name in KEPT if after[name] < before[name]
    ]:
        raise AppError(f"the migration would lose what listeners gave ({'; '.join(lost)}); nothing was changed")
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise AppError("the migration would leave references to nothing; nothing was changed")
