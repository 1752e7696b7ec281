"""MedleyVox as a system: the folder it is published as, the level it was trained at, and its ways with long songs.

The network is the registered architecture ``medleyvox``, read as any other checkpoint; ``vocals.json`` says how it is
built. It hears the mean of the channels at the rate that the file names, at -24 LUFS with the one channel counted once,
as its authors measured it (``stimuli.loudness`` counts it twice, and reads 3 dB more).

Defines: ``MedleyVox``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import ValidationError

from stimuli import audio
from stimuli.description.outside import TorchCheckpointSystem
from stimuli.errors import StimuliError
from stimuli.experiment import MedleyVoxSystem
from stimuli.loudness import to_level
from stimuli.resemblance import correlation
from stimuli.separators import Song, Sound, lacking
from stimuli.separators.networks import weights
from stimuli.separators.networks.checkpoint import TorchCheckpoint
from stimuli.separators.networks.torch_model import unusable
from stimuli.separators.singers.activity import ACTIVITIES, WEBRTC, webrtc_package
from stimuli.separators.singers.consistency import Neighbours, Orderer, Voices, best_order, cosine, nearness
from stimuli.separators.singers.features import BUILT_IN, Features, Registered
from stimuli.separators.singers.modes import OVERLAP, Network, segmented, windowed
from stimuli.separators.singers.settings import Settings, SettingsFile

SETTINGS, WEIGHTS = "vocals.json", "vocals.pth"
LEVEL_LUFS = -24.0 + 10 * np.log10(2)


class MedleyVox:
    """A mixture of voices to its singers."""

    version: ClassVar[str] = "1"
    looks_at_stems: ClassVar[bool] = True
    """It separates without them; they say which output is which singer."""

    def __init__(self, system: MedleyVoxSystem) -> None:
        self.system = system
        self.folder, self.device = Path(), "cpu"

    @property
    def who(self) -> str:
        """How it is called in a sentence."""
        return f"system {self.system.name!r}"

    @property
    def place(self) -> Path:
        """The folder of its files."""
        return self.folder / self.system.path

    def uninstalled(self) -> str | None:
        """The package that is not there."""
        wanted = WEBRTC if self._hears_webrtc else {}
        features = self._registered
        return lacking(dict(self.system.packages) | dict(wanted)) or (features and features.missing())

    def missing(self) -> str | None:
        """The package, the device or the file that is not there."""
        if reason := self.uninstalled() or unusable(self.device):
            return reason
        if not (self.place / SETTINGS).is_file():
            return f"how it is built is missing: put {SETTINGS} at {self.place / SETTINGS}, beside {WEIGHTS}"
        return weights.absent(self.place / WEIGHTS, self.system.sha256)

    def fingerprint(self) -> dict[str, str]:
        """Hashes of both files, and the packages of features and activity: others, another render."""
        found = {
            "settings_sha256": weights.digest(self.place / SETTINGS, "", self.who),
            "weights_sha256": weights.digest(self.place / WEIGHTS, self.system.sha256, self.who),
        }
        self._settings()
        return found | self._packages()

    def provenance(self) -> dict[str, Any]:
        """The files' hashes, how the network is built, and where it ran."""
        found = self.fingerprint()
        hashes = {SETTINGS: found.pop("settings_sha256"), WEIGHTS: found.pop("weights_sha256")}
        told = {"network": self._settings().parameters} | {f"{what}_package": one for what, one in found.items()}
        return {"parameters": told, "weights_sha256": hashes, "device": self.device}

    def _packages(self) -> dict[str, str]:
        """Those that its samples follow from, with their versions."""
        features = {"features": self._registered.package} if self._registered else {}
        return features | ({"activity": webrtc_package()} if self._hears_webrtc else {})

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """For a mixture alone its sources; for a song with stems the targets, which its outputs are assigned to.

        Raises
        ------
        StimuliError
            Where no targets are named, or the song has them not.
        """
        if not stems:
            return self.system.sources
        if gone := [name for name in self.system.targets or ("",) if name not in stems]:
            found = f"no stem {gone[0]!r}" if gone[0] else "no targets"
            raise StimuliError(
                f"{self.who}: its outputs have no order, and are assigned to stems of the song; found {found}, "
                f"expected in targets {len(self.system.sources)} of: {', '.join(stems)}"
            )
        return self.system.targets

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """Each singer's estimate, the same on all channels.

        Raises
        ------
        StimuliError
            Where the files can't be used, or a package of its own is missing.
        """
        rate_hz = self._settings().sample_rate
        mono = audio.resampled(song.mixture.mean(axis=1, keepdims=True, dtype=np.float32), song.rate_hz, rate_hz)
        heard, gain_db = to_level(mono, rate_hz, LEVEL_LUFS)
        made = self.singers(self.network(), heard[:, 0]) / np.float32(10 ** (gain_db / 20))
        sounds = [_brought_back(one[:, None], rate_hz, song) for one in made]
        names = self.system.sources
        if song.stems:
            names = self.system.targets
            alike = [[abs(correlation(sound, song.stems[name])) for sound in sounds] for name in names]
            sounds = [sounds[index] for index in best_order(np.array(alike))]
        return {name: sound for name, sound in zip(names, sounds, strict=True) if name in targets}

    def network(self) -> Network:
        """The network in the folder: float32 (frames,) to (sources, frames)."""
        settings = self._settings()
        entry = TorchCheckpointSystem(
            name=self.system.name,
            kind="torch_checkpoint",
            path=str(self.place / WEIGHTS),
            sha256=self.system.sha256,
            sources=self.system.sources,
            architecture="medleyvox",
            parameters=settings.parameters,
            channels=1,
            rate_hz=settings.sample_rate,
        )
        checkpoint = TorchCheckpoint(entry)
        checkpoint.device = self.device
        network = checkpoint.network()
        return lambda sound: network(np.ascontiguousarray(sound[None, None], np.float32))[0, :, 0]

    def singers(self, network: Network, mixture: np.ndarray) -> np.ndarray:
        """What a network makes of a mixture (frames,) in the way that ``mode`` says: (sources, frames)."""
        mode, count, rate_hz = self.system.mode, len(self.system.sources), self._settings().sample_rate
        hop = round(self.system.window_s * rate_hz / OVERLAP)
        if mode == "none":
            return network(mixture)
        if self._by_activity:
            segments = ACTIVITIES[self.system.activity](mixture, rate_hz)
            return segmented(network, mixture, count, segments, self._voices(rate_hz, None))
        if mode == "w2v":
            return windowed(network, mixture, count, hop, self._voices(rate_hz, (OVERLAP - 1) * hop))
        if mode == "ola_norm":
            return windowed(_at_level(network, rate_hz), mixture, count, hop, Neighbours(hop))
        return windowed(network, mixture, count, hop, Neighbours(hop))

    @property
    def _by_activity(self) -> bool:
        return self.system.mode.endswith("_chunk")

    @property
    def _hears_webrtc(self) -> bool:
        return self._by_activity and self.system.activity == "webrtc"

    def _voices(self, rate_hz: int, frames: int | None) -> Orderer:
        """Singers known by their features; ``frames`` is how much of each output is looked at."""
        name = self.system.features or "mfcc"
        features: Features = self._registered or BUILT_IN[name]
        likeness = nearness if name == "spectral_centroid" else cosine
        return Voices(lambda sound: features(sound, rate_hz), likeness, frames)

    @functools.cached_property
    def _registered(self) -> Registered | None:
        """Features out of a package, where the mode asks for them."""
        return Registered(self.system.features, self.who) if self.system.mode.startswith("w2v") else None

    def _settings(self) -> Settings:
        """How the network is built.

        Raises
        ------
        StimuliError
            Where the file is not there, is no such JSON, or describes a network that is not known here.
        """
        path = self.place / SETTINGS
        content = weights.read(path, "", self.who)
        try:
            found = SettingsFile.model_validate_json(content).args
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise StimuliError(
                f"{self.who}: {path}: {where}: {first['msg']} (found {first['input']!r}); expected "
                '{"args": {"architecture": "conv_tasnet_stft", …}} as its training wrote it'
            ) from None
        if found.n_src != len(self.system.sources):
            raise StimuliError(
                f"{self.who}: {path}: the network tells {found.n_src} singers apart, but sources names "
                f"{len(self.system.sources)}; correct sources"
            )
        return found


def _at_level(network: Network, rate_hz: int) -> Network:
    """Each piece at the network's level, where it stays."""
    return lambda sound: network(to_level(sound[:, None], rate_hz, LEVEL_LUFS)[0][:, 0])


def _brought_back(sound: np.ndarray, rate_hz: int, song: Song) -> Sound:
    """In the song's rate, length and number of channels."""
    found = audio.resampled(sound, rate_hz, song.rate_hz)[: len(song.mixture)]
    found = np.pad(found, ((0, len(song.mixture) - len(found)), (0, 0)))
    return np.repeat(found, song.mixture.shape[1], axis=1)
