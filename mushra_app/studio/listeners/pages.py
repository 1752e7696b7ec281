"""What the tab "People" shows, its tickets to print, and the page of a lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mushra_app.studio.tabs import StudyHead


@dataclass(frozen=True)
class Bar:
    """How full a group is, or all of the study (``name`` ""); widths are parts of 100. ``most`` None: no limit.

    ``stopped`` are those whose places are free again; ``taken`` is everybody else who has begun.
    """

    name: str
    taken: int
    finished: int
    stopped: int
    most: int | None
    taken_width: float
    finished_width: float
    full: bool


@dataclass(frozen=True)
class Address:
    """A link to give out: to whom, and what it is."""

    kind: str
    group: str
    url: str


@dataclass(frozen=True)
class GroupFields:
    """One group as it was typed."""

    name: str = ""
    quota: str = ""
    by_link: bool = False


@dataclass(frozen=True)
class Fields:
    """The settings as they were typed; ``seen`` is what they were typed over."""

    seen: str
    open_link: bool
    capacity: str
    free_after_h: str
    groups: tuple[GroupFields, ...]
    transducer: str
    experience: str
    completion_code: str
    screen_out_code: str
    attention_code: str
    return_url: str
    attention: str


@dataclass(frozen=True)
class InvitationRow:
    """One invitation; ``url`` is its link, "" where it was used or taken back.

    Whoever may only look sees no link, no code, and not whom it is for.
    """

    number: int
    label: str
    group: str
    code: str
    state: str
    created_at: str
    url: str


@dataclass(frozen=True)
class Asked:
    """Invitations as they were asked for: so many, or by a list that was pasted."""

    count: str = "1"
    label: str = ""
    group: str = ""
    text: str = ""


@dataclass(frozen=True)
class ListenersPage:
    """How full the study is, the links to give out, its invitations, and a form for all that.

    ``states`` says how many invitations are in each state, ``older`` is the address of those that are not listed here.
    ``asked`` are invitations that were refused; ``wrong`` has a sentence for each field that won't do.
    ``planned`` is how many listeners the analysis plan counts on, ``checks`` how many attention checks a session has,
    ``sessions_apart`` how many sessions a listener has where a pause lies between them; 0 where none does.
    """

    head: StudyHead
    bars: tuple[Bar, ...]
    planned: int
    pilots: int
    addresses: tuple[Address, ...]
    states: Mapping[str, int]
    invitations: tuple[InvitationRow, ...]
    older: str
    groups: tuple[str, ...]
    fields: Fields
    checks: int
    sessions_apart: int
    most_at_once: int
    asked: Asked = Asked()
    error: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ticket:
    """One invitation to print: whom it is for, its link, and that as a QR code (SVG)."""

    number: int
    label: str
    group: str
    url: str
    picture: str


@dataclass(frozen=True)
class TicketsPage:
    """Invitations that nobody has used, to print and cut; ``more`` is the address of the sheet after this one."""

    head: StudyHead
    tickets: tuple[Ticket, ...]
    more: str


@dataclass(frozen=True)
class PlaceCard:
    """One listening place in use: ``off`` the level that is allowed, or calibrated longer ago than it should be."""

    name: str
    level_db_a: float
    transducer: str
    calibrated_at: str
    off: bool
    stale: bool


@dataclass(frozen=True)
class ReturningRow:
    """One listener with sessions left; ``wait_h`` hours until the next may begin."""

    code: str
    pseudonym: str
    part: int
    sessions: int
    wait_h: int


@dataclass(frozen=True)
class LabPage:
    """The listening places, who was called to them last, and who comes back."""

    head: StudyHead
    places: tuple[PlaceCard, ...]
    allowed_db_a: tuple[float, float]
    stale_days: int
    groups: tuple[str, ...]
    called: tuple[InvitationRow, ...]
    returning: tuple[ReturningRow, ...]
    code: str = ""
    error: str = ""
