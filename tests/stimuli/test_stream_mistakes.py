"""``mushra separate`` where something goes wrong on the way: systems that fail in a stream, disks that are full."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from outside import entry
from small_world import noise, write

from stimuli import audio
from stimuli.errors import SoundError, StimuliError
from stimuli.separate import Task, separate
from stimuli.separate_cli import separate as command
from stimuli.separate_stream import separate_stream
from stimuli.separators import separator


class Streaming:
    """A stream that is the mixture at once, and spoils or fails as it is told."""

    latency_frames = 0

    def __init__(self, push=lambda block: block, finish=lambda: None) -> None:
        self._push, self._finish = push, finish

    def push(self, block: np.ndarray) -> Mapping[str, np.ndarray]:
        return {"vocals": self._push(block), "accompaniment": block}

    def finish(self) -> Mapping[str, np.ndarray]:
        self._finish()
        return dict.fromkeys(("vocals", "accompaniment"), np.zeros((0, 2), np.float32))


def task(folder: Path, start=None, sound: np.ndarray | None = None, **keys) -> Task:
    """A file, and a system that streams as ``start`` says, or as its keys."""
    mine = entry("centre_cancellation")
    runs = separator(mine)
    runs.stream = start or (lambda _rate_hz, _channels: Streaming(**keys))  # type: ignore[attr-defined]
    mix = write(folder / "mix.wav", noise(1, 0.2) if sound is None else sound)
    return Task(mine, runs, mix, folder / "out")


def fail(*_: object) -> None:
    raise RuntimeError("CUDA error: out of memory")


@pytest.mark.parametrize("where", ["start", "push", "finish"])
def test_what_a_stream_raises_is_said_with_system_and_song(tmp_path, where) -> None:
    keys: dict[str, Any] = {where: fail}
    with pytest.raises(SoundError, match=r"^system 'mine' on 'mix': it failed: RuntimeError: CUDA error"):
        separate_stream(task(tmp_path, **keys), 1000)
    assert not list((tmp_path / "out").glob("*"))


def test_a_stream_removes_what_a_killed_run_left_half_written(tmp_path) -> None:
    half = tmp_path / "out/.vocals.wav.0123abcd.part"
    half.parent.mkdir()
    half.write_bytes(b"RIFF")
    separate_stream(task(tmp_path), 1000)
    assert not half.exists() and len(list((tmp_path / "out").iterdir())) == 3


def test_an_estimate_that_is_not_finite_is_the_systems_and_not_the_files(tmp_path) -> None:
    with pytest.raises(SoundError, match=r"^system 'mine' on 'mix': it returned NaN or infinity$"):
        separate_stream(task(tmp_path, push=lambda block: block * np.float32("nan")), 1000)


def test_a_silent_estimate_is_told_of_a_stream_too(tmp_path) -> None:
    said: list[str] = []
    separate_stream(task(tmp_path, push=np.zeros_like), 1000, said.append)
    assert said[-1] == "vocals.wav is silent: mine found none of it"
    silence = np.zeros((5000, 2), np.float32)
    separate_stream(task(tmp_path, sound=silence), 1000, said.append)
    assert said[-2:] == ["vocals.wav is silent: so is the mixture", "accompaniment.wav is silent: so is the mixture"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_record_of_an_earlier_result_goes_before_its_estimates_do(tmp_path, stream, monkeypatch) -> None:
    """A command that is ended between two files leaves no record that tells of others."""
    mine = task(tmp_path)
    there, act, write_ = tmp_path / "out/provenance.json", Path.replace, []

    def run() -> None:
        if stream:
            separate_stream(mine, 1000)
        else:
            separate(mine.entry, mine.runs, mine.mixture, mine.out)

    def replace(self: Path, target: Path) -> Path:
        write_.append((target.name, there.exists()))
        return act(self, target)

    run()
    assert json.loads(there.read_text())["mixture"] == "mix.wav"
    monkeypatch.setattr(Path, "replace", replace)
    run()
    assert len(write_) == 3 and not any(told for _, told in write_) and write_[-1][0] == "provenance.json"


def test_a_stream_that_fails_leaves_an_earlier_result_as_it_was(tmp_path) -> None:
    separate_stream(task(tmp_path), 1000)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(SoundError):
        separate_stream(task(tmp_path, finish=fail), 1000)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before and len(before) == 3


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from stimuli import audio
from stimuli.errors import SoundError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
place, sound = Path(sys.argv[1]), np.ones((100_000, 2), np.float32)
def streamed():
    with audio.rendering(place / "a.wav", 44_100, 2) as write:
        write(sound)
for act in (streamed, lambda: audio.write_render(place / "a.wav", sound, 44_100)):
    try:
        act()
    except SoundError as error:
        print(error)
"""


def test_a_full_disk_is_said_with_the_files_name(tmp_path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and not list(tmp_path.iterdir()), done.stderr
    assert all(line.startswith(f"{tmp_path}/a.wav: can't be written: ") and "disk full" in line for line in lines)


def test_a_file_that_can_not_be_made_is_said(tmp_path) -> None:
    for act in (
        lambda path: audio.write_render(path, noise(1, 0.1), 44_100),
        lambda path: audio.rendering(path, 44_100, 2).__enter__(),
    ):
        with pytest.raises(SoundError, match=r"none/a\.wav: can't be written: "):
            act(tmp_path / "none" / "a.wav")


def test_a_block_is_of_a_stream(tmp_path) -> None:
    mix = write(tmp_path / "mix.wav", noise(1, 0.1))
    with pytest.raises(StimuliError, match="--block is the length of a block of --stream; add --stream"):
        command.main(["repet", str(mix), "--out", str(tmp_path / "o"), "--block", "512"], standalone_mode=False)
    assert "2048" in CliRunner().invoke(command, ["--help"]).output


@pytest.mark.parametrize("device", ["cuda:99", "bogus"])
def test_a_stream_on_a_device_that_is_not_there_is_one_sentence(write_experiment, world, device) -> None:
    (world / "net.pt").write_bytes(b"any")
    keys = 'kind = "torch_checkpoint"\narchitecture = "unet"\npath = "net.pt"\nsources = ["vocals"]\n'
    path = write_experiment(systems=f'[[systems]]\nname = "net"\n{keys}')
    mix = str(write(world / "mix.wav", noise(1, 0.1)))
    arguments = ["net", mix, "--out", str(world / "o"), "--experiment", str(path), "--stream", "--device", device]
    with pytest.raises(StimuliError, match=f"^system 'net': torch can't use the device '{device}': "):
        command.main(arguments, standalone_mode=False)
