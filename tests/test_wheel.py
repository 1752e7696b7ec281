"""The built wheel in a clean environment outside the tree: templates, migrations and static files have come along."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

from demo_runs import CONDITIONS, ratings, run


def test_the_wheel_runs_the_simulated_demo_outside_the_tree(root: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, root, cwd=root)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [python, "-m", "pip", "install", "--quiet", "-c", root / "constraints.txt", f"{wheel}[demo]"]
    run(*install, cwd=tmp_path)
    said = run(python.with_name("mushra"), "demo", "--simulate", "2", "--browsers", "1", "--out", "d", cwd=tmp_path)
    assert "spleeter" in said and "torch" in said, "a system whose extra is missing is left out with a printed reason"
    assert {row["condition"] for row in ratings(tmp_path / "d")} == CONDITIONS
    assert len({row["listener"] for row in ratings(tmp_path / "d")}) == 2
    assert (tmp_path / "d" / "report.html").stat().st_size > 10_000
