"""Open-Unmix's folder: names and hashes that hold, and what is said of files that are missing or don't fit."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from outside import separated, song
from test_open_unmix import SETTINGS, net, system, write

from stimuli.errors import StimuliError
from stimuli.render import key_of


def test_a_checksum_may_stand_in_the_name_and_is_held(tmp_path) -> None:
    write(tmp_path)
    path = tmp_path / "model" / "vocals.pth"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    before = system(tmp_path).fingerprint()
    path.rename(path.with_name(f"vocals-{digest[:8]}.pth"))
    named = system(tmp_path)
    assert named.fingerprint() == before and named.missing() is None
    assert named.provenance()["weights_sha256"][f"vocals-{digest[:8]}.pth"] == digest
    assert separated(named, song(0.1)).any()
    path.with_name(f"vocals-{digest[:8]}.pth").rename(path.with_name("vocals-01234567.pth"))
    with pytest.raises(StimuliError, match=rf"has SHA-256 {digest}, expected 01234567; .* or correct its name"):
        separated(system(tmp_path), song(0.1))


def test_weights_that_may_be_two_files_are_refused_with_their_names(tmp_path) -> None:
    write(tmp_path)
    (tmp_path / "model" / "vocals_old.pth").touch()  # named by nobody
    assert system(tmp_path).missing() is None
    (tmp_path / "model" / "vocals-01234567.pth").touch()
    names = "vocals-01234567.pth or vocals.pth"
    says = f"{tmp_path}/model: the weights of 'vocals' may be {names}; leave one of them there"
    assert system(tmp_path).missing() == says
    for act in (system(tmp_path).fingerprint, lambda: separated(system(tmp_path), song(0.1))):
        with pytest.raises(StimuliError, match=r"^system 'mine': .* may be vocals-01234567\.pth or vocals\.pth"):
            act()


def test_sources_may_begin_with_the_same_letters(tmp_path) -> None:
    sources = ("drums", "drums2", "drums-left")
    write(tmp_path, sources=sources)
    files = system(tmp_path, sources=sources).files()
    assert [files[f"{one}.pth"].name for one in sources] == [f"{one}.pth" for one in sources]
    assert system(tmp_path, sources=sources).missing() is None


def test_missing_files_are_said_within_two_seconds_and_no_network_is_asked(tmp_path, monkeypatch) -> None:
    def refuse(*_args, **_keys):
        raise AssertionError("the network was asked")

    for where, name in ((socket.socket, "connect"), (socket, "getaddrinfo"), (socket, "create_connection")):
        monkeypatch.setattr(where, name, refuse)
    began = time.monotonic()
    model = f"put what is missing into {tmp_path}/model"
    everything = "separator.json, vocals.json, vocals.pth, drums.json, drums.pth"
    assert system(tmp_path).missing() == f"{everything} missing: {model}"
    with pytest.raises(StimuliError, match=r"^system 'mine': .*separator\.json"):
        separated(system(tmp_path), song(0.1))
    write(tmp_path)
    (tmp_path / "model" / "drums.pth").unlink()
    assert system(tmp_path).missing() == f"drums.pth missing: {model}"
    assert time.monotonic() - began < 2


def test_every_file_counts(tmp_path) -> None:
    write(tmp_path)
    entry_of = system(tmp_path).system
    names = ["separator.json", "vocals.json", "vocals.pth", "drums.json", "drums.pth"]
    assert list(system(tmp_path).provenance()["weights_sha256"]) == names
    keys = {key_of(entry_of, "", "vocals", "cpu", tmp_path)}
    torch.save(net(9, SETTINGS).state_dict(), tmp_path / "model" / "drums.pth")
    keys.add(key_of(entry_of, "", "vocals", "cpu", tmp_path))
    keys.add(key_of(system(tmp_path, iterations=2).system, "", "vocals", "cpu", tmp_path))
    assert len(keys) == 3
    pinned = system(tmp_path, sha256={"drums.pth": "0" * 64})
    with pytest.raises(StimuliError, match=rf"drums\.pth has SHA-256 \w+, expected {'0' * 64}; it was not read"):
        separated(pinned, song(0.1))


def spoil(place: Path, name: str, content: object) -> None:
    path = place / "model" / name
    if name.endswith(".json"):
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    else:
        torch.save(content, path)


STATE = net(0, SETTINGS).state_dict()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("separator.json", "{", "separator.json: can't be read as JSON"),
        ("separator.json", [1], "separator.json: expected a JSON object"),
        ("separator.json", SETTINGS | {"nhop": 0}, "separator.json: nhop is 0; expected a whole number, 1 to"),
        ("separator.json", SETTINGS | {"nhop": 400}, "nhop is at most half of nfft, found 400 and 512"),
        ("separator.json", SETTINGS | {"sample_rate": "44"}, "separator.json: sample_rate is '44'; expected"),
        ("separator.json", SETTINGS | {"sample_rate": float("nan")}, "separator.json: sample_rate is nan; expected"),
        ("separator.json", SETTINGS | {"nfft": float("inf")}, "separator.json: nfft is inf; expected"),
        ("separator.json", SETTINGS | {"nb_channels": True}, "separator.json: nb_channels is True; expected"),
        ("vocals.pth", STATE | {"input_mean": torch.ones(0)}, "vocals.pth: these are no weights of Open-Unmix: "),
        ("separator.json", SETTINGS | {"nfft": 1024}, "vocals.json: nfft is 512, and 1024 according to separator.json"),
        ("vocals.json", {}, 'vocals.json: expected "args", as Open-Unmix writes it'),
        ("vocals.json", {"args": {"nfft": 512, "nb_channels": 2, "hidden_size": 32}}, "hidden_size is 32, and 16"),
        ("vocals.pth", [1], "vocals.pth: holds no state dict"),
        ("vocals.pth", {"fc1.weight": torch.ones(2, 2)}, "these are no weights of Open-Unmix"),
        ("vocals.pth", {k: v for k, v in STATE.items() if k != "bn2.bias"}, "of Open-Unmix: bn2.bias missing"),
        ("vocals.pth", STATE | {"bn3.weight": torch.ones(3)}, "vocals.pth: Error(s) in loading state_dict"),
    ],
)
def test_files_that_do_not_fit_are_said(tmp_path, name, content, says) -> None:
    write(tmp_path)
    spoil(tmp_path, name, content)
    with pytest.raises(StimuliError, match=r"^system 'mine'") as caught:
        separated(system(tmp_path), song(0.1))
    assert says in str(caught.value)


def test_what_published_files_hold_besides_is_left_aside(tmp_path) -> None:
    write(tmp_path)
    before = separated(system(tmp_path), song(0.1))
    more = {"stft.window": torch.ones(512), "sample_rate": torch.tensor(44_100.0)}
    spoil(tmp_path, "vocals.pth", {k: v for k, v in STATE.items() if "num_batches" not in k} | more)
    assert np.array_equal(separated(system(tmp_path), song(0.1)), before)
