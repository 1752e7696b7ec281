"""Open-Unmix: a recurrent network that hears all of a song's magnitudes and answers with those of one source.

Stöter, Uhlich, Liutkus and Mitsufuji 2019, doi:10.21105/joss.01667. Bins up to a limit are normalised and squeezed into
few numbers per frame; three LSTM layers, mostly in both directions, go over them; what comes out is beside what went in
turned into a mask for all bins, at least 0.

Conventions: magnitudes (batch, channels, bins, times); hidden sequences (times, batch, hidden). Names in the state dict
are those of the published weights. Defines: ``OpenUnmixNet``, ``open_unmix``, ``of_state``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from stimuli.separators.networks.transform import Transform

DROPOUT = 0.4


class OpenUnmixNet(nn.Module):
    """The network of one source.

    Parameters
    ----------
    bins : of the spectra.
    channels : of the sound.
    hidden : numbers per frame between the layers; even, unless ``unidirectional``.
    max_bin : how many bins, from 0 Hz up, it hears; it answers for all.
    layers : of the LSTM.
    unidirectional : whether it never looks ahead.
    """

    def __init__(
        self, bins: int, channels: int, hidden: int, max_bin: int, *, layers: int = 3, unidirectional: bool = False
    ) -> None:
        super().__init__()
        self.bins, self.channels, self.max_bin = bins, channels, max_bin
        self.fc1 = nn.Linear(max_bin * channels, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.lstm = nn.LSTM(
            hidden,
            hidden if unidirectional else hidden // 2,
            layers,
            bidirectional=not unidirectional,
            dropout=DROPOUT if layers > 1 else 0.0,
        )
        self.fc2 = nn.Linear(2 * hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, bins * channels, bias=False)
        self.bn3 = nn.BatchNorm1d(bins * channels)
        self.input_mean = nn.Parameter(torch.zeros(max_bin))
        self.input_scale = nn.Parameter(torch.ones(max_bin))
        self.output_scale = nn.Parameter(torch.ones(bins))
        self.output_mean = nn.Parameter(torch.ones(bins))

    def forward(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """The source's magnitudes."""
        squeezed = self.squeezed(magnitudes)
        return self.masked(self.joined(squeezed, self.lstm(squeezed)[0]), magnitudes)

    def squeezed(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """What the LSTM hears of the magnitudes, frame by frame."""
        heard = magnitudes.permute(3, 0, 1, 2)[..., : self.max_bin]
        heard = ((heard + self.input_mean) * self.input_scale).flatten(2)
        return torch.tanh(_normed(self.bn1, self.fc1(heard)))

    def joined(self, squeezed: torch.Tensor, recurrent: torch.Tensor) -> torch.Tensor:
        """What the LSTM heard and what it answered, squeezed together."""
        return torch.relu(_normed(self.bn2, self.fc2(torch.cat([squeezed, recurrent], dim=2))))

    def masked(self, joined: torch.Tensor, magnitudes: torch.Tensor) -> torch.Tensor:
        """The mask that follows, times the magnitudes."""
        made = _normed(self.bn3, self.fc3(joined)).unflatten(2, (self.channels, self.bins))
        mask = torch.relu(made * self.output_scale + self.output_mean)
        return mask.permute(1, 2, 3, 0) * magnitudes


def open_unmix(
    sources: Sequence[str],
    channels: int,
    *,
    window: int = 4096,
    hop: int = 1024,
    hidden: int = 512,
    max_bin: int = 1487,
    layers: int = 3,
    unidirectional: bool = False,
) -> nn.Module:
    """A network for each source, as one on waveforms; without the Wiener filter, which is none of its parts.

    Raises
    ------
    ValueError
        For sizes that don't fit each other.
    """
    bins = window // 2 + 1
    if not 0 < max_bin <= bins:
        raise ValueError(f"max_bin is 1 to {bins} for a window of {window}, found {max_bin}")
    if hidden < 2 or hidden % 2 or layers < 1:
        raise ValueError(f"hidden is even and layers at least 1, found {hidden} and {layers}")
    keys = {"layers": layers, "unidirectional": unidirectional}
    nets = {source: OpenUnmixNet(bins, channels, hidden, max_bin, **keys) for source in sources}
    return _OnWaveforms(nets, Transform(window, hop, beyond="mirror"))


def of_state(state: Mapping[str, torch.Tensor]) -> OpenUnmixNet:
    """A network of the sizes that published weights have, on the device ``meta``: the weights are put in afterwards.

    Raises
    ------
    ValueError
        Where they are not of this network.
    """
    try:
        (hidden, inputs), max_bin = state["fc1.weight"].shape, len(state["input_mean"])
        bins, layers = len(state["output_mean"]), sum(key.startswith("lstm.weight_ih_l") for key in state)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"these are no weights of Open-Unmix: {error} is not as it should be") from None
    if not max_bin or inputs % max_bin:
        raise ValueError(f"these are no weights of Open-Unmix: {inputs} inputs for {max_bin} bins")
    unidirectional = "lstm.weight_ih_l0_reverse" not in state
    with torch.device("meta"):
        return OpenUnmixNet(
            bins,
            inputs // max_bin,
            hidden,
            max_bin,
            layers=layers if unidirectional else layers // 2,
            unidirectional=unidirectional,
        )


class _OnWaveforms(nn.ModuleDict):
    def __init__(self, nets: Mapping[str, nn.Module], transform: Transform) -> None:
        super().__init__(nets)
        self.transform = transform

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """(batch, channels, frames) to (batch, sources, channels, frames), with the mixture's phase."""
        spectra = self.transform.forward(waveform)
        magnitudes = spectra.abs()
        phase = spectra / magnitudes.clamp(min=torch.finfo(magnitudes.dtype).tiny)
        made = torch.stack([net(magnitudes) for net in self.values()], dim=1)
        return self.transform.inverse(made * phase[:, None], waveform.shape[2])


def _normed(norm: nn.Module, sequence: torch.Tensor) -> torch.Tensor:
    """Batch norm over all frames of all sounds."""
    return norm(sequence.flatten(0, 1)).unflatten(0, sequence.shape[:2])
