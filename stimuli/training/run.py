"""A whole run: open the songs, build the network, take up what is there, train, write, say what to paste.

Defines: ``run``, ``network``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from stimuli.errors import StimuliError
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.training import checkpoint, mixing
from stimuli.training.config import Training
from stimuli.training.folder import RunFolder
from stimuli.training.loop import Loop
from stimuli.training.processes import together


def run(config: Training, folder: Path, out: Path, echo: Callable[[str], None], *, progress: bool = True) -> Loop:
    """Train, or go on training, and write everything into ``out``; ``folder`` is where the configuration lies.

    Raises
    ------
    StimuliError
        Where songs, network, device or a checkpoint that is there can't be used, or the loss is not finite any more.
    """
    torch.set_num_threads(config.optimiser.threads)
    mixer = mixing.mixer(config, folder)
    with together(config.device) as processes:
        # As JSON has it: what is read back is held against it.
        meant = {
            "config": config.model_dump(mode="json") | {"processes": processes.count},
            "data": mixer.told(),
        }
        loop = Loop(config, network(config), mixer, processes)
        kept = RunFolder(out, config, meant)
        with kept.held() if processes.first else nullcontext():
            if found := processes.from_first(checkpoint.restore(out / checkpoint.FILE_NAME, meant)):
                _take_up(loop, *found, out / checkpoint.FILE_NAME)
            written = _Written(loop, kept, meant) if processes.first else None
            if found and written:
                echo(f"goes on after step {loop.progress.step}, which {out / checkpoint.FILE_NAME} holds")
            _train(loop, written, echo if progress and processes.first else None)
            if written:
                written.close(echo)
    return loop


def network(config: Training) -> nn.Module:
    """The untrained network, the same for the same seed.

    Raises
    ------
    StimuliError
        Where its parameters don't fit, or it answers with another shape than it should.
    """
    module, _, function = ARCHITECTURES[config.architecture].partition(":")
    torch.manual_seed(config.seed)
    try:
        made = getattr(importlib.import_module(module), function)(config.sources, config.channels, **config.parameters)
    except (TypeError, ValueError, KeyError) as error:
        raise StimuliError(f"architecture {config.architecture!r}: its parameters don't fit: {error}") from None
    except (RuntimeError, MemoryError, OverflowError) as error:
        reason = (str(error).strip() or "no memory").splitlines()[0]
        raise StimuliError(
            f"architecture {config.architecture!r}: can't be built: {reason}; make its parameters smaller"
        ) from None
    if config.loss.own and not hasattr(made, "loss"):
        raise StimuliError(
            f"loss: own has a weight, and {config.architecture!r} has no loss of its own; give another term one"
        )
    _tried(made, config)
    return made


def _tried(made: nn.Module, config: Training) -> None:
    """Have it answer one silent example, of whose shape it makes its estimates."""
    expected = (1, len(config.sources), config.channels, config.frames)
    try:
        with torch.no_grad():
            found = tuple(made.eval()(torch.zeros(1, config.channels, config.frames)).shape)
    except (RuntimeError, MemoryError) as error:
        reason = (str(error).strip() or "no memory").splitlines()[0]
        raise StimuliError(
            f"architecture {config.architecture!r}: can't hear data.segment_s = {config.data.segment_s:g}: {reason}; "
            "shorten it, or make parameters smaller"
        ) from None
    if found != expected:
        raise StimuliError(
            f"architecture {config.architecture!r}: answers with the shape {found}, expected {expected} "
            "(batch, sources, channels, frames); correct the architecture"
        )
    made.train()


def _take_up(loop: Loop, progress: checkpoint.Progress, states: dict[str, Any], path: Path) -> None:
    try:
        loop.go_on(progress, states)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StimuliError(
            f"{path}: is of another network than {loop.config.architecture!r} is now ({reason}); "
            "give this run another --out, or train it with the version that its training.json names"
        ) from None


def _train(loop: Loop, written: _Written | None, echo: Callable[[str], None] | None) -> None:
    """All steps, with a bar on a terminal, with lines elsewhere, or with nothing shown (no ``echo``).

    What a validation found goes to the disk before the next step.
    """
    steps, done = loop.config.optimiser.steps, loop.progress.step
    with tqdm(total=steps, initial=done, desc="training", unit="step", disable=None if echo else True) as bar:
        for better in loop.rows(bar.update):
            if written:
                written.keep(better)
            last = loop.progress.curve[-1]
            told = f"validation {last[2]:.3f}, SI-SDR {last[3]:.2f} dB"
            bar.set_postfix_str(told, refresh=False)
            if echo and bar.disable and last[0] == loop.progress.step:
                echo(f"step {last[0]} of {steps}: {told}")


class _Written:
    """The first process' hand on the folder."""

    def __init__(self, loop: Loop, folder: RunFolder, meant: dict[str, object]) -> None:
        self.loop, self.folder, self.meant = loop, folder, meant

    def keep(self, better: bool) -> None:
        """The weights where they are the best yet, the curve, then the checkpoint, which is what counts."""
        progress = self.loop.progress
        if better:
            progress.weights_sha256 = self.folder.keep_weights(self.loop.average.module.state_dict())
        if not progress.losses:  # a validation has just been
            self._record()
        self.loop.clocked()
        checkpoint.save(self.folder.path / checkpoint.FILE_NAME, self.meant, progress, self.loop.states())

    def close(self, echo: Callable[[str], None]) -> None:
        """Say how it ended, and what to paste."""
        progress, path = self.loop.progress, self.folder.path
        self._record()
        echo(f"{self.loop.why_finished()}; best validation loss {progress.best:.4f}; the curve: {path / 'curve.svg'}")
        if progress.weights_sha256:
            echo(f"for an experiment file ({path / 'system.toml'}):\n\n{self.folder.entry(progress.weights_sha256)}")
        else:
            echo("no validation was better than the untrained network, so no weights were written: train longer")

    def _record(self) -> None:
        self.folder.record(self.loop.progress, self.loop.why_finished())
