"""The engine once more, in Python: the same rules, written apart, to hold the worklet against sample by sample.

Commands are dictionaries as the worklet takes them, each with ``at`` (the frame it applies from). Here every signal has
a phase of its own beside the phase of the whole: in a cross-fade one signal's phase rises while all others' fall, and
nothing else is wished until all have come to an end.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


def render(
    signals: np.ndarray,
    commands: list[dict],
    frames: int,
    rate_hz: int,
    seen: Counter[tuple[str, str]] | None = None,
    *,
    crossfade: bool = False,
) -> np.ndarray:
    """What a listener would hear: ``signals`` (count, length) in, ``frames`` samples out.

    ``seen`` counts in which state of the engine each kind of command came.
    """
    signals = signals.astype(float)  # or numpy would stay in single precision, and round as the browser does
    rising = False
    own = [0] * len(signals)
    steps = math.ceil(0.005 * rate_hz)
    shortest = math.ceil(0.5 * rate_hz)
    length = signals.shape[1]
    waiting = sorted(commands, key=lambda command: command["at"])
    position = current = wanted = phase = loop_start = 0
    loop_end, seek, running = length, None, False
    heard = np.zeros(frames)
    for frame in range(frames):
        while waiting and waiting[0]["at"] <= frame:
            command = waiting.pop(0)
            if seen is not None:
                state = "silent" if phase == 0 else "full" if phase == steps else "rising" if rising else "falling"
                if state == "full" and any(0 < one < steps for one in own):
                    state = "crossing"
                seen[state, _kind(command)] += 1
            wanted = command.get("wanted", wanted)
            running = command.get("running", running)
            if "loop" in command:
                loop_start = min(max(_round(command["loop"][0] * rate_hz), 0), length - shortest)
                loop_end = min(max(_round(command["loop"][1] * rate_hz), loop_start + shortest), length)
            if "seek" in command:
                seek = min(max(_round(command["seek"] * rate_hz), loop_start), loop_end - 1)
        if phase == 0:
            if seek is not None:
                position, seek = seek, None
            if not loop_start <= position < loop_end:
                position = loop_start
            current = wanted
            own = [steps if signal == current else 0 for signal in range(len(signals))]
            if not running:
                continue
            phase, rising = (1 if position < loop_end - 1 else 0), True
        else:
            if crossfade and all(one in (0, steps) for one in own):
                current = wanted
            out = wanted != current and not crossfade
            if out or not running or seek is not None or not loop_start <= position < loop_end - phase:
                phase, rising = phase - 1, False
            else:
                phase, rising = min(phase + 1, steps), True
            own = [min(one + 1, steps) if k == current else max(one - 1, 0) for k, one in enumerate(own)]
        mixed = sum(_raised(one, steps) * signals[k, position] for k, one in enumerate(own) if one)
        heard[frame] = _raised(phase, steps) * mixed
        position += 1
    return heard


def random_commands(seed: int, count: int, frames: int, signals: int, length_s: float) -> list[dict]:
    """Switches, seeks, loops, stops and starts at random frames, many of them within one another's fades."""
    rng = np.random.default_rng(seed)
    commands: list[dict] = [{"at": 0, "wanted": 0, "running": True}]
    at = 0
    for _ in range(count):
        at += int(rng.choice([1, 30, 100, 240, 360, 360, 700, 2000]) * rng.uniform(0.5, 1.5)) + 1
        if at >= frames:
            break
        kind = rng.choice(["wanted", "wanted", "seek", "loop", "running"])
        if kind == "wanted":
            commands.append({"at": at, "wanted": int(rng.integers(signals))})
        elif kind == "seek":
            commands.append({"at": at, "seek": float(rng.uniform(0, length_s))})
        elif kind == "loop":
            start, end = sorted(rng.uniform(0, length_s, 2))
            commands.append({"at": at, "loop": [float(start), float(end)]})
        else:
            commands.append({"at": at, "running": bool(rng.random() < 0.55)})
    return commands


def _raised(phase: int, steps: int) -> float:
    """Raised cosine: 0 at phase 0, 1 at phase ``steps``."""
    return 0.5 * (1 - math.cos(math.pi * phase / steps))


def _kind(command: dict) -> str:
    """``wanted``, ``seek``, ``loop``, ``start`` or ``stop``."""
    if "running" in command:
        return "start" if command["running"] else "stop"
    return next(kind for kind in ("wanted", "seek", "loop") if kind in command)


def _round(value: float) -> int:
    """As JavaScript rounds: halves upward."""
    return math.floor(value + 0.5)
