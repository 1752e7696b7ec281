"""The maximal model by statsmodels' mixedlm: runs in an environment of its own; prints one line of JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings

import pandas as pd
import statsmodels
from statsmodels.regression.mixed_linear_model import MixedLM

warnings.simplefilter("ignore")
ratings = pd.read_csv(sys.argv[1])
for name in ("listener", "item"):
    ratings[f"{name}_condition"] = ratings[name] + ":" + ratings["condition"]
terms = {name: f"0 + C({name})" for name in ("listener", "item", "listener_condition", "item_condition")}
began = time.perf_counter()
one_group = {"groups": [1] * len(ratings), "re_formula": "0", "vc_formula": terms}  # crossed: nothing is nested
found = MixedLM.from_formula("rating ~ C(condition)", data=ratings, **one_group).fit(reml=True)
took = time.perf_counter() - began
print(json.dumps({"s": took, "deviance": -2 * found.llf, "versions": {"statsmodels": statsmodels.__version__}}))
