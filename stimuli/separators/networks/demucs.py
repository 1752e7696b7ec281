"""Demucs, HybridDemucs and HTDemucs, by the package demucs, out of a folder on this machine.

Défossez 2021, arXiv:2111.03600; Rouard, Massa and Défossez 2022, arXiv:2211.08553. The package's networks and its way
through a song are used; its loaders are not, because they ask a network for what is not there and unpickle what they
find. A model is one file or, by a ``.yaml``, a bag of several whose answers are averaged.

A song is brought to mean 0 and standard deviation 1, as in training. The package adds the mean to every source; here
each has its share of it, so that sources that add up to what the network heard add up to the mixture.

Defines: ``Demucs``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from stimuli.errors import StimuliError
from stimuli.separators.networks import demucs_bag, weights
from stimuli.separators.networks.demucs_bag import Bag
from stimuli.separators.networks.state import unpickled
from stimuli.separators.networks.torch_model import FolderModel
from stimuli.separators.networks.waveform import Network, first_line

CLASSES = ("demucs.demucs.Demucs", "demucs.hdemucs.HDemucs", "demucs.htdemucs.HTDemucs")
"""All that a file may make."""


class Demucs(FolderModel):
    """A model of the package demucs, or a bag of them."""

    @property
    def chunk_frames(self) -> None:
        """None: the package itself cuts the song into pieces."""
        return None

    def files(self) -> dict[str, Path]:
        """The networks' files, and the bag's if it is one."""
        bag = self._bag
        found = {} if bag is None else {"bag": self.place / f"{self.system.model}.yaml"}
        signatures = [self.system.model] if bag is None else bag.models
        return found | {f"network {number}": self._file(name) for number, name in enumerate(signatures, 1)}

    def fingerprint(self) -> dict[str, str]:
        """The files' hashes, and the version of the package that runs them."""
        return super().fingerprint() | {"demucs": importlib.metadata.version("demucs")}

    def provenance(self) -> dict[str, Any]:
        """The files' names and hashes, what the accompaniment is, the package and where it ran."""
        told = super().provenance()
        told["parameters"]["package"] = f"demucs {importlib.metadata.version('demucs')}"
        return told

    def network(self) -> Network:
        """The model as a function.

        Raises
        ------
        StimuliError
            Where a file is not there, may not be read, or is of other sources or another rate than the entry says.
        """
        model, system = self._model(), self.system
        apply = importlib.import_module("demucs.apply").apply_model
        keys = {"overlap": system.overlap, "segment": system.segment_s, "device": self.device}

        def network(waveform: np.ndarray) -> np.ndarray:
            import torch

            sound = torch.from_numpy(waveform)
            middle = sound.mean(dim=1)
            mean, scale = middle.mean(), middle.std(correction=min(1, middle.numel() - 1)) + 1e-8
            with torch.inference_mode():
                found = apply(model, (sound - mean) / scale, shifts=0, split=True, **keys)
            return (found * scale + mean / len(self.sources)).numpy()

        return network

    @property
    def _bag(self) -> Bag | None:
        """What the bag's file says; None where the model is no bag."""
        path = self.place / f"{self.system.model}.yaml"
        if not path.is_file():
            return None
        return demucs_bag.read(self.content(path), f"{self.who}: {path}", len(self.system.sources))

    def _file(self, signature: str) -> Path:
        """The one file of a signature."""
        found = weights.stored(self.place, signature, (".th", ".safetensors"))
        if len(found) > 1:
            names = " or ".join(path.name for path in found)
            raise StimuliError(
                f"{self.who}: {self.place}: the network {signature!r} may be {names}; leave one of them there"
            )
        if not found:
            raise StimuliError(
                f"{self.who}: there is no network {signature!r}: put {signature}.th, {signature}-<checksum>.th or "
                f"{signature}.safetensors into {self.place}, or for a bag {self.system.model}.yaml and its networks"
            )
        return found[0]

    def _model(self) -> Any:
        """The network, or the bag of them, as the entry says it is."""
        bag = self._bag or Bag(models=[self.system.model])
        models = [self._network_in(self._file(name)) for name in bag.models]
        try:
            make = importlib.import_module("demucs.apply").BagOfModels
            model = make(models, bag.weights, bag.segment).eval()
        except (AssertionError, TypeError) as error:
            told = str(error) or "its networks differ in sources, rate or channels"
            raise StimuliError(f"{self.who}: {self.system.model}.yaml: {told}") from None
        self._check(model)
        for module in model.modules():
            if hasattr(module, "sin_random_shift"):
                module.sin_random_shift = 0  # drawn anew for each piece otherwise, in inference too
        return model

    def _network_in(self, path: Path) -> Any:
        """The network that a file describes."""
        load, content = importlib.import_module("demucs.states").load_model, self.content(path)
        try:
            return load(self._described(content, path))
        except StimuliError:
            raise
        except (Exception, SystemExit) as error:  # the package's own, and what unfitting weights raise
            raise StimuliError(f"{self.who}: {path}: no network could be made of it: {first_line(error)}") from None

    def _described(self, content: bytes, path: Path) -> dict[str, Any]:
        """What a file says of a network: its class, what that is made with, and its weights."""
        if path.suffix == ".safetensors":
            found = _safetensors(content)
        elif self.system.trust_pickle:
            found = _trusted(content)
        else:
            mend = "get it as .safetensors, or, only if you trust its maker, set trust_pickle = true in its entry"
            found = unpickled(content, path, self.who, [*_classes().values(), Fraction], mend)
        lacks = [key for key in ("klass", "args", "kwargs", "state") if not isinstance(found, dict) or key not in found]
        if lacks:
            raise StimuliError(f"{self.who}: {path}: holds no network of demucs: no {lacks[0]!r}")
        if found["klass"] not in _classes().values():
            name = getattr(found["klass"], "__name__", found["klass"])
            raise StimuliError(f"{self.who}: {path}: is made of {name!r}; expected {', '.join(CLASSES)}")
        if found["state"].get("__quantized"):
            raise StimuliError(f"{self.who}: {path}: its weights are quantised, which can't be read; get the full ones")
        return found

    def _check(self, model: Any) -> None:
        """Hold the model against the entry."""
        there = {"sources": list(model.sources), "rate_hz": model.samplerate, "channels": model.audio_channels}
        for key, value in there.items():
            said = getattr(self.system, key)
            if value != (list(said) if key == "sources" else said):
                raise StimuliError(f"{self.who}: the model's {key}: {json.dumps(value)}; write {key} so in its entry")
        longest = float(model.max_allowed_segment)
        if self.system.segment_s and self.system.segment_s > longest:
            raise StimuliError(f"{self.who}: segment_s is at most {longest:g}, the length that it was trained with")


def _classes() -> dict[str, Any]:
    """The package's networks by their full names."""
    parts = {name: name.rpartition(".") for name in CLASSES}
    return {name: getattr(importlib.import_module(module), known) for name, (module, _, known) in parts.items()}


def _trusted(content: bytes) -> Any:
    import io

    import torch

    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=False)


def _safetensors(content: bytes) -> dict[str, Any]:
    """A network as demucs describes it in a safetensors file's header; the class is looked up, never imported."""
    from safetensors.torch import load

    length = int.from_bytes(content[:8], "little")
    told: Mapping[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})

    def read(text: str) -> Any:
        return json.loads(text, object_hook=_number)

    found = {key: read(told[key]) for key in ("args", "kwargs") if key in told}
    klass = told.get("klass", "")
    quantised = {"__quantized": True} if "structure" in told else {}
    return found | {"klass": _classes().get(klass, klass), "state": load(content) | quantised}


def _number(value: dict[str, Any]) -> Any:
    """Fractions, which JSON has not."""
    return Fraction(value["numerator"], value["denominator"]) if value.get("_type") == "fraction" else value
