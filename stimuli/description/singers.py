"""Systems that tell singers from each other.

Conventions: times in seconds; paths are relative to the experiment file's folder. Defines: ``MedleyVoxSystem``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import StemName
from stimuli.description.outside import Sha256
from stimuli.description.system import System

SPECTRAL_FEATURES = ("mfcc", "spectral_centroid")


class MedleyVoxSystem(System):
    """MedleyVox: two or more singers out of a mixture of voices, with weights of yours (Jeon et al. 2023).

    ``path`` is a folder with ``vocals.json`` (how the network is built) and ``vocals.pth`` (its weights, which
    ``sha256`` pins). The network is mono: it hears the mean of the channels, and each singer's estimate is the same on
    all channels of the song.

    Its outputs have no order. ``mode`` says how a long song is cut and each output kept with the same singer: ``none``,
    the whole song at once; ``ola``, windows of ``window_s`` held against the one before; ``ola_norm``, the same, each
    window first brought to -24 LUFS and left there; ``w2v``, windows held against the mean ``features`` of each singer
    so far. ``sf_chunk`` and ``w2v_chunk`` take, in place of windows, the stretches in which somebody sings
    (``activity``: ``spectral``, or ``webrtc`` with the package webrtcvad-wheels); elsewhere each singer gets an equal
    share of the mixture. ``features`` are ``mfcc`` or ``spectral_centroid`` for ``sf_chunk``; for ``w2v`` and
    ``w2v_chunk`` those of a package that registers them as ``hidden_reference.features``, by their name. Features tell
    apart voices that differ; ``ola`` follows any, as long as nobody rests for a whole window. Weights with a second
    stage take about 0.2 GB of memory for each second that is heard at once: take windows for a long song.

    In an experiment ``targets`` names the stems that the outputs are assigned to, over the whole song: the assignment
    whose correlations with the true stems have the greatest sum. A singer lost within a song stays lost, and is heard:
    an excerpt has no assignment of its own, which would make the system better than it is. Outside of an experiment
    (``mushra separate``) the outputs are called as in ``sources``.
    """

    needs: ClassVar[str] = "torch, the weights; in an experiment also targets"
    packages: ClassVar[Mapping[str, str]] = {"torch": 'pip install "hidden-reference[torch]"'}
    kind: Literal["medleyvox"]
    path: str = Field(min_length=1)
    sha256: Sha256 = ""
    mode: Literal["none", "ola", "ola_norm", "sf_chunk", "w2v", "w2v_chunk"] = "none"
    window_s: float = Field(default=3.0, ge=0.1, le=60)
    activity: Literal["spectral", "webrtc"] = "spectral"
    features: str = ""
    sources: tuple[StemName, ...] = Field(default=("singer_1", "singer_2"), min_length=2, max_length=6)
    targets: tuple[StemName, ...] = ()

    @model_validator(mode="after")
    def _assigned_one_to_one(self) -> Self:
        if self.targets and len(self.targets) != len(self.sources):
            raise ValueError(
                f"{len(self.targets)} targets for {len(self.sources)} sources; name as many sources as the network "
                "tells singers apart, and a stem for each in targets"
            )
        for key in ("sources", "targets"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"{key} name something twice; give each its own name")
        return self

    @model_validator(mode="after")
    def _knows_the_voices(self) -> Self:
        if self.mode in ("w2v", "w2v_chunk"):
            if not self.features or self.features in SPECTRAL_FEATURES:
                raise ValueError(
                    f'mode = "{self.mode}" needs features that a package registers as hidden_reference.features; name '
                    'them in features, or take mode = "sf_chunk", which needs none'
                )
        elif self.features and (self.mode != "sf_chunk" or self.features not in SPECTRAL_FEATURES):
            raise ValueError(
                f'mode = "{self.mode}" takes '
                + (f"features = {' or '.join(SPECTRAL_FEATURES)}" if self.mode == "sf_chunk" else "no features")
                + f", found {self.features!r}"
            )
        return self
