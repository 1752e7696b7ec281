"""Weights by their names, out of the bytes of a file: never a pickle that could run something.

``.safetensors`` holds numbers only. A file that torch saved is read with ``weights_only``; one that needs more is
refused with the reason. A checkpoint is a state dict, or holds one under ``state_dict``.

Defines: ``state_dict``, ``unpickled``, ``SAFETENSORS``.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stimuli.errors import StimuliError
from stimuli.separators.networks.waveform import first_line

SAFETENSORS = {"safetensors": 'pip install "hidden-reference[torch]"'}
WEIGHTS_ALONE = "save the weights alone, with torch.save(model.state_dict(), path) or as .safetensors"


def state_dict(content: bytes, path: Path, who: str) -> dict[str, Any]:
    """The state dict in a file's ``content``; its name says in which form it is.

    Raises
    ------
    StimuliError
        Where it is damaged, holds more than numbers, or something else than a state dict.
    """
    if path.suffix == ".safetensors":
        found = _read(lambda: _safetensors(content), path, who)
    else:
        found = unpickled(content, path, who)
    if isinstance(found, Mapping) and isinstance(found.get("state_dict"), Mapping):
        found = found["state_dict"]
    if not isinstance(found, Mapping) or not found or not all(hasattr(one, "shape") for one in found.values()):
        raise StimuliError(f"{who}: {path}: holds no state dict; save it with torch.save(model.state_dict(), path)")
    return dict(found)


def unpickled(content: bytes, path: Path, who: str, known: Sequence[Any] = (), mend: str = WEIGHTS_ALONE) -> Any:
    """What torch saved, read so that nothing in it can run: numbers, plain containers, and the classes ``known``.

    Raises
    ------
    StimuliError
        Where it is damaged, or holds anything else; ``mend`` is what to do then.
    """
    import torch

    def load() -> Any:
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(list(known)):
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)

    try:
        return _read(load, path, who)
    except pickle.UnpicklingError as error:
        raise StimuliError(f"{who}: {path}: {_refused(error)}; {mend}") from None


def _safetensors(content: bytes) -> dict[str, Any]:
    from safetensors.torch import load

    return load(content)


def _read(load: Callable[[], Any], path: Path, who: str) -> Any:
    try:
        return load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as there are formats
        raise StimuliError(f"{who}: {path}: can't be read as weights: {first_line(error)}; save it again") from None


def _refused(error: Exception) -> str:
    """Why a pickle is refused, with the object that it asked for if torch says so."""
    asked = re.search(r"GLOBAL ([\w.]+)", str(error))
    held = (
        f"a pickle that holds more than numbers ({asked[1]})"
        if asked
        else "damaged, or a pickle in another form than torch's"
    )
    return f"{held}: reading it could run any program, so it was not read"
