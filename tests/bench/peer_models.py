"""Other programs' mixed models of the same ratings: statsmodels in Python, lme4 with lmerTest in R.

Neither is part of this project. statsmodels comes from the package index into an environment of its own; R has to be
there (on Debian: r-cran-lmertest). ``peer_statsmodels.py`` and ``peer_lme4.R`` read the file that ours reads, and time
what ours is timed for, from the table to the estimates; what is started and imported before is not counted.

Defines: ``statsmodels``, ``lme4``, ``environment``, ``kept_environment``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGE = "statsmodels==0.15.0"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
HERE = Path(__file__).parent


def kept_environment(package: str) -> Path | str:
    """The interpreter of an environment with a package and our numpy and scipy, kept in the user's cache; or why there
    is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    same = [f"{name}=={importlib.metadata.version(name)}" for name in ("numpy", "scipy")]
    folder = cache / "hidden-reference" / "-".join([package, *same]).replace("==", "-")
    python, done = folder / "bin" / "python", folder / "installed"
    if done.is_file():
        return python
    found = environment(folder, package, *same)
    if isinstance(found, Path):
        done.touch()
    return found


def environment(folder: Path, *packages: str) -> Path | str:
    """The interpreter of a new environment with packages, statsmodels if none are named; or why there is none."""
    python, asked = folder / "bin" / "python", packages or (PACKAGE,)
    for command in ([sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install", "-q", *asked]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{asked[0]} can't be installed: {_last_word(done.stderr)}"
    return python


def statsmodels(python: Path, ratings: Path) -> dict[str, Any]:
    """Seconds and REML deviance of mixedlm, once: it takes as long as all the others together."""
    return _told([str(python), str(HERE / "peer_statsmodels.py"), str(ratings)])


def lme4(ratings: Path, repeats: int) -> dict[str, Any]:
    """Median seconds, after a run that is not counted, deviance and all pairs; or why there are none."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {"not_started": "R is not on the path: no comparison with lme4"}
    return _told([rscript, "--vanilla", str(HERE / "peer_lme4.R"), str(ratings), str(repeats)])


def _told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
    if done.returncode:
        return {"not_started": _last_word(done.stderr)}
    return json.loads(done.stdout.splitlines()[-1])


def _last_word(stderr: str) -> str:
    return (stderr.strip().splitlines() or ["no word"])[-1]
