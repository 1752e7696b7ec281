"""What systems' entries have in common. Defines: ``System``, ``FilteredSystem``, ``MaskSystem``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from stimuli.description.model import Model, Slug


class System(Model):
    """What all systems have in common.

    ``needs`` says in a few words what a kind needs beside its entry; ``packages`` names the modules that must be there,
    each with the command that brings it; ``asks_for`` are keys that it can't do without although they have a default.
    """

    needs: ClassVar[str] = ""
    packages: ClassVar[Mapping[str, str]] = {}
    asks_for: ClassVar[tuple[str, ...]] = ()

    name: Slug
    version: str = ""


class FilteredSystem(System):
    """Systems with a mask that a Wiener filter may refine.

    ``post_filter`` is ``wiener``, shares of the mixture by powers of the parts (``wiener_power``), or ``em``, a stereo
    filter that learns where each part is in the image (parts of three channels or more have none).

    Songs of more than ten minutes come in stretches to those that hold the spectra of a whole song: to all but Spleeter
    and the masks of single cells, centre cancellation and panning (``stimuli.separators.stretches``).
    """

    post_filter: Literal["none", "wiener", "em"] = "none"
    wiener_power: float = Field(default=2.0, ge=0.5, le=8)


class MaskSystem(FilteredSystem):
    """Systems that were there before they had a filter.

    What asks for none says nothing of it, so that renders, sets and studies that were made before keep their identity.
    """

    post_filter: Literal["none", "wiener", "em"] = Field(default="none", exclude_if=lambda value: value == "none")
    wiener_power: float = Field(default=2.0, ge=0.5, le=8, exclude_if=lambda value: value == 2)
