"""How far the listeners of a study are, what the rules say of them, and what their browsers complained of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mushra_app.models import Listener, ListeningSession, ScriptError
from mushra_app.people.logins import Visitor
from mushra_app.session.enrolment import experiment_of
from mushra_app.studio.browsers import browser
from mushra_app.studio.live import pace, squares, widths
from mushra_app.studio.live.ages import ago, minutes
from mushra_app.studio.live.health import health
from mushra_app.studio.live.pages import Count, Kind, LivePage, PageError, SessionRow, View
from mushra_app.studio.live.quality import Quality, quality
from mushra_app.studio.tabs import head_of
from mushra_app.study import lifecycle, monitoring, sittings
from mushra_app.study.recruiting import filled, recruiting_of
from mushra_app.study.sittings import QUIET_S, Sitting, age_s, state_of
from mushra_app.study.work import Works
from mushra_app.table_base import now
from mushra_app.words import say, say_later

MOST_ERRORS = 50
MOST_ROWS = 100
"""Rows that are shown at first: those under way, those who stopped, then the newest."""
LONGEST_LINE = 160
STATES = {
    "": say_later("listeners in all"),
    "now": say_later("under way now"),
    "finished": say_later("finished"),
    "stopped": say_later("stopped"),
    "withdrawn": say_later("withdrawn"),
    "refused": say_later("turned away by a check or an answer"),
    "planned": say_later("planned for later"),
}
OF_A_LISTENER = ("withdrawn", "refused", "now", "stopped", "planned")
"""Whoever has a session in the first of these states is in it; of no other, whoever has finished all of theirs."""
WHO = {
    "all": say_later("Everybody"),
    "people": say_later("Listeners"),
    "pilot": say_later("Pilot"),
    "simulated": say_later("Simulated"),
}


@dataclass(frozen=True)
class Place:
    """Where the page is made: the address for listeners, and the data folder."""

    listener_url: str
    data_dir: Path


def live(db: Session, name: str, visitor: Visitor, place: Place, view: View = View()) -> LivePage:  # noqa: B008
    """One study, with every session of any version."""
    moment = now()
    etag = tag(db, name, moment)  # first: what is stored meanwhile then costs another page, and is never missed
    version = lifecycle.current(db, name)
    everybody, free_after_h = sittings.sittings(db, version.study_id), recruiting_of(version.study).free_after_h
    wanted = [one for one in everybody if view.who in ("all", kind_of(one))]
    by_state = [(state_of(one, moment), one) for one in wanted]
    of_listener = of_listeners(by_state)
    counted = Counter(of_listener.values())
    look, reach = (monitoring.latest(db, version, kind, visitor.name) for kind in ("screen", "precision"))
    found = quality(look)
    in_view = sorted((pair for pair in by_state if view.state in ("", of_listener[pair[1].listener])), key=_rank)
    ends = pace.stops([one.at for state, one in by_state if state == "stopped"], _longest(wanted))
    reported = select(func.count()).select_from(ScriptError).join(ListeningSession).join(Listener)
    return LivePage(
        head=head_of(db, version, visitor),
        etag=etag,
        listener_url=place.listener_url,
        view=view,
        kinds=tuple(_kinds(everybody)),
        counts=tuple(_counts(counted)),
        sessions=tuple(_row(state, one, moment, found) for state, one in in_view[: None if view.every else MOST_ROWS]),
        in_view=len(in_view),
        quiet_minutes=round(QUIET_S / 60),
        given_free=sum(one.stopped for one in filled(db, version.study_id, free_after_h, moment).values()),
        free_after_h=free_after_h,
        stops=ends if counted["stopped"] else (),
        most_stops=max((bar.count for bar in ends), default=0),
        pace=pace.pace(wanted),
        quality=found,
        ask=monitoring.is_stale(db, version, look),
        finished=any(one.status == "finished" and not one.pilot for one in everybody),
        widths=widths.widths(reach, experiment_of(version).analysis),
        works=Works({"screen": look.work, "precision": reach.work}),
        page_errors=tuple(page_errors(db, Listener.study_id == version.study_id)),
        page_errors_in_all=db.scalar(reported.where(Listener.study_id == version.study_id)) or 0,
        health=health(db, place.data_dir, moment),
    )


def tag(db: Session, study: str, moment: datetime) -> str:
    """What differs whenever the page would: what is stored, and each half minute, because ages are in words."""
    return f"{sittings.stamp(db, study)}-{moment.timestamp() // 30:.0f}"


def of_listeners(by_state: Iterable[tuple[str, Sitting]]) -> Mapping[str, str]:
    """The state of each listener, by the pseudonym: one for all their sessions, however many those are."""
    states: defaultdict[str, set[str]] = defaultdict(set)
    for state, sitting in by_state:
        states[sitting.listener].add(state)
    return {who: next((one for one in OF_A_LISTENER if one in own), "finished") for who, own in states.items()}


def says(state: str, sitting: Sitting) -> str:
    """A state in words, with the trial where it is one."""
    words = {"at": sitting.at, "all": len(sitting.blocks)}
    if state in ("now", "stopped") and sitting.at > len(sitting.blocks):
        return say("at the last questions") if state == "now" else say("stopped at the last questions")
    if state == "now":
        return say("at trial %(at)s of %(all)s", **words)
    if state == "stopped":
        return say("stopped at trial %(at)s of %(all)s", **words)
    return str(STATES[state])


def marks_of(state: str, sitting: Sitting) -> squares.Marks:
    """The picture of one session's trials."""
    return squares.marks(
        sitting.blocks,
        sitting.saved,
        here=sitting.at if state == "now" else 0,
        stopped=sitting.at if state == "stopped" else 0,
    )


def kind_of(sitting: Sitting) -> str:
    """One of ``WHO``; a simulated listener of a pilot is simulated."""
    return "simulated" if sitting.simulated else "pilot" if sitting.pilot else "people"


def page_errors(db: Session, *of_whom: object) -> Iterator[PageError]:
    """The newest ones."""
    query = select(ScriptError, Listener.pseudonym).select_from(ScriptError).join(ListeningSession).join(Listener)
    query = query.where(*of_whom)  # type: ignore[arg-type]
    for error, pseudonym in db.execute(query.order_by(ScriptError.id.desc()).limit(MOST_ERRORS)):
        line = next(iter(error.text.strip().splitlines()), "(an error without words)")
        yield PageError(
            reported_at=error.reported_at.isoformat(timespec="seconds"),
            listener=pseudonym,
            browser=browser(error.user_agent),
            user_agent=error.user_agent,
            first_line=line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…",
            text=error.text,
        )


def _rank(pair: tuple[str, Sitting]) -> tuple[int, float]:
    """Who is under way first, then who stopped; the newest sign of life first."""
    state, sitting = pair
    return {"now": 0, "stopped": 1}.get(state, 2), -sitting.seen_at.timestamp()


def _longest(of_whom: Sequence[Sitting]) -> int:
    return max((len(one.blocks) for one in of_whom), default=0)


def _kinds(everybody: Sequence[Sitting]) -> Iterator[Kind]:
    """Of whom there are sessions; nothing where all are of one kind."""
    counted = Counter({one.listener: kind_of(one) for one in everybody}.values())
    if len(counted) > 1:
        for who, words in WHO.items():
            if who == "all" or counted[who]:
                yield Kind(who, str(words), counted.total() if who == "all" else counted[who])


def _counts(counted: Counter[str]) -> Iterator[Count]:
    """Those that are never left out, and of the others those that there are."""
    for state, words in STATES.items():
        number = counted[state] if state else counted.total()
        if number or state in ("", "now", "finished", "stopped"):
            yield Count(state, str(words), number)


def _row(state: str, sitting: Sitting, moment: datetime, found: Quality) -> SessionRow:
    return SessionRow(
        listener=sitting.listener,
        part=sitting.part,
        state=state,
        says=says(state, sitting),
        simulated=sitting.simulated,
        pilot=sitting.pilot,
        seen=ago(age_s(moment, sitting.seen_at)) if sitting.begun else "",
        seen_at=minutes(sitting.seen_at) if sitting.begun else "",
        saved=sitting.saved.count("1"),
        trials=len(sitting.blocks),
        marks=marks_of(state, sitting),
        strip=found.strips.get(sitting.listener),
    )
