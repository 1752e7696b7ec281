"""Who is in the studio, and what each of its addresses asks for: the one place that decides.

Every view of the studio says with ``needs`` what it needs, and ``enforce`` runs before each of them; a view that says
nothing answers nobody. Where the address names a study, the right is asked for of that study, and a study that
somebody may not see is answered as one that is not there. A view that makes another study of it needs both: a right to
that study, and (``in_general``) the one that belongs to no study.

The browser holds a signed cookie with the login's token. It is not bound to a network or a browser
(``SESSION_PROTECTION``): people change trains and browsers get updates, and the token can't be guessed.

Defines: ``needs``, ``enforce``, ``visitor``, ``door``, ``enter``, ``leave``, ``forget``, ``attach``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from mushra_app.people import logins, permissions
from mushra_app.people.logins import Visitor
from mushra_app.people.permissions import Right
from mushra_app.studio.pages import LoginPage
from mushra_app.study.lifecycle import no_such_study
from mushra_app.web import services, show
from mushra_app.words import say_later

View = TypeVar("View", bound=Callable[..., Any])
NEEDS, IN_GENERAL = "needs", "in_general"
LOOK_ONLY = say_later("Your account may look at this and change nothing; an owner can give it more.")
OWNERS_ONLY = say_later("This is for owners alone.")


class Person(UserMixin):
    """A visitor, as Flask-Login wants one."""

    def __init__(self, found: Visitor) -> None:
        self.visitor = found

    def get_id(self) -> str:
        """What the cookie remembers."""
        return self.visitor.token


def needs(right: Right, *, in_general: Right = Right.NONE) -> Callable[[View], View]:
    """Say what a view needs; ``Right.NONE`` is for everybody."""

    def mark(view: View) -> View:
        setattr(view, NEEDS, right)
        setattr(view, IN_GENERAL, in_general)
        return view

    return mark


def enforce() -> Any:
    """Let a request through to its view (None), or answer it."""
    view = current_app.view_functions[str(request.endpoint)]
    needed: Right = getattr(view, NEEDS)
    if needed == Right.NONE:
        return None
    found = visitor()
    if found is None:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
        return show(door(wanted)), 401
    study = (request.view_args or {}).get("study")
    with services().database.reading() as db:
        right, in_general = permissions.right_of(db, found, study), permissions.right_of(db, found)
    if right == Right.NONE:
        raise no_such_study(str(study))
    if right < needed or in_general < getattr(view, IN_GENERAL):
        abort(403, str(OWNERS_ONLY if needed == Right.OWN else LOOK_ONLY))
    return None


def visitor() -> Visitor | None:
    """Who is in, as of this request."""
    return current_user.visitor if current_user.is_authenticated else None


def door(wanted: str = "", *, error: str = "", name: str = "") -> LoginPage:
    """The page that asks for a name and a password, for the studio's key, or for either."""
    with services().database.reading() as db:
        by_name, by_key = logins.has_any(db), not logins.has_owner(db)
    return LoginPage(by_name=by_name, by_key=by_key, wanted=wanted, name=name, error=error)


def enter(token: str) -> None:
    """From here on this browser is in, with nothing left of what its cookie held before but the language."""
    with services().database.reading() as db:
        found = logins.visitor(db, token)
    assert found is not None
    forget()
    login_user(Person(found))


def leave() -> None:
    """From here on this browser is out, and copies of its cookie are."""
    if (found := visitor()) is not None:
        with services().database.writing() as db:
            logins.end(db, found.token)
    logout_user()
    forget()


def forget() -> None:
    """Empty the cookie; the language that was chosen outlives a login and its end."""
    for name in set(session) - {"language"}:
        del session[name]


def attach(app: Flask) -> None:
    """Let the app recognise who is in; templates ask with ``visitor()``."""
    manager = LoginManager()
    app.config["SESSION_PROTECTION"] = None
    # Not by init_app: for cookies that we don't use it looks at every answer's session, and Flask then says "Vary:
    # Cookie" of listeners' sounds; and it would put current_user into listeners' templates.
    app.login_manager = manager  # pyright: ignore[reportAttributeAccessIssue]
    app.jinja_env.globals["visitor"] = visitor

    @manager.user_loader
    def _load(token: str) -> Person | None:
        with services().database.reading() as db:
            found = logins.visitor(db, token)
        return Person(found) if found else None
