"""Names of studies: what one may be called, which are taken, and which none can have.

The studio's addresses, or the server's, begin with ``RESERVED``; a test holds the list against the addresses that
there are. Defines: ``RESERVED``, ``require_free``, ``require_new``, ``taken``, ``free_like``.
"""

from __future__ import annotations

import re
from itertools import count

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app.errors import AppError, ConflictError
from mushra_app.models import Study
from mushra_app.words import say
from stimuli.experiment import Slug

RESERVED = frozenset(
    (
        *("account", "api", "audit", "healthz", "listen", "login", "logout", "metrics", "new", "people", "places"),
        *("publish", "readyz", "session", "static", "studio", "withdraw"),
    )
)
NUMBERED = re.compile(r"(.+)-(\d{1,2})")
LONGEST_STEM = 58
"""Of a name that is numbered: with a hyphen and five digits it is as long as a name may be."""


def require_free(name: str) -> None:
    """Refuse a name that is an address already.

    Raises
    ------
    AppError
        Where it is one.
    """
    if name in RESERVED:
        raise AppError(say("The name: “%(name)s” is an address of the studio itself; take another", name=name))


def require_new(db: Session, name: str) -> None:
    """Refuse what no new study can be called.

    Raises
    ------
    AppError
        Where the name won't do.
    ConflictError
        Where there is a study of that name, seen or not.
    """
    try:
        TypeAdapter(Slug).validate_python(name)
    except ValidationError:
        raise AppError(
            say(
                "The name: found “%(name)s”; expected 1 to 64 of a to z, 0 to 9 and hyphens, such as singing-2027: it "
                "stands in the listeners' link",
                name=name[:80],
            )
        ) from None
    require_free(name)
    if db.scalar(select(Study.id).where(Study.name == name)) is not None:
        raise taken(name)


def taken(name: str) -> ConflictError:
    """What is said where somebody has that name already, or was faster."""
    return ConflictError(say("There is a study “%(name)s” already; take another name", name=name))


def free_like(db: Session, name: str) -> str:
    """The name with the next number that no study has: tiny-2 after tiny, tiny-3 after tiny-2; a year is no number."""
    numbered = NUMBERED.fullmatch(name)
    stem, first = (numbered[1], int(numbered[2]) + 1) if numbered else (name, 2)
    stem = stem[:LONGEST_STEM].rstrip("-") + "-"
    known = set(db.scalars(select(Study.name).where(Study.name.startswith(stem, autoescape=True))))
    return next(free for number in count(first) if (free := f"{stem}{number}") not in known)
