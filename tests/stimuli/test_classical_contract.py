"""What every system without stems and weights promises, masks and the REPET family alike."""

from __future__ import annotations

import numpy as np
import pytest
import test_repet_family
from known_songs import RATE_HZ, si_sdr, song_of, system
from small_world import noise

from stimuli.errors import StimuliError
from stimuli.separators import Song, mixed, run

KINDS = ("hpss_two_stage", "left_minus_right", "panning_mask", "fourier_2d", *test_repet_family.KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 2), (10, 2), (RATE_HZ, 1), (RATE_HZ, 2)])
def test_any_length_comes_back_finite_and_the_same_twice(kind, shape) -> None:
    short = Song("x", 22_050, noise(2)[: shape[0], : shape[1]], {})
    first, second = (run.run(system(kind), kind, short, "vocals")[0] for _ in range(2))
    assert first.shape == shape and np.isfinite(first).all() and np.array_equal(first, second)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_level_and_sum(kind) -> None:
    loud = song_of(vocals=noise(1), other=noise(2))
    parts = [run.run(system(kind), kind, loud, target)[0] for target in ("vocals", "accompaniment")]
    assert np.abs(mixed(parts) - loud.mixture).max() < 1e-6
    quiet = Song("x", RATE_HZ, loud.mixture * np.float32(0.1))
    assert si_sdr(run.run(system(kind), kind, quiet, "accompaniment")[0], parts[1]) > 60
    one_side = loud.mixture * np.array([[1, 0]], np.float32)
    assert np.isfinite(run.run(system(kind), kind, Song("x", RATE_HZ, one_side), "accompaniment")[0]).all()
    assert not run.run(system(kind), kind, Song("x", RATE_HZ, 0 * one_side), "accompaniment")[0].any()
    with pytest.raises(StimuliError, match="can give vocals or accompaniment, not 'drums'"):
        run.run(system(kind), kind, loud, "drums")
