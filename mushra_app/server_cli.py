"""``mushra publish``, ``serve``, ``import``, ``export``, ``withdraw``, ``config``: the server from the command line."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from mushra_app import answer_file, ratings, schema, security
from mushra_app import config as configuration
from mushra_app import export as exporting
from mushra_app import publish as publishing
from mushra_app.config import Settings, load_settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.operation import retention
from mushra_app.people import audit, logins
from mushra_app.refusals import refusals_in_sentences
from mushra_app.serving.object_store import masked
from mushra_app.session import privacy
from mushra_app.study import layouts, lifecycle, peeking
from stimuli.whole_files import whole_file

data_option = click.option(
    "--data", "data_dir", type=click.Path(file_okay=False, path_type=Path), help="Data folder [default: mushra-data]."
)
STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")
"""Handled by ourselves, because a shell starts background programs with SIGINT ignored."""
"""Beside Ctrl-C; the second is what Windows has for the first."""


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database with this release's tables; closed at the end. What it refuses is said in a sentence."""
    database = Database(settings)
    try:
        with refusals_in_sentences(database.name):
            schema.require(database, settings)
            yield database
    finally:
        database.close()


@contextmanager
def _in(data_dir: Path | None) -> Iterator[Database]:
    """The database of a folder, which has to be there."""
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database:
        yield database


@contextmanager
def changing(data_dir: Path | None) -> Iterator[Session]:
    """A transaction on the database of that folder."""
    with _in(data_dir) as database, database.writing() as db:
        yield db


@contextmanager
def looking(data_dir: Path | None) -> Iterator[Session]:
    """The database of that folder, to be read."""
    with _in(data_dir) as database, database.reading() as db:
        yield db


@click.command()
@click.argument("stimuli", type=click.Path(path_type=Path))
@data_option
@click.option("--draft", is_flag=True, help="Don't open it: somebody looks at it in the studio first.")
@click.option("--reason", default="", help="Why a version that was closed takes listeners again; reports name it.")
def publish(stimuli: Path, data_dir: Path | None, draft: bool, reason: str) -> None:
    """Put the stimulus set in the folder STIMULI into the database, ready for listeners."""
    settings = load_settings(data_dir=data_dir)
    base = settings.address
    with opened(settings) as database:
        done = publishing.publish(stimuli, database, settings, as_draft=draft, reason=reason)
        link = _studio_link(settings, database, base)
    click.echo(
        {
            "new": f"{done.study}: published",
            "next version": f"{done.study}: published as version {done.number}; listeners who have begun keep theirs",
            "back": f"{done.study}: version {done.number} takes listeners again",
            "nothing": f"{done.study}: this set is already published (version {done.number}); nothing changed",
        }[done.change]
    )
    if done.change in ("back", "nothing") and done.taken:
        click.echo(f"  its set was missing where it had been published from; reports read it in {stimuli} now")
    if done.status == "draft":
        click.echo("  a draft, which takes no listeners yet: open it in the studio, or publish it without --draft")
    for rule in done.broken:  # nobody publishes such a set without having been told
        click.echo(f"  {'FAIL' if rule.severity == 'must' else 'warn'}  {rule.rule} ({rule.authority}): {rule.message}")
    if any(rule.severity == "must" for rule in done.broken):
        click.echo("  this is a multi-stimulus test, not a MUSHRA test, until the set is mended and published again")
    click.echo(f"  listeners:    {base}/listen/{done.study}\n  experimenter: {link}")
    click.echo(f"  serve it:     mushra serve --data {settings.data_dir}")


@click.command()
@data_option
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one [default: 8000].")
def serve(data_dir: Path | None, host: str | None, port: int | None) -> None:
    """Serve the published listening tests until Ctrl-C."""
    from mushra_app.app import MOST_BODY_BYTES, create_app  # not needed by the other commands, and slow to import
    from mushra_app.operation import apart
    from mushra_app.operation.stopping import Stoppable

    settings = load_settings(data_dir=data_dir, host=host, port=port)
    with opened(settings) as database, retention.enforced(database, settings):
        app = create_app(settings, database)
        others = apart.attach(app, settings, create_app)
        listening = _listen(settings)
        server = Stoppable(
            app,
            listening,
            threads=settings.threads,
            ident=None,
            largest_upload=(settings.largest_upload_mb + 1) * 10**6,  # the app refuses above, with a sentence
            max_request_body_size=2 * MOST_BODY_BYTES,  # the app refuses above half of it, with a sentence
            clear_untrusted_proxy_headers=False,  # the app decides whom it believes
        )
        for name in STOP_SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), server.stop)
        say_links(settings, database, listening.getsockname()[1])
        server.run(settings.graceful_stop_s)
        others.close()
    click.echo("stopped")


def _listen(settings: Settings) -> socket.socket:
    """The open port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        mend = f"stop what uses it, or: mushra serve --port {settings.port + 1}"
        raise AppError(f"{settings.host}:{settings.port}: {error.strerror or error}; {mend}") from None


def say_links(settings: Settings, database: Database, port: int) -> None:
    """Where listeners and experimenters come in, and what a study waits for that takes nobody."""
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    base = settings.external_url or f"http://{shown}:{port}"
    with database.reading() as db:
        states = {version.study.name: version.status for version in lifecycle.current_versions(db)}
    for name, status in states.items():
        if status in lifecycle.TAKES_LISTENERS:
            click.echo(f"listeners:    {base}/listen/{name}")
        elif status == "draft":
            click.echo(f"draft:        {name} waits to be opened, in the studio or with: mushra study open {name}")
    if not states:
        click.echo("no study is published yet; publish one with: mushra publish STIMULI")
    elif not {"draft", *lifecycle.TAKES_LISTENERS} & set(states.values()):
        click.echo("no study takes listeners now; see: mushra study list")
    click.echo(f"experimenter: {_studio_link(settings, database, base)}")
    click.echo(f"serving on {settings.host}:{port}; stop with Ctrl-C")


def _studio_link(settings: Settings, database: Database, base: str) -> str:
    """With the key, until there is an owner with an account."""
    with database.reading() as db:
        return f"{base}/studio/" if logins.has_owner(db) else f"{base}/studio/?key={security.studio_key(settings)}"


@click.command()
@data_option
@click.option("--study", help="Short name of the study, where the database has several.")
@click.option("--version", type=click.IntRange(1), help="Which of its versions alone [default: every one].")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="CSV, or .parquet.")
@click.option(
    "--layout",
    type=click.Choice(["long", "wide", "webmushra"]),
    default="long",
    show_default=True,
    help="One row per rating; per page, with a column per condition; or as webMUSHRA writes them.",
)
@click.option("--training/--no-training", default=True, show_default=True, help="Include training trials, marked so.")
@click.option("--unfinished/--finished", default=True, show_default=True, help="Include sessions under way, marked so.")
@click.option(
    "--answers", type=click.Path(dir_okay=False, path_type=Path), help="Comments and answers, as a second file."
)
@click.option("--refuse-running", is_flag=True, help="Refuse while the study still runs, unless --peek says why.")
@click.option("--peek", default="", help="Why you have to look while the study still runs; every report names it.")
@click.option("--by", default=audit.COMMAND_LINE, show_default=True, help="Who exports, for the audit log.")
def export(
    data_dir: Path | None,
    study: str | None,
    version: int | None,
    out: Path,
    layout: str,
    training: bool,
    unfinished: bool,
    answers: Path | None,
    refuse_running: bool,
    peek: str,
    by: str,
) -> None:
    """Write every rating of a study to a file.

    Training trials and sessions not finished are included and marked in the columns training and finished; the layouts
    wide and webmushra leave them out. Answers that the questionnaire marks as personal are never written.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    parquet = out.suffix.lower() == ".parquet"
    if layout != "long" and parquet:
        raise AppError(f"{out}: a Parquet file has the layout long; give a .csv for --layout {layout}")
    with opened(settings) as database, database.reading() as db:
        name = exporting.one_study(db, study)
        if refuse_running or peek:
            _peek(database, db, name, peek, by)
        if version is not None:
            lifecycle.version_of(db, name, version)
        found = exporting.rows(db, name, version=version, training=training, unfinished=unfinished)
        if parquet:
            count = layouts.write_parquet(out, found)
        elif layout == "long":
            count = ratings.write_csv(out, found)
        else:
            count = _written(out, lambda stream: layouts.write(stream, db, name, layout, version))
        click.echo(f"{out}: {count} {'pages' if layout == 'wide' else 'ratings'}{_of_versions(db, name, version)}")
        if answers is not None:
            click.echo(f"{answers}: {exporting.write_answers(answers, db, name, version)} answers")
        running = peeking.is_running(db, name)
        with database.writing() as noting:
            what = audit.kept("ratings and answers") if answers else audit.kept("ratings")
            of_what = f"{what}, version {version}" if version else what
            audit.note(noting, by, "export", f"{name}: {of_what} while it ran" if running else f"{name}: {of_what}")


def _of_versions(db: Session, study: str, version: int | None) -> str:
    """Of which versions the ratings are, where that is not one alone."""
    if version is not None or len(several := exporting.versions(db, study)) < 2:
        return ""
    numbers = ", ".join(map(str, several))
    return f" of the versions {numbers}, told apart by the column study_id; a report is of one: --version NUMBER"


def _peek(database: Database, db: Session, study: str, reason: str, who: str) -> None:
    """Refuse to go on while the study runs without a reason; with one, note it before anything is read."""
    if written := peeking.require(db, study, reason, mend='Or say why it has to be now: --peek "REASON"'):
        with database.writing() as noting:
            peeking.note(noting, who, study, written)


def _written(path: Path, write: Callable[[TextIO], int]) -> int:
    """Write a file whole or not at all; what ``write`` says."""
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        return write(stream)


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
def import_answers(file: Path, data_dir: Path | None) -> None:
    """Store the answers in FILE, which a listener downloaded while the server was away.

    All of the file is stored or nothing. What has arrived meanwhile is recognised and left as it is, so a file may be
    imported twice, and while the server runs.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    answers = answer_file.read(file)
    with opened(settings) as database, database.writing() as db:
        outcomes = answer_file.store(db, answers, file)
    for outcome in outcomes:
        click.echo(outcome.sentence)
    new = sum(outcome.new for outcome in outcomes)
    click.echo(f"{file}: {new} stored, {len(outcomes) - new} there already")


@click.command()
@click.argument("code")
@data_option
def withdraw(code: str, data_dir: Path | None) -> None:
    """Withdraw the listener who was given CODE, as they can do themselves: for those who write to you instead.

    Whatever they wrote is erased, and their ratings leave every export. Backups made before still hold both.
    """
    settings = load_settings(data_dir=data_dir)
    require_data(settings)
    with opened(settings) as database, database.writing() as db:
        listener = privacy.listener_of(db, code)
        privacy.withdraw(db, listener)
        audit.note(db, audit.COMMAND_LINE, "withdrawal", privacy.about(listener))
        click.echo(f"{listener.pseudonym}: withdrawn ({len(listener.sessions)} sessions)")


def require_data(settings: Settings) -> None:
    """Refuse to make an empty database out of a mistyped folder."""
    if settings.database_url is None and not settings.database_file.is_file():
        raise AppError(f"{settings.database_file}: no such database; name its folder with --data DIR")


@click.command()
@data_option
def config(data_dir: Path | None) -> None:
    """Show the settings and where each comes from; secrets are masked."""
    settings = load_settings(data_dir=data_dir)
    where = configuration.sources(data_dir=data_dir)
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if name == "database_url" and value:
            value = make_url(value).render_as_string(hide_password=True)
        if name == "media_url" and value:
            value = masked(value)
        click.echo(f"{name:<22} {'' if value is None else value!s:<32} [{where[name]}] {field.description}")
    for name in ("secret.key", "studio.key", *(("metrics.key",) if settings.metrics else ())):
        state = "********" if (settings.data_dir / name).is_file() else "made at the first start"
        click.echo(f"{name:<22} {state:<32} [{settings.data_dir / name}]")
