"""How a published network of MedleyVox is built: its ``vocals.json``, ``{"args": {…}}`` as its training wrote it.

Conventions: lengths in samples, frequencies in Hz. Defines: ``Settings``, ``SettingsFile``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """What ``vocals.json`` says under ``args``, as far as the sound follows from it; all else is about training."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    architecture: Literal["conv_tasnet_stft"]
    n_src: int = Field(default=2, ge=2)
    nfft: int = Field(default=2048, ge=16)
    nhop: int = Field(default=512, ge=1)
    bn_chan: int = 256
    hid_chan: int = 1024
    skip_chan: int = 256
    n_blocks: int = 6
    n_repeats: int = 4
    mask_act: str = "linear"
    sample_rate: int = Field(default=24_000, ge=8_000, le=192_000)
    mixture_consistency: Literal["mixture_consistency", "sfsrnet", "none", True, False] | None = "mixture_consistency"
    srnet: Literal["convnext"] | None = None
    above_freq: float = 3000.0
    # Variants of the second stage and of the encoder that no published recipe has.
    encoder_activation: Literal["linear"] | None = None
    db_normalize: Literal[False] | None = None
    sr_input_res: Literal[False] | None = None
    sr_out_mix_consistency: Literal[False] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the architecture."""
        second = self.mixture_consistency == "sfsrnet"
        return {
            "window": self.nfft,
            "hop": self.nhop,
            "bottleneck": self.bn_chan,
            "hidden": self.hid_chan,
            "skip": self.skip_chan,
            "blocks": self.n_blocks,
            "repeats": self.n_repeats,
            "mask": self.mask_act,
            "consistent": second or self.mixture_consistency in ("mixture_consistency", True),
            "second_stage": second,
            "above_hz": self.above_freq,
            "rate_hz": self.sample_rate,
        }


class SettingsFile(BaseModel):
    """The file around them."""

    args: Settings
