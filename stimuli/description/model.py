"""What every part of an experiment file has in common.

Defines: ``Model``, ``SLUG``, ``STEM_NAME``, and the short texts ``Slug``, ``Name``, ``Paragraph`` and ``StemName``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

SLUG, STEM_NAME = r"^[a-z0-9][a-z0-9-]{0,63}$", r"^[a-z0-9][a-z0-9_-]{0,63}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Paragraph = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]
StemName = Annotated[str, StringConstraints(pattern=STEM_NAME)]
"""A stem of the songs (``vocals``, ``dialogue``, ``singer1`` …), or ``accompaniment``: all but the vocals."""


class Model(BaseModel):
    """Frozen, and refuses keys it does not know: a misspelt key must not be silently ignored.

    What stands below a field is its description, which the studio's form shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)
