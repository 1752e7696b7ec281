"""``mushra new``: every file it writes can be read, checked and built."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from commands import mushra
from small_world import RATE_HZ, noise, write

from stimuli import experiment, starter
from stimuli.build import build
from stimuli.errors import StimuliError
from stimuli.standard.check import check_experiment


def in_a_process(*arguments: object, cwd) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mushra_app.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_the_example_can_be_read_and_is_never_overwritten(tmp_path) -> None:
    done = in_a_process("new", cwd=tmp_path)
    assert done.returncode == 0 and experiment.load(tmp_path / "experiment.toml").conditions[0] == "reference"
    again = mushra("new", cwd=tmp_path)
    assert again.returncode == 2 and "is there already; choose another name" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_folder_of_songs_and_estimates_becomes_an_experiment_that_builds(world) -> None:
    said = []
    starter.write_from_folder(world / "experiment.toml", world, said.append)
    found = experiment.load(world / "experiment.toml")
    assert [item.song for item in found.items] == ["Song A", "Song B"] and found.items[0].use == "both"
    assert [system.name for system in found.systems] == ["home"] and "found 2 songs" in said[0]
    made = build(world / "experiment.toml", world / "set", jobs=1, progress=False)
    assert {clip.condition for clip in made.clips} == {"reference", "home", "lowpass-3500", "lowpass-7000", "mixture"}


def test_the_attributes_of_separation_come_with_their_anchors_and_break_no_rule(world) -> None:
    done = mushra("new", "separation.toml", "--from", ".", "--attributes", "separation", cwd=world)
    assert done.returncode == 0, done.stderr
    found = experiment.load(world / "separation.toml")
    assert [(one.name, len(found.anchors_of(one.name))) for one in found.attributes] == [
        ("overall", 3),
        ("target", 2),
        ("suppression", 2),
        ("artefacts", 2),
    ]
    broken = {result.rule for result in check_experiment(found) if not result.passed}
    assert not broken & {"hidden-signals", "lowpass-anchors", "first-attribute"}
    assert mushra("new", "example.toml", "--attributes", "separation", cwd=world).returncode == 0
    assert experiment.load(world / "example.toml").attributes == found.attributes


def test_the_excerpt_with_the_most_singing_is_taken(tmp_path) -> None:
    sound = 0.01 * noise(1, 30.0)
    sound[12 * RATE_HZ : 22 * RATE_HZ] *= 30
    write(tmp_path / "songs/S/vocals.wav", sound)
    write(tmp_path / "songs/S/other.wav", noise(2, 30.0))
    write(tmp_path / "estimates/m/S/accompaniment.wav", noise(2, 30.0))
    starter.write_from_folder(tmp_path / "experiment.toml", tmp_path, lambda _: None)
    items = experiment.load(tmp_path / "experiment.toml").items
    assert (items[0].excerpt.start_s, items[0].excerpt.length_s) == (12.0, 10.0)
    assert all(item.excerpt.start_s <= 2 or item.excerpt.start_s >= 22 for item in items[1:])


def test_few_songs_give_several_excerpts_each_that_do_not_overlap(tmp_path) -> None:
    for number in range(2):
        write(tmp_path / f"songs/S{number}/vocals.wav", noise(number, 31.0))
        write(tmp_path / f"songs/S{number}/other.wav", noise(number + 2, 31.0))
        write(tmp_path / f"estimates/m/S{number}/accompaniment.wav", noise(number + 2, 31.0))
    starter.write_from_folder(tmp_path / "experiment.toml", tmp_path, lambda _: None)
    items = experiment.load(tmp_path / "experiment.toml").items
    starts = sorted(item.excerpt.start_s for item in items if item.song == "S0")
    assert len(items) >= 4 and all(later - earlier >= 10 for earlier, later in itertools.pairwise(starts))
    assert len({item.key for item in items}) == len(items) and max(starts) <= 21


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda w: (w / "estimates/home/Song A/accompaniment.wav").unlink(), "accompaniment.wav: missing estimate"),
        (lambda w: (w / "estimates").rename(w / "elsewhere"), "no systems here; expected estimates/<system>/<song>"),
        (lambda w: (w / "songs").rename(w / "elsewhere"), "no songs here; expected a folder per song"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(world, spoil, says) -> None:
    spoil(world)
    with pytest.raises(StimuliError, match=says):
        starter.write_from_folder(world / "experiment.toml", world, lambda _: None)
    assert not (world / "experiment.toml").exists()


def test_exit_codes_of_check_build_and_verify(write_experiment, world) -> None:
    path = write_experiment()
    checked = mushra("check", path, cwd=world)
    assert checked.returncode == 1 and "FAIL  items" in checked.stdout
    built = mushra("stimuli", "build", path, "--out", world / "set", "--jobs", 1, cwd=world)
    assert built.returncode == 0 and "14 clips of 2 items" in built.stdout
    assert mushra("stimuli", "verify", world / "set", cwd=world).returncode == 0
    clip = next((world / "set/clips").iterdir())
    clip.write_bytes(b"")
    spoiled = in_a_process("stimuli", "verify", world / "set", cwd=world)
    assert spoiled.returncode == 2 and "not the file that was built" in spoiled.stderr
    assert "Traceback" not in spoiled.stderr
