"""Scores the stems of a folder once, by museval or by ours; prints what it found and what it took, one line of JSON.

museval runs in an environment of its own, so that this imports nothing of ours until it is ours that scores. Imports
and the reading of the sounds come first and are not counted. CPU time is user and system time of this process. Memory
is the most that the process ever held, less what it held with the sounds in memory: VmHWM and VmRSS of /proc, which
unlike ru_maxrss know nothing of the program that started this one.

    python score_stems.py museval|ours FOLDER          FOLDER holds references.npy, estimates.npy: (sources, frames, 2)
"""

from __future__ import annotations

import json
import re
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RATE_HZ = 44_100
NAMES = ("sdr", "isr", "sir", "sar")
Found = tuple[dict[str, np.ndarray], bool]
"""Values (sources, frames) by measure, and whether equations got a ridge."""


def museval() -> Callable[[np.ndarray, np.ndarray], Found]:
    """The reference implementation, called as its users call it."""
    # Its reader of MUSDB files looks for ffmpeg when it is imported; nothing here reads such a file.
    sys.modules["musdb"] = types.ModuleType("musdb")
    from museval import evaluate  # pyright: ignore[reportMissingImports]

    def score(references: np.ndarray, estimates: np.ndarray) -> Found:
        return dict(zip(NAMES, evaluate(references, estimates, win=RATE_HZ, hop=RATE_HZ), strict=True)), False

    return score


def ours() -> Callable[[np.ndarray, np.ndarray], Found]:
    """This project's."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from analysis.metrics.bss.images import bss_eval

    def score(references: np.ndarray, estimates: np.ndarray) -> Found:
        found = bss_eval(references, estimates, RATE_HZ)
        return {name: getattr(found, name) for name in NAMES}, found.ridge

    return score


def held_mb(field: str) -> float:
    """What this process holds (VmRSS) or has held at most (VmHWM), in MB."""
    (found,) = re.findall(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found) / 1024


def main(side: str, folder: Path) -> None:
    """Read, score, tell."""
    warnings.simplefilter("ignore")
    score = {"museval": museval, "ours": ours}[side]()
    references, estimates = (np.load(folder / f"{name}.npy") for name in ("references", "estimates"))
    before_mb, began = held_mb("VmRSS"), time.process_time()
    found, ridge = score(references, estimates)
    took = time.process_time() - began
    told: dict[str, Any] = {"cpu_s": took, "memory_mb": held_mb("VmHWM") - before_mb, "ridge": ridge}
    told["frames"] = {name: values.tolist() for name, values in found.items()}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
