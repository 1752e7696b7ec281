"""Files in and out: bit-exact where it must be, and nothing half-written."""

from __future__ import annotations

import hashlib
import struct

import av
import numpy as np
import pytest
import soundfile
from small_world import RATE_HZ, noise

from stimuli import audio
from stimuli.errors import SoundError
from stimuli.resemblance import Yardstick


def test_a_clip_decodes_to_exactly_what_was_meant(tmp_path) -> None:
    sound = noise(1) * 3
    written = audio.write_clip(tmp_path / "a.flac", sound, RATE_HZ, part=slice(100, 200))
    back, rate_hz = audio.read(tmp_path / "a.flac")
    assert rate_hz == RATE_HZ and soundfile.info(tmp_path / "a.flac").subtype == "PCM_24"
    assert np.abs(back - sound).max() <= 1.5 / 2**23 + 1e-9, "half a step of rounding and one of dither"
    assert written.samples_sha256 == audio.samples_sha256(back) and np.array_equal(written.part, back[100:200])


def test_what_24_bits_hold_comes_through_to_the_bit(tmp_path) -> None:
    sound = (np.rint(noise(1) * 2**23) / 2**23).astype(np.float32)
    audio.write_clip(tmp_path / "a.flac", sound, RATE_HZ)
    assert np.array_equal(audio.read(tmp_path / "a.flac")[0], sound)


def test_dither_makes_the_error_independent_of_the_sound(tmp_path) -> None:
    """A tone of half a step is lost without dither; with it, it is there, under noise of no more than -134 dB."""
    time = np.arange(4 * RATE_HZ)
    tone = (0.5 / 2**23 * np.sin(2 * np.pi * 1000 * time / RATE_HZ))[:, None].astype(np.float32)
    audio.write_clip(tmp_path / "a.flac", np.repeat(tone, 2, axis=1), RATE_HZ)
    back, _ = audio.read(tmp_path / "a.flac")
    assert np.vdot(back[:, 0], tone[:, 0]) / np.vdot(tone, tone) == pytest.approx(1, abs=0.05)
    assert 20 * np.log10(np.std(back - tone)) < -134
    assert np.abs(np.mean(back)) < 1e-9


def test_a_file_that_is_right_stays_and_a_wrong_one_is_written_again(tmp_path) -> None:
    path = tmp_path / "a.flac"
    audio.write_clip(path, noise(1), RATE_HZ)
    before = path.stat().st_mtime_ns, path.read_bytes()
    audio.write_clip(path, noise(1), RATE_HZ)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    for spoiled in (before[1][:-500], b"", b"fLaC" + bytes(200)):
        path.write_bytes(spoiled)
        audio.write_clip(path, noise(1), RATE_HZ)
        assert path.read_bytes() == before[1]


def test_negative_zero_hashes_as_it_decodes(tmp_path) -> None:
    digest = audio.write_clip(tmp_path / "a.flac", np.full((100, 2), -0.0), RATE_HZ).samples_sha256
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
    digest = audio.write_clip(tmp_path / "a.flac", noise(3), RATE_HZ).samples_sha256
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


def test_a_stretch_is_read_to_the_sample_and_stays_inside(tmp_path) -> None:
    soundfile.write(tmp_path / "x.flac", noise(5), RATE_HZ, subtype="PCM_24")
    whole, _ = audio.read(tmp_path / "x.flac")
    assert np.array_equal(audio.read(tmp_path / "x.flac", 44_100, 22_050)[0], whole[44_100:66_150])
    with pytest.raises(SoundError, match="132300 frames, expected at least 132301"):
        audio.read(tmp_path / "x.flac", 132_000, 301)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "AIFF", "OGG", "MP3"])
def test_every_format_is_read_in_place(tmp_path, form) -> None:
    path, sound = tmp_path / f"x.{form.lower()}", noise(6)
    soundfile.write(path, sound, RATE_HZ, format=form)
    back, rate_hz = audio.read(path)
    assert rate_hz == RATE_HZ and back.shape == sound.shape and back.dtype == np.float32
    assert abs(Yardstick(sound, {}, RATE_HZ).lag(back).lag_s or 0) * RATE_HZ < 0.5
    assert np.abs(audio.read(path, 1000, 500)[0] - back[1000:1500]).max() < 1e-3


def test_aac_is_read_through_pyav(tmp_path) -> None:
    path, sound = tmp_path / "x.m4a", noise(7)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout="stereo")
        frame.sample_rate = RATE_HZ
        container.mux([*stream.encode(frame), *stream.encode(None)])
    back, rate_hz = audio.read(path)
    assert rate_hz == RATE_HZ and back.shape[1] == 2 and abs(len(back) - len(sound)) < 4096
    assert audio.form(path).frames == len(back)


def test_a_tone_above_the_new_nyquist_does_not_come_back_down() -> None:
    time = np.arange(2 * 48_000) / 48_000
    high = np.sin(2 * np.pi * 23_000 * time)[:, None].astype(np.float32)
    assert 20 * np.log10(np.abs(audio.resampled(high, 48_000, 44_100)[2000:-2000]).max()) < -100
    assert len(audio.resampled(high[:1001], 48_000, 44_100)) == round(1001 * 441 / 480)


def test_the_ends_are_raised_cosines_of_five_milliseconds() -> None:
    faded = audio.fade_ends(np.ones((RATE_HZ, 2)), RATE_HZ)
    frames = round(0.005 * RATE_HZ)
    assert faded[0, 0] == faded[-1, 0] == 0 and np.all(faded[frames:-frames] == 1)
    assert faded[frames // 2, 1] == pytest.approx(0.5 * (1 - np.cos(np.pi * (frames // 2) / frames)))
