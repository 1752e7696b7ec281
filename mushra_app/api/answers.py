"""What programs send and are answered: one pydantic model each. Instants are ISO 8601, UTC.

Lists come in pages: ``next`` is what to send as ``after`` for the following one, null on the last.
No model has a field for a condition's name or for a mean of ratings; those are in the ratings alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mushra_app.study import recruiting

Status = Literal["draft", "piloting", "open", "paused", "closed", "superseded"]
May = Literal["view", "change"]


class Move(BaseModel):
    """The state that a version is to have."""

    model_config = ConfigDict(extra="forbid")
    status: Status
    reason: str = ""
    """Why a version that was closed and has ratings runs again; every report names it."""


class Duplicate(BaseModel):
    """A study is wanted once more under another name; of which version, null for the current one."""

    model_config = ConfigDict(extra="forbid")
    name: str
    version: int | None = None


class Duplicated(BaseModel):
    """The new study, and the version of the old one whose sounds it has: null where only its file was written."""

    name: str
    status: Literal["draft"] = "draft"
    of_study: str
    of_version: int | None


class JobWanted(BaseModel):
    """What a worker is asked for."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["check", "report", "export", "bundle"]
    sounds: bool = False
    """Whether a bundle holds the clips."""


class Me(BaseModel):
    """Whom the token acts for, and the most that it lets."""

    name: str
    role: Literal["owner", "experimenter", "viewer"]
    may: May


class Version(BaseModel):
    """One published state of a study; ``listeners`` are people and count; the others don't."""

    number: int
    status: Status
    title: str
    study_id: str
    stimuli_id: str
    published_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    listeners: int
    simulated: int
    pilots: int


class Versions(BaseModel):
    """All versions of a study, the first first."""

    versions: list[Version]


class Study(BaseModel):
    """One study in its current version; ``may`` is what the token may do with it."""

    name: str
    title: str
    status: Status
    version: int
    archived: bool
    may: May


class Studies(BaseModel):
    """A page of the studies that the token sees, by name."""

    studies: list[Study]
    next: str | None


class Progress(BaseModel):
    """How far a study is: sessions by their status, those of pilots and of simulated listeners apart."""

    study: str
    status: Status
    sessions: dict[str, int]
    pilot_sessions: dict[str, int]
    simulated_sessions: dict[str, int]


class Sitting(BaseModel):
    """One session: who, when, and how many of its trials are saved."""

    number: int
    listener: str
    part: int
    version: int
    status: Literal["planned", "started", "finished", "withdrawn", "refused"]
    pilot: bool
    simulated: bool
    started_at: datetime
    finished_at: datetime | None
    trials: int
    saved: int


class Sittings(BaseModel):
    """A page of the sessions of a study, in the order in which they were made."""

    sessions: list[Sitting]
    next: str | None


class Recruiting(recruiting.Recruiting):
    """Who is taken by a study, how many, and what they are handed at the end.

    ``seen`` says which settings these are: sent back with others it lets them be set only where nobody else has set
    any meanwhile; without it they are set over whichever there are. What is not sent is set as in a new study.
    """

    seen: str | None = None


class InvitationWanted(BaseModel):
    """One invitation that is to be made: whom it is for, and the group that it puts them into."""

    model_config = ConfigDict(extra="forbid")
    label: str = ""
    group: str = ""


class InvitationsWanted(BaseModel):
    """Invitations that are to be made: all of them, or none."""

    model_config = ConfigDict(extra="forbid")
    invitations: list[InvitationWanted]


class Invitation(BaseModel):
    """One personal invitation; ``code`` is its listener's where it was made at a listening place.

    ``link`` is empty where it leads nowhere any more. Whoever may only look is told neither label, code nor link.
    """

    number: int
    label: str
    group: str
    code: str
    state: Literal["unused", "begun", "finished", "refused", "withdrawn", "revoked"]
    link: str


class Invitations(BaseModel):
    """A page of the invitations of a study, in the order in which they were made."""

    invitations: list[Invitation]
    next: str | None


class Seat(BaseModel):
    """Where the next listener sits down: a calibrated listening place; and the group that they are put into."""

    model_config = ConfigDict(extra="forbid")
    place: str
    group: str = ""


class Called(BaseModel):
    """The invitation of the next listener: ``link`` is opened at the place, by ``code`` they come back."""

    number: int
    place: str
    code: str
    link: str


class SeatAgain(BaseModel):
    """Where a listener who comes back sits down, and the code that they were given."""

    model_config = ConfigDict(extra="forbid")
    place: str
    code: str


class CalledBack(BaseModel):
    """The session that a listener goes on with: ``link`` is opened at the place."""

    place: str
    link: str


class Job(BaseModel):
    """Work that a worker was asked for; ``reason`` says why it failed."""

    number: int
    kind: str
    status: Literal["waiting", "running", "done", "failed"]
    progress: str
    reason: str
    asked_by: str
    created_at: datetime
    ended_at: datetime | None


class Jobs(BaseModel):
    """A page of the jobs of a study, the newest first."""

    jobs: list[Job]
    next: str | None


class Entry(BaseModel):
    """One thing that was done; ``what`` is the kind of it."""

    number: int
    at: datetime
    who: str
    what: str
    about: str
    network: str


class Log(BaseModel):
    """A page of the audit log, the newest first."""

    entries: list[Entry]
    next: str | None
