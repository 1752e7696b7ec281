"""Weights of a registered architecture: the hash first, then the file, and never a pickle that could run something.

Defines: ``TorchCheckpoint``.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from stimuli.errors import StimuliError
from stimuli.separators import SourceStream, lacking
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.separators.networks.state import SAFETENSORS, state_dict
from stimuli.separators.networks.torch_model import TorchModel
from stimuli.separators.networks.waveform import Network


class TorchCheckpoint(TorchModel):
    """An architecture that is known here, with weights out of a file."""

    def uninstalled(self) -> str | None:
        """The package that is not there; one more for a file in its own format."""
        return lacking({**self.system.packages, **(SAFETENSORS if self.place.suffix == ".safetensors" else {})})

    def fingerprint(self) -> dict[str, str]:
        """The file's hash; an architecture that is not known is refused here, before anything is rendered."""
        self._architecture()
        return super().fingerprint()

    def network(self) -> Network:
        """The architecture with its weights, as a function.

        Raises
        ------
        StimuliError
            Where the file is not the pinned one, is no plain set of weights, or holds those of another network.
        """
        import torch

        module = self._module(self._state()).eval().to(self.device)

        def network(waveform: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return module(torch.from_numpy(waveform).to(self.device)).float().cpu().numpy()

        return network

    def stream(self, rate_hz: int, channels: int) -> SourceStream:
        """The network block by block, for a song of this form. Chunks have no part in it: it hears all of the past.

        Raises
        ------
        StimuliError
            Where the network hears what comes later, the song has another form, or the file can't be used.
        """
        from stimuli.separators.networks.streaming.song import SongStream
        from stimuli.separators.networks.streaming.stream import streamed

        self.check_form(rate_hz, channels, self.who)
        if rate_hz != self.system.rate_hz:
            raise StimuliError(
                f"{self.who}: a stream is not resampled: it takes {self.system.rate_hz} Hz, found {rate_hz} Hz; "
                "resample the song, or leave out --stream"
            )
        module = self._module(self._state()).eval().to(self.device)
        try:
            streams = [streamed(module) for _ in range(channels if self.system.channels == 1 else 1)]
        except ValueError as error:
            raise StimuliError(f"{self.who}: it can't stream: {error}") from None
        return SongStream(self.system.sources, self.system.channels, streams)

    def _architecture(self) -> Any:
        name = self.system.architecture
        if name not in ARCHITECTURES:
            raise StimuliError(f"{self.who}: no architecture {name!r} is known; expected {', '.join(ARCHITECTURES)}")
        module, _, function = ARCHITECTURES[name].partition(":")
        return module, function

    def _state(self) -> dict[str, Any]:
        """The weights by their names."""
        return state_dict(self.content(self.place), self.place, self.who)

    def _module(self, state: dict[str, Any]) -> Any:
        """The network, holding exactly these weights."""
        module, function = self._architecture()
        build = getattr(importlib.import_module(module), function)
        where = f"{self.who}: architecture {self.system.architecture!r}"
        try:
            made = build(self.system.sources, self.system.channels, **self.system.parameters)
        except (TypeError, ValueError, KeyError) as error:
            raise StimuliError(f"{where}: its parameters don't fit: {error}") from None
        if hasattr(made, "adopted"):
            state = made.adopted(state)
        try:
            keys = made.load_state_dict(state, strict=False)
        except RuntimeError as error:
            wrong = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
            raise StimuliError(f"{where}: {self.place} has weights of another shape: {wrong[0]}") from None
        # What batch norms count in training has no part in what they do afterwards; many files leave it out.
        gone = [key for key in keys.missing_keys if not key.endswith("num_batches_tracked")]
        if gone or keys.unexpected_keys:
            missing, unknown = _few(gone), _few(keys.unexpected_keys)
            raise StimuliError(f"{where}: {self.place} is of another network: it lacks {missing}; unknown: {unknown}")
        return made


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "") if keys else "none"
