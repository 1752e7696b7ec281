"""The file that a listener downloads while the server is away, and storing it.

Task: store what the page would have sent, through the same checks (``mushra_app.session.saving``) and under the same
keys, so that it makes no difference whether the save, the file or both arrive, nor in which order.

Conventions: JSON with a schema number. The file names trials by the tokens of their pages and no session: a
trial's token opens nothing, and finds its session here. All of a file is stored, or nothing.
Defines: ``AnswerFile``, ``Outcome``, ``read``, ``store``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.errors import AppError
from mushra_app.json_mistakes import told
from mushra_app.models import Save, Trial
from mushra_app.session.saving import lock_trial, read_body, save_trial

SCHEMA = 1
LONGEST_USER_AGENT = 280


class _Part(BaseModel):
    """Exact types and no unknown keys, as for what a page sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TrialAnswers(_Part):
    """One trial; ``body`` is what the page would have sent, checked as such when it is stored."""

    trial: str = Field(max_length=64)
    body: dict[str, Any]


class AnswerFile(_Part):
    """Everything that one page had not been able to send."""

    format: Literal["mushra-answers"]
    schema_number: Literal[1] = Field(alias="schema")
    user_agent: str
    trials: list[TrialAnswers] = Field(min_length=1, max_length=1000)


class Outcome(NamedTuple):
    """What became of one trial of a file."""

    sentence: str
    new: bool


def read(path: Path) -> AnswerFile:
    """The file, checked as far as it can be without a database; AppError with one sentence where it won't do."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AppError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise AppError(
            f"{path}: not the JSON file that a listener's page offers ({error}); nothing was stored"
        ) from None
    if isinstance(content, dict) and content.get("format") == "mushra-answers" and content.get("schema") != SCHEMA:
        raise AppError(f"{path}: schema {content.get('schema')!r}, this release reads {SCHEMA}; nothing was stored")
    try:
        return AnswerFile.model_validate(content)
    except ValidationError as error:
        mistakes = told(error, content, whole="the file", shown_by="a file that a listener's page offers")
        raise AppError(f"{path}: {mistakes}; nothing was stored") from None


def store(db: Session, answers: AnswerFile, path: Path) -> list[Outcome]:
    """Store every trial of a file in one transaction; the caller's ends without a trace where this raises.

    Raises
    ------
    AppError
        With one sentence that names the file and the trial: it is of another database, its body won't do, or it
        doesn't fit what is stored (another save of the same page, a session that takes no more answers).
    """
    outcomes = []
    for part in answers.trials:
        try:
            outcomes.append(_store_trial(db, part, answers.user_agent))
        except AppError as error:
            raise AppError(f"{path}: trial {part.trial}: {error}") from None
    return outcomes


def _store_trial(db: Session, part: TrialAnswers, user_agent: str) -> Outcome:
    trial = db.scalar(select(Trial).where(Trial.token == part.trial))
    if trial is None:
        raise AppError("no such trial in this database; is it the data folder of the server that was away?")
    sent = read_body(json.dumps(part.body).encode())
    known = db.scalar(select(Save.id).where(Save.key == sent.key)) is not None
    # The mark says in the data that this save came by a file; when, is in its time.
    locked = lock_trial(db, trial.session.token_sha256, trial.token)
    save_trial(db, locked, sent, f"{user_agent[:LONGEST_USER_AGENT]} (imported)")
    db.flush()
    listener = trial.session.listener.pseudonym
    what = "there already" if known else "stored"
    return Outcome(f"{trial.session.version.study.name}, {listener}, page {trial.position}: {what}", not known)
