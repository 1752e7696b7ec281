"""Saving a trial: what a page may send, and storing it exactly once.

A save is acknowledged after it is committed. Its key makes a repeated request the same save: the answer is
the same and no row is added. Revisions only rise: a page that knows less than what is stored is refused. The
pydantic models below are the whole of what is accepted; unknown keys are refused.

Conventions: ratings are 0 to 100 in steps of 0.1; times in seconds; tokens are those of the page.
Defines: ``TrialSave``, ``read_body``, ``LockedTrial``, ``lock_trial``, ``save_trial``, ``decoded_sha256``,
``store_script_error``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import bindparam, exists, func, insert, select
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.json_mistakes import told
from mushra_app.models import Base, ListeningSession, ScriptError
from mushra_app.session.listening import finish_if_complete
from mushra_app.words import say

MOST_EVENTS = 5000
MOST_SCRIPT_ERRORS = 50
"""Of one session; a page that fails in a loop must not fill the disk."""

# The one hot path of the server: tables instead of objects, statements that are put together once, and few of them.
_session, _trial, _asked, _scale, _slot, _clip, _save, _response_table, _event_table = (
    Base.metadata.tables[name]
    for name in ("session", "trial", "trial_scale", "scale", "slot", "clip", "save", "response", "event")
)
_LOCKED_TRIAL = (
    select(
        _trial.c.id,
        _trial.c.session_id,
        _session.c.status,
        _session.c.language,
        _scale.c.id.label("scale_id"),
        _scale.c.minimum,
        _scale.c.maximum,
    )
    .join(_session, _session.c.id == _trial.c.session_id)
    .join(_asked, _asked.c.trial_id == _trial.c.id)
    .join(_scale, _scale.c.id == _asked.c.scale_id)
    .where(_trial.c.token == bindparam("token"), _session.c.token_sha256 == bindparam("sha256"))
    .order_by(_scale.c.id)
    .with_for_update(of=(_trial, _session))
)
_of_this_trial = _save.c.trial_id == bindparam("trial")
_other = _trial.alias("other")
_unsaved = (_other.c.session_id == bindparam("session")) & (_other.c.id != bindparam("trial"))
_SLOTS_AND_SAVES = (
    select(
        _slot.c.token,
        _slot.c.id,
        _slot.c.hidden,
        _clip.c.samples_sha256,
        select(func.max(_save.c.revision)).where(_of_this_trial).scalar_subquery().label("latest"),
        select(_save.c.revision).where(_save.c.key == bindparam("key")).scalar_subquery().label("known_revision"),
        select(_save.c.trial_id).where(_save.c.key == bindparam("key")).scalar_subquery().label("known_trial"),
        exists().where(_unsaved, ~exists().where(_save.c.trial_id == _other.c.id)).label("others_to_come"),
    )
    .join(_clip, _clip.c.id == _slot.c.clip_id)
    .where(_slot.c.trial_id == bindparam("trial"))
)
"""What is stored is asked for after the trial was locked, in a statement of its own: on PostgreSQL the one that waited
for the lock still sees the saves from before it."""
_NEW_SAVE = insert(_save).returning(_save.c.id)
_NEW_RESPONSES = insert(_response_table)
_NEW_EVENTS = insert(_event_table)


def _in_tenths(value: float) -> float:
    if abs(value * 10 - round(value * 10)) > 1e-6:
        raise ValueError("expected steps of 0.1")
    return round(value, 1)


Token = Annotated[str, Field(max_length=64)]
Rating = Annotated[float, Field(ge=0, le=100), AfterValidator(_in_tenths)]
Seconds = Annotated[float, Field(ge=0, le=1e7)]


class Sent(BaseModel):
    """What a page sends: exact types, no unknown keys, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SoundRating(Sent):
    """The rating of one hidden sound, and how it came about."""

    sound: Token
    value: Rating
    moved: bool
    heard_s: Seconds
    plays: int = Field(ge=0, le=1_000_000)


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("expected no NUL, which PostgreSQL can't keep")
    return value


Text = Annotated[str, AfterValidator(_without_nul)]


class PageEvent(Sent):
    """One thing that the listener did."""

    at_s: Seconds
    kind: Literal["play", "pause", "switch", "seek", "loop", "slider", "gain", "blur", "focus"]
    sound: Token | None = None
    value: float | None = None


class Decoded(Sent):
    """What a browser made of one sound: SHA-256 of its token and the hash of its samples, so that equals differ."""

    sound: Token
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class TrialSave(Sent):
    """Everything about one trial; ``key`` stays the same when the request is repeated."""

    key: str = Field(pattern=r"^[0-9a-f-]{32,36}$")
    revision: int = Field(ge=1, le=1_000_000)
    ratings: list[SoundRating] = Field(max_length=100)
    comment: Text = Field(default="", max_length=5000)
    trial_s: Seconds
    gain_db: float = Field(default=0.0, ge=-60, le=0)
    engine: Text = Field(max_length=40)
    fade_mode: Literal["bs1534", "crossfade"]
    rate_hz: int = Field(ge=1, le=1_000_000)
    base_latency_s: Seconds | None = None
    output_latency_s: Seconds | None = None
    events: list[PageEvent] = Field(default=[], max_length=MOST_EVENTS)
    decoded: list[Decoded] = Field(default=[], max_length=100)


class LockedTrial(NamedTuple):
    """A trial that is about to be saved, with what is needed of its session and of the scale that is asked."""

    id: int
    session_id: int
    status: str
    language: str
    scale_id: int
    minimum: float | None
    maximum: float | None


def read_body(body: bytes) -> TrialSave:
    """Check what a page sent; AppError with what is wrong where it won't do."""
    try:
        return TrialSave.model_validate_json(body)
    except ValidationError as error:
        mistakes = told(error, body, whole="the body", shown_by="openapi.json")
        raise AppError(f"{mistakes}; nothing was saved") from None


def lock_trial(db: Session, session_sha256: str, token: str) -> LockedTrial:
    """A trial of the session with that token's hash, both locked: saves, and a withdrawal, come one after the other.

    PostgreSQL locks their rows; on SQLite the whole transaction is one. NotFoundError where the session, or the trial
    in it, is not there.
    """
    found = db.connection().execute(_LOCKED_TRIAL, {"token": token, "sha256": session_sha256}).first()
    if found is None:
        raise NotFoundError(say("This trial is not part of this session; nothing was saved."))
    return LockedTrial(*found)


def save_trial(db: Session, trial: LockedTrial, sent: TrialSave, user_agent: str) -> int:
    """Store one save of one trial; returns its revision.

    Raises
    ------
    ConflictError
        Where a newer revision is stored, or the session takes no more answers.
    AppError
        Where the ratings are not those of exactly the trial's hidden sounds.
    """
    connection = db.connection()
    wanted = {"trial": trial.id, "session": trial.session_id, "key": sent.key}
    slots = {slot.token: slot for slot in connection.execute(_SLOTS_AND_SAVES, wanted)}
    stored = next(iter(slots.values()))
    if stored.known_trial is not None:
        if stored.known_trial != trial.id:
            raise ConflictError("This key belongs to another trial; nothing was saved.")
        return stored.known_revision
    _refuse_outdated(trial, stored.latest or 0, sent)
    _refuse_other_sounds({slot.token for slot in slots.values() if slot.hidden}, sent)
    plain = sent.model_dump(exclude={"ratings", "events", "decoded"})
    plain |= {"trial_id": trial.id, "user_agent": user_agent, "altered": _altered(sent.decoded, slots)}
    save_id = connection.execute(_NEW_SAVE, plain).scalar_one()
    shared = {"save_id": save_id, "trial_id": trial.id, "scale_id": trial.scale_id}
    shared |= {"minimum": trial.minimum, "maximum": trial.maximum}
    connection.execute(_NEW_RESPONSES, [shared | _response(rating, slots) for rating in sent.ratings])
    if sent.events:
        connection.execute(_NEW_EVENTS, [{"save_id": save_id} | _event(event, slots) for event in sent.events])
    if not stored.others_to_come:
        finish_if_complete(db, db.get_one(ListeningSession, trial.session_id, populate_existing=True))
    return sent.revision


def store_script_error(db: Session, sitting: ListeningSession, text: str, user_agent: str) -> None:
    """Keep what a page's script complained about, up to a limit per session; nothing of who has withdrawn."""
    if sitting.status == "withdrawn":
        return
    count = db.scalar(select(func.count(ScriptError.id)).where(ScriptError.session_id == sitting.id)) or 0
    if count < MOST_SCRIPT_ERRORS:
        db.add(ScriptError(session_id=sitting.id, text=text, user_agent=user_agent))


def _refuse_outdated(trial: LockedTrial, latest: int, sent: TrialSave) -> None:
    if trial.status != "started":
        raise ConflictError(say("This session takes no more answers; nothing was changed."))
    if sent.revision <= latest:
        raise ConflictError(
            say(
                "This page was saved elsewhere meanwhile (revision %(latest)d, this one is %(own)d); "
                "nothing was overwritten.",
                latest=latest,
                own=sent.revision,
            )
        )


def _refuse_other_sounds(hidden: set[str], sent: TrialSave) -> None:
    """Every hidden sound of the trial once, and nothing else."""
    rated = [rating.sound for rating in sent.ratings]
    if missing := len(hidden.difference(rated)):
        raise AppError(f"ratings: {missing} of {len(hidden)} sounds are not rated; nothing was saved")
    if len(rated) != len(hidden):
        raise AppError(
            f"ratings: found {len(rated)}; expected each of the {len(hidden)} sounds once; nothing was saved"
        )


def decoded_sha256(token: str, samples_sha256: str) -> str:
    """What a page sends of a sound that was decoded as it was built."""
    return hashlib.sha256(f"{token}{samples_sha256}".encode()).hexdigest()


def _altered(decoded: list[Decoded], slots: Mapping[str, Any]) -> int | None:
    """How many sounds were decoded otherwise than they were built; None where the page could not tell."""
    if not decoded:
        return None
    if strange := next((one.sound for one in decoded if one.sound not in slots), None):
        raise AppError(f"decoded: the sound {strange!r} is not on this page; nothing was saved")
    expected = {token: decoded_sha256(token, slot.samples_sha256) for token, slot in slots.items()}
    return sum(one.sha256 != expected[one.sound] for one in decoded)


def _response(rating: SoundRating, slots: Mapping[str, Any]) -> dict[str, object]:
    return {
        "slot_id": slots[rating.sound].id,
        "number": rating.value,
        "moved": rating.moved,
        "heard_s": rating.heard_s,
        "plays": rating.plays,
    }


def _event(event: PageEvent, slots: Mapping[str, Any]) -> dict[str, object]:
    if event.sound is not None and event.sound not in slots:
        raise AppError(f"events: the sound {event.sound!r} is not on this page; nothing was saved")
    slot_id = slots[event.sound].id if event.sound is not None else None
    return {"at_s": event.at_s, "kind": event.kind, "slot_id": slot_id, "value": event.value}
