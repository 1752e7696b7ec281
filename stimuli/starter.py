"""``mushra new``: write an experiment file to start from.

Three ways: a commented example; filled in from a folder of songs and estimates; the demo. A file that is there
is never overwritten, except that the demo finds its own file again and leaves it alone.

Defines: ``write_example``, ``write_from_folder``, ``write_demo``.
"""

from __future__ import annotations

import importlib.resources
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.experiment import Excerpt, RepetSystem, Songs, load
from stimuli.separators import run, separator
from stimuli.sources import demo_songs, excerpts
from stimuli.sources.song import Song, SongSource, whole
from stimuli.sources.songs import source
from stimuli.standard.design import FEWEST_ITEMS

Echo = Callable[[str], object]
EXCERPT_S = 10.0
TAKE_HOME = "take-home"


@dataclass(frozen=True)
class Choice:
    """One item as it is written into the file."""

    song: str
    start_s: float
    length_s: float
    dataset: str = ""
    use: str = "test"
    remark: str = ""
    name: str = ""


def write_example(path: Path, attributes: str = "overall") -> None:
    """A commented starter with songs and systems to be filled in; ``attributes``: ``overall`` or ``separation``."""
    _write(path, "example.toml.jinja", name=_slug(path.absolute().parent.name), attributes=attributes)


def write_from_folder(path: Path, folder: Path, echo: Echo, attributes: str = "overall") -> None:
    """Fill an experiment file in from ``folder``: songs in MUSDB layout (or below ``songs/``) and ``estimates/``.

    From each song the ten seconds with the most singing are taken; of few songs several excerpts each, so that
    there are five items. The first item is for training too.

    Raises
    ------
    StimuliError
        Where no songs or no estimates are found.
    """
    root = folder / "songs" if (folder / "songs").is_dir() else folder
    songs = source(Songs(root=str(root.absolute())), folder)
    names = songs.names()
    if not names:
        raise StimuliError(f"{root}: no songs here; expected a folder per song with mixture and stems (MUSDB layout)")
    systems = _estimate_systems(folder / "estimates", names)
    each = math.ceil(FEWEST_ITEMS / len(names))
    choices = [choice for name in names for choice in _busiest(songs.open(name), each)]
    base = path.absolute().parent
    _write(
        path,
        "from_folder.toml.jinja",
        attributes=attributes,
        name=_slug(folder.absolute().name),
        root=_relative(root, base),
        items=choices,
        systems=systems,
        estimates=_relative(folder / "estimates", base),
    )
    echo(f"found {len(names)} songs in {root} and {len(systems)} systems: {', '.join(systems)}")
    echo(f"wrote {path}; next: mushra check {path}")


def write_demo(path: Path, songs_folder: Path | None, echo: Echo) -> None:
    """The demo's experiment, and the estimates that its pre-rendered system brings."""
    songs = Songs(layout="musdb", root=str(songs_folder.absolute())) if songs_folder else Songs(layout="demo")
    found = source(songs, path.parent)
    if not path.exists():
        if songs_folder is None and (reason := demo_songs.falcon_69_missing()):
            echo(f"left out: {demo_songs.FALCON_69}: {reason}")
        items = [c for name in found.names() for c in _busiest(found.open(name))] if songs_folder else _demo_items()
        if not items:
            raise StimuliError(f"{songs_folder}: no songs here; expected a folder per song with stems (MUSDB layout)")
        _write(path, "demo.toml.jinja", songs=songs, items=items)
    _render_take_home(path, found, echo)


def _demo_items() -> list[Choice]:
    """Falcon 69 where it is installed, and the synthetic songs, the last of them for training."""
    items = [Choice(score.name, 0.0, EXCERPT_S, "synthetic") for score in demo_songs.SONGS[:-1]]
    items.append(Choice(demo_songs.SONGS[-1].name, 0.0, EXCERPT_S, "synthetic", "training"))
    if demo_songs.falcon_69_missing():
        return items
    # The decoded stems begin and end with a click of the codec, so a little is left out at both ends.
    remark = "6.08 s is all there is of it: shorter than the ten seconds the standard has in mind"
    return [Choice(demo_songs.FALCON_69, 0.05, 5.9, "real", remark=remark), *items]


def _render_take_home(path: Path, songs: SongSource, echo: Echo) -> None:
    """Render the demo's pre-rendered system with plain REPET, as somebody's own tool would have done at home."""
    repet = separator(RepetSystem(name=TAKE_HOME, kind="repet"))
    experiment = load(path)
    for name in dict.fromkeys(item.song for item in experiment.items):
        target = experiment.experiment.target
        estimate = path.parent / "estimates" / TAKE_HOME / name / f"{target}.wav"
        if not estimate.is_file():
            song = whole(songs.open(name))
            estimate.parent.mkdir(parents=True, exist_ok=True)
            audio.write_render(estimate, run.run(repet, TAKE_HOME, song, target)[0], song.rate_hz)
            echo(f"estimate made beforehand: {estimate}")


def _estimate_systems(folder: Path, songs: Sequence[str]) -> list[str]:
    """Names of the systems that have an estimate for every song.

    Raises
    ------
    StimuliError
        Where there is none, or an estimate is missing.
    """
    names = sorted(place.name for place in folder.iterdir() if place.is_dir()) if folder.is_dir() else []
    if not names:
        raise StimuliError(f"{folder}: no systems here; expected estimates/<system>/<song>/accompaniment.wav")
    missing = [
        str(folder / system / song / "accompaniment.wav")
        for system in names
        for song in songs
        if not (folder / system / song / "accompaniment.wav").is_file()
    ]
    if missing:
        raise StimuliError("\n".join(f"{path}: missing estimate; render it, or remove the system" for path in missing))
    return names


def _busiest(song: Song, most: int = 1) -> list[Choice]:
    """Up to ``most`` stretches of ten seconds that do not overlap, those with the most singing first."""
    length_s = song.form.frames / song.form.rate_hz
    each_s = min(EXCERPT_S, int(length_s * 10) / 10)
    # Half of the room stays free, so that the best stretches need not give way to make all fit.
    most = max(min(most, int(length_s / (1.5 * each_s))), 1)
    rule = "vocal-activity" if "vocals" in song.stems else "energy"
    wanted = Excerpt(rule=rule, length_s=each_s, count=most)
    starts = excerpts.starts(wanted, excerpts.curve(rule, song), length_s)
    names = [f"{song.name}, {start:g} s" if most > 1 else song.name for start in starts]
    return [Choice(song.name, start, each_s, name=name) for start, name in zip(starts, names, strict=True)]


def _write(path: Path, template: str, **facts: object) -> None:
    if path.exists():
        raise StimuliError(f"{path}: is there already; choose another name, or remove it")
    loader = jinja2.FileSystemLoader(str(importlib.resources.files("stimuli") / "templates"))
    environment = jinja2.Environment(loader=loader, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["toml"] = lambda value: json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML one
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(environment.get_template(template).render(facts), encoding="utf-8")
    part.replace(path)


def _slug(text: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower()).strip("-")
    return kept[:60] or "listening-test"


def _relative(path: Path, base: Path) -> str:
    """``path`` as seen from ``base``, with forward slashes; absolute where it lies elsewhere."""
    absolute = path.absolute()
    return (absolute.relative_to(base) if absolute.is_relative_to(base) else absolute).as_posix()
