"""What the pages of people show: one frozen dataclass per page. Instants are UTC, "2026-11-26 16:20"."""

from __future__ import annotations

from dataclasses import dataclass, field

from mushra_app.studio.tabs import StudyHead


@dataclass(frozen=True)
class CodePage:
    """A code is asked for, after the password."""

    error: str = ""


@dataclass(frozen=True)
class SecondFactorPage:
    """The second factor of whoever is in: on, or what is needed to turn it on.

    ``secret`` is the one that is offered, ``qr`` its picture (SVG), and ``sealed`` the same for the form, signed.
    """

    on: bool
    secret: str = ""
    qr: str = field(default="", repr=False)
    sealed: str = ""
    error: str = ""


@dataclass(frozen=True)
class TokenRow:
    """One token of the API."""

    number: int
    name: str
    may: str
    created_at: str
    expires_at: str
    expired: bool
    last_used_at: str


@dataclass(frozen=True)
class AskedToken:
    """A token as it was asked for."""

    name: str = ""
    may: str = "view"
    days: str = "90"


@dataclass(frozen=True)
class TokensPage:
    """The tokens of whoever is in; ``token`` is a new one, which is shown this once, ``asked`` one that was refused."""

    tokens: tuple[TokenRow, ...]
    days: tuple[int, ...]
    may_change: bool
    api_url: str
    asked: AskedToken = AskedToken()
    token: str = ""
    error: str = ""


@dataclass(frozen=True)
class Given:
    """A study that somebody was given."""

    study: str
    may: str


@dataclass(frozen=True)
class PersonRow:
    """One account in the list; an owner has every study without being given it."""

    number: int
    name: str
    role: str
    active: bool
    second_factor: bool
    given: tuple[Given, ...]
    last_login: str


@dataclass(frozen=True)
class InvitationRow:
    """One invitation that waits."""

    number: int
    role: str
    may: str
    studies: tuple[str, ...]
    invited_by: str
    expires_at: str


@dataclass(frozen=True)
class PeoplePage:
    """All accounts and the invitations that wait; ``link`` is a new invitation's, which is shown this once."""

    people: tuple[PersonRow, ...]
    invitations: tuple[InvitationRow, ...]
    studies: tuple[str, ...]
    roles: tuple[str, ...]
    has_owner: bool
    link: str = ""
    error: str = ""


@dataclass(frozen=True)
class PersonPage:
    """One account; ``others`` are the studies that it was not given."""

    person: PersonRow
    others: tuple[str, ...]
    roles: tuple[str, ...]
    oneself: bool
    error: str = ""


@dataclass(frozen=True)
class JoinPage:
    """Somebody who was invited chooses name and password."""

    role: str
    studies: tuple[str, ...]
    may: str
    invited_by: str
    shortest: int
    name: str = ""
    error: str = ""


@dataclass(frozen=True)
class Sharer:
    """One account that was given the study; ``may`` is what it may do there in the end, as its role lets it."""

    number: int
    name: str
    role: str
    active: bool
    may: str


@dataclass(frozen=True)
class AccessPage:
    """Who may see a study; ``owners`` may without being given it. Whoever may only look changes nothing."""

    head: StudyHead
    sharers: tuple[Sharer, ...]
    owners: tuple[str, ...]
    name: str = ""
    error: str = ""


@dataclass(frozen=True)
class AuditRow:
    """One thing that was done; ``who`` is empty where nobody was known."""

    time: str
    who: str
    what: str
    about: str
    network: str


@dataclass(frozen=True)
class AuditDay:
    """What was done on one day, the newest first."""

    day: str
    rows: tuple[AuditRow, ...]


@dataclass(frozen=True)
class AuditPage:
    """One page of the audit log; ``older`` is the address of the following one."""

    days: tuple[AuditDay, ...]
    kinds: tuple[str, ...]
    people: tuple[str, ...]
    what: str
    who: str
    first: bool
    older: str = ""
