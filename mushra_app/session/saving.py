"""Saving a trial: what a page may send, and storing it exactly once.

A save is acknowledged after it is committed. Its key makes a repeated request the same save: the answer is
the same and no row is added. Revisions only rise: a page that knows less than what is stored is refused. The
pydantic models below are the whole of what is accepted; unknown keys are refused.

Conventions: ratings are 0 to 100 in steps of 0.1; times in seconds; tokens are those of the page.
Defines: ``TrialSave``, ``read_body``, ``save_trial``, ``decoded_sha256``, ``store_script_error``.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, selectinload

from mushra_app.errors import AppError, ConflictError, NotFoundError
from mushra_app.models import Event, ListeningSession, Response, Save, ScriptError, Slot, Trial
from mushra_app.session.listening import finish_if_complete
from mushra_app.words import say

MOST_EVENTS = 5000
MOST_SCRIPT_ERRORS = 50
"""Of one session; a page that fails in a loop must not fill the disk."""


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


def read_body(body: bytes) -> TrialSave:
    """Check what a page sent; AppError with one sentence where it won't do."""
    try:
        return TrialSave.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise AppError(f"{place}: {first['msg']}; nothing was saved") from None


def save_trial(db: Session, sitting: ListeningSession, token: str, sent: TrialSave, user_agent: str) -> int:
    """Store one save of one trial; returns its revision.

    Raises
    ------
    NotFoundError
        Where the trial is not one of this session.
    ConflictError
        Where a newer revision is stored, or the session takes no more answers.
    AppError
        Where the ratings are not those of exactly the trial's hidden sounds.
    """
    trial = _locked_trial(db, sitting, token)
    if (known := db.scalar(select(Save).where(Save.key == sent.key))) is not None:
        if known.trial_id != trial.id:
            raise ConflictError("This key belongs to another trial; nothing was saved.")
        return known.revision
    _refuse_outdated(db, sitting, trial, sent)
    slots = {slot.token: slot for slot in trial.slots}
    _refuse_other_sounds([slot for slot in trial.slots if slot.hidden], sent)
    plain = sent.model_dump(exclude={"ratings", "events", "decoded"})
    save = Save(trial_id=trial.id, user_agent=user_agent, altered=_altered(sent.decoded, slots), **plain)
    db.add(save)
    db.flush()
    scale = trial.scales[0]
    shared = {"save_id": save.id, "trial_id": trial.id, "scale_id": scale.id}
    shared |= {"minimum": scale.minimum, "maximum": scale.maximum}
    db.execute(insert(Response), [shared | _response(rating, slots) for rating in sent.ratings])
    if sent.events:
        db.execute(insert(Event), [{"save_id": save.id} | _event(event, slots) for event in sent.events])
    finish_if_complete(db, sitting)
    return save.revision


def store_script_error(db: Session, sitting: ListeningSession, text: str, user_agent: str) -> None:
    """Keep what a page's script complained about, up to a limit per session."""
    count = db.scalar(select(func.count(ScriptError.id)).where(ScriptError.session_id == sitting.id)) or 0
    if count < MOST_SCRIPT_ERRORS:
        db.add(ScriptError(session_id=sitting.id, text=text, user_agent=user_agent))


def _locked_trial(db: Session, sitting: ListeningSession, token: str) -> Trial:
    """The trial, locked (PostgreSQL; on SQLite the whole transaction is) so that two saves come one after another."""
    found = db.scalar(
        select(Trial)
        .where(Trial.token == token, Trial.session_id == sitting.id)
        .options(selectinload(Trial.slots).joinedload(Slot.clip), selectinload(Trial.scales))
        .with_for_update()
    )
    if found is None:
        raise NotFoundError(say("This trial is not part of this session; nothing was saved."))
    return found


def _refuse_outdated(db: Session, sitting: ListeningSession, trial: Trial, sent: TrialSave) -> None:
    if sitting.status != "started":
        raise ConflictError(say("This session takes no more answers; nothing was changed."))
    latest = db.scalar(select(func.max(Save.revision)).where(Save.trial_id == trial.id)) or 0
    if sent.revision <= latest:
        raise ConflictError(
            say(
                "This page was saved elsewhere meanwhile (revision %(latest)d, this one is %(own)d); "
                "nothing was overwritten.",
                latest=latest,
                own=sent.revision,
            )
        )


def _refuse_other_sounds(hidden: list[Slot], sent: TrialSave) -> None:
    """Every hidden sound of the trial once, and nothing else."""
    rated = [rating.sound for rating in sent.ratings]
    if missing := sum(slot.token not in rated for slot in hidden):
        raise AppError(f"ratings: {missing} of {len(hidden)} sounds are not rated; nothing was saved")
    if len(rated) != len(hidden):
        raise AppError(
            f"ratings: found {len(rated)}; expected each of the {len(hidden)} sounds once; nothing was saved"
        )


def decoded_sha256(token: str, samples_sha256: str) -> str:
    """What a page sends of a sound that was decoded as it was built."""
    return hashlib.sha256(f"{token}{samples_sha256}".encode()).hexdigest()


def _altered(decoded: list[Decoded], slots: dict[str, Slot]) -> int | None:
    """How many sounds were decoded otherwise than they were built; None where the page could not tell."""
    if not decoded:
        return None
    if strange := next((one.sound for one in decoded if one.sound not in slots), None):
        raise AppError(f"decoded: the sound {strange!r} is not on this page; nothing was saved")
    expected = {token: decoded_sha256(token, slot.clip.samples_sha256) for token, slot in slots.items()}
    return sum(one.sha256 != expected[one.sound] for one in decoded)


def _response(rating: SoundRating, slots: dict[str, Slot]) -> dict[str, object]:
    return {
        "slot_id": slots[rating.sound].id,
        "number": rating.value,
        "moved": rating.moved,
        "heard_s": rating.heard_s,
        "plays": rating.plays,
    }


def _event(event: PageEvent, slots: dict[str, Slot]) -> dict[str, object]:
    if event.sound is not None and event.sound not in slots:
        raise AppError(f"events: the sound {event.sound!r} is not on this page; nothing was saved")
    slot_id = slots[event.sound].id if event.sound is not None else None
    return {"at_s": event.at_s, "kind": event.kind, "slot_id": slot_id, "value": event.value}
