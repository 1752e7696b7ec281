"""Architectures whose weights people bring as checkpoints: name to ``module:function``, loaded when asked for.

A function takes the names of the sources, the number of channels and what else the entry's ``parameters`` say, and
returns a torch module: waveform float32 (1, channels, frames) in, (1, sources, channels, frames) out. The names in its
state dict are those of the weight files that exist, so that they load as they are.

Defines: ``ARCHITECTURES``.
"""

from __future__ import annotations

ARCHITECTURES = {
    "unet": "stimuli.separators.networks.architectures.spectral_unet:spectral_unet",
}
