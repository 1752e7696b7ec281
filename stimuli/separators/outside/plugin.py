"""Systems out of other people's packages, found through entry points: nothing of ours has to change for one.

A package registers ``name = "module:Class"`` in the group ``hidden_reference.separators``. The class is made with the
entry's ``parameters`` and offers ``separate(song, targets)`` as in ``stimuli.separators.Separator``; all else of that
protocol it may leave out: then it gives vocals and accompaniment, misses nothing, looks at no stems and has nothing to
tell. It is somebody else's code: whatever goes wrong in it is a sentence with its name.

Defines: ``GROUP``, ``registered``, ``Plugin``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from stimuli.description.outside import PluginSystem
from stimuli.errors import StimuliError
from stimuli.separators import Song, Sound

GROUP = "hidden_reference.separators"
SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Answer = TypeVar("Answer")


def registered() -> dict[str, list[EntryPoint]]:
    """What packages register here, by name; more than one stands there where two use the same name."""
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        found.setdefault(point.name, []).append(point)
    return found


class Plugin:
    """A system that a package registers."""

    version = "1"

    def __init__(self, system: PluginSystem) -> None:
        self.system = system

    @property
    def who(self) -> str:
        """How it is called in a sentence."""
        return f"system {self.system.name!r}: plugin {self.system.system!r}"

    def missing(self) -> str | None:
        """Why it can't be loaded, or what it says itself."""
        try:
            said = self._optional("missing", lambda value: value(), None)
        except StimuliError as error:
            return str(error)
        return None if said is None else str(said)

    @property
    def looks_at_stems(self) -> bool:
        """Whether it says that it is an oracle."""
        return bool(self._optional("looks_at_stems", lambda value: value, False))

    @property
    def holds_spectra(self) -> bool:
        """Whether it says that it holds the spectra of a whole song: long ones come to it in stretches then."""
        return bool(self._optional("holds_spectra", lambda value: value, False))

    def fingerprint(self) -> dict[str, str]:
        """Its package with version, and its own version if it has one: another one, another render."""
        point = self._point()
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        return {"package": package, "version": str(self._optional("version", lambda value: value, ""))}

    def provenance(self) -> dict[str, Any]:
        """What it tells of itself, with its package."""
        told = self._optional("provenance", lambda value: value(), {})
        try:
            told = json.loads(json.dumps(told, allow_nan=False))
            parameters, weights = dict(told.get("parameters", {})), dict(told.get("weights_sha256", {}))
        except (TypeError, ValueError, AttributeError) as error:
            raise StimuliError(f"{self.who}: its provenance can't be kept: {error}; report it to its makers") from None
        hashes = {str(name): str(digest) for name, digest in weights.items()}
        return {
            "parameters": parameters | self.fingerprint() | {"plugin": self.system.system},
            "weights_sha256": hashes,
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """What it says that it gives; vocals and accompaniment if it says nothing."""
        names = self._optional("gives", lambda value: tuple(value(tuple(stems))), ("vocals", "accompaniment"))
        if odd := [name for name in names if not isinstance(name, str) or not SOURCE.fullmatch(name)]:
            raise StimuliError(
                f"{self.who}: it names a source {odd[0]!r}, expected small letters, digits, - and _; "
                "report it to its makers"
            )
        return names

    def separate(self, song: Song, targets: Sequence[str]) -> Mapping[str, Sound]:
        """What it makes of the song; ``run`` says what is wrong with it."""
        return self._made.separate(song, targets)

    def _point(self) -> EntryPoint:
        """Where it is registered.

        Raises
        ------
        StimuliError
            Where it is not, or twice.
        """
        found = registered()
        points = found.get(self.system.system, [])
        if not points:
            there = f"found {', '.join(found)}" if found else "no package registers any"
            raise StimuliError(f"{self.who} is not installed; {there}; pip install the package that brings it")
        if len(points) > 1:
            named = ", ".join(point.dist.name if point.dist else point.value for point in points)
            raise StimuliError(f"{self.who} is registered by more than one package: {named}; uninstall all but one")
        return points[0]

    @functools.cached_property
    def _made(self) -> Any:
        """The class, made with the entry's parameters."""
        point = self._point()
        where = f"{self.who} ({point.dist.name} {point.dist.version})" if point.dist else self.who
        made = _said(f"{where} can't be loaded", lambda: point.load())
        found = _said(f"{where} can't be made with these parameters", lambda: made(**self.system.parameters))
        if not callable(getattr(found, "separate", None)):
            raise StimuliError(f"{where} is no system: {point.value} makes nothing with separate(song, targets)")
        return found

    def _optional(self, name: str, answer: Callable[[Any], Answer], otherwise: Answer) -> Answer:
        """What it says under a name, if it says anything."""
        made = self._made
        if not hasattr(made, name):
            return otherwise
        return _said(f"{self.who} failed in its {name}", lambda: answer(getattr(made, name)))


def _said(what: str, act: Callable[[], Answer]) -> Answer:
    """What an act of somebody else's code gives; what it raises is said."""
    try:
        return act()
    except (Exception, SystemExit) as error:
        raise StimuliError(f"{what}: {type(error).__name__}: {error}") from error
