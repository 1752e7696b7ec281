"""How somebody comes to a study: by its open link, by an invitation, at a listening place, or from a panel.

Whoever has begun is led back to their session, in whatever state the study is: an invitation is its person's in any
browser, and a panel's worker is known by the panel's name for them together with what only their own link says
(``SECRETS``), because others may know the name. Only where their next session has not begun, which is days later at
times, they may come by a link that says something new: the panel pays each session by itself, and what it says then
leads back from then on. Everybody else is taken if the study takes listeners, the link may be used, and there is a
place left. Enrolment locks the study, so that of two who want the last
place one gets it, and one invitation opened twice at once makes one listener.

Functions take a SQLAlchemy session and know nothing of the web. Defines: ``Panel``, ``Link``, ``seen_out``,
``way_back``, ``is_sent_again``, ``come_again``, ``admit``, ``meets_criteria``, ``arrive``.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.errors import ConflictError, NotFoundError, TurnedAwayError
from mushra_app.models import Listener, Place, Study, StudyVersion
from mushra_app.session import enrolment, listening
from mushra_app.session.enrolment import Arrival
from mushra_app.study import endings, lifecycle
from mushra_app.study.recruiting import Filled, Recruiting, filled, locked, recruiting_of
from mushra_app.study.tables import Invitation, Recruit
from mushra_app.words import say

SECRETS = {"prolific": "SESSION_ID", "mturk": "assignmentId"}
"""What a panel's link says that nobody but its worker and whoever pays them knows."""
LATER = "later"
"""Where a recruit's detail keeps what the links for later sessions said, by the number of the session."""

FOR_GOOD = ("full", "ended", "uninvited")
"""Why somebody is turned away who need not try again."""


@dataclass(frozen=True)
class Panel:
    """What a panel's link says: which panel (``prolific`` or ``mturk``), who it is there, and what else."""

    channel: str
    person: str
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """What somebody's link says beside the study; ``place`` is where they sit."""

    simulated: bool = False
    place: Place | None = None
    invitation: int | None = None
    panel: Panel | None = None
    group: str = ""

    @property
    def channel(self) -> str:
        """How they came, as it is noted; "" by the open link."""
        if self.invitation is not None:
            return "invitation" if self.place is None else "lab"
        return self.panel.channel if self.panel else ""


@contextmanager
def seen_out(db: Session, study: str, link: Link) -> Iterator[None]:
    """Whoever comes from a panel and is turned away for good is handed what whoever is screened out is."""
    try:
        yield
    except TurnedAwayError as error:
        if link.panel is not None and error.reason in FOR_GOOD:
            ending = endings.screened_out(recruiting_of(lifecycle.study_of(db, study)), link.channel)
            error.code, error.return_url = ending.code, ending.return_url
        raise


def way_back(db: Session, study: str, link: Link, key: str) -> str | None:
    """The token of the session of whoever has this link and has begun; None where nobody has.

    ConflictError where they have begun and this server's key does not lead back, because it is another one now; or
    where it is a panel's link that is not the one that they began by.
    """
    listener = _known(db, study, link)
    if listener is None:
        return None
    part = _part(db, study, link)
    token = None if part == 0 else enrolment.way_back(listener, key, part)
    if token is None:
        raise ConflictError(say("You have begun already. Please go on at the address that your session had."))
    return token


def is_sent_again(db: Session, study: str, link: Link) -> bool:
    """Whether a panel sends somebody anew for the next of their sessions, which they have not begun."""
    return _next_part(db, study, link) is not None


def come_again(db: Session, study: str, link: Link, key: str) -> str | None:
    """Note what the panel says of somebody whom it sends for their next session; the token to go on with.

    Says and raises what ``way_back`` does, too where they have begun it meanwhile.
    """
    locked(db, lifecycle.study_of(db, study).id)
    part, recruit = _next_part(db, study, link), _recruit(db, study, link)
    if part is not None and recruit is not None and link.panel is not None:
        later = recruit.detail.get(LATER, {}) | {str(part): dict(link.panel.detail)}
        recruit.detail = {**recruit.detail, LATER: later}
        db.flush()
    return way_back(db, study, link, key)


def admit(db: Session, version: StudyVersion, link: Link) -> str:
    """The group that somebody with this link comes into.

    Raises
    ------
    TurnedAwayError
        Where the link may not be used (any more), or all places are taken.
    NotFoundError
        Where the link names an invitation or a group that is none of this study's.
    """
    if link.simulated:
        return ""
    recruiting = recruiting_of(version.study)
    group = _group(db, version.study, recruiting, link)
    if version.status != "piloting":  # a pilot's ratings don't count
        _refuse_where_full(db, version.study_id, recruiting, group)
    return group


def meets_criteria(recruiting: Recruiting, arrival: Arrival) -> bool:
    """Whether somebody is among those who are looked for; programs always are."""
    transducer = arrival.place.transducer if arrival.place else arrival.transducer
    fits = recruiting.transducer in ("any", transducer) and recruiting.experience in ("any", arrival.experience)
    return fits or arrival.simulated


def arrive(db: Session, version: StudyVersion, link: Link, arrival: Arrival) -> str:
    """Enrol somebody, or lead back whoever has enrolled meanwhile; the token of their session.

    Raises what ``admit`` does; ``arrival`` has the server's key.
    """
    study = locked(db, version.study_id)
    invitation = _invitation(db, study, link)
    if invitation is not None:
        db.refresh(invitation, with_for_update=True)  # so that it is either taken back or used
    if (token := way_back(db, study.name, link, arrival.key)) is not None:
        return token
    group = admit(db, version, link)
    token = enrolment.enrol(db, version, replace(arrival, group=group, code=(invitation and invitation.code) or ""))
    listener = listening.sitting_of(db, token).listener
    if invitation is not None:
        invitation.listener_id = listener.id
    if link.channel:
        panel = link.panel if invitation is None and link.panel else Panel(link.channel, "")
        db.add(Recruit(listener_id=listener.id, channel=link.channel, person=panel.person, detail=dict(panel.detail)))
    db.flush()
    return token


def _known(db: Session, study: str, link: Link) -> Listener | None:
    """Whoever has begun by this link; the open link is nobody's."""
    if link.invitation is not None:
        query = select(Listener).join(Study, Study.id == Listener.study_id).where(Study.name == study)
        own = query.join(Invitation, Invitation.listener_id == Listener.id)
        return db.scalar(own.where(Invitation.id == link.invitation))
    recruit = _recruit(db, study, link)
    return None if recruit is None else db.get_one(Listener, recruit.listener_id)


def _recruit(db: Session, study: str, link: Link) -> Recruit | None:
    """Whoever has come as the panel's worker that this link names."""
    if link.invitation is not None or link.panel is None:
        return None
    query = select(Recruit).join(Listener, Recruit.listener_id == Listener.id).join(Study).where(Study.name == study)
    named = query.where(Recruit.channel == link.panel.channel, Recruit.person == link.panel.person)
    return db.scalars(named.order_by(Listener.id)).first()


def _part(db: Session, study: str, link: Link) -> int | None:
    """The session that a link sends a panel's worker for; None for all of them, 0 where the link is not theirs."""
    recruit = _recruit(db, study, link)
    if recruit is None or link.panel is None:
        return None
    name, said = SECRETS[link.panel.channel], {"1": recruit.detail} | recruit.detail.get(LATER, {})
    given = link.panel.detail.get(name, "").encode()
    own = [int(part) for part, one in said.items() if hmac.compare_digest(given, str(one.get(name, "")).encode())]
    return max(own) if given and own else 0


def _next_part(db: Session, study: str, link: Link) -> int | None:
    """The session that a panel's worker has not begun and is sent for by a link that says something new."""
    listener = _known(db, study, link)
    if listener is None or link.panel is None or _part(db, study, link) != 0:
        return None
    left = next((sitting for sitting in listener.sessions if sitting.status != "finished"), None)
    says_something = bool(link.panel.detail.get(SECRETS[link.panel.channel]))
    return left.part if says_something and left is not None and left.status == "planned" else None


def _invitation(db: Session, study: Study, link: Link) -> Invitation | None:
    if link.invitation is None:
        return None
    found = db.get(Invitation, link.invitation)
    if found is None or found.study_id != study.id:
        raise lifecycle.no_such_study(study.name)
    return found


def _group(db: Session, study: Study, recruiting: Recruiting, link: Link) -> str:
    if invitation := _invitation(db, study, link):
        if invitation.revoked_at is not None:
            sentence = say("This invitation was taken back. Please ask who sent it to you.")
            raise TurnedAwayError("revoked", sentence)
        return invitation.listener_group
    if not recruiting.open_link:
        sentence = say("This study takes listeners by invitation only. Please use the link of your invitation.")
        raise TurnedAwayError("uninvited", sentence)
    named = recruiting.group(link.group)
    if link.group and (named is None or not named.by_link):
        raise NotFoundError(say("This link was changed. Please use it exactly as you were given it."))
    return link.group


def _refuse_where_full(db: Session, study_id: int, recruiting: Recruiting, group: str) -> None:
    named = recruiting.group(group)
    quota = named.quota if named else None
    if recruiting.capacity is None and quota is None:
        return
    counts = filled(db, study_id, recruiting.free_after_h)
    in_all, own = sum(one.taken for one in counts.values()), counts.get(group, Filled()).taken
    if recruiting.capacity is not None and in_all >= recruiting.capacity:
        raise TurnedAwayError("full", say("As many people as were looked for have come. Thank you for your interest."))
    if quota is not None and own >= quota:
        sentence = say("As many people of your group as were looked for have come. Thank you for your interest.")
        raise TurnedAwayError("full", sentence)
