"""Ratings and answers out of SQL, as the ratings contract says.

One row per rated sound, from the latest revision of each trial; sessions of listeners who withdrew, and
those of a pilot, are left out. Free text is no rating: comments and answers go into a file of their own, without what
the questionnaire marks as personal.

Defines: ``rows``, ``one_study``, ``versions``, ``run_of``, ``ANSWER_COLUMNS``, ``answer_rows``, ``write_answers``,
``write_answer_stream``, ``harmless``, ``as_it_was``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.orm import Session, aliased

from mushra_app import csv_lines, ratings
from mushra_app.conduct import Run, sittings_of
from mushra_app.errors import AppError
from mushra_app.models import (
    Answer,
    Clip,
    Condition,
    Item,
    Listener,
    ListeningSession,
    Place,
    Response,
    Save,
    Scale,
    Slot,
    Study,
    StudyVersion,
    Trial,
)
from mushra_app.session import setting_up
from stimuli.whole_files import whole_file

ANSWER_COLUMNS: tuple[str, ...] = ("study", "study_id", "listener", "session", "trial", "question", "answer")
FORMULA_STARTS = (*"=+-@\t\r\n", *"＝＋－＠")


def rows(
    db: Session,
    study: str | None = None,
    *,
    version: int | None = None,
    training: bool = True,
    unfinished: bool = True,
) -> Iterator[ratings.Row]:
    """Ratings in the order in which they were heard, one dictionary per row of ``ratings.COLUMNS``.

    Attention checks are among them, and say so.

    Parameters
    ----------
    study : short name; every study of the database where it is ``None``.
    version : number of one version of it; every one where it is ``None``.
    training, unfinished : whether training trials and sessions not finished are included; rows say which they are.
    """
    query = _query()
    if study is not None:
        query = query.where(Study.name == study)
    if version is not None:
        query = query.where(StudyVersion.number == version)
    if not training:
        query = query.where(Trial.block != "training")
    if not unfinished:
        query = query.where(ListeningSession.status == "finished")
    for found in db.execute(query.execution_options(yield_per=1000)):
        yield _row(found)


def one_study(db: Session, study: str | None) -> str:
    """Short name of the study that is meant: the one that was named, or the only one there is.

    Raises
    ------
    AppError
        Where there is no such study, or several and none was named.
    """
    known = db.scalars(select(Study.name).order_by(Study.name)).all()
    if study is None and len(known) != 1:
        raise AppError(f"found {len(known)} studies ({', '.join(known)}); say which with --study NAME")
    if study is not None and study not in known:
        raise AppError(f"--study {study}: no such study; found {', '.join(known) or 'none'}")
    return study or known[0]


def versions(db: Session, study: str) -> tuple[int, ...]:
    """Numbers of the versions of a study of which an export holds ratings."""
    own = select(StudyVersion.number).join(Study).join(ListeningSession).join(Listener).join(Trial).join(Save)
    here = own.where(Study.name == study, Listener.pilot.is_(False), ListeningSession.status != "withdrawn")
    return tuple(db.scalars(here.distinct().order_by(StudyVersion.number)))


def run_of(db: Session, version: StudyVersion) -> Run:
    """The finished sessions of a version, as the rules of a run see them: what its ratings say, each thing once."""
    query = _query().with_only_columns(
        Listener.pseudonym.label("listener"),
        ListeningSession.id.label("session"),
        Listener.simulated,
        (ListeningSession.status == "finished").label("finished"),
        (Trial.block == "training").label("training"),
        ListeningSession.experience,
        ListeningSession.transducer,
        ListeningSession.level_db_a,
        Save.fade_mode,
        Save.altered,
    )
    own = query.where(StudyVersion.id == version.id).order_by(None).distinct()
    return sittings_of(dict(row) for row in db.execute(own.order_by(ListeningSession.id)).mappings())


def _query() -> Select[*tuple[Any, ...]]:
    # "None is newer" and not "it is the highest": of a comparison PostgreSQL expects one save in two hundred to be so,
    # not nearly every one, and goes through all ratings anew for every session.
    later = aliased(Save)
    newest = ~exists().where(later.trial_id == Save.trial_id, later.revision > Save.revision)
    return (
        select(
            Study,
            StudyVersion.identity,
            StudyVersion.stimuli_id,
            Listener,
            ListeningSession,
            Trial,
            Scale,
            Item,
            Condition.name,
            Clip.role,
            Slot.position,
            Response,
            Save,
            Place.name,
        )
        .select_from(Response)
        .join(Save, Save.id == Response.save_id)
        .join(Trial, Trial.id == Response.trial_id)
        .join(Slot, Slot.id == Response.slot_id)
        .join(Clip, Clip.id == Slot.clip_id)
        .join(Condition, Condition.id == Clip.condition_id)
        .join(Item, Item.id == Trial.item_id)
        .join(Scale, Scale.id == Response.scale_id)
        .join(ListeningSession, ListeningSession.id == Trial.session_id)
        .join(Listener, Listener.id == ListeningSession.listener_id)
        .outerjoin(Place, Place.id == ListeningSession.place_id)
        .join(StudyVersion, StudyVersion.id == ListeningSession.study_version_id)
        .join(Study, Study.id == StudyVersion.study_id)
        .where(newest, ListeningSession.status != "withdrawn", Response.number.is_not(None))
        .where(Listener.pilot.is_(False))
        .order_by(ListeningSession.id, Trial.position, Slot.position)
    )


def _row(found: Row[*tuple[Any, ...]]) -> ratings.Row:
    study, identity, stimuli_id, listener, sitting, trial, scale, item, condition, role, slot, response, save, place = (
        found
    )
    checks = setting_up.outcomes(sitting.setup_steps)
    return {
        "study": study.name,
        "study_id": identity,
        "stimuli_id": stimuli_id,
        "listener": listener.pseudonym,
        "listener_group": listener.listener_group,
        "session": str(sitting.id),
        "part": sitting.part,
        "trial": str(trial.id),
        "presentation": trial.position,
        "attribute": scale.name,
        "song": item.song,
        "excerpt": f"{item.start_s:g}-{item.start_s + item.length_s:g}",
        "item": item.name,
        "target": item.target,
        "dataset": item.dataset,
        "condition": condition,
        "role": role,
        "slot": slot,
        "rating": response.number,
        "replicate": trial.replicate,
        "training": trial.block == "training",
        "attention_check": trial.block == "attention",
        "simulated": listener.simulated,
        "finished": sitting.status == "finished",
        "moved": response.moved,
        "heard_s": response.heard_s,
        "plays": response.plays,
        "trial_s": save.trial_s,
        "fade_mode": save.fade_mode,
        "engine": harmless(save.engine),  # the one column that holds what a browser said in its own words
        "rate_hz": save.rate_hz,
        "transducer": sitting.transducer,
        "experience": sitting.experience,
        "level_db_a": sitting.level_db_a,
        "place": place or "",
        "gain_db": save.gain_db,
        "sides_check": checks.get("sides", ""),
        "headphone_check": checks.get("headphones", ""),
        "language": sitting.language,
        "altered": save.altered,
        "revision": save.revision,
        "saved_at": save.saved_at.isoformat(timespec="milliseconds"),
    }


def answer_rows(db: Session, study: str | None = None, version: int | None = None) -> Iterator[dict[str, str]]:
    """Comments on trials (question ``comment``) and answers that are not personal; ``trial`` followed those between."""
    started = (
        select(Study.name, StudyVersion.identity, Listener.pseudonym, ListeningSession.id)
        .select_from(ListeningSession)
        .join(Listener)
        .join(StudyVersion, StudyVersion.id == ListeningSession.study_version_id)
        .join(Study, Study.id == StudyVersion.study_id)
        .where(ListeningSession.status != "withdrawn", Listener.pilot.is_(False))
        .order_by(ListeningSession.id)
    )
    if study is not None:
        started = started.where(Study.name == study)
    if version is not None:
        started = started.where(StudyVersion.number == version)
    comments = started.add_columns(Trial.id, Save.comment).join(Trial).join(Save).where(Save.comment != "")
    answers = (
        started.add_columns(Trial.id, Answer.question, Answer.text)
        .join(Answer)
        .outerjoin(Trial, (Trial.session_id == ListeningSession.id) & (Trial.position == Answer.at_position))
        .where(Answer.personal.is_(False))
    )
    for name, identity, listener, session, trial, text in db.execute(comments.order_by(Trial.position, Save.revision)):
        cells = (name, identity, listener, session, trial, "comment", text)
        yield dict(zip(ANSWER_COLUMNS, map(str, cells), strict=True))
    for name, identity, listener, session, trial, question, text in db.execute(answers.order_by(Answer.id)):
        cells = (name, identity, listener, session, trial or "", question, text)
        yield dict(zip(ANSWER_COLUMNS, map(str, cells), strict=True))


def write_answers(path: Path, db: Session, study: str | None = None, version: int | None = None) -> int:
    """Write the answers to a file, atomically; how many there are."""
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        return write_answer_stream(stream, db, study, version)


def write_answer_stream(stream: IO[str], db: Session, study: str | None = None, version: int | None = None) -> int:
    """Write ``answer_rows`` as CSV; how many there are."""
    count, writer = 0, csv_lines.writer(stream)
    writer.writerow(ANSWER_COLUMNS)
    for row in answer_rows(db, study, version):
        writer.writerow((row | {"answer": harmless(row["answer"])}).values())
        count += 1
    return count


def harmless(text: str) -> str:
    """What a listener's browser sent, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def as_it_was(text: str) -> str:
    """What ``harmless`` made harmless, without its apostrophe; both are written alike."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
