"""``mushra stimuli show``: the contact sheet of a built set as one HTML file beside its clips.

Everything is in the file (style, script, pictures) but the clips, which it plays from the set's folder. The same set
makes the same file, byte for byte. Defines: ``FILE_NAME``, ``show``, ``html``.
"""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from tqdm import tqdm

from stimuli import audio, manifest
from stimuli.errors import StimuliError
from stimuli.inspection.sheet import Sheet, sheet_of

FILE_NAME = "contact-sheet.html"
TEMPLATES = importlib.resources.files("stimuli.inspection") / "templates"


def show(folder: Path, out: Path | None = None, *, progress: bool = True) -> Path:
    """Write the contact sheet of a set; returns where it lies.

    Parameters
    ----------
    out : the file to write; ``contact-sheet.html`` in the set's folder where none is given.
    progress : show a progress bar.

    Raises
    ------
    StimuliError
        Where the set is not what was built, or the file can't be written; nothing is then written.
    """
    found = manifest.verify(folder)
    path = out or folder / FILE_NAME
    with tqdm(total=len(found.clips), desc="looking", disable=not progress) as bar:
        sheet = sheet_of(folder, found, _address(folder, path), lambda _: bar.update())
    try:
        with audio.temporary(path) as part:
            part.write_text(html(sheet), encoding="utf-8")
    except OSError as error:
        raise StimuliError(f"{path}: can't be written: {error.strerror}; choose another --out") from None
    return path


def html(sheet: Sheet) -> str:
    """The page."""
    loader = jinja2.FileSystemLoader(str(TEMPLATES))
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    style, script = (Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in ("sheet.css", "sheet.js"))
    return environment.get_template("sheet.html").render(sheet=sheet, style=style, script=script)


def _address(folder: Path, path: Path) -> str:
    """The set's folder as the page sees it: relative, so that both may be moved together."""
    try:
        relative = os.path.relpath(folder.absolute(), path.absolute().parent)
    except ValueError:  # on another drive
        return folder.absolute().as_uri()
    return quote(Path(relative).as_posix())
