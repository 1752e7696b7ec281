"""A bag of networks of demucs: a ``.yaml`` that names them, and may say what each counts for and how long pieces are.

``models`` are signatures; ``weights`` has a row for each of them with a number for each source, whose mean over the
networks is taken by these weights; ``segment`` is in seconds. What else the file says has no part in the sound.

Defines: ``Bag``, ``read``.
"""

from __future__ import annotations

import importlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from stimuli.errors import StimuliError
from stimuli.separators.networks.waveform import first_line

Signature = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Bag(BaseModel):
    """What the file says, as far as the sound follows from it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    models: list[Signature] = Field(min_length=1)
    weights: list[list[Number]] | None = None
    segment: Number | None = Field(default=None, gt=0)


def read(content: bytes, where: str, sources: int) -> Bag:
    """The bag in a file of these bytes, for so many sources; ``where`` is how it is called in a sentence.

    Raises
    ------
    StimuliError
        Where it is no YAML, or not such a bag.
    """
    yaml = importlib.import_module("yaml")
    try:
        found = Bag.model_validate(yaml.safe_load(content))
    except yaml.YAMLError as error:
        raise StimuliError(f"{where}: can't be read as YAML: {first_line(error)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise StimuliError(
            f"{where}: {place}: {first['msg']} (found {first['input']!r}); expected "
            '"models", a list of signatures, perhaps "weights", a row of numbers for each, and "segment" in seconds'
        ) from None
    _check_weights(found, where, sources)
    return found


def _check_weights(bag: Bag, where: str, sources: int) -> None:
    """One number for each network and source, and something of each source."""
    if bag.weights is None:
        return
    sizes = [len(row) for row in bag.weights]
    if sizes != [sources] * len(bag.models):
        raise StimuliError(
            f"{where}: weights are {len(bag.models)} rows of {sources} numbers, for each network one for each source; "
            f"found rows of {sizes}; correct them, or sources in the entry"
        )
    if not all(sum(column) > 0 for column in zip(*bag.weights, strict=True)):
        raise StimuliError(f"{where}: weights of a source add up to more than 0; found {bag.weights}")
