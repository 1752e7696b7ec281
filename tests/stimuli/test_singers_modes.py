"""Long sounds piece by piece: a network that swaps its outputs at random, and every way to put them right again."""

from __future__ import annotations

import itertools
import json
import tracemalloc

import numpy as np
import pytest
from duet import RATE_HZ, Swapping, restored, sung, voices
from outside import entry
from scipy.signal import butter, sosfilt

from stimuli import audio
from stimuli.separators.singers import features
from stimuli.separators.singers.activity import spectral
from stimuli.separators.singers.consistency import Neighbours, Voices, best_order, cosine, nearness
from stimuli.separators.singers.medleyvox import MedleyVox
from stimuli.separators.singers.modes import OVERLAP, segmented, windowed

HOP = 3 * RATE_HZ // OVERLAP


def in_order(made: np.ndarray) -> np.ndarray:
    """As they come: what a system without a memory does."""
    return made


def by(name: str, likeness=cosine) -> Voices:
    return Voices(lambda sound: features.BUILT_IN[name](sound, RATE_HZ), likeness)


def bands(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Stands for features of wav2vec 2.0: the level below and above 2 kHz, every 0.1 s."""
    low, high = (sosfilt(butter(2, 2000, kind, fs=rate_hz, output="sos"), sound) for kind in ("low", "high"))
    step = rate_hz // 10
    return np.stack([(part[: len(part) // step * step].reshape(-1, step) ** 2).mean(axis=1) for part in (low, high)], 1)


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system of two singers in a mode, as an entry makes it."""

    def make(mode: str, **keys) -> MedleyVox:
        (tmp_path / "vocals.json").write_text(json.dumps({"args": {"architecture": "conv_tasnet_stft"}}))
        made = MedleyVox(entry("medleyvox", path=str(tmp_path), mode=mode, **keys))
        if mode.startswith("w2v"):
            monkeypatch.setattr(features.Registered, "__call__", lambda _, sound, rate_hz: bands(sound, rate_hz))
        return made

    return make


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        ("ola", {}),
        ("ola", {"window_s": 1.0}),
        ("w2v", {"features": "stub"}),
        ("sf_chunk", {}),
        ("sf_chunk", {"features": "spectral_centroid"}),
        ("sf_chunk", {"activity": "webrtc"}),
        ("w2v_chunk", {"features": "stub"}),
    ],
)
def test_every_mode_restores_singers_that_the_network_swaps(system, mode, keys) -> None:
    stems = voices()
    network, mixture = Swapping(stems), stems.sum(axis=0)
    made = system(mode, **keys)
    found = made.singers(network, mixture)
    assert len(set(network.orders)) == 2 and len(network.orders) >= 5, "it did swap them"
    where = stems.any(axis=0)
    if mode.endswith("_chunk"):
        where = sung(_segments(made, mixture), len(mixture))
        assert where[stems.any(axis=0)].mean() > 0.7
    assert restored(found, stems, where) == 1
    assert np.abs(found.sum(axis=0) - mixture).max() < 1e-5, "and they add up, outside of the segments too"


def _segments(made: MedleyVox, mixture: np.ndarray) -> list[slice]:
    from stimuli.separators.singers.activity import ACTIVITIES

    return ACTIVITIES[made.system.activity](mixture, RATE_HZ)


def test_windows_at_a_level_of_their_own_keep_their_singers_and_that_level(system) -> None:
    """``ola_norm``: the second half is 20 dB softer, and comes back as loud as the first."""
    stems = voices(seconds=16.0) * np.where(np.arange(16 * RATE_HZ) < 8 * RATE_HZ, 1, 0.1).astype(np.float32)
    network = Swapping(stems)
    found = system("ola_norm", window_s=2.0).singers(network, stems.sum(axis=0))
    assert len(set(network.orders)) == 2
    for second in (0, 4, 10, 14):  # away from the step and the ends, where windows of different levels meet
        part = slice(second * RATE_HZ, (second + 1) * RATE_HZ)
        alike = np.corrcoef(np.concatenate([found[:, part], stems[:, part]]))[:2, 2:]
        straight = alike if alike[0, 0] > alike[0, 1] else alike[:, ::-1]
        assert straight[0, 0] > 0.99 and straight[1, 1] > 0.99, second
        if second == 0:
            first = alike[0, 0] > 0.5
        assert (alike[0, 0] > 0.5) == first, "the same singer throughout"
    early, late = (found[:, start * RATE_HZ : (start + 2) * RATE_HZ].std() for start in (4, 12))
    assert 20 * np.log10(early / late) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("order", [lambda: in_order, lambda: Neighbours(HOP // 2)])
def test_without_a_memory_windows_are_not_restored(count, order) -> None:
    stems = voices(count)
    found = windowed(Swapping(stems), stems.sum(axis=0), count, HOP // 2, order())
    share = restored(found, stems, stems.any(axis=0))
    assert share == 1 if isinstance(order(), Neighbours) else share < 0.6


@pytest.mark.parametrize(
    ("order", "right"),
    [
        (lambda: in_order, False),
        (lambda: by("mfcc"), True),
        (lambda: by("spectral_centroid", nearness), True),
        # The published code's way: the cosine of two positive numbers is 1, whoever sings.
        (lambda: by("spectral_centroid"), False),
    ],
)
@pytest.mark.parametrize("count", [2, 3])
def test_segments_are_restored_by_what_tells_the_singers_apart(order, right, count) -> None:
    stems = voices(count)
    mixture = stems.sum(axis=0)
    segments = spectral(mixture, RATE_HZ)
    found = segmented(Swapping(stems), mixture, count, segments, order())
    share = restored(found, stems, sung(segments, len(mixture)))
    assert share == 1 if right else share < 0.9


@pytest.mark.parametrize("frames", [1, 10, 7000, 24_001])
@pytest.mark.parametrize("hop", [1, 250, 18_000])
def test_windows_of_a_network_that_changes_nothing_are_the_sound_to_the_bit(frames, hop) -> None:
    if frames / hop > 1000:
        frames = 1000
    sound = np.random.default_rng(1).standard_normal(frames).astype(np.float32)
    found = windowed(lambda heard: np.stack([heard, -heard]), sound, 2, hop, in_order)
    assert found.dtype == np.float32 and np.array_equal(found, np.stack([sound, -sound]))


def test_a_short_segment_is_heard_with_silence_around_it() -> None:
    heard = []

    def network(sound: np.ndarray) -> np.ndarray:
        heard.append(sound)
        return np.stack([sound, 0 * sound])

    sound = np.random.default_rng(1).standard_normal(4000).astype(np.float32)
    segments = [slice(0, 1), slice(100, 1124), slice(2000, 3025)]
    found = segmented(network, sound, 2, segments, in_order)
    assert [len(one) for one in heard] == [1025, 1026, 1025]
    assert np.array_equal(heard[1][1:-1], sound[100:1124]) and not heard[1][[0, -1]].any()
    for segment in segments:
        assert np.array_equal(found[0, segment], sound[segment]) and not found[1, segment].any()


@pytest.mark.parametrize("count", [2, 3])
def test_outside_of_the_segments_all_have_an_equal_share(count) -> None:
    sound = np.random.default_rng(1).standard_normal(9000).astype(np.float32)
    segments = [slice(2000, 5000), slice(6000, 6100)]
    found = segmented(lambda heard: np.stack([heard] + (count - 1) * [0 * heard]), sound, count, segments, in_order)
    outside = ~sung(segments, len(sound))
    assert np.array_equal(found[:, outside], np.repeat(sound[None, outside] / np.float32(count), count, axis=0))
    assert np.abs(found.sum(axis=0) - sound).max() < 1e-6
    nobody = segmented(lambda heard: 1 / 0, sound, count, [], in_order)
    assert np.abs(nobody.sum(axis=0) - sound).max() < 1e-6


def test_the_best_order_is_the_best_of_all() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        likeness = rng.standard_normal((4, 4))
        sums = [sum(likeness[i, order[i]] for i in range(4)) for order in itertools.permutations(range(4))]
        assert likeness[np.arange(4), best_order(likeness)].sum() == pytest.approx(max(sums))
    assert best_order(np.zeros((3, 3))).tolist() == [0, 1, 2], "silence changes nothing"


def test_the_mean_of_a_singer_is_that_of_all_stretches_in_the_singers_order() -> None:
    """One value per output: 0 and 10, then 9 and 3, then 2 and 8 as the network gives them."""
    order = Voices(lambda sound: sound[:, None], nearness)
    stretches = [np.array([[a], [b]], float) for a, b in ((0, 10), (9, 3), (2, 8))]
    found = [order(one)[:, 0].tolist() for one in stretches]
    assert found == [[0, 10], [3, 9], [2, 8]]
    assert order._mean[:, 0].tolist() == pytest.approx([5 / 3, 9])


def test_voices_look_at_the_part_of_a_window_that_was_not_heard_before() -> None:
    lengths = []
    order = Voices(lambda sound: lengths.append(len(sound)) or sound[:, None], cosine, 30)
    order(np.ones((2, 40)))
    assert lengths == [30, 30]


def test_memory_does_not_grow_with_the_song_beyond_the_sounds_themselves() -> None:
    hop, longest = 6000, 0

    def network(heard: np.ndarray) -> np.ndarray:
        nonlocal longest
        longest = max(longest, len(heard))
        return np.stack([heard / 2, heard / 2])

    sound = np.random.default_rng(1).standard_normal(240 * RATE_HZ, np.float32)
    piece = 8 * OVERLAP * hop
    for act, sounds in (
        (lambda: windowed(network, sound, 2, hop, Neighbours(hop)), 3 * sound.nbytes),
        (lambda: spectral(sound, RATE_HZ), 0),
    ):
        tracemalloc.start()
        act()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - sounds < 100 * piece, f"{peak / 1e6:.1f} MB"
    assert longest == OVERLAP * hop


def test_a_real_duet_is_restored_window_by_window(shared) -> None:
    """Two songs sung over each other, with breaths, rests and notes in common: what overlaps is the same sound."""
    stems = np.stack([real(shared, name)[: 12 * RATE_HZ] for name in ("feelings", "escape")])
    network = Swapping(stems)
    found = windowed(network, stems.sum(axis=0), 2, HOP, Neighbours(HOP))
    assert len(set(network.orders)) == 2 and restored(found, stems, np.ones(stems.shape[1], bool)) == 1


def real(shared, name: str) -> np.ndarray:
    """Half a minute of real singing: (frames,)."""
    sound, rate_hz = audio.read(shared / f"data/songs/sung_sectoid_{name}.vocals.flac")
    return audio.resampled(sound.mean(axis=1, keepdims=True), rate_hz, RATE_HZ)[:, 0]


def test_real_singing_is_found_by_both_detectors(shared) -> None:
    """Half a minute of singing with its rests: what they call silence is softer by far, and they agree."""
    from stimuli.separators.singers.activity import webrtc

    mono = real(shared, "feelings")
    found = {name: sung(find(mono, RATE_HZ), len(mono)) for name, find in (("s", spectral), ("w", webrtc))}
    for inside in found.values():
        assert 0.5 < inside.mean() < 0.95
        assert 10 * np.log10((mono[inside] ** 2).mean() / (mono[~inside] ** 2).mean()) > 15
    assert (found["s"] == found["w"]).mean() > 0.85
