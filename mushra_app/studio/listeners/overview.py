"""What the tab "People" has to show, out of the tables; addresses are made by functions that the routes hand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import segno
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app import places
from mushra_app.models import Listener, StudyVersion
from mushra_app.people.logins import Visitor
from mushra_app.session.enrolment import experiment_of
from mushra_app.studio.listeners.forms import fields_of
from mushra_app.studio.listeners.pages import (
    Address,
    Asked,
    Bar,
    Fields,
    InvitationRow,
    LabPage,
    ListenersPage,
    PlaceCard,
    ReturningRow,
    Ticket,
    TicketsPage,
)
from mushra_app.studio.overview import ALLOWED_DB_A
from mushra_app.studio.tabs import head_of
from mushra_app.study import invitations, lab
from mushra_app.study.invitations import MOST_AT_ONCE, Listed
from mushra_app.study.recruiting import Filled, Recruiting, filled, recruiting_of

NOTHING_ASKED = Asked()
ROWS = 200
TICKETS = 24
CALLED = 12
MASK = 2
"""Of QR codes. To try all eight and take the best one takes seven times as long, and every reader reads them all."""
BY_PROLIFIC = "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
BY_MTURK = "workerId=${workerId}&assignmentId=${assignmentId}&hitId=${hitId}"


@dataclass(frozen=True)
class Addresses:
    """Makes addresses: of a study's first page (``welcome``), of one invitation, of older ones, of the next sheet."""

    welcome: Callable[..., str]
    invitation: Callable[[int], str]
    older: Callable[[int], str]
    further: Callable[[int], str]


def listeners(
    db: Session,
    version: StudyVersion,
    visitor: Visitor,
    addresses: Addresses,
    *,
    before: int | None = None,
    typed: Fields | None = None,
    asked: Asked = NOTHING_ASKED,
    error: str = "",
    wrong: Mapping[str, str] = MappingProxyType({}),
) -> ListenersPage:
    """The tab; ``typed`` and ``asked`` were refused, ``before`` is the invitation that an older page begins below."""
    head, recruiting, experiment = head_of(db, version, visitor), recruiting_of(version.study), experiment_of(version)
    found = invitations.listed(db, version.study_id, most=ROWS + 1, before=before)
    shown, planned, test = found[:ROWS], experiment.analysis.listeners, experiment.test
    pilots = select(func.count()).where(Listener.study_id == version.study_id, Listener.pilot)
    return ListenersPage(
        head=head,
        bars=tuple(_bars(recruiting, filled(db, version.study_id, recruiting.free_after_h), planned)),
        planned=planned,
        pilots=db.scalar(pilots) or 0,
        addresses=tuple(_addresses(recruiting, addresses.welcome)) if recruiting.open_link else (),
        states=invitations.counted(db, version.study_id),
        invitations=tuple(_row(one, addresses, in_full=head.may_change) for one in shown),
        older=addresses.older(shown[-1].number) if len(found) > ROWS else "",
        groups=tuple(group.name for group in recruiting.groups),
        fields=typed or fields_of(version.study),
        checks=test.attention_checks,
        sessions_apart=test.sessions if test.sessions > 1 and test.hours_between_sessions else 0,
        most_at_once=MOST_AT_ONCE,
        asked=asked,
        error=error,
        wrong=wrong,
    )


def tickets(
    db: Session, version: StudyVersion, visitor: Visitor, addresses: Addresses, *, after: int | None = None
) -> TicketsPage:
    """A sheet of invitations that nobody has used."""
    found = invitations.listed(db, version.study_id, most=TICKETS + 1, after=after or 0, state="unused")
    made = [
        Ticket(one.number, one.label, one.group, url, qr_code(url))
        for one in found[:TICKETS]
        for url in [addresses.invitation(one.number)]
    ]
    more = addresses.further(made[-1].number) if len(found) > TICKETS else ""
    return TicketsPage(head_of(db, version, visitor), tuple(made), more)


def in_the_lab(
    db: Session, version: StudyVersion, visitor: Visitor, addresses: Addresses, *, code: str = "", error: str = ""
) -> LabPage:
    """The listening places in use; ``code`` is one that was typed and won't do."""
    cards = (
        PlaceCard(
            name=place.name,
            level_db_a=place.level_db_a,
            transducer=place.transducer,
            calibrated_at=f"{place.calibrated_at:%Y-%m-%d %H:%M}",
            off=not ALLOWED_DB_A[0] <= place.level_db_a <= ALLOWED_DB_A[1],
            stale=lab.is_stale(place),
        )
        for place in places.latest(db)
    )
    called = invitations.listed(db, version.study_id, most=CALLED, coded=True)
    return LabPage(
        head=head_of(db, version, visitor),
        places=tuple(cards),
        allowed_db_a=ALLOWED_DB_A,
        stale_days=lab.STALE_DAYS,
        groups=tuple(group.name for group in recruiting_of(version.study).groups),
        called=tuple(_row(one, addresses, in_full=True) for one in called),
        returning=tuple(ReturningRow(*one) for one in lab.returning(db, version)),
        code=code,
        error=error,
    )


def qr_code(url: str) -> str:
    """An address as the SVG of its QR code."""
    return segno.make(url, error="m", micro=False, mask=MASK, boost_error=False).svg_inline(
        omitsize=True, svgclass="qr", lineclass=None, border=4
    )


def _bars(recruiting: Recruiting, counts: dict[str, Filled], planned: int) -> list[Bar]:
    """All of the study first, then every group that the settings name or somebody is in."""
    in_all = sum(counts.values(), Filled())
    named = {group.name: group.quota for group in recruiting.groups}
    others = sorted(name for name in counts if name and name not in named)
    longest = recruiting.capacity or max(planned, in_all.taken)
    bars = [_bar("", in_all, recruiting.capacity, longest)]
    for name, quota in (named | dict.fromkeys(others)).items():
        own = counts.get(name, Filled())
        bars.append(_bar(name, own, quota, quota or longest))
    return bars


def _bar(name: str, count: Filled, most: int | None, longest: int) -> Bar:
    scale = 100 / max(longest, count.taken, 1)
    widths = [round(scale * number, 2) for number in (count.taken, count.finished)]
    full = most is not None and count.taken >= most
    return Bar(name, count.taken, count.finished, count.stopped, most, *widths, full=full)


def _addresses(recruiting: Recruiting, welcome: Callable[..., str]) -> list[Address]:
    plain = welcome()
    return [
        Address("open", "", plain),
        *(Address("group", group.name, welcome(group=group.name)) for group in recruiting.groups if group.by_link),
        Address("prolific", "", f"{plain}?{BY_PROLIFIC}"),
        Address("mturk", "", f"{plain}?{BY_MTURK}"),
    ]


def _row(one: Listed, addresses: Addresses, *, in_full: bool) -> InvitationRow:
    """One invitation; whom it is for is personal, and shown to nobody who may only look."""
    # The link of somebody who has begun leads into their session, where nobody is to stray by a click.
    url = addresses.invitation(one.number) if in_full and one.state == "unused" else ""
    shown = one if in_full else one._replace(label="", code="")
    return InvitationRow(*shown, url=url)
