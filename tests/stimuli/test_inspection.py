"""The contact sheet: pictures against known signals, words against known records, and what is refused."""

from __future__ import annotations

import base64
import json
import re
import shutil
import zlib
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from commands import mushra
from inspected import ODD, SHIFTED, TITLE
from matplotlib.image import imread
from small_world import RATE_HZ, noise

from stimuli import manifest
from stimuli.cli import show_set
from stimuli.errors import StimuliError
from stimuli.inspection import drawing, pictures
from stimuli.inspection.facts import facts, number, record
from stimuli.inspection.page import TEMPLATES, html
from stimuli.inspection.sheet import Card, Sheet, sheet
from stimuli.inspection.show import show

TOP_HZ = 16_000.0


def tone(hz: float, seconds: float = 2.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)[:, None].astype(np.float32)


def row_of(hz: float) -> int:
    return int((1 - pictures.height_of(hz, TOP_HZ)) * pictures.ROWS)


def pixels(image: bytes) -> np.ndarray:
    """The palette indices of one of our own PNGs."""
    size = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    start = image.index(b"IDAT") + 4
    lines = np.frombuffer(
        zlib.decompress(image[start : start + int.from_bytes(image[start - 8 : start - 4])]), np.uint8
    )
    return lines.reshape(size[1], size[0] + 1)[:, 1:]


# Pictures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [440.0, 1000.0, 3500.0, 7000.0, 12_000.0])
@pytest.mark.parametrize("rate_hz", [32_000, 48_000])
def test_a_tone_is_brightest_at_its_own_height(hz: float, rate_hz: int) -> None:
    levels = pictures.spectrogram(tone(hz, rate_hz=rate_hz), rate_hz, TOP_HZ)
    assert levels.shape == (pictures.ROWS, pictures.COLUMNS)
    assert (abs(levels[:, 10:-10].argmax(axis=0) - row_of(hz)) <= 1).all()


def test_a_tone_at_full_scale_is_about_0_db_and_at_half_6_db_less() -> None:
    loud, soft = (pictures.spectrogram(a * tone(300), RATE_HZ, TOP_HZ)[:, 160].max() for a in (1, 0.5))
    assert -6 < loud < 1 and loud - soft == pytest.approx(6.02, abs=0.01)


def test_a_tone_begins_where_it_begins() -> None:
    sound = np.concatenate([np.zeros((RATE_HZ, 1), np.float32), tone(1000, 1.0)])
    heard = pictures.spectrogram(sound, RATE_HZ, TOP_HZ)[row_of(1000)] > -40
    assert abs(int(heard.argmax()) - pictures.COLUMNS // 2) <= 4 and heard[170:].all() and not heard[:150].any()


def test_channels_out_of_phase_do_not_vanish() -> None:
    mono = tone(1000)
    apart = np.concatenate([mono, -mono], axis=1)
    difference = pictures.spectrogram(apart, RATE_HZ, TOP_HZ) - pictures.spectrogram(mono, RATE_HZ, TOP_HZ)
    assert np.abs(difference).max() < 0.01
    assert pictures.outline(apart).peak == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("seconds", [0.001, 0.4, 2.0, 95.0])
def test_nothing_is_left_out_however_short_or_long(seconds: float) -> None:
    sound = 0.1 * tone(50, seconds)
    spot = len(sound) * 2 // 3
    sound[spot] = -0.9  # one sample
    found = pictures.outline(sound)
    assert found.low.min() == np.float32(-0.9) and found.high.max() == sound.max()
    column = int(found.low.argmin())
    assert column * len(sound) // pictures.COLUMNS <= spot <= -(-(column + 1) * len(sound) // pictures.COLUMNS)
    click = pictures.spectrogram(sound, RATE_HZ, TOP_HZ)[:60]  # above 2 kHz there is only the click
    assert abs(int(click.mean(axis=0).argmax()) - column) <= 320 * 0.03 / seconds + 1


def test_the_outline_is_exact_column_by_column() -> None:
    sound = noise(3, 1.0)
    found = pictures.outline(sound, columns=100)
    parts = np.array_split(sound, 100)  # 441 frames each
    assert found.low.tolist() == [float(part.min()) for part in parts]
    assert found.high.tolist() == [float(part.max()) for part in parts]


def test_silence_is_drawn_and_is_dark() -> None:
    silence = np.zeros((RATE_HZ, 2), np.float32)
    levels = pictures.spectrogram(silence, RATE_HZ, TOP_HZ)
    assert (levels == pictures.FLOOR_DB).all() and not pixels(drawing.png(levels, 0.0)).any()
    assert set(re.findall(r" (\d+)", drawing.path(pictures.outline(silence), 0.0))) == {"99", "101"}


def test_a_path_reaches_the_edge_at_the_common_peak() -> None:
    low, high = np.array([-1.0, -0.25]), np.array([0.5, 0.0])
    assert drawing.path(pictures.Outline(low, high), 1.0) == "M0 50L1 99L1 125L0 200Z"


def test_a_png_holds_the_levels_it_was_given() -> None:
    levels = np.array([[0.0, -20.0], [-80.0, -200.0]])
    image = drawing.png(levels, 0.0)
    assert pixels(image).tolist() == [[63, 47], [0, 0]] and pixels(drawing.png(levels, 20.0))[0, 0] == 47
    shown = imread(BytesIO(image))  # a decoder that is not ours
    assert shown.shape[:2] == (2, 2) and shown[0, 0, :3].sum() > shown[0, 1, :3].sum() > shown[1, 0, :3].sum()


# Words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "sign", "told"),
    [
        (None, "", "–"),
        (float("nan"), "", "–"),
        (float("-inf"), "", "−∞"),
        (-23.04, "", "−23.0"),
        (2.0, "+", "+2.0"),
        (-0.04, "+", "0.0"),
        (-0.06, "+", "−0.1"),
    ],
)
def test_numbers_are_printed_as_people_write_them(value: float | None, sign: str, told: str) -> None:
    assert number(value, 1, sign) == told


def test_the_verdict_and_the_gravest_rules_come_first(spoiled: Sheet) -> None:
    text = html(spoiled)
    assert spoiled.missing and "A multi-stimulus test, not a MUSHRA test," in text
    gravity = [("must", "should", "note").index(line.result.severity) for line in spoiled.broken]
    assert gravity == sorted(gravity) and len(set(gravity)) == 3
    lag = next(line for line in spoiled.broken if line.result.rule == "lag")
    assert lag.mend == "shift the estimates by as much, or raise the system's max_lag_ms"
    assert lag.mend not in lag.finding and lag.result.message == f"{lag.finding}; {lag.mend}"
    assert {rule.rule for rule in spoiled.met} | {line.result.rule for line in spoiled.broken} == {
        rule.rule for rule in spoiled.manifest.rules
    }


def card(found: Sheet, item: int, name: str) -> Card:
    wanted = found.items[item].card(name)
    assert wanted
    return wanted


def test_a_mark_stands_on_the_clips_that_break_the_rule_and_on_no_other(spoiled: Sheet) -> None:
    marked = {
        (part.item.name, one.name, mark.rule) for part in spoiled.items for one in part.cards for mark in one.marks
    }
    clips = {clip.token: clip for clip in spoiled.manifest.clips}
    named = {
        (clips[token].item, clips[token].condition, rule.rule)
        for rule in spoiled.manifest.rules
        for token in rule.clips
    }
    assert marked == named
    assert (ODD, SHIFTED, "lag") in marked and ("Song A", SHIFTED, "lag") not in marked
    assert {(name, "upside-down", "polarity") for name in ("Song A", ODD)} <= marked


def test_a_mark_says_what_this_clip_has_and_its_line_is_marked(spoiled: Sheet) -> None:
    late = card(spoiled, 1, SHIFTED)
    (said,) = (mark.finding for mark in late.marks if mark.rule == "lag")
    assert "75.0 samples late" in said and "shift" not in said
    told = {mark.rule: mark.finding for mark in card(spoiled, 1, "upside-down").marks}["polarity"]
    assert ODD in told and "Song A" not in told
    lines = {fact.name: fact for fact in late.facts}
    assert (lines["Lag"].value, lines["Lag"].severity) == ("+1.70\N{NO-BREAK SPACE}ms", "must")
    assert (lines["In samples"].value, lines["Polarity"].severity) == ("+75.0", "")
    assert not any(fact.severity for fact in card(spoiled, 1, "reference").facts)
    assert late.worst == "must"


def test_links_lead_to_the_cards_of_the_clips(spoiled: Sheet) -> None:
    ids = set(re.findall(r'<article[^>]* id="(\w+)"', html(spoiled)))
    links = {text: name for line in spoiled.broken for text, name in line.clips}
    assert links[f"{SHIFTED} in {ODD}"] == card(spoiled, 1, SHIFTED).id and set(links.values()) <= ids


def test_what_is_open_and_hidden_is_shown_once_if_it_is_the_same(spoiled: Sheet) -> None:
    roles = {one.name: one.role for one in spoiled.items[0].cards}
    assert roles["reference"] == "open and hidden" and roles["mixture"] == "anchor, also heard openly"
    assert "mixture-open" not in roles and len(roles) == len(spoiled.items[0].cards)
    assert next(iter(roles)) == "reference"


def test_a_hidden_reference_of_its_own_is_shown_beside_the_open_one(spoiled_folder: Path) -> None:
    found = manifest.read(spoiled_folder)
    clips = [
        c.model_copy(update={"samples_sha256": "other"}) if c.role == "hidden_reference" else c for c in found.clips
    ]
    made = sheet(spoiled_folder, found.model_copy(update={"clips": tuple(clips)}), str)
    assert [(c.name, c.role) for c in made.items[0].cards[:2]] == [
        ("reference", "open reference"),
        ("reference", "hidden reference"),
    ]


def test_the_anchors_cut_off_is_where_its_picture_goes_dark(spoiled: Sheet) -> None:
    for cutoff_hz in (3500, 7000):
        shown = card(spoiled, 0, f"lowpass-{cutoff_hz}")
        bright = pixels(base64.b64decode(shown.spectrogram)).mean(axis=1)
        assert shown.cutoff == pictures.height_of(cutoff_hz, TOP_HZ)
        assert bright[: row_of(cutoff_hz * 9 / 7)].max() < 1 and bright[row_of(cutoff_hz) + 1 :].min() > 20
    assert card(spoiled, 0, "reference").cutoff is None


class Tags(HTMLParser):
    """Every tag of a page, and every attribute that fetches something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [value or "" for name, value in attrs if name in ("src", "href") and tag != "a"]


def test_names_are_text_and_nothing_but_text(spoiled: Sheet) -> None:
    text = html(spoiled)
    assert spoiled.manifest.title == TITLE and spoiled.items[1].item.name == ODD
    found = Tags(text)
    cards = sum(len(part.cards) for part in spoiled.items)
    assert found.tags.count("img") == cards and found.tags.count("h1") == 1 and text.count("<b>A multi-") == 1
    assert (
        "onerror" not in "".join(re.findall(r"<[^>]*>", re.sub(r'"[^"]*"', '""', text))) and text.count("<script>") == 2
    )


def test_the_page_asks_for_the_clips_and_nothing_else(spoiled: Sheet, spoiled_folder: Path) -> None:
    asked = [one for one in Tags(html(spoiled)).asked if not one.startswith(("data:", "#"))]
    assert len(asked) == sum(len(part.cards) for part in spoiled.items)
    assert all((spoiled_folder / one).is_file() for one in asked)


def test_the_colours_are_the_houses(root: Path) -> None:
    def values(text: str) -> list[list[tuple[str, str]]]:
        blocks = re.findall(r":root\s*\{([^}]*)\}", text)
        return [re.findall(r"--(\w[\w-]*):\s*(#\w+)", block) for block in blocks]

    ours = values((TEMPLATES / "sheet.css").read_text(encoding="utf-8"))
    assert ours == values((root / "mushra_app/static/css/tokens.css").read_text(encoding="utf-8")) and len(ours) == 2


# The first release's manifest, and other shapes ----------------------------------------------------------------------


def as_first_release(folder: Path, copy: Path) -> Path:
    """A copy of a set with the manifest that the first release would have written."""
    shutil.copytree(folder, copy)
    told = json.loads((copy / manifest.FILE_NAME).read_text(encoding="utf-8"))
    told["schema_number"] = 1
    for clip in told["clips"]:
        del clip["facts"]
    for rule in told["rules"]:
        del rule["clips"]
    (copy / manifest.FILE_NAME).write_text(json.dumps(told), encoding="utf-8")
    return copy


def test_a_set_of_the_first_release_has_dashes_where_nothing_was_measured(spoiled_folder: Path, tmp_path: Path) -> None:
    page = show(as_first_release(spoiled_folder, tmp_path / "old"), progress=False)
    assert "Momentary</dt><dd>–</dd>" in page.read_text(encoding="utf-8")
    assert "Loudness</dt><dd>−" in page.read_text(encoding="utf-8")


def test_the_committed_manifest_of_the_first_release_can_be_said(root: Path) -> None:
    found = manifest.Manifest.model_validate_json((root / "tests/data/manifest_schema_1.json").read_text())
    for clip in found.clips:
        lines = {fact.name: fact.value for fact in (*facts(clip, {}), *record(clip))}
        assert lines["Range"] == "–" and "Offset (DC)" not in lines and lines["True peak"].endswith("dBTP")


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_mono_and_many_channels_are_drawn(spoiled_folder: Path, tmp_path: Path, channels: int) -> None:
    found = manifest.read(spoiled_folder)
    clip = found.clips[0].model_copy(update={"lufs_after": float("-inf"), "channels": channels})
    (tmp_path / "clips").mkdir()
    soundfile.write(tmp_path / clip.file, np.zeros((RATE_HZ, channels)), RATE_HZ, "PCM_24")
    made = sheet(tmp_path, found.model_copy(update={"clips": (clip,), "items": found.items[:1]}), str)
    assert made.items[0].scale == "−∞" and "−∞\N{NO-BREAK SPACE}LUFS" in html(made)


def test_a_clip_of_no_item_is_refused(spoiled_folder: Path) -> None:
    found = manifest.read(spoiled_folder)
    with pytest.raises(StimuliError, match="belongs to no item"):
        sheet(spoiled_folder, found.model_copy(update={"items": found.items[:1]}), str)


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_writes_it_beside_the_clips_and_says_where(spoiled_folder: Path) -> None:
    done = mushra("stimuli", "show", spoiled_folder)
    page = spoiled_folder / "contact-sheet.html"
    assert done.returncode == 0 and f"wrote {page}" in done.stdout and "keep both" not in done.stdout
    assert "contact sheet: 100%" in done.stderr
    before = page.read_bytes()
    assert show(spoiled_folder, progress=False).read_bytes() == before
    assert manifest.verify(spoiled_folder) and not list(spoiled_folder.glob(".*.part"))


def test_elsewhere_its_players_still_find_the_clips(spoiled_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    page = tmp_path / "a folder" / "look #1.html"
    done = CliRunner().invoke(show_set, [str(spoiled_folder), "--out", str(page)])
    assert f"plays the clips from where they lie, {spoiled_folder / 'clips'}: keep both" in done.output
    asked = [one for one in Tags(page.read_text(encoding="utf-8")).asked if one.endswith(".flac")]
    assert asked and all((page.parent / unquote(one)).resolve().is_file() for one in asked)


def test_a_changed_file_is_refused_and_the_sheet_that_was_there_stays(spoiled_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(spoiled_folder, tmp_path / "set")
    (tmp_path / "set/contact-sheet.html").write_text("the one before", encoding="utf-8")
    clip = next((tmp_path / "set/clips").iterdir())
    clip.write_bytes(clip.read_bytes()[:-10])
    done = mushra("stimuli", "show", tmp_path / "set")
    assert done.returncode == 2 and "not the file that was built" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "set/contact-sheet.html").read_text(encoding="utf-8") == "the one before"


@pytest.mark.parametrize(
    ("out", "told"),
    [("set.txt", "end in .html"), ("none/sheet.html", "no such folder"), ("there.html", "is a folder")],
)
def test_a_place_that_can_not_be_written_is_said_in_a_sentence(
    spoiled_folder: Path, tmp_path: Path, out: str, told: str
) -> None:
    (tmp_path / "there.html").mkdir()
    with pytest.raises(StimuliError, match=told):
        show(spoiled_folder, tmp_path / out, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]


def test_no_set_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(StimuliError, match="build the set with"):
        show(tmp_path / "nothing", progress=False)
    assert not list(tmp_path.iterdir())
