"""Cross-fades, for methods other than MUSHRA: both engines against the model, and a study whose file asks for them.

Equal gain is what is asked: the gains of a switch add up to 1 at every sample, whatever comes in between.
"""

from __future__ import annotations

import base64
import math
import sqlite3
from collections import Counter
from typing import Any

import listener as a
import numpy as np
import pytest
import test_engine_buffer as buffer
from engine_model import random_commands, render
from playwright.sync_api import Browser, Page
from test_engine import LENGTH_S, WORKLET, coded, commands_of, heard
from test_engine_gain import ENGINES, FLOATS, on

from mushra_app.conduct import check_run
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.export import run_of
from mushra_app.study import lifecycle

CROSSFADE = {"processor": "crossfade-engine"}
RATE_HZ = 48_000
FRAMES = 6 * RATE_HZ
SEEDS = range(1, 7)


HURRY = f"""async ({{ length, rate, wanted }}) => {{{FLOATS}
  const {{ openContext, openEngine }} = await import("/static/js/engine.js");
  const engine = await openEngine(openContext(rate), "/static/js/engine-worklet.js", "crossfade");
  const scope = new AnalyserNode(engine.context, {{ fftSize: 16384 }});
  engine.output.connect(scope);
  const coded = Float32Array.from({{ length }}, (_, i) => i / 2 ** 20 + 1 / 16);
  engine.accept(Array(4).fill([coded]));
  let current;
  engine.onreport = (report) => (current = report.current);
  engine.send({{ wanted: 0, running: true }});
  await sleep(400);
  for (const signal of wanted) {{
    engine.send({{ wanted: signal }});
    await sleep(3);
  }}
  await sleep(100);
  const heard = new Float32Array(scope.fftSize);
  scope.getFloatTimeDomainData(heard);
  await engine.close();
  return [engine.name, current, text(heard)];
}}"""


@pytest.fixture(scope="module")
def changes() -> dict[str, Any]:
    return {"test": {"references": ["reference", "mixture"], "switching": "crossfade"}}


def levels(values: list[float]) -> np.ndarray:
    """One constant signal per value."""
    return np.repeat(np.array(values, np.float32)[:, None], int(LENGTH_S * RATE_HZ), axis=1)


def difference_from_model(page, server, rate_hz: int, worklet: str = WORKLET) -> float:
    """Largest difference over four seconds and some three hundred events."""
    frames = 4 * rate_hz
    commands = random_commands(rate_hz, 400, frames, 4, LENGTH_S)
    found = heard(page, server, coded(rate_hz), commands, frames, rate_hz, worklet, **CROSSFADE)
    assert len(commands) > 60 and np.abs(found).max() > 0.2
    return float(np.abs(found - render(coded(rate_hz), commands, frames, rate_hz, crossfade=True)).max())


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_the_worklet_is_the_model_sample_by_sample(page, server, rate_hz) -> None:
    assert difference_from_model(page, server, rate_hz) < 1e-7


def test_these_seeds_meet_every_state_with_every_kind_of_event() -> None:
    """Twenty times each, as for the standard's switching; within a cross-fade at full level too."""
    seen: Counter[tuple[str, str]] = Counter()
    for seed in SEEDS:
        render(np.zeros((4, int(LENGTH_S * RATE_HZ))), commands_of(seed), FRAMES, RATE_HZ, seen, crossfade=True)
    states = ("silent", "rising", "full", "falling", "crossing")
    pairs = [(state, event) for state in states for event in ("wanted", "seek", "loop", "start", "stop")]
    assert min(seen[pair] for pair in pairs) >= 20, sorted((seen[pair], pair) for pair in pairs)[:5]


def loss_of_identical_signals(page, server, worklet: str = WORKLET) -> float:
    """What switches change where all signals are the same: the same events once with and once without them."""
    commands, signals = commands_of(1), np.repeat(coded(RATE_HZ, 1), 4, axis=0)
    others = [command for command in commands if "running" in command or "wanted" not in command]
    assert len(commands) - len(others) > 100
    with_switches, without = (
        heard(page, server, signals, part, FRAMES, RATE_HZ, worklet, **CROSSFADE) for part in (commands, others)
    )
    return float(np.abs(with_switches - without).max())


def test_identical_signals_pass_every_switch_unchanged(page, server) -> None:
    assert loss_of_identical_signals(page, server) < 1e-6


def largest_step(page, server, seed: int, worklet: str = WORKLET) -> float:
    """Largest step between neighbouring samples on DC of +0.9 and -0.9, in units of that cross-fade's own slope."""
    found = heard(page, server, levels([0.9, -0.9] * 2), commands_of(seed), FRAMES, RATE_HZ, worklet, **CROSSFADE)
    assert np.abs(found).max() == pytest.approx(0.9, abs=1e-6)
    return float(np.abs(np.diff(found)).max() / (2 * 0.9 * math.pi / (2 * 240)))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_event_at_any_moment_clicks(page, server, seed) -> None:
    """From +0.9 to -0.9 a cross-fade is twice as steep as a fade; nothing that meets it may add to that."""
    assert largest_step(page, server, seed) <= 1.0001


def test_all_signals_share_one_pointer_even_within_a_cross_fade(page, server) -> None:
    """What is left of coded signals without their levels is the place, and it runs on as the frames do."""
    commands = [command for command in commands_of(2) if "wanted" in command and "running" not in command]
    commands = [{"at": 0, "running": True}, *commands]
    whole, level = (
        heard(page, server, signals, commands, FRAMES, RATE_HZ, **CROSSFADE)
        for signals in (coded(RATE_HZ), levels([number / 16 for number in range(1, 5)]))
    )
    place = np.arange(FRAMES) % int(LENGTH_S * RATE_HZ)
    clear = (place >= 240) & (place < int(LENGTH_S * RATE_HZ) - 240)
    crossing = np.abs(level * 16 - np.round(level * 16)) > 1e-3
    assert crossing[clear].sum() > 10_000
    assert np.abs((whole - level) * 2**20 - place)[clear].max() < 0.2


def test_a_switch_takes_five_milliseconds_and_one_within_it_waits(page, server) -> None:
    commands = [{"at": 0, "running": True}, {"at": 10_000, "wanted": 1}, {"at": 10_100, "wanted": 2}]
    found = heard(page, server, levels([0.5, 0.25, 0.125]), commands, 20_000, RATE_HZ, **CROSSFADE)
    rise = 0.5 * (1 - np.cos(np.pi * np.arange(1, 241) / 240))
    assert (found[240:10_000] == 0.5).all() and (found[10_479:] == 0.125).all()
    assert np.abs(found[10_000:10_240] - (0.5 - 0.25 * rise)).max() < 1e-7
    assert np.abs(found[10_240:10_480] - (0.25 - 0.125 * rise)).max() < 1e-7


FAULTS = {
    "a running cross-fade is not waited for": (
        "(this.mix < this.steps)",
        "(this.mix < this.steps && this.wanted === this.current)",
    ),
    "equal power": (
        "return gains[mix] * this.read(this.current, c) + gains[steps - mix] * this.read(this.leaving, c);",
        "return Math.sqrt(gains[mix]) * this.read(this.current, c)"
        " + Math.sqrt(gains[steps - mix]) * this.read(this.leaving, c);",
    ),
}
"""Planted: what stands there, and what is put instead."""


@pytest.mark.parametrize("fault", FAULTS)
def test_these_tests_would_hear_a_wrong_cross_fade(browser: Browser, server, root, fault: str) -> None:
    source = (root / "mushra_app" / "static" / "js" / "engine-worklet.js").read_text()
    assert source.count(FAULTS[fault][0]) == 1
    context = browser.new_context(bypass_csp=True)  # only so that this page may load a script that is not the server's
    page = context.new_page()
    page.goto(f"{server.url}/healthz")
    broken = source.replace(*FAULTS[fault])
    script = page.evaluate("text => URL.createObjectURL(new Blob([text], {type: 'text/javascript'}))", broken)
    assert difference_from_model(page, server, RATE_HZ, script) > 1e-2
    if fault == "equal power":
        assert loss_of_identical_signals(page, server, script) > 1e-2
    else:
        assert largest_step(page, server, 1, script) > 10
    context.close()


@pytest.mark.parametrize(("rate_hz", "count"), [(44_100, 13), (48_000, 3), (96_000, 3)])
def test_the_buffer_is_the_model_sample_by_sample(page, server, rate_hz, count) -> None:
    asked = buffer.wishes(rate_hz, 40, rate_hz, count)
    found, taken = buffer.heard(page, server, asked, rate_hz, count=count, coded=True, switching="crossfade")
    assert len(taken) > 20 and sum("wanted" in wish for wish in taken) > 5
    position = np.arange(int(LENGTH_S * rate_hz)) / 2**20
    number = np.arange(1, count + 1)[:, None] / 16
    for channel, signals in zip(found, (position + number, 0 * position + number), strict=True):
        expected = render(signals.astype(np.float32), taken, len(channel), rate_hz, crossfade=True)
        assert np.abs(channel - expected).max() < 1e-7
        assert (np.abs(channel) > 0).mean() > 0.5


def test_the_buffer_passes_identical_signals_and_does_not_click(page, server) -> None:
    (found,), taken = buffer.heard(
        page, server, buffer.wishes(1, 60, RATE_HZ, 4), RATE_HZ, count=4, coded=False, switching="crossfade"
    )
    assert np.abs(np.diff(found)).max() <= 2 * 0.9 * math.pi / (2 * 240) * 1.0001
    # Signals 0 and 2 are the same: switches between them alone change nothing.
    asked = [{"at": 0, "wanted": 0, "running": True}]
    asked += [{"at": at, "wanted": n % 2 * 2} for n, at in enumerate(range(12_800, 64_000, 3_840), 1)]
    (found,), taken = buffer.heard(page, server, asked, RATE_HZ, count=3, coded=False, switching="crossfade")
    assert len(taken) > 10 and np.abs(found[12_800:64_000] - np.float32(0.9)).max() < 1e-6


@pytest.mark.parametrize(("guest", "engine"), ENGINES)
def test_many_quick_switches_change_nothing_of_identical_signals_and_the_last_one_wins(
    request: pytest.FixtureRequest, server, guest: str, engine: str
) -> None:
    """Live: what was heard in the last third of a second is one stretch of the signal, without a gap or a dip."""
    work = {"length": 3 * RATE_HZ, "rate": RATE_HZ, "wanted": [1, 2, 3, 0, 2, 1, 3, 1, 0, 1, 2]}
    name, current, text = on(request, server, guest).evaluate(HURRY, work)
    found = np.frombuffer(base64.b64decode(text), np.float32)
    first = round((found[0] - 1 / 16) * 2**20)
    assert (name, current) == (engine, 2) and 240 < first < 2 * RATE_HZ
    assert np.abs(found - 1 / 16 - (first + np.arange(len(found))) / 2**20).max() < 1e-6


@pytest.mark.parametrize(("guest", "engine"), ENGINES)
def test_a_study_that_asks_for_it_gets_it_and_loses_the_name(
    request: pytest.FixtureRequest, server, data_dir, guest: str, engine: str
) -> None:
    """From the experiment file over the page, the engine and the record to the rule of the run; on plain http too."""
    shown: Page = request.getfixturevalue(guest)
    first = a.begin(shown, server.url.replace("127.0.0.1", "lab.test") if guest == "lab_page" else server.url)
    assert first["switching"] == "crossfade"
    while shown.locator("#trial").count():
        a.rate_all(shown)
        while shown.locator("form[method=post]").count():
            a.fill_in(shown)
    query = """select distinct s.engine, s.fade_mode from save s join trial t on t.id = s.trial_id
               where t.session_id = (select session_id from trial where token = ?)"""
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        assert database.execute(query, (first["token"],)).fetchall() == [(engine, "crossfade")]
    records = Database(Settings(data_dir=data_dir))
    with records.reading() as db:
        told = {one.rule: one.message for one in check_run(run_of(db, lifecycle.current(db, "tiny"))) if not one.passed}
    records.close()
    assert "with other switching (crossfade); set test.switching" in told["run-switching"]
