"""Other programs' mixed models of the same ratings: statsmodels in Python, lme4 with lmerTest in R.

Neither is part of this project. statsmodels comes from the package index into an environment of its own; R has to be
there (on Debian: r-cran-lmertest). Both read the file that ours reads, and time what ours is timed for: from the table
to the estimates; what is started and imported before is not counted.

Defines: ``statsmodels``, ``lme4``, ``environment``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGE = "statsmodels==0.15.0"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MIXEDLM = """
import json, sys, time, warnings
import pandas, statsmodels
from statsmodels.regression.mixed_linear_model import MixedLM
warnings.simplefilter("ignore")
ratings = pandas.read_csv(sys.argv[1])
for name in ("listener", "item"):
    ratings[f"{name}_condition"] = ratings[name] + ":" + ratings["condition"]
terms = {name: f"0 + C({name})" for name in ("listener", "item", "listener_condition", "item_condition")}
began = time.perf_counter()
model = MixedLM.from_formula("rating ~ C(condition)", groups=[1] * len(ratings), vc_formula=terms, re_formula="0", data=ratings)
found = model.fit(reml=True)
took = time.perf_counter() - began
print(json.dumps({"s": took, "deviance": -2 * found.llf, "versions": {"statsmodels": statsmodels.__version__}}))
"""
LMER = """
suppressMessages(library(lmerTest))
asked <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(asked[1], stringsAsFactors = TRUE)
s <- c()
for (n in 0:as.integer(asked[2])) {
  began <- proc.time()[["elapsed"]]
  model <- lmer(rating ~ condition + (1 | listener) + (1 | item) + (1 | listener:condition) + (1 | item:condition), ratings)
  pairs <- difflsmeans(model)
  s <- c(s, proc.time()[["elapsed"]] - began)
}
one <- function(name) paste0("[", paste(sprintf("%.12g", pairs[[name]]), collapse = ", "), "]")
names <- paste0('["', paste(gsub("condition", "", rownames(pairs), fixed = TRUE), collapse = '", "'), '"]')
cat(sprintf('{"s": %.6f, "deviance": %.12g, "pairs": %s, "difference": %s, "se": %s, "df": %s, "versions": {"R": "%s", "lme4": "%s", "lmerTest": "%s"}}\\n',
  median(s[-1]), REMLcrit(model), names, one("Estimate"), one("Std. Error"), one("df"),
  getRversion(), packageVersion("lme4"), packageVersion("lmerTest")))
"""


def environment(folder: Path) -> Path | str:
    """The interpreter of a new environment with statsmodels; or why there is none."""
    python = folder / "bin" / "python"
    for command in ([sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install", "-q", PACKAGE]):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{PACKAGE} can't be installed: {_last_word(done.stderr)}"
    return python


def statsmodels(python: Path, ratings: Path) -> dict[str, Any]:
    """Seconds and REML deviance of mixedlm."""
    return _told([str(python), "-c", MIXEDLM, str(ratings)])


def lme4(ratings: Path, repeats: int) -> dict[str, Any]:
    """Median seconds, after a run that is not counted, deviance and all pairs; or why there are none."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {"not_started": "R is not on the path: no comparison with lme4"}
    return _told([rscript, "--vanilla", "-e", LMER, str(ratings), str(repeats)])


def _told(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
    if done.returncode:
        return {"not_started": _last_word(done.stderr)}
    return json.loads(done.stdout.splitlines()[-1])


def _last_word(stderr: str) -> str:
    return (stderr.strip().splitlines() or ["no word"])[-1]
