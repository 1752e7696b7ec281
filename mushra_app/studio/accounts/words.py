"""Roles and kinds of the audit log in the words of the pages."""

from __future__ import annotations

from mushra_app.words import say_later

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
