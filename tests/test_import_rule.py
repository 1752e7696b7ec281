"""The import rule, seen in fresh processes: what a room loads is what ``sys.modules`` says, not what a linter reads."""

from __future__ import annotations

import json
import subprocess
import sys
from graphlib import TopologicalSorter

import grimp
import pytest

WEB = {"flask", "werkzeug", "sqlalchemy", "waitress"}
HEAVY = {"torch", "scipy", "pandas", "matplotlib", "librosa", "soundfile"}
STORES = {"fsspec", "upath", "s3fs", "aiohttp", "botocore"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules in ``sys.modules`` after running ``code`` in a process of its own."""
    script = f"{code}\nimport json, sys; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "never"),
    [
        (
            "import stimuli.build, stimuli.cli, stimuli.inspection.show",
            WEB | {"torch", "matplotlib", "mushra_app", "analysis"},
        ),
        ("from mushra_app.app import create_app", HEAVY | STORES | {"analysis"}),
        ("import mushra_app.listener.routes, mushra_app.studio.routes", HEAVY | STORES | {"analysis"}),
        ("import analysis.cli, analysis.report.assemble, analysis.report.page", WEB | {"torch"}),
        (
            "import analysis.metrics.cli, analysis.metrics.scoring.score, analysis.metrics.scoring.musdb\n"
            "import stimuli.whole_songs",
            WEB | {"torch", "mushra_app"},
        ),
        ("import stimuli.experiment, stimuli.manifest, mushra_app.ratings", WEB | HEAVY | {"numpy"}),
        ("import stimuli, mushra_app, analysis", WEB | HEAVY | {"numpy", "pydantic"}),
    ],
)
def test_a_room_loads_only_what_it_may(code: str, never: set[str]) -> None:
    assert loaded_by(code) & never == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Not even inside a function: whoever reads one of them would have to read all."""
    house = grimp.build_graph("stimuli", "mushra_app", "analysis", cache_dir=None)
    sorter = TopologicalSorter({module: house.find_modules_directly_imported_by(module) for module in house.modules})
    sorter.prepare()  # CycleError names the circle


def test_help_imports_nothing_heavy() -> None:
    code = "import click.testing, mushra_app.cli as c; r = click.testing.CliRunner().invoke(c.mushra, ['--help'])"
    found = loaded_by(f"{code}\nassert 'report' in r.output and 'publish' in r.output, r.output")
    assert found & (WEB | HEAVY | {"numpy", "pydantic"}) == set()


def test_every_command_of_the_tables_can_be_loaded_and_has_help() -> None:
    import click

    from mushra_app.cli import mushra, table

    context = click.Context(mushra)
    for name, (_, text) in table().items():
        command = mushra.get_command(context, name)
        assert command is not None and command.help and text, name


def test_the_linter_sees_an_arrow_against_the_flow(tmp_path, root) -> None:
    """Plants an import against the rule in a copy of the tree: import-linter must refuse it."""
    import shutil

    for room in ("stimuli", "mushra_app", "analysis"):
        shutil.copytree(root / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    linter = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    clean = subprocess.run(linter, cwd=tmp_path, capture_output=True, text=True)
    (tmp_path / "stimuli" / "audio.py").open("a").write("\nimport mushra_app.ratings\n")
    planted = subprocess.run(linter, cwd=tmp_path, capture_output=True, text=True)
    assert (clean.returncode, planted.returncode) == (0, 1), clean.stdout + planted.stdout
