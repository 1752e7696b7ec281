"""What a listener is handed at the end: a code, and the way back to the panel that they came from.

Whoever came by an invitation or sat at a listening place came from no panel and is handed neither; a worker of MTurk
copies the code, and everybody else gets both. They get them after their last session; a panel's worker after each one
that a pause follows, because no panel lets work lie open for days. What the experiment file says is said where the
study's recruiting has no code; an address of it that is neither https nor this machine is left out. ``{code}`` in
either's address stands for the code that is handed out, never for the listener's own: whoever has that can withdraw
them. Which of the codes it is is not said to the listener: a failed check would only be argued about.

Defines: ``Ending``, ``of_finished``, ``of_refused``, ``screened_out``.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.models import ListeningSession
from mushra_app.session.enrolment import experiment_of
from mushra_app.study.attention import checks_of, failed
from mushra_app.study.recruiting import Recruiting, is_safe_address, recruiting_of
from mushra_app.study.tables import Recruit

FROM_NO_PANEL = ("invitation", "lab")
WITHOUT_A_WAY_BACK = (*FROM_NO_PANEL, "mturk")


@dataclass(frozen=True)
class Ending:
    """A code to paste elsewhere, and an address to go back to; "" where there is none."""

    code: str = ""
    return_url: str = ""


def of_finished(db: Session, sitting: ListeningSession) -> Ending:
    """For a listener who has finished a session: their last one, or one after which the panel pays them."""
    recruiting, channel = recruiting_of(sitting.version.study), _channel(db, sitting)
    experiment = experiment_of(sitting.version)
    is_last, is_paid = sitting.part == experiment.test.sessions, channel and channel not in FROM_NO_PANEL
    if not is_last and not (is_paid and experiment.test.hours_between_sessions):
        return Ending()
    if recruiting.attention_code and failed(checks_of(db, sitting.listener_id), recruiting.attention):
        return _ending(recruiting, recruiting.attention_code, channel)
    if recruiting.completion_code:
        return _ending(recruiting, recruiting.completion_code, channel)
    own = experiment.completion
    back = own.return_url.replace("{code}", quote(own.code, safe=""))
    return Ending(own.code, back if is_safe_address(back) else "")


def of_refused(db: Session, sitting: ListeningSession) -> Ending:
    """For a listener whose answer, device or setting up ended the session."""
    recruiting = recruiting_of(sitting.version.study)
    return _ending(recruiting, recruiting.screen_out_code, _channel(db, sitting))


def screened_out(recruiting: Recruiting, channel: str) -> Ending:
    """For somebody who was not enrolled: they don't meet the criteria, or no more are taken."""
    return _ending(recruiting, recruiting.screen_out_code, channel)


def _ending(recruiting: Recruiting, code: str, channel: str) -> Ending:
    if not code or channel in FROM_NO_PANEL:
        return Ending()
    back = recruiting.return_url.replace("{code}", quote(code, safe=""))
    return Ending(code, "" if channel in WITHOUT_A_WAY_BACK else back)


def _channel(db: Session, sitting: ListeningSession) -> str:
    return db.scalar(select(Recruit.channel).where(Recruit.listener_id == sitting.listener_id)) or ""
