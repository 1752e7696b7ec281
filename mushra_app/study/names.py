"""Names that no study can have, because the studio's addresses, or the server's, begin with them.

A test holds the list against the addresses that there are. Defines: ``RESERVED``, ``require_free``.
"""

from __future__ import annotations

from mushra_app.errors import AppError
from mushra_app.words import say

RESERVED = frozenset(
    (
        *("account", "api", "audit", "healthz", "listen", "login", "logout", "metrics", "new", "people", "places"),
        *("publish", "readyz", "session", "static", "studio", "withdraw"),
    )
)


def require_free(name: str) -> None:
    """Refuse a name that is an address already.

    Raises
    ------
    AppError
        Where it is one.
    """
    if name in RESERVED:
        raise AppError(say("The name: “%(name)s” is an address of the studio itself; take another", name=name))
