"""What a person got wrong in an entry, or asked of this machine, is said before anything is rendered."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from small_world import SYSTEMS

from stimuli import experiment
from stimuli.errors import StimuliError
from stimuli.plan import Echo, Plan, plan

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
    made = planned(path, said.append, keep_going=True)
    assert [one.system for one in made.left_out] == ["mistyped"] and said[0].startswith("left out: mistyped: system")
    assert [one.name for one in made.systems] == ["home", "centre"]


@pytest.mark.parametrize("kind", [kind for kind in MISTYPED if kind != "command"])
def test_what_is_not_installed_is_left_out_whatever_else_is_wrong(write_experiment, kind, monkeypatch) -> None:
    hidden, find = {"onnx": "onnxruntime", "demucs": "demucs"}.get(kind, "torch"), importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == hidden else find(name, *a))
    made = planned(write_experiment(systems=SYSTEMS + entry("mistyped", MISTYPED[kind])))
    assert [one.system for one in made.left_out] == ["mistyped"]
    assert f"{hidden} is not installed; pip install" in made.left_out[0].reason
