"""A test with more systems than fit on a page, from the set to the report: published, taken, exported, analysed."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_set
from commands import mushra
from server_guests import Guest, Served
from sqlalchemy import func, select

from mushra_app import export, ratings, schema
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.listener.pages import DonePage, TrialPage
from mushra_app.models import Clip, ListeningSession, Slot
from mushra_app.publish import publish
from mushra_app.security import secret_key, simulated_link_token
from mushra_app.simulated.ear import Ear, Listener
from mushra_app.simulated.walk import Walker

SYSTEMS, ON_PAGE, ITEMS, LISTENERS = 12, 5, 4, 3
NAMES = [f"sys-{n:02d}" for n in range(SYSTEMS)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with twelve systems, five of them on a page; clips of a tenth of a second."""
    folder = tmp_path_factory.mktemp("many")
    items = [
        {"song": f"Walrus {n}", "excerpt": {"start_s": n, "length_s": 1}, "use": "both" if n == 0 else "test"}
        for n in range(ITEMS)
    ]
    tiny_set.make(
        folder,
        sound=lambda item, condition: tiny_set.noise(item, condition)[: tiny_set.FRAMES // 10],
        items=items,
        systems=[{"name": name, "kind": "centre_cancellation"} for name in NAMES],
        analysis={"contrasts": [f"{NAMES[0]} - {NAMES[1]}", f"reference - {NAMES[0]}"]},
        test={"systems_per_page": ON_PAGE, "replicates": 1, "attention_checks": 1},
    )
    return folder


@pytest.fixture
def heard(many: Path, database: Database, either: Settings) -> Iterator[Database]:
    """Published on SQLite, then on PostgreSQL, with simulated listeners of a real server."""
    publish(many, database, either)
    address = {"MUSHRA_DATABASE_URL": either.database_url} if either.database_url else {}
    server = Served(either.data_dir, env={**os.environ, **address})
    try:
        link = f"{server.url}/listen/tiny?as={simulated_link_token(secret_key(either))}"
        ear = Ear()
        for number in range(1, LISTENERS + 1):
            assert Walker(Listener(1, number), ear).take(link) == 1 + 2 * ITEMS + 1
    finally:
        server.stop()
    yield database


@pytest.fixture
def embedded(settings: Settings) -> Iterator[Database]:
    """SQLite alone, for what is the same on both."""
    found = Database(settings)
    schema.require(found, settings)
    yield found
    found.close()


def test_from_a_published_set_to_the_report(heard: Database, many: Path, tmp_path: Path) -> None:
    with heard.reading() as db:
        rows = list(export.rows(db, "tiny"))
        slots = db.execute(select(func.count()).where(Slot.hidden).group_by(Slot.trial_id)).scalars().all()
    assert set(slots) == {3 + ON_PAGE}, "slots are stored for what stands on the page, and for nothing else"
    tested = [row for row in rows if not row["training"] and not row["attention_check"]]
    assert len(tested) == LISTENERS * 2 * ITEMS * (3 + ON_PAGE)
    pages: dict[tuple[str, str, int], set[str]] = {}
    for row in tested:
        pages.setdefault((row["listener"], row["item"], row["replicate"]), set()).add(row["condition"])
    assert all({"reference", "lowpass-3500", "lowpass-7000"} < page for page in pages.values())
    assert all(pages[who, item, 0] == pages[who, item, 1] for who, item, _ in pages), "replicates are of one subset"
    counted = Counter(name for (_, _, turn), page in pages.items() if turn == 0 for name in page if name in NAMES)
    assert set(counted) == set(NAMES) and set(counted.values()) == {LISTENERS * ITEMS * ON_PAGE // SYSTEMS}
    ratings.write_csv(tmp_path / "ratings.csv", rows)
    done = mushra("report", tmp_path / "ratings.csv", "--stimuli", many, "--out", tmp_path / "report.html")
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "report.html").read_text()
    assert "By design each page held 5 of the 12 systems" in told
    assert f"{LISTENERS * 2 * ITEMS * (SYSTEMS - ON_PAGE)} cells not on their page by design" in told
    assert "; 0 missing cells" in told


def test_a_page_shows_and_fetches_its_own_sounds_alone_and_files_tell_nothing(
    many: Path, embedded: Database, settings: Settings
) -> None:
    publish(many, embedded, settings)
    guest = Guest(embedded)
    while isinstance(page := _next(guest), TrialPage):
        assert len(page.sounds) == 3 + ON_PAGE and len(page.references) == 1
        assert len(page.next_sounds) in (0, 4 + ON_PAGE)
        guest.save(page)
    with embedded.reading() as db:
        for item in db.scalars(select(Clip.item_id).distinct()):
            stored = db.scalars(select(Clip.media_sha256).where(Clip.item_id == item)).all()
            sizes = {(settings.media_dir / f"{sha256}.flac").stat().st_size for sha256 in stored}
            assert len(stored) == 5 + SYSTEMS and len(sizes) == 1, "of all systems, whichever page they are on"


def _next(guest: Guest) -> TrialPage | DonePage:
    """The trial that is next, or what stands at the end."""
    while not isinstance(page := guest.page(), TrialPage | DonePage):
        guest.pass_by(page)
    return page


def test_people_take_up_the_row_where_the_last_one_stopped(many: Path, embedded: Database, settings: Settings) -> None:
    publish(many, embedded, settings)
    for number in range(SYSTEMS + 4):
        Guest(embedded, simulated=number % 4 == 1)  # programs have rows of their own
    with embedded.reading() as db:
        people = [
            {
                (trial.item.name, slot.clip.condition.name)
                for trial in sitting.trials
                if (trial.block, trial.replicate) == ("test", 0)
                for slot in trial.slots
                if slot.clip.role == "system"
            }
            for sitting in db.scalars(select(ListeningSession).order_by(ListeningSession.id))
            if not sitting.listener.simulated
        ]
    assert len(people) == SYSTEMS
    cells = Counter(cell for own in people for cell in own)
    items = {item for item, _ in cells}
    assert {cells[cell] for cell in itertools.product(items, NAMES)} == {ON_PAGE}, "every system with every item"
