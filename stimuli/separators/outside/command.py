"""Any program as a system: it gets a WAV file in a folder of its own, and what it writes there is read back.

No shell, no input from the keyboard. A program that fails, hangs or writes something else than a sound like the mixture
becomes one sentence with the last lines that it wrote. At its time limit, and whenever we leave, it is killed with
everything that it started.

Defines: ``Command``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from stimuli import audio
from stimuli.description.outside import CommandSystem
from stimuli.errors import SoundError, StimuliError
from stimuli.manifest import file_sha256
from stimuli.separators import Song, Sound, sources
from stimuli.separators.outside import processes

LAST_LINES = 3
LAST_BYTES = 4096
LINE_LETTERS = 200


class Command:
    """A program that is run for each song, and for each source if its ``argv`` has ``{target}``."""

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = False

    def __init__(self, system: CommandSystem) -> None:
        self.system = system
        self.folder = Path()

    def uninstalled(self) -> str | None:
        """The program that should be on the PATH; one that is named by its path is a file of the user's."""
        return None if "/" in self._filled(self.system.argv[0]) else self.missing()

    def missing(self) -> str | None:
        """The program, where it is not found."""
        program = self._filled(self.system.argv[0])
        if shutil.which(program):
            return None
        if "/" not in program:
            return f"there is no program {program!r} on the PATH; install it, or write its path into argv"
        if Path(program).is_file():
            return f"{program} may not be run; chmod +x {program}"
        return f"there is no program {program}; put it there, or correct argv"

    def provenance(self) -> dict[str, Any]:
        """The hash of the program, and of the files that are named by ``{folder}``; what the accompaniment is."""
        named = [self.system.argv[0], *(text for text in self.system.argv[1:] if "{folder}" in text)]
        paths = [Path(self._filled(text)) for text in named]
        files = {path.name: file_sha256(path) for path in paths if "/" in str(path) and path.is_file()}
        told = sources.told(self.system.sources)
        parameters = {"program_sha256": files} | ({"accompaniment": told} if told else {})
        return {"parameters": parameters, "weights_sha256": {}}

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Its sources, and the accompaniment where it tells the vocals from the rest."""
        return sources.gives(self.system.sources)

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """What the program writes, for every source that the targets follow from.

        Raises
        ------
        StimuliError
            Where it can't be started, ends with another status than 0, or takes too long.
        SoundError
            Where it wrote no sound, or one of another form than the song's.
        """
        who = f"system {self.system.name!r} on {song.name!r}"
        wanted = [part for target in targets for part in sources.made_of(self.system.sources, target)]
        parts = list(dict.fromkeys(wanted))
        if any("{target}" in text for text in self.system.argv):
            estimates = {part: self._run(song, [part], who)[part] for part in parts}
        else:
            estimates = self._run(song, parts, who)
        return {one: sources.answer(self.system.sources, one, estimates, song.mixture) for one in targets}

    def _run(self, song: Song, parts: Sequence[str], who: str) -> dict[str, Sound]:
        """One run of the program in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="hidden-reference-", ignore_cleanup_errors=True) as name:
            work = Path(name)
            output = work / "output"
            audio.write_render(work / "mixture.wav", song.mixture, song.rate_hz)
            if any("{output}/" in text for text in self.system.argv):
                output.mkdir()  # it writes into it, and most programs make no folders
            places = {"mixture": str(work / "mixture.wav"), "output": str(output), "target": parts[0]}
            self._call(work, [self._filled(text, places) for text in self.system.argv], who)
            return {part: self._read(output, part, song, who) for part in parts}

    def _call(self, work: Path, argv: Sequence[str], who: str) -> None:
        limit_s = self.system.time_limit_s
        said = work / "said"
        try:
            status = processes.run(argv, folder=work, log=said, limit_s=limit_s)
        except OSError as error:
            raise StimuliError(f"{who}: {argv[0]} can't be started: {error.strerror or error}; correct argv") from None
        if status is None:
            raise StimuliError(
                f"{who}: it took longer than {limit_s:g} s and was ended; raise time_limit_s{_last_lines(said)}"
            )
        if status:
            ended = f"ended with exit status {status}" if status > 0 else f"was ended by signal {-status}"
            raise StimuliError(f"{who}: {Path(argv[0]).name} {ended}{_last_lines(said)}")

    def _read(self, output: Path, part: str, song: Song, who: str) -> Sound:
        """The sound of a source, held against the song's form."""
        path = self._found(output, part, who)
        try:
            sound, rate_hz = audio.read(path)
        except SoundError as error:
            raise SoundError(f"{who}: what it wrote: {str(error).replace(str(path), path.name)}") from None
        if rate_hz != song.rate_hz:
            raise SoundError(f"{who}: {path.name} has {rate_hz} Hz, expected {song.rate_hz} Hz like the mixture")
        if sound.shape != song.mixture.shape:
            found, expected = (
                "{} frames of {} channel(s)".format(*shape) for shape in (sound.shape, song.mixture.shape)
            )
            raise SoundError(f"{who}: {path.name} has {found}, expected {expected} like the mixture")
        return sound

    def _found(self, output: Path, part: str, who: str) -> Path:
        """The file of a source: the one that was written, or the one of its name in the folder."""
        if single := next((path for path in (output, output.with_suffix(".wav")) if path.is_file()), None):
            if len(self.system.sources) == 1 or any("{target}" in text for text in self.system.argv):
                return single
            raise SoundError(
                f"{who}: it wrote one file for the sources {', '.join(self.system.sources)}; use {{target}} in argv, "
                "or name in sources what that file is"
            )
        files = [path for path in sorted(output.rglob(f"{part}.wav")) if path.is_file()] if output.is_dir() else []
        if len(files) == 1:
            return files[0]
        there = [path.relative_to(output).as_posix() for path in sorted(output.rglob("*")) if path.is_file()]
        found = ", ".join(there[:6]) or "nothing"
        raise SoundError(
            f"{who}: expected it to write {{output}}.wav, or {part}.wav once below {{output}}; found {found}"
        )

    def _filled(self, text: str, places: dict[str, str] | None = None) -> str:
        """An argument with its places; those that are not known yet stand as they are."""
        known = {name: f"{{{name}}}" for name in ("mixture", "output", "target")}
        filled = text.format(**(known | {"folder": str(self.folder)} | (places or {})))
        # The program itself may be named as seen from the experiment file; it runs elsewhere.
        relative = text == self.system.argv[0] and "/" in filled and not Path(filled).is_absolute()
        return str(self.folder / filled) if relative else filled


def _last_lines(log: Path) -> str:
    """The end of what a program said, in one line."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - LAST_BYTES))
        lines = stream.read().decode("utf-8", "replace").splitlines()
    kept = [line.strip()[:LINE_LETTERS] for line in lines if line.strip()][-LAST_LINES:]
    return f"; its last words: {' | '.join(kept)}" if kept else ""
