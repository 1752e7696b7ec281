"""Roles and kinds of the audit log in the words of the pages, and what is said when a study was shared."""

from __future__ import annotations

from mushra_app.words import say, say_later

ROLE_WORDS = {"owner": say_later("owner"), "experimenter": say_later("experimenter"), "viewer": say_later("viewer")}
KIND_WORDS = {
    "login": say_later("login"),
    "failed login": say_later("failed login"),
    "export": say_later("export"),
    "calibration": say_later("calibration"),
    "account": say_later("account"),
    "study": say_later("study"),
    "token": say_later("token"),
    "job": say_later("job"),
    "invitation": say_later("invitation"),
    "look": say_later("look"),
    "peek": say_later("look at results"),
    "withdrawal": say_later("withdrawal"),
    "erasure": say_later("erasure"),
}


def shared(name: str, study: str, *, may: str) -> str:
    """What somebody may do with a study from now on: ``none``, ``view`` or ``change``."""
    if may == "none":
        return say("%(study)s was taken away from %(name)s.", name=name, study=study)
    if may == "view":
        return say("%(name)s may look at %(study)s now.", name=name, study=study)
    return say("%(name)s may change %(study)s now.", name=name, study=study)
