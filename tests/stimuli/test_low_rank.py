"""Low-rank systems: what was planted is found again, and real songs come out as far as others measured them."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import RATE_HZ, noise

from stimuli.experiment import RpcaSystem
from stimuli.separators import Song, run, separator
from stimuli.separators.classical.rpca import by_segments, rpca
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
    parts = [separator(RPCA).separate(song, target) for target in ("vocals", "accompaniment", "accompaniment")]
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
