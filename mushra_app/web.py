"""What both blueprints share: the services of this process, and showing a page.

A page is one frozen dataclass, and its template gets exactly that as ``page``. Its language is that of the listener's
session, of the link (``?lang=de``) or of the browser, in this order.
Defines: ``Services``, ``services``, ``show``, ``LANGUAGES``, ``language``, ``remember_language``, ``in_language``,
``script_words``, ``own_origins``, ``external_address``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from babel.messages.mofile import read_mo
from flask import current_app, g, render_template, request, url_for
from flask_babel import refresh

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener import pages as listener_pages
from mushra_app.serving.answers import Delivery
from mushra_app.studio import pages as studio_pages
from mushra_app.studio.accounts import pages as account_pages
from mushra_app.studio.design.pages import DesignPage, FindingsPage, NewStudyPage
from mushra_app.studio.listeners.pages import LabPage, ListenersPage, TicketsPage
from mushra_app.studio.live.pages import ListenerPage, LivePage
from mushra_app.studio.results.pages import ErasurePage, ResultsPage, WithdrawalPage
from mushra_app.studio.sounds.pages import PublishPage, SoundsPage
from mushra_app.studio.test.pages import TestPage

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""Of our own words, and what each calls itself."""
WRITTEN_IN = "en"
TEMPLATES: dict[type, str] = {
    listener_pages.WelcomePage: "listener/welcome.html",
    listener_pages.QuestionsPage: "listener/questions.html",
    listener_pages.InstructionsPage: "listener/instructions.html",
    listener_pages.LevelPage: "listener/level.html",
    listener_pages.CheckPage: "listener/check.html",
    listener_pages.TrialPage: "listener/trial.html",
    listener_pages.DonePage: "listener/done.html",
    listener_pages.MessagePage: "listener/message.html",
    listener_pages.WithdrawPage: "listener/withdraw.html",
    studio_pages.LoginPage: "studio/login.html",
    studio_pages.TroublePage: "studio/trouble.html",
    studio_pages.AccountPage: "studio/account.html",
    studio_pages.StudiesPage: "studio/studies.html",
    NewStudyPage: "studio/new.html",
    DesignPage: "studio/design.html",
    FindingsPage: "studio/design_findings.html",
    TestPage: "studio/test.html",
    ListenersPage: "studio/listeners.html",
    TicketsPage: "studio/tickets.html",
    LabPage: "studio/lab.html",
    LivePage: "studio/live.html",
    ResultsPage: "studio/results.html",
    WithdrawalPage: "studio/withdrawal.html",
    ErasurePage: "studio/erasure.html",
    studio_pages.PlacesPage: "studio/places.html",
    account_pages.CodePage: "studio/code.html",
    account_pages.SecondFactorPage: "studio/second-factor.html",
    account_pages.TokensPage: "studio/tokens.html",
    account_pages.PeoplePage: "studio/people.html",
    account_pages.PersonPage: "studio/person.html",
    account_pages.JoinPage: "studio/join.html",
    account_pages.AccessPage: "studio/access.html",
    account_pages.AuditPage: "studio/audit.html",
    PublishPage: "studio/publish.html",
    SoundsPage: "studio/sounds.html",
    ListenerPage: "studio/listener.html",
}


@dataclass(frozen=True)
class Services:
    """What the routes of one app work with."""

    settings: Settings
    database: Database
    delivery: Delivery


def services() -> Services:
    """The services of the app that answers this request."""
    return current_app.extensions["mushra"]


def show(page: Any) -> str:
    """The HTML of a page."""
    return render_template(TEMPLATES[type(page)], page=page)


def language() -> str:
    """The language of the page that is being made: one of ``LANGUAGES``."""
    chosen = g.get("language") or request.args.get("lang")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES, WRITTEN_IN)


def remember_language(chosen: str) -> None:
    """From here on this request is answered in the language of a session; "" leaves it as it was."""
    g.language = chosen
    refresh()


def in_language(chosen: str, here: str = "") -> str:
    """The address of this page in another language; whatever else the link says stays as it is.

    What answers a form may have an address that can't be opened. ``here`` is where the form is, "" at the same address.
    """
    if request.method == "GET" or (
        not here and current_app.url_map.bind_to_environ(request.environ).test(method="GET")
    ):
        here = f"{request.script_root}{request.path}?{urlencode(request.args.to_dict())}"
    address, _, query = (here or url_for("studio.studies")).partition("?")
    return f"{address}?{urlencode(dict(parse_qsl(query)) | {'lang': chosen})}"


def script_words() -> dict[str, str]:
    """What the pages' scripts say, by its English, in the language of this page; nothing for English itself."""
    return _script_words(language())


@lru_cache
def _script_words(chosen: str) -> dict[str, str]:
    path = Path(current_app.root_path) / "translations" / chosen / "LC_MESSAGES" / "scripts.mo"
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        return {str(message.id): str(message.string) for message in read_mo(stream) if message.id}


def own_origins() -> tuple[str, ...]:
    """Origins that our own pages have: as this request came in, and as listeners see us."""
    external = services().settings.external_url
    return (request.host_url.rstrip("/"), *(("/".join(external.split("/")[:3]),) if external else ()))


def external_address(path: str) -> str:
    """A path of ours as listeners reach it."""
    return (services().settings.external_url or request.host_url.rstrip("/")) + path
