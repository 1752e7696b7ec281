"""Whole runs: the same curve however they are stopped, weights that an experiment can name, and what goes wrong."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import known_songs
import numpy as np
import pytest
import torch
import training_world
from click.testing import CliRunner
from outside import separated
from safetensors.torch import load_file
from training_world import RATE_HZ, configuration, toml, train

from stimuli.separators import Song, mixed
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.training import checkpoint, mixing
from stimuli.training.cli import train as command
from stimuli.training.config import Training
from stimuli.training.loop import Loop

FILES = ("weights.safetensors", "curve.csv", "curve.svg", "system.toml")


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", "training_world:tiny")


@pytest.fixture
def songs(tmp_path) -> Path:
    return training_world.write_songs(tmp_path)


NET = {"architecture": "tiny", "parameters": {}}


class Stopped(Exception):
    pass


def stop_after(monkeypatch, steps: int) -> None:
    """Stops where a step has moved the weights and nothing is written yet."""
    step = Loop._step

    def counted(loop: Loop) -> float:
        found = step(loop)
        if loop.progress.step + 1 == steps:
            raise Stopped
        return found

    monkeypatch.setattr(Loop, "_step", counted)


def test_a_stopped_run_goes_on_to_the_same_curve_and_weights(songs, monkeypatch) -> None:
    keys = {**NET, "optimiser": {"steps": 9, "checkpoint_every": 3, "validate_every": 4, "halve_after": 1}}
    train(songs, "whole", **keys)
    for steps in (4, 8):
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            stop_after(patch, steps)
            train(songs, "parts", **keys)
    done = torch.load(songs / "parts" / checkpoint.FILE_NAME)["progress"]["step"]
    assert 8 - 3 <= done < 8, "at most the steps since the last checkpoint are lost"
    train(songs, "parts", **keys)
    for name in FILES[:3]:
        assert (songs / "parts" / name).read_bytes() == (songs / "whole" / name).read_bytes(), name
    states = [torch.load(songs / out / checkpoint.FILE_NAME) for out in ("whole", "parts")]
    for name in ("module", "average"):
        assert all(torch.equal(states[0][name][key], states[1][name][key]) for key in states[0][name])


def test_a_finished_run_does_nothing_more_and_more_steps_go_on(songs) -> None:
    train(songs, "whole", **NET, optimiser={"steps": 8})
    train(songs, **NET, optimiser={"steps": 4})
    before = (songs / "out" / "curve.csv").read_bytes()
    train(songs, **NET, optimiser={"steps": 4})
    assert (songs / "out" / "curve.csv").read_bytes() == before
    train(songs, **NET, optimiser={"steps": 8})
    assert (songs / "out" / "curve.csv").read_bytes() == (songs / "whole" / "curve.csv").read_bytes()


def test_a_longer_run_goes_on_as_if_it_had_not_ended_between_two_validations(songs) -> None:
    keys = {**NET, "optimiser": {"steps": 9, "validate_every": 4, "halve_after": 1}}
    train(songs, "whole", **keys)
    for steps in (5, 7, 9):
        loop = train(songs, "parts", **keys | {"optimiser": keys["optimiser"] | {"steps": steps}})
        assert loop.progress.curve[-1][0] == steps
    for name in ("curve.csv", "curve.svg"):
        assert (songs / "parts" / name).read_bytes() == (songs / "whole" / name).read_bytes(), name


def test_the_row_of_a_runs_end_stays_while_its_weights_are_the_best(songs, monkeypatch) -> None:
    """Validations after the steps 0, 4, 5, 8, 9 and 12."""
    losses = iter([5.0, 4.0, 1.0, 3.0, 2.0, 0.5])
    monkeypatch.setattr(Loop, "_heard", lambda _: (next(losses), 0.0))
    rows = []
    for steps in (5, 9, 12):
        loop = train(songs, **NET, optimiser={"steps": steps, "validate_every": 4})
        rows.append([row[0] for row in loop.progress.curve])
    assert rows == [[0, 4, 5], [0, 4, 5, 8, 9], [0, 4, 8, 12]] and loop.progress.best == 0.5


def test_time_is_that_of_all_continuations_with_validations_and_writes(songs, monkeypatch) -> None:
    heard, save = Loop._heard, checkpoint.save
    monkeypatch.setattr(Loop, "_heard", lambda loop: (time.sleep(0.1), heard(loop))[1])
    monkeypatch.setattr(checkpoint, "save", lambda *what: (time.sleep(0.1), save(*what)))
    spent = [train(songs, **NET, optimiser={"steps": steps}).progress.spent_s for steps in (2, 2, 4)]
    assert spent[1] > 0.3 and spent[2] > spent[1] + 0.2, "a run that was finished takes up what was spent"
    loop = train(songs, **NET, optimiser={"steps": 100, "minutes": (spent[2] + 0.01) / 60})
    assert loop.progress.step == 6 and "minutes are over" in loop.why_finished()


def process(songs: Path, *launched: str) -> subprocess.Popen:
    line = [
        sys.executable,
        *launched,
        "-m",
        "stimuli.training",
        str(songs / "training.toml"),
        "--out",
        str(songs / "out"),
    ]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_run_that_is_killed_at_any_moment_goes_on_to_the_same_curve(songs) -> None:
    keys = {"optimiser": {"steps": 40, "checkpoint_every": 1, "validate_every": 5}}
    toml(songs, **keys)
    train(songs, "whole", **keys)
    running, deadline = process(songs), time.monotonic() + 120
    curve = songs / "out" / "curve.csv"
    while running.poll() is None and not (curve.is_file() and curve.read_text().count("\n") > 3):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, running.communicate()[0]
    (songs / "out" / ".weights.safetensors.0123.part").write_bytes(b"half")
    # The third row of the curve is that of step 10; the checkpoint of that step may just not have been written.
    assert 9 <= torch.load(songs / "out" / checkpoint.FILE_NAME)["progress"]["step"] < 40
    train(songs, **keys)
    for name in FILES[:3]:
        assert (songs / "out" / name).read_bytes() == (songs / "whole" / name).read_bytes(), name
    assert not list((songs / "out").glob(".*.part"))


LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
CONV = {"filters": 16, "kernel": 32, "bottleneck": 8, "hidden": 16, "skip": 8, "blocks": 2, "repeats": 1}


def gradient(songs: Path, batch: int, rank: int = 0) -> dict[str, torch.Tensor | None]:
    """Of the first step, out of a file that one process wrote."""
    return torch.load(songs / f"gradient-{batch}-{rank}.pt")


TWO = """
import sys, torch
from stimuli.training import loop
from pathlib import Path
stepped = loop.Loop._step
def kept(self):
    found = stepped(self)
    if self.progress.step == 0:
        made = {name: one.grad for name, one in self.module.named_parameters()}
        torch.save(made, Path(sys.argv[1]).parent / f"gradient-{self.config.optimiser.batch}-{self.processes.rank}.pt")
    return found
loop.Loop._step = kept
from stimuli.training import __main__
"""


def test_two_processes_have_the_mean_gradient_of_one_with_the_double_batch(songs) -> None:
    """Launched as people do; a module that keeps the gradient runs the very entry point.

    The network has parameters that nothing follows from, which two processes have to be ready for.
    """
    (songs / "kept.py").write_text(TWO)
    net = {"architecture": "conv_tasnet", "parameters": CONV}
    keys = {**net, "optimiser": {"batch": 1, "steps": 3, "clip": 0}}
    env = os.environ | {"PYTHONPATH": f"{songs}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        [*LAUNCHER, "kept", str(toml(songs, **keys)), "--out", str(songs / "two")],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "3 steps are done" in done.stdout, done.stderr
    assert done.stdout.count("[[systems]]") + done.stdout.count("no weights were written") == 1, "one of them speaks"
    assert json.loads((songs / "two/training.json").read_text())["config"]["processes"] == 2
    one = train(songs, "one", **net, optimiser={"batch": 2, "steps": 1, "clip": 0})
    alone = {name: weight.grad for name, weight in one.module.named_parameters()}
    followed = [name for name, grad in alone.items() if grad is not None and grad.norm() > 1e-6]
    assert len(followed) < len(alone) and sum(alone[name].norm() for name in followed) > 0.01
    for rank in (0, 1):
        found = gradient(songs, 1, rank)
        assert all(torch.allclose(found[name], alone[name], atol=1e-5, rtol=1e-5) for name in followed)


def test_what_torch_draws_follows_from_the_seed_and_the_step(songs, monkeypatch) -> None:
    batch, drawn = mixing.Songs.batch, []

    def kept(mixer, step: int, *which: int) -> mixing.Example:
        drawn.append(tuple(torch.rand(4).tolist()))
        return batch(mixer, step, *which)

    monkeypatch.setattr(mixing.Songs, "batch", kept)
    for seed in (0, 0, 7):
        train(songs, f"seed-{seed}-{len(drawn)}", **NET, seed=seed, optimiser={"steps": 2})
    first, again, other = drawn[:2], drawn[2:4], drawn[4:]
    assert first == again and len({*first, *other}) == 4


def test_what_it_learnt_is_what_the_entry_separates_with(songs) -> None:
    done = CliRunner().invoke(
        command,
        [
            str(toml(songs, optimiser={"steps": 60, "validate_every": 20, "checkpoint_every": 60})),
            "--out",
            str(songs / "out"),
        ],
    )
    assert done.exit_code == 0, done.output
    entry = (songs / "out" / "system.toml").read_text()
    lines = [line for line in done.output.splitlines() if line.startswith("step ")]
    assert [line.split(":")[0] for line in lines] == [f"step {step} of 60" for step in (0, 20, 40, 60)]
    assert entry in done.output and "60 steps are done" in done.output
    (keys,) = tomllib.loads(entry)["systems"]
    found = mixing.mixer(Training.model_validate(configuration()), songs)
    mixture, (vocals,) = found.validation()[0]
    of = Song("Three", RATE_HZ, np.ascontiguousarray(mixture.T))
    system = known_songs.system(**{key: value for key, value in keys.items() if key != "name"})
    estimate = separated(system, of)
    gained = known_songs.si_sdr(estimate, vocals.T) - known_songs.si_sdr(of.mixture, vocals.T)
    assert gained > 1, "the small network learns in 60 steps to tell a tone from noise"
    record = json.loads((songs / "out" / "training.json").read_text())
    assert record["weights_sha256"] == keys["sha256"] and record["config"]["seed"] == 3 and record["versions"]["torch"]
    (song, _) = record["data"]["train"]
    assert song["song"] == "One" and song["parts"]["vocals"]["level_db"] == pytest.approx(-22.1, abs=0.2)
    rows = list(csv.DictReader((songs / "out" / "curve.csv").open()))
    losses = [float(row["validation_loss"]) for row in rows]
    assert [row["step"] for row in rows] == ["0", "20", "40", "60"] and losses[-1] < losses[0] - 1


def test_no_weights_before_a_validation_is_better_than_the_start(songs) -> None:
    loop = train(songs, "diverged", **NET, optimiser={"rate": 1.0, "ema": 0, "steps": 4}, loss={"l1": 1, "snr": 0})
    assert all(row[2] > loop.progress.curve[0][2] for row in loop.progress.curve[1:])
    assert not {path.name for path in (songs / "diverged").iterdir()} & {"weights.safetensors", "system.toml"}
    assert json.loads((songs / "diverged" / "training.json").read_text())["weights_sha256"] is None


def test_the_best_weights_are_kept_and_the_rate_is_halved_and_it_ends_early(songs, monkeypatch) -> None:
    """Validations answer what is written here, so that every decision can be told."""
    losses, states = iter([5.0, 4.0, 3.0, 6.0, 3.0, 5.0, 4.0, 3.5]), []

    def heard(loop: Loop) -> tuple[float, float]:
        states.append({name: one.clone() for name, one in loop.average.module.state_dict().items()})
        return next(losses), 0.0

    monkeypatch.setattr(Loop, "_heard", heard)
    asked = {"rate": 0.4, "least_rate": 0.15, "steps": 200, "halve_after": 2, "early_stop": 5, "ema": 0.5}
    loop = train(songs, **NET, optimiser=asked)
    assert (loop.progress.step, loop.progress.best) == (14, 3.0)
    assert loop.why_finished() == "5 validations without a better one"
    assert [row[4] for row in loop.progress.curve] == [0.4, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.15]
    held = load_file(songs / "out" / "weights.safetensors")
    assert held.keys() == states[2].keys() and all(held[name].equal(states[2][name]) for name in held)
    assert not all(held[name].equal(states[1][name]) for name in held)


def test_the_mean_of_weights_forgets_by_its_factor(songs) -> None:
    from stimuli.training.average import Average

    module = training_world.Tiny(1)
    weights = [module.made.bias[0].item()]
    average = Average(module, 0.5)
    for step in range(1, 5):
        torch.nn.init.constant_(module.made.bias, step)
        module.heard[1].running_mean.fill_(step)
        average.update(module, step)
        kept = min(0.5, (1 + step) / (10 + step))
        weights.append(kept * weights[-1] + (1 - kept) * step)
        assert average.module.made.bias[0].item() == pytest.approx(weights[-1])
    assert float(average.module.heard[1].running_mean[0]) == 4 and not average.module.training


def test_a_validation_hears_each_segment_once(songs, monkeypatch) -> None:
    forward, heard = training_world.Tiny.forward, []
    monkeypatch.setattr(
        training_world.Tiny,
        "forward",
        lambda net, sound: (heard.append(len(sound)) if not net.training else None, forward(net, sound))[1],
    )
    loop = train(songs, **NET, optimiser={"steps": 2})
    heard.clear()
    loop._heard()
    assert heard == [1] * 4


def test_every_song_is_mixed_of_its_parts(songs) -> None:
    """The stems behind the material's hashes are those that sound."""
    found = mixing.mixer(Training.model_validate(configuration(sources=["vocals", "other"])), songs)
    (piece, _) = found.train
    whole = mixed(part.read(0, piece.frames) for part in piece.parts.values())
    assert np.array_equal(whole, (training_world.voice(0) + training_world.music(0)).T)
