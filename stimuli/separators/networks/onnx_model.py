"""A network in an ONNX file, run by onnxruntime on the processor.

The file's bytes are held against the pinned hash and are all that is read: weights in a second file beside it, which no
hash would cover, are refused.

Defines: ``OnnxModel``.
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from stimuli.errors import StimuliError
from stimuli.separators.networks import weights
from stimuli.separators.networks.waveform import Network, WaveformModel, first_line


class OnnxModel(WaveformModel):
    """One input, a waveform; its first output holds the sources."""

    def network(self) -> Network:
        """The file as a function.

        Raises
        ------
        StimuliError
            Where the file is no ONNX model that runs here, or takes something else than a waveform.
        """
        content = weights.read(self.place, self.system.sha256, self.who)
        session = self._session(content)
        self._check_input(session)
        name, output = session.get_inputs()[0].name, session.get_outputs()[0].name

        def network(waveform: np.ndarray) -> np.ndarray:
            return np.asarray(session.run([output], {name: waveform})[0], np.float32)

        return network

    def _session(self, content: bytes) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised, and said once
        options.use_deterministic_compute = True
        try:
            # An empty folder is all that it can look for further files in.
            with tempfile.TemporaryDirectory() as empty:
                options.add_session_config_entry("session.model_external_initializers_file_folder_path", empty)
                return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no base in common
            raise StimuliError(
                f"{self.who}: {self.place}: can't be run as an ONNX model: {first_line(error)}; export it again, "
                "as one file"
            ) from None

    def _check_input(self, session: Any) -> None:
        """Refuse what the file itself says it can't take, before a song is read."""
        given = session.get_inputs()
        channels, chunk = self.system.channels, self.system.chunk_frames
        shape = list(given[0].shape) if given else []
        expected = f"one input float32 (1, {channels}, frames)"
        # Names stand for sizes that may be any.
        fits = len(shape) == 3 and all(
            not isinstance(found, int) or found == wanted for found, wanted in zip(shape, (1, channels), strict=False)
        )
        if len(given) != 1 or given[0].type != "tensor(float)" or not fits:
            found = "; ".join(f"{one.name}: {one.type} {one.shape}" for one in given) or "none"
            raise StimuliError(f"{self.who}: {self.place}: expected {expected}, found {found}; export it so")
        if isinstance(shape[2], int) and shape[2] != chunk:
            raise StimuliError(
                f"{self.who}: {self.place}: it takes pieces of {shape[2]} frames; set chunk_frames = {shape[2]}"
            )
