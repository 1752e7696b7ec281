"""What both blueprints share: the services of this process, and showing a page.

A page is one frozen dataclass, and its template gets exactly that as ``page``.
Defines: ``Services``, ``services``, ``show``, ``own_origins``, ``external_address``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template, request

from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener import pages as listener_pages
from mushra_app.studio import pages as studio_pages

TEMPLATES: dict[type, str] = {
    listener_pages.WelcomePage: "listener/welcome.html",
    listener_pages.QuestionsPage: "listener/questions.html",
    listener_pages.InstructionsPage: "listener/instructions.html",
    listener_pages.TrialPage: "listener/trial.html",
    listener_pages.DonePage: "listener/done.html",
    listener_pages.MessagePage: "listener/message.html",
    studio_pages.LoginPage: "studio/login.html",
    studio_pages.StudiesPage: "studio/studies.html",
    studio_pages.StudyPage: "studio/study.html",
    studio_pages.PlacesPage: "studio/places.html",
}


@dataclass(frozen=True)
class Services:
    """What the routes of one app work with."""

    settings: Settings
    database: Database


def services() -> Services:
    """The services of the app that answers this request."""
    return current_app.extensions["mushra"]


def show(page: Any) -> str:
    """The HTML of a page."""
    return render_template(TEMPLATES[type(page)], page=page)


def own_origins() -> tuple[str, ...]:
    """Origins that our own pages have: as this request came in, and as listeners see us."""
    external = services().settings.external_url
    return (request.host_url.rstrip("/"), *(("/".join(external.split("/")[:3]),) if external else ()))


def external_address(path: str) -> str:
    """A path of ours as listeners reach it."""
    return (services().settings.external_url or request.host_url.rstrip("/")) + path
