"""``mushra stimuli show``: verify a set, draw it, and write its contact sheet.

Defines: ``show``, ``FILE_NAME``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tqdm import tqdm

from stimuli.errors import StimuliError
from stimuli.inspection.page import html
from stimuli.inspection.sheet import sheet
from stimuli.verify import verify
from stimuli.whole_files import whole_file

FILE_NAME = "contact-sheet.html"


def show(folder: Path, out: Path | None = None, *, progress: bool = True) -> Path:
    """Write the contact sheet of a built set, by default into its folder; the same set gives the same bytes.

    Parameters
    ----------
    out : another place for it; its players then look for the clips where they lie now.
    progress : show a progress bar.

    Returns
    -------
    Where it was written.

    Raises
    ------
    StimuliError
        Where the set is not what was built, or the page can't be written; a sheet that was there stays as it is.
    """
    target = _checked(out or folder / FILE_NAME, given=out is not None)
    found = verify(folder)
    with tqdm(total=len(found.clips), desc="contact sheet", unit="clip", disable=not progress) as bar:
        text = html(sheet(folder, found, _address(folder, target), lambda: bar.update()))
    try:
        with whole_file(target) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise StimuliError(f"{target}: can't be written: {error.strerror}; choose another --out") from None
    return target


def _checked(target: Path, *, given: bool) -> Path:
    """Refuse a place for the page where something else would be lost, before any work is done."""
    if given and target.suffix.lower() not in (".html", ".htm"):
        raise StimuliError(f"{target}: the contact sheet is a page; let --out end in .html")
    if target.is_dir():
        raise StimuliError(f"{target}: is a folder; let --out name a file in it")
    if given and not target.parent.is_dir():
        raise StimuliError(f"{target.parent}: no such folder; make it, or choose another --out")
    return target


def _address(folder: Path, target: Path) -> Callable[[str], str]:
    """How a page at ``target`` asks for a clip: relative, so that set and page can be moved together."""
    home, page = folder.resolve(), target.parent.resolve()

    def address(file: str) -> str:
        try:
            return quote(Path(os.path.relpath(home / file, page)).as_posix())
        except ValueError:  # another drive, on Windows
            return (home / file).as_uri()

    return address
