"""All systems that can be compared: what each is, what it needs, and whether it can run here.

Kinds that need no more than a name are tried as they are; of those that need more (a program, a model file) the
packages are looked at. Plugins are loaded to be asked.

Defines: ``Listed``, ``listed``, ``kinds``, ``required``, ``with_defaults``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from stimuli.description.outside import TorchCheckpointSystem
from stimuli.errors import StimuliError
from stimuli.experiment import AnySystem, FilesSystem, PluginSystem
from stimuli.separators import lacking, separator
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.separators.outside.plugin import registered


class Listed(NamedTuple):
    """One system: ``system`` is what ``mushra separate`` knows it by, ``mend`` empty where it can run here."""

    system: str
    kind: str
    what: str
    needs: str
    runs: bool
    mend: str


def listed() -> Iterator[Listed]:
    """Kinds in the order in which the experiment file knows them, then plugins by name."""
    for name, model in kinds().items():
        keys = required(model)
        needs = [*([model.needs] if model.needs else []), *([f"keys {', '.join(keys)}"] if keys else [])]
        if model is TorchCheckpointSystem:
            needs.append(f"architectures are {', '.join(ARCHITECTURES)}")
        mend = _mend(model, name, bool(keys))
        yield Listed(name, name, _what(model), "; ".join(needs) or "nothing", not mend, mend)
    for name, points in registered().items():
        package = ", ".join(f"{point.dist.name} {point.dist.version}" if point.dist else "?" for point in points)
        mend = separator(_plugin(name)).missing() or ""
        yield Listed(name, "plugin", f"A plugin: {points[0].value}.", f"its package, {package}", not mend, mend)


def kinds() -> dict[str, Any]:
    """Models of the entries by kind."""
    models = get_args(get_args(AnySystem)[0])
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in models}


def required(model: Any) -> list[str]:
    """Keys that an entry must have besides its name and kind."""
    own = [name for name, one in model.model_fields.items() if one.is_required() and name not in ("name", "kind")]
    return [*own, *model.asks_for]


def with_defaults(name: str) -> AnySystem:
    """The entry of a kind, or of a plugin, that needs no more than its name.

    Raises
    ------
    StimuliError
        Where there is no such system, or it needs more, with how to say that.
    """
    model = kinds().get(name)
    if model is None:
        if name in registered():
            return _plugin(name)
        raise StimuliError(f"there is no system {name!r}; see: mushra systems")
    if keys := required(model):
        raise StimuliError(
            f"{name} needs {', '.join(keys)}: write it as [[systems]] into an experiment file, and name it here with "
            "--experiment FILE"
        )
    return model(name=name.replace("_", "-"), kind=name)


def _plugin(name: str) -> PluginSystem:
    try:
        return PluginSystem(name=name.lower().replace("_", "-"), kind="plugin", system=name)
    except ValidationError:  # a name that no condition may have; the plugin is called by it all the same
        return PluginSystem(name="plugin", kind="plugin", system=name)


def _mend(model: Any, name: str, needs_keys: bool) -> str:
    if model is FilesSystem:
        return ""
    return (lacking(model.packages) if needs_keys else separator(with_defaults(name)).missing()) or ""


def _what(model: Any) -> str:
    """The first paragraph of its description, which is a sentence."""
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split()).replace("``", "")
