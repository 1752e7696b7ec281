"""The commands of this room, for the ``mushra`` command: name to (where it is, what it does)."""

COMMANDS = {
    "check": ("stimuli.cli:check", "Check an experiment file: its mistakes, and the standard's rules."),
    "new": ("stimuli.cli:new", "Write an experiment file: commented, or filled in from your folders."),
    "separate": ("stimuli.separate_cli:separate", "Run one system on one sound file."),
    "systems": ("stimuli.separate_cli:systems", "List the systems that can be compared, and whether they run here."),
    "train": ("stimuli.training.cli:train", "Train a network on folders of songs."),
    "stimuli": ("stimuli.cli:stimuli", "Build a stimulus set from an experiment file, look at it, verify it."),
}
