"""Songs longer than systems that hold spectra work on whole: how they are cut and joined, and what that costs."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from known_songs import rest_of, si_sdr, system
from small_world import noise, write

from stimuli import audio, experiment, loudness
from stimuli import separate as separation
from stimuli.plan import plan
from stimuli.render import as_heard, facts_of
from stimuli.separators import SEPARATORS, Song, mixed, run, separator, stretches
from stimuli.separators.chunks import join
from stimuli.separators.classical import masking
from stimuli.separators.classical.masking import VoiceMask
from stimuli.separators.low_rank import dictionaries
from stimuli.separators.spectral import Stft

RATE_HZ = 8000
SHARED = 4000
BOTH = ("vocals", "accompaniment")
ORACLES = tuple(kind for kind in SEPARATORS if kind.startswith("oracle"))
BY_SPECTRA = (
    *("repet", "repet_extended", "repet_adaptive", "repet_sim", "repet_sim_librosa", "repet_sim_online"),
    *("fourier_2d", "hpss_two_stage", "rpca", "rpca_f0"),
)
BY_EXAMPLES = ("nmf", "lrr", "mlrr")
SPEECH = {"deepfilternet3", "rnnoise"}
"""Streams of 10 ms frames, tested in a file of their own."""
AT_ONCE = ("centre_cancellation", "panning_mask", "left_minus_right", "spleeter_2stems")


@pytest.fixture
def short(monkeypatch) -> None:
    """Stretches of 2 s that share half a second."""
    monkeypatch.setattr(stretches, "LONGEST_S", 2.0)
    monkeypatch.setattr(stretches, "OVERLAP_S", 0.5)


def song(frames: int = 3 * RATE_HZ, rate_hz: int = RATE_HZ) -> Song:
    """Noise in two stems; 3 s are two stretches."""
    stems = {"vocals": noise(1, frames / 44_100), "other": noise(2, frames / 44_100)}
    return Song("long", rate_hz, mixed(stems.values()), stems)


class Heard(VoiceMask):
    """Answers with what it is told to, and remembers what it heard."""

    stft = Stft(2048, 512)

    def __init__(self, answer=lambda mixture, number: mixture) -> None:
        self.songs, self.answer = [], answer

    def separate(self, song: Song, targets) -> dict[str, np.ndarray]:
        self.songs.append(song)
        return {target: self.answer(song.mixture, len(self.songs)) for target in targets}


class AllVoice(VoiceMask):
    """A mask of one."""

    stft = Stft(2048, 512)

    def mask(self, spectra, rate_hz) -> np.ndarray:
        return np.ones_like(spectra, np.float32)


@pytest.mark.parametrize("frames", [1, 16_000, 16_001, 20_000, 28_000, 28_001, 500_003])
def test_stretches_are_equal_cover_the_song_and_share_what_they_should(short, frames) -> None:
    parts = stretches.stretches(Heard(), frames, RATE_HZ)
    lengths = [part.stop - part.start for part in parts]
    assert parts[0].start == 0 and parts[-1].stop == frames and max(lengths) <= 2 * RATE_HZ
    assert len(parts) == max(1, -(-(frames - SHARED) // 12_000)) and max(lengths) - min(lengths) <= 1
    assert all(before.stop - after.start == SHARED for before, after in itertools.pairwise(parts))


def test_of_neighbours_one_fades_in_as_the_other_fades_out(short) -> None:
    of = song()
    found, gain_db = run.run_all(Heard(lambda mixture, number: np.full_like(mixture, number)), "x", of, ["vocals"])
    shape = found["vocals"][:, 0] * 10 ** (gain_db / 20)
    (_, end), (start, _) = ((part.start, part.stop) for part in stretches.stretches(Heard(), len(of.mixture), RATE_HZ))
    assert end - start == SHARED and np.allclose(shape[:start], 1) and np.allclose(shape[end:], 2)
    assert np.allclose(shape[start:end], 1 + (np.arange(SHARED) + 0.5) / SHARED, atol=1e-6)
    assert np.array_equal(found["vocals"][:, 0], found["vocals"][:, 1])


def test_what_changes_nothing_gives_back_its_input_to_the_bit(short, monkeypatch) -> None:
    of, hears = song(7 * RATE_HZ + 11), Heard()
    cut = run.run_all(hears, "x", of, BOTH)[0]
    assert len(hears.songs) == 5 and hears.songs[0].rate_hz == RATE_HZ
    monkeypatch.setattr(stretches, "LONGEST_S", 600.0)
    whole = run.run_all(Heard(), "x", of, BOTH)[0]
    assert all(np.array_equal(cut[target], whole[target]) for target in BOTH)


def test_a_mask_of_one_gives_the_mixture(short) -> None:
    of = song(7 * RATE_HZ + 11)
    found = run.run_all(AllVoice(system("repet").system), "x", of, BOTH)[0]
    assert np.abs(found["vocals"] - of.mixture).max() < 1e-6 and np.abs(found["accompaniment"]).max() < 1e-6


def test_every_stretch_is_at_the_level_of_the_whole_song_and_has_its_own_part_of_the_stems(short) -> None:
    of, hears = song(), Heard()
    of.mixture[: RATE_HZ + SHARED] *= np.float32(0.01)
    _, gain_db = run.run_all(hears, "x", of, ["vocals"])
    assert gain_db == loudness.to_level(of.mixture, RATE_HZ, run.INPUT_LUFS)[1]
    gain = np.float32(10 ** (gain_db / 20))
    for heard, part in zip(hears.songs, stretches.stretches(hears, len(of.mixture), RATE_HZ), strict=True):
        assert np.array_equal(heard.mixture, of.mixture[part] * gain) and set(heard.stems) == {"vocals", "other"}
        assert np.array_equal(heard.stems["other"], of.stems["other"][part] * gain)


def entry(kind: str, folder: Path) -> experiment.AnySystem:
    """An entry of a kind; one that learns does so from two seconds of noise, in few steps."""
    keys = {}
    if kind in BY_EXAMPLES:
        keys = {"accompaniment": str(write(folder / "band.wav", noise(3), RATE_HZ)), "components": 4}
        keys |= {"voice": str(write(folder / "voice.wav", noise(4), RATE_HZ))} if kind == "mlrr" else {}
        keys |= {"iterations": 5} if kind == "nmf" else {}
    return system(kind, **keys).system


@pytest.mark.parametrize("kind", [*BY_SPECTRA, *BY_EXAMPLES, *ORACLES])
def test_systems_that_hold_spectra_work_on_up_to_the_limit_whole_and_on_more_in_stretches(
    short, monkeypatch, tmp_path, kind
) -> None:
    runs, limit, of = separator(entry(kind, tmp_path)), song(2 * RATE_HZ), song(2 * RATE_HZ + RATE_HZ // 2)
    first, again = (run.run_all(runs, "x", of, BOTH)[0] for _ in range(2))
    assert all(np.array_equal(first[target], again[target]) for target in BOTH)
    assert all(np.isfinite(first[target]).all() and first[target].shape == of.mixture.shape for target in BOTH)
    if kind not in ORACLES:
        assert np.abs(mixed(first.values()) - of.mixture).max() < 1e-6
    cut = run.run_all(runs, "x", limit, ["vocals"])[0]["vocals"]
    monkeypatch.setattr(stretches, "LONGEST_S", 600.0)
    assert np.array_equal(cut, run.run_all(runs, "x", limit, ["vocals"])[0]["vocals"])
    whole = run.run_all(runs, "x", of, ["vocals"])[0]["vocals"]
    assert not np.array_equal(first["vocals"], whole) and np.abs(first["vocals"] - whole).max() < of.mixture.max()


def test_all_runnable_kinds_are_tested_here_as_what_they_are() -> None:
    for kind in (*BY_SPECTRA, *BY_EXAMPLES, *ORACLES, *AT_ONCE):
        name = SEPARATORS[kind].rpartition(":")[2]
        module = __import__(SEPARATORS[kind].partition(":")[0], fromlist=[name])
        assert getattr(getattr(module, name), "holds_spectra", False) is (kind not in AT_ONCE), kind
    brought = {"command", "onnx", "torch_checkpoint", "plugin", "open_unmix", "demucs", "medleyvox"} | SPEECH
    tested = {*BY_SPECTRA, *BY_EXAMPLES, *ORACLES, *AT_ONCE}
    assert set(SEPARATORS) == tested | brought | {"minimum_magnitude"}


def test_an_oracle_hears_the_stems_of_its_stretch(short) -> None:
    of = song(5 * RATE_HZ)
    for kind, least_db in {"oracle_complex_mask": 60, "oracle_ratio_mask": 3, "oracle_wiener": 3}.items():
        found = run.run_all(system(kind), "x", of, ["accompaniment"])[0]["accompaniment"]
        assert si_sdr(found, rest_of(of)) > least_db, kind


@pytest.mark.parametrize("kind", ["repet", "hpss_two_stage", "oracle_ratio_mask", "oracle_wiener"])
def test_work_space_is_that_of_a_stretch_however_long_the_song(short, kind) -> None:
    beyond = []
    for seconds in (3.5, 14):  # two and nine stretches of 2 s
        of = song(round(seconds * RATE_HZ))
        run.run_all(system(kind), "x", song(RATE_HZ), BOTH)  # what is made at the first call is no work space
        tracemalloc.start()
        found = run.run_all(system(kind), "x", of, BOTH)[0]
        beyond.append(tracemalloc.get_traced_memory()[1] - sum(one.nbytes for one in found.values()))
        tracemalloc.stop()
    assert beyond[1] < 1.03 * beyond[0], beyond


def test_a_file_is_separated_with_no_more_in_memory_than_it_and_its_estimates(short, tmp_path) -> None:
    beyond = []
    for seconds in (30, 120):
        path = write(tmp_path / f"{seconds}.wav", noise(1, seconds * RATE_HZ / 44_100), RATE_HZ)
        tracemalloc.start()
        separation.separate(system("repet").system, system("repet"), path, tmp_path / "out")
        beyond.append(tracemalloc.get_traced_memory()[1] - 3 * seconds * RATE_HZ * 8)
        tracemalloc.stop()
    assert beyond[1] < 1.1 * beyond[0] and beyond[1] < 0.6 * 120 * RATE_HZ * 8, beyond


@pytest.mark.parametrize("kind", ["centre_cancellation", "panning_mask"])
def test_masks_of_single_cells_hold_no_more_than_sound(monkeypatch, kind) -> None:
    monkeypatch.setattr(masking, "BLOCK", 10)
    beyond = []
    for seconds in (8, 64):
        of = song(seconds * RATE_HZ)
        tracemalloc.start()
        run.run_all(system(kind), "x", of, ["vocals"])
        # What they hear, their estimate, and that at the song's own level.
        beyond.append(tracemalloc.get_traced_memory()[1] - 3 * of.mixture.nbytes)
        tracemalloc.stop()
    assert beyond[1] < 1.1 * beyond[0] < 5e6, beyond


def test_masks_of_single_cells_are_those_of_the_whole_spectra() -> None:
    of, runs = song(), system("centre_cancellation")
    spectra = runs.stft.forward(of.mixture)
    whole = runs.stft.inverse(spectra * runs.mask(spectra, RATE_HZ), len(of.mixture))
    assert np.array_equal(runs.separate(of, ["vocals"])["vocals"], whole)


@pytest.mark.parametrize("kind", ["none", "wiener", "em"])
def test_filters_work_on_the_blocks_that_they_would_make_of_the_whole(kind) -> None:
    runs, rng = system("repet", post_filter=kind), np.random.default_rng(1)
    spectra = rng.standard_normal((2, 9, 700, 2)).astype(np.float32).view(np.complex64)[..., 0]
    mask = rng.random((1, 9, 700), np.float32)
    blocks = np.concatenate(list(runs.filtered_blocks(mask, spectra)), axis=2)
    assert np.array_equal(blocks, runs.filtered(mask, spectra))


def test_a_longer_song_is_another_render_and_its_record_says_so(monkeypatch) -> None:
    runs, middle = system("repet"), system("centre_cancellation")
    assert as_heard("id", runs, 600.0) == "id" == as_heard("id", middle, 3600.0)
    longer = as_heard("id", runs, 600.1)
    assert longer not in ("id", as_heard("other", runs, 600.1)) and longer == as_heard("id", runs, 3600)
    told = facts_of(runs.system, runs, 1, 3600).parameters["stretches"]
    assert told == {"longest_s": 600.0, "overlap_s": 10.0, "version": stretches.VERSION}
    assert "stretches" not in facts_of(runs.system, runs, 1, 600).parameters
    assert "stretches" not in facts_of(middle.system, middle, 1, 3600).parameters
    monkeypatch.setattr(stretches, "VERSION", stretches.VERSION + 1)
    assert as_heard("id", runs, 3600) != longer


def test_an_ensemble_answers_for_members_that_hear_stretches(short) -> None:
    def of(*kinds: str):
        return system("minimum_magnitude", members=[{"name": kind.replace("_", "-"), "kind": kind} for kind in kinds])

    plain, holding = of("centre_cancellation", "panning_mask"), of("centre_cancellation", "repet")
    assert as_heard("id", plain, 3) == "id" != as_heard("id", holding, 3) and as_heard("id", holding, 2) == "id"
    alone = run.run_all(system("repet"), "x", song(), ["vocals"])[0]["vocals"]
    again = run.run_all(of("repet"), "x", song(), ["vocals"])[0]["vocals"]
    assert np.abs(alone - again).max() < 1e-6


def test_a_build_renders_anew_where_a_song_has_grown_too_long(write_experiment, monkeypatch) -> None:
    path = write_experiment(
        systems='[[systems]]\nname = "r"\nkind = "repet"\n[[systems]]\nname = "c"\nkind = "left_minus_right"\n'
    )

    def keys() -> dict[str, str]:
        planned = plan(experiment.load(path), path.parent, path.parent / "set", lambda _: None)
        return {name: job.key for (_, _, name), job in planned.renders.items()}

    before = keys()
    monkeypatch.setattr(stretches, "LONGEST_S", 2.5)
    after = keys()
    assert after["r"] != before["r"] and after["c"] == before["c"]


def test_a_piece_is_put_where_it_belongs_without_a_fade_too() -> None:
    whole = np.zeros((1, 6), np.float32)
    join(whole, np.ones((1, 4), np.float32), 0, 0)
    join(whole, np.full((1, 4), 3, np.float32), 2, 2)
    assert whole.tolist() == [[1, 1, 1.5, 2.5, 3, 3]]


def test_examples_are_the_same_spectra_as_all_at_once(tmp_path, monkeypatch) -> None:
    sound = np.concatenate([noise(1), np.zeros((9000, 2), np.float32), noise(2)])
    path, stft = write(tmp_path / "band.wav", sound, RATE_HZ), Stft(2048, 512)
    monkeypatch.setattr(dictionaries, "MOST_FRAMES", 100)
    spectra = np.abs(stft.forward(audio.read(path)[0])).mean(axis=0)
    sounding = spectra[:, spectra.sum(axis=0) > 0.01 * spectra.sum(axis=0).mean()]
    assert np.array_equal(dictionaries.examples(path, stft, RATE_HZ), sounding[:, :: -(-sounding.shape[1] // 100)])
