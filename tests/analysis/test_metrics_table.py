"""The scored table: what is written is what is read, and what can't be read is said."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from analysis.errors import AnalysisError
from analysis.metrics.results import table

ROW = dict.fromkeys(table.COLUMNS, "") | {"item": 'Ä, "quoted"', "condition": "ours", "metric": "si_sdr_db"}
ROWS = [ROW | {"value": 0.1 + 0.2}, ROW | {"value": np.nan, "reason": "the estimate is silent"}]


def test_what_is_written_is_read(tmp_path) -> None:
    made = table.Scored(table.frame_of(ROWS), "abc", {"numpy": "2"}, ("a note",))
    table.write(tmp_path, made)
    found = table.read(tmp_path)
    assert found is not None and (found.stimuli_id, found.notes, found.versions) == ("abc", ("a note",), {"numpy": "2"})
    pd.testing.assert_frame_equal(found.frame, made.frame)
    assert found.frame["value"].tolist()[0] == 0.1 + 0.2 and found.frame["value"].dtype == float
    json.loads((tmp_path / "metrics.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    table.write_csv(tmp_path / "a.csv", made.frame)
    again = pd.read_csv(io.StringIO((tmp_path / "a.csv").read_text()), keep_default_na=False, na_values={"value": [""]})
    pd.testing.assert_frame_equal(again, made.frame, check_dtype=False)


def test_an_empty_table_and_none_at_all(tmp_path) -> None:
    assert table.read(tmp_path) is None
    table.write(tmp_path, table.Scored(table.frame_of([]), "abc"))
    found = table.read(tmp_path)
    assert found is not None and list(found.frame.columns) == list(table.COLUMNS) and found.frame.empty


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "can't be read as a scored table"),
        ("[]", "can't be read as a scored table"),
        ('{"schema_number": 2}', "schema 2, this release reads 1; score the set again"),
        ('{"schema_number": 1, "columns": ["song"], "rows": [[]]}', "can't be read as a scored table"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, text, sentence) -> None:
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(AnalysisError, match=sentence):
        table.read(tmp_path)
