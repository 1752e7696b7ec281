"""Addresses of the API that call listeners: who is taken, personal invitations, those at a listening place."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from mushra_app.api import answers
from mushra_app.api.blueprint import after, blueprint, limit, may_of, note, said, sent
from mushra_app.people.permissions import Right
from mushra_app.security import secret_key
from mushra_app.studio.guard import needs
from mushra_app.study import invitations as personal
from mushra_app.study import inviting, lifecycle
from mushra_app.study.invitations import Listed, Wanted
from mushra_app.study.inviting import Links
from mushra_app.study.recruiting import fingerprint, recruiting_of
from mushra_app.web import external_address, services


@blueprint.get("/studies/<study>/recruiting")
@needs(Right.CHANGE)
def recruiting(study: str) -> Response:
    """Who is taken by a study, with the codes of a panel: for tokens that may change it, as in the studio."""
    return said(_kept(study))


@blueprint.put("/studies/<study>/recruiting")
@needs(Right.CHANGE)
def recruit(study: str) -> Response:
    """Set who is taken by a study, all of it: what is not sent is set as in a new study."""
    wanted = sent(answers.Recruiting)
    with services().database.writing() as db:
        inviting.recruit(db, study, wanted.model_dump(exclude={"seen"}), note, seen=wanted.seen)
    return said(_kept(study))


@blueprint.get("/studies/<study>/invitations")
@needs(Right.VIEW)
def invitations(study: str) -> Response:
    """The personal invitations of a study, with their states and links."""
    most = limit()
    with services().database.reading() as db:
        study_id = lifecycle.current(db, study).study_id
        found = personal.listed(db, study_id, after=after() or 0, most=most + 1)
        in_full = may_of(db, study) == "change"
    following = str(found[most - 1].number) if len(found) > most else None
    return said(answers.Invitations(invitations=_told(study, found[:most], in_full=in_full), next=following))


@blueprint.post("/studies/<study>/invitations")
@needs(Right.CHANGE)
def invite(study: str) -> tuple[Response, int]:
    """Make personal invitations, and answer them with their links."""
    wanted = [Wanted(one.label, one.group) for one in sent(answers.InvitationsWanted).invitations]
    with services().database.writing() as db:
        made = inviting.invite(db, study, wanted, note)
    return said(answers.Invitations(invitations=_told(study, made, in_full=True), next=None)), 201


@blueprint.delete("/studies/<study>/invitations/<int:number>")
@needs(Right.CHANGE)
def revoke_invitation(study: str, number: int) -> tuple[str, int]:
    """Take an invitation back that nobody has used."""
    with services().database.writing() as db:
        inviting.take_back(db, study, number, note)
    return "", 204


@blueprint.post("/studies/<study>/lab")
@needs(Right.CHANGE)
def next_listener(study: str) -> tuple[Response, int]:
    """Make an invitation for whoever sits down at a listening place now."""
    seat = sent(answers.Seat)
    with services().database.writing() as db:
        place, made = inviting.call_next(db, study, seat.place, seat.group, note)
        link = _links(study).at(place, made.id)
        called = answers.Called(number=made.id, place=place.name, code=made.code or "", link=link)
    return said(called), 201


@blueprint.post("/studies/<study>/lab/back")
@needs(Right.CHANGE)
def call_back(study: str) -> Response:
    """The next session of a listener who comes back to a listening place, by the code that they have."""
    seat = sent(answers.SeatAgain)
    key = secret_key(services().settings)
    with services().database.writing() as db:
        place, token = inviting.call_back(db, study, seat.place, note, code=seat.code, key=key)
        called = answers.CalledBack(place=place.name, link=_links(study).back(token))
    return said(called)


def _kept(study: str) -> answers.Recruiting:
    with services().database.reading() as db:
        found = lifecycle.current(db, study).study
        return answers.Recruiting(**dict(recruiting_of(found)), seen=fingerprint(found))


def _told(study: str, found: Sequence[Listed], *, in_full: bool) -> list[answers.Invitation]:
    """Invitations with their links; whom one is for is personal, and told to nobody who may only look."""
    rows = _links(study).of(found)
    return [
        answers.Invitation(
            number=one.number,
            label=one.label if in_full else "",
            group=one.group,
            code=one.code if in_full else "",
            state=one.state,  # pyright: ignore[reportArgumentType]  the query has no other
            link=link if in_full else "",
        )
        for one, link in rows
    ]


def _links(study: str) -> Links:
    return Links(external_address(""), secret_key(services().settings), study)
