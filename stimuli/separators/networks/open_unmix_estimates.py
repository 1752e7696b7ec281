"""What the networks of Open-Unmix make of a whole song, without all of its spectra being there at once.

A network hears the song's magnitudes block by block; only the numbers between its layers are kept for the whole song,
and its last layer answers for one block at a time.

Defines: ``Estimates``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stimuli.separators.networks.architectures.open_unmix import OpenUnmixNet
from stimuli.separators.networks.long_spectra import LongSound
from stimuli.separators.networks.recurrence import in_blocks

BLOCK = 300
"""Frames of spectra that are there at a time."""


class Estimates:
    """The networks of several sources on a song."""

    @torch.inference_mode()
    def __init__(self, nets: Sequence[OpenUnmixNet], sound: LongSound, device: str) -> None:
        self._nets, self._device = nets, device
        heard = [torch.empty(sound.times, 1, net.fc1.out_features, device=device) for net in nets]
        for start, spectra in sound.blocks(BLOCK):
            magnitudes = self._magnitudes(spectra)
            for net, whole in zip(nets, heard, strict=True):
                whole[start : start + BLOCK] = net.squeezed(magnitudes)
        self._joined = [self._through(net, whole) for net, whole in zip(nets, heard, strict=True)]

    @torch.inference_mode()
    def magnitudes(self, start: int, spectra: np.ndarray) -> np.ndarray:
        """Float32 (sources, channels, bins, times), for spectra of the mixture that begin at frame ``start``."""
        magnitudes, part = self._magnitudes(spectra), slice(start, start + spectra.shape[2])
        pairs = zip(self._nets, self._joined, strict=True)
        return np.concatenate([net.masked(whole[part], magnitudes).cpu().numpy() for net, whole in pairs])

    def _magnitudes(self, spectra: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.abs(spectra)[None]).to(self._device)

    def _through(self, net: OpenUnmixNet, heard: torch.Tensor) -> torch.Tensor:
        """All but the last layer, over the whole song; takes the place of what was heard."""
        answered = in_blocks(net.lstm, heard)
        for start in range(0, len(heard), BLOCK):
            part = slice(start, start + BLOCK)
            heard[part] = net.joined(heard[part], answered[part])
        return heard
