"""Vox-TasNet-style: its size, what it hears when, that it learns, and that it runs as a condition."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from masking_nets import SMALL_VOX, duo, first_change, gain_after_fitting, sound, vox
from outside import made, separated, song

from analysis.metrics.families.asymmetry import ssa
from analysis.metrics.signals import si_sdr
from stimuli.errors import StimuliError
from stimuli.separators import Song
from stimuli.separators.networks.architectures.vox_tasnet import vox_tasnet

HYBRID_DEMUCS = 83_637_832


def size(*arguments, **keys) -> int:
    """Parameters of a network that takes no memory."""
    with torch.device("meta"):
        return sum(weight.numel() for weight in vox_tasnet(*arguments, **keys).parameters())


@pytest.mark.parametrize(
    ("bottleneck", "repeats", "expected"),
    [(384, 5, 7_432_794), (256, 3, 2_276_662), (384, 3, 4_716_342), (512, 3, 8_040_758), (384, 6, 8_791_020)],
)
def test_sizes_are_those_of_the_formula(bottleneck, repeats, expected) -> None:
    for sources, channels in ((1, 2), (1, 1), (2, 2)):
        stacked = channels * 384
        formula = 2 * 64 * 384 + 2 * stacked + (stacked + 1) * bottleneck
        formula += 9 * repeats * (bottleneck**2 + 9 * bottleneck + 2) + (bottleneck + 1) * sources * stacked
        assert size("ab"[:sources], channels, bottleneck=bottleneck, repeats=repeats) == formula
    assert size("a", 2, bottleneck=bottleneck, repeats=repeats) == expected


def test_its_defaults_stay_below_a_tenth_of_hybrid_demucs() -> None:
    assert size("a", 2) == 7_432_794 < HYBRID_DEMUCS / 10 < size("a", 2, repeats=6)


@pytest.mark.parametrize("ahead", [0, 1, 2, 5])
@pytest.mark.parametrize(("at", "offset"), [(640, -32), (657, -49), (671, -63)])
def test_no_estimate_hears_more_than_it_may(ahead, at, offset) -> None:
    assert first_change(vox(lookahead_frames=ahead), 1200, at) == at + offset - 32 * ahead


def test_it_remembers_as_much_as_its_stacks_reach_back() -> None:
    """(1 + 2 (1 + 2 + 4 + 8) R) hops: a click that long ago is heard, one a hop earlier is not."""
    net = vox().double()
    frames, reach = 4000, (1 + 2 * 15 * 2) * 32
    heard = sound(2, frames).double()
    heard[:, 300:330] = 0
    other = heard.clone()
    other[:, 310] = 1.0
    with torch.inference_mode():
        differs = (net(other[None]) - net(heard[None]))[0].abs().amax(dim=(0, 1)) > 0
    last = int(differs.nonzero()[-1])
    # Hop 9 begins at frame 288, the last that holds the click; it colours as many hops after it as the stacks reach.
    assert last == 288 + reach + 31


@pytest.mark.parametrize(("sources", "channels"), [(1, 2), (1, 1), (3, 2)])
def test_any_length_silence_and_batches(sources, channels) -> None:
    net = vox(sources, channels)
    for frames in (1, 10, 63, 64, 65, 1000):
        one, two = sound(channels, frames), sound(channels, frames, seed=2)
        both = net(torch.stack([one, two]))
        assert both.shape == (2, sources, channels, frames)
        assert torch.allclose(both[1], net(two[None])[0], atol=1e-6)
        assert torch.equal(net(one[None]), net(one[None]))
        assert not net(torch.zeros(1, channels, frames)).any()


def test_masks_of_one_give_what_the_filters_give() -> None:
    """Every sample is under the filters, the last ones too: with pure delays as filters all of it comes back."""
    net = vox()
    with torch.no_grad():
        net.encoder.weight.zero_()
        net.decoder.weight.zero_()
        for index in range(6):
            for sign, row in ((1, index), (-1, 6 + index)):
                net.encoder.weight[row, 0, 5 + index] = sign
                net.decoder.weight[row, 0, 5 + index] = sign
        net.mask.weight.zero_()
        net.mask.bias.fill_(40.0)
    for frames in (11, 44, 75, 107):
        heard = sound(2, frames)
        kept = torch.arange(frames) % 32
        kept = (kept >= 5) & (kept < 11)
        assert torch.allclose(net(heard[None])[0, 0], heard * kept, atol=1e-6), frames


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"width": 0}, "width is a whole number from 1 up, found 0"),
        ({"repeats": 1.5}, "repeats is a whole number from 1 up, found 1.5"),
        ({"kernel": 33}, "kernel is even, its half is the hop, found 33"),
        ({"lookahead_frames": -1}, "lookahead_frames is a whole number from 0 up, found -1"),
    ],
)
def test_bad_sizes_are_said(keys, says) -> None:
    with pytest.raises(ValueError, match=says):
        vox_tasnet("a", 2, **keys)


def checkpoint(folder, channels: int, **parameters):
    """A small network in a file, as an entry names it."""
    torch.save({"state_dict": vox(1, channels).state_dict()}, folder / "net.pt")
    keys = {"path": "net.pt", "architecture": "vox_tasnet", "sources": ["accompaniment"]}
    keys |= {"channels": channels, "convert": channels == 1, "parameters": SMALL_VOX | parameters}
    return made(folder, "torch_checkpoint", **keys)


@pytest.mark.parametrize("channels", [2, 1])
def test_it_runs_as_a_condition(tmp_path, channels) -> None:
    system, of = checkpoint(tmp_path, channels), song(0.5)
    music, vocals = (separated(system, of, target) for target in ("accompaniment", "vocals"))
    assert music.shape == of.mixture.shape and np.abs(music + vocals - of.mixture).max() < 1e-6
    assert np.abs(music).max() > 1e-3 and np.array_equal(music, separated(system, of, "accompaniment"))
    one_sided = Song("one", 44_100, of.mixture * np.float32([1, 0]))
    assert np.isfinite(separated(system, one_sided)).all()
    with pytest.raises(StimuliError, match="parameters don't fit: width is a whole number"):
        separated(checkpoint(tmp_path, channels, width=-3), of)


def test_the_mono_network_treats_both_sides_alike_and_the_asymmetry_does_not_change(tmp_path) -> None:
    voice, band = (one.T.numpy() for one in duo(0.5))
    of = Song("a", 44_100, voice + band)
    swapped = Song("b", 44_100, np.ascontiguousarray(of.mixture[:, ::-1]))
    system = checkpoint(tmp_path, 1)
    found, other = (separated(system, one, "accompaniment") for one in (of, swapped))
    assert np.array_equal(found[:, ::-1], other)
    assert ssa(si_sdr, band, found) == pytest.approx(ssa(si_sdr, band[:, ::-1], other), abs=1e-9) and found.any()


def test_it_learns_a_mixture() -> None:
    torch.manual_seed(1)
    net = vox_tasnet("a", 2, width=32, bottleneck=32, repeats=1, dilations=4)
    assert gain_after_fitting(net, 0.2, steps=40) > 3


@pytest.mark.proof
def test_it_learns_a_mixture_by_heart_within_two_minutes() -> None:
    torch.manual_seed(1)
    net = vox_tasnet("a", 2, width=64, bottleneck=64, repeats=2, dilations=6)
    began = time.process_time()
    found = gain_after_fitting(net, 0.5, steps=200)
    print(f"SI-SDRi {found:.1f} dB in {time.process_time() - began:.0f} s of CPU")
    assert found > 10 and time.process_time() - began < 120
