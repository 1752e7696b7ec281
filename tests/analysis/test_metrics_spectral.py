"""Distances between spectra: auraloss's numbers, a gain, a notch, a delay."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from known_sounds import RATE_HZ, noise, numbers

from analysis.errors import AnalysisError
from analysis.metrics.families.spectral import lsd_db, mr_stft_distance
from analysis.metrics.spectra import Resolution, powers
from analysis.metrics.truth import Truth

S = noise(0)


def test_values_of_auraloss_on_the_stored_recipe(shared: Path) -> None:
    """Its version 0.4.0, default settings, 10 s: printed with two decimals."""
    spec = importlib.util.spec_from_file_location("stems", shared / "data" / "metrics" / "stems.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    references, estimates = module.stems(2, 10)
    s = references[0]
    hiss = np.random.Generator(np.random.PCG64(999)).standard_normal(s.shape) * np.sqrt(np.mean(s**2))
    sounds = {3.28: s + 0.1 * hiss, 6.26: s + hiss, 2.57: estimates[0]}
    assert [mr_stft_distance(s, sound) for sound in sounds.values()] == pytest.approx(list(sounds), abs=0.0051)


def test_the_definition_frame_by_frame() -> None:
    """In double precision, each frame cut by hand; the last part of a hop ends nowhere."""
    s, e = (S[:5003] * np.linspace(1, 0, 5003)[:, None] ** 4, noise(7)[:5003] * np.geomspace(1, 1e-5, 5003)[:, None])
    expected = [_distance(s, e, *at) for at in ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))]
    assert mr_stft_distance(s, e) == pytest.approx(np.mean(expected), rel=1e-5)


def _distance(reference: np.ndarray, estimate: np.ndarray, fft: int, hop: int, length: int) -> float:
    before = (fft - length) // 2
    window = np.pad(np.hanning(length + 1)[:-1], (before, fft - length - before))
    magnitudes = []
    for sound in (reference, estimate):
        longer = np.pad(sound, ((fft // 2, fft // 2), (0, 0)), mode="reflect")
        frames = [longer[at : at + fft] * window[:, None] for at in range(0, len(sound) + 1, hop)]
        magnitudes.append(np.sqrt(np.maximum(np.abs(np.fft.rfft(frames, axis=1)) ** 2, 1e-8)))
    y, x = magnitudes
    return float(np.linalg.norm(y - x) / np.linalg.norm(y) + np.mean(np.abs(np.log(y) - np.log(x))))


@pytest.mark.parametrize("gain_db", [-6, 3, -40])
def test_a_gain_is_a_distance_of_its_decibels(gain_db: float) -> None:
    gain = 10 ** (gain_db / 20)
    measured = numbers("spectral", Truth(S, RATE_HZ), gain * S)
    assert measured["lsd_db"] == pytest.approx(abs(gain_db), abs=0.01)
    assert measured["mr_stft_distance"] == pytest.approx(abs(1 - gain) + abs(np.log(gain)), abs=2e-3)


def test_a_notch_counts_by_its_depth_and_the_share_of_bins_it_takes() -> None:
    spectrum = np.fft.rfft(S, axis=0)
    low, high = (round(share * (len(spectrum) - 1)) for share in (0.25, 0.5))
    spectrum[low:high] *= 10 ** (-20 / 20)
    # Leakage of the window fills the notch's edges: a few of 256 bins.
    assert lsd_db(S, np.fft.irfft(spectrum, axis=0, n=len(S))) == pytest.approx(20 * np.sqrt(0.25), abs=0.15)


def test_spectra_are_those_of_frames_cut_by_hand_across_blocks() -> None:
    at = Resolution(512, 128, 400)
    (whole,) = zip(*powers((S[:, :1],), at), strict=True)
    found, mirrored = np.concatenate(whole), np.pad(S[:, 0], 256, mode="reflect")
    assert len(whole) == 2 and found.shape == (1 + len(S) // 128, 257)
    window = np.zeros(512)
    window[56:456] = np.sin(np.pi * np.arange(400) / 400) ** 2
    for frame in (0, 1, 100, 187):
        expected = np.abs(np.fft.rfft(mirrored[frame * 128 : frame * 128 + 512] * window)) ** 2
        assert found[frame] == pytest.approx(expected, rel=1e-3, abs=1e-6 * expected.max())


def test_a_floor_keeps_silence_from_being_infinitely_far() -> None:
    whole = noise(0, 20)
    half = whole.copy()
    half[len(half) // 2 :] = 0
    # Powers of noise are distributed exponentially: their level is 2.51 dB below that of the mean, and varies by 5.57.
    assert lsd_db(whole, half) == pytest.approx(np.hypot(80 - 2.51, 5.57) / 2, abs=0.6), "half of the frames are silent"


def test_a_delay_of_a_few_samples_moves_spectra_little_and_ratios_wholly() -> None:
    later = np.vstack([np.zeros((3, 2)), S[:-3]])
    assert mr_stft_distance(S, later) < 0.5 * mr_stft_distance(S, noise(1))


def test_too_short_a_sound_is_refused() -> None:
    with pytest.raises(AnalysisError, match="1024 frames are too few for a spectrum of 2048"):
        lsd_db(S[:1024], S[:1024])
