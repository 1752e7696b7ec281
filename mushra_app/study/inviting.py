"""What an experimenter does about the listeners of a study: change who is taken, invite, take back, call the next one.

The studio, its programs and the terminal call these and nothing else, so that the same is checked, changed and written
into the audit log whoever asks. Links are made here, too: each is signed with the data folder's key.

Conventions: functions take a SQLAlchemy session that writes, and know nothing of the web; ``note`` writes one line into
the audit log (what kind, what about) as whoever asks.
Defines: ``Note``, ``Links``, ``recruit``, ``wanted_of``, ``invite``, ``take_back``, ``call_next``, ``call_back``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from sqlalchemy.orm import Session

from mushra_app import places
from mushra_app.models import Place
from mushra_app.security import invitation_link_token, place_link_token
from mushra_app.study import invitation_list, invitations, lab, lifecycle
from mushra_app.study.invitations import Listed, Wanted
from mushra_app.study.recruiting import Recruiting, change, locked, recruiting_of
from mushra_app.study.recruiting_changes import differences
from mushra_app.study.tables import Invitation
from mushra_app.table_base import now

Note = Callable[[Session, str, str], None]
LEADS_NOWHERE = ("revoked", "withdrawn")
"""States of invitations whose links open nothing."""


class Links(NamedTuple):
    """Makes the links of one study's invitations.

    ``base`` is how listeners reach the server, without a slash at the end; ``key`` signs the links.
    """

    base: str
    key: str
    study: str

    def to(self, number: int) -> str:
        """The personal link of one invitation."""
        return self._welcome(invitation=invitation_link_token(self.key, number))

    def at(self, place: Place, number: int) -> str:
        """The link of one invitation, to be opened at a listening place."""
        tokens = {
            "invitation": invitation_link_token(self.key, number),
            "place": place_link_token(self.key, place.name),
        }
        return self._welcome(**tokens)

    def back(self, token: str) -> str:
        """The address of a session that has begun or may begin."""
        return f"{self.base}/session/{quote(token, safe='')}/"

    def of(self, listed: Iterable[Listed]) -> list[tuple[Listed, str]]:
        """Invitations, each with its link; "" for those that lead nowhere."""
        return [(one, "" if one.state in LEADS_NOWHERE else self.to(one.number)) for one in listed]

    def _welcome(self, **tokens: str) -> str:
        return f"{self.base}/listen/{quote(self.study, safe='')}?{urlencode(tokens)}"


def recruit(db: Session, study: str, given: Mapping[str, Any], note: Note, *, seen: str | None = None) -> Recruiting:
    """Set the recruiting of a study, all of it; the log names every setting that is another one now.

    ``seen`` is the ``fingerprint`` of what it is set over (None: whatever there is). Raises as ``recruiting.change``.
    """
    found = locked(db, lifecycle.current(db, study).study_id)
    before = recruiting_of(found)
    after = change(found, given, seen=seen)
    if changes := "; ".join(differences(before, after)):
        note(db, "study", f"{study}: recruiting changed: {changes}")
    return after


def wanted_of(db: Session, study: str, content: bytes) -> list[Wanted]:
    """The invitations that a list (a CSV file) asks for; AppError with a sentence per line that won't do."""
    groups = {group.name for group in recruiting_of(lifecycle.current(db, study).study).groups}
    return invitation_list.read(content, groups)


def invite(db: Session, study: str, wanted: Sequence[Wanted], note: Note) -> list[Listed]:
    """Make invitations, the first first; AppError where one won't do, and then none is made."""
    version = lifecycle.current(db, study)
    numbers = {one.id for one in invitations.create(db, version.study, wanted)}
    made, first = len(numbers), min(numbers)
    note(db, "invitation", f"{study}: {made} made, from number {first} on")
    return [one for one in invitations.listed(db, version.study_id, after=first - 1) if one.number in numbers]


def take_back(db: Session, study: str, number: int, note: Note) -> None:
    """Take an invitation back that nobody has used; raises as ``invitations.revoke``."""
    invitations.revoke(db, study, number)
    note(db, "invitation", f"{study}: invitation {number} taken back")


def call_next(db: Session, study: str, place: str, group: str, note: Note) -> tuple[Place, Invitation]:
    """An invitation for whoever sits down at that place now.

    Raises
    ------
    NotFoundError
        Where no such place is on record.
    TurnedAwayError
        Where the study has no place left for them.
    """
    found, version = places.current(db, place), lifecycle.taking(db, study)
    made = lab.next_listener(db, version, found, group, f"{found.name}, {now():%Y-%m-%d %H:%M}")
    note(db, "invitation", f"{study}: number {made.id} made at {found.name}")
    return found, made


def call_back(db: Session, study: str, place: str, note: Note, *, code: str, key: str) -> tuple[Place, str]:
    """The token of the session that a listener who comes back goes on with at that place, by the code that they have.

    ``key`` is the data folder's, which finds tokens again. Raises NotFoundError where no such place is on record, and
    as ``lab.come_back``.
    """
    found, version = places.current(db, place), lifecycle.current(db, study)
    token = lab.come_back(db, version.study_id, code, found, key)
    note(db, "invitation", f"{study}: a listener came back, at {found.name}")
    return found, token
