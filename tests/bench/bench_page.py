"""What the trial page costs beside its sounds: from the address to ready, against fetching and decoding them alone.

Eight hidden sounds and the open reference, each 12 s of music-like stereo at 48 kHz, 24-bit FLAC, from a real
``mushra serve`` in real Chromium on the same machine.

* ``page`` is from the page's first request for a sound until the page can be played.
* ``visit`` is the same from the start of the navigation: the shell, its scripts and the first paint are in it too.
* ``floor`` is what no page can do without: the same nine files by ``Promise.all`` of fetch and ``decodeAudioData``,
  on an empty page of the same server.

Both with the browser's cache off, in turn, in one run; the ratio of the medians counts. ``requests`` and ``bytes``
are the page without its sounds, uncompressed.

    make bench, or: python tests/bench/bench_page.py               prints and writes tests/bench/results/page.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import numpy as np

HERE = Path(__file__).resolve()
for room in (HERE.parents[1] / "mushra_app", HERE.parents[1] / "browser"):
    sys.path.append(str(room))  # as pytest has it: these are modules of the tests, and this is a program of its own

import listener as a  # noqa: E402
import tiny_set  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402
from server_guests import Served  # noqa: E402

from mushra_app import schema  # noqa: E402
from mushra_app.config import Settings  # noqa: E402
from mushra_app.db import Database  # noqa: E402
from mushra_app.doctor import browser_path  # noqa: E402
from mushra_app.publish import publish  # noqa: E402
from mushra_app.simulated.browser import FLAGS  # noqa: E402

RESULTS = HERE.parent / "results" / "page.json"
RATE_HZ, LENGTH_S, SYSTEMS = 48_000, 12, 5
AT_MOST = {"page / floor": 1.25, "requests": 12, "bytes": 120_000}
READY = """new MutationObserver((_, observer) => {
  if (!document.body?.classList.contains("ready")) return;
  window.readyAt = performance.now();
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] })"""
FLOOR = """async ({ urls, rate }) => {
  const context = new AudioContext({ sampleRate: rate });
  const began = performance.now();
  const sounds = await Promise.all(
    urls.map(async (url) => context.decodeAudioData(await (await fetch(url)).arrayBuffer())));
  const took = performance.now() - began;
  await context.close();
  return [took, sounds.map((sound) => sound.length)];
}"""


def study(folder: Path, length_s: float) -> Path:
    """A published study with one trial of eight hidden sounds; its data folder."""
    frames = round(length_s * RATE_HZ)

    def sound(item: str, condition: str) -> np.ndarray:
        seed = int.from_bytes(condition.encode()[-4:], "big")
        return bench_stimuli.band(seed, frames / bench_stimuli.RATE_HZ)[:frames]

    item = {"song": "Walrus", "excerpt": {"start_s": 0, "length_s": length_s}}
    systems = [{"name": f"system-{n}", "kind": "centre_cancellation"} for n in range(SYSTEMS)]
    described: dict[str, Any] = {"items": [item], "systems": systems, "test": {"references": ["reference"]}}
    tiny_set.make(folder / "set", sound=sound, rate_hz=RATE_HZ, **described)
    settings = Settings(data_dir=folder / "data")
    database = Database(settings)
    schema.require(database, settings)
    publish(folder / "set", database, settings)
    database.close()
    return folder / "data"


def page_ms(page: Page, address: str) -> tuple[float, float]:
    """From the first request for a sound, and from the start of the navigation, until the page can be played."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_function("() => window.readyAt", polling=20)
    ready, asked = page.evaluate(
        """() => [window.readyAt, Math.min(...performance.getEntriesByType("resource")
          .filter(({ name }) => name.includes("/sound/")).map(({ startTime }) => startTime))]"""
    )
    return ready - asked, ready


def floor_ms(page: Page, server: str, urls: list[str], frames: int) -> float:
    """Fetch and decode alone."""
    page.goto(f"{server}/healthz")
    took, lengths = page.evaluate(FLOOR, {"urls": urls, "rate": RATE_HZ})
    assert lengths == [frames] * len(urls)
    return took


def shell(page: Page, address: str) -> dict[str, int]:
    """Requests and uncompressed bytes of the page without its sounds, in a browser that has nothing of it yet."""
    responses = []
    page.on("response", lambda response: responses.append(response))
    page.goto(address)
    a.trial(page)
    sizes = [len(response.body()) for response in responses if "/sound/" not in response.url]
    return {"requests": len(sizes), "bytes": sum(sizes)}


def bench(browser: Browser, repeats: int, length_s: float) -> dict[str, Any]:
    """All figures: medians over the repeats, page and floor in turn, after one of each that is not counted."""
    runs: dict[str, list[float]] = {"page": [], "visit": [], "floor": []}
    with tempfile.TemporaryDirectory() as name, ExitStack() as after:
        server = Served(study(Path(name), length_s))
        after.callback(server.stop)
        first, second = (browser.new_context(viewport={"width": 1280, "height": 800}).new_page() for _ in range(2))
        after.callback(first.context.close)
        after.callback(second.context.close)
        first.add_init_script(READY)
        for page in (first, second):
            devtools = page.context.new_cdp_session(page)
            devtools.send("Network.enable")
            devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        trial = a.begin(first, server.url)
        address, urls = first.url, [sound["url"] for sound in (*trial["references"], *trial["sounds"])]
        for _ in range(repeats + 1):
            for label, took in zip(("page", "visit"), page_ms(first, address), strict=True):
                runs[label].append(took)
            runs["floor"].append(floor_ms(second, server.url, urls, round(length_s * RATE_HZ)))
        fresh = browser.new_page()
        costs = shell(fresh, address)
        fresh.close()
    medians = {label: statistics.median(times[1:]) for label, times in runs.items()}
    return {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"chromium": browser.version},
        "sounds": len(urls),
        "sound_s": length_s,
        "repeats": repeats,
        "ratios": {
            "page / floor": round(medians["page"] / medians["floor"], 2),
            "visit / floor": round(medians["visit"] / medians["floor"], 2),
            **costs,
        },
        "at_most": AT_MOST,
        "medians_ms": {label: round(value) for label, value in medians.items()},
        "runs_ms": {label: [round(value) for value in times[1:]] for label, times in runs.items()},
    }


def missed(ratios: dict[str, float]) -> list[str]:
    """Limits that do not hold."""
    return [f"{name} is {ratios[name]}, at most {limit}" for name, limit in AT_MOST.items() if ratios[name] > limit]


def main() -> None:
    """Measure, print, keep the result with the machine and the versions; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=LENGTH_S)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=[*FLAGS])
        found = bench(browser, asked.repeats, asked.seconds)
        browser.close()
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    asked.out.parent.mkdir(exist_ok=True)
    asked.out.write_text(text)
    sys.exit("\n".join(missed(found["ratios"])) or 0)


if __name__ == "__main__":
    main()
