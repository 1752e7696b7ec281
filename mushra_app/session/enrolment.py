"""How a session begins: the welcome page, a new listener, a plan drawn from a seed, and its rows.

All sessions of a listener are drawn and stored when the listener enrols. The token of each later one follows from the
one before it, so that one address is enough to come back with, and the database still knows no token.

Functions take a SQLAlchemy session and know nothing of the web.

Defines: ``experiment_of``, ``title_of``, ``welcome``, ``Arrival``, ``enrol``, ``token_after``, ``way_back``,
``new_code``.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app.conduct import EXPERIENCED
from mushra_app.errors import AppError
from mushra_app.listener.pages import WelcomePage
from mushra_app.models import Clip, Item, Listener, ListeningSession, Place, Slot, StudyVersion, Trial, now
from mushra_app.security import listener_token, new_token, token_sha256
from mushra_app.session.design import Design, PlannedTrial, plan
from mushra_app.session.planning import design_of
from mushra_app.words import say, written
from stimuli.experiment import Experiment

TRANSDUCERS = ("headphones", "loudspeakers")
EXPERIENCE = (EXPERIENCED, "inexperienced")
HIDDEN_ROLES = ("hidden_reference", "anchor", "system")
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Of codes that people read and type: no 0 and O, no 1 and I."""


@dataclass(frozen=True)
class Arrival:
    """What is known of a listener who agrees to take part.

    At a calibrated place its record says what they listen on, and ``transducer`` is not asked for. ``code`` is the one
    they were given before they came, if any. With the server's ``key`` the tokens follow from the code, so that they
    can be led back to their sessions; without it the first is drawn.
    """

    transducer: str
    experience: str
    user_agent: str
    place: Place | None = None
    simulated: bool = False
    language: str = ""
    group: str = ""
    code: str = ""
    key: str = ""


def experiment_of(version: StudyVersion) -> Experiment:
    """The experiment that a version was published with."""
    return Experiment.model_validate(version.experiment)


def title_of(version: StudyVersion) -> str:
    """What a version is called, as this listener reads it."""
    return written(experiment_of(version), version.title)


def welcome(
    version: StudyVersion, place: Place | None = None, errors: tuple[str, ...] = (), *, preview: bool = False
) -> WelcomePage:
    """The first page of a study, as it is opened at a listening place or anywhere else; a preview enrols nobody."""
    experiment = experiment_of(version)
    transducers = dict(zip(TRANSDUCERS, (say("headphones"), say("loudspeakers")), strict=True))
    return WelcomePage(
        title=title_of(version),
        consent=written(experiment, experiment.test.consent),
        contact=experiment.experiment.contact,
        trials=len(plan(design_for(version, {}), seed=0)),
        sessions=experiment.test.sessions,
        transducers={one: label for one, label in transducers.items() if place is None or one == place.transducer},
        experience=dict(zip(EXPERIENCE, (say("yes"), say("no")), strict=True)),
        place=place.name if place else "",
        errors=errors,
        preview=preview,
    )


def enrol(db: Session, version: StudyVersion, arrival: Arrival) -> str:
    """Begin a listener's first session, with a plan for all of them; returns the token of the first.

    The session keeps what its place's record says now: a later calibration is of later sessions.

    Raises
    ------
    AppError
        Where the transducer is none of ``TRANSDUCERS``, or the experience none of ``EXPERIENCE``.
    """
    place = arrival.place
    transducer = place.transducer if place else arrival.transducer
    if transducer not in TRANSDUCERS:
        raise AppError(say("Please say whether you listen on headphones or on loudspeakers."))
    if arrival.experience not in EXPERIENCE:
        raise AppError(say("Please say whether you have rated sound quality before."))
    experiment, seed, moment = experiment_of(version), secrets.randbits(63), now()
    listener = Listener(
        study_id=version.study_id,
        pseudonym="L-" + _code(6),
        simulated=arrival.simulated,
        pilot=version.status == "piloting",
        listener_group=arrival.group,
        code=arrival.code or new_code(),
    )
    db.add(listener)
    consent = written(experiment, experiment.test.consent)
    before, shared = _enrolled_before(db, version, listener)
    design = replace(design_for(version, _times_heard(db, version)), listener=before, shared=shared)
    planned = plan(design, seed)
    token = first = listener_token(arrival.key, listener.code) if arrival.key else new_token()
    for part in range(1, experiment.test.sessions + 1):
        own = [trial for trial in planned if trial.part == part]
        sitting = ListeningSession(
            listener=listener,
            version=version,
            part=part,
            token_sha256=token_sha256(token),
            seed=seed,
            transducer=transducer,
            experience=arrival.experience,
            place=place,
            level_db_a=place.level_db_a if place else None,
            language=arrival.language,
            user_agent=arrival.user_agent,
            consent_at=moment,
            consent_sha256=hashlib.sha256(consent.encode()).hexdigest(),
            started_at=moment,
            status="started" if part == 1 else "planned",
        )
        sitting.trials = [trial_of(version, trial, position) for position, trial in enumerate(own, 1)]
        db.add(sitting)
        token = token_after(token)
    return first


def token_after(token: str) -> str:
    """The token of the session after the one that ``token`` opens; it can't be followed back."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"session after {token}".encode()).digest()[:16]).decode()[:22]


def way_back(listener: Listener, key: str, part: int | None = None) -> str | None:
    """The token of the session that a listener goes on with: the first that is not finished, else the last.

    Whoever was sent for one session alone, which is ``part``, is not led past its last page into one that waits still.
    None where tokens do not follow from this key: the listener enrolled before there was one, or elsewhere.
    """
    token, sessions = listener_token(key, listener.code), listener.sessions
    for sitting, later in zip_longest(sessions, sessions[1:]):
        if sitting.token_sha256 != token_sha256(token):
            return None
        sent_no_further = part is not None and later is not None and later.status == "planned" and later.part > part
        if sitting.status != "finished" or later is None or sent_no_further:
            return token
        token = token_after(token)
    return None


def new_code() -> str:
    """A code that a listener keeps: one of 32^10."""
    return _code(10)


def _code(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def design_for(version: StudyVersion, seen: Mapping[str, int]) -> Design:
    """What sessions of this version are drawn from: its experiment, with the items and clips that were built."""
    experiment = experiment_of(version)
    rated = {scale.name: experiment.conditions_of(scale.name) for scale in version.scales}
    return replace(
        design_of(experiment),
        training=tuple(item.name for item in version.items if item.use in ("training", "both")),
        test=tuple(item.name for item in version.items if item.use in ("test", "both")),
        hidden={
            (attribute, item.name): tuple(
                sorted(
                    clip.condition.name
                    for clip in item.clips
                    if clip.role in HIDDEN_ROLES and clip.condition.name in conditions
                )
            )
            for attribute, conditions in rated.items()
            for item in version.items
        },
        seen=seen,
    )


def _enrolled_before(db: Session, version: StudyVersion, listener: Listener) -> tuple[int, int | None]:
    """How many like this one have enrolled in the version, and the seed of the first.

    Programs count apart from people, and the pilot's people apart from those whose ratings count.

    Whoever withdrew keeps the place, so that nobody else's moves. Two who enrol in the same moment on PostgreSQL may
    get one place, which costs a little balance and nothing else.
    """
    seeds = db.scalars(
        select(ListeningSession.seed)
        .join(Listener)
        .where(ListeningSession.version == version, ListeningSession.part == 1)
        .where(Listener.simulated.is_(listener.simulated), Listener.pilot.is_(listener.pilot))
        .order_by(ListeningSession.id)
    ).all()
    return len(seeds), seeds[0] if seeds else None


def _times_heard(db: Session, version: StudyVersion) -> dict[str, int]:
    """For every item, how many listeners have it in their test; nobody of those who don't count."""
    rows = db.execute(
        select(Item.name, func.count(Trial.session_id.distinct()))
        .join(Trial, Trial.item_id == Item.id)
        .join(ListeningSession)
        .join(Listener)
        .where(Item.study_version_id == version.id, Trial.block == "test")
        .where(ListeningSession.status.not_in(("withdrawn", "refused")))
        .where(Listener.simulated.is_(False), Listener.pilot.is_(False))
        .group_by(Item.name)
    )
    return {row[0]: row[1] for row in rows}


def trial_of(version: StudyVersion, planned: PlannedTrial, position: int) -> Trial:
    """The rows of one planned trial; its tokens are drawn apart from the plan, which anyone may repeat."""
    item = next(item for item in version.items if item.name == planned.item)
    hidden = {clip.condition.name: clip for clip in item.clips if clip.role in HIDDEN_ROLES}
    references = experiment_of(version).test.references
    opened = [next(clip for clip in item.clips if clip.role == role) for role in references]
    return Trial(
        position=position,
        block=planned.block,
        method=version.experiment["experiment"]["method"],
        item=item,
        replicate=planned.replicate,
        token=new_token(),
        scales=[scale for scale in version.scales if scale.name == planned.attribute],
        slots=[_slot(clip, place, hidden=False) for place, clip in enumerate(opened, 1)]
        + [_slot(hidden[name], place, hidden=True) for place, name in enumerate(planned.order, 1)],
    )


def _slot(clip: Clip, position: int, *, hidden: bool) -> Slot:
    return Slot(position=position, hidden=hidden, clip=clip, token=new_token())
