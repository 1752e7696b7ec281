"""The questionnaires before, between and after the trials: which questions are open, and whether answers will do.

Every question that was put gets an answer row, an empty one where it was left out, so that what is open
follows from what is stored.

Defines: ``open_questions``, ``mistakes``, ``as_page``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.listener.pages import Field, QuestionsPage
from mushra_app.models import Answer, ListeningSession, StudyVersion
from mushra_app.session.enrolment import experiment_of, title_of
from mushra_app.words import say, written
from stimuli.experiment import Question

LONGEST_ANSWER = 2000


def open_questions(
    db: Session, sitting: ListeningSession, when: Literal["before", "between", "after"], at_position: int = 0
) -> list[Question]:
    """The questions of one questionnaire that were not put in this session yet; those between, at this position."""
    questions = sitting.version.experiment["questions"]
    wanted = [Question.model_validate(question) for question in questions if question["when"] == when]
    if not wanted:
        return []
    own = (Answer.session_id == sitting.id, Answer.at_position == at_position)
    put = set(db.scalars(select(Answer.question).where(*own)))
    return [question for question in wanted if question.name not in put]


def mistakes(questions: Sequence[Question], given: Mapping[str, str]) -> dict[str, str]:
    """For every answer that won't do, what to say to the listener."""
    found = {question.name: _mistake(question, given.get(question.name, "").strip()) for question in questions}
    return {name: sentence for name, sentence in found.items() if sentence}


def _mistake(question: Question, text: str) -> str:
    if not text:
        return say("Please answer this question.") if question.required else ""
    if len(text) > LONGEST_ANSWER:
        return say("Please use at most %(most)d characters; these are %(found)d.", most=LONGEST_ANSWER, found=len(text))
    if question.type == "choice" and text not in question.choices:
        return say("Please choose one of the answers.")
    return say("Please write a number.") if question.type == "number" and not _is_number(text) else ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def as_page(
    version: StudyVersion,
    questions: Sequence[Question],
    *,
    heading: str,
    given: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> QuestionsPage:
    """The questions as a page shows them, with what was answered and what is wrong with it."""
    given, wrong, experiment = given or {}, wrong or {}, experiment_of(version)
    fields = (
        Field(
            name=question.name,
            text=written(experiment, question.text),
            type=question.type,
            choices={choice: written(experiment, choice) for choice in question.choices},
            required=question.required,
            value=given.get(question.name, ""),
            error=wrong.get(question.name, ""),
        )
        for question in questions
    )
    return QuestionsPage(title=title_of(version), heading=heading, fields=tuple(fields))
