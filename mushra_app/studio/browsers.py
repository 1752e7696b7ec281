"""A browser's user agent in a few words, for people: "Chrome 126, Linux". Nothing is decided by it.

Defines: ``browser``.
"""

from __future__ import annotations

import re

LONGEST = 40

NAMES = (
    # Each pretends to be those after it, so the order decides.
    ("Edge", r"Edg(?:A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Headless)?(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+(?:\.\d+)?)[^ ]* .*Safari/"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("macOS", "Mac OS X"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)


def browser(user_agent: str) -> str:
    """Name, version and system as far as a user agent tells; else its beginning."""
    found = ((name, re.search(pattern, user_agent)) for name, pattern in NAMES)
    named = next((f"{name} {match[1]}" for name, match in found if match), None)
    if named is None:
        return user_agent[:LONGEST] or "unknown browser"
    system = next((name for name, mark in SYSTEMS if mark in user_agent), None)
    return f"{named}, {system}" if system else named
