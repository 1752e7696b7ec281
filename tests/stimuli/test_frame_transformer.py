"""The frame transformer: the published sizes, its formulas by hand, pieces of one length, a clip that it learns."""

from __future__ import annotations

import pytest
import torch
from learning_nets import loss_over
from outside import made, separated, song
from torch.nn import functional

from stimuli.separators.networks.architectures.frame_attention import FrameBlock, _Attention
from stimuli.separators.networks.architectures.frame_transformer import frame_transformer

BOTH = ("accompaniment", "vocals")
SMALL = {"window": 128, "hop": 64, "width": 2, "decoders": 2, "bands": 2, "feedforward": 32, "cropsize": 16}


def net(sources: tuple[str, ...] = BOTH, **keys) -> torch.nn.Module:
    torch.manual_seed(1)
    return frame_transformer(sources, 2, **(SMALL | keys)).eval()


def sound(batch: int, frames: int) -> torch.Tensor:
    return torch.randn(batch, 2, frames, generator=torch.Generator().manual_seed(2)) / 4


@pytest.mark.parametrize(
    ("keys", "parameters"),
    [
        ({"cropsize": 128}, 131_463_311),
        ({}, 133_240_975),
        ({"width": 16, "decoders": 1, "feedforward": 2048, "cropsize": 128}, 51_618_654),
    ],
)
def test_sizes_are_those_that_were_counted(keys, parameters) -> None:
    with torch.device("meta"):
        full = frame_transformer(("accompaniment",), 2, **keys)
    assert sum(one.numel() for one in full.parameters()) == parameters


@torch.no_grad()
def test_attention_is_the_formula_head_by_head() -> None:
    """The root of all bins, and places that are added transposed; both differ from the usual."""
    torch.manual_seed(1)
    part = _Attention(8, 2, 5)
    tokens, memory = torch.randn(1, 5, 8), torch.randn(1, 5, 8)

    def projected(layers: torch.nn.Sequential, of: torch.Tensor) -> torch.Tensor:
        flat = functional.linear(of, layers[0].weight, layers[0].bias)
        kernel, bias = layers[1].depthwise.weight, layers[1].depthwise.bias
        padded = functional.pad(flat, (0, 0, 1, 1))
        return sum(padded[:, shift : shift + 5] * kernel[:, 0, shift] for shift in range(3)) + bias

    query, key, value = projected(part.query, tokens), projected(part.key, memory), projected(part.value, memory)
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        places = functional.pad(query[0, :, head] @ part.places, (1, 0)).T[1:]
        similar = (query[0, :, head] @ key[0, :, head].T + places) / 8**0.5
        heads.append(similar.softmax(1) @ value[0, :, head])
    expected = functional.linear(torch.cat(heads, 1), part.out.weight, part.out.bias)
    assert (part(tokens, memory)[0] - expected).abs().max() < 1e-5


@torch.no_grad()
def test_a_block_is_the_formula() -> None:
    torch.manual_seed(1)
    block = FrameBlock((3, 2), 8, 5, heads=2, width=6).eval()
    for norm in (*block.norms, block.inner_norm):
        torch.nn.init.normal_(norm.weight)
    sound, skip = torch.randn(1, 3, 8, 5), torch.randn(1, 2, 8, 5)
    x = torch.einsum("bcft,c->btf", sound, block.from_map.weight[0]) + block.from_map.bias
    s = torch.einsum("bcft,c->btf", skip, block.from_skip.weight[0]) + block.from_skip.bias
    norms, (own, later), (cross, last) = block.norms, block.self_attentions, block.skip_attentions
    h = norms[0](x)
    x = x + own(h, h) + cross(h, s)
    h = norms[1](x)
    wide, narrow = block.left(h).relu(), block.right(h)
    assert (wide.shape[2], narrow.shape[2]) == (12, 6)
    x = x + block.middle(block.inner_norm(wide + torch.cat([narrow, torch.zeros_like(narrow)], 2)))
    h = norms[2](x)
    x = x + later(h, h)
    x = x + last(norms[3](x), s)
    h = norms[4](x)
    x = x + block.feed_out(block.feed_in(h).clamp(min=0) ** 2)
    assert (block(sound, skip)[0, 0].T - x[0]).abs().max() < 1e-5


@torch.no_grad()
def test_the_mask_lies_between_none_and_all_and_the_top_bin_is_its_neighbours() -> None:
    module = net()
    mask = module.mask(torch.rand(2, 2, 65, 16))
    assert mask.shape == (2, 2, 65, 16) and 0 < mask.min() < mask.max() < 1 and mask.std() > 1e-3
    assert torch.equal(mask[:, :, 64], mask[:, :, 63])
    with pytest.raises(RuntimeError):
        module.mask(torch.rand(2, 2, 65, 15))


@torch.no_grad()
def test_a_block_adds_one_channel_and_convolutions_keep_to_their_frame() -> None:
    module = net(decoders=0)
    one, other = torch.rand(2, 1, 2, 65, 16)
    other[..., 8:] = one[..., 8:]
    first, second = module.mask(one), module.mask(other)
    assert (first - second)[..., :8].abs().max() > 1e-3 and torch.equal(first[..., 8:], second[..., 8:])
    assert net().out.weight.shape == (2, 2 + 2)


@torch.no_grad()
def test_a_song_is_heard_in_pieces_of_one_length_each_at_its_place() -> None:
    module, mixture, heard = net(), sound(1, 3100), []
    module.mask = lambda piece: heard.append(piece) or torch.where(piece > 0.3, 1.0, 0.0)
    found = module(mixture)[:, 0]
    assert [piece.shape[3] for piece in heard] == [16] * 4
    spectra = module.transform.forward(mixture)
    size = spectra.abs() / spectra.abs().max()
    assert (torch.cat(heard, 3)[..., : size.shape[3]] - size).abs().max() < 1e-6
    expected = module.transform.inverse(spectra * (size > 0.3), 3100)
    assert (found - expected).abs().max() < 1e-5 and found.abs().max() > 0.01


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 10, 64, 3000])
def test_any_length_silence_and_batches(frames) -> None:
    module, two = net(), sound(2, frames)
    found = module(two)
    assert found.shape == (2, 2, 2, frames) and found.isfinite().all() and torch.equal(found, module(two))
    assert (found - torch.cat([module(two[:1]), module(two[1:])])).abs().max() < 1e-6
    assert (found.sum(1) - two).abs().max() < 1e-6 and (module(2 * two) - 2 * found).abs().max() < 1e-6
    assert not module(torch.zeros(1, 2, frames)).any()
    module.mask = torch.ones_like
    assert (module(two)[:, 0] - two).abs().max() < 1e-6


def learnt(steps: int, **keys) -> tuple[float, float]:
    """Mean error of the accompaniment before and after some steps on one clip."""
    torch.manual_seed(3)
    module = frame_transformer(("accompaniment",), 2, **(SMALL | keys)).train()
    found = loss_over(module, sound(2, 907), steps)
    assert all(one.grad is not None for one in module.parameters())
    return found


def test_it_learns_a_clip() -> None:
    first, last = learnt(15, decoders=1)
    assert last < 0.5 * first, (first, last)


@pytest.mark.proof
def test_a_wider_one_learns_a_clip_better() -> None:
    first, last = learnt(200, width=4, feedforward=64)
    assert last < 0.25 * first, (first, last)


def test_weights_come_in_through_a_checkpoint(tmp_path) -> None:
    module = net(("accompaniment",))
    torch.save({"state_dict": module.state_dict()}, tmp_path / "net.pt")
    keys = {"path": "net.pt", "architecture": "frame_transformer", "sources": ["accompaniment"], "parameters": SMALL}
    system, of = made(tmp_path, "torch_checkpoint", **keys), song(0.2)
    music, voice = (separated(system, of, target) for target in ("accompaniment", "vocals"))
    assert abs(music + voice - of.mixture).max() < 1e-5 < abs(music).max()
    with torch.no_grad():
        expected = module(torch.from_numpy(of.mixture.T[None].copy()))[0, 0].T.numpy()
    assert abs(system.separate(of, ["accompaniment"])["accompaniment"] - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("sources", "channels", "keys", "says"),
    [
        (("vocals",), 2, {}, "accompaniment alone, or vocals and accompaniment"),
        (BOTH, 1, {}, "two channels"),
        (BOTH, 2, {"window": 96}, "window is a multiple of 32 times bands, found 96 and 2"),
        (BOTH, 2, {"bands": 3}, "found 128 and 3"),
        (BOTH, 2, {"cropsize": 0}, "are 1 or more"),
        (BOTH, 2, {"decoders": -1}, "decoders 0 or more"),
    ],
)
def test_what_it_can_not_be_is_said(sources, channels, keys, says) -> None:
    with pytest.raises(ValueError, match=says):
        frame_transformer(sources, channels, **(SMALL | keys))
