"""Published scores: every form that SiSEC, MDX and SDX have, what is refused, and that no number meets another's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scored_world
from click.testing import CliRunner

from analysis.errors import AnalysisError
from analysis.metrics.cli import metrics
from analysis.metrics.published import reader, text
from analysis.metrics.results import museval_json, table

HEAD = 'source = "{source}"\ndefinition = "{definition}"\ndataset = "MUSDB18"\ntable = "{table}"\n'
MDX21 = "Participants,SDR_song,SDR_bass,SDR_drums,SDR_other,SDR_vocals\nada,8.971,9.716,9.433,6.721,10.012\n"
SDX23 = "Team,Mean SDR,SDR Bass,SDR Drums,SDR Other,SDR Vocals\nada,8.971,9.716,9.433,6.721,10.012\n"
CDX23 = "Submission,Mean SDR (dB),SDR Dialog [dB],SDR Effect,SDR Music\nada,3.787,7.870,1.286,2.204\n"
STEMS = {"all": 8.971, "bass": 9.716, "drums": 9.433, "other": 6.721, "vocals": 10.012}
FRAMES = [
    # method, track, target, metric, score, time: medians over frames 3, 7 and 20, over songs 7
    ("UHL2", "A - One", "vocals", "SDR", 1.0, 0.0),
    ("UHL2", "A - One", "vocals", "SDR", 3.0, 1.0),
    ("UHL2", "A - One", "vocals", "SDR", np.nan, 2.0),
    ("UHL2", "A - One", "vocals", "SDR", 8.0, 3.0),
    ("UHL2", "C - Three", "vocals", "SDR", 20.0, 0.0),
    ("UHL2", "B - Two", "vocals", "SDR", 7.0, 0.0),
    ("UHL2", "B - Two", "vocals", "SIR", 12.0, 0.0),
    ("IRM1", "A - One", "vocals", "SDR", 9.0, 0.0),
]


@pytest.fixture
def described(tmp_path: Path) -> Callable[..., Path]:
    """A table with its description in a folder; the path of the description."""

    def write(content: str, more: str = "", definition: str = "mdx", source: str = "SDX", name: str = "t.csv") -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8")
        path = tmp_path / f"{Path(name).stem}.toml"
        path.write_text(HEAD.format(source=source, definition=definition, table=name) + more, encoding="utf-8")
        return path

    return write


def numbers(found: reader.Published) -> dict[tuple[str, str, str], float]:
    rows = zip(found.frame["condition"], found.frame["target"], found.frame["song"], strict=True)
    return dict(zip(rows, found.frame["value"], strict=True))


@pytest.mark.parametrize("content", [MDX21, SDX23, MDX21.replace(",", "\t")])
def test_leaderboards_of_mdx_and_sdx_say_the_same(described, content) -> None:
    found = reader.read(described(content, name="t.tsv" if "\t" in content else "t.csv"))
    assert numbers(found) == {("ada", target, ""): value for target, value in STEMS.items()}
    same = found.frame[["dataset", "role", "stretch", "basis", "family", "metric", "source", "definition"]]
    labels = ["MUSDB18", "published", "dataset", "published", "published", "published_mdx_sdr_db", "SDX", "mdx"]
    assert same.drop_duplicates().to_numpy().tolist() == [labels]


def test_stems_of_films_have_their_names_here(described) -> None:
    found = numbers(reader.read(described(CDX23)))
    assert found == {
        ("ada", name, ""): value
        for name, value in {"all": 3.787, "dialogue": 7.87, "effects": 1.286, "music": 2.204}.items()
    }


def sisec_forms(folder: Path) -> dict[str, str]:
    """The same scores as museval's data frame, as SiSEC's own, and as museval's files; their tables' names."""
    frame = pd.DataFrame(FRAMES, columns=pd.Index(["method", "track", "target", "metric", "score", "time"]))
    frame.to_csv(folder / "museval.csv")
    frame.rename(columns={"method": "estimate", "target": "name"})[
        ["time", "name", "metric", "score", "track", "estimate"]
    ].to_csv(folder / "sisec.csv", index=False)
    for (method, track), own in frame.groupby(["method", "track"]):
        times = np.unique(own["time"])
        scores = {metric: np.full(len(times), np.nan) for metric in museval_json.METRICS}
        for row in own.itertuples():
            scores[str(row.metric)][list(times).index(row.time)] = row.score
        (folder / "json" / str(method) / "test").mkdir(parents=True, exist_ok=True)
        path = folder / "json" / str(method) / "test" / f"{track}.json"
        museval_json.write(path, {"vocals": scores}, times_s=times, duration_s=1.0)
    return {"museval": "museval.csv", "sisec": "sisec.csv", "json": "json"}


@pytest.mark.parametrize("form", ["museval", "sisec", "json"])
def test_every_form_of_sisec_is_the_median_of_each_song(form, tmp_path) -> None:
    path = tmp_path / "d.toml"
    path.write_text(HEAD.format(source="SiSEC 2018", definition="bss_eval_v4", table=sisec_forms(tmp_path)[form]))
    found = reader.read(path)
    there = found.frame.dropna(subset=["value"]).set_index(["condition", "song", "metric"])["value"].to_dict()
    assert there == {
        ("UHL2", "A - One", "published_bss_eval_v4_sdr_db"): 3.0,
        ("UHL2", "C - Three", "published_bss_eval_v4_sdr_db"): 20.0,
        ("UHL2", "B - Two", "published_bss_eval_v4_sdr_db"): 7.0,
        ("UHL2", "B - Two", "published_bss_eval_v4_sir_db"): 12.0,
        ("IRM1", "A - One", "published_bss_eval_v4_sdr_db"): 9.0,
    }
    said = "\n".join(text.lines([found]))
    assert "SDR (bss_eval_v4), dB, median over 3 songs; not all of them have the same songs:" in said
    assert any(line.split() == ["UHL2", "7.00"] for line in said.splitlines())


def test_other_spellings_are_mapped_and_systems_called_as_yours(described) -> None:
    more = (
        'ignore = ["Rank"]\n[columns]\nmethod = "Who"\n[scores]\n"Vox (test)" = "SDR vocals"\nBeat = "drums SDR"\n'
        '[systems]\nada = "ours"\n'
    )
    found = reader.read(described("Rank,Who,Vox (test),Beat\n1,ada,8,7\n2,bob,5,\n", more), ["ours", "reference"])
    values = numbers(found)
    assert values["ours", "vocals", ""] == 8 and values["ours", "drums", ""] == 7 and values["bob", "vocals", ""] == 5
    lacking = found.frame[found.frame["value"].isna()]
    assert lacking[["condition", "target", "reason"]].to_numpy().tolist() == [["bob", "drums", "no number in t.csv"]]


def test_definitions_never_share_a_metric_or_a_table(described, tmp_path) -> None:
    vocals = "method,SDR vocals\nada,7\n"
    paths = [
        described(vocals, definition="mdx", source="one", name="a.csv"),
        described(vocals, definition="bss_eval_v4", source="two", name="b.csv"),
        described(vocals, definition="bss_eval_v3", source="three", name="c.csv"),
        described("method,SI-SDR vocals\nada,7\n", definition="si_sdr", source="four", name="d.csv"),
    ]
    found = reader.read_all(paths)
    whole = pd.concat([one.frame for one in found])
    assert whole["metric"].nunique() == whole["definition"].nunique() == 4
    said = list(text.lines(found))
    assert [line.split(":")[1].strip() for line in said if line.startswith("published: ")] == [
        "one",
        "two",
        "three",
        "four",
    ]
    assert sum("not computed here" in line for line in said) == 4 and said[-1] == text.WARNING
    assert "SI-SDR (si_sdr), dB:" in said
    with pytest.raises(AnalysisError, match="two published tables have the source 'one'"):
        reader.read_all([paths[0], paths[0]])


MISTAKES = {
    "another column": (SDX23.replace("Mean SDR", "Prize"), "", "the column 'Prize' is not known; expected scores of"),
    "another measure": (SDX23.replace("SDR Bass", "SI-SDR Bass"), "", "'SI-SDR Bass' is not known"),
    "another unit": (SDX23.replace("SDR Bass", "SDR Bass (%)"), "", "'SDR Bass (%)' is in '%'; expected scores in dB"),
    "a unit in a cell": (
        SDX23.replace("9.716", "9.716 dB"),
        "",
        "line 2: SDR Bass: found '9.716 dB'; expected a finite",
    ),
    "infinity": (SDX23.replace("9.716", "inf"), "", "line 2: SDR Bass: found 'inf'"),
    "one twice": (SDX23 + SDX23.splitlines()[1] + "\n", "", "line 3: a second SDR of 'all' by 'ada'"),
    "a measure twice": (SDX23.replace("SDR Bass", "SDR_vocals"), "", "'SDR Vocals' is a second SDR of vocals"),
    "nobody's": ("SDR Vocals\n7\n", "", "no column says whose scores these are"),
    "an empty name": ("Team,SDR Vocals\n,7\n", "", "line 2: method is empty"),
    "two whose": ("Team,Model,SDR Vocals\na,b,7\n", "", "both 'Team' and 'Model' may be the method"),
    "no scores": ("Team\nada\n", "", "no column of scores"),
    "no number": ("Team,SDR Vocals\nada,\n", "", "holds no scores"),
    "no such column": (SDX23, 'ignore = ["Rank"]\n', "no column 'Rank', which its description names"),
    "nobody of that name": (SDX23, '[systems]\nbob = "ours"\n', "systems: 'bob' is none of the table's; found ada"),
    "no such condition": (SDX23, '[systems]\nada = "theirs"\n', "no condition 'theirs' in this set; found ours"),
    "two of a name": (
        SDX23 + "ours,1,1,1,1,1\n",
        '[systems]\nada = "ours"\n',
        "two of the table's would both be called 'ours'",
    ),
    "frames of what has none": (
        "method,target,metric,score,time\na,vocals,SDR,1,0\n",
        "",
        "'time' says that scores are of frames, and mdx has none",
    ),
    "a metric of others": ("method,target,metric,score\na,vocals,SIR,1\n", "", "the measure 'SIR' is none of mdx"),
    "no target": ("method,metric,score\na,SDR,1\n", "", "no column of the target"),
    "a key of nobody": (SDX23, 'unit = "dB"\n', "unit: this key is not known"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence_with_its_place(described, mistake) -> None:
    content, more, expected = MISTAKES[mistake]
    with pytest.raises(AnalysisError) as caught:
        reader.read(described(content, more), ["ours"])
    assert expected in str(caught.value) and str(caught.value).split(":")[0].endswith((".csv", ".toml"))


def test_definitions_are_asked_for_and_pickles_not_read(described, tmp_path) -> None:
    path = described(SDX23)
    path.write_text('source = "x"\ntable = "t.csv"\ndefinition = "sdr"\n')
    with pytest.raises(AnalysisError, match=r"(?s)definition: .*bss_eval_v4.*; found 'sdr'\n.*dataset: is missing"):
        reader.read(path)
    with pytest.raises(AnalysisError, match="a pickle can run anything, and is not read; save it as CSV"):
        reader.read(described("", name="sisec18.pandas"))
    (tmp_path / "t.csv").unlink()
    path.write_text(HEAD.format(source="x", definition="mdx", table="t.csv"))
    with pytest.raises(AnalysisError, match=r"t\.csv: no such file"):
        reader.read(path)
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(AnalysisError, match="hold bss_eval_v4, found definition 'mdx'"):
        reader.read(path)


def test_a_published_table_is_read_as_it_is(shared, tmp_path) -> None:
    """SDR of 13 songs by six systems of SiSEC 2018, as Ward et al. published them."""
    folder = shared / "data" / "ratings" / "sisec18_best" / "original"
    path = tmp_path / "d.toml"
    more = 'target = "vocals"\n'
    path.write_text(HEAD.format(source="Ward", definition="bss_eval_v4", table=folder / "sdr.csv") + more)
    found = reader.read(path).frame
    plain = pd.read_csv(folder / "sdr.csv")
    assert len(found) == len(plain) == 78 and set(found["stretch"]) == {"song"} and set(found["target"]) == {"vocals"}
    assert np.array_equal(found["value"], plain["SDR"]) and list(found["condition"]) == list(plain["Algo"])


def test_numbers_of_ones_own_say_whether_they_were_computed_here() -> None:
    rows = [
        {"family": "ratios", "metric": "mdx_sdr_db", "basis": "render", "value": 1.0},
        {"family": "museval", "metric": "museval_sdr_db", "basis": "given", "value": 2.0},
    ]
    found = reader.beside(table.frame_of(rows), [])
    assert list(found["source"]) == ["computed here", "given"]
    assert "Mitsufuji" in found["definition"][0] and "Stöter" in found["definition"][1]


def said(*arguments: object) -> str:
    done = CliRunner().invoke(metrics, list(map(str, arguments)))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_published_scores_alone(described, tmp_path) -> None:
    output = said("--published", described(SDX23), "--csv", tmp_path / "out.csv")
    assert "published: SDX: not computed here, read from t.csv (SHA-256 " in output and "on MUSDB18" in output
    assert "SDR (mdx), dB:" in output and output.rstrip().endswith(text.WARNING)
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == list(reader.COLUMNS)
    with pytest.raises(AnalysisError, match="--families is not for published scores alone"):
        said("--published", described(SDX23), "--families", "ratios")
    with pytest.raises(AnalysisError, match="--published is not for files"):
        said("--published", described(SDX23), "--reference", "a.wav", "--estimate", "b.wav")


def test_published_scores_beside_a_set_change_none_of_its_own(described, tmp_path) -> None:
    scored_world.make(tmp_path / "world")
    folder, csv = tmp_path / "world" / "set", tmp_path / "both.csv"
    alone = said(folder, "--families", "ratios", "--jobs", 1, "--csv", tmp_path / "own.csv")
    kept = (folder / table.FILE_NAME).read_bytes()
    path = described(SDX23, '[systems]\nada = "centre"\n')
    both = said(folder, "--families", "ratios", "--jobs", 1, "--csv", csv, "--published", path)
    assert (folder / table.FILE_NAME).read_bytes() == kept
    means = alone[alone.index("median over excerpts:") :].rstrip()
    before, _, after = both.partition("published: SDX: not computed here")
    assert before.rstrip().endswith(means) and after.rstrip().endswith(text.WARNING)
    frame = pd.read_csv(csv, keep_default_na=False, dtype=str)
    ours, theirs = frame[frame["source"] == reader.HERE], frame[frame["source"] == "SDX"]
    own = pd.read_csv(tmp_path / "own.csv", keep_default_na=False, dtype=str)
    pd.testing.assert_frame_equal(ours[list(table.COLUMNS)], own)
    assert (ours["definition"] != "").all() and len(ours) + len(theirs) == len(frame)
    assert set(theirs["condition"]) == {"centre"} and not set(theirs["metric"]) & set(ours["metric"])
    with pytest.raises(AnalysisError, match="no condition 'nobody' in this set"):
        said(folder, "--published", described(SDX23, '[systems]\nada = "nobody"\n'))
