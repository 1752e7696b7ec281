"""Published networks, in the files that their own projects write; the user brings these.

Conventions: paths are relative to the experiment file's folder; times in seconds, lengths in frames at the model's
rate; overlaps are shares of a piece. ``sha256`` pins files of the folder by their names.

Defines: ``OpenUnmixSystem``, ``DemucsSystem``, and ``PretrainedSystem``, any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import StemName
from stimuli.description.outside import Sha256, SourcesSystem


class _Folder(SourcesSystem):
    """A network in a folder of files.

    Where it names no ``accompaniment`` among its sources, this is the ``sum`` of all but the vocals, or the ``rest``:
    the mixture minus the vocals. ``convert`` is as for ``onnx``.
    """

    path: str = Field(min_length=1)
    sha256: dict[str, Sha256] = Field(default_factory=dict)
    accompaniment: Literal["sum", "rest"] = "sum"
    convert: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """All sources that come out of it."""
        return self.sources

    @model_validator(mode="after")
    def _knows_the_rest(self) -> Self:
        if self.accompaniment == "rest" and ("vocals" not in self.given or "accompaniment" in self.given):
            raise ValueError('accompaniment = "rest" is for systems with the source vocals and without accompaniment')
        return self


class OpenUnmixSystem(_Folder):
    """Open-Unmix: a recurrent network for each source, then a Wiener filter between them (Stöter et al. 2019).

    ``path`` is a folder as Open-Unmix writes it: ``separator.json``, and for each of ``sources`` a ``<source>.json``
    and weights ``<source>.pth`` or ``<source>-<checksum>.pth``. The filter has ``iterations`` steps (0: none) on
    blocks of 300 frames of spectra; it starts from the networks' magnitudes with the mixture's phase, or with
    ``softmask`` from their shares of the mixture. ``residual`` names one source more, what the others lack to be the
    mixture: needed where there is one network and iterations. Filtered sources add up to the mixture but for what is
    very quiet: the published filter leaves cells about 80 dB below the loudest to nobody. The networks hear the whole
    song, as they do in their own project, in work space that does not grow with it; with ``chunk_frames`` they hear
    pieces of that length instead.
    """

    needs: ClassVar[str] = "torch, the model's folder"
    packages: ClassVar[Mapping[str, str]] = {"torch": 'pip install "hidden-reference[torch]"'}
    kind: Literal["open_unmix"]
    iterations: int = Field(default=1, ge=0, le=50)
    softmask: bool = False
    residual: StemName | None = None
    chunk_frames: int | None = Field(default=None, ge=4096)
    overlap: float = Field(default=0.25, ge=0, le=0.5)

    @property
    def given(self) -> tuple[str, ...]:
        """The networks' sources, then the residual if there is one."""
        return (*self.sources, *([self.residual] if self.residual else []))

    @model_validator(mode="after")
    def _filters_between_sources(self) -> Self:
        if self.residual in self.sources:
            raise ValueError(f"residual is a source more than the networks give; {self.residual!r} is one of theirs")
        if self.iterations and len(self.sources) == 1 and self.residual is None:
            raise ValueError('the filter is between two sources or more; add residual = "<name>", or iterations = 0')
        return self


class DemucsSystem(_Folder):
    """Demucs, HybridDemucs or HTDemucs, run by the package demucs (Défossez 2021, Rouard et al. 2023).

    ``path`` is a local repository: a folder with ``<signature>.th``, ``<signature>-<checksum>.th`` or
    ``<signature>.safetensors`` for each network, and ``<name>.yaml`` for a bag of several; ``model`` is such a
    signature or name. Nothing is ever fetched, and there are no random shifts. The song is heard in pieces of
    ``segment_s`` (the model's own length where it is left out) with this ``overlap``. A ``.th`` file is a pickle: it is
    read so that nothing in it can run, and refused where it holds more than a network of demucs. ``trust_pickle`` reads
    such a file all the same, and with it any program that its maker put in: set it only for files whose maker you
    trust.
    """

    needs: ClassVar[str] = "demucs, the model's folder"
    packages: ClassVar[Mapping[str, str]] = {"demucs": 'pip install "hidden-reference[demucs]"'}
    kind: Literal["demucs"]
    model: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    rate_hz: int = Field(default=44_100, ge=8_000, le=192_000)
    channels: Literal[1, 2] = 2
    overlap: float = Field(default=0.25, ge=0, le=0.9)
    segment_s: float | None = Field(default=None, gt=0.05, le=600)
    trust_pickle: bool = False


PretrainedSystem = OpenUnmixSystem | DemucsSystem
