"""The engine, rendered offline in the browser and held against the model, and against what BS.1534-3 asks.

Positions are coded into the sound (sample i holds i / 2**20), so that a misaligned sample has a name.
"""

from __future__ import annotations

import base64
import math
from collections import Counter

import numpy as np
import pytest
from engine_model import random_commands, render

RENDER = """async ({signals, commands, frames, rate, worklet, processor}) => {
  const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
  const text = (bytes) => btoa(bytes.reduce((all, byte) => all + String.fromCharCode(byte), ""));
  const context = new OfflineAudioContext(1, frames, rate);
  await context.audioWorklet.addModule(worklet);
  const node = new AudioWorkletNode(context, processor, {numberOfInputs: 0, outputChannelCount: [1]});
  node.connect(context.destination);
  node.port.postMessage({signals: signals.map((signal) => [floats(signal)])});
  for (const command of commands) node.port.postMessage(command);
  await new Promise((resolve) => setTimeout(resolve, 200));
  return text(new Uint8Array((await context.startRendering()).getChannelData(0).buffer));
}"""
LENGTH_S = 1.5
WORKLET = "/static/js/engine-worklet.js"


def heard(
    page,
    server,
    signals,
    commands: list[dict],
    frames: int,
    rate_hz: int,
    worklet: str = WORKLET,
    *,
    processor: str = "mushra-engine",
) -> np.ndarray:
    """The worklet's own output."""
    if not page.url.startswith(server.url):
        page.goto(f"{server.url}/healthz")
    settings = {
        "signals": [base64.b64encode(signal.astype(np.float32).tobytes()).decode() for signal in signals],
        "commands": commands,
        "frames": frames,
        "rate": rate_hz,
        "worklet": worklet,
        "processor": processor,
    }
    return np.frombuffer(base64.b64decode(page.evaluate(RENDER, settings)), np.float32).astype(float)


def coded(rate_hz: int, count: int = 4) -> np.ndarray:
    """Signals that say where they are and which they are."""
    position = np.arange(int(LENGTH_S * rate_hz)) / 2**20
    return np.stack([position + (number + 1) / 16 for number in range(count)]).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_the_worklet_is_the_model_sample_by_sample(page, server, rate_hz) -> None:
    frames = 4 * rate_hz
    commands = random_commands(rate_hz, 400, frames, 4, LENGTH_S)
    found = heard(page, server, coded(rate_hz), commands, frames, rate_hz)
    assert len(commands) > 60
    assert np.abs(found - render(coded(rate_hz), commands, frames, rate_hz)).max() < 1e-7


def commands_of(seed: int) -> list[dict]:
    """Nine hundred events in six seconds."""
    return random_commands(seed, 900, 6 * 48_000, 4, LENGTH_S)


def largest_step(page, server, seed: int, worklet: str = WORKLET) -> float:
    """Largest step between neighbouring samples on DC of +0.9 and -0.9, in units of the fade's own slope."""
    rate_hz, frames = 48_000, 6 * 48_000
    signals = np.full((4, int(LENGTH_S * rate_hz)), 0.9, np.float32) * np.array([[1], [-1], [1], [-1]], np.float32)
    found = heard(page, server, signals, commands_of(seed), frames, rate_hz, worklet)
    assert np.abs(found).max() == pytest.approx(0.9, abs=1e-6), "it reached full level"
    return float(np.abs(np.diff(found)).max() / (0.9 * math.pi / (2 * 240)))


SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_event_at_any_moment_clicks(page, server, seed) -> None:
    assert largest_step(page, server, seed) <= 1.0001


def test_these_seeds_meet_every_state_with_every_kind_of_event() -> None:
    """At least twenty times each: silent, rising, full and falling, each with a switch, seek, loop, start and stop."""
    seen: Counter[tuple[str, str]] = Counter()
    for seed in SEEDS:
        render(np.zeros((4, int(LENGTH_S * 48_000))), commands_of(seed), 6 * 48_000, 48_000, seen)
    pairs = [
        (s, e) for s in ("silent", "rising", "full", "falling") for e in ("wanted", "seek", "loop", "start", "stop")
    ]
    assert min(seen[pair] for pair in pairs) >= 20, sorted((seen[pair], pair) for pair in pairs)[:5]


def test_this_test_would_hear_a_click(browser, server, root) -> None:
    """A planted fault: a switch that restarts the fade at full gain, as a rival's engine does."""
    source = (root / "mushra_app" / "static" / "js" / "engine-worklet.js").read_text()
    switch = "if (wanted !== undefined) this.wanted"
    broken = source.replace(switch, f"if (wanted !== undefined && this.phase) this.phase = this.steps;\n    {switch}")
    assert broken != source
    context = browser.new_context(bypass_csp=True)  # only so that this page may load a script that is not the server's
    page = context.new_page()
    page.goto(f"{server.url}/healthz")
    script = page.evaluate("text => URL.createObjectURL(new Blob([text], {type: 'text/javascript'}))", broken)
    assert largest_step(page, server, 1, script) > 10
    context.close()


def test_one_switch_is_five_milliseconds_out_and_five_in(page, server) -> None:
    rate_hz = 48_000
    signals = np.full((2, rate_hz), 0.5, np.float32)
    commands = [{"at": 0, "wanted": 0, "running": True}, {"at": 10_000, "wanted": 1}]
    found = heard(page, server, signals, commands, 20_000, rate_hz)
    below = np.flatnonzero(found[1000:] < 0.5 - 1e-7) + 1000
    assert (below[0], len(below), (found[below] == 0).sum()) == (10_000, 479, 1)
    assert found[10_239] == 0 and np.allclose(found[10_000:10_239], found[10_240:10_479][::-1])
