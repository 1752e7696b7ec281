"""CascadedNet: the published names and sizes, crops that fit together, masks that share out the mixture."""

from __future__ import annotations

import pytest
import torch
from learning_nets import loss_over
from outside import made, separated, song
from torch.nn import functional

from stimuli.errors import StimuliError
from stimuli.separators.networks.architectures.cascaded_blocks import DILATIONS
from stimuli.separators.networks.architectures.cascaded_net import cascaded_net
from stimuli.separators.networks.architectures.crops import Crops, merged
from stimuli.separators.networks.architectures.vocal_remover import normalised

BOTH = ("vocals", "accompaniment")
SMALL = {"window": 128, "hop": 64, "nout": 4, "nout_lstm": 4, "cropsize": 32, "offset": 8}


def net(sources: tuple[str, ...] = BOTH, **keys) -> torch.nn.Module:
    """A small seeded one, for evaluation, whose batch norms have seen something."""
    torch.manual_seed(1)
    made = cascaded_net(sources, 2, **(SMALL | keys))
    for part in made.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(part.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(part.running_var, 0.3, 1)
    torch.nn.init.normal_(made.out.weight)
    return made.eval()


def sound(batch: int, frames: int, seed: int = 2) -> torch.Tensor:
    return torch.randn(batch, 2, frames, generator=torch.Generator().manual_seed(seed)) / 4


@pytest.mark.parametrize(("variant", "parameters"), [(False, 14_740_882), (True, 14_742_866)])
def test_names_and_sizes_are_those_of_the_published_weights(variant, parameters) -> None:
    with torch.device("meta"):
        full = cascaded_net(("accompaniment",), 2, complex=variant)
    state = full.state_dict()
    assert len(state) == 689 and sum(one.numel() for one in full.parameters()) == parameters
    known = {
        "stg1_low_band_net.0.enc1.conv.0.weight": (16, 4 if variant else 2, 3, 3),
        "stg1_low_band_net.0.lstm_dec2.lstm.weight_ih_l0": (256, 256),
        "stg1_low_band_net.1.conv.0.weight": (8, 16, 1, 1),
        "stg1_high_band_net.enc2.conv1.conv.1.running_mean": (16,),
        "stg2_low_band_net.0.aspp.conv1.1.conv.0.weight": (256, 256, 1, 1),
        "stg2_high_band_net.aspp.bottleneck.conv.0.weight": (128, 640, 1, 1),
        "stg3_full_band_net.dec1.conv1.conv.0.weight": (32, 97, 3, 3),
        "stg3_full_band_net.lstm_dec2.dense.0.weight": (512, 128),
        "aux_out.weight": (4 if variant else 2, 24, 1, 1),
    }
    assert {name: tuple(state[name].shape) for name in known} == known
    if not variant:
        sizes = {name: sum(one.numel() for one in part.parameters()) for name, part in full.named_children()}
        assert list(sizes.values()) == [1_544_994, 428_938, 5_579_586, 1_438_994, 5_748_258, 64, 48]


def through_base_net(state: dict[str, torch.Tensor], sound: torch.Tensor) -> torch.Tensor:
    """The specification's network as formulas on a state dict."""

    def conv(name: str, of: torch.Tensor, slope: float = 0.0, stride: int = 1, dilation=(1, 1)) -> torch.Tensor:
        weight = state[f"{name}.conv.0.weight"]
        reach = dilation if weight.shape[2] == 3 else (0, 0)
        made = functional.conv2d(of, weight, None, stride, reach, dilation)
        return functional.leaky_relu(normed(f"{name}.conv.1", made), slope)

    def normed(name: str, of: torch.Tensor) -> torch.Tensor:
        mean, variance, gain, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(of, mean, variance, gain, bias)

    skips = [conv("enc1", sound)]
    for level in (2, 3, 4, 5):
        half = conv(f"enc{level}.conv1", skips[-1], 0.01, 2)
        skips.append(conv(f"enc{level}.conv2", half, 0.01))
    bottom = skips[4]
    overall = conv("aspp.conv1.1", bottom.mean(2, keepdim=True))
    views = [functional.interpolate(overall, size=bottom.shape[2:], mode="bilinear", align_corners=True)]
    views.append(conv("aspp.conv2", bottom))
    views += [conv(f"aspp.conv{3 + index}", bottom, dilation=DILATIONS[index]) for index in range(3)]
    made = conv("aspp.bottleneck", torch.cat(views, 1))
    for level in (4, 3, 2, 1):
        if level == 1:
            frames = conv("lstm_dec2.conv", made)[:, 0].transpose(1, 2)
            units = state["lstm_dec2.lstm.weight_hh_l0"].shape[1]
            lstm = torch.nn.LSTM(frames.shape[2], units, bidirectional=True, batch_first=True)
            prefix = "lstm_dec2.lstm."
            lstm.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
            dense = functional.linear(
                lstm(frames)[0], state["lstm_dec2.dense.0.weight"], state["lstm_dec2.dense.0.bias"]
            )
            extra = normed("lstm_dec2.dense.1", dense.transpose(1, 2)).relu()
            made = torch.cat([made, extra[:, None]], 1)
        wide = functional.interpolate(made, scale_factor=2, mode="bilinear", align_corners=True)
        made = conv(f"dec{level}.conv1", torch.cat([wide, skips[level - 1]], 1))
    return made


@torch.no_grad()
@pytest.mark.parametrize("variant", [False, True])
def test_the_mask_is_the_specifications_formula(variant) -> None:
    """Stages, bands, concatenations and the replicated top bin, by hand from the weights' names."""
    module = net(complex=variant)
    spectra = torch.fft.rfft(sound(2, 32 * 128).reshape(2, 2, 32, 128)).transpose(2, 3) / 10
    heard = torch.cat([spectra.real, spectra.imag], 1) if variant else spectra.abs()
    heard = heard[:, :, :64]

    def stage(name: str, of: torch.Tensor) -> torch.Tensor:
        state = {k.removeprefix(f"{name}."): v for k, v in module.state_dict().items() if k.startswith(f"{name}.")}
        if "1.conv.0.weight" not in state:
            return through_base_net(state, of)
        narrow = torch.nn.functional.conv2d(
            through_base_net({k.removeprefix("0."): v for k, v in state.items()}, of), state["1.conv.0.weight"]
        )
        norm = [state[f"1.conv.1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(narrow, *norm).relu()

    low, high = heard[:, :, :32], heard[:, :, 32:]
    one = stage("stg1_low_band_net", low), stage("stg1_high_band_net", high)
    two = (
        stage("stg2_low_band_net", torch.cat([low, one[0]], 1)),
        stage("stg2_high_band_net", torch.cat([high, one[1]], 1)),
    )
    three = stage("stg3_full_band_net", torch.cat([heard, torch.cat(one, 2), torch.cat(two, 2)], 1))
    out = functional.conv2d(three, module.out.weight)
    if variant:
        number = torch.complex(out[:, :2], out[:, 2:])
        expected = torch.tanh(number.abs()) * number / (number.abs() + 1e-8)
    else:
        expected = out.sigmoid()
    found = module.mask(spectra if variant else spectra.abs())
    assert found.shape == spectra.shape and torch.equal(found[:, :, 64], found[:, :, 63])
    assert (found[:, :, :64] - expected).abs().max() < 1e-5 and found.abs().std() > 1e-3
    assert found.abs().max() < 1


@pytest.mark.parametrize(("times", "padding"), [(1000, (64, 88)), (1024, (64, 192)), (1, (64, 191))])
def test_padding_is_the_published_one(times, padding) -> None:
    assert Crops(256, 64).padding(times) == padding


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("times", [1, 15, 16, 47, 100])
def test_crops_fit_together(times, twice) -> None:
    """Of a network that answers what it hears, every frame comes back at its place, heard in crops of one size."""
    spectra, heard = torch.rand(2, 2, 3, times), []
    found = Crops(32, 8, twice).masks(lambda crop: heard.append(crop.shape) or crop, spectra)
    assert torch.equal(found, spectra) and set(heard) == {(2, 2, 3, 32)}
    assert len(heard) == times // 16 + 1 + twice * (times // 16 + 2)


def test_the_second_pass_looks_from_between() -> None:
    """A network that says where in its crop a frame lies: the mean of both passes is half a step apart."""
    places = torch.arange(32.0).expand(1, 1, 1, 32)
    once, twice = (Crops(32, 8, both).masks(lambda _: places, torch.zeros(1, 1, 1, 40))[0, 0, 0] for both in (0, 1))
    assert torch.equal(once, 8 + torch.arange(40) % 16)
    assert torch.equal(twice, (once + 8 + (torch.arange(40) + 8) % 16) / 2)


@torch.no_grad()
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"tta": True},
        pytest.param({"complex": True, "tta": True}, marks=pytest.mark.proof),
        pytest.param({"merge_artifacts": True}, marks=pytest.mark.proof),
    ],
)
def test_both_sources_add_up_and_the_level_does_not_matter(keys) -> None:
    module, mixture = net(**keys), sound(1, 6001)
    found = module(mixture)
    assert (found.sum(1) - mixture).abs().max() < 1e-5 and found[:, 1].std() > 0.01
    assert (module(4 * mixture) - 4 * found).abs().max() < 1e-5
    assert torch.equal(net(("accompaniment",), **keys)(mixture)[:, 0], found[:, 1])
    assert torch.equal(net(BOTH[::-1], **keys)(mixture), found.flip(1))
    if keys:
        assert (net()(mixture) - found).abs().max() > 1e-4


def test_the_largest_magnitude_is_no_real_part() -> None:
    spectra = torch.tensor([3j, 1 - 1j, 0]).reshape(1, 1, 3, 1)
    assert torch.allclose(normalised(spectra).flatten(), torch.tensor([1j, (1 - 1j) / 3, 0]))


@torch.no_grad()
def test_a_mask_of_one_returns_the_mixture() -> None:
    module, mixture = net(tta=True), sound(2, 2500)
    module.mask = torch.ones_like
    found = module(mixture)
    assert (found[:, 1] - mixture).abs().max() < 1e-6 and found[:, 0].abs().max() < 1e-6


def test_what_is_taken_away_by_mistake_is_put_back() -> None:
    mask = torch.full((2, 2, 3, 300), 0.04)
    assert torch.equal(merged(mask), mask), "no frame passes: nothing to merge, and no error"
    mask[0, ..., 100:170] = 0.5
    mask[0, ..., 200:264] = 0.5  # not longer than 64
    mask[1, ..., 230:] = 0.5
    found = merged(mask)
    inside = 1 - torch.cat([torch.linspace(0, 1, 32), torch.ones(6), torch.linspace(1, 0, 32)])
    assert torch.allclose(found[0, ..., 100:170], 1 - 0.5 * inside)
    assert torch.equal(found[0, ..., :100], mask[0, ..., :100])
    assert torch.equal(found[0, ..., 170:], mask[0, ..., 170:])
    assert torch.allclose(found[1, 0, 0, 230:262], 1 - 0.5 * (1 - torch.linspace(0, 1, 32)))
    assert torch.equal(found[1, ..., 262:], torch.ones(2, 3, 38)), "no ramp where the song ends"
    mask[0, 1, 2, 140] = 0.04
    assert torch.equal(merged(mask)[0], mask[0]), "one cell that is taken away ends a run"
    turned = torch.polar(mask, torch.full_like(mask, 0.3))
    assert torch.allclose(merged(turned).abs(), merged(mask)) and torch.allclose(merged(turned).angle(), turned.angle())


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 64, 700, pytest.param(5000, marks=pytest.mark.proof)])
def test_any_length_silence_and_batches(frames) -> None:
    module, two = net(tta=True, merge_artifacts=True), sound(2, frames)
    found = module(two)
    assert found.shape == (2, 2, 2, frames) and found.isfinite().all() and torch.equal(found, module(two))
    assert (found - torch.cat([module(two[:1]), module(two[1:])])).abs().max() < 1e-6
    assert not module(torch.zeros(1, 2, frames)).any()


@pytest.mark.parametrize("frames", [1, 777])
def test_in_training_a_clip_is_one_piece_and_all_that_is_used_learns(frames) -> None:
    module, heard = net().train(), []
    mask = module.mask
    module.mask = lambda spectra: heard.append(spectra.shape[3]) or mask(spectra)
    module(sound(2, frames)).square().mean().backward()
    assert heard == [-(-(frames // 64 + 2) // 16) * 16]
    still = [name for name, one in module.named_parameters() if one.grad is None]
    assert still == ["aux_out.weight"]


def learnt(steps: int, **keys) -> tuple[float, float]:
    """Mean error of the accompaniment before and after some steps on one clip."""
    torch.manual_seed(3)
    module = cascaded_net(("accompaniment",), 2, **(SMALL | keys)).train()
    return loss_over(module, sound(2, 1031), steps, rate=3e-2)


@pytest.mark.parametrize(("variant", "steps"), [(True, 12), pytest.param(False, 30, marks=pytest.mark.proof)])
def test_it_learns_a_clip(variant, steps) -> None:
    first, last = learnt(steps, complex=variant)
    assert last < 0.5 * first, (first, last)


@pytest.mark.proof
def test_a_wider_one_learns_a_clip_better() -> None:
    first, last = learnt(200, nout=16, nout_lstm=32)
    assert last < 0.25 * first, (first, last)


def test_weights_come_in_through_a_checkpoint(tmp_path) -> None:
    module = net(("accompaniment",))
    torch.save(module.state_dict(), tmp_path / "baseline.pth")
    keys = {"path": "baseline.pth", "architecture": "cascaded_net", "sources": ["accompaniment"]}
    system, of = made(tmp_path, "torch_checkpoint", **keys, parameters=SMALL), song(0.2)
    assert system.gives(()) == ("accompaniment", "vocals")
    music, voice = (separated(system, of, target) for target in ("accompaniment", "vocals"))
    assert abs(music + voice - of.mixture).max() < 1e-5 < abs(music).max()
    with torch.no_grad():
        expected = module(torch.from_numpy(of.mixture.T[None].copy()))[0, 0].T.numpy()
    assert abs(system.separate(of, ["accompaniment"])["accompaniment"] - expected).max() < 1e-6
    wide = made(tmp_path, "torch_checkpoint", **keys, parameters=SMALL | {"nout": 8})
    with pytest.raises(StimuliError, match="has weights of another shape"):
        separated(wide, of)


@pytest.mark.parametrize(
    ("sources", "channels", "keys", "says"),
    [
        (("vocals",), 2, {}, "accompaniment alone, or vocals and accompaniment; found vocals"),
        (("accompaniment", "drums"), 2, {}, "found accompaniment, drums"),
        (BOTH, 1, {}, "two channels, found channels = 1"),
        (BOTH, 2, {"window": 100}, "window is a multiple of 64, found 100"),
        (BOTH, 2, {"hop": 128}, "the hop leaves no gap between windows"),
        (BOTH, 2, {"nout": 6}, "multiples of 4, found 6 and 4"),
        (BOTH, 2, {"cropsize": 100}, "cropsize is a multiple of 16"),
        (BOTH, 2, {"offset": 16}, "offset less than half of it; found 32 and 16"),
    ],
)
def test_what_it_can_not_be_is_said(sources, channels, keys, says) -> None:
    with pytest.raises(ValueError, match=says):
        cascaded_net(sources, channels, **(SMALL | keys))
