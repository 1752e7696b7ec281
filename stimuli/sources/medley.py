"""MedleyDB, whose stems are grouped by instrument, and MedleyVox, segments in which its singers sing together.

Conventions: stems ``vocals``, ``drums``, ``bass``, ``other`` in MedleyDB; ``singer1``, ``singer2``, or ``main`` and
``rest`` in MedleyVox. MedleyDB's metadata are read without a YAML parser: of each block ``S01:`` or ``R01:`` only the
first ``filename:`` and ``instrument:`` (one name, or a list below it).
Defines: ``MedleyDb``, ``MedleyVox``, ``group``, ``instruments``.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from upath import UPath

from stimuli.errors import StimuliError
from stimuli.sources.listing import Indexed, by_stem, entries, folders, song_folders, sound_paths, whole
from stimuli.sources.parts import Part, SongFiles

# In this order: a bass drum is a drum, a beatboxer a voice.
GROUPS = (
    ("vocals", re.compile(r"singer|vocal|rapper|speaker|beatbox|choir")),
    (
        "drums",
        re.compile(
            r"drum|percussion|cymbal|snare|\bkick|\btoms?\b|hi-?hat|high hat|tambourine|shaker|conga|bongo|timpani"
            r"|tabla\b|\bclaps?\b|cowbell|maraca|castanet|guiro|\bgong"
        ),
    ),
    ("bass", re.compile(r"bass(?!oon|et| ?(?:clarinet|trombone|flute|sax|recorder|trumpet))")),
)
BLOCK = re.compile(r"^\s*[SR]\d+:\s*$", re.MULTILINE)
FILENAME = re.compile(r"^\s*filename:[ ]*(.+?)\s*$", re.MULTILINE)
INSTRUMENT = re.compile(r"^\s*instrument:[ ]*(.*(?:\n\s*- .+)*)", re.MULTILINE)


def group(words: str) -> str:
    """The stem that an instrument belongs to, by its name; the first that fits where it names several."""
    plain = words.lower().replace("_", " ")
    return next((stem for stem, pattern in GROUPS if pattern.search(plain)), "other")


def instruments(text: str) -> dict[str, str]:
    """Instrument of each file that MedleyDB metadata name, by file name."""
    found: dict[str, str] = {}
    for block in BLOCK.split(text)[1:]:
        filename, instrument = FILENAME.search(block), INSTRUMENT.search(block)
        if filename and instrument and instrument[1].strip(" '\""):
            found[filename[1].strip("'\"")] = instrument[1]
    return found


class MedleyDb(Indexed[UPath]):
    """``<song>/<song>_STEMS/*`` with ``<song>_MIX.*``, or ``<song>/<song>_RAW/*``; perhaps ``<song>_METADATA.yaml``.

    Raw tracks are no parts of the mix, which was made of processed ones: their mixture is their sum.
    """

    expected = "<song>/<song>_STEMS/ or <song>/<song>_RAW/, here or in Audio/, V1/ or V2/"
    splits = ("Audio", "V1", "V2")

    def _index(self) -> dict[str, UPath]:
        found = song_folders(self.root, self.splits)
        return {name: folder for name, folder in found.items() if _is_song(folder)}

    def _files(self, name: str, entry: UPath) -> SongFiles:
        stems, raw = (_tracks(entry / f"{name}_{kind}") for kind in ("STEMS", "RAW"))
        if not stems and not raw:
            raise StimuliError(
                f"{entry}: missing stems; found no sound in {name}_STEMS/ or {name}_RAW/; "
                "expected one of them; copy it from MedleyDB"
            )
        mix = by_stem(entry).get(f"{name}_MIX")
        mixture = whole(mix) if stems and mix else ()
        return SongFiles(name, _grouped(stems or raw, name, entry / f"{name}_METADATA.yaml"), mixture)


def _is_song(folder: UPath) -> bool:
    """Whether stems, raw tracks or a mix are there; a mix alone counts, so that asking for it says what is missing."""
    wanted = tuple(f"{folder.name}_{kind}" for kind in ("STEMS", "RAW", "MIX."))
    return any(path.name.startswith(wanted) for path in entries(folder))


def _tracks(folder: UPath) -> list[UPath]:
    return sound_paths(folder) if folder.is_dir() else []


def _grouped(tracks: list[UPath], song: str, metadata: UPath) -> dict[str, tuple[Part, ...]]:
    """Tracks summed by kind of instrument; by their file names where there are no metadata."""
    known = instruments(metadata.read_text(encoding="utf-8", errors="replace")) if metadata.is_file() else {}
    # The song's own name, with which all files begin, says nothing of the instrument.
    kinds = {path: group(known.get(path.name, path.stem.removeprefix(song))) for path in tracks}
    if not known and "vocals" not in kinds.values():
        kinds = dict.fromkeys(tracks, "other")
    return {stem: tuple(Part(path) for path in tracks if kinds[path] == stem) for stem in sorted(set(kinds.values()))}


class Segment(BaseModel):
    """One entry of a MedleyVox file; seconds and dB."""

    model_config = ConfigDict(allow_inf_nan=False)

    type: Literal["unison", "duet", "main_vs_rest", "rest"]
    main_vocal: str
    other_vocals: list[str] = Field(min_length=1)
    start_sec: float = Field(ge=0)
    end_sec: float
    gain_adjustment: dict[str, float] = {}


SEGMENTS = TypeAdapter(dict[str, dict[str, Any]])


class MedleyVox(Indexed[tuple[UPath, str, dict[str, Any]]]):
    """``[<subset>/]<song>.json`` and ``[audio/]<song>/<song>_RAW/<stem>.wav``; each segment is a song of its own.

    A segment without a type is of the subset whose folder it lies in. The mixture is the sum of the stems.
    """

    expected = "<song>.json, here or in a folder like duet/, and songs named '<song> - <segment>'"

    def _index(self) -> dict[str, tuple[UPath, str, dict[str, Any]]]:
        found: dict[str, tuple[UPath, str, dict[str, Any]]] = {}
        for path in self._tables():
            for key, values in _read(path).items():
                name = f"{path.stem} - {key}"
                if name in found:
                    raise StimuliError(
                        f"{path}: segment {key!r} is also in {found[name][0]}; expected once; remove one"
                    )
                found[name] = (path, key, {"type": path.parent.name} | values)
        return found

    def _tables(self) -> list[UPath]:
        places = [self.root, *folders(self.root).values()]
        return [path for place in places for path in entries(place) if path.suffix.lower() == ".json"]

    def _files(self, name: str, entry: tuple[UPath, str, dict[str, Any]]) -> SongFiles:
        path, key, values = entry
        segment = _segment(f"{path}: segment {key!r}", values)
        singers = [segment.main_vocal, *segment.other_vocals]
        parts = [self._part(path.stem, singer, segment) for singer in singers]
        if segment.type in ("unison", "duet"):
            return SongFiles(name, {f"singer{number}": (part,) for number, part in enumerate(parts, 1)})
        return SongFiles(name, {"main": (parts[0],), "rest": tuple(parts[1:])})

    def _part(self, song: str, singer: str, segment: Segment) -> Part:
        return Part(
            self._sound(song, singer),
            start_s=segment.start_sec,
            length_s=segment.end_sec - segment.start_sec,
            gain_db=segment.gain_adjustment.get(singer, 0.0),
        )

    def _sound(self, song: str, singer: str) -> UPath:
        places = [place / song / f"{song}_RAW" for place in (self.root / "audio", self.root)]
        for place in places:
            if place.is_dir() and (path := by_stem(place).get(singer)):
                return path
        raise StimuliError(
            f"{places[0]}: no file {singer}.wav, nor in {places[1]}; expected it in one of them; copy it from MedleyDB"
        )


def _read(path: UPath) -> dict[str, dict[str, Any]]:
    """The segments of a file, before they are checked."""
    try:
        return SEGMENTS.validate_json(path.read_bytes())
    except ValidationError as error:
        raise StimuliError(
            f"{path}: {error.errors()[0]['msg']}; expected JSON with an object for each segment; "
            "copy the file from MedleyVox"
        ) from error


def _segment(where: str, values: dict[str, Any]) -> Segment:
    try:
        segment = Segment.model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r})" for e in error.errors()]
        raise StimuliError(f"{where}: {'; '.join(problems)}; correct the file") from error
    if segment.end_sec <= segment.start_sec:
        raise StimuliError(
            f"{where}: ends at {segment.end_sec:g} s; expected an end after its start at {segment.start_sec:g} s; "
            "correct the file"
        )
    return segment
