"""What networks on waveforms have in common, wherever they come from: one contract for what goes in and comes out.

In: float32 (1, channels, frames) at a stated rate. Out: float32 (1, sources, channels, frames). A subclass says which
files it is made of and how they become such a network. Whether a song of another rate or number of channels is brought
to the network's and back, the experiment file says (``convert``).

Defines: ``WaveformModel``, ``Network``, ``taken``, ``given_back``, ``first_line``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stimuli import audio
from stimuli.description.system import System
from stimuli.errors import StimuliError
from stimuli.separators import Song, Sound, lacking, sources
from stimuli.separators.chunks import overlapped
from stimuli.separators.networks import weights

Network = Callable[[np.ndarray], np.ndarray]
"""(1, channels, frames) to (1, sources, channels, frames)."""


class WaveformModel:
    """A network in a file, which its entry names and may pin; a subclass may be made of several.

    The entry has ``sources``, ``rate_hz``, ``channels``, ``chunk_frames``, ``overlap`` and ``convert``, unless the
    subclass knows them from elsewhere.
    """

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = False

    def __init__(self, system: System) -> None:
        self.system: Any = system
        self.folder = Path()

    @property
    def place(self) -> Path:
        """Where the file, or the folder, should lie."""
        return self.folder / self.system.path

    @property
    def who(self) -> str:
        """How it is called in a sentence."""
        return f"system {self.system.name!r}"

    @property
    def sources(self) -> tuple[str, ...]:
        """What it gives, in the network's order."""
        return self.system.sources

    @property
    def rate_hz(self) -> int:
        """The rate that the network hears."""
        return self.system.rate_hz

    @property
    def channels(self) -> int:
        """How many channels the network hears."""
        return self.system.channels

    @property
    def chunk_frames(self) -> int | None:
        """Frames that the network hears at a time; None: the whole song."""
        return self.system.chunk_frames

    def files(self) -> dict[str, Path]:
        """Every file that its samples follow from, by what it is in the fingerprint."""
        return {"weights_sha256": self.place}

    def pinned(self, path: Path) -> str:
        """SHA-256 that one of the files must have, or what it begins with; empty where none is demanded."""
        return self.system.sha256

    def content(self, path: Path) -> bytes:
        """One of the files, held against its hash."""
        return weights.read(path, self.pinned(path), self.who)

    def uninstalled(self) -> str | None:
        """The package that is not there."""
        return lacking(self.system.packages)

    def missing(self) -> str | None:
        """The package or the file that is not there."""
        return self.uninstalled() or self._absent()

    def _absent(self) -> str | None:
        """The file that is not there."""
        reasons = (weights.absent(path, self.pinned(path)) for path in self.files().values())
        return next(filter(None, reasons), None)

    def fingerprint(self) -> dict[str, str]:
        """The files' hashes: other weights, another render."""
        return {what: weights.digest(path, self.pinned(path), self.who) for what, path in self.files().items()}

    def provenance(self) -> dict[str, Any]:
        """The files' names and hashes, and what the accompaniment is."""
        told, files, hashes = sources.told(self.sources), self.files(), self.fingerprint()
        return {
            "parameters": {"accompaniment": told} if told else {},
            "weights_sha256": {path.name: hashes[what] for what, path in files.items()},
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Its sources, and the accompaniment where it tells the vocals from the rest."""
        return sources.gives(self.sources)

    def network(self) -> Network:
        """The network in the file."""
        raise NotImplementedError

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """Every source that the targets follow from, in the song's own form.

        Raises
        ------
        StimuliError
            Where the song has another form than the network's and may not be converted, the file can't be used, or what
            comes out has another shape than the contract says.
        """
        who = f"{self.who} on {song.name!r}"
        parts = {part for one in targets for part in sources.made_of(self.sources, one)}
        wanted = [name for name in self.sources if name in parts]
        heard = self._heard(song, who)
        network = self.network()
        made = [self._through(network, one.T, wanted, who) for one in heard]
        channels = given_back(made, song.mixture.shape[1])
        estimates = {name: self._brought_back(one.T, song) for name, one in zip(wanted, channels, strict=True)}
        return {one: sources.answer(self.sources, one, estimates, song.mixture) for one in targets}

    def _heard(self, song: Song, who: str) -> list[Sound]:
        """The mixture as the network takes it: once, or channel by channel."""
        self.check_form(song.rate_hz, song.mixture.shape[1], who)
        return taken(audio.resampled(song.mixture, song.rate_hz, self.rate_hz), self.channels)

    def check_form(self, rate_hz: int, there: int, who: str) -> None:
        """Refuse a song of a rate and a number of channels that it neither takes nor may have converted."""
        channels = self.channels
        if not self.system.convert and (rate_hz, there) != (self.rate_hz, channels):
            raise StimuliError(
                f"{who}: it takes {channels} channel(s) at {self.rate_hz} Hz, found {there} at {rate_hz} Hz; "
                "set convert = true in its entry to have the song converted and brought back"
            )
        if there not in (1, channels) and channels != 1:
            raise StimuliError(f"{who}: it takes {channels} channels, found {there}; mix the song down")

    def _through(self, network: Network, mixture: np.ndarray, wanted: Sequence[str], who: str) -> np.ndarray:
        """(channels, frames) to (sources that are wanted, channels, frames), in pieces if the entry says so."""
        kept = [self.sources.index(name) for name in wanted]

        def checked(piece: np.ndarray) -> np.ndarray:
            try:
                made = network(np.ascontiguousarray(piece[None], np.float32))
            except Exception as error:  # somebody else's network: whatever it raises is said, with its name
                raise StimuliError(f"{who}: the network failed: {first_line(error)}") from error
            expected = (1, len(self.sources), *piece.shape)
            if made.shape != expected:
                raise StimuliError(
                    f"{who}: it answered {list(made.shape)} to {[1, *piece.shape]}, expected {list(expected)}: "
                    "(1, sources, channels, frames); correct sources or channels, or export it with that output"
                )
            return made[0, kept] if len(kept) < len(made[0]) else made[0]

        chunk = self.chunk_frames
        return overlapped(checked, mixture, chunk, self.system.overlap) if chunk else checked(mixture)

    def _brought_back(self, sound: Sound, song: Song) -> Sound:
        if self.rate_hz == song.rate_hz:
            return sound
        # To the frame: two roundings may differ by one.
        found = audio.resampled(sound, self.rate_hz, song.rate_hz)[: len(song.mixture)]
        return np.pad(found, ((0, len(song.mixture) - len(found)), (0, 0)))


def taken(mixture: Sound, channels: int) -> list[Sound]:
    """A mixture as a network of so many channels takes it: once (mono: in every channel), or channel by channel."""
    there = mixture.shape[1]
    if channels == 1:
        return [mixture[:, [index]] for index in range(there)]
    return [mixture if there == channels else np.repeat(mixture, channels, axis=1)]


def given_back(made: Sequence[np.ndarray], there: int) -> np.ndarray:
    """What the network made of each, (sources, channels, frames), as one of the mixture's ``there`` channels."""
    channels = np.concatenate(made, axis=1) if len(made) > 1 else made[0]
    return channels.mean(axis=1, keepdims=True) if there < channels.shape[1] else channels


def first_line(error: BaseException) -> str:
    """What an error says first; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
