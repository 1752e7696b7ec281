"""What is wrong with JSON that somebody sent, said as it is of an experiment file: where, what was found, what belongs.

Defines: ``told``.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from stimuli.description.mistakes import sentences

MOST_TOLD = 5
"""Mistakes; whoever made more has sent something else altogether."""


def told(error: ValidationError, sent: bytes | dict[str, Any] | list[Any], *, whole: str, shown_by: str) -> str:
    """The mistakes in one line, the first few of them.

    Parameters
    ----------
    sent : what was checked: the bytes, or what was read from them.
    whole : what it is called where a mistake is at no place in it.
    shown_by : what shows how it should be.
    """
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        return f"{whole}: no valid JSON ({details[0].get('ctx', {}).get('error', 'it ends too early')})"
    written = json.loads(sent) if isinstance(sent, bytes) else sent
    return "; ".join(sentences(details, written, shown_by, whole)[:MOST_TOLD])
