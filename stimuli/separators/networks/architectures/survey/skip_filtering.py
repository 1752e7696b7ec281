"""Skip-filtering with recurrent inference (Mimilakis et al. 2018, arXiv:1711.01437), the masker of MaD.

44.1 kHz mono; a symmetric Hamming window of 2049 samples in a transform of 4096, hop 384. Sequences of 60 frames, of
which the 10 at each end are context. Two recurrent cells, forward and backward, hear the lowest 744 bins; a third is
applied to what they found again and again, ten times at most, until it hardly changes; from the last answer comes the
mask, and from the masked magnitudes a second one, which takes noise away. Each hidden state holds its input as well.

As in the published code, step t of the backward cell, which has heard frame T - 1 - t, is joined to step t of the
forward cell: weights that were trained so need it so. Other than there, the end of a sound is padded instead of
dropped, and each sequence stops by itself, so that what it becomes doesn't hang on what lies beside it in a batch.

In evaluation the phase is the mixture's after ``griffin_lim`` rounds (Griffin and Lim 1984); in training it is the
mixture's. Its own loss is the generalised Kullback-Leibler divergence of the true magnitudes from the estimate, of the
first mask as well while both are large, and 1e-4 times the last layer's squared weights (the published code has a
sparsity term besides, which has no slope). Unverified: what MaD TwinNet adds in training is not here.

Names in the state dict: ``nets.<source>.`` and the published ones: ``encoder``, ``decoder``, ``sp_decoder`` and
``source_enhancement`` were saved in four files, to be joined under these names. Defines: ``skip_filtering``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from stimuli.separators.networks.architectures.survey.masking import EPSILON, PerSource
from stimuli.separators.networks.transform import Transform

STILL = 1e-3
MASK_HELPED_ABOVE, ALL_HELPED_ABOVE = 1.5, 0.25
WEIGHT_DECAY = 1e-4
INSIDE_LOGARITHM = 1e-6


def skip_filtering(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 2049,
    size: int = 4096,
    hop: int = 384,
    low: int = 744,
    length: int = 60,
    context: int = 10,
    iterations: int = 10,
    griffin_lim: int = 10,
) -> nn.Module:
    """A net for each source; channels are heard one by one.

    Parameters
    ----------
    window, size, hop : of the transform, in samples: the window, the transform that it lies in, and the hop.
    low : bins, from 0 Hz up, that the recurrent cells hear.
    length, context : frames of a sequence, and of the context at each of its ends.
    iterations : how often the third cell hears itself at most.
    griffin_lim : rounds on the phase in evaluation; 0 for the mixture's.

    Raises
    ------
    ValueError
        For sizes out of their range.
    """
    bins = size // 2 + 1
    if not 0 < low <= bins or not 0 <= 2 * context < length or iterations < 0 or griffin_lim < 0:
        raise ValueError(
            f"low is at most {bins}, length more than twice context, iterations and griffin_lim 0 or more; "
            f"found {low}, {length}, {context}, {iterations} and {griffin_lim}"
        )
    transform = Transform(size, hop, "hamming", support=window)
    nets = {source: _Masker(_Sizes(bins, low, context, iterations)) for source in sources}
    return _SkipFiltering(transform, nets, length, context, griffin_lim)


@dataclass(frozen=True)
class _Sizes:
    bins: int
    low: int
    context: int
    iterations: int


class _Masker(nn.Module):
    """Sequences of magnitudes (sequences, length, bins) to two masks (sequences, length - 2 context, bins)."""

    def __init__(self, sizes: _Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        bins, low = sizes.bins, sizes.low
        self.encoder = nn.ModuleDict({"gruEncF": nn.GRUCell(low, low), "gruEncB": nn.GRUCell(low, low)})
        self.decoder = nn.ModuleDict({"gruDec": nn.GRUCell(2 * low, 2 * low)})
        self.sp_decoder = nn.ModuleDict({"ffDec": nn.Linear(2 * low, bins)})
        self.source_enhancement = nn.ModuleDict(
            {"ffSe_enc": nn.Linear(bins, bins // 2), "ffSe_dec": nn.Linear(bins // 2, bins)}
        )
        for name, values in self.named_parameters():
            start = nn.init.zeros_ if "bias" in name else nn.init.xavier_normal_
            (nn.init.orthogonal_ if "weight_hh" in name else start)(values)

    def forward(self, magnitudes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The first mask, and both together."""
        inner = magnitudes[:, self.sizes.context : magnitudes.shape[1] - self.sizes.context]
        mask = self.sp_decoder["ffDec"](self._settled(self._heard(magnitudes))).relu()
        cleaner = self.source_enhancement["ffSe_dec"](self.source_enhancement["ffSe_enc"](mask * inner).relu()).relu()
        return mask, cleaner * mask

    def _heard(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """(sequences, length - 2 context, 2 low): the backward states in the order in which they were made."""
        low = magnitudes[..., : self.sizes.low]
        forward = _run(self.encoder["gruEncF"], low, residual=1.0)
        backward = _run(self.encoder["gruEncB"], low.flip(1), residual=1.0)
        both = torch.cat([forward, backward], dim=2)
        return both[:, self.sizes.context : both.shape[1] - self.sizes.context]

    def _settled(self, heard: torch.Tensor) -> torch.Tensor:
        """The decoder's answer to its own answers, until it moves no more or has heard itself often enough."""
        cell = self.decoder["gruDec"]
        answer = _run(cell, heard)
        settled = torch.zeros(len(heard), 1, 1, dtype=torch.bool, device=heard.device)
        for _ in range(self.sizes.iterations):
            again = _run(cell, answer)
            still = (again - answer).square().mean(dim=(1, 2), keepdim=True) < STILL
            answer = torch.where(settled, answer, again)
            settled = settled | still
            if settled.all():
                break
        return answer


def _run(cell: nn.Module, inputs: torch.Tensor, residual: float = 0.0) -> torch.Tensor:
    """A cell's states (sequences, times, units); with ``residual`` each holds that much of its input."""
    state, states = None, []
    for heard in inputs.unbind(1):
        state = cell(heard, state) + residual * heard
        states.append(state)
    return torch.stack(states, dim=1)


class _SkipFiltering(PerSource):
    def __init__(
        self, transform: Transform, nets: Mapping[str, nn.Module], length: int, context: int, griffin_lim: int
    ) -> None:
        super().__init__(transform, nets)
        self.length, self.context, self.griffin_lim = length, context, griffin_lim

    def masks(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Both masks of each source, together."""
        return self.both_masks(magnitudes)[1]

    def both_masks(self, magnitudes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The first masks, and both together; (items, sources, bins, times) each."""
        items, _, times = magnitudes.shape
        step = self.length - 2 * self.context
        # The published code divides by the square root of the transform's length.
        scaled = magnitudes / self.transform.window**0.5
        padded = nn.functional.pad(scaled, (self.context, self.context + -times % step))
        sequences = padded.unfold(2, self.length, step).permute(0, 2, 3, 1).flatten(0, 1)

        def joined(masks: torch.Tensor) -> torch.Tensor:
            return masks.unflatten(0, (items, -1)).flatten(1, 2)[:, :times].transpose(1, 2)

        made = [[joined(masks) for masks in net(sequences)] for net in self.nets.values()]
        first, both = (torch.stack(masks, dim=1) for masks in zip(*made, strict=True))
        return first, both

    def sound(self, masked: torch.Tensor, frames: int) -> torch.Tensor:
        """In evaluation with a phase that fits the magnitudes better than the mixture's."""
        sizes = masked.abs()
        for _ in range(0 if self.training else self.griffin_lim):
            spectra = self.transform.forward(self.transform.inverse(masked, frames))
            masked = sizes * spectra / (spectra.abs() + EPSILON)
        return self.transform.inverse(masked, frames)

    def distance(self, mixed: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Summed over the sources, whose nets are trained apart."""
        scale = self.transform.window**0.5
        first, both = (divergence(truth / scale, mask * mixed[:, None] / scale) for mask in self.both_masks(mixed))
        helped = (first >= MASK_HELPED_ABOVE) & (both >= ALL_HELPED_ABOVE)
        last = [self.get_parameter(f"nets.{source}.source_enhancement.ffSe_dec.weight") for source in self.nets]
        decay = sum(weight.square().sum() for weight in last)
        return (both + torch.where(helped, first, 0.0)).sum() + WEIGHT_DECAY * decay


def divergence(truth: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    """Generalised Kullback-Leibler divergence of each source: summed over bins, the mean of items and times."""
    logarithms = (truth + INSIDE_LOGARITHM).log() - (estimate + INSIDE_LOGARITHM).log()
    return (truth * logarithms + estimate - truth).sum(dim=2).mean(dim=(0, 2))
