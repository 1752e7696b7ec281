"""REPET-SIM of one song, once, by librosa or by ours; writes the background and prints what it took, one line of JSON.

librosa runs in an environment of its own, so that this imports nothing of ours until it is ours that runs. Magnitudes
are read before and not counted; what is timed is the same for both, from magnitudes to the background of every frame.

    python separate_once.py librosa|ours|peaks earliest|nearest FOLDER
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from score_stems import held_mb

RATE_HZ, HOP, WIDTH_S = 44_100, 512, 2.0
Background = Callable[[np.ndarray], np.ndarray]


def librosa(kept: str) -> Background:
    """As in librosa's gallery; neighbours sorted by distance, too, where the nearest are to be kept."""
    import librosa as theirs  # pyright: ignore[reportMissingImports]

    width = int(theirs.time_to_frames(WIDTH_S, sr=RATE_HZ, hop_length=HOP))
    mode = {"earliest": "connectivity", "nearest": "distance"}[kept]
    return lambda magnitude: theirs.decompose.nn_filter(
        magnitude, aggregate=np.median, metric="cosine", width=width, mode=mode
    )


def ours(kept: str) -> Background:
    """This project's system of the same recipe."""
    return _system(kind="repet_sim_librosa", kept=kept)


def peaks(kept: str) -> Background:
    """This project's own REPET-SIM, for its time: it keeps other frames."""
    del kept
    return _system(kind="repet_sim")


def _system(**entry: str) -> Background:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from pydantic import TypeAdapter

    from stimuli.experiment import AnySystem
    from stimuli.separators import separator

    system = separator(TypeAdapter(AnySystem).validate_python({"name": "x", **entry}))
    return lambda magnitude: system.background(magnitude, RATE_HZ / HOP)  # type: ignore[attr-defined]


def main(side: str, kept: str, folder: Path) -> None:
    """Read, run, tell."""
    warnings.simplefilter("ignore")
    run = {"librosa": librosa, "ours": ours, "peaks": peaks}[side](kept)
    magnitude = np.load(folder / "magnitude.npy")
    run(magnitude[:, :700])  # what is compiled or loaded at first use is not counted
    before_mb, began = held_mb("VmRSS"), time.process_time()
    found = run(magnitude)
    took = time.process_time() - began
    np.save(folder / f"{side}.npy", found)
    print(json.dumps({"cpu_s": took, "memory_mb": held_mb("VmHWM") - before_mb}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
