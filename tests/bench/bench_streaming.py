"""How fast the full-size Vox-TasNet-style network streams, beside the network as it was trained, on the same sound.

Both have the weights of one seed (how fast they are does not depend on them) and take turns in this process on two
threads; medians of wall clock are compared. On a machine that has other work, threads wait for each other: CPU time is
kept too. What streams has to be the offline estimate within a relative error of
1e-5. Time by kind of layer is that of one more run under torch's profiler, as shares of its sum.

    make bench, or: python tests/bench/bench_streaming.py      prints and writes tests/bench/results/streaming.json
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_stimuli
import outcome
import torch

from stimuli.separators.networks.architectures.vox_tasnet import vox_tasnet
from stimuli.separators.networks.streaming.stream import streamed

RESULTS = Path(__file__).resolve().parent / "results" / "streaming.json"
RATE_HZ = 44_100
RELATIVE_ERROR = 1e-5
BLOCKS = (512, 1024, 2048, 4096, 8192)
PROMISED = 2048
"""The block whose speed is promised: the default of ``mushra separate --stream``."""
REAL_TIME = f"real-time factor, blocks of {PROMISED}"
AT_MOST = {REAL_TIME: 1.0}
KINDS = {
    "addmm": "pointwise convolutions",
    "mm": "filters",
    "bmm": "filters",
    "native_layer_norm": "norms",
    "addcmul": "depthwise convolutions",
    "addcmul_": "depthwise convolutions",
    "leaky_relu_": "PReLU",
    "sigmoid_": "masks",
    "mul_": "masks",
    "add_": "residual sums",
    "copy_": "copies",
}
"""torch's operators by what they do here; the others together are ``rest``."""


def stream(net: torch.nn.Module, heard: torch.Tensor, block: int) -> torch.Tensor:
    """All that a new stream gives."""
    made = streamed(net)
    return torch.cat([*(made.push(part) for part in heard.split(block, dim=1)), made.finish()], dim=2)


def offline(net: torch.nn.Module, heard: torch.Tensor) -> torch.Tensor:
    """What the network as it was trained gives."""
    with torch.inference_mode():
        return net(heard[None])[0]


def timed(call: Callable[[], torch.Tensor]) -> tuple[float, float, torch.Tensor]:
    """Seconds of wall clock and of CPU, and the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return time.perf_counter() - wall, time.process_time() - cpu, found


def compared(net: torch.nn.Module, seconds: float, repeats: int) -> dict[str, Any]:
    """Real-time factors of both sides, wall clock and CPU, and how far apart their answers are."""
    heard = 0.1 * torch.randn(2, round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(1))
    sides: dict[str, Callable[[], torch.Tensor]] = {"offline": lambda: offline(net, heard)}
    sides |= {str(block): lambda block=block: stream(net, heard, block) for block in BLOCKS}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    errors = {}
    expected = offline(net, heard)
    stream(net, heard[:, :RATE_HZ], PROMISED)
    for number in range(repeats):
        for name, call in sides.items():
            wall_s, cpu_s, found = timed(call)
            taken[name].append((wall_s / seconds, cpu_s / seconds))
            errors[name] = float((found - expected).abs().max() / expected.abs().max())
            assert errors[name] < RELATIVE_ERROR, f"{name} is {errors[name]} away from the offline estimate"
            print(f"run {number + 1}: {name}: {wall_s / seconds:.2f} x real time", file=sys.stderr)
    wall, cpu = ({name: round(statistics.median(t[i] for t in taken[name]), 3) for name in sides} for i in (0, 1))
    slowest = {name: round(max(t[0] for t in taken[name]), 3) for name in sides}
    return {"real_time_factor": wall, "slowest": slowest, "cpu": cpu, "relative_error": errors}


def by_kind(net: torch.nn.Module, seconds: float) -> dict[str, float]:
    """Share of the time that each kind of layer takes, in percent."""
    heard = 0.1 * torch.randn(2, round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(1))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        stream(net, heard, PROMISED)
    total: Counter[str] = Counter()
    for event in profile.key_averages():
        name = event.key.removeprefix("aten::")
        total[KINDS.get(name, "rest")] += event.self_cpu_time_total
    return {kind: round(100 * spent / total.total(), 1) for kind, spent in total.most_common()}


def main() -> None:
    """Measure, print, keep the result with the machine; exit 1 where a limit does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(1)
    net = vox_tasnet(["accompaniment"], 2).eval()
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stream(net, torch.zeros(2, 2 * RATE_HZ), PROMISED)
    streaming_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mb
    case = compared(net, asked.seconds, asked.repeats)
    factors, latency = case["real_time_factor"], streamed(net).latency_frames
    found = {
        "command": "make bench",
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": bench_stimuli.machine() | {"torch": torch.__version__, "load": round(os.getloadavg()[0], 1)},
        "threads": asked.threads,
        "parameters": sum(weight.numel() for weight in net.parameters()),
        "ratios": {
            REAL_TIME: factors[str(PROMISED)],
            f"offline / streaming, blocks of {PROMISED}": round(factors["offline"] / factors[str(PROMISED)], 2),
        },
        "at_most": AT_MOST,
        "seconds": asked.seconds,
        "repeats": asked.repeats,
        **case,
        "latency_ms": {
            "algorithm": round(1000 * latency / RATE_HZ, 2),
            **{str(block): round(1000 * (latency + block - 1) / RATE_HZ, 2) for block in BLOCKS},
        },
        "time_by_layer_percent": by_kind(net, 2.0),
        "memory_mb": {"network loaded": round(before_mb, 1), "more while streaming": round(streaming_mb, 1)},
    }
    outcome.keep(found, asked.out, outcome.missed(found["ratios"], AT_MOST, {}))


if __name__ == "__main__":
    main()
