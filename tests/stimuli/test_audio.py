"""Files in and out: bit-exact where it must be, and nothing half-written."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
import soundfile
from small_world import RATE_HZ, noise

from stimuli import audio
from stimuli.errors import SoundError


def test_a_clip_decodes_to_exactly_what_was_meant(tmp_path) -> None:
    sound = noise(1) * 3
    digest = audio.write_clip(tmp_path / "a.flac", sound, RATE_HZ)
    back, rate_hz = audio.read(tmp_path / "a.flac")
    assert rate_hz == RATE_HZ and soundfile.info(tmp_path / "a.flac").subtype == "PCM_24"
    assert np.array_equal(back, audio.quantise24(sound)) and np.abs(back - sound).max() <= 0.5 / 2**23 + 1e-9
    assert digest == audio.samples_sha256(back)


def test_negative_zero_hashes_as_it_decodes(tmp_path) -> None:
    digest = audio.write_clip(tmp_path / "a.flac", np.full((100, 2), -1e-9), RATE_HZ)
    assert digest == audio.samples_sha256(audio.read(tmp_path / "a.flac")[0])


def test_full_scale_survives(tmp_path) -> None:
    edge = np.array([[1.0, -1.0], [0.5, -0.5]] * 100)
    audio.write_clip(tmp_path / "a.flac", edge, RATE_HZ)
    back, _ = audio.read(tmp_path / "a.flac")
    assert back[0].tolist() == [1 - 2**-23, -1.0]


def test_the_hash_is_channel_after_channel_of_little_endian_floats() -> None:
    sound = np.array([[0.5, -1.0], [0.25, 0.0]])
    assert audio.samples_sha256(sound) == hashlib.sha256(struct.pack("<4f", 0.5, 0.25, -1.0, 0.0)).hexdigest()


@pytest.mark.parametrize(("value", "says"), [(np.nan, "NaN"), (np.inf, "NaN or infinity"), (1.01, "clip it")])
def test_a_bad_clip_is_refused_and_leaves_nothing(tmp_path, value, says) -> None:
    sound = noise(2)
    sound[100, 1] = value
    with pytest.raises(SoundError, match=says):
        audio.write_clip(tmp_path / "a.flac", sound, RATE_HZ)
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_survives_a_refused_write(tmp_path) -> None:
    digest = audio.write_clip(tmp_path / "a.flac", noise(3), RATE_HZ)
    with pytest.raises(SoundError):
        audio.write_render(tmp_path / "a.flac", np.full((10, 2), np.nan), RATE_HZ)
    assert audio.samples_sha256(audio.read(tmp_path / "a.flac")[0]) == digest


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "can't be read as sound"), (b"RIFF....nonsense", "can't be read"), (None, "no such file")],
)
def test_unreadable_files_say_so(tmp_path, content, says) -> None:
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SoundError, match=says):
        audio.read(path)


def test_nan_in_a_file_is_found_with_its_time(tmp_path) -> None:
    sound = noise(4)
    sound[RATE_HZ] = np.nan
    soundfile.write(tmp_path / "x.wav", sound, RATE_HZ, subtype="FLOAT")
    with pytest.raises(SoundError, match=r"first at 1\.000 s"):
        audio.read(tmp_path / "x.wav")


def test_the_cut_is_to_the_sample_and_stays_inside() -> None:
    sound = noise(5)
    assert np.array_equal(audio.cut(sound, RATE_HZ, start_s=1.0, length_s=0.5), sound[44100:66150])
    with pytest.raises(SoundError, match=r"reaches beyond the end \(3\.00 s\)"):
        audio.cut(sound, RATE_HZ, start_s=2.9, length_s=0.2)


def test_the_ends_are_raised_cosines_of_five_milliseconds() -> None:
    faded = audio.fade_ends(np.ones((RATE_HZ, 2)), RATE_HZ)
    frames = round(0.005 * RATE_HZ)
    assert faded[0, 0] == faded[-1, 0] == 0 and np.all(faded[frames:-frames] == 1)
    assert faded[frames // 2, 1] == pytest.approx(0.5 * (1 - np.cos(np.pi * (frames // 2) / frames)))
