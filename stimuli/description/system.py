"""What every system's entry has in common. Defines: ``System``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

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
