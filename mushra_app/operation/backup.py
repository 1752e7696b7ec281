"""Database, clips and the sets in the data folder as one file, and back again.

Conventions: a backup is a ZIP file with ``database.sqlite3`` or ``database.dump``, ``media/<sha256>.flac``,
``files/<sha256>`` and ``backup.json`` (``Contents``). The files are those of stimulus sets that versions were published
from and that lie in the data folder, because somebody sent them; reports and bundles need them. Each is there once.
The database is copied first, as one state that it had, while listeners go on saving; its clips are collected
afterwards, from the folder or else from the object store: publishing stores a sound before the database names it, and
nothing deletes the last one.
The keys stay out: whoever gets hold of a backup must not get hold of the studio, too.

Defines: ``Contents``, ``back_up``, ``restore``.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Annotated, Any, Literal

from filelock import FileLock
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from sqlalchemy import URL, Connection, create_engine, func, inspect, select, table, text

from mushra_app import media, schema
from mushra_app.config import Settings
from mushra_app.db import Database, database_address
from mushra_app.errors import AppError
from mushra_app.operation import packed_sets, postgresql
from mushra_app.operation.state import named_clips, row_counts
from mushra_app.refusals import said_by_the_database
from mushra_app.serving.object_store import ObjectStore, store_of
from stimuli.manifest import file_sha256

CONTENTS = "backup.json"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
CHUNK_BYTES = 2**20
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, KeyError,
)  # fmt: skip
"""What ``zipfile`` and pydantic say of damage, depending on which byte it hit."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Member = Annotated[
    str, StringConstraints(pattern=r"^(database\.(sqlite3|dump)|media/[0-9a-f]{64}\.flac|files/[0-9a-f]{64})$")
]
Within = Annotated[str, AfterValidator(packed_sets.checked)]


class Contents(BaseModel):
    """What a backup holds, and of which state: ``rows`` by table, ``members`` with the hash of each.

    ``sets`` are places in the data folder with the hash of the file there; ``sets_left_out`` folders of sets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_at: datetime
    release: str
    database: Literal["sqlite", "postgresql"]
    database_version: str
    revision: Annotated[str, StringConstraints(pattern=r"^\w+$")]
    rows: dict[str, int]
    members: dict[Member, Sha256]
    left_out: tuple[Sha256, ...] = ()
    sets: dict[Within, Sha256] = {}
    sets_left_out: tuple[str, ...] = ()

    @property
    def clips(self) -> list[str]:
        """Hashes of the sounds, which are their names, too."""
        return [sha256 for name, sha256 in self.members.items() if name.startswith("media/")]


def back_up(settings: Settings, out: Path, *, incomplete: bool = False) -> Contents:
    """Write a backup, whole or not at all; the server may run meanwhile.

    Parameters
    ----------
    incomplete : leave out the clips and sets that are missing or damaged instead of refusing.

    Raises
    ------
    AppError
        Where ``out`` is there already, the database has no tables of ours, or a clip or a set is missing or damaged.
    """
    if out.exists():
        raise AppError(f"{out}: is there already, and no backup replaces another; choose another name")
    if not out.parent.is_dir():
        raise AppError(f"{out.parent}: no such folder; make it first")
    # Beside the backup, because the temporary files of a machine may lie in memory, and a rename needs one disk.
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        part = Path(folder) / "backup.zip"
        with _snapshot(settings, Path(folder)) as (connection, copied):
            contents = _pack(part, connection, copied, settings, incomplete=incomplete)
        part.chmod(0o600)  # what listeners told us is in it
        part.replace(out)
    return contents


@contextmanager
def _snapshot(settings: Settings, folder: Path) -> Iterator[tuple[Connection, Path]]:
    """One state of the database: a connection that sees it, and the file that it was copied to."""
    database = Database(settings)
    name = database.name
    try:
        with said_by_the_database(name):
            if schema.current(database) is None:
                raise AppError(f"{name}: has no tables of ours, so there is nothing to back up; see: mushra config")
            copy = _copy_sqlite if database.engine.dialect.name == "sqlite" else _dump_postgresql
            with copy(database, folder / DATABASES[database.engine.dialect.name]) as found:
                yield found
    finally:
        database.close()


@contextmanager
def _copy_sqlite(database: Database, copied: Path) -> Iterator[tuple[Connection, Path]]:
    """By SQLite's backup in a single step: it reads one state, and in WAL mode no writer waits for it."""
    with closing(database.engine.raw_connection()) as source, closing(sqlite3.connect(copied)) as target:
        _driver(source).backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    engine = create_engine(URL.create("sqlite", database=str(copied)))
    try:
        with engine.connect() as connection:
            yield connection, copied
    finally:
        engine.dispose()


@contextmanager
def _dump_postgresql(database: Database, copied: Path) -> Iterator[tuple[Connection, Path]]:
    """By pg_dump inside our own transaction's view, so that what is counted is what is dumped."""
    with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        postgresql.dump(database.engine.url, copied, snapshot)
        yield connection, copied


def _driver(connection: Any) -> sqlite3.Connection:
    return connection.driver_connection


def _pack(part: Path, connection: Connection, copied: Path, settings: Settings, *, incomplete: bool) -> Contents:
    """The archive of a copied database and its clips, on the disk when this returns."""
    made_at, members, unfit = datetime.now(UTC), {}, {}
    with part.open("wb") as stream:
        with zipfile.ZipFile(stream, "w") as archive:
            with copied.open("rb") as source:
                members[copied.name] = _add(archive, copied.name, source, made_at)
            store = store_of(settings)
            for sha256, where in sorted(named_clips(connection).items()):
                sound = _sound(settings, store, sha256)
                if isinstance(sound, str):
                    unfit[sha256] = f"{media.path_of(settings.media_dir, sha256)} ({where}): {sound}"
                    continue
                name = f"media/{media.name_of(sha256)}"
                archive.writestr(zipfile.ZipInfo(name, made_at.timetuple()[:6]), sound)
                members[name] = sha256
            sets, lost = packed_sets.found(connection, settings)
            for path, sha256 in {sha256: (path, sha256) for path, sha256 in sets.values()}.values():
                with path.open("rb") as source:
                    members[f"files/{sha256}"] = _add(archive, f"files/{sha256}", source, made_at)
            if (unfit or lost) and not incomplete:
                raise AppError(
                    f"{'; '.join([*unfit.values(), *lost.values()])}. Nothing was written: bring the files back "
                    "(mushra publish the set again, or restore an older backup), or back up all the rest with "
                    "--incomplete"
                )
            contents = _contents(connection, made_at, members).model_copy(
                update={
                    "left_out": tuple(unfit),
                    "sets": {place: sha256 for place, (_, sha256) in sets.items()},
                    "sets_left_out": tuple(lost),
                }
            )
            archive.writestr(
                zipfile.ZipInfo(CONTENTS, made_at.timetuple()[:6]), contents.model_dump_json(indent=2).encode()
            )
        stream.flush()
        os.fsync(stream.fileno())
    return contents


def _sound(settings: Settings, store: ObjectStore | None, sha256: str) -> bytes | str:
    """The bytes of a sound from the folder, or else from the store; or what is wrong with it in both."""
    path = media.path_of(settings.media_dir, sha256)
    sound = path.read_bytes() if path.is_file() else None
    if sound is not None and hashlib.sha256(sound).hexdigest() == sha256:
        return sound
    found = "missing" if sound is None else "not what was published"
    if store is None:
        return found
    try:
        fetched = io.BytesIO()
        store.fetch(sha256, fetched)
    except AppError as error:
        return f"{found}, and {error}"
    return fetched.getvalue()


def _add(archive: zipfile.ZipFile, name: str, source: IO[bytes], made_at: datetime) -> str:
    """Add a file of any size; its hash."""
    info, found = zipfile.ZipInfo(name, made_at.timetuple()[:6]), hashlib.sha256()
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as target:
        while chunk := source.read(CHUNK_BYTES):
            found.update(chunk)
            target.write(chunk)
    return found.hexdigest()


def _contents(connection: Connection, made_at: datetime, members: dict[str, str]) -> Contents:
    server = connection.dialect.server_version_info or ()
    return Contents(
        made_at=made_at,
        release=version("hidden-reference"),
        database="sqlite" if connection.dialect.name == "sqlite" else "postgresql",
        database_version=".".join(map(str, server)),
        revision=connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one(),
        rows=row_counts(connection),
        members=members,
    )


def restore(settings: Settings, file: Path) -> Contents:
    """Bring a backup into an empty place: first the clips, then the database, which is there whole or not at all.

    Raises
    ------
    AppError
        Where the file is damaged, made by a newer release or of another kind of database, or where the database
        holds anything already. Nothing is changed then.
    """
    if not file.is_file():
        raise AppError(f"{file}: no such file; write one with: mushra db backup OUT")
    with _archive(file) as archive:
        contents = _verified(archive, file)
        _refuse_unfit(contents, settings, file)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        locks = (settings.data_dir / ".schema.lock", settings.data_dir / ".publish.lock")
        with (
            FileLock(locks[0]),
            FileLock(locks[1]),
            TemporaryDirectory(dir=settings.data_dir, prefix=".restore.") as to,
        ):
            database = Database(settings)
            try:
                with said_by_the_database(database.name):
                    _refuse_used(database)
                    copied = Path(archive.extract(DATABASES[contents.database], to))
                    _bring_back(archive, contents, settings, database, copied)
            finally:
                database.close()
    return contents


@contextmanager
def _archive(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except UNREADABLE as error:
        raise AppError(_damaged(file, f"no whole ZIP file ({error})")) from None
    with archive:
        yield archive


def _damaged(file: Path, found: str) -> str:
    return f"{file}: damaged or no backup of ours: {found}; nothing was changed, take another copy or an older backup"


def _verified(archive: zipfile.ZipFile, file: Path) -> Contents:
    """What the backup says of itself, after every member was held against its hash."""
    name = CONTENTS
    try:
        contents = Contents.model_validate_json(archive.read(CONTENTS))
        if sorted(archive.namelist()) != sorted([*contents.members, CONTENTS]):
            raise AppError(_damaged(file, f"its files are not those that {CONTENTS} names"))
        for name, sha256 in contents.members.items():
            with archive.open(name) as stream:
                found = _digest(stream)
            if found != sha256 or (not name.startswith("database.") and sha256 not in name):
                raise AppError(_damaged(file, f"{name} has the hash {found}, expected {sha256}"))
    except UNREADABLE as error:
        said = str(error).splitlines() or [type(error).__name__]
        raise AppError(_damaged(file, f"{name} can't be read ({said[0]})")) from None
    if not {f"files/{sha256}" for sha256 in contents.sets.values()} <= contents.members.keys():
        raise AppError(_damaged(file, f"files of sets are missing that {CONTENTS} names"))
    if DATABASES[contents.database] not in contents.members:
        raise AppError(_damaged(file, f"{DATABASES[contents.database]} is missing"))
    return contents


def _digest(stream: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        found.update(chunk)
    return found.hexdigest()


def _refuse_unfit(contents: Contents, settings: Settings, file: Path) -> None:
    """Refuse a backup of a newer release, and one of another kind of database."""
    if not schema.is_known(contents.revision):
        raise AppError(
            f"{file}: made by a newer release ({contents.release}, revision {contents.revision}; this one knows "
            f"{schema.head()}); install that one and restore with it"
        )
    here = database_address(settings).get_backend_name()
    if here != contents.database:
        raise AppError(
            f"{file}: holds a {contents.database} database, and this place is set to {here}; expected the same kind: "
            f"{'unset' if contents.database == 'sqlite' else 'set'} database_url (see: mushra config)"
        )


def _refuse_used(database: Database) -> None:
    """Refuse a database that holds anything, or that isn't ours."""
    name = database.name
    found = schema.current(database)
    with database.engine.connect() as connection:
        present = set(inspect(connection).get_table_names()) - {"alembic_version"}
        if present and (found is None or not schema.is_known(found)):
            raise AppError(f"{name}: has tables that this release did not make; restore into an empty database")
        used = {
            table_name: rows
            for table_name in sorted(present)
            if (rows := connection.execute(select(func.count()).select_from(table(table_name))).scalar_one())
        }
    if used:
        said = ", ".join(f"{table_name} {rows}" for table_name, rows in used.items())
        raise AppError(
            f"{name}: is in use (rows: {said}), and restoring would overwrite it; nothing was changed, restore into an "
            "empty place with --data NEW or another MUSHRA_DATABASE_URL"
        )


def _bring_back(
    archive: zipfile.ZipFile, contents: Contents, settings: Settings, database: Database, copied: Path
) -> None:
    """Clips, into the object store too where there is one, and sets, then the database, then the counts."""
    store, new = store_of(settings), list[Path]()
    try:
        for sha256 in contents.clips:
            path = media.path_of(settings.media_dir, sha256)
            if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                path.unlink()  # damaged; a whole one comes now
            if not path.is_file():
                media.store(settings.media_dir, archive.read(f"media/{sha256}.flac"))
                new.append(path)
            if store is not None:  # what it got stays there if this fails, and is named by: mushra db check
                store.put(path, sha256)
        for place, sha256 in contents.sets.items():
            path = settings.data_dir / place
            if not path.is_file() or file_sha256(path) != sha256:
                with archive.open(f"files/{sha256}") as source:
                    packed_sets.put(source, path)
                new.append(path)
        if contents.database == "sqlite":
            with closing(sqlite3.connect(copied)) as source, closing(database.engine.raw_connection()) as target:
                source.backup(_driver(target))  # one transaction, even where a server has the empty database open
        else:
            _restore_postgresql(database, copied)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise
    with database.engine.connect() as connection:
        found = row_counts(connection)
    if found != contents.rows:
        raise AppError(f"restored, but with other counts than the backup's: found {found}, expected {contents.rows}")


def _restore_postgresql(database: Database, copied: Path) -> None:
    """Take the empty tables away, which may be another release's, and restore."""
    postgresql.program("pg_restore")  # refuses before anything is taken away
    if schema.current(database) is not None:
        schema.downgrade(database, "base")
    with database.writing() as db:
        db.execute(text("DROP TABLE IF EXISTS alembic_version"))
    database.close()  # no connection of ours holds a lock that pg_restore waits for
    postgresql.restore(database.engine.url, copied)
