"""The built wheel in a clean environment outside the tree: templates, migrations and static files have come along.

The environment holds what the wheel says that it needs, and no more: links to the packages that the tests run with.
That pip brings the same from the package index is asked by ``make proof``.
"""

from __future__ import annotations

import os
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from demo_runs import CONDITIONS, ratings, run
from packaging.requirements import Requirement

PROGRAMS = "Scripts" if os.name == "nt" else "bin"


@pytest.fixture
def wheel(root: Path, tmp_path: Path) -> Path:
    """The wheel of this tree."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, root, cwd=root)
    (built,) = tmp_path.glob("*.whl")
    return built


def needed(by: Distribution, extras: tuple[str, ...] = (), seen: set[tuple[str, ...]] | None = None) -> Iterator[str]:
    """Names of the packages that one asks for with these extras, and of those that they ask for."""
    seen = set() if seen is None else seen
    for text in by.requires or ():
        asked = Requirement(text)
        here = any(asked.marker is None or asked.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if here and (wanted := (asked.name, *sorted(asked.extras))) not in seen:
            seen.add(wanted)
            yield asked.name
            yield from needed(distribution(asked.name), tuple(asked.extras), seen)


def installed(wheel: Path, folder: Path, *extras: str) -> Path:
    """The Python of an environment with the wheel and what it needs; nothing is fetched."""
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / PROGRAMS / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel, cwd=folder)
    (site,) = {path.parent for path in folder.rglob("mushra_app")}
    (metadata,) = site.glob("hidden_reference-*.dist-info")
    for name in set(needed(PathDistribution(metadata), extras)):
        of = distribution(name)
        for top in {file.parts[0] for file in of.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(of.locate_file(top))))
    return python


ITEMS = ("Falcon 69", "Harbour Lights", "Glass Garden")
"""Of the demo's six: a real song, a synthetic one, and the one to practise on."""


def with_fewer_items(experiment: Path) -> None:
    """The demo's file as the wheel writes it, changed as a person may: the demo finds it and leaves it alone."""
    head, *rest = experiment.read_text(encoding="utf-8").split("[[items]]")
    last, *behind = rest[-1].partition("[[systems]]")
    kept = [one for one in (*rest[:-1], last) if any(f'"{name}"' in one for name in ITEMS)]
    assert len(kept) == len(ITEMS) < len(rest)
    experiment.write_text("[[items]]".join([head, *kept]) + "".join(behind), encoding="utf-8")


def ends_at_a_report(python: Path, folder: Path) -> None:
    """The demo as a person would start it there, without what no extra was asked for."""
    run(python.with_name("mushra"), "new", "--demo", folder / "d" / "experiment.toml", cwd=folder)
    with_fewer_items(folder / "d" / "experiment.toml")
    said = run(python.with_name("mushra"), "demo", "--simulate", "2", "--browsers", "1", "--out", "d", cwd=folder)
    assert "spleeter" in said and "torch" in said, "a system whose extra is missing is left out with a printed reason"
    assert {row["condition"] for row in ratings(folder / "d")} == CONDITIONS
    assert len({row["listener"] for row in ratings(folder / "d")}) == 2
    assert (folder / "d" / "report.html").stat().st_size > 10_000


def test_the_wheel_runs_the_simulated_demo_outside_the_tree(wheel: Path, tmp_path: Path) -> None:
    ends_at_a_report(installed(wheel, tmp_path / "venv", "demo"), tmp_path)


@pytest.mark.proof
def test_what_pip_fetches_for_it_runs_the_demo_too(wheel: Path, root: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / PROGRAMS / "python"
    install = [python, "-m", "pip", "install", "--quiet", "-c", root / "constraints.txt", f"{wheel}[demo]"]
    run(*install, cwd=tmp_path)
    ends_at_a_report(python, tmp_path)
