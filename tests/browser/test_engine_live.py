"""The engine as it runs: heard by a recorder in the audio thread, while the page switches, and while it is blocked.

Signals are coded as in the offline tests. Latency is in the context's own time: from its clock at the key to the first
frame of the fade; what the sound card adds is not in it. A proof, and no part of the suite: it needs a machine that has
nothing else to do (make proof).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import bench_stimuli
import numpy as np
import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.proof
RATE_HZ, LENGTH_S, SIGNALS = 48_000, 5.0, 8
RECORDER = """
registerProcessor("recorder", class extends AudioWorkletProcessor {
  process([[input]], [[output]]) {
    if (!input) return true;
    output.set(input);
    this.port.postMessage([currentFrame, input.slice()]);
    return true;
  }
});
"""
PLAY = """async ({worklet, recorder, rate, length, count, switches, blocked_ms}) => {
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
  await context.audioWorklet.addModule(worklet);
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorder], { type: "text/javascript" })));
  const engine = new AudioWorkletNode(context, "mushra-engine", { numberOfInputs: 0, outputChannelCount: [1] });
  const tape = new AudioWorkletNode(context, "recorder", { outputChannelCount: [1] });
  const chunks = [];
  tape.port.onmessage = ({ data }) => chunks.push(data);
  engine.connect(tape).connect(context.destination);
  engine.port.postMessage({ signals: Array.from({ length: count }, (_, k) =>
    [Float32Array.from({ length }, (_, i) => i / 2 ** 22 + (k + 1) / 16)]) });
  engine.port.postMessage({ wanted: 0, running: true });
  await context.resume();
  await sleep(300);
  const keys = [];
  for (let k = 1; k <= switches; k += 1) {
    keys.push(Math.round(context.currentTime * rate));
    engine.port.postMessage({ wanted: k % count });
    await sleep(60 + 80 * Math.random());
  }
  const blockedFrom = Math.round(context.currentTime * rate);
  for (const until = performance.now() + blocked_ms; performance.now() < until; );
  await sleep(300);
  await context.close();
  const samples = new Float32Array(chunks.length * 128);
  chunks.forEach(([, chunk], i) => samples.set(chunk, i * 128));
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return { samples: btoa(text), frames: chunks.map(([frame]) => frame), keys, blockedFrom };
}"""


@dataclass(frozen=True)
class Tape:
    """What was heard: the first frame of every quantum, all samples, and when keys were pressed."""

    frames: np.ndarray
    samples: np.ndarray
    keys: np.ndarray
    blocked_from: int


@pytest.fixture(scope="module")
def tape(browser: Browser, server) -> Iterator[Tape]:
    """Fifty switches, then a page that does nothing else for 400 ms."""
    context = browser.new_context(bypass_csp=True)  # only so that the recorder, which is not the server's, may run
    page = context.new_page()
    page.goto(f"{server.url}/healthz")
    settings = {"rate": RATE_HZ, "length": round(LENGTH_S * RATE_HZ), "count": SIGNALS, "recorder": RECORDER}
    work = {"worklet": "/static/js/engine-worklet.js", "switches": 50, "blocked_ms": 400}
    told = page.evaluate(PLAY, settings | work)
    yield Tape(
        np.array(told["frames"]),
        np.frombuffer(base64.b64decode(told["samples"]), np.float32),
        np.array(told["keys"]),
        told["blockedFrom"],
    )
    context.close()


def test_no_quantum_is_missing_and_no_sample_jumps(tape: Tape) -> None:
    """A jump would be a step above the fade's own slope, or the wrong sample at full level."""
    assert (np.diff(tape.frames) == 128).all()
    loudest = float(tape.samples.max())
    assert np.abs(np.diff(tape.samples)).max() <= loudest * np.pi / (2 * 240) * 1.0001 + 2**-22
    blocked = slice(tape.blocked_from - tape.frames[0], tape.blocked_from - tape.frames[0] + round(0.4 * RATE_HZ))
    assert (tape.samples[blocked] > 0).mean() > 0.98, "it went on playing while the page was blocked"


def test_all_signals_share_one_pointer(tape: Tape) -> None:
    """At full level a sample says where it is: its place runs on as the frames do, whichever signal sounds."""
    places = (tape.samples * 16 % 1) / 16 * 2**22
    steady = np.convolve(np.abs(np.diff(places, prepend=0) - 1) < 0.5, np.ones(64), "same") > 63
    frames = np.repeat(tape.frames, 128) + np.tile(np.arange(128), len(tape.frames))
    offset = (frames - np.round(places)) % round(LENGTH_S * RATE_HZ)
    assert steady.sum() > RATE_HZ
    assert len(np.unique(offset[steady])) == 1


def test_a_key_is_heard_at_once(tape: Tape) -> None:
    """Median below 3 ms, 95 % within 20 ms: the fade begins with the next quantum that is rendered."""
    first, step = tape.frames[0], np.diff(tape.samples, prepend=tape.samples[0])
    falling = np.flatnonzero((step[1:] < -(2**-22)) & (step[:-1] > 0)) + 1 + first
    after = [falling[falling >= key - 128] for key in tape.keys]
    # A key within the fade at the loop's end has no fade of its own.
    late_s = np.array([(one[0] - key) / RATE_HZ for one, key in zip(after, tape.keys, strict=True) if len(one)])
    result = {"command": "make proof", "machine": bench_stimuli.machine(), "keys": len(late_s)}
    result |= {"median_ms": 1000 * float(np.median(late_s)), "p95_ms": 1000 * float(np.quantile(late_s, 0.95))}
    result |= {"largest_ms": 1000 * float(late_s.max()), "quanta": len(tape.frames), "page_blocked_ms": 400}
    told = {name: round(value, 3) if isinstance(value, float) else value for name, value in result.items()}
    (bench_stimuli.RESULTS.parent / "engine_live.json").write_text(json.dumps(told, indent=1) + "\n")
    assert len(late_s) >= 48
    assert np.median(late_s) < 0.003 and np.quantile(late_s, 0.95) < 0.020
