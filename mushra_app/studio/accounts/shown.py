"""What the pages of people show, out of the database: no query per person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.errors import NotFoundError
from mushra_app.models import Study
from mushra_app.people import accounts, audit, invitations, logins, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import OF_ROLE, Right
from mushra_app.people.tables import Account, AccountInvitation
from mushra_app.studio.accounts.pages import (
    AccessPage,
    AuditDay,
    AuditPage,
    AuditRow,
    Given,
    InvitationRow,
    JoinPage,
    PeoplePage,
    PersonPage,
    PersonRow,
    Sharer,
)
from mushra_app.studio.tabs import head_of
from mushra_app.study import lifecycle
from mushra_app.words import say

LARGEST_ID = 2**31 - 1


def instant(at: datetime | None) -> str:
    """As it is shown: UTC to the minute; "" where there was none."""
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def row_number(number: int) -> int:
    """A number out of an address as one that a database takes: those that are larger are nobody's."""
    return min(number, LARGEST_ID)


def account(db: Session, number: int) -> Account:
    """The account under that number; NotFoundError where there is none."""
    if (found := db.get(Account, row_number(number))) is None:
        raise NotFoundError(say("There is no account under the number %(number)s.", number=number))
    return found


def people(db: Session, *, link: str = "", error: str = "") -> PeoplePage:
    """All accounts, by name, those that were shut out last."""
    given, last = permissions.granted_to_all(db), logins.last_logins(db)
    rows = [_row(one, given.get(one.id, ()), last) for one in accounts.all_accounts(db)]
    waiting = tuple(
        InvitationRow(one.id, one.role, one.may, tuple(one.studies), one.invited_by, instant(one.expires_at))
        for one in invitations.waiting(db)
    )
    return PeoplePage(
        people=tuple(sorted(rows, key=lambda row: (not row.active, row.name))),
        invitations=waiting,
        studies=_studies(db),
        roles=accounts.ROLES,
        has_owner=logins.has_owner(db),
        link=link,
        error=error,
    )


def person(db: Session, one: Account, visitor: Visitor, *, error: str = "") -> PersonPage:
    """One account, and what could be given to it."""
    given = permissions.granted(db, one)
    names = {study for study, _ in given}
    return PersonPage(
        person=_row(one, given, logins.last_logins(db)),
        others=tuple(study for study in _studies(db) if study not in names),
        roles=accounts.ROLES,
        oneself=one.id == visitor.account_id,
        error=error,
    )


def join(invitation: AccountInvitation, *, name: str = "") -> JoinPage:
    """What an invitation is for."""
    return JoinPage(
        role=invitation.role,
        studies=tuple(invitation.studies),
        may=invitation.may,
        invited_by=invitation.invited_by,
        shortest=accounts.SHORTEST_PASSWORD,
        name=name,
    )


def with_error(page: JoinPage, error: str) -> JoinPage:
    """The same page with what was wrong."""
    return replace(page, error=error)


def access(db: Session, study: str, visitor: Visitor, *, name: str = "", error: str = "") -> AccessPage:
    """Who may see a study."""
    owners = select(Account.name).where(Account.role == "owner", Account.active).order_by(Account.name)
    return AccessPage(
        head=head_of(db, lifecycle.current(db, study), visitor),
        sharers=tuple(
            Sharer(one.id, one.name, one.role, one.active, _may(one.role, may))
            for one, may in permissions.sharers(db, study)
            if one.role != "owner"
        ),
        owners=tuple(db.scalars(owners)),
        name=name,
        error=error,
    )


def audit_log(db: Session, *, before: int | None, who: str, what: str) -> AuditPage:
    """One page of the audit log, by day."""
    what = what if what in audit.KINDS else ""
    rows, following = audit.page(db, before=before, who=who, what=what)
    days = groupby(rows, key=lambda row: f"{row.at:%Y-%m-%d}")
    names = [one.name for one in accounts.all_accounts(db)]
    return AuditPage(
        days=tuple(
            AuditDay(
                day, tuple(AuditRow(f"{row.at:%H:%M}", row.who, row.what, row.about, row.network) for row in of_day)
            )
            for day, of_day in days
        ),
        kinds=audit.KINDS,
        people=(*names, logins.BY_KEY, audit.COMMAND_LINE),
        what=what,
        who=who,
        first=before is None,
        older=url_for("studio.audit_log", before=following, who=who or None, what=what or None) if following else "",
    )


def _row(one: Account, given: Sequence[tuple[str, str]], last: Mapping[int, datetime]) -> PersonRow:
    return PersonRow(
        number=one.id,
        name=one.name,
        role=one.role,
        active=one.active,
        second_factor=one.totp_secret is not None,
        given=tuple(Given(study, _may(one.role, may)) for study, may in given),
        last_login=instant(last.get(one.id)),
    )


def _may(role: str, given: str) -> str:
    """What a permission comes to under a role: a viewer changes nothing."""
    return min(OF_ROLE[role], Right[given.upper()]).name.lower()


def _studies(db: Session) -> tuple[str, ...]:
    return tuple(db.scalars(select(Study.name).order_by(Study.name)))
