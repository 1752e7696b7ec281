"""The words of our own pages, in the listener's language.

Texts stand in the code in English and are wrapped in ``say`` or ``say_number``; their translations lie in
``mushra_app/translations``. Outside of a request, as in tests of the use cases, the English is what comes out.
Texts of the experiment file are translated by the file itself (``written``).

What is repeated in quotes (``%(found)r``) was typed by somebody, and is shortened where it is long.
``mark`` marks a text for translation without translating it: what an experiment file says where it says nothing.

Defines: ``say``, ``say_later`` (for texts that are made before a request), ``say_number``, ``written``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import get_locale, gettext, lazy_gettext, ngettext

from stimuli.errors import shown
from stimuli.experiment import Experiment

__all__ = ["say", "say_later", "say_number", "written"]

say_later: Callable[[str], Any] = lazy_gettext


class _Filled(str):
    """What is filled into a text: whole as ``%s``, and shortened as ``%r``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return shown(str(self))


def say(text: str, **filled: Any) -> str:
    """A text in the language of whoever reads it."""
    return gettext(text, **_ready(filled))


def say_number(one: str, several: str, number: int, **filled: Any) -> str:
    """The same for a number of things, which the text calls ``num``."""
    return ngettext(one, several, number, **_ready(filled))


def _ready(filled: dict[str, Any]) -> dict[str, Any]:
    return {name: _Filled(value) if isinstance(value, str) else value for name, value in filled.items()}


def mark(text: str) -> str:
    """The text itself; it is found by whoever collects what is to be translated."""
    return text


OF_THE_FILE = (
    mark("Bad"),
    mark("Poor"),
    mark("Fair"),
    mark("Good"),
    mark("Excellent"),
    mark("How good is the overall quality, compared with the reference?"),
    mark(
        "You will hear short pieces of music and rate their quality. Taking part is voluntary and you may stop "
        "at any time. Your ratings are stored under a pseudonym and are used for research."
    ),
    mark("How well is the target preserved, compared with the reference?"),
    mark(
        "From here on judge only how well the target itself is preserved: whether anything of it is missing, "
        "dull or distorted.\n\n"
        "Other sounds that can still be heard, and artificial noise, don't count."
    ),
    mark("How well are the other sounds suppressed, compared with the reference?"),
    mark(
        "From here on judge only how well everything else is suppressed: the less you hear of other sounds, "
        "the better.\n\n"
        "How the target itself sounds, and artificial noise, don't count. A dull sound in which nothing else "
        "is left is rated 100."
    ),
    mark("How free is it of artificial noise, compared with the reference?"),
    mark(
        "From here on judge only additional artificial noise: warbling, gurgling, clicks, that are neither "
        "the target nor another sound of the music.\n\n"
        "Other sounds that can still be heard, and dullness, don't count."
    ),
    mark("Did anything disturb your listening?"),
    mark("no"),
    mark("a little"),
    mark("a lot"),
)
"""Defaults of the experiment file, and what ``mushra new`` writes into one."""


def written(experiment: Experiment, text: str) -> str:
    """A text of the experiment file as this listener reads it: translated by the file, or by us where it is ours."""
    locale = get_locale()
    translated = experiment.translations.get(locale.language if locale else "", {})
    return translated.get(text) or (say(text) if text else "")  # "" is a catalogue's own heading
