"""The steps: draw, compare, move the weights; now and then validate, and keep the weights that do better.

A run is the same to the bit on the same CPU with the same number of threads, undivided or stopped and taken up: before
each step torch's own draws (dropout) are seeded from the seed and the step.

Conventions: as in ``losses``; a *row* is what a validation found, see ``checkpoint.Progress``.
Defines: ``Loop``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from stimuli.errors import StimuliError
from stimuli.training.average import Average
from stimuli.training.checkpoint import Progress
from stimuli.training.config import Loss, Training
from stimuli.training.losses import Goal, loss
from stimuli.training.mixing import Mixer
from stimuli.training.processes import Processes

NOT_FINITE = "{}: the {} not finite any more; lower optimiser.rate or set optimiser.clip, and start with another --out"
OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Loop:
    """A network, the mean of its weights and its optimiser, and how far they are."""

    def __init__(self, config: Training, module: nn.Module, mixer: Mixer, processes: Processes) -> None:
        self.config, self.mixer, self.processes = config, mixer, processes
        self.module = module.to(processes.device)
        self.average = Average(self.module, config.optimiser.ema)
        self.goal = processes.joined(Goal(self.module, config.loss))
        asked = config.optimiser
        self.optimiser = OPTIMISERS[asked.kind](
            self.module.parameters(), lr=asked.rate, betas=asked.betas, weight_decay=asked.weight_decay
        )
        self.progress, self._looked = Progress(), _clocks()

    def states(self) -> dict[str, Any]:
        """All that a run goes on from, beside its progress."""
        held = {"module": self.module, "average": self.average.module, "optimiser": self.optimiser}
        return {name: one.state_dict() for name, one in held.items()}

    def go_on(self, progress: Progress, states: Mapping[str, Any]) -> None:
        """Take up a run."""
        self.progress = progress
        self.module.load_state_dict(states["module"])
        self.average.module.load_state_dict(states["average"])
        self.optimiser.load_state_dict(states["optimiser"])

    def rows(self, stepped: Callable[[], object]) -> Iterator[bool]:
        """Run to the end. Yields after each validation whether it was the best one, after each checkpoint's step False.

        What is done with a row counts as time of the run.

        ``stepped`` is called after every step.
        """
        progress, asked = self.progress, self.config.optimiser
        self._looked = _clocks()
        if not progress.curve:
            yield self._validated()
        while not self._finished():
            progress.losses.append(self._step())
            progress.step += 1
            self.average.update(self.module, progress.step)
            stepped()
            last = progress.step == asked.steps
            if progress.step % asked.validate_every == 0 or last:
                yield self._validated()
            elif progress.step % asked.checkpoint_every == 0:
                yield False

    def why_finished(self) -> str:
        """In words; empty where the run is to go on. Time is looked at after a validation."""
        progress, asked = self.progress, self.config.optimiser
        if progress.step >= asked.steps:
            return f"{progress.step} steps are done"
        if progress.losses:
            return ""
        if asked.minutes and progress.spent_s >= 60 * asked.minutes:
            return f"{asked.minutes:g} minutes are over"
        if asked.early_stop and progress.stale >= asked.early_stop:
            return f"{progress.stale} validations without a better one"
        return ""

    def _finished(self) -> bool:
        self.clocked()
        return self.processes.from_first(bool(self.why_finished()))

    def clocked(self) -> None:
        """Add the time since the last look to the run's."""
        before, self._looked = self._looked, _clocks()
        self.progress.spent_s += self._looked[0] - before[0]
        self.progress.cpu_s += self._looked[1] - before[1]

    def _step(self) -> float:
        """Move the weights by one batch; its loss."""
        asked, rank = self.config.optimiser, self.processes.rank
        torch.manual_seed(_own_seed(self.config.seed, self.progress.step, rank))
        batch = self.mixer.batch(self.progress.step, rank * asked.batch, asked.batch)
        mixtures, sources = (torch.from_numpy(part).to(self.processes.device) for part in batch)
        self.goal.train()
        self.optimiser.zero_grad(set_to_none=True)
        found = self.goal(mixtures, sources)
        found.backward()
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), asked.clip or math.inf)
        if not (math.isfinite(found.item()) and math.isfinite(norm.item())):
            raise StimuliError(NOT_FINITE.format(f"step {self.progress.step + 1}", "loss or its gradient is"))
        self.optimiser.step()
        return found.item()

    def _validated(self) -> bool:
        """Validate, add a row, and bring the rate down where nothing gets better; whether it was the best one.

        One between the others, where a run ends, decides nothing of what follows: a longer run goes on as if it had
        not been, and its row stays only as long as its weights are the best.
        """
        progress = self.progress
        found, ratio_db = self.processes.from_first(self._heard() if self.processes.first else (0.0, 0.0))
        if not math.isfinite(found):
            raise StimuliError(NOT_FINITE.format(f"validation after step {progress.step}", "loss is"))
        mean = math.fsum(progress.losses) / len(progress.losses) if progress.losses else None
        row = [progress.step, mean, found, ratio_db, self.optimiser.param_groups[0]["lr"]]
        better = found < progress.best
        progress.best = found if better else progress.best
        every = self.config.optimiser.validate_every
        progress.curve = [one for one in progress.curve if (one[0] or 0) % every == 0 or one[2] == progress.best] + [
            row
        ]
        if progress.step % every == 0:
            self._took_turn(better)
        self.clocked()
        return better and progress.step > 0

    def _took_turn(self, better: bool) -> None:
        """Count the validations without a better one; the rate is halved after so many."""
        progress, asked = self.progress, self.config.optimiser
        progress.losses.clear()
        progress.stale = 0 if better else progress.stale + 1
        progress.stale_at_rate = 0 if better else progress.stale_at_rate + 1
        if asked.halve_after and progress.stale_at_rate >= asked.halve_after:
            progress.stale_at_rate = 0
            for group in self.optimiser.param_groups:
                group["lr"] = max(group["lr"] / 2, min(asked.least_rate, group["lr"]))

    def _heard(self) -> tuple[float, float]:
        """Loss and SI-SDR (dB) of the mean weights over the examples of validation."""
        found, ratios = [], []
        goal = Goal(self.average.module, self.config.loss)
        plain = Loss(si_sdr=1.0, permutation_invariant=self.config.loss.permutation_invariant)
        with torch.inference_mode():
            for mixture, sources in self.mixer.validation():
                truth = torch.from_numpy(sources[None]).to(self.processes.device)
                heard = torch.from_numpy(mixture[None]).to(self.processes.device)
                estimate = self.average.module(heard)
                found.append(goal.compared(heard, truth, estimate).item())
                ratios.append(-loss(plain, estimate, truth).item())
        return math.fsum(found) / len(found), math.fsum(ratios) / len(ratios)


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _own_seed(*numbers: int) -> int:
    """32 bits, which are all that torch's generator of a CPU reads, out of the run's seed, a step and a process."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
