"""Systems that need neither weights nor training: what repeats, what sounds like a stroke, where it is panned.

All but left minus right have a mask, which a Wiener filter may refine.

Conventions: panning -1 (left) to 1 (right). Defines: ``ClassicalSystem`` and its kinds.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from stimuli.description.system import MaskSystem, System


class RepetSystem(MaskSystem):
    """REPET: the background is what repeats with one period (Rafii and Pardo 2013)."""

    kind: Literal["repet"]


class RepetExtendedSystem(MaskSystem):
    """REPET on segments of 10 s, each with its own period, cross-faded (Rafii and Pardo 2013)."""

    kind: Literal["repet_extended"]


class RepetAdaptiveSystem(MaskSystem):
    """REPET whose period is found anew every 5 s and holds for the frames around (Liutkus et al. 2012)."""

    kind: Literal["repet_adaptive"]


class RepetSimSystem(MaskSystem):
    """REPET-SIM: the background is what recurs anywhere (Rafii and Pardo 2012)."""

    kind: Literal["repet_sim"]


class RepetSimLibrosaSystem(MaskSystem):
    """REPET-SIM by the recipe that most people run, librosa's: many frames 2 s and more away, and a soft mask.

    ``kept``: which of the most similar frames count, those that come ``earliest`` in the song, as in librosa's call, or
    the ``nearest`` in sound, as it was meant.
    """

    kind: Literal["repet_sim_librosa"]
    kept: Literal["earliest", "nearest"] = "earliest"


class RepetSimOnlineSystem(MaskSystem):
    """REPET-SIM that looks back 10 s and never ahead, as it could run live (Rafii and Pardo 2013)."""

    kind: Literal["repet_sim_online"]

    @model_validator(mode="after")
    def _looks_back_only(self) -> Self:
        if self.post_filter == "em":
            raise ValueError("post_filter em looks seconds ahead, which this system never does; take wiener or none")
        return self


class Fourier2dSystem(MaskSystem):
    """The background is what is periodic in the spectrogram: peaks of its 2-D Fourier transform (Seetharaman 2017)."""

    kind: Literal["fourier_2d"]


class HpssTwoStageSystem(MaskSystem):
    """The voice is neither harmonic in long windows nor percussive in short ones (Tachibana et al. 2014)."""

    kind: Literal["hpss_two_stage"]


class CentreCancellationSystem(MaskSystem):
    """Removes what is panned to the middle, by a mask on the similarity of the two channels."""

    kind: Literal["centre_cancellation"]


class LeftMinusRightSystem(System):
    """The oldest karaoke button: half of left minus right. Of a mono song it leaves silence."""

    kind: Literal["left_minus_right"]


class PanningMaskSystem(MaskSystem):
    """Takes what is panned to one place for the voice: ``panning`` -1 is left, 0 the middle, 1 right (Avendano 2003).

    ``width`` is how far from there the index of a sound may lie for half of it to be taken.
    """

    kind: Literal["panning_mask"]
    panning: float = Field(default=0.0, ge=-1, le=1)
    width: float = Field(default=0.1, gt=0, le=2)


ClassicalSystem = (
    RepetSystem
    | RepetExtendedSystem
    | RepetAdaptiveSystem
    | RepetSimSystem
    | RepetSimLibrosaSystem
    | RepetSimOnlineSystem
    | Fourier2dSystem
    | HpssTwoStageSystem
    | CentreCancellationSystem
    | LeftMinusRightSystem
    | PanningMaskSystem
)
