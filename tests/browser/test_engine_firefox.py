"""The engine once more in Firefox: rendered offline and held against the same model, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from engine_model import random_commands, render
from marionette import Firefox, firefox_path
from test_engine import LENGTH_S, RENDER, WORKLET, coded


@pytest.fixture(scope="module")
def firefox(server) -> Iterator[Firefox]:
    """The installed Firefox, on a page of the server."""
    path = firefox_path()
    if path is None:
        pytest.skip("Firefox not present")
    with Firefox(path) as found:
        found.goto(f"{server.url}/listen/tiny")  # JSON would be shown by a viewer of its own
        yield found


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_the_worklet_is_the_model_sample_by_sample(firefox: Firefox, rate_hz: int) -> None:
    frames, signals = 2 * rate_hz, coded(rate_hz)
    commands = random_commands(rate_hz, 400, frames, 4, LENGTH_S)
    given = {"signals": signals.tolist(), "commands": commands, "frames": frames, "rate": rate_hz, "worklet": WORKLET}
    found = np.array(firefox.evaluate(RENDER, given))
    assert len(commands) > 60 and np.abs(found).max() > 0.1
    assert np.abs(found - render(signals, commands, frames, rate_hz)).max() < 1e-7
