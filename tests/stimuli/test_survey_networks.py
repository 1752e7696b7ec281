"""The survey's early networks: the sizes of the papers, what each promises of its masks and its loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from test_architectures import BOTH, SMALL, VOCALS, built, heard, network, sounds

from stimuli.separators.networks.architectures.survey import drnn, masking, skip_filtering, unet_voice
from stimuli.separators.networks.architectures.survey.chimera import chimera, deep_clustering, mel_triangles
from stimuli.separators.networks.architectures.survey.deep_karaoke import deep_karaoke
from stimuli.separators.networks.architectures.survey.svsgan import svsgan
from stimuli.separators.networks.transform import Transform

# The transform that the U-net needs.


@pytest.mark.parametrize("frames", [1, 767, 768, 769, 5_000])
@pytest.mark.parametrize(
    "transform",
    [
        Transform(1024, 768),
        Transform(1024, 768, "sine"),
        Transform(4096, 384, "hamming", support=2049),
        Transform(64, 48),
    ],
)
def test_a_hop_of_three_quarters_and_a_short_window_are_undone_exactly(transform, frames) -> None:
    sound = sounds("svsgan", frames)[0]
    assert (transform.inverse(transform.forward(sound), frames) - sound).abs().max() < 2e-6


def test_the_short_window_is_the_symmetric_one_of_its_length() -> None:
    window = Transform(4096, 384, "hamming", support=2049).weights(torch.zeros(1))
    assert window.shape == (4096,) and int((window > 0).sum()) == 2049
    inside = window[window > 0].numpy()
    assert np.abs(inside - np.hamming(2049)).max() < 1e-6 and window[2047] == 1.0


@pytest.mark.parametrize(
    "parts",
    [
        (1024, 1000),
        (1024, 1024, "hamming"),
        (1024, 768, "hann", "mirror"),
        (4096, 2048, "hamming", "silence", 2000),
        (64, 0),
        (64, -8),
        (64, 16, "hann", "silence", 65),
    ],
)
def test_a_transform_that_could_not_be_undone_is_refused(parts) -> None:
    with pytest.raises(ValueError, match="found"):
        Transform(*parts)


# Sizes.


def linear(wide: int, narrow: int) -> int:
    return wide * narrow + narrow


def cell(gates: int, heard_units: int, units: int) -> int:
    """A recurrent layer in torch: two matrices and two biases for each gate."""
    return gates * units * (heard_units + units + 2)


SIZES = {
    unet_voice.unet_voice: 9_823_313,
    drnn.drnn: linear(3 * 513, 1000) + cell(1, 1000, 1000) + linear(1000, 1000) + linear(1000, 2 * 513),
    chimera: 2 * (cell(4, 150, 500) + 3 * cell(4, 1000, 500)) + linear(1000, 150 * 20) + 150 * linear(20, 2),
    skip_filtering.skip_filtering: 2 * cell(3, 744, 744)
    + cell(3, 1488, 1488)
    + linear(1488, 2049)
    + linear(2049, 1024)
    + linear(1024, 2049),
    svsgan: linear(513, 1024) + 2 * linear(1024, 1024) + linear(1024, 2 * 513),
    deep_karaoke: 2 * linear(20 * 1026, 20 * 1026),
}


@pytest.mark.parametrize("build", SIZES, ids=lambda build: build.__name__)
def test_as_published_it_has_this_many_parameters(build: Callable[..., torch.nn.Module]) -> None:
    sources = BOTH if build in (drnn.drnn, chimera, svsgan) else VOCALS
    with torch.device("meta"):
        found = sum(values.numel() for values in build(sources, 1).parameters())
    assert found == SIZES[build]
    if build is deep_karaoke:
        assert 0.8e9 < found < 1.05e9, "the paper's 'around a billion'"


def test_the_u_net_hears_512_bins_by_128_frames() -> None:
    """A second at 8192 Hz and the silence after it: frames of hop 768 in one block."""
    net, shapes = unet_voice.unet_voice(VOCALS, 1, width=1).eval(), []
    net.nets["vocals"].register_forward_pre_hook(lambda _net, given: shapes.append(given[0].shape))
    with torch.inference_mode():
        net(sounds("unet_voice", 8192)[:, :1])
    assert shapes == [(1, 1, 512, 128)]
    with torch.device("meta"):
        levels = unet_voice.VoiceUNet()
    norms = [len([part for part in up if isinstance(part, torch.nn.BatchNorm2d)]) for up in levels.up]
    assert norms == [1, 1, 1, 1, 1, 0]


# Masks.


@pytest.mark.parametrize("name", ["drnn", "chimera", "svsgan"])
def test_where_the_mask_layer_shares_the_mixture_out_the_sources_add_up_to_it(name) -> None:
    waveform = sounds(name, 3_000)
    assert (heard(name, waveform).sum(dim=1) - waveform).abs().max() < 1e-6
    with pytest.raises(ValueError, match="two sources or more, found"):
        {"drnn": drnn.drnn, "chimera": chimera, "svsgan": svsgan}[name](VOCALS, 1)
    silent = masking.soft_masks(torch.zeros(1, 2, 3))
    assert torch.equal(silent, torch.full((1, 2, 3), 0.5))


def test_the_mask_layer_is_the_papers() -> None:
    outputs = torch.tensor([[[3.0, -4.0], [-1.0, 0.0]]])
    assert torch.allclose(masking.soft_masks(outputs), torch.tensor([[[0.75, 1.0], [0.25, 0.0]]]))


@pytest.mark.parametrize("name", ["unet_voice", "deep_karaoke"])
def test_where_the_scale_is_the_sounds_own_the_level_plays_no_part(name) -> None:
    waveform = sounds(name, 3_000)
    assert (heard(name, waveform / 8) * 8 - heard(name, waveform)).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["unet_voice", "skip_filtering", "deep_karaoke"])
def test_one_net_for_each_source_and_weights_of_one_net_alone_are_the_only_sources(name) -> None:
    module = built(name)
    one = next(iter(module.nets.values())).state_dict()
    if len(module.nets) == 1:
        assert set(module.adopted(one)) == set(module.state_dict()) and module.adopted(module.state_dict())
    else:
        assert module.adopted(one) is one
    assert {key.split(".")[1] for key in module.state_dict()} == set(SMALL[name].sources)


# DRNN.


def test_the_recurrence_is_at_the_second_layer_and_a_frame_hears_its_neighbours() -> None:
    net = network("drnn")
    magnitudes = torch.rand(1, 33, 5, generator=torch.Generator().manual_seed(1))
    state, expected = torch.zeros(16), []
    around = torch.nn.functional.pad(magnitudes[0], (1, 1))
    with torch.inference_mode():
        for time in range(5):
            first = net.first(around[:, time : time + 3].T.flatten()).relu()
            second = net.second
            state = (
                second.weight_ih_l0 @ first + second.bias_ih_l0 + second.weight_hh_l0 @ state + second.bias_hh_l0
            ).relu()
            outputs = net.last(net.third(state).relu()).abs().unflatten(0, (2, 33))
            expected.append(outputs / outputs.sum(dim=0))
        found = net.masks(magnitudes)[0]
    assert (torch.stack(expected, dim=2) - found).abs().max() < 1e-6


def test_the_loss_is_near_to_ones_own_and_far_from_the_other() -> None:
    generator = torch.Generator().manual_seed(2)
    estimates, truth = torch.rand(2, 3, 2, 5, 7, generator=generator)
    swapped = truth.flip(1)
    expected = ((estimates - truth) ** 2 - 0.05 * (estimates - swapped) ** 2).mean() / 2
    assert math.isclose(drnn.discriminative(estimates, truth, 0.05), expected, rel_tol=1e-5)
    assert drnn.discriminative(truth, truth, 0.05) < 0 < drnn.discriminative(swapped, truth, 0.05)


# Chimera.


def clustered(points: int = 60, sources: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Each point's source, (1, points, sources), of unequal sizes, and a random embedding (1, points, 6)."""
    generator = torch.Generator().manual_seed(5)
    chosen = (torch.rand(points, generator=generator) ** 2 * sources).long()
    vectors = torch.randn(points, 6, generator=generator)
    return torch.nn.functional.one_hot(chosen, sources).float()[None], torch.nn.functional.normalize(vectors)[None]


def test_deep_clustering_is_0_for_a_perfect_embedding_however_it_is_turned() -> None:
    ideal, vectors = clustered()
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(6)))[0]
    perfect = torch.nn.functional.pad(ideal, (0, 3)) @ turn
    assert deep_clustering(perfect, ideal).abs() < 1e-5
    one_wrong = perfect.clone()
    one_wrong[0, 0] = perfect[0, int((ideal[0] @ ideal[0, 0]).argmin())]
    assert deep_clustering(one_wrong, ideal) > 1e-3 and deep_clustering(vectors, ideal) > 0.1


def test_deep_clustering_in_low_rank_is_the_affinities_own_distance() -> None:
    ideal, vectors = clustered()
    weight = (ideal @ ideal.sum(dim=1)[..., None]) ** -0.25
    v, y = (weight * vectors)[0].double(), (weight * ideal)[0].double()
    expected = ((v @ v.T - y @ y.T) ** 2).sum() / 60
    assert math.isclose(deep_clustering(vectors, ideal), float(expected), rel_tol=1e-4)


def test_mel_bands_share_each_bin_out_and_none_is_empty() -> None:
    triangles = mel_triangles(150, 513, 16_000)
    assert torch.allclose(triangles.sum(dim=0), torch.ones(513)) and (triangles.sum(dim=1) > 0).all()
    assert triangles[0, 0] == 1 and triangles[-1, -1] == 1 and (triangles >= 0).all()
    centres = triangles.argmax(dim=1).float() * 16_000 / 1024
    assert (centres.diff() >= 0).all() and centres[74] < 2_000 < centres[-1], "half the bands lie below 2 kHz"
    with pytest.raises(ValueError, match="400 mel bands are too narrow for 513 bins"):
        mel_triangles(400, 513, 16_000)


def test_chimera_on_bins_has_a_mask_for_each_bin_from_the_features_before_the_tanh() -> None:
    net = built("chimera", bands=0)
    magnitudes = torch.rand(1, 65, 4, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        features = net.heard(magnitudes.transpose(1, 2))
        expected = (features[0, 2, 30] @ net.mask_weight[30] + net.mask_bias[30]).softmax(dim=0)
        assert features.shape == (1, 4, 65, 5) and torch.allclose(net.masks(magnitudes)[0, :, 30, 2], expected)


def test_chimeras_loss_is_part_clustering_part_masks_and_loud_points_count_more() -> None:
    """Masks' part by hand, the ideal being the louder source; whatever the level of all."""
    generator = torch.Generator().manual_seed(1)
    truth = torch.rand(1, 2, 65, 4, generator=generator)
    mixed = truth.sum(dim=1)
    found = {}
    for alpha in (0, 0.25, 1):
        torch.manual_seed(3)
        net = built("chimera", bands=0, alpha=alpha)
        with torch.inference_mode():
            found[alpha] = float(net.distance(mixed, truth))
    ideal = torch.stack([truth[:, 0] > truth[:, 1], truth[:, 0] <= truth[:, 1]], dim=1).float()
    with torch.inference_mode():
        off = (ideal - net.masks(mixed)).square().sum(dim=1)
    assert math.isclose(found[0], float((off * mixed**2).sum() / (mixed**2).sum()), rel_tol=1e-4)
    assert math.isclose(found[0.25], 0.75 * found[0] + 0.25 * found[1], rel_tol=1e-5) and found[1] > 0.1


# Skip-filtering.


def masker(**changed: Any) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The small network and its one net."""
    torch.manual_seed(3)
    module = built("skip_filtering", **changed).eval()
    return module, module.nets["vocals"]


def runs(net: torch.nn.Module, sequences: torch.Tensor) -> int:
    """How often the decoder went over the sequences."""
    calls = []
    handle = net.decoder["gruDec"].register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        net(sequences)
    handle.remove()
    return len(calls) // (sequences.shape[1] - 6)


def test_the_decoder_hears_itself_ten_times_at_most_and_stops_when_it_is_still() -> None:
    sequences = torch.rand(2, 12, 65, generator=torch.Generator().manual_seed(1))
    _, net = masker()
    assert 1 < runs(net, sequences) < 11, "it is still before that"
    with torch.no_grad():
        net.decoder["gruDec"].weight_hh.mul_(40)
        net.decoder["gruDec"].weight_ih.mul_(40)
    assert runs(net, sequences) == 11, "once on what was heard, ten times on itself"
    assert runs(masker(iterations=0)[1], sequences) == 1


def test_each_sequence_stops_by_itself() -> None:
    sequences = torch.rand(2, 12, 65, generator=torch.Generator().manual_seed(1))
    sequences[1] *= 30
    _, net = masker()
    assert runs(net, sequences[:1]) != runs(net, sequences[1:])
    with torch.inference_mode():
        together, alone = net(sequences)[1], torch.cat([net(one[None])[1] for one in sequences])
    assert (together - alone).abs().max() < 1e-6 * alone.abs().max()


def test_the_backward_states_stand_in_the_order_in_which_they_were_made() -> None:
    """As the published code has it, by hand: step t holds what was heard from the end down to frame T - 1 - t."""
    _, net = masker()
    sequence = torch.rand(12, 65, generator=torch.Generator().manual_seed(1))
    forward, backward, expected = torch.zeros(24), torch.zeros(24), []
    with torch.inference_mode():
        for time in range(12):
            forward = net.encoder["gruEncF"](sequence[time, :24], forward) + sequence[time, :24]
            backward = net.encoder["gruEncB"](sequence[11 - time, :24], backward) + sequence[11 - time, :24]
            expected.append(torch.cat([forward, backward]))
        found = net._heard(sequence[None])[0]
    assert (found - torch.stack(expected[3:9])).abs().max() < 1e-6


def test_both_masks_go_over_every_frame_to_the_last() -> None:
    """Masks by hand for the frames of one sequence; published code drops what fills no sequence."""
    module, net = masker()
    magnitudes = torch.rand(1, 65, 8, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(magnitudes[0].T / 128**0.5, (0, 0, 3, 7))
    with torch.inference_mode():
        found = module.masks(magnitudes)[0, 0].T
        second = padded[6:18]
        mask = net.sp_decoder["ffDec"](net._settled(net._heard(second[None])))[0].relu()
        hidden = net.source_enhancement["ffSe_enc"](mask * second[3:9]).relu()
        expected = net.source_enhancement["ffSe_dec"](hidden).relu() * mask
    assert found.shape == (8, 65) and (found[6:] - expected[:2]).abs().max() < 1e-6 and found[6:].any()


def test_the_published_names_are_the_nets_own() -> None:
    _, net = masker()
    recurrent = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cells = ("encoder.gruEncF", "encoder.gruEncB", "decoder.gruDec")
    layers = ("sp_decoder.ffDec", "source_enhancement.ffSe_enc", "source_enhancement.ffSe_dec")
    expected = {f"{one}.{part}" for one in cells for part in recurrent}
    assert set(net.state_dict()) == expected | {f"{one}.{part}" for one in layers for part in ("weight", "bias")}


def test_griffin_and_lims_rounds_bring_the_sound_nearer_to_its_magnitudes() -> None:
    module, _ = masker(griffin_lim=0)
    waveform = sounds("skip_filtering", 3_000)[:, :1]
    spectra = module.transform.forward(waveform[:, 0])[:, None]
    shifted = spectra * torch.rand(spectra.shape, generator=torch.Generator().manual_seed(1))
    off = []
    for rounds in (0, 1, 10):
        module.griffin_lim = rounds
        sound = module.sound(shifted, 3_000)
        off.append(float((module.transform.forward(sound).abs() - shifted.abs()).norm() / shifted.norm()))
    assert off[0] > off[1] > off[2]
    assert torch.equal(module.train().sound(shifted, 3_000), module.transform.inverse(shifted, 3_000))


def test_the_divergence_is_0_for_the_truth_and_the_first_mask_is_helped_while_both_are_far() -> None:
    truth = torch.rand(2, 1, 65, 9, generator=torch.Generator().manual_seed(1))
    assert skip_filtering.divergence(truth, truth).abs().max() < 1e-6
    by_hand = (truth * ((truth + 1e-6) / (2 * truth + 1e-6)).log() + truth).sum(dim=2).mean()
    assert math.isclose(skip_filtering.divergence(truth, 2 * truth), float(by_hand), rel_tol=1e-5)
    module, net = masker()
    mixed = 100 * truth[:, 0]
    with torch.inference_mode():
        first, both = module.both_masks(mixed)
        scale = module.transform.window**0.5
        parts = [skip_filtering.divergence(truth, mask * mixed[:, None] / scale).sum() for mask in (both, first)]
        decay = 1e-4 * net.source_enhancement["ffSe_dec"].weight.square().sum()
        assert min(parts) > 1.5 and torch.isclose(module.distance(mixed, scale * truth), sum(parts) + decay)


# Deep Karaoke.


def test_a_point_is_heard_or_not_by_the_mean_of_all_windows_that_saw_it() -> None:
    magnitudes = torch.rand(1, 34, 7, generator=torch.Generator().manual_seed(1))
    net, total = network("deep_karaoke"), torch.zeros(34, 13)
    scaled = torch.nn.functional.pad(magnitudes[0] / magnitudes.square().mean().sqrt(), (3, 3))
    with torch.inference_mode():
        for start in range(10):
            total[:, start : start + 4] += (
                net.nets["vocals"](scaled[:, start : start + 4].flatten()).sigmoid().unflatten(0, (34, 4))
            )
        assert (net.probabilities(magnitudes)[0, 0] - total[:, 3:10] / 4).abs().max() < 1e-6


def test_the_mask_is_binary_and_a_lower_alpha_lets_more_through() -> None:
    magnitudes = torch.rand(1, 34, 7, generator=torch.Generator().manual_seed(1))
    passed = []
    for alpha in (0.3, 0.5, 0.7):
        torch.manual_seed(3)
        mask = built("deep_karaoke", alpha=alpha).eval().masks(magnitudes)
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        passed.append(float(mask.mean()))
    assert passed[0] > passed[1] > passed[2] and 0 < passed[1] < 1
