"""What is said of a clip in words and numbers: the short list under its pictures, and all the rest of its record.

Conventions: loudness in LUFS, ranges in LU, peaks in dBTP, gains in dB, lags in ms and samples, late positive; a dash
where the manifest has nothing, as in sets of the first release. A minus is a minus sign, not a hyphen.
Defines: ``Fact``, ``facts``, ``record``, ``number``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stimuli.experiment import REFERENCE
from stimuli.manifest import Clip, Response

DASH = "–"
RULES = {
    "Loudness": ("loudness-in-item", "reference-loudness"),
    "True peak": ("true-peak",),
    "Gain": ("shared-gain",),
    "Lag": ("lag", "anchor-lag"),
    "In samples": ("lag", "anchor-lag"),
    "Polarity": ("polarity",),
    "Gain error": ("gain-error",),
    "Response": ("anchor-response",),
}
"""The rules that judge a line of the list: the line is marked where one of them is broken."""


@dataclass(frozen=True)
class Fact:
    """One line: what, how much, and the severity of the broken rule that is about it ("" where none is)."""

    name: str
    value: str
    severity: str = ""


def facts(clip: Clip, broken: Mapping[str, str]) -> tuple[Fact, ...]:
    """The short list; ``broken`` are the rules that this clip breaks and their severities."""

    def severity(name: str) -> str:
        return next((broken[rule] for rule in RULES.get(name, ()) if rule in broken), "")

    return tuple(Fact(name, value, severity(name)) for name, value in _short(clip))


def record(clip: Clip) -> tuple[Fact, ...]:
    """Everything else that the manifest holds of a clip: how it was made, and what was measured besides."""
    made = clip.provenance
    parameters = json.dumps(made.parameters, ensure_ascii=False, sort_keys=True) if made.parameters else DASH
    seconds = DASH if made.seconds is None else f"{number(made.seconds, 1)} s on {made.device}"
    factor = DASH if made.real_time_factor is None else f"{number(made.real_time_factor, 2)} × real time"
    lines = [
        ("Kind", made.kind),
        ("Version", made.version or DASH),
        ("Parameters", parameters),
        ("Took", seconds if made.real_time_factor is None else f"{seconds}, {factor}"),
        ("Input", _unit(made.input_lufs, "LUFS")),
        *((f"Weights {name}", digest) for name, digest in sorted(made.weights_sha256.items())),
        *((("Meant for", made.meant_for),) if made.meant_for else ()),
        ("Before gain", _unit(clip.lufs_before, "LUFS")),
        ("Sample peak", _unit(clip.sample_peak_dbfs, "dBFS")),
        *_blemishes(clip),
        *_likeness(clip),
        ("Format", f"{clip.rate_hz} Hz, {clip.frames} frames, {_channels(clip.channels)}"),
        ("File", clip.file),
        ("Samples", clip.samples_sha256),
    ]
    return tuple(Fact(name, value) for name, value in lines)


def number(value: float | None, digits: int, sign: str = "") -> str:
    """A number as it is printed; ``sign="+"`` shows it on gains and lags. Silence has a loudness of −∞."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    rounded = round(value, digits)
    # What rounds to nothing has no sign.
    return f"{rounded:{sign}.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def _short(clip: Clip) -> Iterator[tuple[str, str]]:
    found = clip.facts
    like = found.resemblance if found else None
    yield "Loudness", _unit(clip.lufs_after, "LUFS")
    yield "Momentary", _unit(found.momentary_lufs if found else None, "LUFS")
    yield "Short-term", _unit(found.short_term_lufs if found else None, "LUFS")
    yield "Range", _unit(found.range_lu if found else None, "LU")
    yield "True peak", _unit(clip.true_peak_dbtp, "dBTP")
    yield "Gain", _unit(clip.gain_db, "dB", 2, "+")
    if clip.condition == REFERENCE:
        return
    lag_s = clip.lag_s
    yield "Lag", "can’t be told" if lag_s is None else _unit(lag_s * 1000, "ms", 2, "+")
    yield "In samples", DASH if lag_s is None else number(lag_s * clip.rate_hz, 1, "+")
    yield "Polarity", DASH if clip.lag_s is None else "inverted" if clip.polarity < 0 else "upright"
    yield "Gain error", _unit(like.gain_error_db if like else None, "dB", 2, "+")
    if found and found.response:
        yield "Response", _response(found.response)


def _response(found: Response) -> str:
    at, beyond = (f"{found.cutoff_hz * share / 7000:.3g}\N{NO-BREAK SPACE}kHz" for share in (8, 9))
    return (
        f"ripple {_unit(found.ripple_db, 'dB', 2)}, {_unit(found.at_8_7_db, 'dB')} at {at}, "
        f"{_unit(found.from_9_7_db, 'dB')} from {beyond}"
    )


def _blemishes(clip: Clip) -> Iterator[tuple[str, str]]:
    if clip.facts:
        yield "Offset (DC)", f"{clip.facts.dc:.1g} of full scale"
        yield "Step at ends", f"{clip.facts.end_step:.1g} of full scale"
        yield "Clipped", f"{clip.facts.clipped} samples"
        yield "Drop-outs", f"{number(clip.facts.dropout_s, 1)} s"


def _likeness(clip: Clip) -> Iterator[tuple[str, str]]:
    like = clip.facts.resemblance if clip.facts else None
    if like:
        yield "Correlation", number(like.correlation, 3)
        yield "Left − right", f"{_unit(like.side_db, 'dB')} (reference {_unit(like.reference_side_db, 'dB')})"
        yield "Closer to", like.closer_to or "its target"
        yield "Copy of", like.copy_of or "nothing"


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _unit(value: float | None, unit: str, digits: int = 1, sign: str = "") -> str:
    told = number(value, digits, sign)
    return told if told == DASH else f"{told}\N{NO-BREAK SPACE}{unit}"
