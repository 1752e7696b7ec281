"""What the studio shows of all studies: how far they are, and where they are listened to."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mushra_app import places
from mushra_app.conduct import ADJUSTED_DB, REFERENCE_DB_A
from mushra_app.models import Listener, ListeningSession, Response, ScriptError, Study, StudyVersion, Trial
from mushra_app.session.enrolment import TRANSDUCERS
from mushra_app.studio.pages import Calibration, PlaceLink, PlaceRow, PlacesPage, StudiesPage, StudyRow
from mushra_app.study import counting, lifecycle
from mushra_app.study.counting import Count
from mushra_app.words import say

ALLOWED_DB_A = (REFERENCE_DB_A - ADJUSTED_DB, REFERENCE_DB_A + ADJUSTED_DB)


def studies(
    db: Session,
    address: Callable[[str], str],
    visible: Container[str] | None = None,
    *,
    archived: bool = False,
    may_begin: bool = True,
) -> StudiesPage:
    """The studies whose names are ``visible`` (None: all); ``address`` gives the page of a study by its name."""
    counts = counting.of_studies(db)
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
            count=counts.get(version.study_id, Count()),
            ratings=ratings.get(version.study_id, 0),
            script_errors=errors.get(version.study_id, 0),
            url=address(version.study.name),
            draft=any(other.status == "draft" and other.number > version.number for other in version.study.versions),
        )
        for version in lifecycle.current_versions(db, visible, archived=archived)
    )
    found = (*rows, *_only_written(db, address, visible)) if not archived else tuple(rows)
    return StudiesPage(found, archived, len(lifecycle.current_versions(db, visible, archived=True)), may_begin)


def _only_written(db: Session, address: Callable[[str], str], visible: Container[str] | None) -> Iterator[StudyRow]:
    """Studies of which nothing is published yet."""
    for name in db.scalars(select(Study.name).where(~Study.versions.any()).order_by(Study.name)):
        if visible is None or name in visible:
            yield StudyRow(name, name, "draft", Count(), 0, 0, address(name), draft=False)


def listening_places(
    db: Session,
    address: Callable[[str, str], str],
    visible: Container[str] | None = None,
    *,
    may_calibrate: bool = True,
    refused: tuple[Calibration, Mapping[str, str]] = (Calibration(), MappingProxyType({})),
) -> PlacesPage:
    """All listening places; ``address`` gives the listener's link of a study at a place, both by name.

    Only studies whose names are ``visible`` (None: all) have links; ``refused`` is what was typed, and what is wrong.
    """
    versions = [
        version for version in lifecycle.current_versions(db, visible) if version.status in lifecycle.TAKES_LISTENERS
    ]
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
    transducers: dict[str, str] = dict(zip(TRANSDUCERS, (say("headphones"), say("loudspeakers")), strict=True))
    return PlacesPage(tuple(rows), studies, transducers, ALLOWED_DB_A, *refused, may_calibrate)


def _errors(query: Select[*tuple[Any, ...]], study_id: int | None = None) -> Select[*tuple[Any, ...]]:
    """What is asked, of the script errors of all studies or of one."""
    found = query.select_from(ScriptError).join(ListeningSession).join(Listener)
    return found if study_id is None else found.where(Listener.study_id == study_id)


def _counts(db: Session, query: Select[*tuple[Any, ...]]) -> dict[int, int]:
    return {row[0]: row[1] for row in db.execute(query)}
