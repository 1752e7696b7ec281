"""What networks of the vocal-remover family have in common: one mask that keeps the accompaniment of a stereo mixture.

The vocals are the mixture minus what is kept, which is the mixture through one minus the mask: both add up to it.
Inputs are divided by the largest magnitude of each song, which is taken over real and imaginary parts together.

Defines: ``checked_sources``, ``normalised``, ``told_apart``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

ACCOMPANIMENT, VOCALS = "accompaniment", "vocals"


def checked_sources(sources: Sequence[str], channels: int) -> tuple[str, ...]:
    """The sources, if a stereo mask can give them.

    Raises
    ------
    ValueError
        For other sources than the accompaniment and, if wanted, the vocals; for mono.
    """
    if channels != 2:
        raise ValueError(f"the net has two channels, found channels = {channels}")
    if ACCOMPANIMENT not in sources or set(sources) - {ACCOMPANIMENT, VOCALS}:
        found = ", ".join(sources)
        raise ValueError(f"sources are accompaniment alone, or vocals and accompaniment; found {found}")
    return tuple(sources)


def normalised(spectra: torch.Tensor) -> torch.Tensor:
    """Spectra (batch, channels, bins, times), each song's divided by its largest magnitude; silence stays as it is."""
    largest = spectra.abs().amax(dim=(1, 2, 3), keepdim=True)
    return spectra / largest.clamp(min=torch.finfo(largest.dtype).tiny)


def told_apart(sources: Sequence[str], kept: torch.Tensor, waveform: torch.Tensor) -> torch.Tensor:
    """(batch, sources, channels, frames) out of the accompaniment and the mixture, both (batch, channels, frames)."""
    return torch.stack([kept if source == ACCOMPANIMENT else waveform - kept for source in sources], dim=1)
