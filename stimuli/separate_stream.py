"""One system on one sound file, fed block by block as it would be while it is played: ``mushra separate --stream``.

The file is measured first, so that the system hears it at the level at which it would hear it whole, and what comes out
is the same. Estimates are written as they come: memory does not grow with the song. Every file is whole or not there.

Defines: ``separate_stream``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from stimuli import audio, loudness
from stimuli.errors import SoundError, StimuliError
from stimuli.render import facts_of
from stimuli.separate import Echo, Task
from stimuli.separators import Sound, SourceStream, run


def separate_stream(task: Task, block: int, echo: Echo = lambda _: None) -> list[Path]:
    """Stream a file through a system and write what it gives; ``provenance.json`` tells delay and speed.

    Parameters
    ----------
    block : frames that the system gets at a time.
    echo : called with each line that a person should read.

    Raises
    ------
    StimuliError
        Where the system can't stream or run, does not give a target, or the mixture can't be used.
    """
    who = f"system {task.entry.name!r}"
    if (stream := getattr(task.runs, "stream", None)) is None:
        raise StimuliError(f"{who}: it hears a song as a whole and can't stream; leave out --stream")
    paths = task.paths()
    run.check_targets(task.runs, who, (), list(paths))
    form = audio.form(task.mixture)
    who = f"{who} on {task.mixture.stem!r}"
    source: SourceStream = run.said(who, lambda: stream(form.rate_hz, form.channels))
    gain = _gain(task.mixture, form)
    echo(task.describe(form) + f", {block} frames at a time")
    fed = _Fed(source, gain, who)
    with task.writing():
        _write(task, paths, fed, form, block)
        facts = facts_of(task.entry, task.runs, fed.seconds, form.frames / form.rate_hz)
        echo(task.record(facts, list(paths.values()), {"stream": fed.told(block, form.rate_hz)}))
    delay_ms, block_ms = (1000 * frames / form.rate_hz for frames in (source.latency_frames, block))
    echo(f"delay {delay_ms:.1f} ms, and blocks of {block_ms:.1f} ms")
    task.tell_silent([target for target in paths if target not in fed.heard], not fed.mixture_heard, facts, echo)
    return list(paths.values())


def _write(task: Task, paths: Mapping[str, Path], fed: _Fed, form: audio.Format, block: int) -> None:
    """Every estimate as it comes; an earlier result is gone only when all of this one is there."""
    with ExitStack() as files:
        writers = {
            target: files.enter_context(audio.rendering(path, form.rate_hz, form.channels))
            for target, path in paths.items()
        }
        for estimates in fed.through(task.mixture, block):
            for target, write in writers.items():
                write(estimates[target])
        task.forget()


def _gain(mixture: Path, form: audio.Format) -> np.float32:
    """The factor that brings the file to the level at which every system hears it; reads it once."""
    blocks = audio.blocks(mixture, loudness.block_frames(form.rate_hz))
    energy = None
    if form.frames >= loudness.SHORTEST_S * form.rate_hz:
        energy = loudness.energy_of(blocks, form.frames, form.channels, form.rate_hz)
    for _ in blocks:  # what was not measured is looked at all the same: NaN is found before anything is written
        pass
    return np.float32(10 ** (loudness.gain_to_level(energy, run.INPUT_LUFS) / 20))


class _Fed:
    """A stream that is fed a file at a gain, which is undone; with the time that it took, and how late it was."""

    def __init__(self, stream: SourceStream, gain: np.float32, who: str) -> None:
        self.stream, self.gain, self.who = stream, gain, who
        self.heard: set[str] = set()
        self.mixture_heard = False
        self.seconds = self.slowest_s = 0.0
        self.frames_in = self.frames_out = self.latest = 0

    def through(self, mixture: Path, block: int) -> Iterator[dict[str, Sound]]:
        """Estimates at the song's own level, as they come."""
        for sound in audio.blocks(mixture, block):
            self.frames_in += len(sound)
            self.mixture_heard = self.mixture_heard or bool(sound.any())
            yield self._timed(lambda sound=sound: self.stream.push(sound * self.gain))
        yield self._timed(self.stream.finish)

    def _timed(self, step: Callable[[], Mapping[str, Sound]]) -> dict[str, Sound]:
        began = time.perf_counter()
        found = run.said(self.who, step)
        taken_s = time.perf_counter() - began
        self.seconds, self.slowest_s = self.seconds + taken_s, max(self.slowest_s, taken_s)
        if count := len(next(iter(found.values()))):
            self.latest = max(self.latest, self.frames_in - self.frames_out)
            self.frames_out += count
        if not all(np.isfinite(sound).all() for sound in found.values()):
            raise SoundError(f"{self.who}: it returned NaN or infinity")
        self.heard.update(name for name, sound in found.items() if sound.any())
        return {name: (sound / self.gain).astype(np.float32) for name, sound in found.items()}

    def told(self, block: int, rate_hz: int) -> dict[str, Any]:
        """For the record: delay as computed, and as it was with these blocks (from a frame to its estimate)."""
        latency, latest = self.stream.latency_frames, self.latest
        return {
            "block_frames": block,
            "latency_frames": latency,
            "latency_ms": round(1000 * latency / rate_hz, 3),
            "latency_with_blocks_frames": latest,
            "latency_with_blocks_ms": round(1000 * latest / rate_hz, 3),
            "slowest_block_ms": round(1000 * self.slowest_s, 3),
        }
