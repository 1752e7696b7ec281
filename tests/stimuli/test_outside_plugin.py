"""Systems out of other people's packages: a real one, with its dist-info, in a folder on ``sys.path``."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from outside import made, separated, song

from stimuli.errors import StimuliError
from stimuli.render import facts_of, key_of
from stimuli.separators import run, stretches
from stimuli.separators.listing import listed

GAIN = """
class Gain:
    version = "7"

    def __init__(self, gain=0.5):
        self.gain = gain

    def gives(self, stems):
        return ("vocals", "drums")

    def provenance(self):
        return {"parameters": {"gain_used": self.gain}, "weights_sha256": {"net": "abc"}}

    def separate(self, song, targets):
        return {target: self.gain * song.mixture for target in targets}
"""
BARE = "class Gain:\n    def separate(self, song, targets):\n        return {one: song.mixture for one in targets}\n"


@pytest.fixture
def install(tmp_path, monkeypatch) -> Iterator[Callable[..., Path]]:
    """Install a package as pip would lay it out; its module is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of another text of one length, written in the same second
    modules = []

    def make(code: str, version: str = "1.2.0", names=("gain",), package: str = "their_tool") -> Path:
        (tmp_path / f"{package}.py").write_text(code)
        for old in tmp_path.glob(f"{package}-*.dist-info"):
            old.rename(tmp_path / f"{old.name}.gone")
        info = tmp_path / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {version}\n"
        )
        points = "".join(f"{name} = {package}:Gain\n" for name in names)
        (info / "entry_points.txt").write_text(f"[hidden_reference.separators]\n{points}")
        modules.append(package)
        sys.modules.pop(package, None)
        importlib.invalidate_caches()
        return tmp_path

    yield make
    for package in modules:
        sys.modules.pop(package, None)


def plugin(tmp_path: Path, name: str = "gain", **keys):
    return made(tmp_path, "plugin", system=name, **keys)


def test_a_package_adds_a_system_with_its_parameters(install, tmp_path) -> None:
    install(GAIN)
    of, system = song(), plugin(tmp_path, parameters={"gain": 0.25})
    assert system.missing() is None and system.gives(()) == ("vocals", "drums") and system.looks_at_stems is False
    found, _ = run.run_all(system, "mine", of, ("vocals", "drums"))
    assert np.abs(found["drums"] - 0.25 * of.mixture).max() < 1e-6
    with pytest.raises(StimuliError, match="'mine' on 'Song A': it can give vocals or drums, not 'bass'"):
        separated(system, of, "bass")


def test_its_package_and_version_are_on_record_and_in_the_render(install, tmp_path) -> None:
    def key(**parameters) -> str:
        return key_of(plugin(tmp_path, parameters=parameters).system, "song", "vocals")

    install(GAIN)
    system = plugin(tmp_path)
    told = facts_of(system.system, system, 1.0, 2.0)
    assert told.parameters["package"] == "their-tool 1.2.0" and told.parameters["plugin"] == "gain"
    assert (
        told.parameters["gain_used"] == 0.5 and told.weights_sha256 == {"net": "abc"} and told.real_time_factor == 0.5
    )
    first = key()
    assert first == key() != key(gain=0.25)
    install(GAIN, version="1.3.0")
    assert key() != first
    install(GAIN.replace('"7"', '"8"'), version="1.2.0")
    assert key() != first


def test_one_that_offers_separate_alone_is_enough(install, tmp_path) -> None:
    install(BARE)
    system, of = plugin(tmp_path), song()
    assert system.missing() is None and system.gives(()) == ("vocals", "accompaniment")
    assert np.abs(separated(system, of) - of.mixture).max() < 1e-7
    assert system.provenance()["weights_sha256"] == {}


def test_one_that_says_that_it_holds_spectra_gets_a_long_song_in_stretches(install, tmp_path, monkeypatch) -> None:
    """What each of them gives is the mean of what it heard, which tells how much that was."""
    monkeypatch.setattr(stretches, "LONGEST_S", 0.75 * len(song().mixture) / song().rate_hz)
    monkeypatch.setattr(stretches, "OVERLAP_S", 0.0)
    of, code = song(), BARE.replace("song.mixture for", "0 * song.mixture + song.mixture.mean() for")
    for text, parts in ((code, 1), (code.replace("    def", "    holds_spectra = True\n    def", 1), 2)):
        install(text, version=f"{parts}.0")
        found = separated(plugin(tmp_path), of)[:, 0]
        edges = np.linspace(0, len(found), parts + 1).astype(int)
        for start, stop in itertools.pairwise(edges):
            assert np.allclose(found[start:stop], of.mixture[start:stop].mean(), rtol=1e-3)


LOADED = r"system 'mine': plugin 'gain' \(their-tool 1.2.0\) "


@pytest.mark.parametrize(
    ("code", "keys", "says"),
    [
        (
            "import no_such_module",
            {},
            LOADED + "can't be loaded: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("raise SystemExit(3)", {}, LOADED + "can't be loaded: SystemExit: 3"),
        ("x = 1", {}, LOADED + "can't be loaded: AttributeError"),
        (GAIN, {"parameters": {"loud": 1}}, LOADED + "can't be made with these parameters: TypeError: .*'loud'"),
        ("class Gain: pass", {}, LOADED + "is no system: their_tool:Gain makes nothing with separate"),
        (BARE + "    def missing(self): return 'its moon is not full; wait'", {}, "^its moon is not full; wait$"),
        (BARE + "    def missing(self): 1 / 0", {}, "plugin 'gain' failed in its missing: ZeroDivisionError"),
        (GAIN, {"name": "none"}, "plugin 'none' is not installed; found gain; pip install the package that brings it"),
    ],
)
def test_why_it_can_not_run_here_is_a_sentence_with_its_name(install, tmp_path, code, keys, says) -> None:
    import re

    install(code)
    name = keys.pop("name", "gain") if "name" in keys else "gain"
    system = plugin(tmp_path, name, **keys)
    assert re.search(says, system.missing() or ""), system.missing()


SEPARATE = "class Gain:\n    def separate(self, song, targets):\n        return "


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (SEPARATE + "song.mixture", "it returned ndarray, expected a sound for each target by its name"),
        (SEPARATE + "{}", "it returned nothing for 'vocals'; found nothing"),
        (SEPARATE + "{'vocals': None}", "it returned NoneType for 'vocals', expected a float32 array"),
        (SEPARATE + "{'vocals': 'la la'}", "it returned str for 'vocals'"),
        (SEPARATE + "{'vocals': song.mixture.astype(complex)}", "it returned ndarray for 'vocals', expected a float32"),
        (SEPARATE + "{'vocals': song.mixture.T}", r"it returned shape \(2, 44100\)"),
        (SEPARATE + "{'vocals': song.mixture + float('inf')}", "it returned NaN or infinity"),
        (SEPARATE + "1 / 0", "it failed: ZeroDivisionError: division by zero"),
        (SEPARATE + "exit(4)", "it failed: SystemExit: 4"),
    ],
)
def test_garbage_is_a_sentence_with_system_and_song(install, tmp_path, code, says) -> None:
    install(code)
    with pytest.raises(StimuliError, match=f"system 'mine' on 'Song A': {says}"):
        separated(plugin(tmp_path), song())


@pytest.mark.parametrize(
    ("more", "act", "says"),
    [
        ("gives(self, stems): return ['../up']", lambda s: s.gives(()), "it names a source '../up'"),
        ("gives(self, stems): return [7]", lambda s: s.gives(()), "it names a source 7"),
        ("provenance(self): return {'parameters': {'x': object()}}", lambda s: s.provenance(), "can't be kept"),
        ("provenance(self): return 5", lambda s: s.provenance(), "its provenance can't be kept"),
    ],
)
def test_odd_answers_are_refused(install, tmp_path, more, act, says) -> None:
    install(f"{BARE}    def {more}\n")
    with pytest.raises(StimuliError, match=rf"plugin 'gain'.*{says}"):
        act(plugin(tmp_path))


def test_two_packages_of_one_name_are_told_apart_by_nobody(install, tmp_path) -> None:
    install(BARE)
    install(BARE, package="other_tool")
    assert "registered by more than one package: other-tool, their-tool; uninstall all but one" in str(
        plugin(tmp_path).missing()
    )


def test_plugins_are_listed_with_those_that_can_not_be_loaded(install) -> None:
    install(GAIN, names=("gain", "Loud_One"))
    install("import no_such_module", names=("broken",), package="other_tool")
    found = {one.system: one for one in listed() if one.kind == "plugin" and one.system != "plugin"}
    assert found["gain"].runs and "their-tool 1.2.0" in found["gain"].needs and found["Loud_One"].runs
    assert not found["broken"].runs and "No module named 'no_such_module'" in found["broken"].mend
