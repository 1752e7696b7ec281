"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from stimuli.whole_files import whole_file


def test_two_who_write_the_same_file_at_once_are_not_in_each_others_way(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    with whole_file(path) as one, whole_file(path) as other:
        one.write_text("of one")
        other.write_text("of the other")
        assert not path.exists()
    assert path.read_text() == "of one" and list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), whole_file(path) as part:
        part.write_text("half of it")
        raise ZeroDivisionError
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
