"""BSS Eval by torch: numpy's numbers but for rounding, on the processor and on a GPU where there is one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import known_sounds
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from scipy import signal
from small_world import write
from test_bss_closed_forms import APART, LENGTH, NAMES, NEAR, RATE_HZ, coloured, noise

from analysis.errors import AnalysisError, PassingError
from analysis.metrics.bss import sources
from analysis.metrics.bss.arithmetic import NUMPY, Arithmetic, Numpy, arithmetic_on
from analysis.metrics.bss.images import References, Scores, bss_eval
from analysis.metrics.bss.torch_arithmetic import Torch
from analysis.metrics.cli import metrics
from analysis.metrics.family import family
from analysis.metrics.scoring.stretch import Stretch, rows_of
from analysis.metrics.truth import Truth

WITHIN_DB = 1e-9
RIDGE_DB = 1e-7
"""A ridge takes out what is so far down that its rounding is all there is: up to 5e-8 dB apart on real songs."""
LIMIT_DB = 1e-5
"""Real songs of 16 bits without a ridge: up to 2e-6 dB apart, as equations just within the limit enlarge rounding."""
USERS = ("bss", "bss_v3", "sources")
"""The families that have an arithmetic."""
TAPS = 64
BAND = signal.cheby2(16, 50, 2000, fs=RATE_HZ, output="sos")
pytestmark = pytest.mark.filterwarnings("error")


def dual(sound: np.ndarray) -> np.ndarray:
    """The first source's channels are one."""
    return np.concatenate([sound[:1][..., [0, 0]], sound[1:]])


def silent(sound: np.ndarray) -> np.ndarray:
    """Without the first source."""
    return np.concatenate([0 * sound[:1], sound[1:]])


def pausing(sound: np.ndarray) -> np.ndarray:
    """Silent in the first second."""
    return sound * (np.arange(LENGTH) > RATE_HZ)[:, None]


def empty_above(sound: np.ndarray) -> np.ndarray:
    """With next to nothing above 2 kHz."""
    return signal.sosfiltfilt(BAND, sound, axis=1)


@dataclass(frozen=True)
class Case:
    """What is done to references and estimates, how frames lie, and how far apart the two arithmetics may be."""

    references: Callable[[np.ndarray], np.ndarray] = lambda sound: sound
    estimates: Callable[[np.ndarray], np.ndarray] = lambda sound: sound
    frames: Mapping[str, Any] = field(default_factory=dict)
    anew: bool = False
    taps: int = TAPS
    within_db: float = WITHIN_DB


CASES = {
    "v4": Case(taps=512),
    "v3": Case(anew=True),
    "frames that overlap": Case(frames={"hop_s": 0.5}),
    "one frame": Case(frames={"window_s": None}),
    "part of a frame at the end": Case(lambda sound: sound[:, :-700], lambda sound: sound[:, :-700]),
    "mono": Case(lambda sound: sound[..., :1], lambda sound: sound[..., :1]),
    "a channel that says nothing new": Case(dual),
    "a silent source": Case(silent),
    "a silent frame": Case(pausing),
    "an empty band": Case(empty_above, empty_above, within_db=RIDGE_DB),
    "an empty band, v3": Case(empty_above, empty_above, anew=True, within_db=RIDGE_DB),
}


def scored(case: Case, arithmetic: Arithmetic) -> Scores:
    """Two sources with their estimates, as the case has them."""
    true = References(case.references(APART), RATE_HZ, **case.frames, taps=case.taps, arithmetic=arithmetic)
    return (true.scores_anew if case.anew else true.scores)(case.estimates(NEAR))


def same(found: Any, wanted: Any, names: tuple[str, ...] = NAMES, within_db: float = WITHIN_DB) -> None:
    """The same frames with a number and without, and the same numbers; not all of them to the last bit."""
    assert found.ridge == wanted.ridge
    for name in names:
        theirs, ours = getattr(found, name), getattr(wanted, name)
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=within_db, err_msg=name)
    assert any(getattr(found, name).tobytes() != getattr(wanted, name).tobytes() for name in names), "torch was asked"


@pytest.mark.parametrize("name", CASES)
def test_images_have_numpys_numbers(name: str, device: str = "cpu") -> None:
    case = CASES[name]
    found, wanted = scored(case, arithmetic_on(device)), scored(case, NUMPY)
    assert found.ridge == (case.within_db == RIDGE_DB)
    assert np.isnan(found.sdr).any() == (case.references in (silent, pausing))
    same(found, wanted, within_db=case.within_db)


def test_sources_have_numpys_numbers(device: str = "cpu") -> None:
    true, near, hum = APART.mean(axis=2), NEAR.mean(axis=2), noise(8).mean(axis=1)[None]
    found, wanted = (
        sources.References(true, noise=hum, arithmetic=arithmetic_on(where)).scores(near + 0.1 * hum)
        for where in (device, None)
    )
    same(found, wanted, ("sdr", "sir", "snr", "sar"))


def test_coloured_sounds_of_16_bits_differ_by_no_more_than_their_equations_enlarge_rounding(
    device: str = "cpu",
) -> None:
    true = np.stack([coloured(4), coloured(5)])
    near = true + 0.1 * true[::-1] + 0.05 * np.stack([coloured(6), coloured(7)])
    found, wanted = (bss_eval(true, near, RATE_HZ, arithmetic=arithmetic_on(where)) for where in (device, None))
    assert not found.ridge
    same(found, wanted, within_db=LIMIT_DB)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: BSS Eval by torch on cuda was NOT run")
def test_all_of_it_on_a_gpu() -> None:
    for name in CASES:
        test_images_have_numpys_numbers(name, "cuda")
    test_sources_have_numpys_numbers("cuda")
    test_coloured_sounds_of_16_bits_differ_by_no_more_than_their_equations_enlarge_rounding("cuda")
    for name in USERS:
        test_every_family_of_bss_eval_computes_where_it_is_told(name, "cuda")


# Who asks for it.


def sounds() -> tuple[Truth, np.ndarray]:
    """A truth with its mixture, and an estimate."""
    first, second, third = (known_sounds.noise(seed) for seed in range(3))
    return Truth(first, known_sounds.RATE_HZ, {"vocals": second}), first + 0.3 * second + 0.1 * third


def stretch() -> Stretch:
    truth, estimate = sounds()
    return Stretch({}, {"mine": "system"}, lambda: truth, lambda _: estimate)


@pytest.mark.parametrize("name", USERS)
def test_every_family_of_bss_eval_computes_where_it_is_told(name: str, device: str = "cpu") -> None:
    asked = [family(name)]
    found, wanted = (
        {row["metric"]: row["value"] for row, _ in rows_of(stretch(), asked, arithmetic=arithmetic_on(where))}
        for where in (device, None)
    )
    assert found == pytest.approx(wanted, rel=0, abs=WITHIN_DB) and found != wanted


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("step", ["fft.rfft", "fft.irfft", "linalg.cholesky_ex"])
def test_a_device_whose_memory_is_full_is_a_reason_that_is_not_kept(
    name: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **_keys: object) -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 128.00 MiB.\nMore of it.")

    monkeypatch.setattr(f"torch.{step}", full)
    rows = list(rows_of(stretch(), [family(name)], arithmetic=Torch("cpu")))
    said = (
        "torch failed on the device 'cpu': CUDA out of memory. Tried to allocate 128.00 MiB.; if its memory is full, "
        "give fewer --jobs, or leave --device out"
    )
    assert rows and all(passing and row["reason"] == said for row, passing in rows)


def test_a_device_that_fails_late_leaves_no_half_of_a_family() -> None:
    """NSDR asks for one more than the other metrics of mono sources: the mixture."""

    class Full(Numpy):
        left = 2

        def products(self, x: np.ndarray, z: np.ndarray, size: int) -> np.ndarray:
            self.left -= 1
            if self.left < 0:
                raise PassingError("full")
            return super().products(x, z, size)

    truth, estimate = sounds()
    with pytest.raises(PassingError, match="full"):
        family("sources").measure(truth.computed_by(Full()), estimate)


def test_another_arithmetic_of_a_truth_takes_nothing_of_the_first() -> None:
    truth, _ = sounds()
    other: Arithmetic = Torch("cpu")
    told = truth.computed_by(other)
    assert (truth.once(lambda one: one.arithmetic), told.once(lambda one: one.arithmetic)) == (NUMPY, other)
    assert told.once(known := lambda one: one.arithmetic) is other and truth.once(known) is NUMPY


# The command.


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The command's options for an estimate, its reference and another source, of one second."""
    truth, estimate = sounds()
    named = {"r": truth.reference, "e": estimate, "o": truth.others["vocals"]}
    for name, sound in named.items():
        write(tmp_path / f"{name}.wav", 0.2 * sound[: known_sounds.RATE_HZ])
    return ["--reference", f"{tmp_path}/r.wav", "--estimate", f"{tmp_path}/e.wav", "--other", f"o={tmp_path}/o.wav"]


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("cuda:99", "torch can't use the device 'cuda:99': "),
        ("gpu", "torch can't use the device 'gpu': "),
        ("", "torch can't use the device '': "),
    ],
)
def test_a_device_that_is_not_there_is_a_sentence(files: list[str], device: str, sentence: str) -> None:
    done = CliRunner().invoke(metrics, [*files, "--device", device])
    assert isinstance(done.exception, AnalysisError), done.output
    said = str(done.exception)
    assert said.startswith(sentence) and said.endswith("; leave --device out") and "\n" not in said


def test_torch_that_is_not_installed_is_a_sentence(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = CliRunner().invoke(metrics, [*files, "--device", "cpu"])
    said = 'torch is not installed; pip install "hidden-reference[torch]", or leave --device out'
    assert isinstance(done.exception, AnalysisError) and str(done.exception) == said
    assert CliRunner().invoke(metrics, [*files, "--families", "bss"], catch_exceptions=False).exit_code == 0


def test_without_a_device_torch_is_not_loaded(files: list[str]) -> None:
    script = f"""
import sys
from analysis.metrics.cli import metrics
metrics({[*files, "--families", ",".join(USERS)]!r}, standalone_mode=False)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_with_a_device_bss_eval_alone_is_computed_there(files: list[str], tmp_path: Path) -> None:
    for name, where in (("numpy", []), ("torch", ["--device", "cpu"])):
        asked = [*files, "--families", "bss,ratios", "--csv", f"{tmp_path}/{name}.csv", *where]
        CliRunner().invoke(metrics, asked, catch_exceptions=False)
    wanted, found = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("numpy", "torch"))
    pd.testing.assert_frame_equal(found, wanted, rtol=0, atol=WITHIN_DB)
    of_bss, there = wanted["family"] == "bss", wanted["value"].notna()
    assert (found["value"] == wanted["value"])[~of_bss & there].all()
    assert (found["value"] != wanted["value"])[of_bss & there].any()
