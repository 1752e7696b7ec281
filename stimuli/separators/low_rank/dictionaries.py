"""Dictionaries of spectra, given as a file of numbers or learnt from examples of clean voice or clean accompaniment.

Conventions: spectra are magnitudes (bins, times), the mean over channels, at the song's rate; a dictionary is
(bins, atoms), not negative, each atom of sum 1. Examples are a sound file, or a folder with sound files anywhere in it.
Defines: ``Learner``, ``Trained``, ``examples``, ``dictionary``.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.experiment import LrrSystem, MlrrSystem, NmfSystem
from stimuli.manifest import file_sha256
from stimuli.separators.classical.masking import VoiceMask
from stimuli.separators.spectral import Stft, slices

SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
NUMBERS = (".npy", ".npz")
MOST_FRAMES = 4000
"""Frames learnt from, at equal distances in all examples: more of them teach thirty to a hundred atoms little."""

Learner = Callable[[np.ndarray, int, int], np.ndarray]
"""A dictionary of so many atoms of some spectra, for a seed."""


class Trained(VoiceMask):
    """What systems with dictionaries have in common: where these come from."""

    stft = Stft(window=2048, hop=512)
    learner: Learner

    def __init__(self, system: NmfSystem | LrrSystem | MlrrSystem) -> None:
        super().__init__(system)
        self.entry = system
        self.folder = Path()

    @property
    def places(self) -> dict[str, Path]:
        """Where the dictionaries that the entry names come from, by source."""
        named = {"voice": self.entry.voice, "accompaniment": self.entry.accompaniment}
        return {source: self.folder / path for source, path in named.items() if path}

    def missing(self) -> str | None:
        """Which file or folder is not there, or holds no sound."""
        for source, path in self.places.items():
            if not path.exists():
                return (
                    f"{source}: {path} is not there; give a dictionary (.npy, .npz), a sound file, or a folder of them"
                )
            if not _files(path):
                return f"{source}: {path} holds no sound; put {', '.join(SOUNDS)} files of clean {source} there"
        return None

    def fingerprint(self) -> dict[str, str]:
        """Hashes of the files that the dictionaries come from, by source, and what any mask's filter adds."""
        return super().fingerprint() | self._hashes

    def provenance(self) -> dict[str, Any]:
        """Window and hop, and the hashes of what the dictionaries come from."""
        return super().provenance() | {"weights_sha256": self._hashes}

    @property
    def _hashes(self) -> dict[str, str]:
        return {source: _digest(path) for source, path in self.places.items()}

    def dictionary(self, source: str, rate_hz: int) -> np.ndarray:
        """The dictionary of a source for songs of a rate; learnt once in a process."""
        path, entry = self.places[source], self.entry
        who = f"system {entry.name!r}: {source}"
        if path.suffix in NUMBERS:
            return _normed(_given(path, self.stft.window // 2 + 1, who))
        return _learnt(type(self).learner, path, _digest(path), self.stft, rate_hz, entry.components, entry.seed)


def examples(path: Path, stft: Stft, rate_hz: int) -> np.ndarray:
    """Spectra of a place's sound files, float32 (bins, times): ``MOST_FRAMES`` at most, with sound in them."""
    files, parts = _files(path), []
    for file in files:
        sound = audio.resampled(*audio.read(file), rate_hz)
        # Twice through the file: of an hour, all spectra would not be there at once.
        sizes = np.concatenate([magnitudes.sum(axis=0) for magnitudes in _magnitudes(sound, stft)])
        sounding, most = np.flatnonzero(sizes > 0.01 * sizes.mean()), -(-MOST_FRAMES // len(files))
        chosen = np.zeros(len(sizes), bool)
        chosen[sounding[:: max(-(-len(sounding) // most), 1)]] = True
        blocks = zip(slices(len(chosen)), _magnitudes(sound, stft), strict=True)
        parts += [magnitudes[:, chosen[part]] for part, magnitudes in blocks]
    found = np.concatenate(parts, axis=1)
    if not found.any():
        raise StimuliError(f"{path}: nothing can be learnt from silence; give examples with sound in them")
    return found


def _magnitudes(sound: np.ndarray, stft: Stft) -> Iterator[np.ndarray]:
    return (np.abs(block).mean(axis=0) for block in stft.blocks(sound))


@functools.lru_cache(maxsize=16)
def _learnt(
    learner: Learner, path: Path, digest: str, stft: Stft, rate_hz: int, components: int, seed: int
) -> np.ndarray:
    return _normed(learner(examples(path, stft, rate_hz), components, seed))


def _given(path: Path, bins: int, who: str) -> np.ndarray:
    """A dictionary out of a file of numbers; never anything that would run."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            if len(found.files) != 1:
                raise StimuliError(f"{who}: {path} holds the arrays {found.files}; expected one, the dictionary")
            found = found[found.files[0]]
    except (OSError, ValueError) as error:
        raise StimuliError(f"{who}: {path} can't be read: {error}; save a real array with numpy.save") from None
    if found.ndim != 2 or found.shape[0] != bins or not found.shape[1] or found.dtype.kind not in "fiu":
        raise StimuliError(
            f"{who}: {path} has shape {found.shape} of {found.dtype}; expected ({bins}, atoms) real numbers"
        )
    if not np.isfinite(found).all() or found.min() < 0 or not found.any(axis=0).all():
        raise StimuliError(f"{who}: {path}: atoms have to be finite, not negative, and not all zero")
    return found


def _normed(atoms: np.ndarray) -> np.ndarray:
    return (atoms / np.maximum(atoms.sum(axis=0), 1e-12)).astype(np.float32)


def _files(path: Path) -> list[Path]:
    """The files of a place, in the order of their names."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix.lower() in SOUNDS)
    return [path] if path.suffix.lower() in SOUNDS + NUMBERS else []


def _digest(path: Path) -> str:
    """A hash of the contents of all files of a place."""
    return hashlib.sha256("".join(file_sha256(file) for file in _files(path)).encode()).hexdigest()
