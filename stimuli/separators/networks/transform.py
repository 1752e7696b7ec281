"""Short-time Fourier transform in torch, as networks on spectra need it: in batches, differentiable, any length.

Conventions: waveforms (..., frames), spectra complex (..., bins, times); windows are periodic, frames are centred.
Beyond its ends a sound is silent, and a hop more, so that the last sample too lies under more than one frame
(``"silence"``); or it is mirrored, as ``torch.stft`` does (``"mirror"``), one that is too short for that after silence
was added.

Defines: ``Transform``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

LEAST_WEIGHT = 1e-8
LEAST_SHARE = 0.01
"""Of the greatest sum of squared windows: where they add up to less, the inverse would blow up whatever a mask did."""


@dataclass(frozen=True)
class Transform:
    """A transform of one window length and hop, both in samples.

    ``shape`` of the window: ``hann``, its square root ``sine`` (for analysis and synthesis alike), or ``hamming``.
    Where ``support`` is given, the window proper is symmetric and that long, with zeros around it: a Fourier transform
    of ``window`` samples, longer than what it hears. A hop may be as long as the squared windows leave no gap (Hann:
    three quarters of the window and a little more); a mirrored sound has no frame to spare at its end, so that there
    it is half the window at most.
    """

    window: int
    hop: int
    shape: Literal["hann", "sine", "hamming"] = "hann"
    beyond: Literal["silence", "mirror"] = "silence"
    support: int | None = None

    def __post_init__(self) -> None:
        if not 1 < (self.support or self.window) <= self.window:
            raise ValueError(f"support is from 2 to the window, found {self.support} and {self.window}")
        longest = self.window if self.beyond == "silence" else self.window // 2
        if not 0 < self.hop <= longest or self._thinnest < LEAST_SHARE:
            length = self.support or self.window
            raise ValueError(f"the hop leaves no gap between windows, found {self.hop} and {self.shape} of {length}")

    @property
    def _thinnest(self) -> float:
        """The least sum of squared windows as a share of the greatest."""
        squared = self.weights(torch.zeros(1, device="cpu")) ** 2
        summed = functional.pad(squared, (0, -self.window % self.hop)).reshape(-1, self.hop).sum(dim=0)
        return float(summed.min() / summed.max())

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Spectra (..., window // 2 + 1, times) of a waveform (..., frames) with one frame at least."""
        half = self.window // 2
        sound = waveform.reshape(-1, waveform.shape[-1])
        if self.beyond == "silence":
            sound = functional.pad(sound, (half, half + self.hop))
        else:
            sound = functional.pad(sound, (0, max(0, half + 1 - sound.shape[1])))
            sound = functional.pad(sound[:, None], (half, half), mode="reflect")[:, 0]
        window = self.weights(sound)
        spectra = torch.stft(sound, self.window, self.hop, window=window, center=False, return_complex=True)
        return spectra.reshape(*waveform.shape[:-1], *spectra.shape[1:])

    def inverse(self, spectra: torch.Tensor, frames: int) -> torch.Tensor:
        """Waveform (..., frames) whose spectra lie nearest to these (Griffin and Lim 1984)."""
        flat, weights = spectra.reshape(-1, *spectra.shape[-2:]), self.weights(spectra.real)
        total = self.window + self.hop * (flat.shape[2] - 1)

        def added(columns: torch.Tensor) -> torch.Tensor:
            return functional.fold(columns, (1, total), (1, self.window), stride=(1, self.hop))[:, 0, 0]

        pieces = torch.fft.irfft(flat, self.window, dim=1) * weights[:, None]
        weight = added((weights**2)[None, :, None].expand(1, -1, flat.shape[2]))
        half = self.window // 2
        sound = (added(pieces) / weight.clamp(min=LEAST_WEIGHT))[:, half : half + frames]
        return sound.reshape(*spectra.shape[:-2], frames)

    def weights(self, like: torch.Tensor) -> torch.Tensor:
        """The window, on the device and of the precision of a real tensor."""
        made = torch.hamming_window if self.shape == "hamming" else torch.hann_window
        length = self.support or self.window
        window = made(length, periodic=self.support is None, dtype=like.dtype, device=like.device)
        before = (self.window - length) // 2
        window = functional.pad(window, (before, self.window - length - before))
        return window.sqrt() if self.shape == "sine" else window
