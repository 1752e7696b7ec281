"""``mushra check``: of a file and of a built set, in words and in JSON, and what its exit code says."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import soundfile
from commands import mushra
from small_world import ANCHORS, HEAD, LENGTH_S, RATE_HZ, SYSTEMS, noise, write

from stimuli import manifest
from stimuli.build import build
from stimuli.errors import ManifestError
from stimuli.verify import check_built

SEVERAL = "".join(
    f'[[items]]\nsong = "Song {song}"\nname = "{song} {start}"\n'
    f'excerpt = {{ start_s = {start}, length_s = 1.0 }}\nuse = "both"\n'
    for song in "AB"
    for start in (0.0, 1.0, 2.0)
)


@pytest.fixture(scope="module")
def built(small_world, tmp_path_factory):
    """A set of which nothing is broken: six excerpts, repeated trials, one system."""
    folder = tmp_path_factory.mktemp("built") / "world"
    shutil.copytree(small_world, folder)
    text = HEAD + SEVERAL + SYSTEMS + ANCHORS + "[test]\nreplicates = 1\n"
    (folder / "experiment.toml").write_text(text, encoding="utf-8")
    build(folder / "experiment.toml", folder / "set", jobs=1, progress=False)
    return folder


@pytest.fixture
def good(built, world):
    """A copy of it, which the test may spoil."""
    shutil.copytree(built, world, dirs_exist_ok=True)
    return world


def broken(folder) -> set[str]:
    return {result.rule for result in check_built(folder) if not result.passed}


def test_a_good_set_breaks_nothing_and_the_command_says_so(good) -> None:
    done = mushra("check", good / "set", "--strict", cwd=good)
    assert done.returncode == 0, done.stdout
    assert "42 clips measured again" in done.stdout and "FAIL" not in done.stdout and "warn" not in done.stdout
    told = json.loads(mushra("check", good / "set", "--format", "json", cwd=good).stdout)
    assert {"rule", "clause", "severity", "passed", "message", "clips"} <= set(told[0])
    assert manifest.read(good / "set").missing_for_mushra == ()


def test_strict_takes_a_should_for_a_must(good, write_experiment) -> None:
    path = write_experiment(items=SEVERAL)
    assert mushra("check", path, cwd=good).returncode == 0
    strict = mushra("check", path, "--strict", cwd=good)
    assert strict.returncode == 1 and "warn  replicates" in strict.stdout


def test_what_can_not_be_used_is_exit_2(good) -> None:
    clip = next((good / "set/clips").iterdir())
    clip.write_bytes(clip.read_bytes()[:-10])
    done = mushra("check", good / "set", cwd=good)
    assert done.returncode == 2 and "not the file that was built" in done.stderr and "Traceback" not in done.stderr
    assert mushra("check", good / "nothing", cwd=good).returncode == 2


SPOILED = {
    "lag": lambda x: np.roll(x, 75, axis=0),
    "polarity": lambda x: -x,
    "gain-error": lambda x: 0.5 * x,
    "swapped-channels": lambda x: x[:, ::-1],
    "dual-mono": lambda x: np.repeat(x.mean(axis=1, keepdims=True), 2, axis=1),
    "clipping": lambda x: np.clip(x, -0.15, 0.15),
    "dc": lambda x: x + 0.01,
}


ALSO = {"gain-error": {"loudness-in-item"}, "dual-mono": {"gain-error"}}
"""What follows from such a fault: half as loud is not as loud, and the mean of two strangers is softer."""


@pytest.mark.parametrize("rule", SPOILED)
def test_a_spoiled_estimate_breaks_its_rule_by_its_sound(good, write_experiment, rule) -> None:
    """Real sound, real build: the estimate is spoiled, nothing else, and the rule of that fault is broken."""
    for song in ("Song A", "Song B"):
        path = good / f"estimates/home/{song}/accompaniment.wav"
        write(path, SPOILED[rule](soundfile.read(path, dtype="float32")[0]))
    made = build(good / "experiment.toml", good / "set", jobs=1, progress=False)
    found = [result for result in made.rules if not result.passed]
    assert {result.rule for result in found} == {rule} | ALSO.get(rule, set())
    (of_it,) = [result for result in found if result.rule == rule]
    assert {made_clip.condition for made_clip in made.clips if made_clip.token in of_it.clips} == {"home"}
    assert [result.clips for result in check_built(good / "set") if result.rule == rule] == [of_it.clips]


@pytest.mark.parametrize(
    ("rule", "sound"),
    [
        ("wrong-target", lambda stems: stems["vocals"] + 0.1 * stems["other"]),
        ("copy-of-mixture", lambda stems: 0.9 * sum(stems.values())),
        ("copy-of-reference", lambda stems: sum(stems[name] for name in ("drums", "bass", "other"))),
    ],
)
def test_a_file_that_is_something_else_is_recognised(good, rule, sound) -> None:
    for song in ("Song A", "Song B"):
        names = ("vocals", "drums", "bass", "other")
        stems = {name: soundfile.read(good / f"songs/{song}/{name}.wav", dtype="float32")[0] for name in names}
        write(good / f"estimates/home/{song}/accompaniment.wav", sound(stems))
    made = build(good / "experiment.toml", good / "set", jobs=1, progress=False)
    assert rule in {result.rule for result in made.missing_for_mushra}


def test_drop_outs_are_found_where_the_reference_sounds(good) -> None:
    path = good / "estimates/home/Song A/accompaniment.wav"
    sound = soundfile.read(path, dtype="float32")[0]
    sound[RATE_HZ // 4 : RATE_HZ * 3 // 4] = 0
    write(path, sound)
    made = build(good / "experiment.toml", good / "set", jobs=1, progress=False)
    (found,) = [result for result in made.rules if not result.passed and result.rule == "drop-outs"]
    assert "home in A 0.0 (0.4 s)" in found.message


def test_an_anchor_that_misses_the_mask_or_comes_late_is_found_by_its_sound(good, monkeypatch) -> None:
    """The faults of a known rival: a filter too gentle by 5 dB, and one whose delay is not taken out."""
    from scipy.signal import firwin, oaconvolve

    from stimuli import anchors, conditions

    def gentle(samples, rate_hz, *, cutoff_hz):
        taps = firwin(151, 1.12 * cutoff_hz, fs=rate_hz)[:, None].astype(np.float32)
        return oaconvolve(samples, taps, mode="same", axes=0).astype(np.float32)

    own = anchors.lowpass
    for fault, rule in (
        (gentle, "anchor-response"),
        (
            lambda samples, rate_hz, *, cutoff_hz: np.roll(own(samples, rate_hz, cutoff_hz=cutoff_hz), -88, 0),
            "anchor-lag",
        ),
    ):
        monkeypatch.setattr(anchors, "lowpass", fault)
        monkeypatch.setitem(conditions.VERSIONS, "lowpass", f"planted {rule}")
        made = build(good / "experiment.toml", good / "set", jobs=1, progress=False)
        assert rule in {result.rule for result in made.missing_for_mushra} & broken(good / "set")


@pytest.mark.parametrize("rate_hz", [16_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000])
def test_the_mask_holds_in_rendered_clips_at_every_rate(tmp_path, write_experiment, rate_hz) -> None:
    """From files through the whole build: what the finished clips measure, not what the filter promises."""
    rng = np.random.default_rng(rate_hz)
    frames = round(LENGTH_S * rate_hz)
    for stem in ("vocals", "other"):
        white = 0.1 * rng.standard_normal((frames, 2)).clip(-3, 3).astype(np.float32)
        write(tmp_path / f"songs/S/{stem}.wav", white, rate_hz)
    items = '[[items]]\nsong = "S"\nexcerpt = { start_s = 0.5, length_s = 2.0 }\n'
    anchors = ANCHORS if rate_hz > 16_000 else ANCHORS.replace('[[anchors]]\nkind = "lowpass"\ncutoff_hz = 7000\n', "")
    system = '[[systems]]\nname = "centre"\nkind = "centre_cancellation"\n'
    path = write_experiment(items=items, anchors=anchors, systems=system)
    made = build(path, tmp_path / "set", jobs=1, progress=False)
    measured = [clip.facts.response for clip in made.clips if clip.facts and clip.facts.response]
    assert len(measured) == (2 if rate_hz > 16_000 else 1)
    for found in measured:
        assert found.ripple_db is not None and found.ripple_db <= 0.1
        assert found.at_8_7_db is not None and found.at_8_7_db <= -25
        assert found.from_9_7_db is None or found.from_9_7_db <= -50
    assert all(result.passed for result in made.rules if result.rule in ("anchor-response", "anchor-lag"))


def test_a_manifest_that_lies_about_a_sound_is_found_out(good) -> None:
    path = good / "set" / "manifest.json"
    told = json.loads(path.read_text())
    told["clips"][3]["lufs_after"] += 1.0
    path.write_text(json.dumps(told))
    with pytest.raises(ManifestError, match=r"LUFS, the manifest says"):
        check_built(good / "set")


def test_rules_are_stored_in_the_manifest_with_the_clips_they_mean(good) -> None:
    write(good / "estimates/home/Song A/accompaniment.wav", -noise(1))
    made = build(good / "experiment.toml", good / "set", jobs=1, progress=False)
    assert manifest.read(good / "set").rules == made.rules
    tokens = {clip.token for clip in made.clips}
    assert all(set(result.clips) <= tokens for result in made.rules)
