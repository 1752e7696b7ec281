"""Architectures whose weights people bring as checkpoints: name to ``module:function``, loaded when asked for.

A function takes the names of the sources, the number of channels and what else the entry's ``parameters`` say, and
returns a torch module: waveform float32 (batch, channels, frames) in, (batch, sources, channels, frames) out, any
number of frames, differentiable. The names in its state dict are those of the weight files that exist, so that they
load as they are; where files exist in several forms, the module's ``adopted(state)`` brings them to its own.

Defines: ``ARCHITECTURES``.
"""

from __future__ import annotations

ARCHITECTURES = {
    "conv_tasnet": "stimuli.separators.networks.architectures.conv_tasnet:conv_tasnet",
    "unet": "stimuli.separators.networks.architectures.spectral_unet:spectral_unet",
    "vox_tasnet": "stimuli.separators.networks.architectures.vox_tasnet:vox_tasnet",
}
