"""The commands of this room, for the ``mushra`` command: name to (where it is, what it does)."""

COMMANDS = {
    "check": ("stimuli.cli:check", "Check an experiment file: its mistakes, and the standard's rules."),
    "new": ("stimuli.cli:new", "Write an experiment file: commented, or filled in from your folders."),
    "stimuli": ("stimuli.cli:stimuli", "Build a stimulus set from an experiment file, look at it, verify it."),
}
