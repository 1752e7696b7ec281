"""What a person got wrong in an entry, or asked of this machine, is said before anything is rendered."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import outside
import pytest
from small_world import HEAD, SYSTEMS

from stimuli import experiment
from stimuli.errors import StimuliError
from stimuli.plan import Echo, Plan, plan
from stimuli.render import key_of

NET = 'sources = ["vocals", "drums"]\n'
MISTYPED = {
    "open_unmix": f'kind = "open_unmix"\npath = "umxx"\n{NET}',
    "demucs": f'kind = "demucs"\npath = "repoo"\nmodel = "tiny"\n{NET}',
    "medleyvox": 'kind = "medleyvox"\npath = "mvv"\ntargets = ["vocals", "other"]\n',
    "torch_checkpoint": f'kind = "torch_checkpoint"\npath = "n.pt"\narchitecture = "unet"\n{NET}',
    "onnx": f'kind = "onnx"\npath = "n.onnx"\n{NET}',
    "command": f'kind = "command"\nargv = ["./tooll", "{{mixture}}", "{{output}}"]\n{NET}',
}
MEMBERS = 'kind = "minimum_magnitude"\n[[systems.members]]\nkind = "repet"\n[[systems.members]]\n'
MISTYPED["minimum_magnitude"] = MEMBERS + MISTYPED["open_unmix"]


def planned(path: Path, echo: Echo = print, **keys: Any) -> Plan:
    """What the build does before it renders."""
    return plan(experiment.load(path), path.parent, path.parent / "set", echo, **keys)


def entry(name: str, text: str) -> str:
    return f'\n[[systems]]\nname = "{name}"\n{text}'


@pytest.mark.parametrize("kind", MISTYPED)
def test_a_file_of_the_users_that_is_not_there_stops_the_build_unless_told_to_go_on(write_experiment, kind) -> None:
    if kind == "demucs":
        pytest.importorskip("demucs")
    path = write_experiment(systems=SYSTEMS + entry("mistyped", MISTYPED[kind]))
    with pytest.raises(StimuliError, match=r"^system 'mistyped' on 'Song A': .*(missing|there is no).*(put|correct)"):
        planned(path)
    said: list[str] = []
    found = planned(path, said.append, keep_going=True)
    assert [one.system for one in found.left_out] == ["mistyped"] and said[0].startswith("left out: mistyped: system")
    assert [one.name for one in found.systems] == ["home", "centre"]


@pytest.mark.parametrize("kind", [kind for kind in MISTYPED if kind != "command"])
def test_what_is_not_installed_is_left_out_whatever_else_is_wrong(write_experiment, kind, monkeypatch) -> None:
    hidden, find = {"onnx": "onnxruntime", "demucs": "demucs"}.get(kind, "torch"), importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == hidden else find(name, *a))
    found = planned(write_experiment(systems=SYSTEMS + entry("mistyped", MISTYPED[kind])))
    assert [one.system for one in found.left_out] == ["mistyped"]
    assert f"{hidden} is not installed; pip install" in found.left_out[0].reason


CONVERTED = 'path = "net"\nsources = ["vocals"]\n'
MONO = {
    "torch_checkpoint": f'kind = "torch_checkpoint"\narchitecture = "unet"\n{CONVERTED}channels = 1\nrate_hz = 16000\n',
    "onnx": f'kind = "onnx"\n{CONVERTED}channels = 1\nrate_hz = 16000\n',
}
MONO["minimum_magnitude"] = MEMBERS + MONO["torch_checkpoint"]


@pytest.mark.parametrize("kind", MONO)
def test_a_song_that_a_system_does_not_take_is_refused_before_anything_is_rendered(
    write_experiment, world, kind
) -> None:
    (world / "net").write_bytes(b"any")
    told = r"^system 'speech' on 'Song A': .*takes 1 channel\(s\) at 16000 Hz, found 2 at 44100 Hz; set convert = true"
    with pytest.raises(StimuliError, match=told):
        planned(write_experiment(systems=SYSTEMS + entry("speech", MONO[kind])))
    planned(write_experiment(systems=SYSTEMS + entry("speech", MONO[kind] + "convert = true\n")))


def test_spleeter_takes_songs_of_its_own_rate(write_experiment, world, monkeypatch) -> None:
    from stimuli.separators.networks import spleeter

    monkeypatch.setattr(spleeter, "weights_folder", lambda: world)
    head = HEAD + "resample_hz = 48000\n"
    with pytest.raises(StimuliError, match=r"^system 's' on 'Song A': it was trained at 44100 Hz, found 48000 Hz"):
        planned(write_experiment(head=head, systems=entry("s", 'kind = "spleeter_2stems"\n')))


def test_a_description_that_can_not_be_read_is_said_before_anything_is_rendered(write_experiment, world) -> None:
    (world / "umxx").mkdir()
    for name in (
        "separator.json",
        *(f"{source}.{ending}" for source in ("vocals", "drums") for ending in ("json", "pth")),
    ):
        (world / "umxx" / name).write_text("[1]")
    mine = outside.entry("open_unmix", path="umxx", sources=["vocals", "drums"])
    with pytest.raises(StimuliError, match=r"^system 'mine': .*separator\.json: expected a JSON object"):
        key_of(mine, "", "vocals", "cpu", world)
    with pytest.raises(StimuliError, match=r"^system 'mistyped': .*separator\.json: expected a JSON object"):
        planned(write_experiment(systems=SYSTEMS + entry("mistyped", MISTYPED["open_unmix"])))


@pytest.mark.parametrize("kind", ["open_unmix", "demucs", "medleyvox", "torch_checkpoint", "minimum_magnitude"])
def test_a_device_that_is_not_there_is_asked_for_in_vain_by_every_torch_system(write_experiment, kind) -> None:
    """Before their files, which are not there either: of a mistake in the call it is that which is said."""
    if kind == "demucs":
        pytest.importorskip("demucs")
    path = write_experiment(systems=SYSTEMS + entry("mine", MISTYPED[kind]))
    for device in ("cuda:99", "bogus"):
        with pytest.raises(
            StimuliError, match=rf"^system 'mine' on 'Song A': .*torch can't use the device '{device}': "
        ):
            planned(path, device=device)


def test_spleeter_is_not_left_out_for_a_device_that_was_asked_for(write_experiment, world, monkeypatch) -> None:
    from stimuli.separators.networks import spleeter

    monkeypatch.setattr(spleeter, "weights_folder", lambda: world)
    path = write_experiment(systems=SYSTEMS + entry("s", 'kind = "spleeter_2stems"\n'))
    with pytest.raises(StimuliError, match=r"torch can't use the device 'bogus': .*; leave --device out"):
        planned(path, device="bogus")
    assert [one.system for one in planned(path, device="bogus", keep_going=True).left_out] == ["s"]
    assert not planned(path).left_out
