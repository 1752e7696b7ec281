"""Checkpoints of a registered architecture: what is loaded, what is refused before it is read, and one real network."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from outside import made, separated, song
from safetensors.torch import save_file

from stimuli.errors import StimuliError
from stimuli.render import key_of
from stimuli.separators import run, separator, sources
from stimuli.separators.networks import spleeter
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.separators.networks.architectures.spectral_unet import spectral_unet
from stimuli.separators.spectral import Stft

SMALL = {"window": 256, "hop": 128, "bins": 128, "block": 64}


@functools.cache
def state(sources: tuple[str, ...] = ("vocals",)) -> dict[str, torch.Tensor]:
    """Seeded weights of a U-net for each source."""
    torch.manual_seed(1)
    return spectral_unet(sources, 2, **SMALL).state_dict()


def system(folder: Path, name: str = "net.pt", **keys):
    """A checkpoint as it is written into an experiment file beside it."""
    given = {"path": name, "architecture": "unet", "sources": ["vocals"], "parameters": SMALL}
    return made(folder, "torch_checkpoint", **(given | keys))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The same weights in every form that is read."""
    place = tmp_path_factory.mktemp("weights")
    torch.save(state(), place / "net.pt")
    torch.save({"state_dict": state(), "epoch": 7}, place / "wrapped.pt")
    save_file(state(), place / "net.safetensors")
    return place


def test_every_form_of_file_gives_the_same_sound(folder) -> None:
    of = song()
    found = [separated(system(folder, name), of) for name in ("net.pt", "wrapped.pt", "net.safetensors", "net.pt")]
    assert all(np.array_equal(one, found[0]) for one in found[1:]) and np.abs(found[0]).max() > 1e-4
    rest = separated(system(folder), of, "accompaniment")
    assert np.abs(rest + found[0] - of.mixture).max() < 1e-6


def test_the_network_in_the_file_is_the_one_that_runs(folder) -> None:
    """Its mask by hand: magnitudes through the net, the mixture's phase, and numpy's transform."""
    of = song(0.3)
    net = spectral_unet(("vocals",), 2, **SMALL)
    net.load_state_dict(state())
    net.eval()
    spectra = Stft(256, 128).forward(of.mixture)
    magnitudes = np.abs(spectra[:, :128])
    padded = np.pad(magnitudes, ((0, 0), (0, 0), (0, -magnitudes.shape[2] % 64))).transpose(0, 2, 1)
    with torch.inference_mode():
        blocks = [
            net["vocals"](torch.from_numpy(padded[None, :, i : i + 64].copy())) for i in range(0, padded.shape[1], 64)
        ]
    estimate = torch.cat(blocks, dim=2)[0].numpy().transpose(0, 2, 1)[..., : magnitudes.shape[2]]
    mask = estimate / (magnitudes + 1e-10)
    mask = np.concatenate([mask, mask.mean(axis=1, keepdims=True)], axis=1)
    expected = Stft(256, 128).inverse(spectra * mask, len(of.mixture))
    assert np.abs(system(folder).separate(of, ["vocals"])["vocals"] - expected).max() < 1e-5


def test_spleeters_weights_as_a_checkpoint_are_spleeter(tmp_path) -> None:
    """A real pretrained network, through this door: two U-nets, saved as anybody would, sound as the system does."""
    weights = {
        f"{name}.{key}": value
        for name in spleeter.WEIGHTS
        for key, value in spleeter._network(name, "cpu").state_dict().items()
    }
    torch.save(weights, tmp_path / "spleeter.pt")
    of = song(1.0)
    mine = system(tmp_path, "spleeter.pt", sources=list(spleeter.WEIGHTS), parameters={})
    theirs = separator(made(tmp_path, "spleeter_2stems").system)
    found, expected = (run.run_all(one, "mine", of, ("vocals", "accompaniment"))[0] for one in (mine, theirs))
    for name in found:
        assert np.abs(found[name] - expected[name]).max() < 1e-5 * np.abs(expected[name]).max(), name
    assert mine.provenance()["parameters"]["accompaniment"] == "own estimate"


class Trap:
    """What a pickle can hold: a program that runs when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize(
    ("save", "load", "says"),
    [
        (torch.save, lambda path: torch.load(path, weights_only=False), r"holds more than numbers \(\w+\.system\)"),
        (
            lambda trap, path: path.write_bytes(pickle.dumps(trap)),
            lambda path: pickle.loads(path.read_bytes()),
            "damaged, or a pickle in another form than torch's",
        ),
    ],
)
def test_a_pickle_is_refused_with_the_reason_and_nothing_in_it_runs(tmp_path, save, load, says) -> None:
    save({"weights": Trap(tmp_path / "sprung")}, tmp_path / "net.pt")
    with pytest.raises(StimuliError, match=says + ": reading it could run any program, so it was not read; save the"):
        separated(system(tmp_path), song(0.1))
    assert not (tmp_path / "sprung").exists()
    load(tmp_path / "net.pt")
    assert (tmp_path / "sprung").exists(), "the trap was real"


def test_the_hash_is_held_before_anything_is_read(folder, monkeypatch) -> None:
    digest = hashlib.sha256((folder / "net.pt").read_bytes()).hexdigest()
    good = system(folder, sha256=digest)
    assert good.provenance()["weights_sha256"] == {"net.pt": digest} and separated(good, song(0.1)).any()
    read = []
    monkeypatch.setattr(torch, "load", lambda *args, **keys: read.append(args))
    wrong = system(folder, sha256="0" * 64)
    for act in (wrong.fingerprint, lambda: separated(wrong, song(0.1))):
        with pytest.raises(StimuliError, match=rf"net.pt has SHA-256 {digest}, expected {'0' * 64}; it was not read"):
            act()
    assert not read


def test_missing_weights_are_said_within_two_seconds_and_no_network_is_asked(tmp_path, monkeypatch) -> None:
    import socket

    def refuse(*_args):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    began = time.monotonic()
    assert system(tmp_path).missing() == f"its weights are missing: put them at {tmp_path}/net.pt"
    with pytest.raises(StimuliError, match="put them at"):
        separated(system(tmp_path), song(0.1))
    assert time.monotonic() - began < 2


def changed(**keys) -> dict:
    return {key: value for key, value in (state() | keys).items() if value is not None}


@pytest.mark.parametrize(
    ("content", "keys", "says"),
    [
        (
            changed(**{"vocals.up7.0.bias": None}),
            {},
            "is of another network: it lacks vocals.up7.0.bias; unknown: none",
        ),
        (changed(**{"other.x": torch.ones(1)}), {}, "it lacks none; unknown: other.x"),
        (
            changed(**{"vocals.up7.0.bias": torch.ones(9)}),
            {},
            "has weights of another shape: size mismatch for vocals.up7",
        ),
        ([1, 2], {}, "holds no state dict; save it with torch.save"),
        (changed(), {"architecture": "wnet"}, f"no architecture 'wnet' is known; expected {', '.join(ARCHITECTURES)}"),
        (changed(), {"parameters": {"depth": 9}}, "its parameters don't fit: "),
        (changed(), {"parameters": {"bins": 100}}, "bins (at most window / 2) and block are multiples of 64"),
        (changed(), {"channels": 1, "convert": True}, "the net has two channels"),
    ],
)
def test_weights_that_do_not_fit_are_said(tmp_path, content, keys, says) -> None:
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(StimuliError) as caught:
        separated(system(tmp_path, **keys), song(0.1))
    assert says in str(caught.value) and str(caught.value).startswith("system 'mine'")


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
def test_a_damaged_file_is_said(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(StimuliError, match=rf"{name}: (can't be read as weights|damaged)"):
        separated(system(tmp_path, name), song(0.1))


def test_what_batch_norms_counted_may_be_left_out(tmp_path, folder) -> None:
    kept = {key: value for key, value in state().items() if not key.endswith("num_batches_tracked")}
    torch.save(kept, tmp_path / "net.pt")
    of = song(0.2)
    assert len(kept) < len(state()) and np.array_equal(separated(system(tmp_path), of), separated(system(folder), of))


@pytest.mark.parametrize("frames", [1, 10, 20_000])
def test_any_length_and_silence_come_back_finite(folder, frames) -> None:
    of = song(frames / 44_100)
    assert separated(system(folder), of).shape == of.mixture.shape
    silent = type(of)(of.name, of.rate_hz, 0 * of.mixture)
    assert not separated(system(folder), silent).any()


def test_every_registered_architecture_can_be_had() -> None:
    import importlib

    for place in ARCHITECTURES.values():
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), place


def test_other_weights_are_another_render(folder, tmp_path) -> None:
    torch.save(changed(**{"vocals.up7.0.bias": torch.ones(2)}), tmp_path / "net.pt")
    keys = {key_of(system(place).system, "song", "vocals", "cpu", place) for place in (folder, tmp_path)}
    assert len(keys) == 2
    assert key_of(system(folder).system, "song", "vocals", "cuda", folder) not in keys


def test_a_network_for_the_accompaniment_alone_gives_the_vocals_as_the_rest() -> None:
    mixture, music = np.full((4, 2), 0.5, np.float32), np.full((4, 2), 0.2, np.float32)
    assert sources.gives(["accompaniment"]) == ("accompaniment", "vocals")
    found = sources.answer(["accompaniment"], "vocals", {"accompaniment": music}, mixture)
    assert np.array_equal(found, mixture - music) and sources.told(["accompaniment"]) == "own estimate"
