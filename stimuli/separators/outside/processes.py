"""Other people's programs as processes: started without a shell, limited in time, ended with all that they started.

Defines: ``run``.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def run(argv: Sequence[str], *, folder: Path, log: Path, limit_s: float) -> int | None:
    """Run a program in a folder until it ends.

    What it writes to its standard output and error goes to ``log``, a file and no pipe, so that a child that it leaves
    behind keeps nobody waiting.

    Returns
    -------
    status : its exit status, negative for the signal that ended it; None where it took longer than ``limit_s``.

    Raises
    ------
    OSError
        Where it can't be started.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:  # also where we are interrupted, and where it ended well and left something running
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and everything in its session's group."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
            os.killpg(process.pid, signal.SIGKILL)
    else:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    process.wait()
