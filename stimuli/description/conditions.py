"""What is compared: systems and anchors. ``name`` is the condition name in every table and figure.

Conventions: frequencies in Hz, levels in dB, shares 0 to 1. Each anchor says what it is ``meant_for``: the kind
of impairment that a scale asks about. Defines: ``AnySystem``, ``AnyAnchor`` and their kinds.
"""

from __future__ import annotations

from string import Formatter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.ensembles import LoneSystem, MinimumMagnitudeSystem
from stimuli.description.model import Model, Slug, StemName
from stimuli.description.singers import MedleyVoxSystem
from stimuli.description.system import System


class FilesSystem(System):
    """Estimates rendered elsewhere: one file per song, found by a template of ``{system} {song} {target}``.

    A system whose outputs have no order (two singers, say) names them in ``outputs``, filled into ``{output}``, and
    in ``targets`` the stems they are assigned to: within each excerpt, the assignment whose correlations with the
    true stems have the greatest sum.
    """

    needs: ClassVar[str] = "the estimates"
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
            raise ValueError(
                f"path uses {sorted(unknown)}; only {{system}}, {{song}}, {{target}} and {{output}} can be filled in"
            )
        if "song" not in fields:
            raise ValueError("path has no {song}: every song would get the same file")
        if ("output" in fields) != bool(self.outputs) or len(self.outputs) != len(self.targets):
            raise ValueError("path with {output}, outputs and as many targets belong together; write all or none")
        return self


AnySystem = Annotated[
    FilesSystem | LoneSystem | MedleyVoxSystem | MinimumMagnitudeSystem,
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
