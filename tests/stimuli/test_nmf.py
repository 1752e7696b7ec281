"""Factorisation: the divergence never rises, planted sources come apart, dictionaries are those of the entry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from small_world import RATE_HZ, noise, write
from test_low_rank import si_sdr

from stimuli.errors import StimuliError
from stimuli.experiment import NmfSystem
from stimuli.separators import Song, run, separator
from stimuli.separators.low_rank.nmf import divergence, factorised

BINS = 1025


def planted(atoms: int = 8, times: int = 150) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two dictionaries of sparse atoms, and their strengths."""
    rng = np.random.default_rng(0)
    dictionaries = [rng.random((257, atoms)) * (rng.random((257, atoms)) < 0.2) + 1e-3 for _ in range(2)]
    strengths = [rng.random((atoms, times)) * (rng.random((atoms, times)) < 0.5) for _ in range(2)]
    return [one / one.sum(axis=0) for one in dictionaries], strengths


@pytest.mark.parametrize("free", [0, 8])
def test_the_divergence_never_rises(free) -> None:
    dictionaries, strengths = planted()
    spectra = sum(d @ s for d, s in zip(dictionaries, strengths, strict=True)) + 0.001
    fixed = dictionaries[0] if free else np.concatenate(dictionaries, axis=1)
    after = []
    for iterations in range(40):
        found = factorised(spectra, fixed, free, iterations=iterations, seed=1)
        after.append(divergence(spectra, found.dictionary @ found.strengths))
    assert (np.diff(after) <= 1e-9 * after[0]).all() and after[-1] < 0.1 * after[0]


def test_known_dictionaries_take_a_mixture_apart() -> None:
    dictionaries, strengths = planted()
    parts = [d @ s for d, s in zip(dictionaries, strengths, strict=True)]
    found = factorised(sum(parts), np.concatenate(dictionaries, axis=1), 0, iterations=200)
    assert si_sdr(dictionaries[0] @ found.strengths[:8], parts[0]) > 30
    assert np.array_equal(found.dictionary, np.concatenate(dictionaries, axis=1))


def test_the_other_source_is_found_in_the_song() -> None:
    dictionaries, strengths = planted()
    parts = [d @ s for d, s in zip(dictionaries, strengths, strict=True)]
    found = factorised(sum(parts), dictionaries[0], 8, iterations=500)
    assert np.array_equal(found.dictionary[:, :8], dictionaries[0])
    assert si_sdr(dictionaries[0] @ found.strengths[:8], parts[0]) > si_sdr(sum(parts), parts[0]) + 10


def tones(pitches: tuple[float, ...], seed: int, seconds: float = 4) -> np.ndarray:
    """Notes in random order, a quarter of a second each; stereo float32."""
    rng, time = np.random.default_rng(seed), np.arange(RATE_HZ // 4) / RATE_HZ
    notes = [np.sin(2 * np.pi * rng.choice(pitches) * time) * np.hanning(len(time)) for _ in range(round(4 * seconds))]
    return np.repeat(0.2 * np.concatenate(notes)[:, None], 2, axis=1).astype(np.float32)


VOICES, MUSICS = (440.0, 495.0, 560.0, 620.0), (880.0, 1000.0, 1120.0, 1300.0)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Examples of two sources, at another rate than the song's too."""
    write(tmp_path / "sung" / "deep" / "a.wav", tones(VOICES, 1))
    write(tmp_path / "sung" / "b.wav", tones(VOICES, 2)[::2, :1], RATE_HZ // 2)
    write(tmp_path / "played.wav", tones(MUSICS, 3))
    return tmp_path


def made(folder: Path, **keys):
    system = separator(NmfSystem(name="x", kind="nmf", components=8, **keys))
    system.folder = folder
    return system


@pytest.mark.parametrize("keys", [{"voice": "sung", "accompaniment": "played.wav"}, {"accompaniment": "played.wav"}])
def test_a_system_learns_from_examples_and_separates_other_notes(folder, keys) -> None:
    voice, music = tones(VOICES, 4), tones(MUSICS, 5)
    song = Song("test", RATE_HZ, voice + music)
    outcome, again = (run.run(made(folder, **keys), "x", song, "accompaniment")[0] for _ in range(2))
    assert si_sdr(outcome, music) > 15 > si_sdr(song.mixture, music) + 10 and np.array_equal(outcome, again)


def test_examples_of_another_rate_are_heard_at_their_pitch(folder) -> None:
    weights = made(folder, voice="sung/b.wav").dictionary("voice", RATE_HZ).sum(axis=1)
    assert weights[: round(750 * 2048 / RATE_HZ)].sum() > 0.95 * weights.sum()


def test_a_given_dictionary_is_taken_as_it_is(folder) -> None:
    learnt = made(folder, voice="sung").dictionary("voice", RATE_HZ)
    np.save(folder / "voice.npy", learnt * 7)
    np.savez(folder / "voice.npz", anything=learnt)
    for name in ("voice.npy", "voice.npz"):
        assert np.allclose(made(folder, voice=name).dictionary("voice", 8000), learnt, atol=1e-7)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.ones((100, 3)), r"shape \(100, 3\) of float64; expected \(1025, atoms\)"),
        (np.ones(BINS), "expected"),
        (-np.ones((BINS, 2)), "not negative"),
        (np.full((BINS, 2), np.nan), "finite"),
        (np.array([[object()]]), "can't be read"),
    ],
)
def test_a_dictionary_that_is_none_is_refused(tmp_path, array, says) -> None:
    np.save(tmp_path / "d.npy", array, allow_pickle=True)
    with pytest.raises(StimuliError, match=says) as refused:
        made(tmp_path, voice="d.npy").dictionary("voice", RATE_HZ)
    assert "system 'x': voice" in str(refused.value)


def test_what_is_missing_is_said(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert "nowhere is not there" in made(tmp_path, voice="nowhere").missing()
    assert "holds no sound" in made(tmp_path, accompaniment="empty").missing()
    with pytest.raises(ValidationError, match="give voice, accompaniment, or both"):
        made(tmp_path)
    write(tmp_path / "silent.wav", np.zeros((9000, 2), np.float32))
    with pytest.raises(StimuliError, match="silence"):
        made(tmp_path, voice="silent.wav").dictionary("voice", RATE_HZ)


def test_other_examples_are_another_fingerprint(folder) -> None:
    before = made(folder, voice="sung").fingerprint()
    assert before == made(folder, voice="sung").provenance()["weights_sha256"]
    write(folder / "sung" / "b.wav", tones(VOICES, 9))
    assert made(folder, voice="sung").fingerprint() != before


@pytest.mark.parametrize("mixture", [np.zeros((9000, 2)), noise(1)[:9000, :1], noise(1)[:1], noise(1)[:10]])
def test_silence_mono_and_nearly_nothing_come_back(folder, mixture) -> None:
    song = Song("test", RATE_HZ, mixture.astype(np.float32))
    outcome, _ = run.run(made(folder, voice="sung"), "x", song, "accompaniment")
    assert outcome.shape == mixture.shape and np.isfinite(outcome).all()
