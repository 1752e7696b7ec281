"""The same jobs on a Dask cluster: the same set, even when a worker is killed in the middle of the build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from small_world import SYSTEMS

from stimuli import workers
from stimuli.build import build
from stimuli.errors import StimuliError
from stimuli.separators.networks.architectures.vox_tasnet import vox_tasnet
from stimuli.verify import verify
from stimuli.workers import Workers

VOX = {"width": 12, "bottleneck": 16, "repeats": 1, "dilations": 2}
NET = f"""
[[systems]]
name = "net"
kind = "torch_checkpoint"
architecture = "vox_tasnet"
path = "net.pt"
sources = ["accompaniment"]
rate_hz = 44100
channels = 2
parameters = {{{", ".join(f"{key} = {value}" for key, value in VOX.items())}}}
"""


Cluster = tuple[str, list[subprocess.Popen]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    """A scheduler and two worker processes."""
    folder = tmp_path_factory.mktemp("cluster")
    address_file = folder / "scheduler.json"
    scheduler = _start("scheduler", "--scheduler-file", str(address_file), "--host", "127.0.0.1", "--port", "0")
    workers = [_start("worker", "--scheduler-file", str(address_file), "--nthreads", "1", "--no-nanny") for _ in "ab"]
    try:
        yield _address(address_file), workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _start(what: str, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "distributed.cli.dask_" + what, *options, "--no-dashboard"]
    # Workers unpickle this module's functions: they must find it.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _address(file) -> str:
    import json

    end = time.monotonic() + 60
    while time.monotonic() < end:
        if file.is_file() and file.read_text():
            return json.loads(file.read_text())["address"]
        time.sleep(0.1)
    raise AssertionError("the scheduler never said where it is")


def test_a_cluster_makes_the_same_set(write_experiment, world, cluster) -> None:
    here = build(write_experiment(), world / "here", jobs=1, progress=False)
    there = build(write_experiment(), world / "there", cluster=cluster[0], progress=False)
    assert [c.samples_sha256 for c in there.clips] == [c.samples_sha256 for c in here.clips]
    assert there.stimuli_id == here.stimuli_id and verify(world / "there") == there


def test_a_cluster_that_is_not_there_is_said(write_experiment, world, monkeypatch) -> None:
    monkeypatch.setattr(workers, "ANSWERS_WITHIN", "1s")
    with pytest.raises(StimuliError, match=r"--cluster tcp://127.0.0.1:9: no Dask scheduler answers there"):
        build(write_experiment(), world / "set", cluster="tcp://127.0.0.1:9", progress=False)


def test_the_workers_are_asked_for_the_device_and_not_the_machine_that_builds(
    write_experiment, world, cluster, monkeypatch
) -> None:
    """torch knows ``cpu:0`` everywhere, ``cuda:99`` nowhere; here it is made to know neither."""

    def unknown(*_: object, **_keys: object) -> None:
        raise RuntimeError("not on this machine")

    state = vox_tasnet(("accompaniment",), 2, **VOX).state_dict()
    torch.save(state, world / "net.pt")
    path = write_experiment(systems=SYSTEMS + NET)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "zeros", unknown)
        with pytest.raises(StimuliError, match="not on this machine; leave --device out"):
            build(path, world / "set", jobs=1, progress=False, device="cpu:0")
        with pytest.raises(StimuliError, match=r"--cluster tcp.*: the worker at tcp.*: torch can't use .*'cuda:99'"):
            build(path, world / "set", cluster=cluster[0], progress=False, device="cuda:99")
        assert not (world / "set").exists()
        made = build(path, world / "set", cluster=cluster[0], progress=False, device="cpu:0")
    (clip, _) = [one for one in made.clips if one.condition == "net"]
    assert clip.provenance.device == "cpu:0" and verify(world / "set") == made


def test_a_worker_killed_in_mid_build_takes_nothing_along(write_experiment, world, cluster) -> None:
    """One of two workers dies by SIGKILL while it separates; the build ends, whole and right.

    The last test on this cluster, as one of its workers is gone then.
    """
    more = "".join(f'[[systems]]\nname = "r{n}"\nkind = "oracle_ratio_mask"\npower = {n}\n' for n in (1, 2, 3, 4))
    path = write_experiment(systems=SYSTEMS + more)
    address, workers = cluster
    killed = threading.Event()

    def kill_when_begun() -> None:
        while not list((world / "set").glob("renders/*.json")):
            time.sleep(0.005)
        os.kill(workers[0].pid, signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill_when_begun, daemon=True).start()
    made = build(path, world / "set", cluster=address, progress=False)
    assert killed.is_set() and workers[0].wait(10) == -signal.SIGKILL and workers[1].poll() is None
    assert verify(world / "set") == made and len(made.clips) == 2 * (2 + 3 + 6)
    assert not list((world / "set").glob("**/.*.part"))
    alone = build(path, world / "alone", jobs=1, progress=False)
    assert [c.samples_sha256 for c in made.clips] == [c.samples_sha256 for c in alone.clips]


class Tenth:
    """A job of a tenth of a second of sound."""

    def __init__(self, number: int) -> None:
        self.number, self.length_s, self.told = number, 0.1, f"job {number}"


def squared(job: Tenth) -> int:
    if job.number == 13:
        raise StimuliError("thirteen")
    return job.number**2


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_jobs_and_the_bar_says_how_far(count, capsys) -> None:
    found = Workers(count, progress=True).run("trying", squared, [Tenth(number) for number in range(12)])
    assert found == [number**2 for number in range(12)]
    said = capsys.readouterr().err
    assert "trying" in said and "100%" in said and "x real time" in said and "left" in said
    with pytest.raises(StimuliError, match="thirteen"):
        Workers(count, progress=False).run("trying", squared, [Tenth(13), Tenth(1)])
    assert Workers(count).run("nothing", squared, []) == []
