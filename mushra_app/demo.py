"""``mushra demo``: the whole way once, each step by the command that anyone would type.

The steps are other rooms' commands and run as subprocesses: this room may not import them, and what the demo
shows is then exactly what the commands do. Everything lands in one folder; a second start does nothing twice.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import click

STUDY = "demo"


@click.command()
@click.option("--out", default="demo", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--songs", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Songs in MUSDB18 layout.")
@click.option("--simulate", "listeners", type=click.IntRange(1), help="So many simulated listeners, then the report.")
@click.option("--browsers", default=2, show_default=True, help="Of the simulated listeners, how many use Chromium.")
@click.option("--port", default=8000, show_default=True)
def demo(out: Path, songs: Path | None, listeners: int | None, browsers: int, port: int) -> None:
    """Build the demo's stimuli, publish them and serve the listening test until Ctrl-C.

    With --simulate N: N simulated listeners take the test against a real server, and the report is written.
    """
    experiment, stimuli, data = out / "experiment.toml", out / "stimuli", out / "data"
    mushra("new", "--demo", str(experiment), *(["--songs", str(songs)] if songs else []))
    mushra("stimuli", "build", str(experiment), "--out", str(stimuli))
    mushra("publish", str(stimuli), "--data", str(data))
    if listeners is None:
        click.echo(f"\nthe report, once somebody has listened:\n  {report_commands(out)}\n")
        serve_until_stopped(data, port)
        return
    rehearse(data, listeners, browsers)
    mushra("metrics", str(stimuli), "--no-songs")
    mushra("export", "--data", str(data), "--out", str(out / "ratings.csv"))
    mushra("report", str(out / "ratings.csv"), "--stimuli", str(stimuli), "--out", str(out / "report.html"))


def report_commands(out: Path) -> str:
    """The commands that lead from the database to the report."""
    return (
        f"mushra metrics {out / 'stimuli'} && "
        f"mushra export --data {out / 'data'} --out {out / 'ratings.csv'} && "
        f"mushra report {out / 'ratings.csv'} --stimuli {out / 'stimuli'} --out {out / 'report.html'}"
    )


def mushra(*arguments: str) -> None:
    """Run one command of ``mushra``; where it fails, stop with its exit code (it has said why)."""
    done = subprocess.run([sys.executable, "-m", "mushra_app.cli", *arguments])
    if done.returncode:
        sys.exit(done.returncode)


def serve_until_stopped(data: Path, port: int) -> None:
    """Serve in the foreground; Ctrl-C reaches the server too, which then stops by itself, and SIGTERM is passed on."""
    server = subprocess.Popen([sys.executable, "-m", "mushra_app.cli", *_serve(data, port)])
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        sys.exit(server.wait())
    except KeyboardInterrupt:
        server.wait()


def rehearse(data: Path, listeners: int, browsers: int) -> None:
    """Start a real server on a free port, let the simulated listeners take the test, stop the server."""
    command = [sys.executable, "-m", "mushra_app.cli", *_serve(data, 0)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = next((line for line in server.stdout if "/listen/" in line), "")
        found = re.search(r"(https?://\S+)/listen/", line)
        if not found:
            sys.exit(server.wait())
        panel = ["--listeners", str(listeners), "--browsers", str(browsers)]
        mushra("simulate", STUDY, "--url", found[1], "--data", str(data), *panel)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _serve(data: Path, port: int) -> list[str]:
    return ["serve", "--data", str(data), "--port", str(port)]
