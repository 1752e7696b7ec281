"""What every part of an experiment file has in common.

Texts hold no control characters, which nobody sees and a database may refuse, and none that turn the direction of
writing (U+202A to U+202E, U+2066 to U+2069), by which a title turns what stands beside it. Marks of direction and
joiners, which Arabic, Hebrew and Persian are written with, may stand in them.

Defines: ``Model``, ``SLUG``, ``STEM_NAME``, ``LINE``, ``LINES``, and the texts ``Slug``, ``Name``, ``Line``,
``Paragraph``, ``Lines`` and ``StemName``.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

SLUG, STEM_NAME = r"^[a-z0-9][a-z0-9-]{0,63}$", r"^[a-z0-9][a-z0-9_-]{0,63}$"
_UNSEEN = r"\x7f-\x9f\u202a-\u202e\u2066-\u2069"
LINE = rf"^[^\x00-\x1f\u2028\u2029{_UNSEEN}]*$"
LINES = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f{_UNSEEN}]*$"
Slug = Annotated[str, StringConstraints(pattern=SLUG)]
Line = Annotated[str, StringConstraints(pattern=LINE)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True, pattern=LINE)]
Lines = Annotated[str, StringConstraints(pattern=LINES)]
Paragraph = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True, pattern=LINES)]
StemName = Annotated[str, StringConstraints(pattern=STEM_NAME)]
"""A stem of the songs (``vocals``, ``dialogue``, ``singer1`` …), or ``accompaniment``: all but the vocals."""


class Model(BaseModel):
    """Frozen, and refuses keys it does not know: a misspelt key must not be silently ignored.

    What stands below a field is its description, which the studio's form shows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True)
