"""Demucs out of a folder: what its own loader makes of it, what is refused before it is read, and never a network."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import socket
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from outside import entry, made, separated, song
from pydantic import ValidationError
from safetensors.torch import save_file

from stimuli.errors import StimuliError
from stimuli.render import key_of
from stimuli.separators import Song, run
from stimuli.separators.networks import demucs as adapter

needs_demucs = pytest.mark.skipif(
    importlib.util.find_spec("demucs") is None, reason='demucs is not installed; pip install "hidden-reference[demucs]"'
)
SOURCES = ["vocals", "drums"]
SMALL = {"sources": SOURCES, "channels": 8, "segment": Fraction(1, 2)}


def system(folder: Path, model: str = "tiny", **keys):
    """A model of the folder ``repo``, as it is written into an experiment file beside it."""
    return made(folder, "demucs", **({"path": "repo", "model": model, "sources": SOURCES} | keys))


def network(seed: int = 1, **keys):
    """A small HybridDemucs with seeded weights."""
    from demucs.hdemucs import HDemucs

    torch.manual_seed(seed)
    return HDemucs(**(SMALL | keys))


def package(net, **more) -> dict:
    """What demucs saves of a network."""
    args, kwargs = net._init_args_kwargs
    return {"klass": type(net), "args": args, "kwargs": dict(kwargs), "state": net.state_dict(), "training_args": more}


def save_safetensors(net, path: Path, **metadata: str) -> None:
    """As demucs's own export writes it: class and arguments as JSON beside the weights."""
    kwargs = net._init_args_kwargs[1] | {"segment": {"_type": "fraction", "numerator": 1, "denominator": 2}}
    klass = f"{type(net).__module__}.{type(net).__qualname__}"
    told = {"klass": klass, "args": "[]", "kwargs": json.dumps(kwargs)} | metadata
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, path, metadata=told)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One network as ``.th`` with its checksum in its name and as safetensors, another, and a bag of both."""
    from demucs.states import save_with_checksum

    place = tmp_path_factory.mktemp("demucs")
    repo = place / "repo"
    repo.mkdir()
    save_with_checksum(package(network(), epochs=360), repo / "tiny.th")
    save_safetensors(network(), repo / "safe.safetensors")
    torch.save(package(network(2)), repo / "second.th")
    bag = 'models: ["tiny", "second"]\nweights: [[1, 0], [0.5, 1]]\nsegment: 0.4\n'
    (repo / "both.yaml").write_text(bag)
    return place


def by_hand(folder: Path, model: str, of: Song) -> np.ndarray:
    """(sources, frames, channels) of the package itself, loaded by ``repo=``; level and mean are as its API has them.

    That API itself would want packages that read and fetch sounds.
    """
    from demucs.apply import apply_model
    from demucs.pretrained import get_model

    waveform = torch.from_numpy(of.mixture.T.copy())
    mean, spread = waveform.mean(0).mean(), waveform.mean(0).std() + 1e-8
    heard = ((waveform - mean) / spread)[None]
    with torch.no_grad():
        made = apply_model(get_model(model, repo=folder / "repo"), heard, shifts=0, split=True, overlap=0.25)[0]
    return (made * spread + mean).numpy().transpose(0, 2, 1)


@needs_demucs
@pytest.mark.parametrize("model", ["tiny", "both"])
def test_it_gives_what_the_package_gives_from_a_local_repository(folder, model) -> None:
    of = song(0.9)
    found = system(folder, model).separate(of, SOURCES)
    expected = by_hand(folder, model, of)
    assert np.abs(expected).max() > 1e-3
    # The package adds the mean to each source, here there is half of it in each of two.
    for index, name in enumerate(SOURCES):
        assert np.abs(found[name] - (expected[index] - of.mixture.mean() / 2)).max() < 1e-6, name


@needs_demucs
def test_safetensors_are_the_same_network_and_two_runs_are_equal_to_the_bit(folder) -> None:
    of = song(0.9)
    first = system(folder).separate(of, SOURCES)
    random.seed(5)  # shifts are drawn from here
    for again in (system(folder), system(folder, "safe")):
        found = again.separate(of, SOURCES)
        assert all(np.array_equal(found[name], first[name]) for name in SOURCES)


class Halves(torch.nn.Module):
    """A network whose sources add up to what it hears."""

    sources, samplerate, audio_channels, segment, max_allowed_segment = SOURCES, 44_100, 2, 0.1, float("inf")

    def forward(self, mix: torch.Tensor) -> torch.Tensor:
        return torch.stack([0.25 * mix, 0.75 * mix], dim=1)


@needs_demucs
def test_the_mean_is_there_once_and_the_accompaniment_is_what_is_stated(folder, monkeypatch) -> None:
    of = song(0.5)
    of = Song(of.name, of.rate_hz, of.mixture + np.float32(0.3))
    monkeypatch.setattr(adapter.Demucs, "_model", lambda self: Halves())
    found = system(folder).separate(of, ["vocals", "accompaniment"])
    assert np.abs(found["vocals"] + found["accompaniment"] - of.mixture).max() < 1e-6
    assert abs(found["vocals"].mean() - 0.15) < 1e-3
    monkeypatch.undo()
    rest = system(folder, accompaniment="rest")
    parts = run.run_all(rest, "mine", of, ["vocals", "accompaniment"])[0]
    assert np.abs(parts["vocals"] + parts["accompaniment"] - of.mixture).max() < 1e-6
    summed = separated(system(folder), of, "accompaniment")
    assert np.abs(parts["accompaniment"] - summed).max() > 1e-3
    told = [one.provenance()["parameters"]["accompaniment"] for one in (rest, system(folder))]
    assert told == ["mixture minus vocals", "sum of drums"]


@needs_demucs
def test_every_file_is_in_the_record_and_in_the_fingerprint(folder, tmp_path) -> None:
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "repo").iterdir()}
    (name,) = (name for name in hashes if name.startswith("tiny-"))
    both = system(folder, "both")
    assert both.provenance()["weights_sha256"] == {one: hashes[one] for one in ("both.yaml", name, "second.th")}
    assert both.provenance()["device"] == "cpu" and "demucs 4" in both.provenance()["parameters"]["package"]
    assert system(folder, sha256={name: hashes[name]}).fingerprint() == system(folder).fingerprint()
    with pytest.raises(StimuliError, match=f"second.th has SHA-256 {hashes['second.th']}, expected {'0' * 64}"):
        key_of(system(folder, "both", sha256={"second.th": "0" * 64}).system, "", "vocals", "cpu", folder)
    with pytest.raises(StimuliError, match=r"sha256 names 'secnd\.th'; its files are both\.yaml, tiny-"):
        system(folder, "both", sha256={"secnd.th": "0" * 64}).fingerprint()


@needs_demucs
def test_a_checksum_in_a_name_is_held_before_the_file_is_read(folder, tmp_path, monkeypatch) -> None:
    (tmp_path / "repo").mkdir()
    content = (folder / "repo" / "second.th").read_bytes()
    (tmp_path / "repo" / "tiny-01234567.th").write_bytes(content)
    monkeypatch.setattr(torch, "load", lambda *args, **keys: pytest.fail("it was read"))
    for act in (system(tmp_path).fingerprint, system(tmp_path).network):
        with pytest.raises(
            StimuliError, match=r"tiny-01234567\.th has SHA-256 \w+, expected 01234567; it was not read"
        ):
            act()


class Trap:
    """What a pickle can hold: a program that runs when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@needs_demucs
def test_a_pickle_with_a_program_is_refused_unless_its_maker_is_trusted(tmp_path) -> None:
    (tmp_path / "repo").mkdir()
    torch.save(package(network(), trap=Trap(tmp_path / "sprung")), tmp_path / "repo" / "tiny.th")
    says = r"holds more than numbers \(\w+\.system\): .* it was not read; .* set trust_pickle = true in its entry"
    with pytest.raises(StimuliError, match=says):
        system(tmp_path).network()
    assert not (tmp_path / "sprung").exists()
    system(tmp_path, trust_pickle=True).network()
    assert (tmp_path / "sprung").exists(), "the trap was real, and the entry let it in"


@needs_demucs
@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"klass": "os.system"}, "is made of 'os.system'; expected demucs.demucs.Demucs, demucs.hdemucs.HDemucs"),
        ({"klass": "demucs.states.load_model"}, "is made of 'demucs.states.load_model'"),
        ({"structure": "{}"}, "its weights are quantised"),
        ({"kwargs": "{"}, "no network could be made of it"),
        ({"kwargs": json.dumps({"sources": SOURCES, "channels": 4})}, "no network could be made of it"),
    ],
)
def test_no_other_class_is_made(tmp_path, metadata, says) -> None:
    (tmp_path / "repo").mkdir()
    save_safetensors(network(), tmp_path / "repo" / "tiny.safetensors", **metadata)
    with pytest.raises(StimuliError) as caught:
        system(tmp_path).network()
    assert says in str(caught.value) and str(caught.value).startswith("system 'mine': ")


@needs_demucs
@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sources": ["drums", "vocals"]}, 'the model\'s sources: ["vocals", "drums"]; write sources so in its entry'),
        ({"rate_hz": 48_000}, "the model's rate_hz: 44100; write"),
        ({"channels": 1}, "the model's channels: 2; write"),
    ],
)
def test_an_entry_that_says_something_else_than_the_model_is_refused(folder, keys, says) -> None:
    with pytest.raises(StimuliError, match=r"^system 'mine': ") as caught:
        system(folder, **keys).network()
    assert says in str(caught.value)


def refuse_network(monkeypatch) -> None:
    def refuse(*_args, **_keys):
        raise AssertionError("the network was asked")

    for where, name in ((socket.socket, "connect"), (socket, "getaddrinfo"), (socket, "create_connection")):
        monkeypatch.setattr(where, name, refuse)


@needs_demucs
@pytest.mark.parametrize("model", ["htdemucs", "955717e8", "demucs_unittest"])
@pytest.mark.parametrize("there", [True, False])
def test_what_is_missing_is_said_within_two_seconds_and_no_network_is_asked(
    tmp_path, monkeypatch, model, there
) -> None:
    refuse_network(monkeypatch)
    if there:
        (tmp_path / "repo").mkdir()
    began = time.monotonic()
    reason = system(tmp_path, model).missing()
    assert reason and reason.startswith(f"there is no network {model!r}: put {model}.th, {model}-<checksum>.th or")
    assert f"into {tmp_path}/repo" in reason
    with pytest.raises(StimuliError, match="there is no network"):
        separated(system(tmp_path, model), song(0.1))
    assert time.monotonic() - began < 2


@needs_demucs
def test_a_bag_that_is_none_and_two_files_of_one_name_are_said(folder, tmp_path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    for text, says in (
        ("models: 3", 'expected "models"'),
        ("[", "can't be read as YAML"),
        ("models: [a]", "network 'a'"),
        ("[1]", "both.yaml: the file: Input should be a valid dictionary"),
        ("models: [../a]", "both.yaml: models.0: String should match pattern"),
        ("models: [955717]", "both.yaml: models.0: Input should be a valid string (found 955717)"),
        ("models: [a]\nweights: [[1, x]]", "both.yaml: weights.0.1: Input should be a valid number (found 'x')"),
        ("models: [a]\nweights: [[1, .nan]]", "both.yaml: weights.0.1: Input should be a finite number"),
        ("models: [a]\nweights: [[1]]", "both.yaml: weights are 1 rows of 2 numbers, for each network one for each"),
        ("models: [a, b]\nweights: [[1, 1]]", "both.yaml: weights are 2 rows of 2 numbers"),
        ("models: [a, b]\nweights: [[1, 0], [1, 0]]", "both.yaml: weights of a source add up to more than 0"),
        ("models: [a]\nsegment: 0", "both.yaml: segment: Input should be greater than 0"),
    ):
        (repo / "both.yaml").write_text(text)
        assert says in str(system(tmp_path, "both").missing())
    for name in ("tiny.th", "tiny.safetensors"):
        (repo / name).touch()
    assert system(tmp_path).missing() == (
        f"{repo}: the network 'tiny' may be tiny.safetensors or tiny.th; leave one of them there"
    )
    (repo / "both.yaml").write_text("models: [tiny, other]")
    (repo / "tiny.th").unlink()
    save_safetensors(network(), repo / "tiny.safetensors")
    torch.save(package(network(samplerate=22_050)), repo / "other.th")
    with pytest.raises(StimuliError, match=r"both\.yaml: its networks differ in sources, rate or channels$"):
        system(tmp_path, "both").network()


def test_the_package_is_named_where_it_is_not_installed(tmp_path, monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "demucs" else find(name, *a))
    assert system(tmp_path).missing() == 'demucs is not installed; pip install "hidden-reference[demucs]"'


@needs_demucs
@pytest.mark.parametrize("frames", [1, 10, 3_000])
def test_any_length_silence_mono_and_one_silent_channel(folder, frames) -> None:
    of = song(frames / 44_100)
    assert separated(system(folder), of).shape == of.mixture.shape
    silent = Song(of.name, of.rate_hz, 0 * of.mixture)
    assert np.abs(separated(system(folder), silent)).max() < 1e-6
    lone = Song(of.name, of.rate_hz, of.mixture * np.float32([1, 0]))
    assert separated(system(folder), lone).shape == of.mixture.shape
    mono = Song(of.name, of.rate_hz, of.mixture[:, :1])
    assert separated(system(folder, convert=True), mono).shape == mono.mixture.shape


@needs_demucs
def test_a_transformer_hears_no_longer_pieces_than_in_training_and_draws_nothing(tmp_path) -> None:
    from demucs.htdemucs import HTDemucs

    (tmp_path / "repo").mkdir()
    torch.manual_seed(1)
    sizes = {"channels": 8, "depth": 2, "nfft": 256, "t_layers": 1, "t_heads": 2, "bottom_channels": 16}
    net = HTDemucs(sources=SOURCES, segment=Fraction(1, 5), t_sin_random_shift=50, **sizes)
    torch.save(package(net), tmp_path / "repo" / "tiny.th")
    with pytest.raises(StimuliError, match=r"segment_s is at most 0\.2, the length that it was trained with"):
        system(tmp_path, segment_s=0.3).network()
    found = [system(tmp_path).separate(song(0.3), SOURCES) for _ in range(2)]
    assert np.array_equal(found[0]["vocals"], found[1]["vocals"]) and np.abs(found[0]["vocals"]).max() > 1e-4


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"model": "../evil"}, "String should match pattern"),
        ({"shifts": 1}, "Extra inputs are not permitted"),
        ({"sources": ["drums"], "accompaniment": "rest"}, "is for systems with the source vocals"),
    ],
)
def test_entries_that_can_not_be_meant_are_refused(keys, says) -> None:
    with pytest.raises(ValidationError, match=says):
        entry("demucs", **({"path": "repo", "model": "tiny", "sources": SOURCES} | keys))
