"""The rows of a replicated study: listeners, sessions, trials, saves and responses, written in batches.

Sessions and trials keep their numbers, which the files of a bundle name. What a rating does not tell is left plainly
unknown and never made up: tokens and codes are drawn anew, so that nobody comes back into a session; the browser is
``UNKNOWN``; a session began no later than its first save; no plan, no events and no open sounds are there.

Defines: ``Tables``, ``UNKNOWN``.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from mushra_app.errors import RatingsError
from mushra_app.export import as_it_was
from mushra_app.models import Base, StudyVersion
from mushra_app.ratings import Row
from mushra_app.security import new_token, token_sha256
from mushra_app.session.enrolment import new_code
from mushra_app.study.replica_rows import Given, Line

UNKNOWN = "replicated"
"""What stands where a listener's browser would."""
IN_ORDER = (
    *("listener", "place", "session", "setup_step", "trial", "trial_scale", "slot", "save", "response", "answer"),
)
"""Tables in which no row refers to one of a later table."""
BATCH = 2000
CHECKS = {"sides_check": "sides", "headphone_check": "headphones"}


class Tables:
    """Writes the rows of one version of a study, in a database that has no others.

    Parameters
    ----------
    comments : on trials, several of one trial in the order of its revisions.
    """

    def __init__(self, db: Session, version: StudyVersion, comments: Iterable[Given]) -> None:
        self._db, self._version = db, version
        self._method = version.experiment["experiment"]["method"]
        self._items = {item.name: item.id for item in version.items}
        self._clips = {
            (item.name, clip.condition.name, clip.role): clip.id for item in version.items for clip in item.clips
        }
        self._scales = {scale.name: scale for scale in version.scales}
        self._comments: dict[int, list[Given]] = defaultdict(list)
        for one in comments:
            assert one.trial is not None
            self._comments[one.trial].append(one)
        self._waiting: dict[str, list[dict[str, Any]]] = {name: [] for name in IN_ORDER}
        self._last: dict[str, int] = defaultdict(int)
        self._listeners: dict[str, int] = {}
        self._parts: dict[str, int] = defaultdict(int)
        self._places: dict[tuple[Any, ...], int] = {}
        self._positions: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def add_sitting(self, lines: Sequence[Line]) -> None:
        """One session, by its ratings."""
        row = lines[0][1]
        session = int(row["session"])
        began = min(datetime.fromisoformat(one["saved_at"]) for _, one in lines)
        self._session(
            session,
            row["listener"],
            began,
            group=row["listener_group"],
            simulated=row["simulated"],
            part=row["part"],
            place_id=self._place(row),
            status="finished" if row["finished"] else "started",
            **{name: row[name] for name in ("language", "transducer", "experience", "level_db_a")},
        )
        for column, step in CHECKS.items():
            if row[column]:
                shared = {"session_id": session, "step": step, "attempt": 1, "done_at": began}
                self._put("setup_step", shared | {"passed": row[column] == "passed", "detail": {UNKNOWN: True}})
        for trial, found in groupby(lines, key=lambda line: int(line[1]["trial"])):
            self._trial(trial, session, [one for _, one in found])
        self._ends[session] = lines[-1][1]["presentation"]
        if len(self._waiting["response"]) >= BATCH:
            self.flush()

    def add_answers(self, given: Sequence[Given]) -> set[int]:
        """All answers; the lines of those that came before a trial that nobody rated, which is not there.

        Raises
        ------
        RatingsError
            Where a comment is on no rated trial, or a question was answered twice.
        """
        for left in self._comments.values():
            raise _refused(left[0], "trial", "one that ratings.csv has, saved at least as often as it was commented")
        strangers = sorted({one.trial for one in given if one.trial and one.trial not in self._positions})
        followed, seen = dict[int, int](), set[tuple[int, str, int]]()
        sessions = {one.session: one.listener for one in given if one.session not in self._ends}
        for session, listener in sorted(sessions.items()):
            self._session_without_ratings(session, listener)
        for trial in strangers:  # a listener goes on from trial to trial, so it was the next one
            session = next(one.session for one in given if one.trial == trial)
            self._ends[session] += 1
            followed[trial] = self._ends[session]
        for one in given:
            position = (self._positions.get(one.trial) or followed[one.trial]) if one.trial else 0
            if (key := (one.session, one.question, position)) in seen:
                raise _refused(one, "question", "each question of a session once")
            seen.add(key)
            answer = {"session_id": one.session, "question": one.question, "at_position": position, "text": one.text}
            self._put("answer", answer | {"personal": False, "answered_at": self._opened})
        self.flush()
        return {one.line for one in given if one.trial in followed}

    def flush(self) -> None:
        """Send what waits."""
        for name in IN_ORDER:
            if waiting := self._waiting[name]:
                self._db.execute(insert(Base.metadata.tables[name]), waiting)
                waiting.clear()

    def number_on(self) -> None:
        """Let PostgreSQL number new rows after these, which brought their numbers with them; SQLite does so itself."""
        if self._db.get_bind().dialect.name != "postgresql":
            return
        for name in IN_ORDER:
            highest = self._db.scalar(select(func.max(Base.metadata.tables[name].c.id)))
            if highest is not None:
                sequence = {"table": f'"{name}"', "highest": highest}
                self._db.execute(text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :highest)"), sequence)

    @property
    def _opened(self) -> datetime:
        return self._version.opened_at or self._version.published_at

    def _put(self, table: str, row: dict[str, Any]) -> None:
        self._waiting[table].append(row)

    def _numbered(self, table: str, row: dict[str, Any]) -> int:
        self._last[table] += 1
        self._put(table, row | {"id": self._last[table]})
        return self._last[table]

    def _session(
        self, session: int, listener: str, began: datetime, *, group: str, simulated: bool, part: int, **known: Any
    ) -> None:
        if listener not in self._listeners:
            shared = {"study_id": self._version.study_id, "pseudonym": listener, "listener_group": group}
            self._listeners[listener] = self._numbered(
                "listener", shared | {"simulated": simulated, "pilot": False, "code": new_code()}
            )
        self._parts[listener] = max(self._parts[listener], part)
        moments = {"consent_at": began, "started_at": began}
        unknown = {"seed": 0, "user_agent": UNKNOWN, "consent_sha256": "", "token_sha256": token_sha256(new_token())}
        own = {"id": session, "listener_id": self._listeners[listener], "part": part}
        version = {"study_version_id": self._version.id, "read_to": 0}
        self._put("session", own | version | moments | unknown | known)

    def _session_without_ratings(self, session: int, listener: str) -> None:
        """Of somebody who answered questions and then rated nothing; its answers are all that is known of it."""
        known = {"place_id": None, "level_db_a": None, "transducer": "", "experience": "", "language": ""}
        part = self._parts[listener] + 1
        self._session(session, listener, self._opened, group="", simulated=False, part=part, status="started", **known)
        self._ends[session] = 0

    def _place(self, row: Row) -> int | None:
        """A record of a place says what its sessions say of it."""
        if not row["place"]:
            return None
        key = row["place"], row["level_db_a"], row["transducer"]
        if key not in self._places:
            device = f"{UNKNOWN} with {row['study']}; which it was, is not known here"
            record = dict(zip(("name", "level_db_a", "transducer"), key, strict=True))
            self._places[key] = self._numbered(
                "place", record | {"device": device, "calibrated_at": datetime.fromisoformat(row["saved_at"])}
            )
        return self._places[key]

    def _trial(self, trial: int, session: int, rows: Sequence[Row]) -> None:
        row = rows[0]
        block = "training" if row["training"] else "attention" if row["attention_check"] else "test"
        plan = {"session_id": session, "position": row["presentation"], "block": block, "replicate": row["replicate"]}
        kind = {"method": self._method, "item_id": self._items[row["item"]], "token": new_token()}
        self._put("trial", {"id": trial} | plan | kind)
        self._positions[trial] = row["presentation"]
        for name in dict.fromkeys(one["attribute"] for one in rows):
            self._put("trial_scale", {"trial_id": trial, "scale_id": self._scales[name].id})
        slots: dict[int, int] = {}
        for one in rows:
            if one["slot"] not in slots:
                clip = self._clips[one["item"], one["condition"], one["role"]]
                place = {"trial_id": trial, "position": one["slot"], "hidden": True}
                slots[one["slot"]] = self._numbered("slot", place | {"clip_id": clip, "token": new_token()})
        save = self._saves(trial, row)
        for one in rows:
            self._response(trial, save, slots[one["slot"]], one)

    def _saves(self, trial: int, row: Row) -> int:
        """The newest save, and of older ones those whose comments are known; its number."""
        said = self._comments.pop(trial, [])
        if len(said) > max(row["revision"], 1):
            raise _refused(said[0], "trial", f"at most {row['revision']} comments, one per save")
        shared = {"trial_id": trial, "base_latency_s": None, "output_latency_s": None, "user_agent": UNKNOWN}
        shared["saved_at"] = datetime.fromisoformat(row["saved_at"])
        nothing = {"trial_s": 0.0, "gain_db": 0.0, "engine": "", "fade_mode": "", "rate_hz": 0, "altered": None}
        for before, one in enumerate(reversed(said[:-1]), 1):
            older = {"key": secrets.token_hex(16), "revision": row["revision"] - before, "comment": one.text}
            self._numbered("save", shared | nothing | older)
        known = {name: row[name] for name in nothing} | {"engine": as_it_was(row["engine"])}
        newest = {"key": secrets.token_hex(16), "revision": row["revision"], "comment": said[-1].text if said else ""}
        return self._numbered("save", shared | known | newest)

    def _response(self, trial: int, save: int, slot: int, row: Row) -> None:
        scale = self._scales[row["attribute"]]
        where = {"save_id": save, "trial_id": trial, "slot_id": slot, "scale_id": scale.id}
        bounds = {"minimum": scale.minimum, "maximum": scale.maximum}
        value = {"number": row["rating"], "text": None, "chosen_slot_id": None}
        self._put("response", where | bounds | value | {name: row[name] for name in ("moved", "heard_s", "plays")})


def _refused(one: Given, column: str, expected: str) -> RatingsError:
    found = one.trial if column == "trial" else one.question
    return RatingsError(f"answers.csv: line {one.line}: {column}: found {found!r}; expected {expected}")
