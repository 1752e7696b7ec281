"""``mushra separate`` of one system on one file in this process; one line of JSON says what it took.

Memory is the most that the process ever held (VmHWM), the interpreter and all that was imported included; CPU time is
that of all its threads.

    python hour_once.py KIND MIXTURE OUT
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from score_stems import held_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from stimuli.separate_cli import separate


def main(kind: str, mixture: str, out: str) -> None:
    """Separate, tell."""
    began = time.perf_counter()
    separate.main([kind, mixture, "--out", out], standalone_mode=False)
    taken = {"wall_s": round(time.perf_counter() - began, 1), "cpu_s": round(time.process_time(), 1)}
    print(json.dumps({"memory_mb": round(held_mb("VmHWM")), **taken}))


if __name__ == "__main__":
    main(*sys.argv[1:])
