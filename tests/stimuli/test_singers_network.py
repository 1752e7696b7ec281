"""MedleyVox's network: as many parameters as the published one, its transform and its stages by hand, its files."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stimuli.separators.networks.architectures.medleyvox import SuperResolution, medleyvox

SMALL = {"window": 64, "hop": 16, "bottleneck": 8, "hidden": 8, "skip": 8, "blocks": 2, "repeats": 1}
SINGERS = ("singer_1", "singer_2")


def small(seed: int = 1, sources: tuple[str, ...] = SINGERS, **keys) -> nn.Module:
    torch.manual_seed(seed)
    return medleyvox(sources, 1, **(SMALL | {"rate_hz": 8000, "above_hz": 1000} | keys)).eval()


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(2))


def count(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def test_there_are_as_many_parameters_as_in_the_published_network() -> None:
    with torch.device("meta"):
        whole = medleyvox(SINGERS, 1, second_stage=True)
    assert count(whole.masker) == 20_690_745 and count(whole.sr_net) == 166_086
    assert whole.sr_net.first_high == 256
    with torch.device("meta"):
        assert medleyvox(SINGERS, 1, second_stage=True, above_hz=300).sr_net.first_high == 26


@pytest.mark.parametrize("sources", [SINGERS, ("a", "b", "c")])
@pytest.mark.parametrize("frames", [1, 10, 63, 1000])
def test_estimates_add_up_to_the_mixture(sources, frames) -> None:
    mixture = noise(2, 1, frames)
    with torch.inference_mode():
        found = small(sources=sources)(mixture)
        loose = small(sources=sources, consistent=False)(mixture)
    assert found.shape == (2, len(sources), 1, frames)
    assert (found.sum(dim=1) - mixture).abs().max() < 1e-6
    assert (loose.sum(dim=1) - mixture).abs().max() > 1e-2, "of itself the network does not"
    lacks = (mixture - loose.sum(dim=1)) / len(sources)
    assert torch.allclose(found, loose + lacks[:, None], atol=1e-6), "shared out equally"


class Masks(nn.Module):
    """Masks that are given, and what they were asked about."""

    def __init__(self, *masks: float) -> None:
        super().__init__()
        self.masks = masks

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.rows = rows
        half = torch.ones_like(rows)
        half[:, rows.shape[1] // 2 :] = 0
        return torch.stack([half * mask if mask < 0 else torch.full_like(rows, mask) for mask in self.masks], dim=1)


def test_the_masker_hears_the_real_rows_and_then_the_imaginary_ones() -> None:
    net, mixture = small(window=2048, hop=512, consistent=False), noise(1, 1, 9000)
    net.masker = Masks(1.0, -1.0)
    found = net(mixture)
    window = torch.hann_window(2048, periodic=True).sqrt()
    spectra = torch.stft(mixture[:, 0], 2048, 512, window=window, center=True, pad_mode="reflect", return_complex=True)
    times = spectra.shape[2]
    rows = torch.cat([spectra.real, spectra.imag], dim=1)
    assert net.masker.rows.shape[1] == 2050 and (net.masker.rows[..., :times] - rows).abs().max() < 2e-4
    assert (found[:, 0] - mixture).abs().max() < 2e-6, "a mask of ones gives the mixture back"
    real = torch.complex(-spectra.real, torch.zeros_like(spectra.real))
    expected = torch.istft(real, 2048, 512, window=window, length=9000)
    assert (found[0, 1, 0] - expected).abs().max() < 1e-5, "each row by itself"


def test_what_may_be_high_follows_from_what_is_low() -> None:
    """Two low bins and two high ones: the ratio is the mixture's sum over the estimate's, not the inverse."""
    mixture = torch.tensor([1.0, 3.0, 5.0, 7.0])[None, None, :, None]
    estimates = torch.stack([torch.tensor([0.5, 0.5, 9, 9]), torch.tensor([8.0, 8.0, 9, 9])])[None, :, :, None]
    found = SuperResolution(2, 2).guess(mixture, estimates)[0, :, :, 0]
    assert torch.allclose(found, torch.tensor([[0, 0, 20.0, 28.0], [0, 0, 1.25, 1.75]]), atol=1e-3)


def test_the_second_stage_makes_magnitudes_and_keeps_phases() -> None:
    mixture = noise(1, 1, 2000)
    first, both = small(), small(second_stage=True)
    both.load_state_dict(first.state_dict(), strict=False)
    magnitudes = []

    class Twice(nn.Module):
        def forward(self, mixed: torch.Tensor, estimates: torch.Tensor) -> torch.Tensor:
            magnitudes.extend([mixed, estimates])
            return 2 * estimates

    real, both.sr_net = both.sr_net, Twice()
    with torch.inference_mode():
        expected = first(mixture)
        assert torch.allclose(both(mixture), 2 * expected, atol=1e-5)
        made = real(*magnitudes)
    assert made.shape == magnitudes[1].shape and made.min() == 0 < made.max()


def test_the_second_stage_by_hand() -> None:
    """The two blocks written out with torch's functions: what is added where, and no shortcut around the second."""
    torch.manual_seed(3)
    net = SuperResolution(2, 4).eval()
    for name, one in net.named_parameters():
        nn.init.normal_(one, mean=float(name.endswith("gamma")), std=0.1)
    mixture, estimates = noise(1, 9, 6).abs(), noise(1, 2, 9, 6).abs()
    heard = torch.cat([mixture[:, None], estimates, net.guess(mixture[:, None], estimates)], dim=1)

    def norm(sound: torch.Tensor, by: nn.Module) -> torch.Tensor:
        normal = (sound - sound.mean()) / (sound.var(correction=0) + 1e-8).sqrt()
        return normal * by.gamma[:, None, None] + by.beta[:, None, None]

    gelu = nn.functional.gelu
    wide = gelu(nn.functional.conv2d(heard, net.conv_0.weight, net.conv_0.bias, padding=2))
    first = net.conv_3(gelu(net.conv_2(norm(net.conv_1(wide), net.ln_1))))
    second = net.conv_6(gelu(net.conv_5(norm(net.conv_4(wide + first), net.ln_4))))
    expected = norm(net.conv_out(first + second), net.ln_out).clamp(min=0)
    assert torch.allclose(net(mixture, estimates), expected, atol=1e-5) and expected.max() > 0


@pytest.mark.parametrize("second_stage", [False, True])
def test_silence_stays_silent_and_all_can_be_learnt(second_stage) -> None:
    net = small(second_stage=second_stage)
    assert net(torch.zeros(2, 1, 500)).abs().max() < 1e-6
    net.train()
    sound = noise(2, 1, 500)
    sound[1] = 0
    net(sound).square().sum().backward()
    gone = {key for key, one in net.named_parameters() if one.grad is None}
    assert gone == {"masker.TCN.1.res_conv.weight", "masker.TCN.1.res_conv.bias"}, "unused in the published one too"
    assert all(one.grad.isfinite().all() for one in net.parameters() if one.grad is not None)


def published(net: nn.Module, other: nn.Module) -> dict[str, torch.Tensor]:
    """A file as training with averaged weights leaves it, filterbanks and counters included."""
    extra = {
        "encoder.filterbank._filters": torch.ones(66, 1, 64),
        "decoder.filterbank._filters": torch.ones(66, 1, 64),
        "encoder.filterbank.torch_window": torch.ones(64),
        "decoder.filterbank.torch_window": torch.ones(64),
    }
    state = {f"online_model.module.{key}": value for key, value in (other.state_dict() | extra).items()}
    state |= {f"ema_model.module.{key}": value for key, value in (net.state_dict() | extra).items()}
    return state | {"initted": torch.tensor([True]), "step": torch.tensor([900])}


def test_of_a_published_file_the_averaged_weights_are_taken() -> None:
    net, other = small(1, second_stage=True), small(2, second_stage=True)
    file = published(net, other)
    online = {key: value for key, value in file.items() if not key.startswith("ema_model")}
    plain = {key.removeprefix("online_model.module."): value for key, value in online.items() if "." in key}
    for state, expected in ((file, net), (online, other), (plain, other)):
        found = small(3, second_stage=True)
        keys = found.load_state_dict(found.adopted(state), strict=False)
        assert not keys.missing_keys and not keys.unexpected_keys
        assert all(torch.equal(one, two) for one, two in zip(found.parameters(), expected.parameters(), strict=True))
    stray = small().adopted(net.state_dict())
    assert small().load_state_dict(stray, strict=False).unexpected_keys, "a second stage is not dropped unseen"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"channels": 2}, "the net is mono"),
        ({"window": 63}, "window is even"),
        ({"hop": 64}, "the hop leaves no gap between windows"),
        ({"mask": "tanh"}, "mask one of"),
        ({"above_hz": 4000}, "above_hz is more than 0 and less than half of rate_hz"),
    ],
)
def test_parameters_that_make_no_network_are_refused(keys, says) -> None:
    given = SMALL | {"rate_hz": 8000, "above_hz": 1000} | keys
    with pytest.raises(ValueError, match=says):
        medleyvox(SINGERS, given.pop("channels", 1), **given)
