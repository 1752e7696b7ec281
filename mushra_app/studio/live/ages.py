"""How long ago something was, in words; by the server's clock alone, so that a browser's may say what it likes.

Conventions: seconds. Defines: ``ago``, ``minutes``.
"""

from __future__ import annotations

from datetime import datetime

from mushra_app.words import say, say_number


def ago(seconds: float) -> str:
    """In the largest unit that there is one whole of."""
    if seconds < 60:
        return say("just now")
    if seconds < 3600:
        return say_number("%(num)s minute ago", "%(num)s minutes ago", int(seconds // 60))
    if seconds < 48 * 3600:
        return say_number("%(num)s hour ago", "%(num)s hours ago", int(seconds // 3600))
    return say_number("%(num)s day ago", "%(num)s days ago", int(seconds // 86400))


def minutes(moment: datetime | None) -> str:
    """A moment to the minute, without its zone, which is UTC everywhere; "" for none."""
    return moment.strftime("%Y-%m-%d %H:%M") if moment else ""
