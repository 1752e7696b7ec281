"""What the address of a study's first page says beside its name.

``as`` marks simulated listeners, ``place`` says where they sit, ``invitation`` whose link it is; each is signed with
the data folder's key. ``group`` is a group of listeners that the study's settings let links name. Prolific adds
``PROLIFIC_PID``, ``STUDY_ID`` and ``SESSION_ID``, and MTurk ``workerId``, ``assignmentId`` and ``hitId``, which are
written down as they come: nobody signs them. A link in which the panel did not fill them in opens nothing, because
everybody who has it would be one and the same person.

Defines: ``read_link``, ``is_preview``, ``CHANGED_LINK``.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort
from sqlalchemy.orm import Session

from mushra_app import places
from mushra_app.errors import NotFoundError, TurnedAwayError
from mushra_app.models import Place
from mushra_app.security import invitation_of_link, is_simulated_link, place_of_link
from mushra_app.study.arriving import Link, Panel
from mushra_app.words import say, say_later

CHANGED_LINK = say_later("This link was changed. Please use it exactly as you were given it.")
PANELS = {
    "prolific": ("PROLIFIC_PID", ("STUDY_ID", "SESSION_ID")),
    "mturk": ("workerId", ("assignmentId", "hitId")),
}
"""For each panel, what says who somebody is there, and what else is written down."""
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
"""What MTurk says for an assignment while a worker only looks at the work before taking it."""
LONGEST = 200
OF_PLACEHOLDERS = frozenset("{}$%<>[]")
"""No panel's identifier has one of these; what stands for it until it is filled in has, percent-encoded again too."""


def read_link(db: Session, given: Mapping[str, str], key: str) -> Link:
    """What the link says; one that was tampered with opens nothing."""
    simulated, token = given.get("as"), given.get("invitation")
    if simulated is not None and not is_simulated_link(key, simulated):
        abort(403, CHANGED_LINK)
    invitation = None if token is None else invitation_of_link(key, token)
    if token is not None and invitation is None:
        abort(403, CHANGED_LINK)
    return Link(
        simulated=simulated is not None,
        place=_place(db, given.get("place"), key),
        invitation=None if simulated else invitation,  # no program takes a person's invitation
        panel=_panel(given),
        group=given.get("group", ""),
    )


def is_preview(given: Mapping[str, str]) -> bool:
    """Whether a worker of MTurk looks at the study before taking it."""
    return given.get("assignmentId") == PREVIEW


def _place(db: Session, token: str | None, key: str) -> Place | None:
    """The listening place that this link is opened at, if any, as it was last calibrated."""
    if token is None:
        return None
    name = place_of_link(key, token)
    if name is None:
        abort(403, CHANGED_LINK)
    try:
        return places.current(db, name)
    except NotFoundError:
        told = say("No listening place %(name)r is on record here; ask who sent you the link.", name=name)
        raise NotFoundError(told) from None


def _panel(given: Mapping[str, str]) -> Panel | None:
    """Who comes from which panel; nobody yet in a preview, where MTurk says no worker.

    TurnedAwayError where the panel did not fill in who it is.
    """
    if is_preview(given):
        return None
    for channel, (person, details) in PANELS.items():
        if person in given:
            said = {name: given[name] for name in details if name in given}
            _require_filled_in(given[person], *said.values())
            return Panel(channel, given[person], said)
    return None


def _require_filled_in(who: str, *details: str) -> None:
    """Refuse what a panel never says, and what stands in its place until it says something."""
    if not who.strip() or any(OF_PLACEHOLDERS & set(text) for text in (who, *details)):
        sentence = say(
            "The panel did not fill in who you are, so that nobody can begin by this link. Please open the study from "
            "the panel's own page; if you did, tell whoever runs the study."
        )
        raise TurnedAwayError("unfilled", sentence)
    if not all(0 < len(text) <= LONGEST and text.isprintable() for text in (who, *details)):
        abort(403, CHANGED_LINK)
