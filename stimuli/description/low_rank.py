"""Systems that take spectra apart by their rank or by dictionaries: RPCA, with and without pitch, NMF, LRR and MLRR.

Conventions: times in seconds; paths are relative to the experiment file's folder.
Defines: ``LowRankSystem`` and its kinds, ``SparseVoiceSystem``, ``DictionarySystem``.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.system import FilteredSystem


class SparseVoiceSystem(FilteredSystem):
    """What the kinds of robust PCA have in common.

    A spectral cell is voice where its sparse part is more than ``gain`` times its part of low rank; a post-filter gets
    the shares of both instead. ``lambda_factor`` is the factor of the usual weight of the sparse part: the larger, the
    less is voice. Songs are cut into equal segments of at most ``segment_s``.
    """

    gain: float = Field(default=1.0, gt=0, le=10)
    lambda_factor: float = Field(default=1.0, gt=0, le=10)
    segment_s: float = Field(default=60.0, ge=5, le=240)


class RpcaSystem(SparseVoiceSystem):
    """Robust PCA: spectra are of low rank (music) plus sparse (voice) (Huang et al. 2012)."""

    kind: Literal["rpca"]


class RpcaF0System(SparseVoiceSystem):
    """RPCA, whose voice is kept only around the harmonics of the pitch that is found in it (Ikemiya et al. 2015).

    The pitch lies between ``lowest_hz`` and ``highest_hz``, found by summing ``harmonics`` of each candidate. As many
    harmonics are kept, each ``width_hz`` wide; the other keys are those of ``rpca``. A breath or an s is no voice here.
    """

    kind: Literal["rpca_f0"]
    lowest_hz: float = Field(default=80.0, ge=40, le=500)
    highest_hz: float = Field(default=800.0, ge=100, le=2000)
    harmonics: int = Field(default=20, ge=1, le=60)
    width_hz: float = Field(default=80.0, ge=10, le=500)

    @model_validator(mode="after")
    def _has_an_octave(self) -> Self:
        if self.highest_hz < 2 * self.lowest_hz:
            raise ValueError(f"highest_hz is {self.highest_hz:g}; give at least an octave above lowest_hz")
        return self


class DictionarySystem(FilteredSystem):
    """What systems with dictionaries of spectra have in common.

    ``voice`` and ``accompaniment`` say where each source's dictionary comes from: a file of numbers (``.npy`` or
    ``.npz``; 1025 bins by atoms), or examples of the clean source, a sound file or a folder of them, from which
    ``components`` atoms are learnt. Take no song of the test as an example.
    """

    voice: str = ""
    accompaniment: str = ""
    components: int = Field(default=30, ge=1, le=200)
    seed: int = Field(default=0, ge=0)


class NmfSystem(DictionarySystem):
    """Non-negative matrix factorisation (KL), with dictionaries of voice and accompaniment or of one of them.

    Where only one is given, ``components`` atoms of the other source are found in each song. ``iterations`` are those
    on a song.
    """

    asks_for: ClassVar[tuple[str, ...]] = ("voice or accompaniment",)
    kind: Literal["nmf"]
    iterations: int = Field(default=100, ge=1, le=1000)

    @model_validator(mode="after")
    def _knows_a_source(self) -> Self:
        if not self.voice and not self.accompaniment:
            raise ValueError("nothing tells voice from accompaniment; give voice, accompaniment, or both")
        return self


class LrrSystem(DictionarySystem):
    """Low-rank representation: music is of low rank in a dictionary's atoms, voice is sparse (Yang 2013).

    ``accompaniment`` says where the dictionary comes from; ``lambda_factor`` and ``segment_s`` are those of ``rpca``.
    """

    asks_for: ClassVar[tuple[str, ...]] = ("accompaniment",)
    kind: Literal["lrr"]
    lambda_factor: float = Field(default=1.0, gt=0, le=10)
    segment_s: float = Field(default=60.0, ge=5, le=240)

    @model_validator(mode="after")
    def _knows_the_accompaniment(self) -> Self:
        if not self.accompaniment or self.voice:
            raise ValueError(
                "its one dictionary is the accompaniment's; give accompaniment and no voice (or take: mlrr)"
            )
        return self


class MlrrSystem(DictionarySystem):
    """Multiple low-rank representation: voice and music have a dictionary each (Yang 2013).

    ``balance`` weighs the voice's rank against the music's: the larger, the less is voice.
    """

    asks_for: ClassVar[tuple[str, ...]] = ("voice", "accompaniment")
    kind: Literal["mlrr"]
    lambda_factor: float = Field(default=1.0, gt=0, le=10)
    balance: float = Field(default=1.0, gt=0, le=10)
    segment_s: float = Field(default=60.0, ge=5, le=240)

    @model_validator(mode="after")
    def _knows_both(self) -> Self:
        if not self.voice or not self.accompaniment:
            raise ValueError("each source has a dictionary; give voice and accompaniment (or take: lrr)")
        return self


LowRankSystem = RpcaSystem | RpcaF0System | NmfSystem | LrrSystem | MlrrSystem
