"""MedleyVox as a system: a folder as it is published, through the commands and the build that a person calls."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import torch
from click.testing import CliRunner
from duet import RATE_HZ, Swapping, restored, sung, voices
from outside import entry, made
from pydantic import ValidationError
from small_world import HEAD, write

from stimuli import audio, manifest
from stimuli.build import build
from stimuli.errors import StimuliError
from stimuli.render import facts_of, key_of
from stimuli.resemblance import correlation
from stimuli.separate_cli import separate
from stimuli.separators import Song, run
from stimuli.separators.networks.architectures.medleyvox import medleyvox
from stimuli.separators.singers.activity import spectral
from stimuli.separators.singers.medleyvox import MedleyVox

SINGERS = ("singer_1", "singer_2")
ARGS = {
    "architecture": "conv_tasnet_stft",
    "n_src": 2,
    "nfft": 512,
    "nhop": 128,
    "bn_chan": 8,
    "hid_chan": 8,
    "skip_chan": 8,
    "n_blocks": 2,
    "n_repeats": 1,
    "mask_act": "linear",
    "mixture_consistency": "mixture_consistency",
    "above_freq": 3000.0,
    "sample_rate": RATE_HZ,
    "ema": True,
    "seq_dur": 3.0,
    "lr": 2e-4,
}
SPLIT = 29
"""Bins below this one are the first output's, those from it on the second's: 1.36 kHz, between the voices."""


def network(**more: object) -> torch.nn.Module:
    """Seeded weights of the small network."""
    torch.manual_seed(1)
    sizes = {"window": 512, "hop": 128, "bottleneck": 8, "hidden": 8, "skip": 8, "blocks": 2, "repeats": 1}
    return medleyvox(SINGERS, 1, **(sizes | more))


def splitting() -> dict[str, torch.Tensor]:
    """Weights whose masks are fixed: the first output is what is low, the second what is high."""
    state = network().state_dict()
    masks = torch.zeros(2, 2, 257)
    masks[0, :, :SPLIT], masks[1, :, SPLIT:] = 1, 1
    state["masker.mask_net.1.weight"] = torch.zeros_like(state["masker.mask_net.1.weight"])
    state["masker.mask_net.1.bias"] = masks.reshape(-1)
    return state


def published(folder: Path, state: dict[str, torch.Tensor] | None = None, **args: object) -> Path:
    """A folder as it is published, its weights under the averaged names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocals.json").write_text(json.dumps({"args": ARGS | args, "best_epoch": 3}))
    state = network().state_dict() if state is None else state
    torch.save({f"ema_model.module.{key}": value for key, value in state.items()}, folder / "vocals.pth")
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return published(tmp_path / "net").parent


def system(folder: Path, **keys: object) -> MedleyVox:
    return made(folder, "medleyvox", path="net", **keys)


def stereo(seconds: float = 2.0, rate_hz: int = 44_100, channels: int = 2) -> Song:
    sound = 0.1 * np.random.default_rng(1).standard_normal((round(seconds * rate_hz), channels))
    return Song("Duet", rate_hz, sound.astype(np.float32))


def separated(one: MedleyVox, of: Song) -> dict[str, np.ndarray]:
    return run.run_all(one, "mine", of, one.gives(tuple(of.stems)))[0]


def test_a_singer_is_the_same_on_all_channels_and_all_add_up_to_the_mean(folder) -> None:
    of = stereo()
    found = separated(system(folder), of)
    assert set(found) == set(SINGERS)
    for sound in found.values():
        assert sound.shape == of.mixture.shape and np.array_equal(sound[:, 0], sound[:, 1]) and sound.any()
    mean = of.mixture.mean(axis=1, keepdims=True)
    heard = audio.resampled(audio.resampled(mean, 44_100, RATE_HZ), RATE_HZ, 44_100)[: len(mean)]
    assert np.abs(found["singer_1"][:, :1] + found["singer_2"][:, :1] - heard).max() < 1e-5
    assert np.array_equal(separated(system(folder), of)["singer_1"], found["singer_1"]), "the same every time"


def test_the_network_hears_the_level_it_was_trained_at_and_the_song_gets_its_own_back(folder, monkeypatch) -> None:
    heard, real = [], MedleyVox.network
    spied = lambda self: lambda sound: heard.append(sound) or real(self)(sound)  # noqa: E731
    monkeypatch.setattr(MedleyVox, "network", spied)
    of = stereo()
    loud = separated(system(folder), of)
    soft = separated(system(folder), Song("Duet", of.rate_hz, 0.01 * of.mixture))
    for sound in heard:
        assert pyloudnorm.Meter(RATE_HZ).integrated_loudness(sound) == pytest.approx(-24, abs=0.1)
    assert np.abs(0.01 * loud["singer_1"] - soft["singer_1"]).max() < 1e-6 * np.abs(loud["singer_1"]).max()


@pytest.mark.parametrize("mode", ["none", "ola", "ola_norm", "sf_chunk"])
@pytest.mark.parametrize(("frames", "channels", "rate_hz"), [(1, 2, 44_100), (10, 1, 24_000), (30_000, 1, 48_000)])
def test_any_sound_and_silence_come_back_finite_and_as_they_were(folder, mode, frames, channels, rate_hz) -> None:
    of = stereo(frames / rate_hz, rate_hz, channels)
    one = system(folder, mode=mode, window_s=0.2)
    for sound in (of.mixture, 0 * of.mixture, of.mixture * (np.arange(channels) == 0)):
        found = separated(one, Song("Duet", rate_hz, sound.astype(np.float32)))
        assert all(np.isfinite(estimate).all() for estimate in found.values())
        assert sound.any() or not any(np.abs(estimate).max() > 1e-6 for estimate in found.values())


def test_the_second_stage_is_built_where_the_file_says_so(tmp_path) -> None:
    both = network(second_stage=True)
    args = {"mixture_consistency": "sfsrnet", "srnet": "convnext", "sr_input_res": False}
    published(tmp_path / "net", both.state_dict(), **args)
    of = Song("Duet", RATE_HZ, stereo(1, RATE_HZ, 1).mixture)
    sound = of.mixture[:, 0]
    with torch.inference_mode():
        expected = both.eval()(torch.from_numpy(sound)[None, None])[0, :, 0].numpy()
    assert np.array_equal(system(tmp_path).network()(sound), expected)
    assert np.abs(expected.sum(axis=0) - sound).max() > 1e-3
    published(tmp_path / "net", both.state_dict())
    with pytest.raises(StimuliError, match=r"vocals.pth is of another network: it lacks none; unknown: sr_net"):
        separated(system(tmp_path), of)


def duet(folder: Path) -> np.ndarray:
    """A duet as stems of a song, the first voice low and the second high: (2, frames)."""
    stems = voices(seconds=4.0)
    for name, sound in zip(("low", "high"), stems, strict=True):
        write(folder / f"songs/Duet/{name}.wav", sound[:, None], RATE_HZ)
    return stems


ITEM = """
[[items]]
song = "Duet"
excerpt = { start_s = 0.5, length_s = 3.0 }
"""
SYSTEM = """
[[systems]]
name = "mine"
kind = "medleyvox"
path = "net"
mode = "ola"
window_s = 1.0
targets = [TARGETS]
"""


@pytest.mark.parametrize("target", ["low", "high"])
@pytest.mark.parametrize("targets", ['"low", "high"', '"high", "low"'])
def test_a_duet_is_built_with_each_output_at_its_own_singer(tmp_path, target, targets) -> None:
    published(tmp_path / "net", splitting())
    stems = dict(zip(("low", "high"), duet(tmp_path), strict=True))
    head = HEAD.replace('title = "A tiny test"', f'title = "A tiny test"\ntarget = "{target}"')
    (tmp_path / "experiment.toml").write_text(head + ITEM + SYSTEM.replace("TARGETS", targets))
    build(tmp_path / "experiment.toml", tmp_path / "set", jobs=1, progress=False)
    found = manifest.read(tmp_path / "set")
    assert not found.left_out
    (clip,) = [one for one in found.clips if one.condition == "mine"]
    assert clip.provenance.weights_sha256.keys() == {"vocals.json", "vocals.pth"}
    heard = audio.read(tmp_path / "set" / found.renders / f"{clip.render_key}.wav")[0]
    alike = {name: correlation(heard, stem[:, None]) for name, stem in stems.items()}
    # The voices' bands have slopes, and the masks have none: not all of it can be told apart.
    assert alike.pop(target) > 0.9 and max(alike.values()) < 0.3


def test_a_singer_who_is_lost_within_a_song_is_lost_in_its_excerpts_too(tmp_path, monkeypatch) -> None:
    """One assignment for all of a song: an excerpt that had its own would make the system better than it is."""
    published(tmp_path / "net", splitting())
    low, high = duet(tmp_path)
    real, lost = MedleyVox.network, round(2.5 * RATE_HZ)

    def losing(self: MedleyVox) -> Callable[[np.ndarray], np.ndarray]:
        def network(sound: np.ndarray) -> np.ndarray:
            made = real(self)(sound)
            return np.concatenate([made[:, :lost], made[::-1, lost:]], axis=1)

        return network

    monkeypatch.setattr(MedleyVox, "network", losing)
    items = "".join(ITEM.replace("0.5, length_s = 3.0", f"{start}, length_s = 1.2") for start in (0.2, 2.6))
    head = HEAD.replace('title = "A tiny test"', 'title = "A tiny test"\ntarget = "low"')
    items = items.replace("\nexcerpt", '\nname = "kept"\nexcerpt', 1)
    (tmp_path / "experiment.toml").write_text(
        head + items + SYSTEM.replace("TARGETS", '"high", "low"').replace('"ola"', '"none"')
    )
    build(tmp_path / "experiment.toml", tmp_path / "set", jobs=1, progress=False)
    found = manifest.read(tmp_path / "set")
    for item, (own, other) in zip(found.items, ((low, high), (high, low)), strict=True):
        (clip,) = [one for one in found.clips if (one.item, one.condition) == (item.name, "mine")]
        heard = audio.read(tmp_path / "set" / clip.file)[0]
        start = round(item.start_s * RATE_HZ)
        alike = [abs(correlation(heard, one[start : start + len(heard), None])) for one in (own, other)]
        assert alike[0] > 0.9 and alike[1] < 0.3, item.name


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (
            {},
            "outputs have no order, and are assigned to stems of the song; found no targets, expected in targets 2 of",
        ),
        ({"targets": ["low", "deep"]}, "found no stem 'deep', expected in targets 2 of: low, high"),
    ],
)
def test_outputs_that_belong_to_no_stem_are_refused_before_they_are_made(folder, keys, says) -> None:
    of = Song("Duet", RATE_HZ, np.zeros((10, 1), np.float32), {"low": 0, "high": 0})
    with pytest.raises(StimuliError, match=says):
        run.run_all(system(folder, **keys), "mine", of, ["low"])


def test_another_name_than_its_targets_is_refused_for_that_alone(folder) -> None:
    of = Song("Duet", RATE_HZ, np.zeros((10, 1), np.float32), {"low": 0, "high": 0})
    with pytest.raises(StimuliError, match=r"it can give low or high, not 'vocals'$"):
        run.run(system(folder, targets=["low", "high"]), "mine", of, "vocals")


def test_the_command_writes_each_singer(folder, tmp_path) -> None:
    (tmp_path / "experiment.toml").write_text(HEAD + ITEM + SYSTEM.replace("TARGETS", '"low", "high"'))
    mix = write(tmp_path / "mix.wav", stereo().mixture)
    arguments = ["mine", str(mix), "--out", str(tmp_path / "out"), "--experiment", str(tmp_path / "experiment.toml")]
    done = CliRunner().invoke(separate, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"singer_1.wav", "singer_2.wav", "provenance.json"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"args": ARGS | {"architecture": "sepformer_stft"}}, "args.architecture: Input should be 'conv_tasnet_stft'"),
        ({"args": {}}, "args.architecture: Field required"),
        ({"args": ARGS | {"n_src": 3}}, "the network tells 3 singers apart, but sources names 2; correct sources"),
        ({"args": ARGS | {"srnet": "orig"}}, "args.srnet: Input should be 'convnext'"),
        (
            {"args": ARGS | {"mixture_consistency": "correct_mixture_consistency"}},
            "args.mixture_consistency: Input should be 'mixture_consistency', 'sfsrnet', 'none', True or False (found",
        ),
        ({"args": ARGS | {"nhop": 500}}, "the hop leaves no gap between windows"),
        ([1], 'expected {"args"'),
    ],
)
def test_a_file_of_settings_that_makes_no_network_is_said(folder, content, says) -> None:
    (folder / "net/vocals.json").write_text(json.dumps(content))
    with pytest.raises(StimuliError) as caught:
        separated(system(folder), stereo(0.1))
    assert says in str(caught.value) and str(caught.value).startswith("system 'mine'")


def test_what_is_not_there_is_said_with_where_to_put_it(tmp_path) -> None:
    one = system(tmp_path)
    assert one.missing() == (
        f"how it is built is missing: put vocals.json at {tmp_path}/net/vocals.json, beside vocals.pth"
    )
    published(tmp_path / "net")
    assert one.missing() is None
    (tmp_path / "net/vocals.pth").unlink()
    assert one.missing() == f"its weights are missing: put them at {tmp_path}/net/vocals.pth"


def test_other_files_are_another_render(folder, tmp_path) -> None:
    def key(**keys: object) -> str:
        return key_of(system(folder, **keys).system, "song", "low", "cpu", folder)

    before = key()
    assert key(mode="ola") != before == key(sha256=system(folder).fingerprint()["weights_sha256"])
    published(tmp_path / "net", splitting())
    weights = key()
    published(tmp_path / "net", splitting(), mixture_consistency=None)
    assert len({before, weights, key()}) == 3
    with pytest.raises(StimuliError, match=f"vocals.pth has SHA-256 .*, expected {'0' * 64}; it was not read"):
        key(sha256="0" * 64)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"mode": "w2v"}, 'mode = "w2v" needs features that a package registers as hidden_reference.features'),
        ({"mode": "w2v_chunk", "features": "mfcc"}, 'or take mode = "sf_chunk", which needs none'),
        ({"mode": "sf_chunk", "features": "pitch"}, "takes features = mfcc or spectral_centroid, found 'pitch'"),
        ({"mode": "ola", "features": "mfcc"}, 'mode = "ola" takes no features'),
        ({"targets": ["low"]}, "1 targets for 2 sources"),
        ({"sources": ["a", "a"]}, "sources name something twice"),
    ],
)
def test_entries_that_contradict_themselves_are_refused(keys, says) -> None:
    with pytest.raises(ValidationError, match=says):
        entry("medleyvox", path="net", **keys)


@pytest.fixture
def install(tmp_path, monkeypatch) -> Iterator[Callable[[str], None]]:
    """A package with features, as pip would lay it out; its module is forgotten afterwards."""
    info = tmp_path / "site/their_voices-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their_voices\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[hidden_reference.features]\nxlsr = their_voices:features\n")

    def make(code: str) -> None:
        (info.parent / "their_voices.py").write_text(code)
        monkeypatch.syspath_prepend(info.parent)

    yield make
    sys.modules.pop("their_voices", None)


GOOD = """
import numpy as np
def features(sound, rate_hz):
    assert rate_hz == 24000 and sound.dtype == np.float32 and sound.ndim == 1
    levels = np.abs(np.fft.rfft(sound, 8192))
    return np.stack([levels[:512], levels[512:1024]], axis=1)
"""


@pytest.mark.parametrize("mode", ["w2v", "w2v_chunk"])
def test_features_come_out_of_a_package(folder, install, mode) -> None:
    install(GOOD)
    one, stems = system(folder, mode=mode, features="xlsr", window_s=1.0), voices(seconds=8.0)
    swapping = Swapping(stems)
    assert one.missing() is None and one.fingerprint()["features"] == "their_voices 1.5"
    told = facts_of(one.system, one, 1, 1)
    assert told.parameters["features_package"].endswith(" 1.5")
    found = one.singers(swapping, stems.sum(axis=0))
    where = stems.any(axis=0)
    if mode == "w2v_chunk":
        where = sung(spectral(stems.sum(axis=0), RATE_HZ), stems.shape[1])
    assert len(set(swapping.orders)) == 2 and restored(found, stems, where) == 1


def test_the_detector_of_voices_is_on_record_where_it_is_heard(folder, monkeypatch) -> None:
    def key(**keys: object) -> str:
        return key_of(system(folder, **keys).system, "song", "low", "cpu", folder)

    heard, unheard = {"mode": "sf_chunk", "activity": "webrtc"}, {"mode": "ola", "activity": "webrtc"}
    before = key(**heard), key(**unheard)
    one = system(folder, **heard)
    package = one.fingerprint()["activity"]
    assert re.fullmatch(r"webrtcvad(-wheels)? \d.*", package)
    assert facts_of(one.system, one, 1, 1).parameters["activity_package"] == package
    for keys in (unheard, {"mode": "sf_chunk"}):
        assert "activity" not in system(folder, **keys).fingerprint()
    monkeypatch.setattr("stimuli.separators.singers.activity.version", lambda _name: "99")
    assert key(**heard) != before[0] and key(**unheard) == before[1]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def features(sound, rate_hz): raise KeyError('layer')", " failed: KeyError: 'layer'"),
        ("def features(sound, rate_hz): return [1.0, 2.0]", r"expected finite numbers \(times, values\), found shape"),
        ("def features(sound, rate_hz): return [[float('nan')]]", "expected finite numbers"),
        ("import nothing_like_it", "can't be loaded: ModuleNotFoundError"),
        (
            None,
            " are not installed; found none; pip install a package that registers them as hidden_ref",
        ),
    ],
)
def test_features_that_fail_are_said_with_their_name(folder, install, code, says) -> None:
    if code:
        install(code)
    with pytest.raises(StimuliError, match=rf"^system 'mine': features 'xlsr'.*{says}"):
        separated(system(folder, mode="w2v", features="xlsr", window_s=0.2), stereo(0.5))
    reason = system(folder, mode="w2v", features="xlsr").missing()
    assert bool(reason) == (code is None or code.startswith("import"))
