"""The separation anchors: each spoils what it says, by as much as it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import RATE_HZ, noise

from stimuli import separation_anchors as anchors
from stimuli.errors import SoundError

REFERENCE, VOCALS = noise(1), noise(2)


def level_db(sound: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound**2) / np.mean(other**2)))


def spoiled(kind: str, sound: np.ndarray, seed: int = 0) -> np.ndarray:
    if kind == "artefact":
        return anchors.artefact(sound, RATE_HZ, removed=0.5, noise_db=0.0, seed=seed)
    return anchors.distortion(sound, RATE_HZ, cutoff_hz=3500, removed=0.2, seed=seed)


@pytest.mark.parametrize("asked_db", [-20.0, -6.0, 0.0])
def test_interference_is_left_in_at_the_level_that_is_asked(asked_db) -> None:
    found = anchors.interference(REFERENCE, REFERENCE + VOCALS, level_db=asked_db)
    assert level_db(found - REFERENCE, VOCALS) == pytest.approx(asked_db, abs=0.01) and found.dtype == np.float32
    whole = anchors.interference(REFERENCE, REFERENCE + VOCALS, level_db=0.0)
    assert np.allclose(whole, REFERENCE + VOCALS, atol=1e-6)


@pytest.mark.parametrize("removed", [0.0, 0.2, 0.7])
def test_the_share_of_bins_that_is_removed_is_gone(removed) -> None:
    """Of noise, a share of bins is a share of energy; what is left is the reference where it is left."""
    found = anchors.artefact(REFERENCE, RATE_HZ, removed=removed, noise_db=-200.0, seed=1)
    # A hole is filled from its neighbours' overlapping windows, so that less than the share goes.
    own = np.vdot(found, REFERENCE) / np.vdot(REFERENCE, REFERENCE)
    assert own == pytest.approx(1 - removed, abs=0.02)
    if removed == 0:
        assert np.abs(found - REFERENCE).max() < 1e-5


def test_musical_noise_follows_the_sound_and_its_level() -> None:
    quiet = REFERENCE.copy()
    quiet[RATE_HZ:] = 0
    noisy, still = (
        anchors.artefact(quiet, RATE_HZ, removed=0.0, noise_db=level, seed=1) - quiet for level in (20.0, 0.0)
    )
    assert level_db(noisy[: RATE_HZ // 2], still[: RATE_HZ // 2]) == pytest.approx(20, abs=0.1)
    assert np.abs(noisy[RATE_HZ + 12_000 :]).max() < 1e-6, "no noise where there is silence"
    assert abs(np.vdot(still, quiet)) < 0.05 * np.linalg.norm(still) * np.linalg.norm(quiet)


def test_distortion_is_dull_and_has_holes() -> None:
    found = spoiled("distortion", REFERENCE)
    spectrum = np.abs(np.fft.rfft(found[:, 0])) / np.abs(np.fft.rfft(REFERENCE[:, 0])).mean()
    frequency = np.fft.rfftfreq(len(found), 1 / RATE_HZ)
    assert spectrum[frequency > 5000].mean() < 1e-3
    assert 0.7 < spectrum[frequency < 3300].mean() < 0.95


@pytest.mark.parametrize("kind", ["artefact", "distortion"])
def test_a_seed_is_a_sound(kind) -> None:
    assert np.array_equal(spoiled(kind, REFERENCE, 3), spoiled(kind, REFERENCE, 3))
    assert not np.allclose(spoiled(kind, REFERENCE, 3), spoiled(kind, REFERENCE, 4), atol=1e-3)
    found = spoiled(kind, REFERENCE[:, :1])
    assert found.shape == (len(REFERENCE), 1) and found.dtype == np.float32
    assert not spoiled(kind, 0 * REFERENCE).any(), "silence stays silent"


def test_the_holes_are_the_same_in_both_channels() -> None:
    found = spoiled("artefact", np.repeat(REFERENCE[:, :1], 2, axis=1))
    assert np.allclose(found[:, 0], found[:, 1], atol=1e-6)


def test_the_image_is_gone_or_out_of_balance() -> None:
    mono = anchors.spatial(REFERENCE, mode="mono", balance_db=0)
    assert np.array_equal(mono[:, 0], mono[:, 1]) and np.allclose(mono[:, 0], REFERENCE.mean(axis=1), atol=1e-6)
    before = level_db(REFERENCE[:, 0], REFERENCE[:, 1])
    leaning = anchors.spatial(REFERENCE, mode="unbalanced", balance_db=10)
    assert level_db(leaning[:, 0], leaning[:, 1]) - before == pytest.approx(10, abs=1e-3)
    assert level_db(leaning[:, 0], REFERENCE[:, 0]) == pytest.approx(5, abs=1e-3)
    with pytest.raises(SoundError, match="a mono reference has no image to be spoiled"):
        anchors.spatial(REFERENCE[:, :1], mode="mono", balance_db=0)


@pytest.mark.parametrize("vocals_db", [-6.0, 0.0, 6.0])
def test_a_remix_moves_the_vocals_alone(vocals_db) -> None:
    found = anchors.remix(REFERENCE + VOCALS, VOCALS, vocals_db=vocals_db)
    assert level_db(found - REFERENCE, VOCALS) == pytest.approx(vocals_db, abs=0.01)


def test_a_loud_moment_before_silence_makes_no_nan() -> None:
    """A running mean that rounds below zero would: its root is no number."""
    sound = np.zeros((2 * RATE_HZ, 2), np.float32)
    sound[4000:9000] = 0.9 * np.sign(noise(3)[:5000])
    sound[9000:30_000] = 1e-4 * noise(4)[:21_000]
    for kind in ("artefact", "distortion"):
        for seed in range(3):
            assert np.isfinite(spoiled(kind, sound, seed)).all()
