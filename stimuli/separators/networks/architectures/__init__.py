"""Architectures whose weights people bring as checkpoints: name to ``module:function``, loaded when asked for.

A function takes the names of the sources, the number of channels and what else the entry's ``parameters`` say, and
returns a torch module: waveform float32 (batch, channels, frames) in, (batch, sources, channels, frames) out, any
number of frames, differentiable. The names in its state dict are those of the weight files that exist, so that they
load as they are; where files exist in several forms, the module's ``adopted(state)`` brings them to its own. A module
may have the loss of its paper, which training uses when asked for the module's own: ``loss(mixture, sources)``, shapes
(batch, channels, frames) and (batch, sources, channels, frames), gives a scalar to be made small.

Defines: ``ARCHITECTURES``.
"""

from __future__ import annotations

ARCHITECTURES = {
    "vox_tasnet": "stimuli.separators.networks.architectures.vox_tasnet:vox_tasnet",
    "conv_tasnet": "stimuli.separators.networks.architectures.conv_tasnet:conv_tasnet",
    "open_unmix": "stimuli.separators.networks.architectures.open_unmix:open_unmix",
    "cascaded_net": "stimuli.separators.networks.architectures.cascaded_net:cascaded_net",
    "frame_transformer": "stimuli.separators.networks.architectures.frame_transformer:frame_transformer",
    "mm_dense_lstm": "stimuli.separators.networks.architectures.mm_dense_lstm:mm_dense_lstm",
    "mm_densenet": "stimuli.separators.networks.architectures.mm_dense_lstm:mm_densenet",
    "medleyvox": "stimuli.separators.networks.architectures.medleyvox:medleyvox",
    "unet": "stimuli.separators.networks.architectures.spectral_unet:spectral_unet",
    "unet_voice": "stimuli.separators.networks.architectures.survey.unet_voice:unet_voice",
    "drnn": "stimuli.separators.networks.architectures.survey.drnn:drnn",
    "chimera": "stimuli.separators.networks.architectures.survey.chimera:chimera",
    "skip_filtering": "stimuli.separators.networks.architectures.survey.skip_filtering:skip_filtering",
    "svsgan": "stimuli.separators.networks.architectures.survey.svsgan:svsgan",
    "deep_karaoke": "stimuli.separators.networks.architectures.survey.deep_karaoke:deep_karaoke",
}
