"""MMDenseNet and MMDenseLSTM: the sizes that were counted, dense blocks and LSTMs by hand, any length, learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from learning_nets import loss_over
from outside import made, separated, song
from torch.nn import functional

from stimuli.errors import StimuliError
from stimuli.separators.networks.architectures.dense_blocks import Backbone, DenseBlock, Plan, _DenseOverTime
from stimuli.separators.networks.architectures.mm_dense_lstm import mm_dense_lstm, mm_densenet

BANDS = {
    "low": {"bins": 13, "features": 4, "growth": [3, 3, 3], "depth": [2, 2, 2], "hidden": [0, 4, 0]},
    "high": {"bins": 20, "features": 4, "growth": [2, 2, 0, 2, 2], "depth": [1, 1, 0, 1, 1], "hidden": [0, 0, 2, 0, 0]},
    "full": {"bins": 33, "features": 4, "growth": [2] * 5, "depth": [2] * 5, "hidden": [0, 0, 3, 3, 0], "kernel": 3},
}
SMALL = {"window": 64, "hop": 32, "bands": BANDS}
POSITIONS = ("parallel", "after_dense", "before_dense")


def net(sources: tuple[str, ...] = ("vocals",), channels: int = 2, **keys) -> torch.nn.Module:
    torch.manual_seed(1)
    module = mm_dense_lstm(sources, channels, **(SMALL | keys))
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(part.running_var, 0.3, 1)
    return module.eval()


def sound(batch: int, frames: int, channels: int = 2) -> torch.Tensor:
    return torch.randn(batch, channels, frames, generator=torch.Generator().manual_seed(2)) / 4


@pytest.mark.parametrize(
    ("position", "parameters"), [("parallel", 1_370_805), ("after_dense", 1_370_784), ("before_dense", 1_370_402)]
)
def test_sizes_are_those_that_were_counted(position, parameters) -> None:
    with torch.device("meta"):
        full = mm_dense_lstm(("vocals", "drums"), 2, position=position)
    assert [sum(one.numel() for one in part.parameters()) for part in full.values()] == [parameters] * 2
    shapes = {name: tuple(value.shape) for name, value in full["drums"].state_dict().items()}
    rnn = "dense_rnn_block" if position != "before_dense" else "dense_rnn_block.dense_block"
    assert shapes["net.low.encoder.net.0.dense_block.net.0.conv2d.weight"] == (70, 32, 3, 3)
    assert shapes["net.low.bottleneck_conv2d.rnn.weight_ih_l0_reverse"] == (256, 48)
    assert shapes["net.high.bottleneck_conv2d.linear.weight"] == (257, 8)
    assert any(name.startswith(f"net.full.decoder.net.2.{rnn}.") for name in shapes)
    assert shapes["net.middle.pointwise_conv2d.1.weight"] == (14, 4, 1, 1)
    assert "net.low.pointwise_conv2d.1.weight" not in shapes and shapes["scale_in"] == (2049,)
    assert shapes["glu2d.map_gate.weight"] == (2, 12, 1, 1) and shapes["dense_block.net.0.conv2d.weight"][:2] == (
        36,
        21,
    )


def test_the_net_without_lstms_has_its_published_sizes() -> None:
    with torch.device("meta"):
        shapes = {
            name: tuple(value.shape) for name, value in mm_densenet(("vocals",), 2)["vocals"].state_dict().items()
        }
    assert not any("rnn" in name for name in shapes) and shapes["bias_out"] == (1025,)
    assert shapes["net.low.encoder.net.0.dense_block.net.0.conv2d.weight"] == (56, 32, 4, 3)
    assert shapes["net.low.decoder.net.0.dense_block.net.3.conv2d.weight"] == (16, 16, 4, 3)
    assert shapes["net.high.pointwise_conv2d.1.weight"] == (16, 10, 1, 1)
    assert shapes["net.full.bottleneck_conv2d.net.0.conv2d.weight"] == (24, 6, 4, 3)
    assert shapes["dense_block.net.0.conv2d.weight"] == (8, 22, 2, 1)


@torch.no_grad()
@pytest.mark.parametrize("dilated", [False, True])
@pytest.mark.parametrize("kernel", [(3, 3), (4, 3), (2, 1)])
def test_a_dense_block_is_the_sum_over_layers(kernel, dilated) -> None:
    """What layer i hears is the sum of what all layers before it say of it, convolutions tap by tap."""
    torch.manual_seed(1)
    block = DenseBlock(5, 2, 3, kernel, dilated=dilated).eval()
    for layer in block.net:
        torch.nn.init.uniform_(layer.norm2d.running_mean, -1, 1)
    x, shares = torch.randn(1, 5, 9, 8), torch.zeros(3, 1, 2, 9, 8)
    for index, layer in enumerate(block.net):
        spread = 2**index if dilated else 1
        heard = ((x if index == 0 else shares[index - 1]) - layer.norm2d.running_mean[:, None, None]).clamp(min=0)
        answer = layer.conv2d.bias[None, :, None, None].expand(1, -1, 9, 8).clone()
        for high in range(kernel[0]):
            for wide in range(kernel[1]):
                up, left = high * spread - (kernel[0] - 1) * spread // 2, wide * spread - (kernel[1] - 1) * spread // 2
                moved = functional.pad(heard, (9, 9, 9, 9))[:, :, 9 + up : 18 + up, 9 + left : 17 + left]
                answer += torch.einsum("bchw,oc->bohw", moved, layer.conv2d.weight[:, :, high, wide])
        shares[index:] += answer.reshape(1, 3 - index, 2, 9, 8).transpose(0, 1)
    assert (block(x) - shares[2]).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("position", POSITIONS)
def test_where_the_lstm_stands(position) -> None:
    torch.manual_seed(1)
    block = _DenseOverTime(4, 6, (3, 2, 5), (3, 3), position).eval()
    x = torch.randn(2, 4, 6, 7)
    dense = block.dense_block

    def over_time(of: torch.Tensor) -> torch.Tensor:
        one = torch.einsum("bcft,c->btf", of, block.bottleneck_conv2d.weight[0, :, 0, 0]) + block.bottleneck_conv2d.bias
        return functional.linear(block.rnn(one)[0], block.linear.weight, block.linear.bias).transpose(1, 2)[:, None]

    expected = {
        "parallel": lambda: torch.cat([dense(x), over_time(x)], 1),
        "after_dense": lambda: torch.cat([dense(x), over_time(dense(x))], 1),
        "before_dense": lambda: dense(torch.cat([x, over_time(x)], 1)),
    }[position]()
    assert (block(x) - expected).abs().max() < 1e-6 and block.out_channels == expected.shape[1]


@torch.no_grad()
def test_down_and_up_keep_every_cell_at_its_place() -> None:
    """Down is the mean of four cells, up beside the skip of the same size."""
    torch.manual_seed(1)
    body = Backbone(2, Plan(7, 3, (2, 2, 2), (1, 1, 1)), "parallel", 4).eval()
    x = torch.randn(1, 2, 7, 5)
    first = functional.conv2d(functional.pad(x, (1, 1, 1, 1)), body.conv2d.weight, body.conv2d.bias)
    skip = body.encoder.net[0].dense_block(functional.pad(first, (0, 1, 0, 1)))
    bottom = body.bottleneck_conv2d(skip.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5)))
    up = body.decoder.net[0]
    weight, normed = up.upsample2d.weight, up.norm2d(bottom)
    larger = torch.zeros(1, 2, 8, 6)
    for high in (0, 1):
        for wide in (0, 1):
            larger[:, :, high::2, wide::2] = torch.einsum("bihw,io->bohw", normed, weight[:, :, high, wide])
    larger += up.upsample2d.bias[None, :, None, None]
    last = up.dense_block(torch.cat([larger[:, :, :7, :5], skip[:, :, :7, :5]], 1))
    assert (body(x) - body.pointwise_conv2d(last)).abs().max() < 1e-5 and body(x).shape == (1, 4, 7, 5)


@torch.no_grad()
@pytest.mark.parametrize("times", [1, 2, 61, 64])
def test_any_number_of_frames_gives_magnitudes(times) -> None:
    found = net()["vocals"](torch.rand(2, 2, 33, times))
    assert found.shape == (2, 2, 33, times) and found.min() >= 0 and found.max() > 0.01 and (found == 0).any()


@torch.no_grad()
def test_bands_hear_their_bins_and_the_last_layers_are_the_formula() -> None:
    one = net()["vocals"]
    for values, spread in ((one.scale_in, 2), (one.bias_in, 0.1), (one.scale_out, 2), (one.bias_out, 0.1)):
        torch.nn.init.normal_(values, std=spread)
    x = torch.rand(1, 2, 33, 9)
    heard = (x - one.bias_in[:, None]) / (one.scale_in[:, None].abs() + 1e-12)
    low, high = one.net["low"](heard[:, :, :13]), one.net["high"](heard[:, :, 13:])
    assert (low.shape[1], high.shape[1]) == (3, 3)
    joined = torch.cat([torch.cat([low, high], 2), one.net["full"](heard)], 1)
    mapped = one.norm2d(one.dense_block(joined)).transpose(1, 3)
    kept, gate = (
        functional.linear(mapped, part.weight[:, :, 0, 0], part.bias) for part in (one.glu2d.map, one.glu2d.map_gate)
    )
    found = (kept * gate.sigmoid()).transpose(1, 3) * one.scale_out[:, None] + one.bias_out[:, None]
    assert (one(x) - found.clamp(min=0)).abs().max() < 1e-5
    assert [layer.conv2d.dilation[0] for layer in one.dense_block.net] == [1, 2, 4]


@torch.no_grad()
def test_one_source_has_its_own_magnitudes_and_several_share_out_the_mixture() -> None:
    mixture, alone = sound(1, 999), net()
    spectra = alone.transform.forward(mixture)
    expected = torch.polar(alone["vocals"](spectra.abs()), spectra.angle())
    assert (alone(mixture)[:, 0] - alone.transform.inverse(expected, 999)).abs().max() < 1e-5
    three = net(("vocals", "drums", "bass"))
    found = three(mixture)
    assert (found.sum(1) - mixture).abs().max() < 1e-5 and found.std(3).min() > 0.001
    powers = {name: part(spectra.abs()) ** 2 for name, part in three.items()}
    share = (powers["drums"] + 1e-10 / 3) / (sum(powers.values()) + 1e-10)
    assert (three.transform.inverse(spectra * share, 999) - found[:, 1]).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("frames", [1, 10, 1500])
def test_any_length_silence_and_batches(frames, position) -> None:
    module, two = net(("vocals", "accompaniment"), position=position), sound(2, frames)
    found = module(two)
    assert found.shape == (2, 2, 2, frames) and found.isfinite().all() and torch.equal(found, module(two))
    # Shares of cells in which all sources are next to nothing differ more than the roundings that they follow from.
    assert (found - torch.cat([module(two[:1]), module(two[1:])])).abs().max() < 1e-5
    assert not module(torch.zeros(1, 2, frames)).any()
    assert net(channels=1, position=position)(sound(1, frames, 1)).shape == (1, 1, 1, frames)


def learnt(steps: int, build=mm_dense_lstm, **keys) -> tuple[float, float]:
    """Mean error of one source before and after some steps on one clip."""
    torch.manual_seed(3)
    module = build(("accompaniment",), 2, **(SMALL | keys)).train()
    found = loss_over(module, sound(2, 907), steps)
    assert all(one.grad is not None for one in module.parameters())
    return found


@pytest.mark.parametrize(
    ("build", "keys"),
    [pytest.param(mm_densenet, {}, marks=pytest.mark.proof), (mm_dense_lstm, {"position": "after_dense"})],
)
def test_it_learns_a_clip(build, keys) -> None:
    first, last = learnt(20, build, **keys)
    assert last < 0.5 * first, (first, last)


@pytest.mark.proof
@pytest.mark.parametrize("position", POSITIONS)
def test_it_learns_a_clip_better_with_time(position) -> None:
    first, last = learnt(300, position=position)
    assert last < 0.25 * first, (first, last)


def checkpoint(folder, state: dict, **keys):
    torch.save({"state_dict": state}, folder / "net.pth")
    known = {"path": "net.pth", "architecture": "mm_dense_lstm", "sources": ["vocals"], "parameters": SMALL}
    return made(folder, "torch_checkpoint", **(known | keys))


def test_weights_come_in_through_a_checkpoint_in_every_published_form(tmp_path) -> None:
    module, of = net(), song(0.1)
    with torch.no_grad():
        expected = module(torch.from_numpy(of.mixture.T[None].copy()))[0, 0].T.numpy()
    own = module.state_dict()
    alone = module["vocals"].state_dict()
    wrapped = {f"net.{name}": value for name, value in own.items()}
    for state in (own, alone, wrapped):
        found = checkpoint(tmp_path, state).separate(of, ["vocals"])["vocals"]
        assert np.abs(found - expected).max() < 1e-6 < np.abs(expected).max()
    two = net(("vocals", "drums")).state_dict()
    system = checkpoint(tmp_path, {f"net.{name}": value for name, value in two.items()}, sources=["vocals", "drums"])
    assert separated(system, of, "drums").any()
    with pytest.raises(StimuliError, match=r"is of another network: it lacks vocals\.scale_in"):
        separated(checkpoint(tmp_path, alone, sources=["vocals", "drums"]), of)
    assert (
        separated(
            checkpoint(
                tmp_path,
                mm_densenet(("vocals",), 2, **SMALL).state_dict(),
                architecture="mm_densenet",
                sources=["vocals"],
            ),
            of,
        ).shape
        == of.mixture.shape
    )


def bands(**keys) -> dict:
    return {"bands": BANDS | {"low": BANDS["low"] | keys}}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"position": "beside"}, "position is parallel, after_dense, before_dense; found 'beside'"),
        ({"bands": {"low": BANDS["low"]}}, "bands are full and one or more others, found low"),
        ({"bands": {}}, "found none"),
        ({"window": 128}, "bins of full, and of the others together, are 65; found 33 and 33"),
        (bands(bins=12), "found 33 and 32"),
        (bands(growth=[3, 3]), "an odd number of entries"),
        (bands(depth=[2, 2, 2, 2, 2]), "as many each"),
        (bands(hidden=[4, 0, 0]), "blocks down and the last one have no LSTM"),
        (bands(growth=[3, 3, 0]), "1 or more; at the bottom they may be 0"),
        (bands(depth=[2, 0, 2], hidden=[0, 0, 0]), "give it hidden units"),
        (bands(features=0), "1 or more"),
    ],
)
def test_what_it_can_not_be_is_said(keys, says) -> None:
    with pytest.raises(ValueError, match=says):
        mm_dense_lstm(("vocals",), 2, **(SMALL | keys))
