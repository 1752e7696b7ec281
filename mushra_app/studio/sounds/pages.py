"""What the tab "Sounds" shows, and the page that publishes a set."""

from __future__ import annotations

from dataclasses import dataclass

from mushra_app.studio.tabs import StudyHead
from mushra_app.study.work import Works


@dataclass(frozen=True)
class PublishPage:
    """An archive to send, or for owners a folder of the server; ``errors`` say why what was sent was not taken."""

    largest_mb: int
    from_folder: bool
    folder: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A rule that is broken: what it says, and who asks for it. ``places`` are the clips it means, with their cards."""

    rule: str
    severity: str
    authority: str
    message: str
    places: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Card:
    """One clip of an item: how it looks, how loud it is, and which rules it breaks, the gravest first.

    ``wave`` is the outline as an SVG path, empty where none is drawn.
    """

    id: str
    clip: int
    condition: str
    role: str
    lufs: float
    gain_db: float
    true_peak_dbtp: float
    length_s: float
    marks: tuple[Mark, ...]
    wave: str


@dataclass(frozen=True)
class ItemRow:
    """One item, its clips side by side."""

    name: str
    song: str
    start_s: float
    length_s: float
    target: str
    dataset: str
    use: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Made:
    """How the clips of a condition came to be; ``weights`` are names of files with their SHA-256, shortened."""

    condition: str
    kind: str
    version: str
    weights: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SoundsPage:
    """The contact sheet of one version; ``works`` is how far its pictures are.

    ``shown`` is the version's number and ``others`` are those of the others; ``published`` is what publishing it from
    the browser did, where that has just been done.
    """

    head: StudyHead
    shown: int
    status: str
    others: tuple[int, ...]
    published: str
    broken: tuple[Mark, ...]
    met: tuple[Mark, ...]
    items: tuple[ItemRow, ...]
    conditions: tuple[str, ...]
    made: tuple[Made, ...]
    works: Works
    box: tuple[int, int]
    error: str = ""
