"""Any program as a system: real processes, what they are given, and every way in which they go wrong."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from outside import entry, made, separated, song
from pydantic import ValidationError

from stimuli.errors import StimuliError
from stimuli.loudness import integrated_lufs
from stimuli.render import key_of, parameters_of
from stimuli.separators import run, separator

READ = "import sys, numpy as np, soundfile as s; x, r = s.read(sys.argv[1], dtype='float32', always_2d=True); "
HALF = READ + "s.write(sys.argv[2] + '.wav', 0.5 * x, r, subtype='FLOAT')"
WHO = "system 'mine' on 'Song A': "


def program(tmp_path: Path, code: str, *more: str, sources=("vocals",), **keys):
    """A system whose program is Python with this code; it gets the mixture, the output and what else is said."""
    path = tmp_path / "tool.py"
    path.write_text(code)
    argv = [sys.executable, "{folder}/tool.py", "{mixture}", "{output}", *more]
    return made(tmp_path, "command", argv=argv, sources=sources, **keys)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet asked for its status does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether a killed process vanishes within two seconds."""
    end = time.monotonic() + 2
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def test_what_it_writes_comes_back_at_the_songs_level(tmp_path) -> None:
    system, of = program(tmp_path, HALF), song()
    assert np.abs(separated(system, of) - 0.5 * of.mixture).max() < 1e-7
    assert np.abs(separated(system, of, "accompaniment") - 0.5 * of.mixture).max() < 1e-7
    assert system.provenance()["parameters"]["accompaniment"] == "mixture minus vocals"


def test_it_hears_float32_at_minus_14_lufs_in_a_folder_of_its_own(tmp_path) -> None:
    seen = tmp_path / "seen.npz"
    code = HALF + f"; import os; i = s.info(sys.argv[1]); np.savez({str(seen)!r}, x=x, a=[i.subtype, os.getcwd()])"
    before = sorted(p.name for p in tmp_path.iterdir())
    separated(program(tmp_path, code), song())
    found = np.load(seen)
    assert integrated_lufs(found["x"], 44_100) == pytest.approx(-14, abs=0.02)
    subtype, folder = found["a"]
    assert subtype == "FLOAT" and not Path(folder).exists() and Path(folder) != Path.cwd()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({*before, "seen.npz", "tool.py"})


def test_a_folder_of_sources_is_one_run_and_the_rest_is_their_sum(tmp_path) -> None:
    code = READ + (
        "import os; d = sys.argv[2] + '/model'; os.makedirs(d); open(sys.argv[3], 'a').write('run ')\n"
        "for i, n in enumerate(('vocals', 'drums', 'bass')): s.write(f'{d}/{n}.wav', (i + 1) * x, r, subtype='FLOAT')"
    )
    log = tmp_path / "log"
    system = program(tmp_path, code, str(log), sources=("vocals", "drums", "bass"))
    of = song()
    found, _ = run.run_all(system, "mine", of, ("vocals", "drums", "accompaniment"))
    assert log.read_text() == "run "
    for name, factor in {"vocals": 1, "drums": 2, "accompaniment": 5}.items():
        assert np.abs(found[name] - factor * of.mixture).max() < 1e-6, name
    assert system.gives(()) == ("vocals", "drums", "bass", "accompaniment")
    assert system.provenance()["parameters"]["accompaniment"] == "sum of drums, bass"


def test_a_program_that_takes_a_target_runs_once_for_each(tmp_path) -> None:
    code = READ + "s.write(sys.argv[2] + '.wav', (2 if sys.argv[3] == 'bass' else 1) * x, r, subtype='FLOAT')"
    system = program(tmp_path, code, "{target}", sources=("bass", "drums"))
    of = song()
    found, _ = run.run_all(system, "mine", of, ("drums", "bass"))
    assert np.abs(found["bass"] - 2 * found["drums"]).max() < 1e-6 and np.abs(found["drums"] - of.mixture).max() < 1e-6


def test_the_folder_is_there_for_a_program_that_makes_none(tmp_path) -> None:
    path = tmp_path / "tool.py"
    path.write_text(READ + "s.write(sys.argv[2], x, r, subtype='FLOAT')")
    argv = [sys.executable, str(path), "{mixture}", "{output}/{target}.wav"]
    of = song()
    assert np.abs(separated(made(tmp_path, "command", argv=argv, sources=["vocals"]), of) - of.mixture).max() < 1e-7


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; print('one'); sys.exit('no such model')", "exit status 1; its last words: one | no such model"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("pass", "expected it to write {output}.wav, or vocals.wav once below {output}; found nothing"),
        (
            READ + "s.write(sys.argv[2] + '.wav', x[:-7], r)",
            "output.wav has 44093 frames of 2 channel(s), expected 44100",
        ),
        (READ + "s.write(sys.argv[2] + '.wav', x[:, 0], r)", "has 44100 frames of 1 channel(s), expected 44100"),
        (
            READ + "s.write(sys.argv[2] + '.wav', x, 48000)",
            "output.wav has 48000 Hz, expected 44100 Hz like the mixture",
        ),
        (READ + "x[99] = np.nan; s.write(sys.argv[2] + '.wav', x, r, subtype='FLOAT')", "output.wav: holds NaN"),
        ("import sys; open(sys.argv[2] + '.wav', 'w').write('hello')", "output.wav: can't be read as sound"),
    ],
)
def test_what_goes_wrong_is_one_sentence_with_system_and_song(tmp_path, code, says) -> None:
    with pytest.raises(StimuliError) as caught:
        separated(program(tmp_path, code), song())
    text = str(caught.value)
    assert text.startswith(WHO) and says in text and "\n" not in text and "/tmp/" not in text.replace(str(tmp_path), "")


def test_one_file_for_several_sources_is_nobodys(tmp_path) -> None:
    with pytest.raises(StimuliError, match="it wrote one file for the sources vocals, drums"):
        separated(program(tmp_path, HALF, sources=("vocals", "drums")), song())


def test_at_its_time_limit_it_is_killed_with_its_children(tmp_path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time; c = subprocess.Popen(['sleep', '60']); "
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{c.pid}}'); print('busy', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(StimuliError, match=r"took longer than 0.5 s and was ended; raise time_limit_s; .*: busy"):
        separated(program(tmp_path, code, time_limit_s=0.5), song())
    assert time.monotonic() - began < 5
    for pid in map(int, pids.read_text().split()):
        assert gone(pid), pid


def test_what_it_leaves_running_is_ended_and_waited_for_by_nobody(tmp_path) -> None:
    pid = tmp_path / "pid"
    code = HALF + f"; import subprocess; open({str(pid)!r}, 'w').write(str(subprocess.Popen(['sleep', '60']).pid))"
    began = time.monotonic()
    separated(program(tmp_path, code), song())
    assert time.monotonic() - began < 20 and gone(int(pid.read_text()))


def test_no_shell_reads_its_arguments(tmp_path) -> None:
    argv = [
        sys.executable,
        "-c",
        HALF,
        "{mixture}",
        "{output}",
        f"; touch {tmp_path}/owned",
        f"$(touch {tmp_path}/owned)",
    ]
    separated(made(tmp_path, "command", argv=argv, sources=["vocals"]), song())
    assert not (tmp_path / "owned").exists()


def test_a_program_that_is_not_there_can_not_run_here(tmp_path) -> None:
    def missing(name: str) -> str | None:
        return made(tmp_path, "command", argv=[name, "{mixture}", "{output}"], sources=["vocals"]).missing()

    assert missing(sys.executable) is None and missing("ls") is None
    assert (
        missing("no-such-tool")
        == "there is no program 'no-such-tool' on the PATH; install it, or write its path into argv"
    )
    assert missing("./tool") == f"there is no program {tmp_path}/tool; put it there, or correct argv"
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    assert missing("./tool") == f"{tmp_path}/tool may not be run; chmod +x {tmp_path}/tool"
    (tmp_path / "tool").chmod(0o755)
    assert missing("./tool") is None
    (tmp_path / "tool").write_bytes(b"\x7fnot a program")
    with pytest.raises(StimuliError, match=r"mine' on 'Song A': .*/tool can't be started: .*; correct argv"):
        separated(made(tmp_path, "command", argv=["./tool", "{mixture}", "{output}"], sources=["vocals"]), song())


def test_the_render_follows_from_argv_and_version_alone(tmp_path) -> None:
    def key(**keys) -> str:
        argv = ["{folder}/tool", "{mixture}", "{output}", "-q"]
        return key_of(
            entry("command", **({"argv": argv, "sources": ["vocals"]} | keys)), "song", "vocals", "cpu", tmp_path
        )

    assert key() == key(time_limit_s=5)
    assert len({key(), key(version="2"), key(argv=["{folder}/tool", "{mixture}", "{output}"])}) == 3


def test_program_and_arguments_are_on_record(tmp_path) -> None:
    import hashlib

    system = program(tmp_path, HALF, version="1.4")
    told = system.provenance()["parameters"]["program_sha256"]
    assert told["tool.py"] == hashlib.sha256(HALF.encode()).hexdigest() and Path(sys.executable).name in told
    said = parameters_of(system.system)
    assert said["version"] == "1.4" and said["argv"][1:] == ["{folder}/tool.py", "{mixture}", "{output}"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["a", "{output}"], "argv has no {mixture}"),
        (["a", "{mixture}"], "argv has no {output}"),
        (
            ["a", "{mixture}", "{output}", "{song}"],
            "argv uses ['song']; only {mixture}, {output}, {target} and {folder}",
        ),
        (["a", "{mixture}", "{output}", "{"], "argv is no template"),
    ],
)
def test_argv_says_where_sound_comes_from_and_goes(argv, says) -> None:
    with pytest.raises(ValidationError) as caught:
        entry("command", argv=argv, sources=["vocals"])
    assert says in str(caught.value)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 10, 44_100])
def test_any_length_and_silence_pass(tmp_path, frames, channels) -> None:
    if frames == 44_100:
        of = song(channels=channels)
        of = type(of)(of.name, of.rate_hz, np.zeros_like(of.mixture))
    else:
        of = song(frames / 44_100, channels=channels)
    system = separator(entry("command", argv=["cp", "{mixture}", "{output}.wav"], sources=["vocals"]))
    assert np.array_equal(separated(system, of), of.mixture)
