"""How many listeners there are: the one rule of the list, of a study's pages, of the programs and of the command line.

People count; whoever has withdrawn or was refused, and whoever came in a pilot, does not. Simulated listeners stand
beside them. Who has finished has finished all their sessions.

Conventions: functions take a SQLAlchemy session. Defines: ``Count``, ``of_studies``, ``of_versions``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, case, exists, func, select
from sqlalchemy.orm import Session

from mushra_app.models import Listener, ListeningSession
from mushra_app.study.recruiting import GONE


@dataclass(frozen=True)
class Count:
    """Listeners who have begun, how many of them have finished, and how many are simulated or came in a pilot."""

    begun: int = 0
    finished: int = 0
    simulated: int = 0
    pilots: int = 0


def of_studies(db: Session) -> Mapping[int, Count]:
    """The listeners of every study, by its id."""
    return _counted(db, select(Listener.study_id), Listener.study_id)


def of_versions(db: Session, study_id: int) -> Mapping[int, Count]:
    """The listeners of every version of a study, by its id."""
    version = ListeningSession.study_version_id
    here = select(version).join(Listener).where(Listener.study_id == study_id)
    return _counted(db, here, version)


def _counted(db: Session, query: Select[int], key: Any) -> dict[int, Count]:
    own = ListeningSession.__table__.alias()
    left = exists().where(own.c.listener_id == Listener.id, own.c.status.in_(GONE))
    unfinished = exists().where(own.c.listener_id == Listener.id, own.c.status != "finished")
    who = func.count(Listener.id.distinct())
    done = func.count(case((unfinished, None), else_=Listener.id).distinct())
    kinds = (Listener.simulated, Listener.pilot)
    rows = db.execute(query.add_columns(*kinds, who, done).where(~left).group_by(key, *kinds))
    found: defaultdict[int, Count] = defaultdict(Count)
    for place, simulated, pilot, begun, finished in rows:
        if simulated:
            if not pilot:
                found[place] = replace(found[place], simulated=begun)
        elif pilot:
            found[place] = replace(found[place], pilots=begun)
        else:
            found[place] = replace(found[place], begun=begun, finished=finished)
    return found
