"""Examples: what they are made of, that they follow from seed, step and number alone, and the cases of two voices."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import training_world
from small_world import write
from training_world import RATE_HZ, configuration, music, voice

from stimuli.errors import StimuliError
from stimuli.loudness import integrated_lufs
from stimuli.training import mixing
from stimuli.training.config import Training
from stimuli.training.material import Part


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return training_world.write_songs(tmp_path_factory.mktemp("songs"))


def mixer(folder, **keys) -> mixing.Mixer:
    return mixing.mixer(Training.model_validate(configuration(**keys)), folder)


def places(part: np.ndarray, whole: np.ndarray) -> list[int]:
    """Where a stretch, of any gain and with its sides in any order, comes from in a sound."""
    found = []
    for sound in (part, part[::-1]):
        windows = np.lib.stride_tricks.sliding_window_view(whole[:, 0], 64)
        rhymes = windows @ sound[0, :64] / (np.linalg.norm(windows, axis=1) * np.linalg.norm(sound[0, :64]) + 1e-9)
        found += [int(place) for place in np.flatnonzero(rhymes > 0.9999)]
    return found


def test_a_song_is_heard_from_one_place_in_all_parts(songs) -> None:
    found = mixer(songs, mixing={"strategy": "song", "gain_db": 0, "swap_channels": 0}, sources=["other", "vocals"])
    for step in range(4):
        mixtures, sources = found.batch(step, 0, 2)
        assert mixtures.shape == (2, 2, 4000) and sources.shape == (2, 2, 2, 4000) and mixtures.dtype == np.float32
        assert np.allclose(mixtures, sources.sum(axis=1), atol=1e-6), "nothing else is heard"
        for mixture, (other, vocals) in zip(mixtures, sources, strict=True):
            assert integrated_lufs(mixture.T, RATE_HZ) == pytest.approx(-14, abs=0.01)
            (number,) = (n for n in range(2) if places(other, music(n)))
            (place,) = places(other, music(number))[:1] or [None]
            gain = np.linalg.norm(other) / np.linalg.norm(music(number)[place : place + 4000])
            assert np.allclose(vocals, gain * voice(number)[place : place + 4000].T, atol=1e-4)


def test_random_stems_come_from_songs_and_places_of_their_own_with_gains_and_sides(songs) -> None:
    found = mixer(songs)
    drawn = [found.drawn(np.random.default_rng(n)) for n in range(60)]
    seen = [{n for n in range(2) if places(rest, music(n))} for _, rest in drawn]
    assert {n for one in seen for n in one} == {0, 1} and all(len(one) == 1 for one in seen)
    at = [places(rest, music(min(one)))[0] for (_, rest), one in zip(drawn, seen, strict=True)]
    levels = [20 * np.log10(rest.std() / 0.1) for _, rest in drawn]
    assert max(at) > 9000 and min(at) < 3000 and 2 < max(levels) < 3.3 and -3.3 < min(levels) < -2
    straight = [
        np.abs(rest[0]).sum() and bool(places(rest[:1].repeat(2, 0), music(min(one))))
        for (_, rest), one in zip(drawn, seen, strict=True)
    ]
    assert 15 < sum(straight) < 45, "about half of them with their sides swapped"


def test_an_example_follows_from_seed_step_and_number_alone(songs) -> None:
    found = mixer(songs)
    whole = found.batch(7, 0, 4)
    for first in (2, 0):
        for mine, of_all in zip(mixer(songs).batch(7, first, 2), whole, strict=True):
            assert np.array_equal(mine, of_all[first : first + 2])
    others = [found.batch(8, 0, 4), mixer(songs, seed=4).batch(7, 0, 4)]
    assert not any(np.allclose(one[0], whole[0]) for one in others)
    assert len({example.tobytes() for example in whole[0]}) == 4


def test_validation_hears_songs_as_they_are_and_always_the_same(songs) -> None:
    found = mixer(songs).validation()
    assert len(found) == 4
    for (mixture, sources), again in zip(found, mixer(songs, seed=9).validation(), strict=True):
        assert np.array_equal(mixture, again[0]) and np.array_equal(sources, again[1])
    assert [places(mixture - sources[0], music(2))[0] for mixture, sources in found] == [0, 4000, 8000, 12000]
    assert len(mixer(songs, data={"valid_segments": 2}).validation()) == 2


def test_a_song_without_a_source_still_gives_its_rest_to_random_mixtures(songs, tmp_path) -> None:
    for song, sound in (("train/Two/other", music(1)), ("train/One/vocals", voice(0)), ("valid/A/vocals", voice(2))):
        write(tmp_path / f"{song}.wav", sound, RATE_HZ)
    write(tmp_path / "valid/A/other.wav", music(2), RATE_HZ)
    vocals, rest = mixer(tmp_path).drawn(np.random.default_rng(0))
    assert vocals.any() and places(rest, music(1))
    with pytest.raises(StimuliError, match="song 'Two': no stem for the target 'vocals'; found other"):
        mixer(tmp_path, mixing={"strategy": "song"})


def test_a_source_may_be_called_rest(tmp_path) -> None:
    for split, number in (("train", 0), ("valid", 1)):
        write(tmp_path / split / "A" / "rest.wav", music(number), RATE_HZ)
        write(tmp_path / split / "A" / "vocals.wav", voice(number), RATE_HZ)
    found = mixer(tmp_path, sources=["rest"], mixing={"strategy": "song", "gain_db": 0, "swap_channels": 0})
    for mixture, (rest,) in (found.validation()[0], next(zip(*found.batch(0, 0, 1), strict=True))):
        assert places(rest, music(0)) or places(rest, music(1))
        assert not np.allclose(mixture, 2 * rest, atol=1e-3) and not np.allclose(mixture, rest, atol=1e-3)


@pytest.fixture(scope="module")
def choir(tmp_path_factory):
    """Stems are voices: Ann and Bea in two songs and one, speakers Cal and Dee."""
    folder = tmp_path_factory.mktemp("choir")
    for number, stem in enumerate(("train/S1/ann", "train/S1/bea", "train/S2/ann", "valid/S3/ann", "valid/S3/bea")):
        write(folder / f"{stem}.wav", music(number), RATE_HZ)
    for number, stem in enumerate(("speech/T1/cal", "speech/T2/cal", "speech/T3/dee"), 10):
        write(folder / f"{stem}.wav", music(number), RATE_HZ)
    return folder


DUETS = {
    "sources": ["singer1", "singer2"],
    "mixing": {"strategy": "medleyvox", "lufs": -24, "gain_db": 0, "swap_channels": 0},
}


def who(part: Part) -> tuple[str, str]:
    return part.song.name, part.stems[0]


def test_two_voices_meet_in_six_cases_as_often_as_in_medleyvox(choir) -> None:
    found = mixer(choir, data={"speech": "speech"}, **DUETS)
    assert isinstance(found, mixing.Voices) and found.shares(found.train) == pytest.approx(mixing.CASES)
    rng = np.random.default_rng(0)
    for case in mixing.CASES:
        pairs = [found._pair(case, found.train, rng) for _ in range(20)]
        for (one, at), (other, there) in pairs:
            assert who(one) != who(other)
            same_song, same_voice = (a == b for a, b in zip(who(one), who(other), strict=True))
            assert same_voice == (case in ("same singer", "same speaker"))
            spoken = sum(name in ("cal", "dee") for _, name in (who(one), who(other)))
            assert spoken == {"sing + speech": 1, "same speaker": 2, "speech + speech": 2}.get(case, 0)
            assert case != "same song" or (same_song and at == there)
    drawn = Counter(found._case(found.train, np.random.default_rng([1, n])) for n in range(3000))
    for case, share in mixing.CASES.items():
        assert drawn[case] / 3000 == pytest.approx(share, abs=0.03)


def test_the_second_voice_is_louder_by_a_draw_and_the_mixture_comes_to_its_level(choir) -> None:
    found = mixer(choir, **DUETS)
    apart = []
    for number in range(150):
        first, second = found.drawn(np.random.default_rng(number))
        apart.append(integrated_lufs(second.T, RATE_HZ) - integrated_lufs(first.T, RATE_HZ))
    assert abs(np.mean(apart)) < 1.5 and np.std(apart) == pytest.approx(6, abs=1)
    (mixture,), (sources,) = found.batch(0, 0, 1)
    assert integrated_lufs(mixture.T, RATE_HZ) == pytest.approx(-24, abs=0.01)
    assert np.allclose(mixture, sources.sum(axis=0), atol=1e-6)


def test_cases_that_the_material_can_not_give_leave_their_share_to_the_others(choir) -> None:
    found = mixer(choir, **DUETS)
    assert found.shares(found.train) == pytest.approx(
        {"sing + sing": 0.15 / 0.55, "same song": 0.2 / 0.55, "same singer": 0.2 / 0.55}
    )
    assert sum(found.shares(found.train).values()) == pytest.approx(1)
    assert set(found.told()["cases"]) == {"sing + sing", "same song", "same singer"}


def test_one_voice_alone_makes_no_duet(tmp_path) -> None:
    for split in ("train", "valid"):
        write(tmp_path / split / "S" / "ann.wav", music(1), RATE_HZ)
    with pytest.raises(StimuliError, match="train: one voice in one song makes no duet; add songs, singers, or"):
        mixer(tmp_path, **DUETS)
