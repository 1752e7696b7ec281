"""How far the listeners of a study are, and what their browsers complained of."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from mushra_app.models import Listener, ListeningSession, Save, ScriptError, Trial
from mushra_app.people.logins import Visitor
from mushra_app.studio.browsers import browser
from mushra_app.studio.live.pages import LivePage, PageError, SessionRow
from mushra_app.studio.tabs import head_of
from mushra_app.study import lifecycle

MOST_ERRORS = 50
LONGEST_LINE = 160


def live(db: Session, name: str, visitor: Visitor, *, listener_url: str) -> LivePage:
    """One study, with every session of any version."""
    version = lifecycle.current(db, name)
    of_study = Listener.study_id == version.study_id
    reported = select(func.count()).select_from(ScriptError).join(ListeningSession).join(Listener).where(of_study)
    return LivePage(
        head=head_of(db, version, visitor),
        listener_url=listener_url,
        sessions=tuple(_sessions(db, version.study_id)),
        page_errors=tuple(_page_errors(db, version.study_id)),
        page_errors_in_all=db.scalar(reported) or 0,
    )


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
            pilot=sitting.listener.pilot,
            started_at=sitting.started_at.isoformat(timespec="seconds"),
            trials=tuple("saved" if trial.id in saved else "open" for trial in sitting.trials),
        )
        for sitting in sittings
    ]


def _page_errors(db: Session, study_id: int) -> Iterator[PageError]:
    """The newest ones."""
    query = select(ScriptError, Listener.pseudonym).select_from(ScriptError).join(ListeningSession).join(Listener)
    query = query.where(Listener.study_id == study_id)
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
