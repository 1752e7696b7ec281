"""Systems under test: one module per family, one protocol.

A separator takes the stereo mixture of a whole song and answers with its estimates of the sources that it is asked for,
same length and channels, finite, and the same every time. A system is added by adding a module and a line
to ``SEPARATORS``; what its entry in experiment.toml may say stands in ``stimuli.experiment``. What comes from outside
(programs, model files, other people's packages) meets the same protocol.

Conventions: sound is float32 of shape (frames, channels), full scale 1.0.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stimuli.experiment import AnySystem

Sound = np.ndarray
"""float32, shape (frames, channels)."""


@dataclass(frozen=True)
class Song:
    """A whole song as a separator may see it.

    ``stems`` are the true stems; only oracles look at them.
    """

    name: str
    rate_hz: int
    mixture: Sound
    stems: Mapping[str, Sound] = field(default_factory=dict)


class Levelled(Mapping[str, Sound]):
    """Stems, or a part of each, at another level; each is made when it is looked at: most systems never do."""

    def __init__(self, stems: Mapping[str, Sound], gain: np.float32, part: slice = slice(None)) -> None:
        self._stems, self._gain, self._part = stems, gain, part

    def __getitem__(self, name: str) -> Sound:
        return self._stems[name][self._part] * self._gain

    def __iter__(self) -> Iterator[str]:
        return iter(self._stems)

    def __len__(self) -> int:
        return len(self._stems)


def mixed(sounds: Iterable[Sound]) -> Sound:
    """Sounds of one shape, added up."""
    return functools.reduce(np.add, sounds)


class SourceStream(Protocol):
    """A system on its way through one song: sound in by blocks, every source that it gives out as soon as it is final.

    What comes out is, put together, what ``separate`` gives for the whole song at the same level.
    """

    latency_frames: int
    """How many frames must be in, from a frame on, until its own estimate is out, where blocks are single frames."""

    def push(self, block: Sound) -> Mapping[str, Sound]:
        """What is final after these frames: the same number of frames of every source, from 0 up."""
        ...

    def finish(self) -> Mapping[str, Sound]:
        """The rest of every source, after the song's end."""
        ...


class Separator(Protocol):
    """What every system offers.

    It may have more: ``device``, where it runs; ``folder``, where the experiment file lies; and ``fingerprint()``, what
    its samples follow from beside its entry (hashes of model files, versions of packages) as a JSON object;
    ``stream(rate_hz, channels)``, a ``SourceStream`` for a song of that form, or a ``StimuliError`` that says why not;
    ``holds_spectra``, true where it holds those of a whole song, so that long ones come in stretches, and ``members``,
    the systems that it runs itself, by name (see ``stretches``);
    ``uninstalled()`` and ``check_form(rate_hz, channels, who)``, see the functions below.
    """

    version: str
    """Raised by hand whenever the samples that come out can change."""
    looks_at_stems: bool
    """Whether it is an oracle, whose output depends on the true stems and not on the mixture alone."""

    def missing(self) -> str | None:
        """Why this system can't run here, with the command that mends it; None if it can."""
        ...

    def provenance(self) -> dict[str, Any]:
        """Parameters and hashes of weights, for the manifest: ``{"parameters": {…}, "weights_sha256": {…}}``."""
        ...

    def gives(self, stems: Sequence[str]) -> tuple[str, ...]:
        """Names it can answer, for a song with these true stems; only oracles look at them."""
        ...

    def separate(self, song: Song, targets: Sequence[str]) -> Mapping[str, Sound]:
        """The system's estimate of each target: same shape as ``song.mixture``. It is asked for what it gives."""
        ...


SEPARATORS = {
    "command": "stimuli.separators.outside.command:Command",
    "onnx": "stimuli.separators.networks.onnx_model:OnnxModel",
    "torch_checkpoint": "stimuli.separators.networks.checkpoint:TorchCheckpoint",
    "plugin": "stimuli.separators.outside.plugin:Plugin",
    "repet": "stimuli.separators.classical.repet:Repet",
    "repet_extended": "stimuli.separators.classical.repet_in_time:RepetExtended",
    "repet_adaptive": "stimuli.separators.classical.repet_in_time:RepetAdaptive",
    "repet_sim": "stimuli.separators.classical.repet:RepetSim",
    "repet_sim_librosa": "stimuli.separators.classical.repet:RepetSimLibrosa",
    "repet_sim_online": "stimuli.separators.classical.repet_in_time:RepetSimOnline",
    "fourier_2d": "stimuli.separators.classical.fourier:Fourier2d",
    "hpss_two_stage": "stimuli.separators.classical.harmonic_percussive:HpssTwoStage",
    "rpca": "stimuli.separators.low_rank.rpca:Rpca",
    "rpca_f0": "stimuli.separators.low_rank.rpca_f0:RpcaF0",
    "nmf": "stimuli.separators.low_rank.nmf:Nmf",
    "lrr": "stimuli.separators.low_rank.lrr:Lrr",
    "mlrr": "stimuli.separators.low_rank.lrr:Mlrr",
    "centre_cancellation": "stimuli.separators.classical.panning:CentreCancellation",
    "left_minus_right": "stimuli.separators.classical.panning:LeftMinusRight",
    "panning_mask": "stimuli.separators.classical.panning:PanningMask",
    "oracle_ratio_mask": "stimuli.separators.oracles.masks:OracleRatioMask",
    "oracle_binary_mask": "stimuli.separators.oracles.masks:OracleBinaryMask",
    "oracle_complex_mask": "stimuli.separators.oracles.masks:OracleComplexMask",
    "oracle_wiener": "stimuli.separators.oracles.wiener:OracleWiener",
    "open_unmix": "stimuli.separators.networks.open_unmix:OpenUnmix",
    "demucs": "stimuli.separators.networks.demucs:Demucs",
    "medleyvox": "stimuli.separators.singers.medleyvox:MedleyVox",
    "spleeter_2stems": "stimuli.separators.networks.spleeter:Spleeter",
    "deepfilternet3": "stimuli.separators.speech.deep_filter_net:DeepFilterNet",
    "rnnoise": "stimuli.separators.speech.rnnoise:Rnnoise",
    "minimum_magnitude": "stimuli.separators.ensemble:MinimumMagnitude",
}
"""Kind in experiment.toml to ``module:Class``; a class takes its ``System`` entry. Loaded when asked for.

``kind = "files"`` is not here: it reads what somebody else separated, see ``stimuli.sources.estimates``.
"""


def separator(system: AnySystem, device: str = "cpu", folder: Path | None = None) -> Separator:
    """The separator for one ``[[systems]]`` entry of an experiment file (any kind but ``files``).

    ``device`` is where torch systems run; the others take no notice. ``folder`` is where the experiment file lies: an
    entry's paths are relative to it; the current one if left out.
    """
    module, _, name = SEPARATORS[system.kind].partition(":")
    made = getattr(importlib.import_module(module), name)(system)
    for what, value in {"device": device, "folder": (folder or Path()).absolute()}.items():
        if hasattr(made, what):
            setattr(made, what, value)
    return made


def uninstalled(runs: Separator) -> str | None:
    """What has to be installed before a system can run here, as a part of what it misses; None where all is there.

    The rest of what it misses (a model's file, a device) is what its entry names, or what was asked for: a mistake,
    perhaps. A system that doesn't tell the two apart misses nothing but what is to be installed.
    """
    return getattr(runs, "uninstalled", runs.missing)()


def check_form(runs: Separator, rate_hz: int, channels: int, who: str) -> None:
    """Refuse a song of a form that a system says it does not take; ``who`` is how both are called in the sentence.

    Raises
    ------
    StimuliError
        With what it takes, and how to mend it.
    """
    getattr(runs, "check_form", lambda *_: None)(rate_hz, channels, who)


def lacking(packages: Mapping[str, str]) -> str | None:
    """Which of the modules is not installed, and what installs it; None where all are."""
    gone = (name for name in packages if importlib.util.find_spec(name) is None)
    return next((f"{name} is not installed; {packages[name]}" for name in gone), None)
