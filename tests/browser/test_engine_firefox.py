"""The engine once more in Firefox: rendered offline and held against the same model, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from engine_model import random_commands, render
from marionette import Firefox, firefox_path
from test_engine import LENGTH_S, coded, heard


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
@pytest.mark.parametrize("processor", ["mushra-engine", "crossfade-engine"])
def test_the_worklet_is_the_model_sample_by_sample(firefox: Firefox, server, rate_hz: int, processor: str) -> None:
    frames, signals = 2 * rate_hz, coded(rate_hz)
    commands = random_commands(rate_hz, 400, frames, 4, LENGTH_S)
    found = heard(firefox, server, signals, commands, frames, rate_hz, processor=processor)
    assert len(commands) > 60 and np.abs(found).max() > 0.1
    expected = render(signals, commands, frames, rate_hz, crossfade=processor == "crossfade-engine")
    assert np.abs(found - expected).max() < 1e-7
