"""A secret that one page shows once: it waits in the browser's cookie from the form that made it to the page that
follows, so that neither a reload nor the way back makes a second one.

The cookie is signed and not encrypted, goes to no script, and ends with the login: whoever can read it there could have
read the page. It is kept nowhere else, as the database has the hashes of such secrets only.

Defines: ``keep``, ``take``.
"""

from __future__ import annotations

from flask import session

KEPT = "shown once: "


def keep(what: str, secret: str) -> None:
    """Hand a secret on to the next page that takes it."""
    session[KEPT + what] = secret


def take(what: str) -> str:
    """The secret that the form before handed on, which is gone then; "" where there is none."""
    kept = KEPT + what
    return session.pop(kept) if kept in session else ""
