"""What a run writes into its folder, each file whole or not there: weights, what they follow from, and the curve.

``weights.safetensors`` (the best by validation, once one was better than the start), ``system.toml`` (the entry for an
experiment file), ``training.json`` (configuration, versions, songs with hashes and levels), ``curve.csv`` and
``curve.svg``.

Defines: ``RunFolder``.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from pydantic import JsonValue
from safetensors.torch import save

from stimuli.errors import StimuliError
from stimuli.manifest import file_sha256
from stimuli.training import picture
from stimuli.training.checkpoint import Progress
from stimuli.training.config import Training
from stimuli.whole_files import whole_file

WEIGHTS = "weights.safetensors"
COLUMNS = ("step", "training_loss", "validation_loss", "validation_si_sdr_db", "rate")


class RunFolder:
    """A run's folder; ``meant`` is configuration (with the number of processes) and material, as JSON."""

    def __init__(self, path: Path, config: Training, meant: Mapping[str, Any]) -> None:
        self.path, self.config, self.meant = path, config, meant
        path.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out of the folder; what a killed one left half written is removed.

        Raises
        ------
        StimuliError
            Where another run holds it.
        """
        lock = FileLock(self.path / ".train.lock", timeout=0)
        try:
            with lock:
                for part in self.path.glob(".*.part"):
                    part.unlink()
                yield
        except Timeout:
            raise StimuliError(f"{self.path}: another run trains here; wait for it, or choose another --out") from None

    def keep_weights(self, state: Mapping[str, torch.Tensor]) -> str:
        """Write the weights, and the entry that pins them; SHA-256 of the file."""
        content = {name: one.detach().cpu().contiguous().clone() for name, one in state.items()}
        self._write(WEIGHTS, save(content))
        found = file_sha256(self.path / WEIGHTS)
        self._write("system.toml", self.entry(found).encode())
        return found

    def record(self, progress: Progress, stopped: str) -> None:
        """Write the curve, its picture, and what everything follows from."""
        stream = io.StringIO()
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(["" if value is None else repr(value) for value in row] for row in progress.curve)
        self._write("curve.csv", stream.getvalue().encode())
        self._write("curve.svg", picture.drawn(progress.curve).encode())
        packages = ("hidden-reference", "torch", "numpy", "safetensors")
        told = {
            "schema": 1,
            **self.meant,
            "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
            "steps": progress.step,
            "seconds": round(progress.spent_s, 1),
            "stopped": stopped,
            "best_validation_loss": progress.best,
            "weights_sha256": progress.weights_sha256 or None,
        }
        self._write("training.json", (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())

    def entry(self, sha256: str) -> str:
        """The ``[[systems]]`` entry of the weights, as TOML."""
        config = self.config
        keys: dict[str, JsonValue] = {
            "name": config.architecture.replace("_", "-"),
            "kind": "torch_checkpoint",
            "architecture": config.architecture,
            "path": (self.path.absolute() / WEIGHTS).as_posix(),
            "sha256": sha256,
            "sources": list(config.sources),
            "rate_hz": config.rate_hz,
            "channels": config.channels,
            "parameters": dict(config.parameters),
        }
        return "[[systems]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())

    def _write(self, name: str, content: bytes) -> None:
        try:
            with whole_file(self.path / name) as part:
                part.write_bytes(content)
        except OSError as error:
            reason = error.strerror or error
            raise StimuliError(
                f"{self.path / name}: can't be written: {reason}; the last checkpoint is as it was: make room, "
                "then start again"
            ) from None


def _toml(value: JsonValue) -> str:
    """A value as TOML writes it; JSON's texts, numbers and truths are TOML's."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)
