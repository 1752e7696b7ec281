"""What speech enhancers have in common: a native library of an installed package, fed frame by frame through ctypes.

Each channel is heard by itself, by a state of its own that starts anew with every song, at 48 kHz, 480 frames at a
time. The library answers late; silence follows the song until all of it has come out, and what came before its
beginning is dropped, so that estimate and song begin together. Vocals are what is kept, the accompaniment is the rest
of the mixture.

Defines: ``Enhancer``, ``FRAME``, ``RATE_HZ``, ``samples``.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stimuli.errors import StimuliError
from stimuli.separators.networks.waveform import Network, WaveformModel

RATE_HZ = 48_000
FRAME = 480
FLOATS = ctypes.POINTER(ctypes.c_float)

Process = Callable[[np.ndarray, np.ndarray], object]
"""Hears the first frame (float32, ``FRAME`` samples) and writes what comes out into the second."""


class Enhancer(WaveformModel):
    """A subclass names its distribution, its files, and how a frame goes through its library."""

    distribution: ClassVar[str]
    module: ClassVar[str]
    """The package's name in Python; it is found without being imported."""
    lag: ClassVar[int]
    """By how many samples what comes out is late."""

    @property
    def sources(self) -> tuple[str, ...]:
        """What it keeps."""
        return ("vocals",)

    @property
    def rate_hz(self) -> int:
        """Of a full band."""
        return RATE_HZ

    @property
    def channels(self) -> int:
        """One at a time."""
        return 1

    @property
    def chunk_frames(self) -> None:
        """None: it hears the whole song, frame by frame."""

    @contextmanager
    def processing(self) -> Iterator[Process]:
        """A state that has heard nothing yet."""
        raise NotImplementedError

    def package_folder(self) -> Path:
        """Where the package lies.

        Raises
        ------
        StimuliError
            Where it is not installed.
        """
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise StimuliError(f"{self.who}: {self.uninstalled()}")
        return Path(spec.submodule_search_locations[0])

    def library(self) -> ctypes.CDLL:
        """The package's library.

        Raises
        ------
        StimuliError
            Where it can't be loaded on this machine.
        """
        return _loaded(self.files()["library_sha256"], self.who)

    def missing(self) -> str | None:
        """The package, or a file of it, that is not there."""
        return self.uninstalled() or self._absent()

    def _absent(self) -> str | None:
        lost = [path for path in self.files().values() if not path.is_file()]
        return f"{lost[0]} is missing; install {self.distribution} again" if lost else None

    def fingerprint(self) -> dict[str, str]:
        """Hashes of model and library: others may give other samples."""
        if lacks := self.missing():
            raise StimuliError(f"{self.who}: {lacks}")
        return super().fingerprint()

    def provenance(self) -> dict[str, Any]:
        """The package's version beside the files' hashes and what the accompaniment is."""
        found = super().provenance()
        package = f"{self.distribution} {importlib.metadata.version(self.distribution)}"
        return found | {"parameters": found["parameters"] | {"package": package, "lag_removed": self.lag}}

    def check_form(self, rate_hz: int, there: int, who: str) -> None:
        """Any rate and any number of channels will do."""

    def network(self) -> Network:
        """The enhancer as a function of a channel."""
        self.fingerprint()  # refuses what is not there, or is not what was meant

        def network(waveform: np.ndarray) -> np.ndarray:
            return self._enhanced(waveform.ravel()).reshape(1, 1, *waveform.shape[1:])

        return network

    def _enhanced(self, channel: np.ndarray) -> np.ndarray:
        """A channel, float32 (frames,), without what is not speech: of the same length, and in time with it."""
        if not np.isfinite(channel).all():
            raise ValueError("the song holds NaN or infinity; render it again")
        heard = np.zeros(-(-(len(channel) + self.lag) // FRAME) * FRAME, np.float32)
        heard[: len(channel)] = channel
        made = np.zeros_like(heard)
        with self.processing() as process:
            for first in range(0, len(heard), FRAME):
                process(heard[first : first + FRAME], made[first : first + FRAME])
        return made[self.lag : self.lag + len(channel)]


def samples(frame: np.ndarray) -> Any:
    """A frame as a library takes it."""
    return frame.ctypes.data_as(FLOATS)


@functools.cache
def _loaded(path: Path, who: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise StimuliError(f"{who}: {path} can't be loaded: {error}") from None
