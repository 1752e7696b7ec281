"""The stimulus sets that lie in the data folder, as a backup keeps them and as they are put back.

Sets that were published from elsewhere are their owner's to keep: a backup has none of their files.

Conventions: places are relative to the data folder, with slashes. Defines: ``found``, ``put``, ``checked``.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import IO

from sqlalchemy import Connection, select

from mushra_app.config import Settings
from mushra_app.models import StudyVersion
from mushra_app.study import sets
from stimuli import manifest as manifests
from stimuli.errors import StimuliError
from stimuli.whole_files import whole_file

METRICS = "metrics.json"


def found(connection: Connection, settings: Settings) -> tuple[dict[str, tuple[Path, str]], dict[str, str]]:
    """Every file of these sets by its place, with its hash; and what is wrong with each set that is not whole."""
    files: dict[str, tuple[Path, str]] = {}
    lost: dict[str, str] = {}
    kept = connection.scalars(select(StudyVersion.published_from).distinct()).all()
    for place in sorted({sets.place_of(one, settings) for one in kept}):
        if Path(place).is_absolute():
            continue
        folder = settings.data_dir / place
        try:
            manifest = manifests.verify(folder)
        except (StimuliError, OSError) as error:
            lost[place] = str(error)
            continue
        known = {clip.file: clip.sha256 for clip in manifest.clips}
        for name in (manifests.FILE_NAME, METRICS):
            if (folder / name).is_file():
                known[name] = manifests.file_sha256(folder / name)
        files |= {f"{place}/{name}": (folder / name, sha256) for name, sha256 in known.items()}
    return files, lost


def put(source: IO[bytes], path: Path) -> None:
    """Bring a file back, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("wb") as target:
        shutil.copyfileobj(source, target)


def checked(place: str) -> str:
    """A place that stays inside a folder of sets; ValueError for any other."""
    parts = PurePosixPath(place).parts
    if "/".join(parts) != place or len(parts) < 3 or ".." in parts or "\\" in place or ":" in place or "\0" in place:
        raise ValueError("expected the place of a file of a set")
    return place
