"""The page's gain behind both engines: nothing at 0 dB, bit by bit, and as many dB as are asked below it.

Sounds are noise, so that no sample is special. A page on plain http has the engine out of one buffer.
"""

from __future__ import annotations

import base64

import numpy as np
import pytest
from playwright.sync_api import Page
from server_guests import Served

RATE_HZ, FRAMES = 48_000, 48_000
FLOATS = """
  const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
  const join = (all, byte) => all + String.fromCharCode(byte);
  const text = (floats) => btoa(new Uint8Array(floats.buffer).reduce(join, ""));
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
"""
RENDER = f"""async ({{ signals, switching, frames, rate, db }}) => {{{FLOATS}
  const {{ openEngine }} = await import("/static/js/engine.js");
  const context = new OfflineAudioContext(2, frames, rate);
  const engine = await openEngine(context, "/static/js/engine-worklet.js", switching);
  engine.accept(signals.map((channels) => channels.map(floats)));
  engine.gainDb = db;
  engine.player.send({{ wanted: 1, running: true }});
  await sleep(200);
  const heard = await context.startRendering();
  return [engine.name, engine.fadeMode, [0, 1].map((c) => text(heard.getChannelData(c)))];
}}"""
PLAY = f"""async ({{ signals, rate, db }}) => {{{FLOATS}
  const {{ openContext, openEngine }} = await import("/static/js/engine.js");
  const engine = await openEngine(openContext(rate), "/static/js/engine-worklet.js");
  const scope = new AnalyserNode(engine.context, {{ fftSize: 8192 }});
  engine.output.connect(scope);
  engine.accept(signals.map((channels) => channels.map(floats)));
  engine.gainDb = db;
  engine.send({{ wanted: 1, running: true }});
  const until = engine.context.currentTime + 0.5;
  while (engine.context.currentTime < until) await sleep(20);
  const heard = new Float32Array(scope.fftSize);
  scope.getFloatTimeDomainData(heard);
  const {{ name, fadeMode }} = engine;
  await engine.close();
  return [name, fadeMode, [text(heard)]];
}}"""
ENGINES = [("page", "audioworklet"), ("lab_page", "buffer-source")]


@pytest.fixture
def noise() -> np.ndarray:
    """Two signals of two channels, up to full scale."""
    return np.random.default_rng(1534).uniform(-1, 1, (2, 2, FRAMES)).astype(np.float32)


def on(request: pytest.FixtureRequest, server: Served, guest: str) -> Page:
    """A page of the server's, secure or not."""
    page: Page = request.getfixturevalue(guest)
    page.goto(f"{server.url if guest == 'page' else server.url.replace('127.0.0.1', 'lab.test')}/healthz")
    return page


def heard(page: Page, code: str, signals: np.ndarray, **settings: object) -> tuple[str, str, np.ndarray]:
    """Name and way of switching of the engine, and channels of what came out behind its gain."""
    sent = [[base64.b64encode(channel.tobytes()).decode() for channel in signal] for signal in signals]
    name, mode, found = page.evaluate(code, settings | {"signals": sent, "rate": RATE_HZ})
    return name, mode, np.stack([np.frombuffer(base64.b64decode(channel), np.float32) for channel in found])


def full_level(channels: np.ndarray, name: str) -> np.ndarray:
    """A stretch between the fade-in and the loop's end; the buffer begins 30 ms later."""
    begin = 0 if name == "audioworklet" else round(0.03 * RATE_HZ)
    return channels[:, begin + 1_000 : begin + 40_000]


@pytest.mark.parametrize("switching", ["bs1534", "crossfade"])
@pytest.mark.parametrize(("guest", "engine"), ENGINES)
def test_at_no_gain_every_sample_passes_bit_by_bit(request, server, noise, guest, engine, switching) -> None:
    """Above 0 dB too: sounds have their headroom, and no page may take it."""
    page = on(request, server, guest)
    for db in (0, 3):
        name, mode, found = heard(page, RENDER, noise, switching=switching, frames=FRAMES, db=db)
        assert (name, mode) == (engine, switching)
        assert (full_level(found, name) == noise[1][:, 1_000:40_000]).all()


@pytest.mark.parametrize(("guest", "engine"), ENGINES)
def test_below_it_is_as_many_decibels(request, server, noise, guest, engine) -> None:
    page = on(request, server, guest)
    name, _, found = heard(page, RENDER, noise, switching="bs1534", frames=FRAMES, db=-6.5)
    assert name == engine
    assert np.abs(full_level(found, name) - noise[1][:, 1_000:40_000] * 10 ** (-6.5 / 20)).max() < 1e-7


@pytest.mark.parametrize(("guest", "engine"), ENGINES)
@pytest.mark.parametrize("db", [0, -20])
def test_so_it_is_live(request, server, guest, engine, db) -> None:
    """Both channels are the same, as an analyser hears their mean; each sample says where it is."""
    page = on(request, server, guest)
    coded = (np.arange(3 * RATE_HZ) / 2**20 + 1 / 16).astype(np.float32)
    name, mode, (found,) = heard(page, PLAY, np.broadcast_to(coded, (2, 2, len(coded))), db=db)
    gain = np.float32(10 ** (db / 20))
    first = round((found[0] / gain - 1 / 16) * 2**20)
    assert (name, mode) == (engine, "bs1534") and 240 < first < 2 * RATE_HZ
    assert (found == coded[first : first + len(found)] * gain).all()
