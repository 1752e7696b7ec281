"""Songs: what a folder must hold, what is wrong with one that doesn't, the demo's own and its experiment."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from small_world import RATE_HZ, noise, write

from stimuli import experiment, starter
from stimuli.errors import StimuliError
from stimuli.experiment import Songs
from stimuli.sources import demo_songs
from stimuli.sources.demo_band import synthesise
from stimuli.sources.demo_songs import DemoSongs
from stimuli.sources.song import SongSource, read_target, target_stems, whole
from stimuli.sources.songs import source


def musdb(root: Path, **more: int) -> SongSource:
    return source(Songs(root=str(root), **more), root)


def folder(world) -> SongSource:
    return musdb(world / "songs")


def test_the_mixture_is_the_sum_where_no_file_holds_it(world) -> None:
    opened = folder(world).open("Song A")
    song = whole(opened)
    assert sorted(song.stems) == ["bass", "drums", "other", "vocals"]
    assert np.allclose(song.mixture, sum(song.stems.values()), atol=1e-6)
    assert np.allclose(read_target(opened, "accompaniment"), song.mixture - song.stems["vocals"], atol=1e-6)
    assert np.array_equal(read_target(opened, "drums"), song.stems["drums"])


def test_a_stretch_is_the_stretch_of_the_whole(world) -> None:
    song = folder(world).open("Song A")
    for what in ("mixture", "vocals"):
        assert np.array_equal(song.read(what, 5000, 777), song.read(what)[5000:5777])


def test_songs_are_resampled_only_where_the_file_asks_for_it(world) -> None:
    native, other = folder(world).open("Song A"), musdb(world / "songs", resample_hz=48_000).open("Song A")
    assert native.form.rate_hz == 44_100 and other.form.rate_hz == 48_000 and other.form.frames == 3 * 48_000
    assert len(other.read("drums")) == 3 * 48_000
    assert np.array_equal(other.read("drums", 1000, 99), other.read("drums")[1000:1099])
    assert native.fingerprint("drums") != other.fingerprint("drums")


def test_a_fingerprint_changes_with_the_file_and_with_nothing_else(world) -> None:
    before = folder(world).open("Song A")
    prints = {what: before.fingerprint(what) for what in ("mixture", "drums", "vocals")}
    assert {what: folder(world).open("Song A").fingerprint(what) for what in prints} == prints
    write(world / "songs/Song A/drums.wav", noise(99))
    after = {what: folder(world).open("Song A").fingerprint(what) for what in prints}
    assert after["vocals"] == prints["vocals"] and after["drums"] != prints["drums"]
    assert after["mixture"] != prints["mixture"], "the mixture is the sum of the stems"


def test_a_file_called_accompaniment_is_the_rest(tmp_path) -> None:
    for stem, seed in (("vocals", 1), ("accompaniment", 2), ("mixture", 3)):
        write(tmp_path / "S" / f"{stem}.wav", noise(seed))
    song = musdb(tmp_path).open("S")
    assert np.array_equal(song.read("mixture"), noise(3)) and np.array_equal(
        read_target(song, "accompaniment"), noise(2)
    )


def test_songs_below_train_and_test_are_found(tmp_path) -> None:
    for part in ("train", "test"):
        write(tmp_path / part / f"In {part}" / "vocals.wav", noise(1))
    assert musdb(tmp_path).names() == ["In test", "In train"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda song: write(song / "drums.wav", noise(1)[:-5]), r"132295 frames, but bass.wav has 132300 frames"),
        (lambda song: write(song / "drums.wav", noise(1), 48_000), "48000 Hz, but bass.wav has 44100 Hz"),
        (lambda song: write(song / "drums.wav", noise(1)[:, :1]), r"1 channel\(s\), but bass.wav has 2"),
        (lambda song: (song / "drums.wav").write_bytes(b"no sound"), "can't be read as sound"),
        (lambda song: (song / "drums.wav").write_bytes((song / "drums.wav").read_bytes()[:50_000]), "drums.wav: "),
        (lambda song: [path.unlink() for path in song.iterdir()], "no song 'Song A'"),
    ],
)
def test_a_spoiled_song_says_what_and_where(world, spoil, says) -> None:
    spoil(world / "songs" / "Song A")
    with pytest.raises(StimuliError, match=says) as caught:
        folder(world).open("Song A").read("mixture")
    assert "Song A" in str(caught.value)


def test_an_unknown_song_and_a_missing_target(world) -> None:
    with pytest.raises(StimuliError, match="no song 'Song C' here; found Song A, Song B"):
        folder(world).open("Song C")
    (world / "songs" / "Song A" / "drums.wav").unlink()
    with pytest.raises(StimuliError, match="no stem for the target 'drums'; found bass, other, vocals"):
        target_stems(folder(world).open("Song A"), "drums")


@pytest.mark.parametrize(
    ("stems", "target"), [(("dialogue", "music", "effects"), "dialogue"), (("lead", "harmony"), "lead")]
)
def test_any_stem_can_be_the_target(tmp_path, stems, target) -> None:
    for seed, stem in enumerate(stems):
        write(tmp_path / "S" / f"{stem}.wav", noise(seed))
    song = musdb(tmp_path).open("S")
    assert np.array_equal(read_target(song, target), noise(0))
    assert np.allclose(song.read("mixture"), sum(noise(seed) for seed in range(len(stems))), atol=1e-6)


def middle_and_sides(sound: np.ndarray) -> float:
    """Level of what differs between the channels against what they share, in dB."""
    return float(10 * np.log10(np.mean((sound[:, 0] - sound[:, 1]) ** 2) / np.mean(sound.sum(axis=1) ** 2)))


def test_a_synthetic_song_is_the_same_when_it_is_played_again() -> None:
    score = demo_songs.SONGS[0]
    assert np.array_equal(synthesise.__wrapped__(score).read("mixture"), synthesise(score).read("mixture"))


@pytest.mark.parametrize("score", demo_songs.SONGS, ids=lambda score: score.name)
def test_a_synthetic_song_is_what_it_is_said_to_be(score) -> None:
    opened = synthesise(score)
    song = whole(opened)
    singer, rest = song.stems["vocals"], read_target(opened, "accompaniment")
    assert song.mixture.shape == (10 * RATE_HZ, 2) and np.abs(song.mixture).max() == pytest.approx(0.9, abs=1e-3)
    assert np.allclose(sum(song.stems.values()), song.mixture, atol=1e-6)
    assert 10 * np.log10(np.mean(singer**2) / np.mean(rest**2)) == pytest.approx(score.voice_db, abs=0.1)
    assert middle_and_sides(rest) > middle_and_sides(singer) + 2, "wide accompaniment, singer near the middle"
    assert np.mean(singer[:, 1] ** 2) > 1.2 * np.mean(singer[:, 0] ** 2), "but not quite in the middle"


def test_the_songs_differ_in_tempo_key_and_mix() -> None:
    for what in ("tempo_bpm", "root", "chords", "seed"):
        assert len({getattr(score, what) for score in demo_songs.SONGS}) == 5, what


def test_falcon_69_is_read_out_of_its_package() -> None:
    song = whole(DemoSongs().open(demo_songs.FALCON_69))
    assert len(song.mixture) / song.rate_hz == pytest.approx(6.08, abs=0.01)
    assert np.abs(song.mixture).max() == pytest.approx(0.97, abs=1e-3)
    assert np.allclose(sum(song.stems.values()), song.mixture, atol=1e-6)
    assert np.mean(song.stems["vocals"] ** 2) > 1e-5


def test_a_stems_file_is_a_song(tmp_path, monkeypatch) -> None:
    spec = importlib.util.find_spec("stempeg")
    assert spec and spec.submodule_search_locations
    (path,) = Path(spec.submodule_search_locations[0]).glob("data/*Falcon 69*.mp4")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A - B.stem.mp4").symlink_to(path)
    assert musdb(tmp_path).names() == ["A - B"]
    song = whole(musdb(tmp_path).open("A - B"))
    assert sorted(song.stems) == ["bass", "drums", "other", "vocals"] and song.mixture.shape == (268_288, 2)
    (tmp_path / "Bad.stem.mp4").write_bytes(b"not a container")
    with pytest.raises(StimuliError, match="can't be read as sound"):
        musdb(tmp_path).open("Bad")


def test_what_falcon_69_needs_is_said(monkeypatch) -> None:
    find = demo_songs.importlib.util.find_spec
    monkeypatch.setattr(demo_songs.importlib.util, "find_spec", lambda name: None if name == "av" else find(name))
    with pytest.raises(StimuliError, match=r'package av is not installed; pip install "hidden-reference\[demo\]"'):
        demo_songs.falcon_69.__wrapped__()
    assert demo_songs.FALCON_69 not in DemoSongs().names()


def test_the_demo_is_an_experiment_with_estimates_made_beforehand(tmp_path) -> None:
    said = []
    starter.write_demo(tmp_path / "experiment.toml", None, said.append)
    found = experiment.load(tmp_path / "experiment.toml")
    assert len(found.items) == 6 and sum(item.use == "training" for item in found.items) == 1
    assert len(found.conditions) == 9 and len(list(tmp_path.glob("estimates/take-home/*/accompaniment.wav"))) == 6
    before = (tmp_path / "experiment.toml").stat().st_mtime_ns
    again = []
    starter.write_demo(tmp_path / "experiment.toml", None, again.append)
    assert again == [] and (tmp_path / "experiment.toml").stat().st_mtime_ns == before


def test_the_demo_takes_other_songs(world) -> None:
    starter.write_demo(world / "demo" / "experiment.toml", world / "songs", lambda _: None)
    found = experiment.load(world / "demo" / "experiment.toml")
    assert [item.song for item in found.items] == ["Song A", "Song B"] and found.items[-1].use == "both"
