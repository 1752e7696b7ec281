"""The form of the studio's door. Field name: ``key``."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField


class LoginForm(FlaskForm):
    """The studio's key."""

    key = PasswordField()
