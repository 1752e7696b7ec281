"""The engine without an AudioWorklet: the same sound as the model's, and a whole test over plain http.

Each wish is sent at a known frame of an offline context; the engine says from which frame it will be heard, and from
that frame on the model must agree.
"""

from __future__ import annotations

import base64
import math
import sqlite3

import listener as a
import numpy as np
import pytest
from engine_model import render
from playwright.sync_api import Page, expect
from server_guests import Served

RENDER = """async ({count, coded, length, wishes, frames, rate, switching}) => {
  const { BUFFER_ENGINES } = await import("/static/js/engine-buffer.js");
  const sleep = () => new Promise((resolve) => setTimeout(resolve, 60));
  // Coded: left says where it is, right which signal it is of. Else: loud and constant, of opposite signs.
  const signals = Array.from({ length: count }, (_, n) => coded
    ? [(_, i) => i / 2 ** 20 + (n + 1) / 16, () => (n + 1) / 16].map((value) => Float32Array.from({ length }, value))
    : [new Float32Array(length).fill(n % 2 ? -0.9 : 0.9)]);
  const context = new OfflineAudioContext(signals[0].length, frames, rate);
  const engine = new BUFFER_ENGINES[switching](context);
  engine.accept(signals);
  const done = [];
  for (const { at, ...wish } of wishes) {
    void context.suspend(at / rate).then(async () => {
      const soonest = engine.soonest();
      const moves = engine.running && engine.clearOfLoopEnds(soonest) > soonest;
      const place = engine.placeAt(soonest + engine.steps);
      const inside = wish.loop && engine.running && place >= wish.loop[0] * rate && place < wish.loop[1] * rate;
      // Those it would put off, which has no meaning offline, and loops that the worklet takes up without a fade.
      if (!moves && !inside) {
        const begin = engine.send(wish);
        // Where it begins at the loop's start instead of inside a fade, the model is told to do the same.
        const asked = begin !== null && engine.position === engine.loop[0] ? { seek: engine.position / rate } : {};
        done.push([begin ?? at, { ...wish, ...asked }]);
      }
      await sleep();
      void context.resume();
    });
  }
  const buffer = await context.startRendering();
  const text = (bytes) => btoa(bytes.reduce((all, byte) => all + String.fromCharCode(byte), ""));
  return [signals[0].map((_, c) => text(new Uint8Array(buffer.getChannelData(c).buffer))), done];
}"""
LENGTH_S = 1.5


def wishes(seed: int, count: int, rate_hz: int, signals: int) -> list[dict]:
    """A wish every 70 ms or so, on the quanta where an offline context can be stopped."""
    rng = np.random.default_rng(seed)
    made: list[dict] = [{"at": 0, "wanted": 0, "running": True}]
    for number in range(1, count):
        at = (number * round(0.07 * rate_hz) + int(rng.integers(0, 400))) // 128 * 128
        kind = rng.choice(["wanted", "wanted", "seek", "loop", "running"])
        start = float(rng.uniform(0, LENGTH_S - 0.6))
        made.append(
            {"at": at}
            | {
                "wanted": {"wanted": int(rng.integers(signals))},
                "seek": {"seek": float(rng.uniform(0, LENGTH_S))},
                "loop": {"loop": [start, start + float(rng.uniform(0.5, 0.6))]},
                "running": {"running": bool(rng.random() < 0.7)},
            }[kind]
        )
    return made


def heard(
    page: Page, server: Served, asked: list[dict], rate_hz: int, *, count: int, coded: bool, switching: str = "bs1534"
):
    """What it renders, channel by channel, and the wishes that it took with the frames they begin at."""
    if not page.url.startswith(server.url):
        page.goto(f"{server.url}/healthz")
    frames = asked[-1]["at"] + round(0.3 * rate_hz)
    kind = {"count": count, "coded": coded, "length": int(LENGTH_S * rate_hz), "switching": switching}
    found, done = page.evaluate(RENDER, kind | {"wishes": asked, "frames": frames, "rate": rate_hz})
    channels = [np.frombuffer(base64.b64decode(channel), np.float32) for channel in found]
    return channels, [{"at": at} | wish for at, wish in done]


@pytest.mark.parametrize(("rate_hz", "count"), [(44_100, 13), (48_000, 3)])
def test_it_is_the_model_sample_by_sample(page, server, rate_hz, count) -> None:
    """Thirteen stereo signals are as many as a trial can have."""
    found, taken = heard(page, server, wishes(rate_hz, 40, rate_hz, count), rate_hz, count=count, coded=True)
    assert len(taken) > 20 and {key for wish in taken for key in wish} == {"at", "wanted", "running", "seek", "loop"}
    position = np.arange(int(LENGTH_S * rate_hz)) / 2**20
    number = np.arange(1, count + 1)[:, None] / 16
    for channel, signals in zip(found, (position + number, 0 * position + number), strict=True):
        expected = render(signals.astype(np.float32), taken, len(channel), rate_hz)
        assert np.abs(channel - expected).max() < 1e-7
        assert (np.abs(channel) > 0).mean() > 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_no_wish_clicks(page, server, seed) -> None:
    rate_hz = 48_000
    (found,), _ = heard(page, server, wishes(seed, 60, rate_hz, 4), rate_hz, count=4, coded=False)
    assert np.abs(found).max() == pytest.approx(0.9, abs=1e-6)
    assert np.abs(np.diff(found)).max() <= 0.9 * math.pi / (2 * 240) * 1.0001


def test_a_whole_test_over_plain_http_plays_and_is_saved(lab_page: Page, server, data_dir) -> None:
    url = server.url.replace("127.0.0.1", "lab.test")
    first = a.begin(lab_page, url)
    assert not lab_page.evaluate("isSecureContext") and lab_page.evaluate(
        "new AudioContext().audioWorklet === undefined"
    )
    while lab_page.locator("#trial").count():
        a.rate_all(lab_page)
        while lab_page.locator("form[method=post]").count():
            a.fill_in(lab_page)
    expect(lab_page.get_by_role("heading", name="Thank you")).to_be_visible()
    query = """select s.engine, s.fade_mode, min(r.heard_s) from save s join response r on r.save_id = s.id
               join trial t on t.id = s.trial_id where t.token = ? group by s.id"""
    with sqlite3.connect(data_dir / "mushra.sqlite3") as database:
        ((engine, fade_mode, least_s),) = database.execute(query, (first["token"],)).fetchall()
    assert (engine, fade_mode) == ("buffer-source", "bs1534") and 0.02 < least_s < 2


def test_of_many_quick_wishes_the_last_one_wins(lab_page: Page, server) -> None:
    a.begin(lab_page, server.url.replace("127.0.0.1", "lab.test"))
    for key in "1234512345":
        lab_page.keyboard.press(key)
    lab_page.wait_for_timeout(250)
    sounding = lab_page.locator(".hear[aria-pressed=true]")
    assert sounding.get_attribute("aria-label") == "Play sound 5"
    a.rate(lab_page, 5, 0.5)
    assert a.values(lab_page)[4] != "–"
    expect(lab_page.locator(".sound").nth(4)).to_contain_class("heard")
