"""The commands of this room, for the ``mushra`` command: name to (where it is, what it does)."""

COMMANDS = {
    "plan": ("analysis.planning.cli:plan", "Say how many listeners and items a test needs, before it is run."),
    "metrics": (
        "analysis.metrics.cli:metrics",
        "Score sounds by objective metrics: a stimulus set, files, a data set.",
    ),
    "report": ("analysis.cli:report", "Turn ratings into a significance report, with objective metrics beside them."),
    "preregister": (
        "analysis.cli:preregister",
        "Write the analysis plan in plain words, to be deposited before the test.",
    ),
    "screen": (
        "analysis.monitoring.cli:screen",
        "Say whom the rules of screening would leave out of a running test, and why.",
    ),
    "precision": (
        "analysis.monitoring.cli:precision",
        "Say how far a running test's intervals reach, without saying whose they are.",
    ),
}
