"""``mushra`` as somebody types it, in the test's own process: what it says, and its exit code.

For tests of what a command says. Those of processes (signals, imports, two at once) start one: ``python -m
mushra_app.cli``, which takes a second of computing before it does anything.

Defines: ``mushra``.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path
from unittest import mock

from mushra_app.cli import main


def mushra(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end as ``subprocess.run`` tells it; an error that nobody expected is raised, not printed."""
    argv, code = ["mushra", *map(str, arguments)], 0
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        mock.patch("sys.argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as done:
            assert done.code is None or isinstance(done.code, int), done.code
            code = done.code or 0
    return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())
