"""What networks on waveforms have in common, wherever they come from: one contract for what goes in and comes out.

In: float32 (1, channels, frames) at a stated rate. Out: float32 (1, sources, channels, frames). A subclass says how its
file becomes such a network. Whether a song of another rate or number of channels is brought to the network's and
back, the experiment file says (``convert``).

Defines: ``WaveformModel``, ``Network``, ``taken``, ``given_back``, ``first_line``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stimuli import audio
from stimuli.description.outside import OnnxSystem, TorchCheckpointSystem
from stimuli.errors import StimuliError
from stimuli.separators import Song, Sound, lacking, sources
from stimuli.separators.chunks import overlapped
from stimuli.separators.networks import weights

Network = Callable[[np.ndarray], np.ndarray]
"""(1, channels, frames) to (1, sources, channels, frames)."""


class WaveformModel:
    """A network in a file, which its entry names and may pin."""

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = False

    def __init__(self, system: OnnxSystem | TorchCheckpointSystem) -> None:
        self.system: Any = system
        self.folder = Path()

    @property
    def place(self) -> Path:
        """Where the file should lie."""
        return self.folder / self.system.path

    @property
    def who(self) -> str:
        """How it is called in a sentence."""
        return f"system {self.system.name!r}"

    def missing(self) -> str | None:
        """The package or the file that is not there."""
        return lacking(self.system.packages) or weights.absent(self.place, self.system.sha256)

    def fingerprint(self) -> dict[str, str]:
        """The file's hash: other weights, another render."""
        return {"weights_sha256": weights.digest(self.place, self.system.sha256, self.who)}

    def provenance(self) -> dict[str, Any]:
        """The file's name and hash, and what the accompaniment is."""
        told = sources.told(self.system.sources)
        return {
            "parameters": {"accompaniment": told} if told else {},
            "weights_sha256": {self.place.name: self.fingerprint()["weights_sha256"]},
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Its sources, and the accompaniment where it tells the vocals from the rest."""
        return sources.gives(self.system.sources)

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
        heard = self._heard(song, who)
        network = self.network()
        made = [self._through(network, one.T, who) for one in heard]
        channels = given_back(made, song.mixture.shape[1])
        wanted = {part for target in targets for part in sources.made_of(self.system.sources, target)}
        estimates = {
            name: self._brought_back(channels[index].T, song)
            for index, name in enumerate(self.system.sources)
            if name in wanted
        }
        return {one: sources.answer(self.system.sources, one, estimates, song.mixture) for one in targets}

    def _heard(self, song: Song, who: str) -> list[Sound]:
        """The mixture as the network takes it: once, or channel by channel."""
        self.check_form(song.rate_hz, song.mixture.shape[1], who)
        return taken(audio.resampled(song.mixture, song.rate_hz, self.system.rate_hz), self.system.channels)

    def check_form(self, rate_hz: int, there: int, who: str) -> None:
        """Refuse a song of a rate and a number of channels that it neither takes nor may have converted."""
        channels = self.system.channels
        if not self.system.convert and (rate_hz, there) != (self.system.rate_hz, channels):
            raise StimuliError(
                f"{who}: it takes {channels} channel(s) at {self.system.rate_hz} Hz, found {there} at {rate_hz} Hz; "
                "set convert = true in its entry to have the song converted and brought back"
            )
        if there not in (1, channels) and channels != 1:
            raise StimuliError(f"{who}: it takes {channels} channels, found {there}; mix the song down")

    def _through(self, network: Network, mixture: np.ndarray, who: str) -> np.ndarray:
        """(channels, frames) to (sources, channels, frames), in pieces if the entry says so."""

        def checked(piece: np.ndarray) -> np.ndarray:
            try:
                made = network(np.ascontiguousarray(piece[None], np.float32))
            except Exception as error:  # somebody else's network: whatever it raises is said, with its name
                raise StimuliError(f"{who}: the network failed: {first_line(error)}") from error
            expected = (1, len(self.system.sources), *piece.shape)
            if made.shape != expected:
                raise StimuliError(
                    f"{who}: it answered {list(made.shape)} to {[1, *piece.shape]}, expected {list(expected)}: "
                    "(1, sources, channels, frames); correct sources or channels, or export it with that output"
                )
            return made[0]

        chunk = self.system.chunk_frames
        return overlapped(checked, mixture, chunk, self.system.overlap) if chunk else checked(mixture)

    def _brought_back(self, sound: Sound, song: Song) -> Sound:
        if self.system.rate_hz == song.rate_hz:
            return sound
        # To the frame: two roundings may differ by one.
        found = audio.resampled(sound, self.system.rate_hz, song.rate_hz)[: len(song.mixture)]
        return np.pad(found, ((0, len(song.mixture) - len(found)), (0, 0)))


def taken(mixture: Sound, channels: int) -> list[Sound]:
    """A mixture as a network of so many channels takes it: once (mono: in every channel), or channel by channel."""
    there = mixture.shape[1]
    if channels == 1:
        return [mixture[:, [index]] for index in range(there)]
    return [mixture if there == channels else np.repeat(mixture, channels, axis=1)]


def given_back(made: Sequence[np.ndarray], there: int) -> np.ndarray:
    """What the network made of each, (sources, channels, frames), as one of the mixture's ``there`` channels."""
    channels = np.concatenate(made, axis=1)
    return channels.mean(axis=1, keepdims=True) if there < channels.shape[1] else channels


def first_line(error: Exception) -> str:
    """What an error says first; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
