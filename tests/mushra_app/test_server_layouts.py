"""Ratings in other shapes: each holds the numbers of the long one, and is read by who it is for."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from careful_guests import listened
from click.testing import CliRunner
from server_guests import Guest

from analysis.reading import contract
from mushra_app import ratings, server_cli
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.errors import AppError
from mushra_app.export import rows
from mushra_app.study import layouts

TESTED = 3 * 2 * 5
"""Listeners, items and conditions."""


@pytest.fixture
def rated(published: Database) -> Database:
    """Three listeners finished, a fourth has begun."""
    listened(published, 3, comment='=HYPERLINK("x"), she said\nand "more"')
    begun = Guest(published)
    begun.save(begun.trial())
    return published


def written(database: Database, layout: str) -> list[dict[str, str]]:
    stream = io.StringIO()
    with database.reading() as db:
        layouts.write(stream, db, "tiny", layout)
    return list(csv.DictReader(io.StringIO(stream.getvalue()), strict=True))


def test_the_wide_shape_holds_the_long_ones_numbers(rated: Database) -> None:
    long = [row for row in written(rated, "long") if row["training"] == "false" and row["finished"] == "true"]
    assert len(long) == TESTED
    wide = written(rated, "wide")
    conditions = sorted({row["condition"] for row in long})
    assert list(wide[0])[-5:] == conditions and len(wide) == TESTED / 5
    found = {(page["listener"], page["item"], name): page[name] for page in wide for name in conditions}
    assert found == {(row["listener"], row["item"], row["condition"]): row["rating"] for row in long}


def test_a_condition_called_like_a_column_keeps_a_column_of_its_own() -> None:
    assert layouts._apart({"song": 1, "ours": 2}) == {"condition song": 1, "ours": 2}


def test_the_webmushra_shape_is_that_of_its_file(rated: Database) -> None:
    found = written(rated, "webmushra")
    assert ",".join(found[0]) == (
        "session_test_id,ears,remarks,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment"
    )
    assert len(found) == TESTED and {row["session_test_id"] for row in found} == {"tiny"}
    assert {row["rating_stimulus"] for row in found} == {"reference", "anchor35", "anchor70", "zebra-net", "quokka-sep"}
    assert {row["rating_score"] for row in found if row["rating_stimulus"] == "reference"} == {"100"}
    assert {(row["rating_time"], row["ears"], row["remarks"]) for row in found} == {("30500", "yes", "'=1+1")}
    assert {row["rating_comment"] for row in found} == {'\'=HYPERLINK("x"), she said\nand "more"'}


def test_parquet_is_read_as_the_csv_is(rated: Database, tmp_path: Path) -> None:
    with rated.reading() as db:
        assert layouts.write_parquet(tmp_path / "r.parquet", rows(db, "tiny")) == 3 * 15 + 5
        ratings.write_csv(tmp_path / "r.csv", rows(db, "tiny"))
    left, right = contract.read(tmp_path / "r.parquet"), contract.read(tmp_path / "r.csv")
    pd.testing.assert_frame_equal(left, right, check_dtype=False, rtol=1e-5)


@pytest.mark.parametrize("either", ["sqlite"], indirect=True)
def test_the_command_writes_every_shape(rated: Database, either: Settings, tmp_path: Path) -> None:
    def exported(name: str, layout: str) -> str:
        told = ["--data", str(either.data_dir), "--out", str(tmp_path / name), "--layout", layout]
        done = CliRunner().invoke(server_cli.export, told)
        return done.output or str(done.exception)

    assert "wide.csv: 6 pages" in exported("wide.csv", "wide")
    assert "w.csv: 30 ratings" in exported("w.csv", "webmushra")
    assert "r.parquet: 50 ratings" in exported("r.parquet", "long")
    assert "has the layout long" in exported("no.parquet", "wide") and not (tmp_path / "no.parquet").exists()
    assert sorted(path.name for path in tmp_path.glob("*.*") if path.is_file()) == ["r.parquet", "w.csv", "wide.csv"]
    with rated.reading() as db, pytest.raises(AppError, match="found 'tall'; expected one of long, wide, webmushra"):
        layouts.write(io.StringIO(), db, "tiny", "tall")
