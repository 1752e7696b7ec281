"""The forms of the studio: its door (``key``, or ``name`` and ``password``, and ``wanted``), a change of password
(``password``, ``new_password``), a code of the second factor (``code``), and a calibration of a listening place.

Field names of a calibration: ``name``, ``level_db_a``, ``transducer``, ``device``; ``mushra_app.places`` says what
they may hold.
"""

from __future__ import annotations

import math

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField

from mushra_app.studio.pages import Calibration


class LoginForm(FlaskForm):
    """A name and its password, or the studio's key."""

    name = StringField()
    password = PasswordField()
    key = PasswordField()
    wanted = StringField()


class PasswordForm(FlaskForm):
    """Another password, and the one before."""

    password = PasswordField()
    new_password = PasswordField()


class CodeForm(FlaskForm):
    """A code of the second factor."""

    code = StringField()


class CalibrationForm(FlaskForm):
    """What was measured at a listening place."""

    name = StringField()
    level_db_a = StringField()
    transducer = StringField()
    device = StringField()

    def typed(self) -> Calibration:
        """As it was typed, to be typed again."""
        fields = (self.name, self.level_db_a, self.transducer, self.device)
        return Calibration(*(field.data or "" for field in fields))

    def level(self) -> float:
        """The level in dB(A); not a number where none was typed."""
        try:
            return float(self.level_db_a.data or "")
        except ValueError:
            return math.nan
