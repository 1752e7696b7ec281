"""How listeners come to a study: who is taken, how many, and what they are handed at the end.

It is kept with the study, not with a version, because it changes nothing that a listener hears or is asked, and it may
change while the study runs. One frozen model checks it whenever it is read or written.

Conventions: only listeners whose ratings count are counted: people, not programs; none of a pilot; nobody who has
withdrawn or was refused. Whoever stopped in the middle of a session gives their place free after ``free_after_h`` hours
without a save, by the server's clock. That is counted anew for whoever comes, and never written down: a clock that
jumps back takes places back, and none is given away for the same stop twice. Whoever comes back goes on, counts again,
and may be one more than was looked for. Functions take a SQLAlchemy session and know nothing of the web.
Defines: ``Group``, ``Recruiting``, ``recruiting_of``, ``fingerprint``, ``change``, ``is_safe_address``, ``Filled``,
``filled``, ``locked``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlalchemy import ColumnElement, and_, case, exists, func, literal, select
from sqlalchemy.orm import Session

from mushra_app.errors import ConflictError, FieldsError
from mushra_app.models import Listener, ListeningSession, Save, Study, Trial
from mushra_app.table_base import now
from mushra_app.words import say

MOST_LISTENERS = 100_000
LONGEST_CODE, LONGEST_ADDRESS, LONGEST_GROUP, MOST_GROUPS = 100, 1000, 60, 50
GONE = ("withdrawn", "refused")
LOCAL = ("localhost", "127.0.0.1", "::1")

Limit = Annotated[int, Field(ge=1, le=MOST_LISTENERS)] | None
Hours = Annotated[int, Field(ge=1, le=8760)] | None
Code = Annotated[str, Field(max_length=LONGEST_CODE)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Group(_Frozen):
    """One group of listeners: at most ``quota`` of them (None: any number).

    With ``by_link`` a link may put a listener into it by ``?group=``; else only an invitation can.
    """

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_GROUP)]
    quota: Limit = None
    by_link: bool = False

    @field_validator("name")
    @classmethod
    def _on_one_line(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("expected a name on one line")
        return name


class Recruiting(_Frozen):
    """The recruiting of one study.

    ``free_after_h`` hours after the last save of whoever stopped in the middle of a session, their place is free again
    (None: never); whoever waits for a further session keeps it.
    ``attention`` says when a listener failed the attention checks: ``none`` (nobody is told), ``any`` missed check, or
    ``share``, the report's own rule. ``{code}`` in ``return_url`` stands for whichever of the three codes it is.
    """

    open_link: bool = True
    capacity: Limit = None
    free_after_h: Hours = None
    groups: tuple[Group, ...] = ()
    transducer: Literal["any", "headphones", "loudspeakers"] = "any"
    experience: Literal["any", "experienced", "inexperienced"] = "any"
    completion_code: Code = ""
    screen_out_code: Code = ""
    attention_code: Code = ""
    return_url: Annotated[str, Field(max_length=LONGEST_ADDRESS)] = ""
    attention: Literal["none", "any", "share"] = "none"

    @model_validator(mode="after")
    def _each_group_once(self) -> Self:
        names = [group.name for group in self.groups]
        if len(names) > MOST_GROUPS:
            raise ValueError(f"at most {MOST_GROUPS} groups")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the group {twice!r} is named twice")
        return self

    @field_validator("completion_code", "screen_out_code", "attention_code")
    @classmethod
    def _can_be_read(cls, code: str) -> str:
        if not code.isprintable():
            raise ValueError("expected a code on one line")
        return code

    @field_validator("return_url")
    @classmethod
    def _is_safe(cls, address: str) -> str:
        if address and not is_safe_address(address):
            raise ValueError("expected an address that begins with https://")
        return address

    def group(self, name: str) -> Group | None:
        """The group of that name."""
        return next((group for group in self.groups if group.name == name), None)


@dataclass(frozen=True)
class Filled:
    """How many listeners count, how many of them have finished all their sessions, and how many stopped.

    ``stopped`` are only those whose places are free again.
    """

    begun: int = 0
    finished: int = 0
    stopped: int = 0

    @property
    def taken(self) -> int:
        """How many places are not free."""
        return self.begun - self.stopped

    def __add__(self, other: Filled) -> Filled:
        """Both together."""
        return Filled(self.begun + other.begun, self.finished + other.finished, self.stopped + other.stopped)


def recruiting_of(study: Study) -> Recruiting:
    """What is set for a study; what every study begins with where nothing is."""
    return Recruiting.model_validate_json(json.dumps(study.recruiting))


def fingerprint(study: Study) -> str:
    """What a form was filled in over, so that nobody overwrites what they have not seen."""
    return hashlib.sha256(recruiting_of(study).model_dump_json().encode()).hexdigest()[:16]


def change(study: Study, given: Mapping[str, Any], *, seen: str | None = None) -> Recruiting:
    """Set the recruiting of a study, over the one whose ``fingerprint`` was ``seen`` (None: whichever).

    Raises
    ------
    ConflictError
        Where somebody else changed it meanwhile.
    FieldsError
        With a sentence per field that won't do (``capacity``, ``groups.0.quota``); then nothing is changed.
    """
    if seen is not None and seen != fingerprint(study):
        raise ConflictError(
            say("Somebody else changed these settings meanwhile. Nothing was changed; reload the page to see theirs.")
        )
    try:
        wanted = Recruiting.model_validate(given)
    except ValidationError as error:
        raise FieldsError({".".join(map(str, one["loc"][:3])): _sentence(one) for one in error.errors()}) from None
    study.recruiting = wanted.model_dump(mode="json")
    return wanted


def is_safe_address(address: str) -> bool:
    """Whether a listener may be sent there: by https, or by http to this very machine; with no name before an @."""
    try:
        parts = urlsplit(address)
        host, user, _ = parts.hostname, parts.username, parts.port
    except ValueError:
        return False
    plain = all(33 <= ord(character) < 127 and character not in "\\<>\"'" for character in address)
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL)
    return plain and secure and bool(host) and user is None and "{" not in parts.netloc


def filled(db: Session, study_id: int, free_after_h: int | None, at: datetime | None = None) -> dict[str, Filled]:
    """How many listeners count in each group, at a moment (now, if None); "" is whoever is in none."""
    own = ListeningSession.listener_id == Listener.id
    left = exists().where(own, ListeningSession.status.in_(GONE))
    unfinished = exists().where(own, ListeningSession.status != "finished")
    stopped = exists().where(own, *_idle_since((at or now()) - timedelta(hours=free_after_h))) if free_after_h else None
    rows = db.execute(
        select(
            Listener.listener_group,
            func.count(),
            func.sum(case((unfinished, 0), else_=1)),
            literal(0) if stopped is None else func.sum(case((stopped, 1), else_=0)),
        )
        .where(and_(Listener.study_id == study_id, Listener.simulated.is_(False), Listener.pilot.is_(False), ~left))
        .group_by(Listener.listener_group)
    )
    return {group: Filled(begun, int(finished), int(stopped)) for group, begun, finished, stopped in rows}


def locked(db: Session, study_id: int) -> Study:
    """The study, as it is now; until this transaction ends nobody else comes to it, so that the last place is one."""
    query = select(Study).where(Study.id == study_id).with_for_update(key_share=True)
    return db.scalars(query.execution_options(populate_existing=True)).one()


def _idle_since(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    """What is true of a session that was begun, is not over, and where nothing was begun or saved since."""
    saved_since = exists().where(
        Trial.session_id == ListeningSession.id, Save.trial_id == Trial.id, Save.saved_at >= moment
    )
    return ListeningSession.status == "started", ListeningSession.started_at < moment, ~saved_since


def _sentence(error: Any) -> str:
    """What has to be mended, as the experimenter reads it."""
    place, found = [str(part) for part in error["loc"]], error["input"]
    name, value = place[0] if place else "", found if isinstance(found, str | int) else ""
    if error["type"] == "extra_forbidden" and len(place) == 1:
        return say(
            "%(name)s: there is no such setting; expected one of %(known)s.",
            name=name[:60],
            known=", ".join(Recruiting.model_fields),
        )
    if name == "groups" and place[2:3] == ["quota"]:
        name = "quota"
    if name in ("capacity", "quota"):
        what = say("The most listeners") if name == "capacity" else say("The most of a group")
        return say(
            "%(what)s: found %(found)r; expected a whole number from 1 to 100000, or nothing.", what=what, found=value
        )
    if name == "free_after_h":
        return say(
            "Hours until a place is free again: found %(found)r; expected a whole number from 1 to 8760, or nothing.",
            found=value,
        )
    if name == "return_url":
        return say(
            "The way back: found %(found)r; expected an address that begins with https://, without spaces.", found=value
        )
    if name == "groups":
        return say("A group: found %(found)r; expected a name of 1 to 60 letters on one line.", found=value)
    if name.endswith("_code"):
        return say("A code: found %(found)r; expected at most 100 letters and digits on one line.", found=value)
    if not name:
        return say("The groups: each needs a name of its own, and there are at most 50.")
    return say("%(name)s: found %(found)r, which is none of the choices.", name=name, found=value)
