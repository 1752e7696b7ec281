"""The whole sounds behind a set: what they are, where they are looked for, and what is said when they are gone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from small_world import ANCHORS, noise, write

from stimuli import audio
from stimuli.build import build
from stimuli.errors import StimuliError
from stimuli.whole_songs import SetSong, songs_folder

ITEM = """
[[items]]
song = "Song A"
excerpt = { start_s = 0.5, length_s = 2.0 }
"""
MORE = '[[anchors]]\nkind = "artefact"\n[test]\nreferences = ["reference", "mixture"]\n'


@pytest.fixture
def made(write_experiment, world):
    """A set of one item with every way a condition can come to be."""
    return build(write_experiment(items=ITEM, anchors=ANCHORS + MORE), world / "set", jobs=1, progress=False)


def song(made, world, target: str = "accompaniment") -> SetSong:
    return SetSong(world / "set", made, "Song A", target, songs_folder(world / "set"))


def heard(made, world, condition: str) -> tuple:
    clip = next(clip for clip in made.clips if clip.condition == condition)
    return clip, audio.read(world / "set" / clip.file)[0]


def test_an_excerpt_is_what_was_heard_of_every_condition(made, world) -> None:
    excerpt = song(made, world).excerpt(made.items[0])
    conditions = {clip.condition for clip in made.clips}
    assert {"reference", "home", "centre", "lowpass-3500", "mixture", "mixture-open", "artefact"} <= conditions
    for condition in conditions:
        assert len(excerpt.check_heard(*heard(made, world, condition))) == 88_200, condition


def test_whole_sounds_are_the_songs_own(made, world) -> None:
    whole = song(made, world).whole()
    stems = {name: audio.read(world / f"songs/Song A/{name}.wav")[0] for name in ("vocals", "drums", "bass", "other")}
    rest = stems["drums"] + stems["bass"] + stems["other"]
    assert np.abs(whole.reference - rest).max() < 1e-6
    assert list(whole.others) == ["vocals"] and np.array_equal(whole.others["vocals"], stems["vocals"])
    assert np.abs(whole.mixture - rest - stems["vocals"]).max() < 1e-6
    assert np.abs(whole.sound("home") - rest - 0.2 * stems["vocals"]).max() < 1e-6
    assert whole.sound("centre").shape == whole.sound("lowpass-7000").shape == rest.shape


@pytest.mark.parametrize(("target", "others"), [("vocals", ["accompaniment"]), ("drums", ["bass", "other", "vocals"])])
def test_the_other_sources_are_what_else_is_in_the_mixture(made, world, target, others) -> None:
    whole = song(made, world, target).whole()
    assert sorted(whole.others) == others
    total = whole.reference + sum(whole.others.values())
    assert np.abs(total - whole.mixture).max() < 1e-6


def test_a_sound_that_was_replaced_is_not_what_was_heard(made, world) -> None:
    path = world / "estimates/home/Song A/accompaniment.wav"
    before = audio.read(path)[0]
    for changed in (before * np.float32(1.001), np.roll(before, 1, axis=0)):
        write(path, changed)
        with pytest.raises(StimuliError, match="something else here than was heard in Song A"):
            song(made, world).excerpt(made.items[0]).check_heard(*heard(made, world, "home"))


def test_what_is_gone_is_said(made, world) -> None:
    (render,) = world.glob("set/renders/*.wav")
    write(render, noise(1, seconds=1))
    with pytest.raises(StimuliError, match="centre: its render has another rate, length or number of channels"):
        song(made, world).whole().sound("centre")
    render.unlink()
    with pytest.raises(StimuliError, match=r"centre: its render is gone \(renders/.*\.wav\)"):
        song(made, world).fingerprint("centre")
    shutil.rmtree(world / "estimates")
    with pytest.raises(StimuliError, match="no such file"):
        song(made, world).whole().sound("home")
    shutil.rmtree(world / "songs")
    with pytest.raises(StimuliError, match="no such folder"):
        song(made, world).whole()


def test_a_record_of_another_release_is_no_traceback(made, world) -> None:
    def with_kind(kind: str):
        clips = [
            clip.model_copy(update={"provenance": clip.provenance.model_copy(update={"kind": kind})})
            for clip in made.clips
        ]
        return made.model_copy(update={"clips": tuple(clips)})

    with pytest.raises(StimuliError, match="lowpass-3500: this release makes no anchor of the kind 'brickwall'"):
        song(with_kind("brickwall"), world).fingerprint("lowpass-3500")


def test_fingerprints_follow_the_sounds(made, world) -> None:
    before = {name: song(made, world).fingerprint(name) for name in (None, "home", "centre", "lowpass-3500")}
    assert before == {name: song(made, world).fingerprint(name) for name in before}
    write(world / "songs/Song A/drums.wav", noise(77))
    after = {name: song(made, world).fingerprint(name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {None, "lowpass-3500"}


def test_a_set_finds_its_experiment_file_again(made, world, tmp_path_factory) -> None:
    assert songs_folder(world / "set").resolve() == world.resolve()
    alone = tmp_path_factory.mktemp("elsewhere") / "set"
    shutil.copytree(world / "set", alone)
    assert songs_folder(alone) == world
    together = tmp_path_factory.mktemp("moved")
    shutil.copytree(world, together, dirs_exist_ok=True)
    (world / "experiment.toml").unlink()
    assert songs_folder(together / "set").resolve() == together.resolve()
    assert str(world) not in (world / "set/manifest.json").read_text()
    (alone / "records/experiment-folder.json").write_text("{")
    assert songs_folder(alone) == alone.parent, "wherever one happens to be"
