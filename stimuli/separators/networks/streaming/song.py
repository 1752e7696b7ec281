"""A causal network on a song, block by block: channels as the network takes them, and the sources that follow.

Defines: ``SongStream``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from stimuli.separators import Sound, sources
from stimuli.separators.networks.streaming.stream import Stream
from stimuli.separators.networks.waveform import given_back, taken


class SongStream:
    """One stream for each time that the network hears the song (a mono network: each channel); a ``SourceStream``."""

    def __init__(self, names: Sequence[str], channels: int, streams: Sequence[Stream]) -> None:
        self.names, self.channels, self.streams = names, channels, streams
        self.latency_frames = streams[0].latency_frames
        self.mixture: Sound | None = None

    def push(self, block: Sound) -> dict[str, Sound]:
        """What is final after these frames, for every source that the system gives."""
        self.mixture = block if self.mixture is None else np.concatenate([self.mixture, block])
        parts = zip(self.streams, taken(block, self.channels), strict=True)
        return self._estimates([stream.push(torch.from_numpy(part.T.copy())) for stream, part in parts])

    def finish(self) -> dict[str, Sound]:
        """The rest of every source."""
        return self._estimates([stream.finish() for stream in self.streams])

    def _estimates(self, made: list[torch.Tensor]) -> dict[str, Sound]:
        assert self.mixture is not None, "a song has a frame at least"
        channels = given_back([one.cpu().numpy() for one in made], self.mixture.shape[1])
        count = channels.shape[2]
        mixture, self.mixture = self.mixture[:count], self.mixture[count:]
        estimates = {name: channels[index].T for index, name in enumerate(self.names)}
        return {one: sources.answer(self.names, one, estimates, mixture) for one in sources.gives(self.names)}
