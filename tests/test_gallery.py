"""The gallery shows every page that there is, in every view, and nothing that is not listed."""

from __future__ import annotations

import re
from pathlib import Path

import gallery
from PIL import Image

from mushra_app.web import TEMPLATES


def test_every_page_of_the_app_is_shown() -> None:
    assert set(TEMPLATES.values()) == set(gallery.SHOWN.values()) | gallery.PARTS


def test_every_picture_is_there_and_of_its_views_width() -> None:
    expected = {f"{name}-{view}.png": size for name in gallery.SHOWN for view, size in gallery.VIEWS.items()}
    assert {path.name for path in gallery.OUT.iterdir()} == set(expected)
    for name, view in expected.items():
        with Image.open(gallery.OUT / name) as picture:
            assert picture.width == view["viewport"]["width"], name


def test_the_page_lists_the_pictures(root: Path) -> None:
    listed = re.findall(r'src="gallery/([^"]+)"', (root / "docs" / "gallery.md").read_text())
    assert sorted(listed) == sorted(path.name for path in gallery.OUT.iterdir())
