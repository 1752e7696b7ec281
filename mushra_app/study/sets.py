"""Where the stimulus set lies that a version was published from: its reports, metrics and bundles read it there.

A set inside the data folder is named by its place in there, so that the folder can be moved, or restored elsewhere;
any other by its whole path.

Defines: ``named``, ``folder_of``, ``is_whole``.
"""

from __future__ import annotations

from pathlib import Path

from mushra_app.config import Settings
from stimuli import manifest as manifests
from stimuli.errors import StimuliError


def named(folder: Path, settings: Settings) -> str:
    """What a version keeps of the folder that it is published from."""
    folder, data_dir = folder.absolute(), settings.data_dir.absolute()
    return folder.relative_to(data_dir).as_posix() if folder.is_relative_to(data_dir) else str(folder)


def folder_of(published_from: str, settings: Settings) -> Path:
    """Where the set of a version lies, by its ``published_from``."""
    return settings.data_dir.absolute() / published_from  # a whole path stays as it is


def is_whole(folder: Path, identity: str) -> bool:
    """Whether the set of that identity lies there, with every file that was built; reads them all."""
    try:
        return manifests.verify(folder).study_id == identity
    except (StimuliError, OSError):
        return False
