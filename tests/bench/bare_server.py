"""What ours is measured against: Flask and SQLAlchemy that insert a trial with eight ratings, and nothing else.

No sessions, no plan, no page, no rules of who may save what: the tables and the request of a store that only stores.
It asks the disk as ours does, and writers of one process wait in one line, which is this store's best case on SQLite.

    python tests/bench/bare_server.py PORT          serves with waitress the database that BARE_DATABASE names
    gunicorn --chdir tests/bench bare_server:app    the same for several workers
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import nullcontext

from flask import Flask, jsonify, request
from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    insert,
)

METADATA = MetaData()
TRIAL = Table(
    "trial",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", String, unique=True),
    Column("listener", String, index=True),
    Column("item", String),
    Column("at", Float),
)
RATING = Table(
    "rating",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("trial.id"), index=True),
    Column("stimulus", String),
    Column("score", Float),
    Column("ms", Integer),
    UniqueConstraint("trial_id", "stimulus"),
)


def opened(address: str) -> Engine:
    """An engine with its tables; on SQLite WAL, FULL, foreign keys and BEGIN IMMEDIATE."""
    engine = create_engine(address, pool_size=8, max_overflow=10)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _on_connect(connection, record) -> None:
            connection.isolation_level = None
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
                connection.execute(f"PRAGMA {pragma}")

        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    METADATA.create_all(engine)
    return engine


def bare_app(address: str) -> Flask:
    """The application."""
    engine, app = opened(address), Flask(__name__)
    turn = threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @app.post("/")
    def save():
        sent = request.get_json()
        with turn, engine.begin() as connection:
            trial = {name: sent[name] for name in ("key", "listener", "item", "at")}
            number = connection.execute(insert(TRIAL).values(**trial).returning(TRIAL.c.id)).scalar_one()
            connection.execute(insert(RATING), [rating | {"trial_id": number} for rating in sent["ratings"]])
        return jsonify(saved=True)

    return app


if "BARE_DATABASE" in os.environ:
    app = bare_app(os.environ["BARE_DATABASE"])

if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=16, ident=None)
