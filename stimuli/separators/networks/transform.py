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


@dataclass(frozen=True)
class Transform:
    """A transform of one window length and hop, both in samples; the hop is at most half the window.

    ``shape`` of the window: ``hann``, its square root ``sine`` (for analysis and synthesis alike), or ``hamming``.
    """

    window: int
    hop: int
    shape: Literal["hann", "sine", "hamming"] = "hann"
    beyond: Literal["silence", "mirror"] = "silence"

    def __post_init__(self) -> None:
        if not 0 < self.hop <= self.window // 2:
            raise ValueError(f"hop is at most half the window, found {self.hop} and {self.window}")

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
        window = made(self.window, dtype=like.dtype, device=like.device)
        return window.sqrt() if self.shape == "sine" else window
