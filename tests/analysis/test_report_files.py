"""What the report command writes besides the page: JSON by its schema, tables, pictures; and the text of a plan."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import jsonschema
import pytest
import small_study
from click.testing import CliRunner

from analysis.cli import preregister
from analysis.cli import report as command
from analysis.report import page
from stimuli.manifest import Manifest

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "report.schema.json"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, study_folder: Path, study: Manifest) -> Path:
    """A folder with everything that one run of the command writes, of three items."""
    folder = tmp_path_factory.mktemp("written")
    kept = [row for row in small_study.rows(study) if row["item"] in ("Song 0", "Song 1", "Song 2")]
    ratings = small_study.save(folder / "ratings.csv", kept)
    asked = ["--contrast", "ours - theirs", "--contrast", "ours - lowpass-7000", "--margin", "4", "--exclude", "none"]
    places = ["--out", str(folder / "r.json"), "--tables", str(folder / "tables"), "--figures", str(folder / "figures")]
    arguments = [str(ratings), "--stimuli", str(study_folder), "--format", "json", *places, *asked]
    said = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert said.exit_code == 0 and said.output.count("deviation: Asked for on the command line") == 3
    return folder


def test_the_committed_schema_is_the_reports_and_holds_of_what_is_written(written: Path) -> None:
    schema = page.json_schema()
    if os.environ.get("MUSHRA_RENEW") == "schema":
        SCHEMA.write_text(json.dumps(schema, indent=1) + "\n", encoding="utf-8")
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema, "renew it: MUSHRA_RENEW=schema pytest …"
    found = json.loads((written / "r.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(found)
    found["sections"][0]["conditions"][0]["mean"] = "large"
    with pytest.raises(jsonschema.ValidationError, match="'large' is not of type 'number'"):
        jsonschema.Draft202012Validator(schema).validate(found)


def test_what_was_asked_for_is_tested_and_called_exploratory(written: Path) -> None:
    found = json.loads((written / "r.json").read_text(encoding="utf-8"))
    (section,) = found["sections"]
    assert section["status"] == "exploratory" and len(found["deviations"]) == 4  # and 8 listeners of 20
    assert [row["contrast"] for row in section["general"]["contrasts"]] == ["ours - theirs", "ours - lowpass-7000"]
    assert section["screening"] == [] and found["plan"]["exclude"] == []
    assert all(row["p_equivalence"] > 0.5 for row in section["general"]["contrasts"]), "15 and 20 points are no 4"


def test_every_table_is_a_csv_and_a_latex_file_with_the_reports_numbers(written: Path) -> None:
    names = {path.name for path in (written / "tables").iterdir()}
    assert {name.removesuffix(".csv") for name in names if name.endswith(".csv")} == {
        name.removesuffix(".tex") for name in names if name.endswith(".tex")
    }
    assert {"overall-conditions.csv", "overall-general-contrasts.csv", "overall-these-effects.csv"} <= names
    with (written / "tables" / "overall-general-contrasts.csv").open(encoding="utf-8") as stream:
        (first, _) = csv.DictReader(stream)
    data = json.loads((written / "r.json").read_text(encoding="utf-8"))["sections"][0]["general"]["contrasts"][0]
    assert float(first["difference"]) == data["difference"] and first["contrast"] == "ours - theirs"
    latex = (written / "tables" / "overall-general-contrasts.tex").read_text(encoding="utf-8")
    assert latex.startswith("\\begin{tabular}") and "\\toprule" in latex and f"{data['difference']:.3f}" in latex
    assert "p adjusted" in latex and "p_adjusted" not in latex


def test_every_figure_is_an_svg_and_a_pdf_file(written: Path) -> None:
    names = sorted(path.name for path in (written / "figures").iterdir())
    stems = {name.rpartition(".")[0] for name in names}
    assert {"overall-conditions", "overall-contrasts", "overall-residuals", "overall-cells-song-0"} <= stems
    assert len(names) == 2 * len(stems)
    for stem in stems:
        assert (written / "figures" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
        drawn = (written / "figures" / f"{stem}.svg").read_text(encoding="utf-8")
        assert drawn.startswith("<?xml") and "currentColor" not in drawn and "var(--" not in drawn


def test_a_figures_files_are_the_same_to_the_byte_when_drawn_again(written: Path, study_folder: Path) -> None:
    again = written / "again"
    arguments = [str(written / "ratings.csv"), "--stimuli", str(study_folder), "--out", str(written / "again.html")]
    CliRunner().invoke(command, [*arguments, "--figures", str(again)], catch_exceptions=False)
    for name in ("overall-conditions.pdf", "overall-cells-song-1.svg"):
        assert (again / name).read_bytes() == (written / "figures" / name).read_bytes()


def test_a_plan_is_printed_or_written(tmp_path: Path, write_example: Path) -> None:
    said = CliRunner().invoke(preregister, [str(write_example)], catch_exceptions=False)
    assert said.output.startswith("# Preregistration: ")
    CliRunner().invoke(preregister, [str(write_example), "--out", str(tmp_path / "p.md")], catch_exceptions=False)
    assert (tmp_path / "p.md").read_text(encoding="utf-8") == said.output


@pytest.fixture
def write_example(tmp_path: Path) -> Path:
    """The commented starter, which names everything that a plan has."""
    from stimuli.starter import write_example

    write_example(tmp_path / "experiment.toml")
    return tmp_path / "experiment.toml"
