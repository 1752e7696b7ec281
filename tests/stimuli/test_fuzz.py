"""Bad input of every kind: one clear sentence, never a traceback, never a partial set that verifies."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_world import ANCHORS, HEAD, ITEMS, RATE_HZ, SYSTEMS, noise, write

from stimuli import audio, experiment, manifest
from stimuli.build import build
from stimuli.errors import ExperimentError, ManifestError, SoundError, StimuliError
from stimuli.verify import check_built, verify

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
GOOD = HEAD + ITEMS + SYSTEMS + ANCHORS
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def one_sentence(error: StimuliError) -> None:
    """What a person is told: something, and nothing of our inside."""
    told = str(error)
    assert told.strip() and "Traceback" not in told and "pydantic" not in told.lower()


@QUICK
@given(at=st.integers(0, len(GOOD) - 1), length=st.integers(0, 30), put=st.text(max_size=12))
@example(at=0, length=0, put="\x00")
@example(at=0, length=len(GOOD), put="")
def test_a_damaged_experiment_file_is_read_or_told(tmp_path, at, length, put) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(GOOD[:at] + put + GOOD[at + length :], encoding="utf-8", errors="surrogatepass")
    try:
        found = experiment.load(path)
    except ExperimentError as error:
        one_sentence(error)
    else:
        assert found.conditions[0] == "reference"


@QUICK
@given(content=st.binary(max_size=200))
def test_any_bytes_as_an_experiment_file(tmp_path, content) -> None:
    path = tmp_path / "experiment.toml"
    path.write_bytes(content)
    with pytest.raises(ExperimentError) as caught:
        experiment.load(path)
    one_sentence(caught.value)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inside for place in places(part, (*path, key)))]


@pytest.fixture(scope="module")
def built_set(tmp_path_factory) -> Path:
    """A small set, built once."""
    folder = tmp_path_factory.mktemp("fuzzed")
    stems = {stem: noise(seed) for seed, stem in enumerate(("vocals", "drums", "bass", "other"))}
    for song in ("Song A", "Song B"):
        for stem, sound in stems.items():
            write(folder / "songs" / song / f"{stem}.wav", sound)
        write(folder / f"estimates/home/{song}/accompaniment.wav", stems["drums"] + stems["bass"] + stems["other"])
    (folder / "experiment.toml").write_text(GOOD)
    build(folder / "experiment.toml", folder / "set", jobs=1, progress=False)
    return folder / "set"


@FEW
@given(data=st.data())
def test_a_damaged_manifest_is_refused_or_says_the_same(built_set, data) -> None:
    """Any value anywhere replaced: the set is refused, or what was replaced says nothing about the sounds."""
    path = built_set / manifest.FILE_NAME
    good = path.read_text()
    told = json.loads(good)
    (*way, last) = data.draw(st.sampled_from([place for place in places(told) if place]))
    parent = told
    for key in way:
        parent = parent[key]
    parent[last] = data.draw(VALUES)
    try:
        path.write_text(json.dumps(told))
        found = check_built(built_set)
        assert found and verify(built_set).clips
        sounds = [(clip["sha256"], clip["samples_sha256"], clip["file"]) for clip in told["clips"]]
        assert sounds == [(c["sha256"], c["samples_sha256"], c["file"]) for c in json.loads(good)["clips"]]
    except StimuliError as error:
        one_sentence(error)
    finally:
        path.write_text(good)


@FEW
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
def test_any_bytes_as_a_manifest(tmp_path, content) -> None:
    (tmp_path / manifest.FILE_NAME).write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        manifest.read(tmp_path)
    one_sentence(caught.value)


def wav_header(frames: int, *, rate_hz: int = RATE_HZ, channels: int = 2, bits: int = 16) -> bytes:
    """A WAV header that promises so many frames."""
    size = frames * channels * bits // 8
    chunk = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * channels * bits // 8, channels * bits // 8, bits)
    riff = b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", 16) + chunk + b"data" + struct.pack("<I", min(size, 2**32 - 1))


def flac_header(frames: int) -> bytes:
    """A FLAC stream header that promises so many frames, and nothing behind it."""
    packed = (RATE_HZ << 44) | (1 << 41) | (15 << 36) | frames
    stream_info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC" + b"\x80\x00\x00\x22" + stream_info


def encoded(sound: np.ndarray, rate_hz: int = RATE_HZ, form: str = "WAV", subtype: str = "FLOAT") -> bytes:
    import io

    stream = io.BytesIO()
    soundfile.write(stream, sound, rate_hz, format=form, subtype=subtype)
    return stream.getvalue()


TEN_HOURS = 10 * 3600 * RATE_HZ
SPOILED = {
    "empty": b"",
    "one byte": b"R",
    "no samples": encoded(np.zeros((0, 2), np.float32)),
    "one sample": encoded(noise(1)[:1]),
    "ten hours promised in WAV": wav_header(TEN_HOURS),
    "ten hours promised in FLAC": flac_header(TEN_HOURS),
    "half of a WAV": encoded(noise(1))[:500_000],
    "half of a FLAC": encoded(noise(1), form="FLAC", subtype="PCM_24")[:200_000],
    "another format's header": b"OggS" + encoded(noise(1))[4:],
    "NaN": encoded(noise(1) * np.nan),
    "infinity": encoded(np.where(np.arange(len(noise(1)))[:, None] == 50_000, np.inf, noise(1)).astype(np.float32)),
    "192 kHz with 8 channels": encoded(np.repeat(noise(1), 4, axis=1), 192_000),
    "silence": encoded(0 * noise(1)),
}


@pytest.mark.parametrize("what", SPOILED)
@pytest.mark.parametrize("where", ["songs/Song A/drums.wav", "estimates/home/Song A/accompaniment.wav"])
def test_a_spoiled_sound_file_is_told_and_leaves_no_set(write_experiment, world, what, where) -> None:
    """A stem or an estimate, spoiled in every way: a sentence that names the file or the song, and no manifest."""
    path = write_experiment()
    (world / where).write_bytes(SPOILED[what])
    if what == "silence" and where.startswith("songs"):
        build(path, world / "set", jobs=1, progress=False)  # a drummer may pause
        return
    with pytest.raises(StimuliError) as caught:
        build(path, world / "set", jobs=1, progress=False)
    one_sentence(caught.value)
    assert "Song A" in str(caught.value)
    with pytest.raises(ManifestError):
        verify(world / "set")


@FEW
@given(content=st.binary(max_size=400), suffix=st.sampled_from([".wav", ".flac", ".mp3", ".ogg", ".aiff", ".m4a"]))
def test_any_bytes_as_a_sound_file(tmp_path, content, suffix) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    for reading in (audio.read, audio.form):
        try:
            reading(path)
        except SoundError as error:
            one_sentence(error)
            assert "x." in str(error)


@FEW
@given(
    at=st.integers(0, 60), put=st.binary(min_size=1, max_size=8), form=st.sampled_from(["WAV", "FLAC", "OGG", "AIFF"])
)
def test_a_damaged_header_is_read_or_told(tmp_path, at, put, form) -> None:
    subtype = {"OGG": "VORBIS"}.get(form, "PCM_16")
    content = bytearray(encoded(noise(1)[:8000], form=form, subtype=subtype))
    content[at : at + len(put)] = put
    path = tmp_path / f"x.{form.lower()}"
    path.write_bytes(content)
    try:
        samples, rate_hz = audio.read(path)
    except SoundError as error:
        one_sentence(error)
    else:
        assert len(samples) and rate_hz > 0 and np.isfinite(samples).all()
