"""Ceilings: what could be had if the true stems were known, and the same with damage of a known size.

Conventions: shares 0 to 1, levels in dB. Defines: ``OracleSystem``, ``AnyOracle`` and its kinds, ``Damage``.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stimuli.description.model import Model
from stimuli.description.system import System


class Damage(Model):
    """Harm of a known size, done to an oracle's estimate: a condition whose quality is under control.

    ``leak_db`` adds the rest of the mixture at this level against its own; ``zeroed`` then sets a share of the
    time-frequency bins to zero, drawn from ``seed`` and the same in all channels, which sounds like musical noise.
    """

    leak_db: float | None = Field(default=None, ge=-60, le=0)
    zeroed: float = Field(default=0.0, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.leak_db is None and not self.zeroed:
            raise ValueError("this damage does nothing; give leak_db or zeroed, or leave damage out")
        return self


class OracleSystem(System):
    """What all oracles have in common: they look at the true stems, so they are ceilings and no systems to be had.

    Songs of more than ten minutes come in stretches (``stimuli.separators.stretches``).
    """

    needs: ClassVar[str] = "the true stems"
    # Left out of identities where there is none, so that what was built before there was damage stays as it is.
    damage: Damage | None = Field(default=None, exclude_if=lambda damage: damage is None)


class OracleRatioMaskSystem(OracleSystem):
    """A ratio mask made from the true stems: a ceiling for masking, not a system anyone can run."""

    kind: Literal["oracle_ratio_mask"]
    power: float = Field(default=2.0, gt=0, le=4)


class OracleBinaryMaskSystem(OracleSystem):
    """The ideal binary mask: all of a bin or nothing, by the target's share of it.

    A bin is kept where the target's magnitude to the power of ``alpha`` is at least ``theta`` times that of the
    mixture; with ``against = "rest"``, more than ``theta`` of the sum of both (0.5: where the target is the greater).
    """

    kind: Literal["oracle_binary_mask"]
    alpha: float = Field(default=1.0, gt=0, le=4)
    theta: float = Field(default=0.5, gt=0, lt=1)
    against: Literal["mixture", "rest"] = "mixture"


class OracleComplexMaskSystem(OracleSystem):
    """The complex ratio mask, which knows the phase too, as far as its compression lets through (Williamson 2016).

    Real and imaginary part are pressed into a range with this steepness and brought back in single precision: parts up
    to 14 / ``compression`` come through, greater ones are held there.
    """

    kind: Literal["oracle_complex_mask"]
    compression: float = Field(default=0.1, gt=0, le=20)


class OracleWienerSystem(OracleSystem):
    """The multichannel Wiener filter (MWF) with the true powers and spatial covariances of target and rest."""

    kind: Literal["oracle_wiener"]


AnyOracle = OracleRatioMaskSystem | OracleBinaryMaskSystem | OracleComplexMaskSystem | OracleWienerSystem
