"""Conv-TasNet: its size and names, its norms by hand, what it hears when, and that it learns."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from masking_nets import SMALL_CONV, conv, first_change, gain_after_fitting, sound
from outside import made, separated, song

from stimuli.separators.networks.architectures.conv_tasnet import ChannelNorm, GlobalNorm, TDConvNet, conv_tasnet

BEFORE = [
    "encoder.filterbank._filters",
    "masker.bottleneck.0.gamma",
    "masker.bottleneck.0.beta",
    "masker.bottleneck.1.weight",
    "masker.bottleneck.1.bias",
]
BLOCK = [
    "shared_block.0.weight",
    "shared_block.0.bias",
    "shared_block.1.weight",
    "shared_block.2.gamma",
    "shared_block.2.beta",
    "shared_block.3.weight",
    "shared_block.3.bias",
    "shared_block.4.weight",
    "shared_block.5.gamma",
    "shared_block.5.beta",
    "res_conv.weight",
    "res_conv.bias",
    "skip_conv.weight",
    "skip_conv.bias",
]
AFTER = [
    "masker.mask_net.0.weight",
    "masker.mask_net.1.weight",
    "masker.mask_net.1.bias",
    "decoder.filterbank._filters",
]


def test_size_and_names_are_asteroids() -> None:
    with torch.device("meta"):
        net, causal = conv_tasnet("ab", 1), conv_tasnet("ab", 1, causal=True)
    expected = [*BEFORE, *(f"masker.TCN.{i}.{name}" for i in range(24) for name in BLOCK), *AFTER]
    state = net.state_dict()
    assert list(state) == expected and sum(one.numel() for one in state.values()) == 5_050_545
    assert state["encoder.filterbank._filters"].shape == state["decoder.filterbank._filters"].shape == (512, 1, 16)
    # Where it is causal, asteroid's convolution stands in a sequence with what cuts its end.
    assert list(causal.state_dict()) == [name.replace("shared_block.3.", "shared_block.3.0.") for name in expected]


def test_the_masker_alone_is_the_masker_inside() -> None:
    """By its layer sums: MedleyVox's sizes, and another number of channels out than in."""
    with torch.device("meta"):
        masker = TDConvNet(
            2050, 2, n_blocks=6, n_repeats=4, bn_chan=256, hid_chan=1024, skip_chan=256, mask_act="linear"
        )
    assert sum(weight.numel() for weight in masker.parameters()) == 20_690_745
    small = TDConvNet(6, 3, 5, n_blocks=2, n_repeats=1, bn_chan=4, hid_chan=8, skip_chan=0)
    masks = small(sound(6, 20)[None])
    assert masks.shape == (1, 3, 5, 20) and masks.min() == 0


@pytest.mark.parametrize(("norm", "over"), [(ChannelNorm, (0,)), (GlobalNorm, (0, 1))])
def test_norms_by_hand(norm, over) -> None:
    layer, heard = norm(5), 3 + sound(5, 7)
    with torch.no_grad():
        layer.gamma.copy_(torch.arange(5.0))
        layer.beta.fill_(0.5)
    x = heard.numpy().astype(float)
    normal = (x - x.mean(axis=over, keepdims=True)) / np.sqrt(x.var(axis=over, keepdims=True) + 1e-8)
    assert np.abs(layer(heard[None])[0].detach().numpy() - (normal * np.arange(5.0)[:, None] + 0.5)).max() < 1e-5


@pytest.mark.parametrize("act", ["sigmoid", "relu", "softmax", "linear"])
def test_masks_are_what_they_are_called(act) -> None:
    masker = conv(3, mask=act).masker
    masks = masker(5 * sound(12, 30)[None])
    assert masks.shape == (1, 3, 12, 30)
    if act == "softmax":
        assert torch.allclose(masks.sum(dim=1), torch.ones(1, 12, 30), atol=1e-6)
    assert (masks.min() >= 0) == (act != "linear") and (masks.max() <= 1) == (act in ("sigmoid", "softmax"))


@pytest.mark.parametrize("at", [640, 643, 647])
def test_a_causal_one_hears_no_later_frame(at) -> None:
    """A frame of 16 that holds sample n begins at the earliest at the multiple of 8 from n - 15 on."""
    assert first_change(conv(causal=True), 1200, at) == -(-(at - 15) // 8) * 8
    assert first_change(conv(), 1200, at) == 0, "gLN hears the whole"


def test_without_a_norm_over_time_the_other_one_hears_as_far_ahead_as_behind() -> None:
    ahead = 8 * (1 + 2 + 4 + 8) * 2
    assert first_change(conv(norm="cLN"), 1200, 640) == 632 - ahead


@pytest.mark.parametrize(("channels", "kernel"), [(1, 16), (2, 20)])
def test_no_last_sample_is_lost(channels, kernel) -> None:
    net = conv(2, channels, kernel=kernel)
    for frames in (1, 10, kernel - 1, kernel, kernel + 1, 1000, 1003):
        heard = sound(channels, frames)
        found = net(torch.stack([heard, heard]))
        assert found.shape == (2, 2, channels, frames) and torch.allclose(found[0], found[1], atol=1e-6)
        assert found[..., -1].abs().min() > 0, frames
        assert not net(0 * heard[None]).any()


def test_the_order_of_sources_is_that_of_the_masks() -> None:
    net, other = conv(), conv()
    with torch.no_grad():
        for weight in (other.masker.mask_net[1].weight, other.masker.mask_net[1].bias):
            weight.copy_(weight.unflatten(0, (2, -1)).flip(0).flatten(0, 1).clone())
    heard = sound(1, 500)[None]
    assert torch.allclose(net(heard).flip(1), other(heard), atol=1e-6) and not torch.allclose(net(heard), other(heard))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"causal": True, "norm": "gLN"}, "a causal network can't have norm gLN, which hears the whole sound; take"),
        ({"norm": "BN"}, "norm is gLN or cLN and mask one of sigmoid, relu, softmax, linear, found 'BN'"),
        ({"mask": "tanh"}, "found 'gLN' and 'tanh'"),
        ({"encoder": "tanh"}, "encoder is linear or relu, found 'tanh'"),
        ({"kernel": 15}, "kernel is even, its half is the hop, found 15"),
        ({"conv_kernel": 4}, "a kernel of convolutions that hear both sides is odd, found 4"),
        ({"hidden": 0}, "sizes of the network are whole numbers from 1 up, skip from 0"),
    ],
)
def test_bad_sizes_are_said(keys, says) -> None:
    with pytest.raises(ValueError, match=says):
        conv_tasnet("ab", 1, **keys)


def test_a_mono_network_takes_a_stereo_song_side_by_side(tmp_path) -> None:
    torch.save({"state_dict": conv().state_dict()}, tmp_path / "net.pt")
    keys = {"path": "net.pt", "architecture": "conv_tasnet", "parameters": SMALL_CONV, "channels": 1, "convert": True}
    system, of = made(tmp_path, "torch_checkpoint", sources=["vocals", "accompaniment"], **keys), song(0.5)
    found = separated(system, of)
    swapped = type(of)(of.name, of.rate_hz, np.ascontiguousarray(of.mixture[:, ::-1]))
    assert found.shape == of.mixture.shape and np.array_equal(separated(system, swapped), found[:, ::-1])
    assert np.abs(found).max() > 1e-3 and np.abs(found[:, 0] - found[:, 1]).max() > 1e-3


def test_it_learns_a_mixture() -> None:
    torch.manual_seed(1)
    sizes = {"filters": 32, "kernel": 32, "bottleneck": 24, "hidden": 32, "skip": 24, "blocks": 4, "repeats": 1}
    assert gain_after_fitting(conv_tasnet("ab", 1, **sizes), 0.2, steps=30) > 3


@pytest.mark.proof
@pytest.mark.parametrize("causal", [False, True])
def test_it_learns_a_mixture_by_heart_within_two_minutes(causal) -> None:
    torch.manual_seed(1)
    sizes = {"filters": 64, "kernel": 32, "bottleneck": 48, "hidden": 64, "skip": 48, "blocks": 5, "repeats": 1}
    began = time.process_time()
    found = gain_after_fitting(conv_tasnet("ab", 2, causal=causal, **sizes), 0.5, steps=150)
    print(f"SI-SDRi {found:.1f} dB in {time.process_time() - began:.0f} s of CPU")
    assert found > 10 and time.process_time() - began < 120
