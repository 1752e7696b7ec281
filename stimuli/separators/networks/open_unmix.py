"""Open-Unmix out of a folder in its own layout, on songs of any length.

``separator.json`` says rate, channels and transform; each source has ``<source>.json`` and one file of weights,
``<source>.pth`` or ``<source>-<checksum>.pth``. The networks hear the magnitudes of the whole song; their estimates are
then filtered against each other in blocks of 300 frames (``stimuli.separators.wiener``). Spectra exist for one block at
a time; over the whole song there are only ``hidden`` numbers per frame and source, a quarter of its own size with
the published weights.

Defines: ``OpenUnmix``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stimuli.errors import StimuliError
from stimuli.separators import wiener
from stimuli.separators.networks import weights
from stimuli.separators.networks.long_spectra import LongSound, LongSum
from stimuli.separators.networks.state import state_dict
from stimuli.separators.networks.torch_model import FolderModel
from stimuli.separators.networks.waveform import Network

SETTINGS = {"sample_rate": (8_000, 192_000), "nfft": (16, 1 << 16), "nhop": (1, 1 << 15), "nb_channels": (1, 2)}


class OpenUnmix(FolderModel):
    """The networks of an Open-Unmix folder, and the filter between them."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Those with a network, then the residual if there is one."""
        return self.system.given

    @property
    def rate_hz(self) -> int:
        """As ``separator.json`` says."""
        return self._settings["sample_rate"]

    @property
    def channels(self) -> int:
        """As ``separator.json`` says."""
        return self._settings["nb_channels"]

    def files(self) -> dict[str, Path]:
        """The folder's description, and each source's description and weights."""
        found = {"separator.json": self.place / "separator.json"}
        for source in self.system.sources:
            found |= {f"{source}.json": self.place / f"{source}.json", f"{source}.pth": self._weights(source)}
        return found

    def fingerprint(self) -> dict[str, str]:
        """The files' hashes; a folder's description that can't be read is refused here, before anything is rendered."""
        self._settings  # noqa: B018 (reading them is the question)
        return super().fingerprint()

    def network(self) -> Network:
        """All networks and the filter, as one function.

        Raises
        ------
        StimuliError
            Where a file is not as Open-Unmix writes it, or doesn't fit the others.
        """
        from stimuli.separators.networks.open_unmix_estimates import Estimates

        nets = [self._net(source) for source in self.system.sources]

        def network(waveform: np.ndarray) -> np.ndarray:
            sound = LongSound(waveform[0], self._settings["nfft"], self._settings["nhop"])
            estimates = Estimates(nets, sound, self.device)
            whole = LongSum(sound, (len(self.sources), self.channels))
            for start, spectra in sound.blocks(wiener.BLOCK):
                whole.add(start, self._filtered(estimates.magnitudes(start, spectra), spectra))
            return whole.sound()[None]

        return network

    def _filtered(self, magnitudes: np.ndarray, mixture: np.ndarray) -> np.ndarray:
        """Sources (sources, channels, bins, times) in a block of the mixture."""
        keys = {"shares": self.system.softmask, "rest": self.system.residual is not None}
        first = wiener.first_estimates(magnitudes, mixture, **keys)
        return wiener.multichannel(first, mixture, self.system.iterations) if self.system.iterations else first

    def _weights(self, source: str) -> Path:
        """The file of a source's weights; where it should lie, if there is none."""
        found = weights.stored(self.place, source, (".pth",))
        if len(found) > 1:
            names = " or ".join(path.name for path in found)
            raise StimuliError(
                f"{self.who}: {self.place}: the weights of {source!r} may be {names}; leave one of them there"
            )
        return found[0] if found else self.place / f"{source}.pth"

    @functools.cached_property
    def _settings(self) -> dict[str, int]:
        path = self.place / "separator.json"
        described, where = self._described(path), f"{self.who}: {path}"
        found = {key: _number(described, key, where, limits) for key, limits in SETTINGS.items()}
        if found["nfft"] % 2 or found["nhop"] > found["nfft"] // 2:
            raise StimuliError(f"{where}: nhop is at most half of nfft, found {found['nhop']} and {found['nfft']}")
        return found

    def _described(self, path: Path) -> Mapping[str, Any]:
        try:
            found = json.loads(self.content(path))
        except ValueError as error:
            raise StimuliError(f"{self.who}: {path}: can't be read as JSON: {error}") from None
        if not isinstance(found, dict):
            raise StimuliError(f"{self.who}: {path}: expected a JSON object, as Open-Unmix writes it")
        return found

    def _net(self, source: str) -> Any:
        """A source's network with its weights, held against both descriptions."""
        from stimuli.separators.networks.architectures.open_unmix import of_state

        path, described = self._weights(source), self.place / f"{source}.json"
        state = state_dict(self.content(path), path, self.who)
        try:
            net = of_state(state)
            # Published files hold some buffers more, of the transform; what batch norms counted has no part in this.
            keys = net.load_state_dict(state, strict=False, assign=True)
        except (ValueError, RuntimeError) as error:
            raise StimuliError(f"{self.who}: {path}: {' '.join(str(error).split())}") from None
        if gone := [key for key in keys.missing_keys if not key.endswith("num_batches_tracked")]:
            raise StimuliError(f"{self.who}: {path}: these are no weights of Open-Unmix: {', '.join(gone)} missing")
        self._check(net, self._described(described).get("args"), f"{self.who}: {described}")
        return net.float().eval().requires_grad_(False).to(self.device)

    def _check(self, net: Any, args: Any, where: str) -> None:
        """Hold a source's description against the folder's, and both against the weights."""
        if not isinstance(args, dict):
            raise StimuliError(f'{where}: expected "args", as Open-Unmix writes it')
        found = {key: args.get(key) for key in ("nfft", "nb_channels", "hidden_size")}
        there = {"nfft": 2 * (net.bins - 1), "nb_channels": net.channels, "hidden_size": net.fc1.out_features}
        for what, other in (("the weights", there), ("separator.json", self._settings)):
            if wrong := [key for key in found if key in other and found[key] != other[key]]:
                key = wrong[0]
                raise StimuliError(f"{where}: {key} is {found[key]!r}, and {other[key]} according to {what}")


def _number(settings: Mapping[str, Any], key: str, where: str, limits: tuple[int, int]) -> int:
    found = settings.get(key)
    # NaN and infinity, which Python's JSON knows, are within no limits; and a truth is no number.
    within = isinstance(found, int | float) and found is not True and limits[0] <= found <= limits[1]
    if not isinstance(found, int | float) or not within or found != int(found):
        raise StimuliError(f"{where}: {key} is {found!r}; expected a whole number, {limits[0]} to {limits[1]}")
    return int(found)
