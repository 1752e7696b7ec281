"""Where the stimulus set lies that a version was published from: its reports, metrics and bundles read it there.

A set inside the data folder is named by its place in there, so that the folder can be moved, or restored elsewhere;
any other by its whole path. Releases before that kept a whole path of every set: one that leads into the data folder is
taken for the place in there, and so is one of a set that was sent or restated here, where the folder was moved since.

Defines: ``named``, ``place_of``, ``folder_of``, ``laid_down``, ``clear``, ``is_whole``.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mushra_app.config import Settings
from stimuli import manifest as manifests
from stimuli.errors import StimuliError

OURS = ("uploads", "sets")
"""Folders of the data folder where sets lie that we laid down ourselves."""
OUR_NAME = re.compile(r".+-[0-9a-f]{12}")
MARK = ".publishing"
LEFT_BEHIND_S = 86_400


def named(folder: Path, settings: Settings) -> str:
    """What a version keeps of the folder that it is published from."""
    return _inside(folder, settings.data_dir) or str(folder.absolute())


def place_of(published_from: str, settings: Settings) -> str:
    """Where the set of a version lies, by its ``published_from``: in the data folder, or else its whole path."""
    path = Path(published_from)
    if not path.is_absolute():
        return published_from
    if inside := _inside(path, settings.data_dir):
        return inside
    moved = "/".join(path.parts[-2:])
    ours = path.parent.name in OURS and OUR_NAME.fullmatch(path.name)
    return moved if ours and not path.exists() and (settings.data_dir / moved).is_dir() else published_from


def folder_of(published_from: str, settings: Settings) -> Path:
    """The folder of the set of a version, by its ``published_from``."""
    return settings.data_dir.absolute() / place_of(published_from, settings)  # a whole path stays as it is


@contextmanager
def laid_down(folder: Path) -> Iterator[None]:
    """Publish a set that we lay down ourselves: it goes where that fails; where we are killed ``clear`` finds it."""
    mark = folder.with_name(f".{folder.name}{MARK}")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        mark.unlink(missing_ok=True)


def clear(settings: Settings, places: Container[str]) -> None:
    """Remove sets that were being published when a process was killed, but those at ``places``, which are in use."""
    for of_ours in OURS:
        for mark in (settings.data_dir / of_ours).glob(f".*{MARK}"):
            with suppress(OSError):
                if time.time() - mark.stat().st_mtime < LEFT_BEHIND_S:
                    continue
                folder = mark.with_name(mark.name[1:].removesuffix(MARK))
                if f"{of_ours}/{folder.name}" not in places:
                    shutil.rmtree(folder, ignore_errors=True)
                mark.unlink()


def is_whole(folder: Path, identity: str) -> bool:
    """Whether the set of that identity lies there, with every file that was built; reads them all."""
    try:
        return manifests.verify(folder).study_id == identity
    except (StimuliError, OSError):
        return False


def _inside(folder: Path, data_dir: Path) -> str:
    """The place of a folder in the data folder, as it is written or as its links lead; "" where it lies elsewhere."""
    for one, root in ((folder.absolute(), data_dir.absolute()), (folder.resolve(), data_dir.resolve())):
        if one.is_relative_to(root) and ".." not in one.parts:
            return one.relative_to(root).as_posix()
    return ""
