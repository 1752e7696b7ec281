"""RNNoise (Valin 2018, arXiv:1709.08243): a small recurrent network sets the gains of bands, a comb filter the rest.

The library, weights compiled in, is a file of the package ``pyrnnoise``, whose own code is not imported: it wants more
packages than the library needs. The library counts in steps of 16 bits, and hears all through a high-pass at 22 Hz,
which moves the lowest tones a little forward; the delay that is removed is that of the frames.

Defines: ``Rnnoise``.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np

from stimuli.errors import StimuliError
from stimuli.separators.speech.enhancer import FLOATS, FRAME, Enhancer, Process, samples

LIBRARIES = {"darwin": "librnnoise.dylib", "win32": "rnnoise.dll"}
FULL_SCALE = np.float32(2**15)


class Rnnoise(Enhancer):
    """A window of 960 samples and one frame of look-ahead: two frames late."""

    distribution = module = "pyrnnoise"
    lag: ClassVar[int] = 960

    def files(self) -> dict[str, Path]:
        """The library of this platform, which holds the weights."""
        return {"library_sha256": self.package_folder() / LIBRARIES.get(sys.platform, "librnnoise.so")}

    def pinned(self, path: Path) -> str:
        """None: the library is another one on each platform, and on record."""
        return ""

    def declared(self) -> ctypes.CDLL:
        """The library, with the types of what is called."""
        library = self.library()
        library.rnnoise_get_frame_size.argtypes = []
        library.rnnoise_get_frame_size.restype = ctypes.c_int
        library.rnnoise_create.argtypes = [ctypes.c_void_p]
        library.rnnoise_create.restype = ctypes.c_void_p
        library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
        library.rnnoise_process_frame.restype = ctypes.c_float
        library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
        library.rnnoise_destroy.restype = None
        return library

    @contextmanager
    def processing(self) -> Iterator[Process]:
        """A state of the library.

        Raises
        ------
        StimuliError
            Where the library takes frames of another length.
        """
        library = self.declared()
        if (length := library.rnnoise_get_frame_size()) != FRAME:
            raise StimuliError(f"{self.who}: its library takes {length} samples at a time, expected {FRAME}")
        state = library.rnnoise_create(None)

        def process(heard: np.ndarray, made: np.ndarray) -> None:
            library.rnnoise_process_frame(state, samples(made), samples(heard * FULL_SCALE))
            made /= FULL_SCALE

        try:
            yield process
        finally:
            library.rnnoise_destroy(state)
