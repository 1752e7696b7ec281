"""The pages that tell a listener what comes next, and those that end a session.

Defines: ``instructions``, ``before_a_later_session``, ``ended``, ``withdrawn``, ``not_looked_for``, ``done``.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from mushra_app.listener import pages
from mushra_app.models import ListeningSession, StudyVersion
from mushra_app.session import setting_up
from mushra_app.session.course import Step, block_of, interruption, wait_h
from mushra_app.session.enrolment import experiment_of, title_of, token_after
from mushra_app.study import endings
from mushra_app.study.recruiting import Recruiting
from mushra_app.words import say, say_number, written


def instructions(sitting: ListeningSession, steps: list[Step], step: Step) -> pages.InstructionsPage | None:
    """What stands before a trial and was not read yet, with the attribute's own instructions where it has some."""
    kind = None if sitting.read_to >= step.position else interruption(sitting, steps, step)
    if kind is None:
        return None
    block, title = block_of(steps, step), title_of(sitting.version)
    own = _own_instructions(sitting, step)
    if kind == "start":
        return _start_of(step.block, title, own, pages_in_block=len(block))
    if kind == "question":
        text = own or (say("From here on another question is asked. It stands above the sounds."),)
        return pages.InstructionsPage(title, say("Another question"), text, say("Go on"))
    rated = say(
        "You have rated %(place)d of %(total)d pages. Rest your ears for a moment if you like.",
        place=block.index(step),
        total=len(block),
    )
    return pages.InstructionsPage(title, say("Time for a break"), (rated,), say("Go on"))


def before_a_later_session(sitting: ListeningSession) -> pages.InstructionsPage | pages.MessagePage:
    """The first page of a session that has not begun: later, or welcome back."""
    title, hours = title_of(sitting.version), wait_h(sitting)
    if hours is None:
        text = say("Please finish the session before this one first; its last page leads here.")
        return pages.MessagePage(title, say("Not yet"), (text,))
    if hours:
        text = say_number(
            "This session can begin in about an hour.", "This session can begin in about %(num)d hours.", hours
        )
        return pages.MessagePage(title, say("Not yet"), (text, say("Come back with the same address.")))
    text = say(
        "This is session %(part)d of %(total)d. Please listen as you did before: on the same device, in a quiet room.",
        part=sitting.part,
        total=experiment_of(sitting.version).test.sessions,
    )
    return pages.InstructionsPage(title, say("Welcome back"), (text,), say("Begin"))


def ended(db: Session, sitting: ListeningSession) -> pages.MessagePage:
    """A session that a listener has ended, or a check, or what they answered."""
    if sitting.status == "withdrawn":
        return withdrawn(sitting, forgets=True)
    ending, step = endings.of_refused(db, sitting), setting_up.refused_at(sitting)
    thanks = say("Thank you for your time. You can close this page.")
    heading = say("This test can't be taken here") if step else say("Thank you for your interest")
    sorry = {
        None: say("This study looks for listeners of another kind than your answers describe."),
        "headphones": say("This test needs headphones, and the check did not find any."),
    }.get(step) or say("This test needs sound from the left and from the right that your device does not give us.")
    return pages.MessagePage(
        title_of(sitting.version), heading, (sorry, thanks), code=ending.code, return_url=ending.return_url
    )


def not_looked_for(version: StudyVersion, recruiting: Recruiting, channel: str) -> pages.MessagePage:
    """What somebody is told who does not meet the criteria; nothing of them was kept."""
    ending = endings.screened_out(recruiting, channel)
    text = (
        say("This study looks for people who listen, or have listened, in another way than you say you do."),
        say("Nothing that you said was stored. Thank you for your time; you can close this page."),
    )
    heading = say("Thank you for your interest")
    return pages.MessagePage(title_of(version), heading, text, code=ending.code, return_url=ending.return_url)


def withdrawn(sitting: ListeningSession, *, forgets: bool) -> pages.MessagePage:
    """What a listener who took back their consent is told; at their session's own address the browser forgets it."""
    text = (say("Your ratings will not be used, and whatever you wrote has been erased."),)
    return pages.MessagePage(title_of(sitting.version), say("You have withdrawn"), text, forgets=forgets)


def done(db: Session, sitting: ListeningSession, base: str) -> pages.DonePage:
    """The last page of a session; where another one follows, the way to it."""
    experiment = experiment_of(sitting.version)
    title, code, contact = title_of(sitting.version), sitting.listener.code, experiment.experiment.contact
    later = next((other for other in sitting.listener.sessions if other.part == sitting.part + 1), None)
    ending = endings.of_finished(db, sitting)
    page = pages.DonePage(title, code, contact, ending.code, ending.return_url)
    if later is None:
        return page
    sessions, _, token = base.rpartition("/")
    return replace(page, next_url=f"{sessions}/{token_after(token)}/", wait_h=wait_h(later) or 0)


def _own_instructions(sitting: ListeningSession, step: Step) -> tuple[str, ...]:
    """What the experiment file says before an attribute's block, a paragraph each."""
    experiment = experiment_of(sitting.version)
    name = next(scale.name for scale in sitting.version.scales if scale.id == step.scale_id)
    text = next(one.instructions for one in experiment.attributes if one.name == name)
    return tuple(part for part in written(experiment, text).split("\n\n") if part)


def _start_of(block: str, title: str, own: tuple[str, ...], *, pages_in_block: int) -> pages.InstructionsPage:
    """What is said before the training, and before the test."""
    how = (
        say("Compare the numbered sounds with the reference as often as you like, and rate each one."),
        say("One of the numbered sounds is the reference itself. Rate it 100."),
    )
    if block == "training":
        text = (
            say("First get to know the sounds and the controls. Nothing of this practice is evaluated."),
            *(own or how),
        )
        return pages.InstructionsPage(title, say("Practice"), text, say("Start practising"))
    count = say_number(
        "There is one page to rate.",
        "There are %(num)d pages to rate, each with another piece of music or another order of sounds.",
        pages_in_block,
    )
    kept = say(
        "Every page is stored when you go on; you may close it and come back with the same address, also on another "
        "computer. What you have set on a page before you go on is kept in this browser only."
    )
    return pages.InstructionsPage(title, say("The test"), (count, *(own or how), kept), say("Start"))
