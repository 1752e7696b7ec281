"""Sounds for the perceptual models, stand-ins for their packages, and the real ones in a place of their own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.signal import ellip, sosfiltfilt

RATE_HZ = 44_100
MODULES = {"two_f": "seabass.core.models.mms", "visqol": "visqol", "zimtohrli": "zimtohrli"}
"""Family to the module of others that it imports."""
DISTRIBUTIONS = {"two_f": "seabass-2f", "visqol": "visqol-python", "zimtohrli": "zimtohrli"}
EXTRAS = {"two_f": "two-f", "visqol": "visqol", "zimtohrli": "zimtohrli"}
CALLS = {
    "two_f": "def estimated_mean_mushra_score(estimate, reference):\n    return number(reference, estimate)\n",
    "visqol": (
        "class VisqolApi:\n    def create(self, mode):\n        assert mode == 'audio'\n"
        "    def measure_from_arrays(self, reference, estimate, rate_hz):\n        assert rate_hz == 48000\n"
        "        self.moslqo = number(reference, estimate)\n        return self\n"
    ),
    "zimtohrli": "def mos_from_signals(reference, estimate):\n    return number(reference, estimate)\n",
}
"""How each package is called; a stand-in says what ``number`` is."""


def noise(seed: int, seconds: float = 1.2, channels: int = 2, rms: float = 0.1) -> np.ndarray:
    """White noise (frames, channels)."""
    frames = round(seconds * RATE_HZ)
    return rms * np.random.Generator(np.random.PCG64(seed)).standard_normal((frames, channels))


def stand_in(folder: Path, module: str, body: str) -> None:
    """Write a module, with the packages that it is in."""
    *packages, name = module.split(".")
    for package in packages:
        folder = folder / package
        folder.mkdir()
        (folder / "__init__.py").touch()
    (folder / f"{name}.py").write_text(body)


def stand_in_for_peass(folder: Path, body: str) -> Path:
    """A Python of its own whose ``peass`` is ``body``; it insists on being called isolated."""
    (folder / "tool").mkdir(parents=True)
    (folder / "tool" / "peass.py").write_text(body)
    python = folder / "python"
    python.write_text(
        f"#!{sys.executable}\nimport sys\nassert sys.argv[1:3] == ['-I', '-c'], sys.argv\n"
        f"sys.path.insert(0, {str(folder / 'tool')!r})\nprogram, sys.argv = sys.argv[3], ['-c', *sys.argv[4:]]\n"
        "exec(program)\n"
    )
    python.chmod(0o755)
    return python


def conditions(shared: Path, names: Iterable[str]) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Source 1 of the shared stems (10 s, stereo), what of ``names`` is held against it, and source 2."""
    spec = importlib.util.spec_from_file_location("stems", shared / "data" / "metrics" / "stems.py")
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    references, estimates = made.stems(2, 10)
    reference = references[0]
    white = np.random.Generator(np.random.PCG64(999)).standard_normal(reference.shape)
    white *= np.sqrt(np.mean(reference**2) / np.mean(white**2))
    low = ellip(8, 0.1, 50, 3500, output="sos", fs=RATE_HZ)
    made_of = {
        "id": lambda: reference,
        "snr40": lambda: reference + 0.01 * white,
        "snr20": lambda: reference + 0.1 * white,
        "snr0": lambda: reference + white,
        "lp3.5k": lambda: sosfiltfilt(low, reference, axis=0),
        "est": lambda: estimates[0],
        "-6 dB": lambda: reference * 10 ** (-6 / 20),
        "-60 dB": lambda: reference * 1e-3,
        "mix": lambda: references.sum(axis=0),
    }
    return reference, {name: made_of[name]() for name in names}, references[1]


MEASURE = """
import json, sys
import numpy as np
from analysis.metrics.family import family, measure
from analysis.metrics.truth import NoNumber, Truth
sounds = dict(np.load(sys.argv[2]))
truth = Truth(sounds.pop("reference"), 44100, {"other": sounds.pop("other")})
found = family(sys.argv[1])
numbers = {key: dict(measure(found, truth, sound)) for key, sound in sounds.items()}
said = {"package": found.package(), "numbers": numbers}
print(json.dumps(said, default=lambda none: none.reason))
"""


def measured_elsewhere(
    family: str, sounds: dict[str, np.ndarray], folder: Path, **environment: str
) -> tuple[str, dict[str, dict[str, float]]]:
    """What a family finds in a process of its own: package with version, and its numbers by condition."""
    np.savez(folder / "sounds.npz", **sounds)  # type: ignore[arg-type]
    command = [sys.executable, "-c", MEASURE, family, str(folder / "sounds.npz")]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return found["package"], found["numbers"]
