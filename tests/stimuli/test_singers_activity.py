"""Where somebody sings: stretches to the sample, and what detectors can't hear."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import webrtcvad

from stimuli.errors import StimuliError
from stimuli.separators.singers import features
from stimuli.separators.singers.activity import ACTIVITIES, spectral, webrtc

RATE_HZ = 24_000


def sound(*parts: tuple[int, float]) -> np.ndarray:
    """Noise of so many frames at a level, one part after another."""
    rng = np.random.default_rng(1)
    return np.concatenate([level * rng.standard_normal(frames) for frames, level in parts]).astype(np.float32)


def test_spectra_are_active_where_anything_is_heard() -> None:
    """Ten hops of silence, ten of noise, ten of silence: a window of two hops meets the noise one hop before."""
    hop = 1024
    quiet = sound((10 * hop, 0), (10 * hop, 0.1), (10 * hop, 0))
    assert spectral(quiet, RATE_HZ) == [slice(9 * hop, 20 * hop)]
    whispered = sound((10 * hop, 1e-7), (10 * hop, 0.1), (10 * hop, 1e-7))
    assert spectral(whispered, RATE_HZ) == [slice(9 * hop, 20 * hop)], "over the loudest, it is nothing"
    long = sound((300 * hop, 0.1), (300 * hop, 1e-7))
    assert spectral(long, RATE_HZ) == [slice(0, 300 * hop)], "over the loudest of all, not of a block of spectra"


@pytest.mark.parametrize("name", list(ACTIVITIES))
@pytest.mark.parametrize("frames", [0, 1, 10, 479, 2047, 50_000])
def test_silence_and_short_sounds_hold_no_singer(name, frames) -> None:
    assert ACTIVITIES[name](np.zeros(frames, np.float32), RATE_HZ) == []
    stretches = ACTIVITIES[name](sound((frames, 0.1)), RATE_HZ)
    assert all(0 <= one.start < one.stop <= frames for one in stretches)


@pytest.mark.parametrize(("rate_hz", "frame"), [(24_000, 720), (16_000, 480), (44_100, 1323)])
def test_webrtc_hears_whole_numbers_of_16_bits_at_16_khz(monkeypatch, rate_hz, frame) -> None:
    """A detector that tells what it was given, and calls every frame with a loud sample active."""
    heard = []

    class Vad:
        def __init__(self, mode: int) -> None:
            assert mode == 3

        def is_speech(self, content: bytes, at_hz: int) -> bool:
            assert at_hz == 16_000 and len(content) == 2 * 480
            heard.append(np.frombuffer(content, "<i2"))
            return bool(np.abs(heard[-1]).max() > 3000)

    monkeypatch.setattr(webrtcvad, "Vad", Vad)
    times = np.arange(20 * frame) / rate_hz
    tone = np.where((times >= 0.15) & (times < 0.3), 0.5 * np.sin(2 * np.pi * 500 * times), 0).astype(np.float32)
    assert webrtc(tone, rate_hz) == [slice(5 * frame, 10 * frame)]
    assert np.abs(np.concatenate(heard)).max() == pytest.approx(16_384, rel=0.01)
    assert webrtc(2.5 * tone, rate_hz) and np.abs(np.concatenate(heard)).max() == 32_767, "clipped, not wrapped"


def test_a_missing_detector_is_said(monkeypatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "webrtcvad" else real(name, *a))
    with pytest.raises(StimuliError, match=r'webrtcvad is not installed; pip install "hidden-reference\[vad\]"'):
        webrtc(sound((5000, 0.1)), RATE_HZ)


def test_mel_bands_are_slaneys() -> None:
    """Known points of the scale, and triangles whose area is one in Hz."""
    assert features._hz(np.array([0.0, 15.0, 42.0])) == pytest.approx([0, 1000, 6400])
    assert [features._mel(hz) for hz in (0, 500, 1000, 6400)] == pytest.approx([0, 7.5, 15, 42])
    bands = features._mel_bands(RATE_HZ)
    assert bands.shape == (1025, 128) and (bands.sum(axis=0) * RATE_HZ / 2048)[60:] == pytest.approx(1, abs=0.02)


def test_cepstra_do_not_know_the_level_and_centroids_know_the_tone() -> None:
    noise = sound((9000, 0.01))
    found = features.mfcc(noise, RATE_HZ)
    assert found.shape == (9, 19) and features.mfcc(20 * noise, RATE_HZ) == pytest.approx(found, abs=1e-3)
    tone = np.sin(2 * np.pi * 3000 / RATE_HZ * np.arange(20_480)).astype(np.float32)
    assert features.spectral_centroid(tone, RATE_HZ)[2:-2] == pytest.approx(3000, abs=5)
    assert not features.spectral_centroid(0 * tone, RATE_HZ).any()
    for name in features.BUILT_IN:
        assert np.isfinite(features.BUILT_IN[name](noise[:1], RATE_HZ)).all()
