"""Models of hearing by packages of others: real numbers of one, and sentences where a package is missing or breaks.

The published table of every package's numbers is a proof, which installs the packages: it takes minutes.
"""

from __future__ import annotations

import itertools
import os
import platform
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import perceptual_cases as cases
import pytest
from perceptual_cases import MODULES, RATE_HZ, noise

from analysis.metrics.family import FAMILIES, family, measure
from analysis.metrics.perceptual import packages, peass
from analysis.metrics.truth import NoNumber, Truth

NO_WHEEL = (sys.platform, platform.machine()) != ("linux", "x86_64")
StandIn = Callable[[str, str], None]
CLEAN = noise(1)
TRUTH = Truth(CLEAN, RATE_HZ, {"rest": noise(2)})
DIRTY = CLEAN + noise(3, rms=0.01)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Put a module in place of the package that a family imports."""
    tops = {module.partition(".")[0] for module in MODULES.values()}
    real = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in tops}
    for name in real:
        del sys.modules[name]

    def put(name: str, body: str) -> None:
        cases.stand_in(tmp_path, MODULES[name], body)
        monkeypatch.syspath_prepend(tmp_path)

    yield put
    for name in [name for name in sys.modules if name.partition(".")[0] in tops]:
        del sys.modules[name]
    sys.modules.update(real)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a module in place of PEASS, in a Python of its own."""
    return lambda body: monkeypatch.setenv(peass.ENVIRONMENT, str(cases.stand_in_for_peass(tmp_path, body)))


def reason(name: str, truth: Truth = TRUTH, estimate: np.ndarray = DIRTY) -> str:
    """The one sentence that a family gives instead of numbers."""
    found = family(name)
    values = measure(found, truth, estimate)
    reasons = {value.reason for value in values.values() if isinstance(value, NoNumber)}
    assert set(values) == {metric.name for metric in found.metrics} and len(reasons) == 1, values
    (said,) = reasons
    assert "\n" not in said and "Traceback" not in said and not said.endswith(".")
    return said


def value(name: str, truth: Truth = TRUTH, estimate: np.ndarray = DIRTY) -> Any:
    """The one value of a family."""
    (found,) = measure(family(name), truth, estimate).values()
    return found


@pytest.mark.skipif(NO_WHEEL, reason="zimtohrli has wheels for x86-64 Linux alone")
def test_zimtohrli_hears_real_differences() -> None:
    assert family("zimtohrli").missing() is None, "the test extra installs it"
    assert family("zimtohrli").package().startswith("zimtohrli 0.")
    found = [value("zimtohrli", estimate=CLEAN + noise(3, rms=rms)) for rms in (0, 0.001, 0.01, 0.1)]
    assert found[0] == 5 and all(above > below for above, below in itertools.pairwise(found)), found
    assert value("zimtohrli", estimate=CLEAN[:, ::-1]) == pytest.approx(5), "mono: channels may change places"


@pytest.mark.skipif(NO_WHEEL, reason="zimtohrli has wheels for x86-64 Linux alone")
def test_zimtohrli_on_stems_is_as_published_here(shared: Path) -> None:
    wanted = {name: ZIMTOHRLI[name] for name in ("snr20", "est")}
    reference, estimates, _ = cases.conditions(shared, wanted)
    truth = Truth(reference, RATE_HZ)
    found = {name: value("zimtohrli", truth, estimate) for name, estimate in estimates.items()}
    assert found == pytest.approx(wanted, abs=0.005)


@pytest.mark.parametrize("name", MODULES)
def test_each_is_optional_and_states_what_it_is_valid_for(name: str) -> None:
    found = family(name)
    assert found.optional and "1 to 30 s" in found.valid and "excerpt of 10 s" in found.valid


@pytest.mark.parametrize("name", MODULES)
def test_a_missing_package_is_said_with_the_command(name: str, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setitem(sys.modules, MODULES[name].partition(".")[0], None)
    extra, distribution = cases.EXTRAS[name], cases.DISTRIBUTIONS[name]
    said = family(name).missing()
    assert said == reason(name)
    assert said is not None and f'pip install "hidden-reference[{extra}]"' in said and distribution in said
    offered = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [wanted.partition(">=")[0] for wanted in offered[extra]] == [distribution]


@pytest.mark.parametrize("name", MODULES)
def test_a_broken_package_becomes_a_sentence_and_is_not_imported_before(name: str, stand_in: StandIn) -> None:
    stand_in(name, "raise RuntimeError('library\\n  not  found.')\n")
    assert family(name).missing() is None and family(name).package().startswith(cases.DISTRIBUTIONS[name])
    said = reason(name)
    assert said.startswith(cases.DISTRIBUTIONS[name]) and said.endswith("failed: RuntimeError: library not found")


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("def number(reference, estimate):\n    assert False\n", "failed: AssertionError"),
        ("def number(reference, estimate):\n    return float('nan')\n", "found no number: nan"),
        ("def number(reference, estimate):\n    return 'good'\n", "failed: ValueError: could not convert"),
    ],
)
def test_no_failure_of_a_package_becomes_a_number(name: str, body: str, sentence: str, stand_in: StandIn) -> None:
    stand_in(name, body + cases.CALLS[name])
    assert sentence in reason(name)


@pytest.mark.parametrize("name", ["visqol", "zimtohrli"])
def test_mono_at_48_khz_and_at_its_level(name: str, stand_in: StandIn) -> None:
    body = "def number(reference, estimate):\n    assert reference.shape == estimate.shape == (57600,)\n"
    stand_in(name, body + "    return (estimate @ estimate) / (reference @ reference)\n" + cases.CALLS[name])
    left = Truth(CLEAN * [1, 0], RATE_HZ)
    assert value(name, left, CLEAN * [0.5, 0]) == pytest.approx(0.25)
    assert value(name, left, np.repeat(CLEAN[:, :1], 2, axis=1)) == pytest.approx(4), "the mean of the channels"


def test_the_2f_model_may_scale_what_it_gets_in_place(stand_in: StandIn) -> None:
    # seabass-2f does; the reference is kept for the next estimate, and at 48 kHz the estimate is the caller's array.
    body = (
        "def number(reference, estimate):\n    assert reference.shape == estimate.shape == (2, 57600)\n"
        "    reference *= 32768\n    estimate *= 32768\n    return abs(reference).max() + abs(estimate).max()\n"
    )
    stand_in("two_f", body + cases.CALLS["two_f"])
    sound = np.tile([0.1, -0.2], (57600, 1))
    kept, truth = sound.copy(), Truth(sound, 48_000)
    assert value("two_f", truth, sound) == value("two_f", truth, sound) == pytest.approx(2 * 32768 * abs(kept).max())
    assert np.array_equal(sound, kept)


@pytest.mark.parametrize("name", [*MODULES, "peass"])
def test_only_excerpts_are_measured(name: str, tool: Callable[[str], None], stand_in: StandIn) -> None:
    # zimtohrli's own answer to 10 ms is to end the process.
    tool("raise SystemExit('asked')")
    if name in MODULES:
        stand_in(name, "raise SystemExit('asked')\n")
    longest = 12 if name == "peass" else 30
    for seconds in (0.01, 0.99, longest + 0.1):
        sound = np.ones((round(seconds * 8000), 1))
        said = reason(name, Truth(sound, 8000, {"rest": sound}), sound)
        assert said == f"measured on excerpts of 1 to {longest} s; this sound has {seconds:.3g}"


@pytest.mark.parametrize("name", ["visqol", "zimtohrli"])
def test_channels_that_cancel_have_no_number_in_mono(name: str) -> None:
    against = np.hstack([CLEAN[:, :1], -CLEAN[:, :1]])
    assert reason(name, TRUTH, against) == "the estimate is silent in mono: its channels cancel"
    assert reason(name, Truth(against, RATE_HZ), CLEAN) == "the reference is silent in mono: its channels cancel"


def test_the_2f_model_hears_two_channels_at_most() -> None:
    three = noise(1, channels=3)
    assert reason("two_f", Truth(three, RATE_HZ), three) == ("the 2f-model hears one or two channels; this sound has 3")


TOOL = """
import soundfile
from types import SimpleNamespace
def predict_perceptual_evaluation_scores(sources, estimate):
    print("working")
    levels = [abs(soundfile.read(path)[0]).max() for path in (estimate, *sources)]
    assert soundfile.info(estimate).samplerate == 44100 and soundfile.info(estimate).channels == 2
    names = ("overall", "target", "interference", "artifact")
    found = zip(names, [*levels, len(sources) - 1])
    return SimpleNamespace(**{f"{name}_perceptual_score": value for name, value in found})
"""


def test_peass_gets_estimate_target_and_the_rest_at_their_levels(tool: Callable[[str], None], tmp_path: Path) -> None:
    tool(TOOL)
    rest = 3 * noise(4)
    wanted = [abs(sound).max() for sound in (DIRTY, CLEAN, rest)]
    for truth in (Truth(CLEAN, RATE_HZ, {"rest": rest}), Truth(CLEAN, RATE_HZ, mixture=CLEAN + rest)):
        assert list(measure(family("peass"), truth, DIRTY).values())[:3] == pytest.approx(wanted, rel=1e-6)
    assert list(peass.SCORES) == [metric.name for metric in family("peass").metrics]


def test_peass_may_be_named_from_here_and_leaves_nothing(
    tool: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(TOOL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(peass.ENVIRONMENT, "./python")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "sounds"))
    assert reason("peass").startswith("the sounds for PEASS can't be written: ")
    (tmp_path / "sounds").mkdir()
    assert measure(family("peass"), TRUTH, DIRTY)["peass_aps_points"] == 1, "one source besides the target"
    assert not list((tmp_path / "sounds").iterdir())


def test_peass_needs_to_know_the_rest(tool: Callable[[str], None]) -> None:
    tool(TOOL)
    assert reason("peass", Truth(CLEAN, RATE_HZ)) == (
        "PEASS needs what else was in the mixture: give the other sources, or the mixture"
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise ValueError('bad\\nluck')", "PEASS failed: luck"),
        ("import os; os._exit(9)", "PEASS failed: exit status 9"),
        ("print('hello'); raise SystemExit(0)", "PEASS answered 'hello'; expected its four scores as JSON"),
        ("import time; time.sleep(60)", "PEASS took more than 0.3 s and was stopped"),
        (TOOL.replace("abs(", "float('nan') * abs("), "PEASS found no number: nan"),
    ],
)
def test_whatever_peass_does_becomes_a_sentence(
    body: str, sentence: str, tool: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "sleep" in body:
        monkeypatch.setattr(peass, "TIMEOUT_S", 0.3)
    tool(body)
    assert reason("peass") == sentence


def test_peass_is_said_to_be_missing_with_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install = "peass/bin/pip install python-peass, and set PEASS_PYTHON=$PWD/peass/bin/python"
    monkeypatch.delenv(peass.ENVIRONMENT, raising=False)
    assert install in reason("peass") and family("peass").package() == ""
    (tmp_path / "python").write_text("no program")
    monkeypatch.setenv(peass.ENVIRONMENT, str(tmp_path / "python"))
    said = reason("peass")
    assert said == family("peass").missing() and str(tmp_path / "python") in said and install in said
    (tmp_path / "python").chmod(0o755)
    assert reason("peass").startswith("PEASS can't be started: Exec format error")


def test_asking_about_the_families_imports_no_package() -> None:
    code = (
        "import sys\nfrom analysis.metrics.family import FAMILIES, family\n"
        "[(family(name).missing(), family(name).package(), family(name).valid) for name in FAMILIES]\n"
        "heavy = {'seabass', 'visqol', 'zimtohrli', '_pyohrli', 'peass', 'numba', 'libsvm', 'torch'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


ZIMTOHRLI = {"id": 5.0, "snr40": 4.679, "snr20": 4.020, "snr0": 3.160, "lp3.5k": 2.983, "est": 4.099, "-6 dB": 4.983}
VISQOL = {"id": 4.732, "snr40": 2.060, "snr20": 1.177, "snr0": 1.373, "lp3.5k": 2.861, "est": 1.243, "-60 dB": 4.732}
TWO_F = {"id": 100.0, "snr20": 18.34, "lp3.5k": 48.06, "est": 21.66, "-6 dB": 40.85, "mix": 0.189}
PEASS = {"ops": 34.14, "tps": 79.25, "ips": 36.47, "aps": 59.64}
"""What the packages' versions of 2026 gave for source 1 of the shared stems (10 s); PEASS: of ``est``."""


def install(folder: Path, *wanted: str) -> None:
    """Install packages beside the tests' own environment, not into it."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *wanted]
    subprocess.run(command, check=True)


@pytest.mark.proof
@pytest.mark.parametrize(("name", "wanted"), [("zimtohrli", ZIMTOHRLI), ("visqol", VISQOL), ("two_f", TWO_F)])
def test_the_extras_install_and_give_the_published_numbers(
    name: str, wanted: dict[str, float], shared: Path, root: Path, tmp_path: Path
) -> None:
    offered = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    install(tmp_path / "packages", "-c", str(root / "constraints.txt"), *offered[cases.EXTRAS[name]])
    reference, estimates, other = cases.conditions(shared, wanted)
    sounds = {"reference": reference, "other": other} | estimates
    path = os.pathsep.join([str(root), str(tmp_path / "packages")])
    package, found = cases.measured_elsewhere(name, sounds, tmp_path, PYTHONPATH=path)
    numbers = {key: next(iter(values.values())) for key, values in found.items()}
    assert numbers == pytest.approx(wanted, rel=2e-3), package


@pytest.mark.proof
def test_peass_in_its_own_environment_gives_the_published_scores(shared: Path, root: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "peass")], check=True)
    python = tmp_path / "peass" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "python-peass"], check=True)
    reference, estimates, other = cases.conditions(shared, ["est"])
    sounds = {"reference": reference, "other": other} | estimates
    package, found = cases.measured_elsewhere("peass", sounds, tmp_path, PYTHONPATH=str(root), PEASS_PYTHON=str(python))
    assert package.startswith("python-peass 2.")
    assert found["est"] == pytest.approx({f"peass_{key}_points": value for key, value in PEASS.items()}, abs=0.05)


def test_every_perceptual_family_is_covered_here() -> None:
    there = {name for name, module in FAMILIES.items() if module.startswith("analysis.metrics.perceptual.")}
    assert there == {*MODULES, "peass"} and packages.LONGEST_S == 30
