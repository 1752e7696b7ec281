"""PEASS: four perceptual scores of a separated source, by a tool that lives in a Python environment of its own.

The package python-peass is GPLv3 and takes 2.7 GB for 10 s: it is neither a dependency nor imported here. Where
``PEASS_PYTHON`` names the Python that has it, that Python is started once for each estimate; files go in, one line of
JSON comes out.

Conventions: sounds at their own rate, channels and levels, as float32 WAV. 0 to 100, as listeners rate.
Defines: ``FAMILY``, ``ENVIRONMENT``.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError, PassingError
from analysis.metrics.family import Family, Metric
from analysis.metrics.perceptual.packages import check_length, finite
from analysis.metrics.truth import Measured, Truth
from stimuli.audio import write_render

ENVIRONMENT = "PEASS_PYTHON"
"""Name of the environment variable that says which Python has python-peass."""
LONGEST_S = 12.0
"""The longest excerpt of BS.1534-3; memory and time grow with it."""
TIMEOUT_S = 900
SCORES = {
    "peass_ops_points": ("PEASS OPS (overall)", "overall_perceptual_score"),
    "peass_tps_points": ("PEASS TPS (target)", "target_perceptual_score"),
    "peass_ips_points": ("PEASS IPS (interference)", "interference_perceptual_score"),
    "peass_aps_points": ("PEASS APS (artefacts)", "artifact_perceptual_score"),
}
"""Name of a metric to its label, and to what the tool calls it."""
INSTALL = (
    "run python3 -m venv peass, then peass/bin/pip install python-peass, and set "
    f"{ENVIRONMENT}=$PWD/peass/bin/python (PEASS is GPLv3 and stays in an environment of its own)"
)
VERSION = "import importlib.metadata as m; print('python-peass', m.version('python-peass'))"
# Runs in the other Python. The estimate comes first, then the target, then the other sources.
PROGRAM = """
import json, sys
from peass import predict_perceptual_evaluation_scores as scores
found = scores(sys.argv[2:], sys.argv[1])
print(json.dumps({name: float(getattr(found, name)) for name in %r}))
""" % [name for _, name in SCORES.values()]


def _python() -> str | None:
    """The other Python; absolute, because it is started in another folder."""
    found = shutil.which(os.environ.get(ENVIRONMENT, ""))
    return str(Path(found).absolute()) if found else None


def _missing() -> str | None:
    if _python():
        return None
    if named := os.environ.get(ENVIRONMENT):
        return f"{ENVIRONMENT} is {named!r}, where no program is: {INSTALL}"
    return f"PEASS is a tool of its own, and {ENVIRONMENT} does not say where it is: {INSTALL}"


def _package() -> str:
    """Name and version in the other environment; "" where it can't be asked."""
    python = _python()
    return _package_of(python) if python else ""


@functools.cache
def _package_of(python: str) -> str:
    """Asked once: every stretch of a set wants to know."""
    try:
        return _run(python, VERSION, [], Path.cwd())
    except AnalysisError:
        return ""


def _measure(truth: Truth, estimate: np.ndarray) -> Measured:
    python = _python()
    if python is None:
        raise AnalysisError(str(_missing()))
    check_length(truth, LONGEST_S)
    said = _asked(python, [estimate, truth.reference, *_rest(truth)], truth.rate_hz)
    try:
        found = json.loads(said)
        return {metric: finite("PEASS", float(found[name])) for metric, (_, name) in SCORES.items()}
    except (ValueError, TypeError, KeyError):
        raise AnalysisError(f"PEASS answered {said[:80]!r}; expected its four scores as JSON") from None


def _asked(python: str, sounds: list[np.ndarray], rate_hz: int) -> str:
    """What the tool says of these sounds, which it gets as files."""
    try:
        with tempfile.TemporaryDirectory(prefix="peass-") as made:
            files = [Path(made) / f"{number}.wav" for number in range(len(sounds))]
            for path, sound in zip(files, sounds, strict=True):
                write_render(path, sound, rate_hz)
            return _run(python, PROGRAM, [str(path) for path in files], Path(made))
    except (OSError, RuntimeError) as error:  # libsndfile's are RuntimeErrors
        raise PassingError(f"the sounds for PEASS can't be written: {error}") from None


def _rest(truth: Truth) -> list[np.ndarray]:
    """What was in the mixture besides the target: the other sources, or all of them in one."""
    if truth.others:
        return list(truth.others.values())
    if truth.mixture is None:
        raise AnalysisError("PEASS needs what else was in the mixture: give the other sources, or the mixture")
    return [truth.mixture - truth.reference]


def _run(python: str, program: str, arguments: list[str], folder: Path) -> str:
    """The last line that the other Python prints.

    Raises
    ------
    PassingError
        Where it can't be started, takes too long or fails; with the last line of its complaint.
    """
    # -I: neither this process's PYTHONPATH nor the working directory may lend it modules.
    command = [python, "-I", "-c", program, *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise PassingError(f"PEASS took more than {TIMEOUT_S} s and was stopped") from None
    except OSError as error:
        raise PassingError(f"PEASS can't be started: {error.strerror}: {python}") from None
    if done.returncode:
        raise PassingError(f"PEASS failed: {_last_line(done.stderr) or f'exit status {done.returncode}'}")
    return _last_line(done.stdout)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()


FAMILY = Family(
    "peass",
    1,
    tuple(
        Metric(name, label, "points", "higher", "Emiya et al. 2011, doi:10.1109/TASL.2011.2109381")
        for name, (label, _) in SCORES.items()
    ),
    _measure,
    missing=_missing,
    optional=True,
    valid=(
        f"Excerpts of 1 to {LONGEST_S:g} s, at the levels they have, where the other sources or the mixture are known. "
        "Fitted to ratings of separated sources; the package is a port of the MATLAB tool, held against it by "
        "correlation, not by equal numbers. Half a minute to two, and 2.7 GB for each worker, for an excerpt of 10 s."
    ),
    package=_package,
)
