"""Open-Unmix out of a folder: the published sizes, the layout and its traps, the filter, songs of any length."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from outside import entry, made, separated, song
from pydantic import ValidationError

from stimuli import audio
from stimuli.errors import StimuliError
from stimuli.separators import Song, run, wiener
from stimuli.separators.networks import long_spectra, open_unmix_estimates, recurrence
from stimuli.separators.networks.architectures.open_unmix import OpenUnmixNet, of_state, open_unmix
from stimuli.separators.networks.long_spectra import LongSound, LongSum
from stimuli.separators.networks.recurrence import in_blocks
from stimuli.separators.networks.transform import Transform
from stimuli.separators.spectral import bins_below

SOURCES = ("vocals", "drums")
SETTINGS = {"sample_rate": 44_100, "nfft": 512, "nhop": 128, "nb_channels": 2}
HIDDEN = 16


def net(seed: int, settings: dict, **keys) -> OpenUnmixNet:
    """A small network with seeded weights and statistics, and masks that are seldom 0."""
    torch.manual_seed(seed)
    bins = settings["nfft"] // 2 + 1
    made = OpenUnmixNet(bins, settings["nb_channels"], HIDDEN, **({"max_bin": bins - 80} | keys)).eval()
    for name, value in made.named_buffers():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if name.endswith("var") else value.normal_(0, 0.1)
    with torch.no_grad():
        made.input_mean.normal_(-0.5, 0.1)
        made.input_scale.uniform_(0.5, 1.5)
        made.output_scale.uniform_(0.1, 0.2)
    return made


def write(place: Path, sources=SOURCES, settings=SETTINGS, **keys) -> Path:
    """A folder in the layout of 5.2, as upstream's training leaves it; returns where it lies."""
    repo = place / "model"
    repo.mkdir(parents=True, exist_ok=True)
    (repo / "separator.json").write_text(json.dumps(settings))
    for seed, source in enumerate(sources):
        args = {"nfft": settings["nfft"], "nb_channels": settings["nb_channels"], "hidden_size": HIDDEN, "seq_dur": 6.0}
        (repo / f"{source}.json").write_text(json.dumps({"args": args, "best_loss": 0.5, "epochs_trained": 1000}))
        torch.save(net(seed, settings, **keys).state_dict(), repo / f"{source}.pth")
    return place


def system(place: Path, **keys):
    """The folder's model, as it is written into an experiment file beside it."""
    return made(place, "open_unmix", **({"path": "model", "sources": list(SOURCES)} | keys))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("unmix"))


@pytest.mark.parametrize(
    ("sizes", "keys", "parameters"),
    [
        ((2049, 2, 512, 1487), {}, 8_893_348),  # umx, umxhq
        ((2049, 2, 1024, 1487), {}, 28_257_188),  # umxl
        ((513, 1, 256, 513), {}, 1_583_622),  # umxse
    ],
)
def test_sizes_are_those_of_the_published_models(sizes, keys, parameters) -> None:
    with torch.device("meta"):
        made = OpenUnmixNet(*sizes, **keys)
    assert sum(one.numel() for one in made.parameters()) == parameters
    again = of_state(made.state_dict())
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in made.state_dict().items()}
    assert len(made.input_mean) == sizes[3] and bins_below(16_000, 4096, 44_100) == 1487


def test_names_are_the_published_ones() -> None:
    """As in upstream's state dicts, buffers included."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    lstm = [f"{kind}_l{k}{way}" for k in range(3) for way in ("", "_reverse") for kind in ("weight_ih", "weight_hh")]
    lstm += [f"{kind}_l{k}{way}" for k in range(3) for way in ("", "_reverse") for kind in ("bias_ih", "bias_hh")]
    expected = {f"fc{k}.weight" for k in (1, 2, 3)} | {f"bn{k}.{name}" for k in (1, 2, 3) for name in norm}
    expected |= {f"lstm.{name}" for name in lstm} | {"input_mean", "input_scale", "output_scale", "output_mean"}
    assert set(net(0, SETTINGS).state_dict()) == expected


@pytest.mark.parametrize(("layers", "unidirectional"), [(3, False), (3, True), (1, False)])
def test_weights_say_what_network_they_are_of(tmp_path, layers, unidirectional) -> None:
    write(tmp_path, layers=layers, unidirectional=unidirectional, max_bin=100)
    found = system(tmp_path)._net("vocals")
    assert (found.lstm.num_layers, found.lstm.bidirectional, found.max_bin) == (layers, not unidirectional, 100)
    sound = torch.rand(1, 2, 257, 40)
    expected = net(0, SETTINGS, layers=layers, unidirectional=unidirectional, max_bin=100)(sound)
    assert torch.allclose(found(sound), expected, atol=1e-6)
    # A network that never looks ahead says the same whatever comes; one that does, does not.
    ahead = torch.cat([sound[..., :20], torch.rand(1, 2, 257, 20)], dim=3)
    assert torch.allclose(found(ahead)[..., :20], expected[..., :20], atol=1e-6) == unidirectional


def test_an_lstm_in_blocks_is_the_lstm() -> None:
    torch.manual_seed(0)
    for keys in ({"bidirectional": True, "num_layers": 3, "dropout": 0.4}, {"num_layers": 2}):
        lstm, sequence = torch.nn.LSTM(6, 5, **keys).eval(), torch.randn(53, 2, 6)
        with torch.inference_mode():
            expected = lstm(sequence)[0]
            for block in (1, 7, 53, 100):
                assert (in_blocks(lstm, sequence, block) - expected).abs().max() < 1e-6


@pytest.mark.parametrize("frames", [1, 10, 300, 5000])
def test_long_spectra_are_the_transforms_and_add_up_again(frames) -> None:
    sound = song(frames / 44_100).mixture.T.copy()
    expected = Transform(512, 128, beyond="mirror").forward(torch.from_numpy(sound)).numpy()
    long = LongSound(sound, 512, 128)
    whole, parts = LongSum(long, (2,)), []
    for start, spectra in long.blocks(7):
        whole.add(start, spectra)
        parts.append(spectra)
    assert np.abs(np.concatenate(parts, axis=2) - expected).max() < 1e-5
    assert np.abs(whole.sound() - sound).max() < 1e-6


def by_hand(folder: Path, of: Song, iterations: int, **keys) -> np.ndarray:
    """All at once: torch's transform, the networks as they are, one filter per 300 frames."""
    window = torch.hann_window(512)
    mixture = torch.stft(torch.from_numpy(of.mixture.T.copy()), 512, 128, window=window, return_complex=True)
    with torch.inference_mode():
        magnitudes = torch.cat([net(seed, SETTINGS)(mixture.abs()[None]) for seed in range(len(SOURCES))])
    exact = mixture.numpy().astype(complex)
    found = wiener.first_estimates(magnitudes.numpy().astype(float), exact, **keys)
    found = wiener.multichannel(found, exact, iterations, block=300) if iterations else found
    return np.stack([torch.istft(torch.from_numpy(one), 512, 128, window=window.double()).numpy() for one in found])


@pytest.mark.parametrize(
    ("keys", "iterations", "options"),
    [
        ({}, 1, {}),
        ({"iterations": 0}, 0, {}),
        ({"iterations": 2, "softmask": True}, 2, {"shares": True}),
        ({"residual": "rest"}, 1, {"rest": True}),
        ({"residual": "rest", "iterations": 0}, 0, {"rest": True}),
    ],
)
def test_block_by_block_it_gives_what_all_at_once_gives(folder, keys, iterations, options) -> None:
    of = song(1.2)  # 414 frames of spectra: two blocks
    one = system(folder, **keys)
    found, expected = one.separate(of, one.sources), by_hand(folder, of, iterations, **options)
    assert len(expected) == len(one.sources)
    for name, sound in zip(one.sources, expected, strict=True):
        frames = sound.shape[1]  # torch's inverse ends with the last hop
        assert frames > 52_000 and np.abs(found[name][:frames].T - sound).max() < 1e-5, name
        assert np.abs(sound).max() > 0.01, name


@pytest.mark.parametrize("keys", [{}, {"iterations": 3}, {"residual": "rest"}, {"residual": "rest", "iterations": 0}])
def test_sources_add_up_to_the_mixture(folder, keys, monkeypatch) -> None:
    """But for what the filter's regulariser keeps of very quiet cells: with next to none, all of it."""
    of, one = song(1.0), system(folder, **keys)
    for epsilon, limit in ((wiener.EPSILON, 1e-4), (1e-30, 1e-6)):
        monkeypatch.setattr(wiener, "EPSILON", epsilon)
        found = one.separate(of, one.sources)
        assert np.abs(sum(found.values()) - of.mixture).max() < limit


def test_with_the_published_transform_the_sum_is_nearer(tmp_path) -> None:
    """Longer windows, larger values: the regulariser is smaller beside them."""
    write(tmp_path, settings=SETTINGS | {"nfft": 4096, "nhop": 1024}, max_bin=1487)
    of, one = song(1.0), system(tmp_path, residual="rest")
    found = run.run_all(one, "mine", of, one.sources)[0]
    assert np.abs(sum(found.values()) - of.mixture).max() < 1e-6


def test_silence_stays_silent_with_a_residual(folder) -> None:
    """Upstream's own phase of zero is that of 1: there the residual's spectra of digital silence are 1."""
    of = song(0.5)
    silent = Song(of.name, of.rate_hz, 0 * of.mixture)
    for iterations in (0, 1):
        one = system(folder, residual="rest", iterations=iterations)
        assert not any(sound.any() for sound in one.separate(silent, one.sources).values())
        # The window hides in the sound what is the same in all bins: the spectra themselves are 0.
        assert not one._filtered(np.zeros((2, 2, 257, 9), np.float32), np.zeros((2, 257, 9), np.complex64)).any()


def test_the_residual_may_be_the_accompaniment(folder) -> None:
    of = song(0.4)
    one = system(folder, sources=["vocals"], residual="accompaniment", iterations=0)
    assert one.gives(()) == ("vocals", "accompaniment")
    assert one.provenance()["parameters"]["accompaniment"] == "own estimate"
    found = one.separate(of, one.gives(()))
    assert np.abs(found["vocals"] + found["accompaniment"] - of.mixture).max() < 1e-6


def test_the_accompaniment_is_the_others_or_what_the_vocals_leave(folder) -> None:
    of = song(0.4)
    summed, rest = (system(folder, iterations=0, accompaniment=what) for what in ("sum", "rest"))
    parts = rest.separate(of, ("vocals", "accompaniment"))
    assert np.array_equal(parts["accompaniment"], of.mixture - parts["vocals"])
    assert np.array_equal(
        summed.separate(of, ["accompaniment"])["accompaniment"], summed.separate(of, ["drums"])["drums"]
    )
    told = [one.provenance()["parameters"]["accompaniment"] for one in (summed, rest)]
    assert told == ["sum of drums", "mixture minus vocals"]


def test_speech_at_16_khz_and_mono(tmp_path) -> None:
    """The layout of umxse: sources that are not music, one channel; a song is converted where the entry says so."""
    settings = {"sample_rate": 16_000.0, "nfft": 1024, "nhop": 512, "nb_channels": 1}
    write(tmp_path, ("speech", "noise"), settings, max_bin=513)
    sources = ["speech", "noise"]
    plain = song(0.5, 16_000, channels=1)
    found = system(tmp_path, sources=sources).separate(plain, sources)
    assert np.abs(found["speech"] + found["noise"] - plain.mixture).max() < 1e-5
    of = song(0.5)
    with pytest.raises(StimuliError, match=r"it takes 1 channel\(s\) at 16000 Hz, found 2 at 44100 Hz; set convert"):
        system(tmp_path, sources=sources).separate(of, sources)
    assert separated(system(tmp_path, sources=sources, convert=True), of, "speech").shape == of.mixture.shape


@pytest.mark.parametrize("frames", [1, 10, 3_000])
def test_any_length_mono_and_one_silent_channel_come_back_and_twice_the_same(folder, frames) -> None:
    of = song(frames / 44_100)
    for mixture, keys in (
        (of.mixture, {}),
        (of.mixture * np.float32([1, 0]), {}),
        (of.mixture[:, :1], {"convert": True}),
    ):
        found = [separated(system(folder, **keys), Song(of.name, of.rate_hz, mixture)) for _ in range(2)]
        assert found[0].shape == mixture.shape and np.array_equal(*found)


def test_pieces_of_a_song_may_be_heard_apart(folder) -> None:
    of = song(1.0)
    whole, pieces = (separated(system(folder, chunk_frames=chunk), of) for chunk in (None, 8192))
    assert pieces.shape == whole.shape and 0 < np.abs(pieces - whole).max() < 0.1


def test_work_space_does_not_grow_with_the_song(folder, monkeypatch) -> None:
    """No spectra of more than a block, whatever the song's length; numbers between the layers are few."""
    seen = []
    spectra, filtered = long_spectra.LongSound.spectra, wiener.multichannel

    def watched(self, start, stop):
        seen.append(stop - start)
        return spectra(self, start, stop)

    monkeypatch.setattr(long_spectra.LongSound, "spectra", watched)
    monkeypatch.setattr(wiener, "multichannel", lambda *args: seen.append(args[0].shape[3]) or filtered(*args))
    monkeypatch.setattr(recurrence, "BLOCK", 100)
    of = song(2.0)
    system(folder).separate(of, ["vocals"])
    assert sum(seen) == 3 * 690 and max(seen) == open_unmix_estimates.BLOCK == wiener.BLOCK == 300


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sources": ["vocals"]}, r"add residual = \"<name>\", or iterations = 0"),
        ({"residual": "drums"}, "'drums' is one of theirs"),
        ({"sources": ["drums", "bass"], "accompaniment": "rest"}, "is for systems with the source vocals"),
        ({"residual": "accompaniment", "accompaniment": "rest"}, "the source vocals and without accompaniment"),
    ],
)
def test_entries_that_can_not_be_meant_are_refused(keys, says) -> None:
    with pytest.raises(ValidationError, match=says):
        entry("open_unmix", **({"path": "model", "sources": list(SOURCES)} | keys))


def test_the_residual_may_be_the_vocals_whose_rest_is_meant() -> None:
    assert entry("open_unmix", path="model", sources=["drums"], residual="vocals", accompaniment="rest")


def test_the_networks_alone_are_an_architecture_that_can_be_trained(folder) -> None:
    keys = {"window": 512, "hop": 128, "hidden": HIDDEN, "max_bin": 177}
    module = open_unmix(SOURCES, 2, **keys).eval()
    module.load_state_dict(
        {f"{s}.{k}": v for i, s in enumerate(SOURCES) for k, v in net(i, SETTINGS).state_dict().items()}
    )
    of = song(0.3)
    heard = torch.from_numpy(of.mixture.T[None].copy()).requires_grad_()
    found, expected = module(heard), system(folder, iterations=0).separate(of, SOURCES)
    for index, name in enumerate(SOURCES):
        assert np.abs(found[0, index].detach().numpy().T - expected[name]).max() < 1e-5
    found.sum().backward()
    assert heard.grad is not None and heard.grad.isfinite().all() and heard.grad.any()
    assert module(torch.zeros(3, 2, 1)).shape == (3, 2, 2, 1)
    for wrong in ({"max_bin": 258}, {"hidden": 15}, {"layers": 0}):
        with pytest.raises(ValueError, match="found"):
            open_unmix(SOURCES, 2, **(keys | wrong))


def test_real_music_is_taken_apart_and_put_together(shared, folder) -> None:
    mixture, rate_hz = audio.read(shared / "data" / "songs" / "sung_sectoid_escape.vocals.flac")
    of = Song("real", rate_hz, mixture[: 2 * rate_hz])
    one = system(folder, residual="rest", iterations=0)
    found = run.run_all(one, "mine", of, one.sources)[0]
    assert np.abs(sum(found.values()) - of.mixture).max() < 1e-6 and np.abs(found["rest"]).max() > 0.01


@pytest.mark.proof
def test_memory_follows_the_song_and_not_its_spectra(folder) -> None:
    """Ten minutes more of a song, with as many frames of spectra as 80 minutes have with the published transform.

    It is there itself, mirrored at its ends, and as two sources: four times. Its spectra would be four times more.
    """
    code = """
import resource, sys
sys.path[:0] = [{here!r}, {root!r}]
from pathlib import Path
import numpy as np
from outside import made
seconds = int(sys.argv[1])
waveform = np.random.default_rng(0).random((1, 2, 44_100 * seconds), np.float32) - np.float32(0.5)
made(Path({folder!r}), "open_unmix", path="model", sources=["vocals", "drums"]).network()(waveform)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    here = Path(__file__).resolve().parent
    script = code.format(here=str(here), root=str(here.parents[1]), folder=str(folder))
    peaks = [
        int(subprocess.run([sys.executable, "-c", script, str(s)], capture_output=True, check=True, text=True).stdout)
        for s in (60, 660)
    ]
    song_bytes = 600 * 44_100 * 2 * 4
    assert peaks[1] - peaks[0] < 6 * song_bytes, (peaks, song_bytes)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ({"niter": 0}, {"iterations": 0}),
        ({"niter": 1}, {}),
        ({"niter": 1, "softmask": True}, {"softmask": True}),
        ({"niter": 1, "residual": True}, {"residual": "rest"}),
    ],
)
def test_it_is_what_openunmix_itself_gives(tmp_path, monkeypatch, theirs, mine) -> None:
    """Its own loader and separator on the same folder; pip install --no-deps openunmix==1.3.0."""
    monkeypatch.setitem(sys.modules, "torchaudio", types.ModuleType("torchaudio"))  # imported there, and not used here
    upstream = pytest.importorskip("openunmix.utils")
    write(tmp_path, settings=SETTINGS | {"nfft": 4096, "nhop": 1024}, max_bin=1487)
    of, one = song(3.0), system(tmp_path, **mine)
    separator = upstream.load_separator(str(tmp_path / "model"), list(SOURCES), niter=0)
    separator.niter, separator.softmask = theirs["niter"], theirs.get("softmask", False)
    separator.residual = theirs.get("residual", False)
    separator.freeze()
    with torch.no_grad():
        expected = separator(torch.from_numpy(of.mixture.T[None].copy()))[0].numpy()
    found = one.separate(of, one.sources)
    for name, sound in zip(one.sources, expected, strict=True):
        assert np.abs(found[name].T - sound).max() < 1e-6 and np.abs(sound).max() > 1e-3, name
