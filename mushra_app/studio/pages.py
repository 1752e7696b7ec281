"""What the pages of the whole studio show: one frozen dataclass per page. Those of one study lie with its tabs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mushra_app.study.counting import Count


@dataclass(frozen=True)
class StudyRow:
    """One study in the list."""

    name: str
    title: str
    status: str
    count: Count
    ratings: int
    script_errors: int
    url: str
    draft: bool


@dataclass(frozen=True)
class StudiesPage:
    """All studies, or with ``archived`` those that were taken off the list; ``set_aside`` is how many those are."""

    studies: tuple[StudyRow, ...]
    archived: bool
    set_aside: int
    may_begin: bool


@dataclass(frozen=True)
class PlaceLink:
    """The address that is opened at a place for one study."""

    study: str
    title: str
    url: str


@dataclass(frozen=True)
class PlaceRow:
    """One listening place as it was last calibrated; ``off`` is a level that the standard does not allow."""

    name: str
    level_db_a: float
    off: bool
    transducer: str
    device: str
    calibrated_at: str
    links: tuple[PlaceLink, ...]


@dataclass(frozen=True)
class Calibration:
    """A calibration as it was typed."""

    name: str = ""
    level_db_a: str = ""
    transducer: str = ""
    device: str = ""


@dataclass(frozen=True)
class PlacesPage:
    """All listening places, and a form to write down a calibration; ``wrong`` says what of ``typed`` won't do.

    ``studies`` are those that take listeners, name and title: each has an alignment noise. Whoever
    may only look gets no form.
    """

    places: tuple[PlaceRow, ...]
    studies: Mapping[str, str]
    transducers: Mapping[str, str]
    allowed_db_a: tuple[float, float]
    typed: Calibration = Calibration()
    wrong: Mapping[str, str] = field(default_factory=dict)
    may_calibrate: bool = True


@dataclass(frozen=True)
class LoginPage:
    """A name and a password are asked for, the studio's key, or either; ``wanted`` is where to go on afterwards."""

    by_name: bool
    by_key: bool
    wanted: str = ""
    name: str = ""
    error: str = ""


@dataclass(frozen=True)
class TroublePage:
    """Something that can't be had in the studio, and why."""

    heading: str
    sentence: str


@dataclass(frozen=True)
class AccountPage:
    """Who is in, and a form for another password; without an account (``by_key``) there is none to change.

    ``shortest`` is how many characters a password has at least.
    """

    name: str
    role: str
    by_key: bool
    data_dir: str
    shortest: int
    error: str = ""
    changed: bool = False
