"""What networks that torch runs have in common: a device, which may not be there.

Defines: ``TorchModel``, ``FolderModel``, ``unusable``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stimuli.errors import StimuliError
from stimuli.separators import Song, Sound, sources
from stimuli.separators.networks import weights
from stimuli.separators.networks.waveform import WaveformModel, first_line


def unusable(device: str) -> str | None:
    """Why torch can't use a device; None if it can."""
    if device == "cpu":
        return None
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        return f"torch can't use the device {device!r}: {first_line(error)}; leave --device out"
    return None


class TorchModel(WaveformModel):
    """A network that runs on ``device``."""

    device = "cpu"

    def missing(self) -> str | None:
        """The package, the device or the file that is not there."""
        return self.uninstalled() or unusable(self.device) or self._absent()

    def provenance(self) -> dict[str, Any]:
        """As of any network, and where it ran."""
        return super().provenance() | {"device": self.device}


class FolderModel(TorchModel):
    """A network in a folder of files, which its entry may pin by their names.

    A file whose name ends in ``-`` and eight hexadecimal digits or more says so itself how its hash begins. The entry
    also says what the accompaniment is: the sum of the other sources, or the rest of the mixture.
    """

    def pinned(self, path: Path) -> str:
        """What the entry says of this file, or else its name."""
        return self.system.sha256.get(path.name, "") or weights.named(path)

    def _absent(self) -> str | None:
        """All the files that are not there."""
        try:
            gone = [path.name for path in self.files().values() if not path.is_file()]
        except StimuliError as error:
            return str(error).removeprefix(f"{self.who}: ")
        return f"{', '.join(gone)} missing: put what is missing into {self.place}" if gone else None

    def fingerprint(self) -> dict[str, str]:
        """The files' hashes; a pin for a file that has no part in it is refused."""
        names = [path.name for path in self.files().values()]
        if unknown := [name for name in self.system.sha256 if name not in names]:
            raise StimuliError(f"{self.who}: sha256 names {unknown[0]!r}; its files are {', '.join(names)}")
        return super().fingerprint()

    def provenance(self) -> dict[str, Any]:
        """The files' names and hashes, what the accompaniment is, and where it ran."""
        told = super().provenance()
        if self.system.accompaniment == "rest":
            told["parameters"]["accompaniment"] = "mixture minus vocals"
        return told

    def separate(self, song: Song, targets: Sequence[str]) -> dict[str, Sound]:
        """Every source that the targets follow from, in the song's own form; raises as ``WaveformModel`` does."""
        if self.system.accompaniment == "sum":
            return super().separate(song, targets)
        voice, rest = sources.VOCALS, sources.ACCOMPANIMENT
        found = super().separate(song, [voice if one == rest else one for one in targets])
        return found | ({rest: song.mixture - found[voice]} if rest in targets else {})
