"""What the studio shows of the database: how far studies are, and never how conditions do."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, selectinload

from mushra_app import places
from mushra_app.conduct import ADJUSTED_DB, REFERENCE_DB_A, called, check_run
from mushra_app.export import run_of
from mushra_app.models import Listener, ListeningSession, Response, Save, ScriptError, StudyVersion, Trial
from mushra_app.session.enrolment import TRANSDUCERS, experiment_of, open_version
from mushra_app.studio.browsers import browser
from mushra_app.studio.pages import (
    BrokenRule,
    Calibration,
    PageError,
    PlaceLink,
    PlaceRow,
    PlacesPage,
    SessionRow,
    StudiesPage,
    StudyPage,
    StudyRow,
)
from stimuli.manifest import RuleResult

MOST_ERRORS = 50
LONGEST_LINE = 160
SEVERITIES = ("must", "should", "note")
ALLOWED_DB_A = (REFERENCE_DB_A - ADJUSTED_DB, REFERENCE_DB_A + ADJUSTED_DB)


def studies(db: Session, address: Callable[[str], str], visible: Container[str] | None = None) -> StudiesPage:
    """The studies whose names are ``visible`` (None: all); ``address`` gives the page of a study by its name."""
    listeners = _counts(db, select(Listener.study_id, func.count()).group_by(Listener.study_id))
    missing = exists().where(ListeningSession.listener_id == Listener.id, ListeningSession.status != "finished")
    finished = _counts(db, select(Listener.study_id, func.count()).where(~missing).group_by(Listener.study_id))
    ratings = _counts(
        db,
        select(StudyVersion.study_id, func.count(Response.slot_id.distinct()))
        .join(ListeningSession)
        .join(Trial)
        .join(Response, Response.trial_id == Trial.id)
        .group_by(StudyVersion.study_id),
    )
    errors = _counts(db, _errors(select(Listener.study_id, func.count())).group_by(Listener.study_id))
    rows = (
        StudyRow(
            name=version.study.name,
            title=version.title,
            status=version.status,
            listeners=listeners.get(version.study_id, 0),
            finished=finished.get(version.study_id, 0),
            ratings=ratings.get(version.study_id, 0),
            script_errors=errors.get(version.study_id, 0),
            url=address(version.study.name),
        )
        for version in _open_versions(db, visible)
    )
    return StudiesPage(tuple(rows))


def listening_places(
    db: Session,
    address: Callable[[str, str], str],
    visible: Container[str] | None = None,
    *,
    may_calibrate: bool = True,
    refused: tuple[Calibration, tuple[str, ...]] = (Calibration(), ()),
) -> PlacesPage:
    """All listening places; ``address`` gives the listener's link of a study at a place, both by name.

    Only studies whose names are ``visible`` (None: all) have links; ``refused`` is what was typed and why it won't do.
    """
    versions = _open_versions(db, visible)
    rows = (
        PlaceRow(
            name=place.name,
            level_db_a=place.level_db_a,
            off=not ALLOWED_DB_A[0] <= place.level_db_a <= ALLOWED_DB_A[1],
            transducer=place.transducer,
            device=place.device,
            calibrated_at=place.calibrated_at.isoformat(timespec="seconds"),
            links=tuple(
                PlaceLink(version.study.name, version.title, address(version.study.name, place.name))
                for version in versions
            ),
        )
        for place in places.latest(db)
    )
    studies = {version.study.name: version.title for version in versions}
    return PlacesPage(tuple(rows), studies, TRANSDUCERS, ALLOWED_DB_A, *refused, may_calibrate)


def study(db: Session, name: str, *, listener_url: str, export_url: str, data_dir: str) -> StudyPage:
    """One study in its open version, with every session of any version."""
    version = open_version(db, name)
    # Only its rules: a manifest that a database keeps has null where a loudness was infinite, and is none to validate.
    of_the_set = (RuleResult.model_validate(rule) for rule in version.manifest.get("rules", ()))
    rules = (*of_the_set, *check_run(run_of(db, version)))
    return StudyPage(
        name=name,
        title=version.title,
        status=version.status,
        study_id=version.identity,
        stimuli_id=version.stimuli_id,
        published_at=version.published_at.isoformat(timespec="seconds"),
        items=len(version.items),
        conditions=len(experiment_of(version).conditions),
        listeners_planned=experiment_of(version).analysis.listeners,
        listener_url=listener_url,
        export_url=export_url,
        report_command=(
            f'mushra export --data "{data_dir}" --study {name} --out ratings.csv && '
            f'mushra report ratings.csv --stimuli "{version.published_from}" --out report.html'
        ),
        sessions=tuple(_sessions(db, version.study_id)),
        called=called(rules),
        broken=tuple(
            BrokenRule(rule.rule, rule.severity, rule.authority, rule.message)
            for rule in sorted(rules, key=lambda rule: SEVERITIES.index(rule.severity))
            if not rule.passed
        ),
        page_errors=tuple(_page_errors(db, version.study_id)),
        page_errors_in_all=db.scalar(_errors(select(func.count()), version.study_id)) or 0,
    )


def _open_versions(db: Session, visible: Container[str] | None) -> list[StudyVersion]:
    """The versions that take listeners and may be seen, by the name of their study."""
    query = select(StudyVersion).where(StudyVersion.status == "open").options(selectinload(StudyVersion.study))
    seen = (version for version in db.scalars(query) if visible is None or version.study.name in visible)
    return sorted(seen, key=lambda version: version.study.name)


def _sessions(db: Session, study_id: int) -> list[SessionRow]:
    saved = set(
        db.scalars(
            select(Save.trial_id).join(Trial).join(ListeningSession).join(Listener).where(Listener.study_id == study_id)
        )
    )
    sittings = db.scalars(
        select(ListeningSession)
        .join(Listener)
        .where(Listener.study_id == study_id)
        .options(selectinload(ListeningSession.listener), selectinload(ListeningSession.trials))
        .order_by(ListeningSession.started_at, ListeningSession.part)
    )
    return [
        SessionRow(
            listener=sitting.listener.pseudonym,
            part=sitting.part,
            status=sitting.status,
            simulated=sitting.listener.simulated,
            started_at=sitting.started_at.isoformat(timespec="seconds"),
            trials=tuple("saved" if trial.id in saved else "open" for trial in sitting.trials),
        )
        for sitting in sittings
    ]


def _page_errors(db: Session, study_id: int) -> Iterator[PageError]:
    """The newest ones."""
    query = _errors(select(ScriptError, Listener.pseudonym), study_id)
    for error, pseudonym in db.execute(query.order_by(ScriptError.id.desc()).limit(MOST_ERRORS)):
        line = next(iter(error.text.strip().splitlines()), "(an error without words)")
        yield PageError(
            reported_at=error.reported_at.isoformat(timespec="seconds"),
            listener=pseudonym,
            browser=browser(error.user_agent),
            user_agent=error.user_agent,
            first_line=line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…",
            text=error.text,
        )


def _errors(query: Select[*tuple[Any, ...]], study_id: int | None = None) -> Select[*tuple[Any, ...]]:
    """What is asked, of the script errors of all studies or of one."""
    found = query.select_from(ScriptError).join(ListeningSession).join(Listener)
    return found if study_id is None else found.where(Listener.study_id == study_id)


def _counts(db: Session, query: Select[*tuple[Any, ...]]) -> dict[int, int]:
    return {row[0]: row[1] for row in db.execute(query)}
