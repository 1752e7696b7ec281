"""Low-rank systems: what was planted is found again, and real songs come out as far as others measured them."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from small_world import RATE_HZ, noise, write

from stimuli.experiment import LrrSystem, MlrrSystem, RpcaSystem
from stimuli.separators import Song, run, separator
from stimuli.separators.low_rank import online
from stimuli.separators.low_rank.lrr import lrr, mlrr
from stimuli.separators.low_rank.rpca import by_segments, rpca
from stimuli.sources.demo_songs import falcon_69
from stimuli.sources.song import whole

RPCA = RpcaSystem(name="x", kind="rpca")


def si_sdr(estimate: np.ndarray, truth: np.ndarray) -> float:
    e, s = estimate.astype(float).ravel(), truth.astype(float).ravel()
    near = (e @ s) / (s @ s) * s
    return float(10 * np.log10((near @ near) / ((e - near) @ (e - near))))


def apart(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


def planted(rank: int, share: float, shape: tuple[int, int] = (257, 200)) -> tuple[np.ndarray, np.ndarray]:
    """A matrix of a rank, and a sparse one."""
    rng = np.random.default_rng(0)
    low = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    return low, np.where(rng.random(shape) < share, rng.uniform(-10, 10, shape), 0)


def by_singular_values(matrix: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray, int]:
    """The public recipe, as it is written: a full singular value decomposition in every iteration."""
    weight, largest = 1 / np.sqrt(max(matrix.shape)), np.linalg.norm(matrix, 2)
    low, sparse, penalty = np.zeros_like(matrix), np.zeros_like(matrix), 1.25 / largest
    multiplier, steepest, count = matrix / max(largest, np.abs(matrix).max() / weight), 1e7 * penalty, 0
    while count == 0 or np.linalg.norm(matrix - low - sparse) > tolerance * np.linalg.norm(matrix):
        point = matrix - low + multiplier / penalty
        sparse = np.sign(point) * np.maximum(np.abs(point) - weight / penalty, 0)
        left, values, right = np.linalg.svd(matrix - sparse + multiplier / penalty, full_matrices=False)
        low = (left * np.maximum(values - 1 / penalty, 0)) @ right
        multiplier = multiplier + penalty * (matrix - low - sparse)
        penalty, count = min(1.5 * penalty, steepest), count + 1
    return low, sparse, count


@pytest.mark.parametrize("shape", [(513, 400), (200, 257)])
def test_rpca_finds_what_was_planted(shape) -> None:
    low, sparse = planted(5, 0.05, shape)
    found = rpca(low + sparse)
    assert apart(found.low_rank, low) < 1e-5 and apart(found.sparse, sparse) < 1e-5 and found.iterations < 50


def test_rpca_is_the_public_recipe_iteration_by_iteration() -> None:
    magnitude = np.abs(np.random.default_rng(1).standard_normal((120, 5)) @ np.random.default_rng(2).random((5, 300)))
    magnitude += noise(3)[: 120 * 300, 0].reshape(120, 300) ** 2
    low, sparse, count = by_singular_values(magnitude, 1e-4)
    for kind, most in ((float, 1e-9), (np.float32, 1e-4)):
        found = rpca(magnitude.astype(kind), tolerance=1e-4)
        assert found.iterations == count and found.low_rank.dtype == kind
        assert apart(found.low_rank, low) < most and apart(found.sparse, sparse) < most


def test_a_heavier_weight_leaves_less_to_the_sparse_part() -> None:
    matrix = np.abs(np.random.default_rng(1).standard_normal((100, 200)))
    energies = [float(np.linalg.norm(rpca(matrix, weight, tolerance=1e-3).sparse)) for weight in (0.5, 1, 2)]
    assert energies[0] > energies[1] > energies[2] > 0


def test_segments_fade_into_each_other_and_cover_all() -> None:
    lengths: list[int] = []

    def voice(part: np.ndarray) -> np.ndarray:
        lengths.append(part.shape[1])
        return np.full(part.shape, len(lengths), np.float32)

    mask = by_segments(np.ones((3, 1000), np.float32), voice, 30, 10)
    assert len(lengths) == 4 and max(lengths) <= 300 and max(lengths) - min(lengths) <= 1
    assert mask.min() == 1 and mask.max() == pytest.approx(4) and (np.diff(mask[0]) > -1e-6).all()
    assert len(np.unique(mask[0].round(4))) == 4 + 3 * 10  # ten frames of each seam lie between two segments
    assert by_segments(np.ones((3, 1), np.float32), voice, 30, 10).tolist() == [[5], [5], [5]]


@pytest.mark.parametrize("frames", [1, 10, 60_000])
def test_rpca_takes_any_length_and_repeats(frames) -> None:
    song = Song("test", RATE_HZ, noise(1)[:frames])
    parts = [
        separator(RPCA).separate(song, [target])[target] for target in ("vocals", "accompaniment", "accompaniment")
    ]
    assert all(part.shape == (frames, 2) and np.isfinite(part).all() for part in parts)
    assert np.abs(parts[0] + parts[1] - song.mixture).max() < 1e-6 and np.array_equal(parts[1], parts[2])


@pytest.mark.parametrize("mixture", [np.zeros((9000, 2)), noise(1)[:9000] * (1, 0), noise(1)[:9000, :1]])
def test_rpca_takes_silence_one_silent_channel_and_mono(mixture) -> None:
    outcome, _ = run.run(separator(RPCA), "x", Song("test", 22_050, mixture.astype(np.float32)), "accompaniment")
    assert outcome.shape == mixture.shape and np.isfinite(outcome).all()
    assert (np.abs(outcome).max(axis=0) > 0).tolist() == (np.abs(mixture).max(axis=0) > 0).tolist()


def test_rpca_on_a_real_song_is_what_others_measured() -> None:
    song = whole(falcon_69())
    voice, music = song.stems["vocals"], song.mixture - song.stems["vocals"]
    outcome, _ = run.run(separator(RPCA), "x", song, "accompaniment")
    # A full singular value decomposition per iteration gave these, in a programme that shares nothing with this one.
    assert si_sdr(song.mixture - outcome, voice) == pytest.approx(-4.28, abs=0.02)
    assert si_sdr(outcome, music) == pytest.approx(4.45, abs=0.02)


def in_atoms(rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A dictionary of sixty atoms, and a part of low rank in it."""
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((257, 60))
    atoms /= np.linalg.norm(atoms, axis=0)
    return atoms, atoms @ rng.standard_normal((60, rank)) @ rng.standard_normal((rank, 200))


def test_lrr_finds_what_was_planted() -> None:
    atoms, music = in_atoms(3, 1)
    _, voice = planted(1, 0.02)
    low, sparse = lrr(music + voice, atoms)
    assert apart(low, music) < 1e-3 and apart(sparse, voice) < 1e-3
    low, sparse = lrr(music + voice, atoms, noise=5.0, tolerance=1e-8)
    rest = (music + voice - low - sparse)[np.abs(sparse) > 1e-3]
    # Where there is something sparse, its weight is the slope of the rest's: 2 noise |E| = 1/sqrt(max(m, n)).
    assert len(rest) > 500 and np.abs(rest) == pytest.approx(1 / np.sqrt(257) / 10, rel=1e-3)


def test_mlrr_finds_both_parts_where_rpca_can_not() -> None:
    (of_music, music), (of_voice, voice) = in_atoms(3, 1), in_atoms(3, 2)
    _, odd = planted(1, 0.02)
    found = mlrr(music + voice + odd, (of_music, of_voice))
    assert si_sdr(found[0], music) > 60 and si_sdr(found[1], voice) > 60
    assert si_sdr(rpca(music + voice + odd).low_rank, music) < 3


def test_low_rank_representations_know_no_level() -> None:
    (of_music, music), (of_voice, voice) = in_atoms(3, 1), in_atoms(3, 2)
    for gain in (1e-4, 1e4):
        assert si_sdr(mlrr(gain * (music + voice), (of_music, of_voice))[0], music) > 60
        assert si_sdr(lrr(gain * (music + planted(1, 0.02)[1]), of_music)[0], music) > 60


def test_a_dictionary_is_learnt_that_codes_what_it_never_heard() -> None:
    rng = np.random.default_rng(0)
    true = rng.random((80, 10)) * (rng.random((80, 10)) < 0.2) + 1e-6
    true /= np.linalg.norm(true, axis=0)
    heard, unheard = (true @ (rng.random((10, 600)) * (rng.random((10, 600)) < 0.25)) + 1e-9 for _ in range(2))
    spectra = unheard[:, np.linalg.norm(unheard, axis=0) > 0.1]
    spectra /= np.linalg.norm(spectra, axis=0)

    def cost(atoms: np.ndarray) -> float:
        codes = online.coded(spectra, atoms)
        return float(np.mean(((spectra - atoms @ codes) ** 2).sum(axis=0) / 2 + online.WEIGHT * codes.sum(axis=0)))

    atoms = online.learnt(heard, 10, 3)
    assert np.array_equal(atoms, online.learnt(heard, 10, 3)) and atoms.min() >= 0
    assert np.allclose(np.linalg.norm(atoms, axis=0), 1)
    assert (true.T @ atoms).max(axis=1).min() > 0.97 and cost(atoms) < 1.01 * cost(true)
    assert cost(spectra[:, :10]) > 1.5 * cost(true)  # ten of the spectra themselves would not do


@pytest.mark.parametrize("system", [LrrSystem, MlrrSystem])
def test_a_system_with_dictionaries_separates_what_it_was_taught(tmp_path, system) -> None:
    time = np.arange(3 * RATE_HZ)[:, None] / RATE_HZ * np.ones(2)
    music = sum(np.sin(2 * np.pi * f * time) * (np.sin(np.pi * r * time) > 0) for f, r in ((500, 2), (630, 3)))
    voice = np.sin(2 * np.pi * (1500 * time + 40 * np.sin(2 * np.pi * 5 * time)))
    for name, sound in (("music", music), ("voice", voice)):
        write(tmp_path / f"{name}.wav", (0.1 * sound).astype(np.float32))
    kind = {LrrSystem: "lrr", MlrrSystem: "mlrr"}[system]
    keys = {"accompaniment": "music.wav"} | ({"voice": "voice.wav"} if kind == "mlrr" else {})
    made = separator(system(name="x", kind=kind, components=10, **keys))
    made.folder = tmp_path
    mixture = (0.1 * (np.roll(music, RATE_HZ, axis=0) + np.roll(voice, RATE_HZ, axis=0))).astype(np.float32)
    outcome, again = (run.run(made, "x", Song("test", RATE_HZ, mixture), "accompaniment")[0] for _ in range(2))
    truth = np.roll(music, RATE_HZ, axis=0)
    assert si_sdr(outcome, truth) > si_sdr(mixture, truth) + 8 and np.array_equal(outcome, again)
    for frames in (1, 10):
        assert np.isfinite(run.run(made, "x", Song("t", RATE_HZ, mixture[:frames]), "vocals")[0]).all()
    with pytest.raises(ValidationError, match="give"):
        system(name="x", kind=kind)
