"""The contact sheet: pictures of known signals, numbers and marks where they belong, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_world import ANCHORS, HEAD, ITEMS, RATE_HZ, SYSTEMS, noise, write
from test_standard import CLIPS

from stimuli import audio, manifest
from stimuli.build import build
from stimuli.errors import ManifestError, StimuliError
from stimuli.inspection import pictures
from stimuli.inspection.page import html, show
from stimuli.inspection.sheet import Sheet, _facts, _number, sheet_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A set with one late estimate, a song whose name has to be escaped, and an open mixture."""
    world = tmp_path_factory.mktemp("looked at")
    for number, song in enumerate(("Song A", 'B & <i>\'s "song"')):
        stems = {stem: noise(10 * number + i) for i, stem in enumerate(("vocals", "drums", "bass", "other"))}
        for stem, sound in stems.items():
            write(world / "songs" / song / f"{stem}.wav", sound)
        rest = stems["drums"] + stems["bass"] + stems["other"] + 0.2 * stems["vocals"]
        write(world / f"estimates/home/{song}/accompaniment.wav", np.roll(rest, 75 * number, axis=0))
    items = ITEMS.replace('"Song B"', "'''B & <i>'s \"song\"'''")
    more = '[test]\nreferences = ["reference", "mixture"]\n'
    (world / "experiment.toml").write_text(HEAD + items + SYSTEMS + ANCHORS + more)
    build(world / "experiment.toml", world / "set", jobs=1, progress=False)
    return world / "set"


@pytest.fixture(scope="module")
def sheet(folder) -> Sheet:
    return sheet_of(folder, manifest.read(folder), ".")


def tone(frequency_hz: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    """One second in the left channel, and upside down in the right one."""
    wave = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(rate_hz) / rate_hz).astype(np.float32)
    return np.stack([wave, -wave], axis=1)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 96_000])
@pytest.mark.parametrize("frequency_hz", [200.0, 1000.0, 7000.0])
def test_a_tone_is_brightest_at_its_height(rate_hz, frequency_hz) -> None:
    """Even where its channels cancel each other, or one of them is silent: they are taken together by their power."""
    both = tone(frequency_hz, rate_hz)
    for sound in (both, both * np.float32([1, 0]), both * np.float32([0, 1])):
        power = pictures.spectrogram(sound, rate_hz)
        assert power.shape == (pictures.ROWS, pictures.COLUMNS)
        brightest = np.argmax(power[:, 20:-20], axis=0)
        expected = pictures.height_of(frequency_hz, rate_hz) * pictures.ROWS
        assert np.abs(brightest + 0.5 - expected).max() <= 1.5


def test_a_click_is_bright_at_its_moment_alone() -> None:
    sound = np.zeros((RATE_HZ, 1), np.float32)
    sound[RATE_HZ // 4] = 1
    power = pictures.spectrogram(sound, RATE_HZ).sum(axis=0)
    assert abs(int(np.argmax(power)) - pictures.COLUMNS // 4) <= 1
    assert power[: pictures.COLUMNS // 6].max() < 1e-6 * power.max()


def test_an_envelope_has_every_extreme_and_the_outline_goes_round_it() -> None:
    sound = noise(1)
    sound[1234] = (0.9, -0.8)
    extremes = pictures.envelope(sound)
    assert extremes.shape == (pictures.COLUMNS, 2) and extremes.min() == sound.min() and extremes.max() == sound.max()
    place = 1234 * pictures.COLUMNS // len(sound)
    assert (extremes[place] == np.float32([-0.8, 0.9])).all()
    points = re.findall(r"([\d.]+) (-?[\d.]+)", pictures.outline(extremes, 1.0))
    assert len(points) == 2 * pictures.COLUMNS and points[place][1] == "-0.900"
    assert points[-1 - place][1] == "0.800" and points[-1 - place][0] == points[place][0]
    assert pictures.envelope(sound[:7]).shape == (7, 2)


def test_a_picture_is_opaque_where_it_is_loudest_and_clear_where_it_is_silent(tmp_path) -> None:
    from PIL import Image

    power = np.zeros((pictures.ROWS, pictures.COLUMNS))
    power[-1, 0], power[0, 5] = 1.0, 1e-4
    (tmp_path / "p.png").write_bytes(pictures.png(power, 1.0))
    opacity = np.asarray(Image.open(tmp_path / "p.png").convert("LA"))[..., 1]
    assert opacity[0, 0] == 255 and 0 < opacity[-1, 5] < 100 and np.count_nonzero(opacity) == 2


def test_every_clip_is_there_once_with_its_numbers(folder, sheet) -> None:
    found = manifest.read(folder)
    names = ["reference", "mixture-open", "lowpass-3500", "lowpass-7000", "mixture", "home", "centre"]
    assert [[card.name for card in item.cards] for item in sheet.items] == [names, names]
    assert sheet.items[0].cards[0].role == "reference, open and hidden"
    clip = next(c for c in found.clips if (c.item, c.condition) == ('B & <i>\'s "song"', "home"))
    card = next(card for card in sheet.items[1].cards if card.name == "home")
    facts = dict(card.facts)
    assert facts["Lag"] == "+1.70 ms = 75.0 samples"
    assert facts["Loudness"] == f"{clip.lufs_after:.1f} LUFS".replace("-", "−")
    assert facts["True peak"] == f"{clip.true_peak_dbtp:.1f} dBTP".replace("-", "−")
    low = dict(next(card for card in sheet.items[0].cards if card.name == "lowpass-3500").more)
    assert float(low["At 4 kHz"].replace("−", "-").split()[0]) < -25 and "From 4.5 kHz" in low
    assert [tick.label for tick in sheet.items[0].ticks] == ["100", "1k", "3.5k", "10k"]


def test_a_hidden_reference_of_its_own_sound_is_shown_apart(folder) -> None:
    found = manifest.read(folder)
    clips = [c.model_copy(update={"samples_sha256": "x"}) if c.role == "hidden_reference" else c for c in found.clips]
    item = sheet_of(folder, found.model_copy(update={"clips": tuple(clips)}), ".").items[0]
    assert [card.role for card in item.cards[:2]] == ["open reference", "hidden reference"]


def test_a_broken_rule_marks_its_clip_and_no_other(sheet) -> None:
    marked = {(item.name, card.name): {mark.rule for mark in card.marks} for item in sheet.items for card in item.cards}
    late = marked.pop(('B & <i>\'s "song"', "home"))
    assert "lag" in late and not any("lag" in marks for marks in marked.values())
    (rule,) = [rule for rule in sheet.broken if rule.rule == "lag"]
    assert [name for _, name in rule.places] == ['home in B & <i>\'s "song"']
    assert sheet.items[1].worst == "must" and sheet.called.startswith("a multi-stimulus test")
    assert [rule.severity for rule in sheet.broken] == sorted(
        (rule.severity for rule in sheet.broken), key=["must", "should", "note"].index
    )


def test_the_page_escapes_what_people_wrote_and_names_every_rule(sheet) -> None:
    page = html(sheet)
    assert "<i>'s" not in page and "B &amp; &lt;i&gt;&#39;s &#34;song&#34;" in page
    for rule in (*sheet.broken, *sheet.met):
        assert f"<b>{rule.rule}</b>" in page


def test_the_same_set_makes_the_same_file_and_a_moved_one_still_plays(folder, tmp_path) -> None:
    first = show(folder, progress=False).read_bytes()
    assert show(folder, progress=False).read_bytes() == first
    shutil.copytree(folder, tmp_path / "a set")
    path = show(tmp_path / "a set", tmp_path / "sheets.html", progress=False)
    sources = re.findall(r'<audio[^>]* src="([^"]+)"', path.read_text())
    assert len(sources) == 14 and all(source.startswith("a%20set/clips/") for source in sources)
    manifest.verify(folder)  # the sheet lies in the set and is no part of it


def test_a_set_that_is_not_what_was_built_gets_no_sheet(folder, tmp_path) -> None:
    shutil.copytree(folder, tmp_path / "set", ignore=shutil.ignore_patterns("*.html"))
    clip = next((tmp_path / "set/clips").iterdir())
    clip.write_bytes(clip.read_bytes()[:-1])
    with pytest.raises(ManifestError, match="not the file that was built"):
        show(tmp_path / "set", progress=False)
    assert not list((tmp_path / "set").glob("*.html")) and not list((tmp_path / "set").glob(".*.part"))
    with pytest.raises(StimuliError, match="can't be written"):
        show(folder, tmp_path / "nowhere" / "sheet.html", progress=False)


def test_a_set_of_the_first_release_is_shown_with_dashes(folder) -> None:
    """Without facts and with a hundred years of silence: nothing is made up."""
    old = manifest.read(folder)
    clips = tuple(clip.model_copy(update={"facts": None, "lag_s": None}) for clip in old.clips)
    card = sheet_of(folder, old.model_copy(update={"clips": clips, "rules": ()}), ".").items[0].cards[3]
    assert dict(card.facts)["Lag"] == "– (too little in common)" and dict(card.facts)["Momentary"] == "– LUFS"
    assert "before rules were kept" in html(sheet_of(folder, old.model_copy(update={"rules": ()}), "."))


def test_numbers_are_written_as_people_write_them() -> None:
    values = [0.0, -0.04, -23.04, 3.25, None, float("nan"), float("-inf")]
    assert [_number(value) for value in values] == ["0.0", "0.0", "−23.0", "3.2", "–", "–", "−∞"]
    assert [_number(value, sign=True) for value in (1.0, -1.0, 0.01)] == ["+1.0", "−1.0", "0.0"]
    upside_down = CLIPS[5].model_copy(update={"polarity": -1, "lag_s": 0.001})
    assert dict(_facts(upside_down))["Lag"] == "+1.00 ms = 48.0 samples, inverted"


@pytest.mark.parametrize("channels", [1, 6])
def test_other_than_stereo_is_shown_too(tmp_path, channels) -> None:
    sound = np.repeat(noise(1), 3, axis=1)[:, :channels]
    audio.write_clip(tmp_path / "x.flac", sound, RATE_HZ)
    back, rate_hz = audio.read(tmp_path / "x.flac")
    assert pictures.envelope(back).shape == (pictures.COLUMNS, 2)
    assert np.isfinite(pictures.spectrogram(back, rate_hz)).all()


def test_the_command_says_where_it_lies_and_what_is_wrong(folder, tmp_path) -> None:
    command = [sys.executable, "-m", "mushra_app.cli", "stimuli", "show"]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and f"{folder}/contact-sheet.html: open it in a browser" in done.stdout
    assert "looking: 100%" in done.stderr
    for place in (tmp_path, tmp_path / "nothing"):
        done = subprocess.run([*command, str(place)], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2 and "manifest.json: no such file" in done.stderr and "Traceback" not in done.stderr
    (tmp_path / "manifest.json").write_text(json.dumps({"clips": []}))
    assert subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True).returncode == 2
