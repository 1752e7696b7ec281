"""One listener of a study: sessions, setting up, each trial on a line of time, what the rules say. No rating."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from mushra_app.errors import NotFoundError
from mushra_app.models import Clip, Event, Listener, ListeningSession, Save, SetupStep, Slot, StudyVersion, Trial
from mushra_app.people.logins import Visitor
from mushra_app.studio.browsers import browser
from mushra_app.studio.live import progress
from mushra_app.studio.live.ages import ago, minutes
from mushra_app.studio.live.pages import ListenerPage, Part, StepRow, TrialRow
from mushra_app.studio.live.quality import quality
from mushra_app.studio.live.timeline import Happened, Timeline, timeline
from mushra_app.studio.tabs import head_of
from mushra_app.study import lifecycle, monitoring
from mushra_app.study.sittings import LETTERS, Sitting, age_s, state_of
from mushra_app.table_base import now
from mushra_app.words import say, say_later

STEPS = {"level": say_later("Volume"), "sides": say_later("Left and right"), "headphones": say_later("Headphones")}
OPEN = {"reference": say_later("Reference"), "mixture": say_later("Mixture")}


def listener(db: Session, study: str, pseudonym: str, visitor: Visitor) -> ListenerPage:
    """Everything that is known of a listener's way; NotFoundError where the study has none of that name."""
    version = lifecycle.current(db, study)
    found = db.scalar(select(Listener).where(Listener.study_id == version.study_id, Listener.pseudonym == pseudonym))
    if found is None:
        raise NotFoundError(say("%(study)s: no listener %(listener)s", study=study, listener=pseudonym))
    own = quality(monitoring.latest(db, version, "screen", visitor.name))
    strip = own.strips.get(pseudonym)
    query = select(ListeningSession).where(ListeningSession.listener_id == found.id).order_by(ListeningSession.part)
    query = query.options(selectinload(ListeningSession.setup_steps), selectinload(ListeningSession.place))
    moment = now()
    return ListenerPage(
        head=head_of(db, version, visitor),
        listener=pseudonym,
        group=found.listener_group,
        simulated=found.simulated,
        pilot=found.pilot,
        parts=tuple(_part(db, found, session, moment) for session in db.scalars(query)),
        judged=strip is not None,
        failed=strip.failed if strip else (),
        as_of=own.as_of,
        page_errors=tuple(progress.page_errors(db, Listener.id == found.id)),
    )


def _part(db: Session, owner: Listener, session: ListeningSession, moment: datetime) -> Part:
    trials = db.scalars(
        select(Trial)
        .where(Trial.session_id == session.id)
        .options(selectinload(Trial.item), selectinload(Trial.saves))
        .order_by(Trial.position)
    ).all()
    drawn = _timelines(db, trials)
    rows = tuple(_trial(trial, drawn.get(trial.id)) for trial in trials)
    sitting = _sitting(owner, session, trials)
    state = state_of(sitting, moment)
    return Part(
        part=session.part,
        state=state,
        says=progress.says(state, sitting),
        seen=ago(age_s(moment, sitting.seen_at)) if sitting.begun else "",
        facts=tuple(_facts(db, session, trials, begun=sitting.begun)),
        steps=tuple(map(_step, session.setup_steps)),
        marks=progress.marks_of(state, sitting),
        trials=rows,
        longest_s=max((row.seconds or 0.0 for row in rows), default=0.0),
    )


def _sitting(owner: Listener, session: ListeningSession, trials: Sequence[Trial]) -> Sitting:
    """The same as the page of all sessions has of it."""
    signs = [session.started_at, *(step.done_at for step in session.setup_steps)]
    return Sitting(
        listener=owner.pseudonym,
        group=owner.listener_group,
        part=session.part,
        status=session.status,
        simulated=owner.simulated,
        pilot=owner.pilot,
        begun=session.part == 1 or session.started_at != session.consent_at,
        started_at=session.started_at,
        seen_at=max([*signs, *(save.saved_at for trial in trials for save in trial.saves)]),
        blocks="".join(LETTERS[trial.block] for trial in trials),
        saved="".join("1" if trial.saves else "0" for trial in trials),
    )


def _facts(
    db: Session, session: ListeningSession, trials: Sequence[Trial], *, begun: bool
) -> Iterator[tuple[str, str]]:
    """What is known of the sitting; what is not is left out."""
    version = db.get_one(StudyVersion, session.study_version_id)
    saves = [save for trial in trials for save in trial.saves]
    engines = sorted({f"{save.engine}, {save.rate_hz / 1000:g} kHz" for save in saves if save.rate_hz})
    place = session.place
    facts = {
        say("Version"): str(version.number),
        say("Began"): f"{minutes(session.started_at)} UTC" if begun else "",
        say("Finished"): f"{minutes(session.finished_at)} UTC" if session.finished_at else "",
        say("Place"): f"{place.name}, {place.device}" if place else "",
        say("Listens on"): session.transducer,
        say("Experience"): session.experience,
        say("Calibrated level"): f"{session.level_db_a:g} dB(A)" if session.level_db_a is not None else "",
        say("Volume of the page"): f"{session.gain_db:g} dB" if session.gain_db is not None else "",
        say("Browser"): browser(session.user_agent) if session.user_agent and begun else "",
        say("Sound"): "; ".join(engines),
        say("Language"): session.language,
    }
    return ((word, fact) for word, fact in facts.items() if fact)


def _step(step: SetupStep) -> StepRow:
    name = str(STEPS.get(step.step, step.step))
    if step.passed is None:
        outcome = say("set to %(gain)s dB", gain=f"{step.detail.get('gain_db', 0):g}")
    elif step.detail.get("skipped"):
        outcome = say("skipped")
    else:
        outcome = say("passed") if step.passed else say("failed")
    words = say("%(step)s, attempt %(number)s", step=name, number=step.attempt) if step.attempt > 1 else name
    return StepRow(words, outcome, step.passed, minutes(step.done_at))


def _trial(trial: Trial, drawn: Timeline | None) -> TrialRow:
    newest = trial.saves[-1] if trial.saves else None
    return TrialRow(
        position=trial.position,
        block=trial.block,
        item=trial.item.name,
        state="saved" if newest else "open",
        seconds=round(newest.trial_s, 1) if newest else None,
        revisions=len(trial.saves),
        saved_at=minutes(newest.saved_at) if newest else "",
        comment=newest.comment if newest else "",
        altered=newest.altered if newest else None,
        timeline=drawn,
    )


def _timelines(db: Session, trials: Sequence[Trial]) -> dict[int, Timeline]:
    """Of each trial's newest save, where the page reported anything; three queries however many trials there are."""
    newest: dict[int, Save] = {trial.id: trial.saves[-1] for trial in trials if trial.saves}
    events: dict[int, list[tuple[float, str, int | None]]] = defaultdict(list)
    told = select(Event.save_id, Event.at_s, Event.kind, Event.slot_id).order_by(Event.id)
    for save_id, *event in db.execute(told.where(Event.save_id.in_([save.id for save in newest.values()]))):
        events[save_id].append(tuple(event))  # type: ignore[arg-type]
    slots: dict[int, list[tuple[int, str]]] = defaultdict(list)
    placed = select(Slot.trial_id, Slot.id, Slot.hidden, Slot.position, Clip.role).join(Clip)
    # A clip's role is said of open sounds alone: their buttons have it on them.
    for trial_id, slot_id, hidden, position, role in db.execute(
        placed.where(Slot.trial_id.in_(list(newest))).order_by(Slot.hidden, Slot.position)
    ):
        slots[trial_id].append((slot_id, str(position) if hidden else str(OPEN.get(role, role))))
    return {
        trial_id: _drawn(events[save.id], slots[trial_id], save.trial_s)
        for trial_id, save in newest.items()
        if events[save.id]
    }


def _drawn(
    events: Sequence[tuple[float, str, int | None]], slots: Sequence[tuple[int, str]], length_s: float
) -> Timeline:
    lane = {slot_id: number for number, (slot_id, _) in enumerate(slots)}
    happened = [Happened(at_s, kind, lane.get(slot_id) if slot_id else None) for at_s, kind, slot_id in events]
    return timeline(happened, [name for _, name in slots], length_s)
