"""``mushra simulate``: let simulated listeners take a published test, through the real server."""

from __future__ import annotations

import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import click
from tqdm import tqdm

from mushra_app.config import load_settings
from mushra_app.doctor import browser_path
from mushra_app.security import secret_key, simulated_link_token
from mushra_app.simulated.ear import Ear, Listener
from mushra_app.simulated.walk import Walker

CARELESS_EVERY = 16
"""One listener in so many rates at random, so that the screening has something to find."""
WALKERS_AT_ONCE = 4


@click.command()
@click.argument("study")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the server listens.")
@click.option("--listeners", default=16, show_default=True, type=click.IntRange(1))
@click.option("--browsers", default=2, show_default=True, help="How many of them use a real Chromium.")
@click.option("--data", type=click.Path(file_okay=False), help="The server's data folder (its key signs the link).")
@click.option("--seed", default=1, show_default=True)
def simulate(study: str, url: str, listeners: int, browsers: int, data: str | None, seed: int) -> None:
    """Let simulated listeners take STUDY: some in a real Chromium, the rest over the same HTTP routes.

    Their ratings are marked as simulated in the database, in every export and in the report.
    """
    settings = load_settings(data_dir=data)
    token = simulated_link_token(secret_key(settings))
    link = f"{url.rstrip('/')}/listen/{study}?{urllib.parse.urlencode({'as': token})}"
    panel = [Listener(seed, number, careless=number % CARELESS_EVERY == 0) for number in range(1, listeners + 1)]
    browsers = _possible_browsers(min(browsers, listeners))
    ear = Ear()
    with tqdm(total=listeners, unit="listener", desc="simulated listeners") as bar:

        def over_http(who: Listener) -> int:
            saved = Walker(who, ear).take(link)
            bar.update()
            return saved

        with ThreadPoolExecutor(WALKERS_AT_ONCE) as pool:
            trials = sum(pool.map(over_http, panel[browsers:]))
        if browsers:
            from mushra_app.simulated.browser import take_in_browser  # playwright is an optional extra

            for who in panel[:browsers]:
                trials += take_in_browser(link, who, ear)
                bar.update()
    click.echo(f"{listeners} simulated listeners ({browsers} in Chromium) saved {trials} trials")


def _possible_browsers(wanted: int) -> int:
    """``wanted``, or 0 with the reason said where no browser can be driven here."""
    if not wanted:
        return 0
    try:
        import playwright  # noqa: F401 - only asked for
    except ImportError:
        click.echo('no listener uses a browser: playwright is missing; pip install "hidden-reference[demo]"', err=True)
        return 0
    if not browser_path():
        click.echo("no listener uses a browser: Chromium is missing (Debian: apt-get install chromium)", err=True)
        return 0
    return wanted
