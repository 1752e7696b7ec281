"""BSS Eval of mono sources as a family: the truth is prepared once, and each number has its own reason."""

from __future__ import annotations

import numpy as np
import pytest
from known_sounds import RATE_HZ, noise, numbers, reasons

from analysis.metrics.bss import sources as mono
from analysis.metrics.truth import Truth

S, V, DRUMS, HISS = (noise(seed, 1) for seed in range(4))
OTHERS = {"vocals": V, "drums": DRUMS}


def test_numbers_are_those_of_the_means_of_all_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, made = mono.References.__init__, []
    monkeypatch.setattr(mono.References, "__init__", lambda *given, **how: made.append(1) or prepared(*given, **how))
    truth = Truth(S, RATE_HZ, OTHERS)
    both = [numbers("sources", truth, S + gain * V + 0.1 * HISS) for gain in (0.3, 0.1)]
    assert len(made) == 1, "both estimates and the mixture share what follows from the truth"
    true = np.stack([sound.mean(axis=1) for sound in (S, V, DRUMS)])
    for measured, gain in zip(both, (0.3, 0.1), strict=True):
        estimates = np.stack([(S + gain * V + 0.1 * HISS).mean(axis=1), *true[1:]])
        wanted = mono.sources(true, estimates)
        for name in ("sdr", "sir", "sar"):
            assert measured[f"sources_{name}_db"] == pytest.approx(getattr(wanted, name)[0], abs=1e-9)
        gained = mono.nsdr(true, estimates, true.sum(axis=0))[0]
        assert measured["nsdr_db"] == pytest.approx(gained, abs=1e-9)


def test_others_that_are_silent_are_said_to_be_silent_and_not_unknown() -> None:
    estimate = S + 0.1 * HISS
    silent = reasons("sources", Truth(S, RATE_HZ, {"vocals": 0 * V}), estimate)
    assert silent == dict.fromkeys(("sources_sir_db", "sources_sar_db", "nsdr_db"), "the other sources are silent here")
    unknown = reasons("sources", Truth(S, RATE_HZ), estimate)
    assert unknown == {
        **dict.fromkeys(("sources_sir_db", "sources_sar_db"), "needs the other true sources of the mixture"),
        "nsdr_db": "needs the mixture",
    }
    alone = reasons("sources", Truth(S, RATE_HZ, mixture=0.5 * S), estimate)
    assert alone["nsdr_db"] == "the mixture is the target alone, but for a filter"


def test_sides_that_cancel_have_a_reason_of_their_own() -> None:
    turned = S[:, :1] * (1, -1)
    assert set(reasons("sources", Truth(S, RATE_HZ, OTHERS), turned).values()) == {
        "the mean of the estimate's channels is silent: left and right are each other's negative"
    }
    assert "the reference's channels" in reasons("sources", Truth(turned, RATE_HZ, OTHERS), S)["sources_sdr_db"]
    mixture = reasons("sources", Truth(S, RATE_HZ, OTHERS, mixture=turned), S + 0.3 * V + 0.1 * HISS)
    assert list(mixture) == ["nsdr_db"] and "the mixture's channels" in mixture["nsdr_db"]
