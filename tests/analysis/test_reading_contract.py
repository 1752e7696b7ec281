"""Exports read fast: what comes out is what the contract's own reader says, cell by cell."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.reading import cells, contract
from analysis.reading import export as reading
from mushra_app.conduct import sittings_of
from mushra_app.errors import RatingsError
from mushra_app.ratings import COLUMNS, Row, read_csv, write_csv
from stimuli.manifest import Manifest

CELLS = {
    str: st.sampled_from(["", "L01", "007", "None", "nan", "a,b", 'say "hm"', "two\nlines", " padded ", "Äß", "1.0"]),
    int: st.none() | st.integers(0, 2**60),
    float: st.none() | st.floats(0, 100),
    bool: st.none() | st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries({column.name: CELLS[column.type] for column in COLUMNS}), max_size=12)


def same(frame: pd.DataFrame, rows: list[Row]) -> bool:
    """Whether a frame holds exactly these rows, an empty cell for None."""
    found = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return found == rows and list(frame.columns) == [column.name for column in COLUMNS]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_the_fast_reader_reads_what_the_contract_reads(tmp_path: Path, rows: list[Row]) -> None:
    path = tmp_path / "ratings.csv"
    write_csv(path, rows)
    found = contract.read(path)
    big = [name for name in found if found[name].dtype == float and name not in ("rating", "heard_s")]
    expected = [row | {name: None if row[name] is None else float(row[name]) for name in big} for row in read_csv(path)]
    assert same(found, expected)
    pd.testing.assert_frame_equal(contract.frame_of(read_csv(path)), found)


def test_it_is_the_fast_reader_that_reads(tmp_path: Path, study: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_study.save(tmp_path / "ratings.csv", small_study.rows(study))
    expected = contract.read(path)

    def never(path: Path) -> list[Row]:
        raise AssertionError("a good file went through the slow reader")

    monkeypatch.setattr(contract, "read_csv", never)
    pd.testing.assert_frame_equal(contract.read(path), expected)


SPOILT = [
    ("rating", "loud", r"line 4: rating: found 'loud'; expected a number"),
    ("rating", "inf", r"line 4: rating: found inf; expected 0 to 100"),
    ("rating", "nan", r"line 4: rating: found nan; expected 0 to 100"),
    ("rating", "-0.1", r"line 4: rating: found -0.1; expected 0 to 100"),
    ("plays", "1.5", r"line 4: plays: found '1.5'; expected a whole number"),
    ("finished", "yes", r"line 4: finished: found 'yes'; expected true or false"),
]


@pytest.mark.parametrize(("column", "text", "sentence"), SPOILT)
def test_what_is_wrong_is_said_by_the_contract(
    tmp_path: Path, study: Manifest, column: str, text: str, sentence: str
) -> None:
    path = small_study.save(tmp_path / "ratings.csv", small_study.rows(study, listeners=1))
    with path.open(newline="") as stream:
        lines = list(csv.reader(stream))
    lines[3][lines[0].index(column)] = text
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    with pytest.raises(RatingsError, match=sentence):
        contract.read(path)


def test_a_run_is_the_same_from_different_rows_as_from_all(study: Manifest) -> None:
    draw = np.random.default_rng(4)
    rows = small_study.rows(study, listeners=6)
    for row in rows:  # sessions that switched differently, finished or not, altered sounds or not
        row["session"] = f"{row['listener']}-{draw.integers(2)}"
        row["fade_mode"], row["altered"] = draw.choice(["bs1534", "crossfade", ""]), draw.choice([None, 0, 3])
        row["finished"], row["level_db_a"] = bool(draw.integers(4)), draw.choice([None, 78.0, 70.0])
    rows = [
        {column.name: row.get(column.name, "" if column.type is str else None) for column in COLUMNS} for row in rows
    ]
    assert contract.sittings(contract.frame_of(rows)) == sittings_of(rows)
    assert len({sitting.level_db_a for sitting in sittings_of(rows)}) > 1


def test_parquet_holds_the_same_columns(tmp_path: Path, study: Manifest) -> None:
    """Types that a tool may have chosen are ours to understand."""
    path = small_study.save(tmp_path / "ratings.csv", small_study.rows(study, listeners=2))
    typed, file = contract.read(path), tmp_path / "ratings.parquet"
    table = typed.assign(slot=typed["slot"].astype(float), song=typed["song"].astype("category"))
    table.loc[0, "rating"] = np.nan
    table.to_parquet(file)
    found = contract.read(file)
    pd.testing.assert_frame_equal(found.drop(columns="rating"), typed.drop(columns="rating"), check_dtype=False)
    assert np.isnan(found["rating"].iloc[0]) and found["rating"].iloc[1:].equals(typed["rating"].iloc[1:])
    table.assign(rating="loud").to_parquet(file)
    with pytest.raises(AnalysisError, match=r"ratings\.parquet: rating: could not convert .*'loud'; export again"):
        contract.read(file)
    table.drop(columns="listener").to_parquet(file)
    with pytest.raises(AnalysisError, match="the columns listener are missing"):
        contract.read(file)
    file.write_bytes(b"not Parquet")
    with pytest.raises(AnalysisError, match="can't be read as Parquet"):
        contract.read(file)


def test_parquet_without_its_reader_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with pytest.raises(AnalysisError, match="Parquet files need pyarrow; install it with: pip install"):
        contract.read(tmp_path / "ratings.parquet")


def test_checks_are_kept_apart_with_their_ratings(tmp_path: Path, study: Manifest) -> None:
    rows = small_study.rows(study, listeners=2)
    checks = [row | {"attention_check": True, "session": "S9"} for row in rows if not row["training"]][:4]
    unfinished = [row | {"attention_check": True, "finished": False} for row in rows[:2]]
    found = reading.load(small_study.save(tmp_path / "r.csv", [*rows, *checks, *unfinished]), study)
    assert len(found.checks) == 4 and set(found.checks["session"]) == {"S9"} and found.attention_checks == 6
    assert found.study.systems == ("ours", "theirs", "classic") and found.study.mid_anchor == "lowpass-7000"


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n\n1,"x\ny"\n3,4\n', encoding="utf-8")
    found = cells.of_csv(tmp_path / "t.csv")
    assert found.lines.tolist() == [4, 5] and found.text("b").tolist() == ["x\ny", "4"]
    assert found.line_of("a", 1) == 5
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3\n", encoding="utf-8")
    with pytest.raises(AnalysisError, match="line 3: expected 2 cells, one per column, found 1"):
        cells.of_csv(tmp_path / "t.csv")


@pytest.mark.proof
def test_400000_ratings_are_read_within_five_seconds(tmp_path: Path) -> None:
    names = [column.name for column in COLUMNS]
    one = {c.name: {str: "x" * 20, int: "1", float: "78", bool: "true"}[c.type] for c in COLUMNS}
    with (tmp_path / "big.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        for n in range(400_000):
            writer.writerow(one | {"listener": f"L{n // 400}", "trial": n // 8, "rating": n % 101, "heard_s": n / 7})
    begun = time.perf_counter()
    found = contract.read(tmp_path / "big.csv")
    assert len(found) == 400_000 and time.perf_counter() - begun < 5
