"""What goes wrong in a run of training: full disks, checkpoints of something else, losses that are not finite."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
import torch
import training_world
from test_training_run import NET
from training_world import RATE_HZ, train

from stimuli.errors import StimuliError
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.training import checkpoint
from stimuli.training.loop import Loop


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", "training_world:tiny")


@pytest.fixture
def songs(tmp_path) -> Path:
    return training_world.write_songs(tmp_path)


def test_a_write_that_fails_leaves_the_checkpoint_before_it(songs) -> None:
    train(songs, **NET, optimiser={"steps": 2})
    path = songs / "out" / checkpoint.FILE_NAME
    before = path.read_bytes()
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, most))
    try:
        with pytest.raises(
            StimuliError, match=r"checkpoint.pt: can't be written: .*; the checkpoint before it is as it"
        ):
            checkpoint.save(path, {}, checkpoint.Progress(), {"module": {"weights": torch.zeros(len(before))}})
        with pytest.raises(StimuliError, match=r"can't be written: "):
            train(songs, **NET, optimiser={"steps": 4})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert path.read_bytes() == before and not list(path.parent.glob(".*.part"))
    train(songs, **NET, optimiser={"steps": 4})
    train(songs, "whole", **NET, optimiser={"steps": 4})
    assert (songs / "out" / "curve.csv").read_bytes() == (songs / "whole" / "curve.csv").read_bytes()


def test_a_checkpoint_of_something_else_is_refused_with_what_differs(songs) -> None:
    train(songs, **NET, optimiser={"steps": 2})
    with pytest.raises(
        StimuliError, match=r"another configuration: optimiser.rate: 0.005 there, 0.01 here; seed: 3 there"
    ):
        train(songs, **NET, seed=5, optimiser={"steps": 2, "rate": 0.01})
    training_world.write(songs / "train" / "One" / "other.wav", training_world.music(9), RATE_HZ)
    with pytest.raises(StimuliError, match=r"the songs have changed since: train/One; give this run another --out"):
        train(songs, **NET, optimiser={"steps": 2})
    (songs / "out" / checkpoint.FILE_NAME).write_bytes(b"PK\x03\x04")
    with pytest.raises(StimuliError, match=r"checkpoint.pt: can't be read as a checkpoint .*; move it away to start"):
        train(songs, **NET)


def test_an_older_checkpoint_has_the_default_of_a_younger_key(songs) -> None:
    train(songs, **NET, optimiser={"steps": 2})
    path = songs / "out" / checkpoint.FILE_NAME
    held = torch.load(path)
    meant = json.loads(held["meant"])
    del meant["config"]["loss"]["own"], held["progress"]["cpu_s"]
    torch.save(held | {"meant": json.dumps(meant)}, path)
    assert train(songs, **NET, optimiser={"steps": 4}).progress.step == 4
    meant["config"]["loss"]["of_old"] = 1.0
    torch.save(held | {"meant": json.dumps(meant)}, path)
    with pytest.raises(StimuliError, match=r"another configuration: loss.of_old: 1.0 there, None here"):
        train(songs, **NET, optimiser={"steps": 4})


def test_a_checkpoint_of_another_network_or_of_none_is_said(songs) -> None:
    train(songs, **NET, optimiser={"steps": 2})
    path = songs / "out" / checkpoint.FILE_NAME
    held = torch.load(path)
    weights = {name: one for name, one in held["module"].items() if name != "made.bias"}
    for changed in ({"module": weights}, {"optimiser": {}}):
        torch.save(held | changed, path)
        with pytest.raises(StimuliError, match=r"checkpoint.pt: is of another network than 'tiny' is now \(.+\); give"):
            train(songs, **NET, optimiser={"steps": 4})
    torch.save(held | {"meant": "{}"}, path)
    with pytest.raises(StimuliError, match=r"checkpoint.pt: can't be read as a checkpoint \(KeyError\)"):
        train(songs, **NET, optimiser={"steps": 4})


def test_two_runs_do_not_share_a_folder(songs) -> None:
    from filelock import FileLock

    (songs / "out").mkdir()
    with FileLock(songs / "out" / ".train.lock"), pytest.raises(StimuliError, match="another run trains here"):
        train(songs, **NET)


def test_a_loss_that_is_not_finite_is_said_and_not_kept(songs, monkeypatch) -> None:
    train(songs, **NET, optimiser={"steps": 2})
    before = (songs / "out" / checkpoint.FILE_NAME).read_bytes()
    monkeypatch.setattr(
        training_world.Tiny, "forward", lambda net, x: net.made(net.heard(x)).unflatten(1, (1, 2)) * torch.inf
    )
    with pytest.raises(
        StimuliError, match=r"step 3: the loss or its gradient is not finite any more; lower optimiser.rate"
    ):
        train(songs, **NET, optimiser={"steps": 4})
    assert (songs / "out" / checkpoint.FILE_NAME).read_bytes() == before


def test_a_validation_that_is_not_finite_is_said_and_not_kept(songs, monkeypatch) -> None:
    losses = iter([5.0, 4.0, float("nan")])
    monkeypatch.setattr(Loop, "_heard", lambda _: (next(losses), 0.0))
    with pytest.raises(StimuliError, match=r"validation after step 4: the loss is not finite any more; lower"):
        train(songs, **NET)
    held = torch.load(songs / "out" / checkpoint.FILE_NAME)["progress"]
    assert held["best"] == 4.0 and [row[2] for row in held["curve"]] == [5.0, 4.0]


@pytest.mark.parametrize("device", ["cuda:99", "meta", "xyz"])
def test_a_device_that_is_not_there_is_said(songs, device) -> None:
    with pytest.raises(StimuliError, match=f"device: '{device}' can't be used here: .*; expected cpu, cuda, cuda:0 or"):
        train(songs, **NET, device=device)
    assert not (songs / "out").exists()


def test_several_processes_need_their_launcher_and_gpus_of_their_own(songs, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(StimuliError, match="WORLD_SIZE is 2, and RANK, MASTER_ADDR, MASTER_PORT not set; start"):
        train(songs, **NET)
    for name, value in (("RANK", "0"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "29500")):
        monkeypatch.setenv(name, value)
    with pytest.raises(StimuliError, match="each of 2 processes has a GPU of its own; leave the number out"):
        train(songs, **NET, device="cuda:1")
