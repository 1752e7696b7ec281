"""The report as a whole: from files to page and JSON, and what it says where little can be said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import small_study
from click.testing import CliRunner
from commands import mushra

from analysis.cli import report as command
from analysis.report import assemble, page
from analysis.report.assemble import Report, Source
from mushra_app.ratings import Row
from stimuli import manifest as manifests
from stimuli.errors import HiddenReferenceError
from stimuli.manifest import LeftOut, Manifest, RuleResult


@pytest.fixture(scope="module")
def rows(study: Manifest) -> list[Row]:
    """Eight listeners."""
    return small_study.rows(study)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, study_folder: Path, rows: list[Row]) -> Report:
    """The report of these eight."""
    return assemble.assemble(Source(small_study.save(tmp_path_factory.mktemp("usual") / "r.csv", rows), study_folder))


@pytest.fixture
def reported(tmp_path: Path, study_folder: Path) -> Callable[[list[Row]], Report]:
    """Rows to report, over a file."""
    return lambda rows: assemble.assemble(Source(small_study.save(tmp_path / "ratings.csv", rows), study_folder))


def only(rows: list[Row], **wanted: Any) -> list[Row]:
    """Rows with one of these values in each of these columns."""
    return [row for row in rows if all(row[name] in values for name, values in wanted.items())]


def published(found: Report) -> tuple[str, dict[str, Any]]:
    """Page and JSON of a report; both must always be possible."""
    return page.html(found), json.loads(page.as_json(found))


def test_the_command_writes_page_and_json(tmp_path: Path, study_folder: Path, rows: list[Row]) -> None:
    ratings = small_study.save(tmp_path / "ratings.csv", only(rows, item=["Song 0"]))
    for form in ("html", "json"):
        arguments = [str(ratings), "--stimuli", str(study_folder), "--out", str(tmp_path / form), "--format", form]
        said = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert said.exit_code == 0 and "ours was rated" in said.output
    assert "<svg" in (tmp_path / "html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "json").read_text(encoding="utf-8"))["schema_number"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["html", "json", "ratings.csv"]


def test_running_twice_gives_the_same_bytes(tmp_path: Path, study_folder: Path, rows: list[Row]) -> None:
    ratings = small_study.save(tmp_path / "ratings.csv", only(rows, item=["Song 0"]))
    code = "import sys; from mushra_app.cli import main; sys.argv[0] = 'mushra'; main()"
    arguments = ["report", str(ratings), "--stimuli", str(study_folder), "--out"]
    subprocess.run([sys.executable, "-c", code, *arguments, "one.html"], cwd=tmp_path, check=True, capture_output=True)
    assert mushra(*arguments, "two.html", cwd=tmp_path).returncode == 0, "in a process with other hashes of strings"
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


class Requests(HTMLParser):
    """Collects what a browser would ask for, and the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag."""
        self.tags.add(tag)
        self.asked += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "xlink:href")]


def test_the_page_asks_nobody_for_anything(usual: Report) -> None:
    html = page.html(usual)
    seen = Requests()
    seen.feed(html)
    assert not {"script", "link", "iframe", "img", "object"} & seen.tags
    assert all(address.startswith("#") for address in seen.asked)
    assert "@import" not in html and not re.search(r"url\((?!#)", html)
    assert "A small &lt;study&gt; &amp; its ratings" in html and "A small <study>" not in html


def test_the_order_of_the_page(usual: Report) -> None:
    html = page.html(usual)
    parts = ["ours was rated", "Figure 1.", "Figure 2.", "Planned contrasts", "Item by item", "Screening of listeners"]
    parts = [parts[0], parts[1], parts[3], parts[2], *parts[4:], "Objective metrics", "<h2>Methods", "<h2>Appendix"]
    places = [html.index(part) for part in parts]
    assert places == sorted(places)
    figure = html[html.index("<svg") : html.index("</svg>")]
    names = re.findall(r">(reference|ours|theirs|classic|lowpass-\d+)<", figure)
    assert names == ["reference", "ours", "theirs", "classic", "lowpass-7000", "lowpass-3500"]


def test_people_are_not_marked_and_simulated_ratings_are_everywhere(
    usual: Report, reported: Callable[[list[Row]], Report], rows: list[Row]
) -> None:
    html, data = published(usual)
    assert "imulated" not in re.sub(r"<style>.*?</style>", "", html, flags=re.S) and data["simulated"] is False
    few = only(rows, item=["Song 0"])
    left_out = few[-1] | {"simulated": True, "finished": False}
    assert "none of them is among these listeners" in page.html(reported([*few[:-1], left_out]))
    html, data = published(reported([*few[:-1], few[-1] | {"simulated": True}]))
    assert data["sections"][0]["conclusion"][0].startswith("For exactly these items, as 8 listeners (simulated) heard")
    assert data["simulated"] is True and 'class="banner"' in html and "<title>SIMULATED" in html
    assert html.count("Simulated ratings, not people’s.") == html.count("<figcaption>") == 4


def test_the_statistics_in_the_json_are_those_of_the_page(usual: Report) -> None:
    html, data = published(usual)
    (section,) = data["sections"]
    ours = section["conditions"][1]
    assert ours["condition"] == "ours" and f"<td>{ours['mean']:.1f}</td>" in html
    for contrasts in (section["these"]["contrasts"], section["general"]["contrasts"]):
        assert [row["p_adjusted"] < 0.05 for row in contrasts] == [True, True, True]
    assert section["these"]["friedman"]["df"] == 5 and "χ²(5)" in html and "figures" not in section
    assert section["agreement"]["metrics"][0]["conditions"] == 5 and section["agreement"]["conditions"][0]["value"] > 0


def test_renaming_a_system_renames_it_and_changes_nothing_else(
    usual: Report, reported: Callable[[list[Row]], Report], rows: list[Row]
) -> None:
    swap = {"ours": "theirs", "theirs": "ours"}
    swapped = [row | {"condition": swap.get(row["condition"], row["condition"])} for row in rows]
    before, after = usual.sections[0], reported(swapped[::-1]).sections[0]
    means = [{row.condition: row.mean for row in section.conditions} for section in (before, after)]
    assert means[0] == pytest.approx({swap.get(name, name): mean for name, mean in means[1].items()})
    assert before.these.friedman == pytest.approx(after.these.friedman)
    assert before.these.contrasts[0].difference == pytest.approx(-after.these.contrasts[0].difference)
    assert before.general and after.general
    assert before.general.contrasts[0].difference == pytest.approx(-after.general.contrasts[0].difference)
    assert before.general.contrasts[0].p_adjusted == pytest.approx(after.general.contrasts[0].p_adjusted)


def test_a_bad_listener_is_excluded_and_the_change_shown(
    reported: Callable[[list[Row]], Report], rows: list[Row]
) -> None:
    bad = [
        row | {"rating": 40.0} if row["listener"] == "L03" and row["role"] == "hidden_reference" else row
        for row in rows
    ]
    html, data = published(reported(bad))
    section = data["sections"][0]
    assert section["excluded"] == ["L03"] and (section["listeners"], section["kept"]) == (8, 7)
    assert "Excluded 1 of 8 listeners: L03." in html and "on 7 of 7 trials" in html
    assert section["sensitivity"][0]["before"] == pytest.approx(92.5) and section["sensitivity"][0]["after"] == 100


def study_with(folder: Path, **changes: Any) -> Manifest:
    """A set of its own whose manifest says something more."""
    manifest = small_study.build(folder, small_study.experiment()).model_copy(update=changes)
    manifests.write(folder, manifest)
    return manifest


def test_a_broken_must_takes_the_name_away(tmp_path: Path) -> None:
    rule = RuleResult(rule="low-anchor", clause="5.1", severity="must", passed=False, message="no 3.5 kHz anchor")
    manifest = study_with(tmp_path, rules=(rule,), left_out=(LeftOut(system="absent", reason="needs torch"),))
    found = assemble.assemble(Source(small_study.save(tmp_path / "r.csv", small_study.rows(manifest)), tmp_path))
    html, data = published(found)
    assert data["method"] == "multi-stimulus test" and "MUSHRA" not in data["methods"]
    assert "no 3.5 kHz anchor" in html and "absent: needs torch" in html
    assert "The system absent was left out: needs torch" in data["deviations"]


def test_how_items_were_chosen_and_gains_of_their_own_are_said_beside_the_conclusion(tmp_path: Path) -> None:
    broken = {"severity": "should", "passed": False, "message": "chosen by the outputs; such items can't speak"}
    rules = [RuleResult(rule=rule, clause="7", **broken) for rule in ("excerpts-by-outputs", "fixed-gain", "items")]
    manifest = study_with(tmp_path, rules=tuple(rules))
    found = assemble.assemble(Source(small_study.save(tmp_path / "r.csv", small_study.rows(manifest)), tmp_path))
    html, data = published(found)
    assert [caution.rpartition("(")[2] for caution in data["cautions"]] == ["excerpts-by-outputs).", "fixed-gain)."]
    assert html.count('<p class="problem">chosen by the outputs') == 2 and data["method"] == "MUSHRA test"


def test_other_switching_takes_the_name_away(reported: Callable[[list[Row]], Report], rows: list[Row]) -> None:
    few = only(rows, item=["Song 0", "Song 7"])
    assert published(reported(few))[1]["method"] == "MUSHRA test"
    changed = [row | {"fade_mode": "crossfade"} if row == few[0] else row for row in few]
    html, data = published(reported(changed))
    assert data["method"] == "multi-stimulus test"
    assert "Switching faded out for 5 ms, then in for 5 ms and cross-faded for 5 ms with equal gain; the" in html
    assert [rule["rule"] for rule in data["rules_not_met"]] == ["run-switching"]
    top, _, below = html.partition('<div class="conclusion">')
    assert 'no MUSHRA test because of the rule <a href="#rules">run-switching</a> · study' in top
    assert "<b>run-switching</b> (must, BS.1534-3, 5.3): 1 of 8 sessions with other switching" in below


def test_the_test_as_run_earns_the_name_or_the_report_says_what_is_missing(
    reported: Callable[[list[Row]], Report], rows: list[Row]
) -> None:
    changed = [row | {"level_db_a": None, "experience": ""} for row in rows if not row["training"]]
    html, data = published(reported(changed))
    assert [rule["rule"] for rule in data["rules_not_met"]] == ["run-training", "run-assessors", "run-level"]
    assert data["method"] == "multi-stimulus test" and "no MUSHRA test because of the rules" in html
    assert "no MUSHRA test" not in published(reported(rows))[0]


def test_a_condition_is_compared_with_its_metric_on_the_same_items(tmp_path: Path) -> None:
    manifest = small_study.build(tmp_path, small_study.experiment())
    clip = next(clip for clip in manifest.clips if (clip.item, clip.condition) == ("Song 0", "ours"))
    (tmp_path / clip.file).write_text("not a sound")
    (section,) = assemble.assemble(
        Source(small_study.save(tmp_path / "r.csv", small_study.rows(manifest)), tmp_path)
    ).sections
    assert section.agreement is not None
    ours = next(row for row in section.agreement.conditions if row.condition == "ours")
    heard = [row.mean for row in section.cells if row.condition == "ours" and row.item != "Song 0"]
    assert ours.items == len(heard) == 6
    assert ours.rating == pytest.approx(sum(heard) / 6)


@pytest.mark.parametrize("target", ["items in general", "these items"])
def test_what_the_plan_asks_about_stands_first(tmp_path: Path, target: str) -> None:
    manifest = small_study.build(tmp_path, small_study.experiment(inference=target))
    found = assemble.assemble(Source(small_study.save(tmp_path / "r.csv", small_study.rows(manifest)), tmp_path))
    first, second = found.sections[0].conclusion
    general = "For items in general, as 8 listeners heard a sample of them: ours was rated"
    these = "For exactly these items, as 8 listeners heard them: ours was rated"
    expected = (general, these) if target == "items in general" else (these, general)
    assert (first.startswith(expected[0]), second.startswith(expected[1])) == (True, True)


def test_each_attribute_has_a_section_and_work_on_it_is_told_by_its_name(tmp_path: Path) -> None:
    plain = small_study.experiment()
    second = plain.attributes[0].model_copy(update={"name": "vocals", "question": "How much singing is left?"})
    manifest = small_study.build(tmp_path, plain.model_copy(update={"attributes": (*plain.attributes, second)}))
    rows = only(small_study.rows(manifest), item=["Song 0", "Song 1"])
    both = rows + [row | {"attribute": "vocals"} for row in rows]
    told: list[str] = []
    source = Source(small_study.save(tmp_path / "r.csv", both), tmp_path)
    html, data = published(assemble.assemble(source, tell=told.append))
    assert told[:3] == ["reading", "metrics", "overall: screening"] and told[-1] == "vocals: figures"
    assert [part.partition(": ")[0] for part in told[2:]] == sorted(part.partition(": ")[0] for part in told[2:])
    assert [section["attribute"] for section in data["sections"]] == ["overall", "vocals"]
    assert "How much singing is left?" in html and "Figure 2.1." in html


LITTLE: dict[str, tuple[Callable[[list[Row]], list[Row]], str]] = {
    "one listener": (lambda rows: only(rows, listener=["L00"]), "needs 2 listeners who rated everything"),
    "one condition": (
        lambda rows: only(rows, condition=["ours"]),
        "ours - theirs can&#39;t be made: theirs was not heard",
    ),
    "no anchor": (
        lambda rows: [row for row in rows if row["condition"] != "lowpass-7000"],
        "rule bs1534-mid-anchor could not be applied: no lowpass-7000 was rated",
    ),
    "all equal": (lambda rows: [row | {"rating": 50.0} for row in rows], "All ratings are equal (50)"),
    "all equal to the best": (lambda rows: [row | {"rating": 100.0} for row in rows], "All ratings are equal (100)"),
    "all excluded": (
        lambda rows: [row | {"rating": 50.0} if row["condition"] == "reference" else row for row in rows],
        "Every listener was excluded by the screening; all results are those before screening.",
    ),
    "two listeners": (lambda rows: only(rows, listener=["L00", "L01"]), "Only 2 listeners are left"),
    "two of opposite opinions": (
        # What one gave, the other takes away: the mean over both has a reliability without a lower limit.
        lambda rows: [
            row | {"rating": 100.0 - twin["rating"] + 2 * (number % 2)} if row["listener"] == "L01" else row
            for pair in [only(rows, listener=[name]) for name in ("L00", "L01")]
            for number, (row, twin) in enumerate(zip(pair, only(rows, listener=["L00"]), strict=True))
        ],
        "at most ",
    ),
    "two of one opinion": (
        lambda rows: [
            row | {"rating": twin["rating"]}
            for pair in [only(rows, listener=[name]) for name in ("L00", "L01")]
            for row, twin in zip(pair, only(rows, listener=["L00"]), strict=True)
        ],
        "Only 2 listeners are left",
    ),
    "one rating": (
        lambda rows: only(rows, training=[False])[3:4],
        "No planned contrast could be tested on listener means.",
    ),
    "one system": (
        lambda rows: only(rows, condition=["ours", "reference"]),
        "No planned contrast could be tested for items in general.",
    ),
    "one item": (
        lambda rows: only(rows, item=["Song 0"]),
        "Nothing can be said of items in general: there are ratings of 1 item, not of two.",
    ),
    "a hole": (
        lambda rows: rows[1:],
        "1 of 16 trials lack the rating of a condition: the means of a listener&#39;s conditions",
    ),
    "few trials": (
        lambda rows: only(rows, item=["Song 0"]),
        "One slip is enough to be excluded by bs1534-hidden-reference",
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", LITTLE)
def test_what_little_can_be_said_is_said(reported: Callable[[list[Row]], Report], rows: list[Row], name: str) -> None:
    spoil, sentence = LITTLE[name]
    html, data = published(reported(spoil(only(rows, item=["Song 0", "Song 1"]))))
    assert sentence in html
    assert data["sections"][0]["conditions"] and "<svg" in html
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", html, flags=re.S), flags=re.I)


def test_mistakes_are_one_sentence(tmp_path: Path, study_folder: Path, rows: list[Row]) -> None:
    ratings = small_study.save(tmp_path / "ratings.csv", only(rows, item=["Song 0"]))
    for arguments, sentence in [
        ((ratings, "--stimuli", tmp_path / "none", "--out", tmp_path / "r.html"), "no such file; build the set with"),
        ((ratings, "--stimuli", study_folder, "--out", tmp_path / "no" / "r.html"), "can't be written"),
    ]:
        with pytest.raises(HiddenReferenceError, match=sentence):
            CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_mistake_exits_with_two_and_no_traceback(tmp_path: Path, study_folder: Path) -> None:
    done = mushra("report", "gone.csv", "--stimuli", study_folder, "--out", "r.html", cwd=tmp_path)
    assert done.returncode == 2 and "gone.csv: no such file" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_analysis_loads_no_web_stack_and_no_torch() -> None:
    code = (
        "import sys, analysis.cli, analysis.report.assemble, analysis.report.page; "
        "print([n for n in ('flask', 'sqlalchemy', 'torch', 'soxr', 'matplotlib.pyplot') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
