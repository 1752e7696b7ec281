"""The words of our own pages, in the listener's language.

Texts stand in the code in English and are wrapped in ``say`` or ``say_number``; their translations lie in
``mushra_app/translations``. Outside of a request, as in tests of the use cases, the English is what comes out.
Texts of the experiment file are translated by the file itself (``written``).

Defines: ``say``, ``say_later`` (for texts that are made before a request), ``say_number``, ``written``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as say
from flask_babel import ngettext as say_number

from stimuli.experiment import Experiment

__all__ = ["say", "say_later", "say_number", "written"]

say_later: Callable[[str], Any] = lazy_gettext


def written(experiment: Experiment, text: str) -> str:
    """A text of the experiment file as this listener reads it: translated by the file, or by us where it is ours."""
    locale = get_locale()
    translated = experiment.translations.get(locale.language if locale else "", {})
    return translated.get(text) or (say(text.replace("%", "%%")) if text else "")
