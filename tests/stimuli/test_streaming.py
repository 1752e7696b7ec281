"""Networks block by block: the offline estimate, when it was promised, in memory that does not grow."""

from __future__ import annotations

import json
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from masking_nets import SMALL_CONV, SMALL_VOX, conv, sound, vox
from outside import made, song
from small_world import noise, write

from stimuli import audio, loudness
from stimuli.errors import SoundError, StimuliError
from stimuli.separate_cli import separate
from stimuli.separators import SourceStream, run
from stimuli.separators.networks.architectures.spectral_unet import spectral_unet
from stimuli.separators.networks.streaming.layers import Past
from stimuli.separators.networks.streaming.stream import Stream, streamed

NETS = {
    "vox": lambda: vox(),
    "vox, mono, look-ahead 2": lambda: vox(1, 1, lookahead_frames=2),
    "vox, two sources, look-ahead 7": lambda: vox(2, 2, lookahead_frames=7),
    "conv": lambda: conv(causal=True),
    "conv, stereo, no skip": lambda: conv(3, 2, causal=True, skip=0, kernel=20, mask="softmax", encoder="relu"),
}
LATENCY = {
    "vox": 64,
    "vox, mono, look-ahead 2": 128,
    "vox, two sources, look-ahead 7": 288,
    "conv": 16,
    "conv, stereo, no skip": 20,
}


def in_blocks(stream: Stream, heard: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """All that comes out of a stream that is fed blocks of these sizes, again and again."""
    found, at, number = [], 0, 0
    while at < heard.shape[1]:
        found.append(stream.push(heard[:, at : at + sizes[number % len(sizes)]]))
        at, number = at + sizes[number % len(sizes)], number + 1
    return torch.cat([*found, stream.finish()], dim=2)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("sizes", [[1], [10], [32], [64], [7, 1, 0, 129], [1 << 20]], ids=str)
def test_streamed_is_offline_for_any_blocks(name, sizes) -> None:
    net = NETS[name]()
    for frames in (1, 31, 64, 65, 777, 6000):
        if sizes == [1] and frames > 1000:
            continue
        heard = sound(net.channels, frames)
        with torch.inference_mode():
            offline = net(heard[None])[0]
        found = in_blocks(streamed(net), heard, sizes)
        assert found.shape == offline.shape
        assert (found - offline).abs().max() < 1e-5 * offline.abs().max(), frames


def test_random_blocks_and_dilations_longer_than_a_block() -> None:
    net = vox(1, 2, dilations=9, repeats=2)
    heard, sizes = sound(2, 12_000), np.random.default_rng(1).integers(1, 3000, 50).tolist()
    with torch.inference_mode():
        offline = net(heard[None])[0]
    for one in (sizes, [2048], [100]):
        assert (in_blocks(streamed(net), heard, one) - offline).abs().max() < 1e-5 * offline.abs().max()


@pytest.mark.parametrize("name", NETS)
def test_latency_as_computed_is_latency_as_measured(name) -> None:
    """Sample by sample: how many are in, from a sample on, when its estimate comes out; and that it was final then."""
    net = NETS[name]()
    stream, heard = streamed(net), sound(net.channels, 1000)
    found, out = [], 0
    late = 0
    for at in range(1000):
        made_now = stream.push(heard[:, at : at + 1])
        if made_now.shape[2]:
            late, out = max(late, at + 1 - out), out + made_now.shape[2]
            found.append(made_now)
    assert late == stream.latency_frames == LATENCY[name]
    with torch.inference_mode():
        other = torch.cat([heard, 0 * heard], dim=1)
        offline = net(other[None])[0][..., :out]
    assert (torch.cat(found, dim=2) - offline).abs().max() < 1e-5 * offline.abs().max()


@pytest.mark.parametrize("name", ["vox", "vox, two sources, look-ahead 7", "conv"])
def test_no_network_could_answer_sooner(name) -> None:
    """A change of the last sample that is waited for does change the estimate: nothing waits in vain."""
    net = NETS[name]().double()
    waits = LATENCY[name] - 1
    hop = net.hop
    heard = sound(net.channels, 1000).double()
    other = heard.clone()
    other[:, 20 * hop + waits :] += 1
    with torch.inference_mode():
        differs = (net(other[None]) - net(heard[None]))[0].abs().amax(dim=(0, 1)) > 0
    assert int(differs.nonzero()[0]) == 20 * hop


def test_what_cannot_stream_is_said() -> None:
    with pytest.raises(ValueError, match=r"it is not causal: a convolution or norm \(gLN\) hears what comes later"):
        streamed(conv())
    with pytest.raises(ValueError, match="it is not causal"):
        streamed(conv(norm="cLN"))
    with pytest.raises(ValueError, match="those that stream are vox_tasnet, and conv_tasnet with causal"):
        streamed(spectral_unet(["a"], 2))
    stream = streamed(vox())
    with pytest.raises(ValueError, match=r"a block is \(2, frames\), found \(1, 5\)"):
        stream.push(torch.zeros(1, 5))
    assert stream.finish().shape == (1, 2, 0)
    with pytest.raises(ValueError, match="has been finished; make another"):
        stream.push(torch.zeros(2, 5))


def test_two_streams_of_one_network_know_nothing_of_each_other() -> None:
    net = vox()
    first, second, heard = streamed(net), streamed(net), sound(2, 500)
    alone = in_blocks(streamed(net), heard, [100])
    found = []
    for part in heard.split(100, dim=1):
        found.append(first.push(part))
        second.push(-part)
    assert torch.equal(torch.cat([*found, first.finish()], dim=2), alone)


def test_silence_and_one_silent_side_stream_finite() -> None:
    for heard in (torch.zeros(2, 3000), sound(2, 3000) * torch.tensor([[1.0], [0.0]])):
        net = vox()
        found = in_blocks(streamed(net), heard, [500])
        with torch.inference_mode():
            assert (found - net(heard[None])[0]).abs().max() < 1e-6 and found.isfinite().all()


def test_a_past_does_not_grow() -> None:
    past, rng = Past(torch.zeros(3), 40), np.random.default_rng(1)
    whole = torch.zeros(40, 3)
    for count in rng.integers(1, 30, 300).tolist():
        rows = torch.randn(count, 3)
        whole = torch.cat([whole, rows])
        assert torch.equal(past.heard(rows), whole[-40 - count :])
    assert len(past.rows) < 2 * 40 + 30


# As a system, and as a command.

ENTRY = """
[[systems]]
name = "net"
kind = "torch_checkpoint"
architecture = "{architecture}"
path = "net.pt"
sources = {sources}
channels = {channels}
convert = {convert}
parameters = {{ {parameters} }}

[[systems]]
name = "unet"
kind = "torch_checkpoint"
architecture = "unet"
path = "unet.pt"
sources = ["vocals"]
"""


def experiment(write_experiment, world, net, **keys):
    """A world with that network as the system ``net``."""
    torch.save(net.state_dict(), world / "net.pt")
    sizes = {"vox_tasnet": SMALL_VOX, "conv_tasnet": SMALL_CONV | {"causal": True}}[keys["architecture"]]
    sizes = sizes | keys.pop("more", {})
    parameters = ", ".join(f"{name} = {json.dumps(value)}" for name, value in sizes.items())
    return write_experiment(systems=ENTRY.format(**({"convert": "false", "parameters": parameters} | keys)))


def here(*arguments: object) -> str:
    done = CliRunner().invoke(separate, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


CASES = {
    "stereo": (lambda: vox(1, 2, lookahead_frames=2), 2, '["accompaniment"]', 2, "false"),
    "mono network, stereo song": (lambda: conv(2, 1, causal=True), 1, '["vocals", "accompaniment"]', 2, "true"),
    "stereo network, mono song": (lambda: vox(1, 2, lookahead_frames=2), 2, '["vocals"]', 1, "true"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_command_writes_what_it_writes_without_stream(case, write_experiment, world) -> None:
    make, channels, sources, there, convert = CASES[case]
    architecture = "conv_tasnet" if "mono network" in case else "vox_tasnet"
    more = {"lookahead_frames": 2} if architecture == "vox_tasnet" else {}
    keys = {"architecture": architecture, "channels": channels, "sources": sources, "convert": convert, "more": more}
    path = experiment(write_experiment, world, make(), **keys)
    mix = write(world / "mix.wav", noise(1, 1.0)[:, :there])
    here("net", mix, "--out", world / "whole", "--experiment", path)
    said = here("net", mix, "--out", world / "parts", "--experiment", path, "--stream", "--block", 999)
    for name in ("vocals.wav", "accompaniment.wav"):
        whole, parts = (soundfile.read(world / place / name, always_2d=True)[0] for place in ("whole", "parts"))
        assert whole.shape == parts.shape == (44_100, there) and np.abs(whole).max() > 1e-4
        assert np.abs(whole - parts).max() < 1e-5 * np.abs(whole).max(), name
        assert soundfile.info(world / "parts" / name).subtype == "FLOAT"
    told = json.loads((world / "parts/provenance.json").read_text())
    latency = 16 if architecture == "conv_tasnet" else 128
    assert told["stream"]["block_frames"] == 999 and told["stream"]["latency_frames"] == latency
    assert told["stream"]["latency_ms"] == round(latency / 44.1, 3)
    assert latency <= told["stream"]["latency_with_blocks_frames"] <= latency + 998
    assert told["provenance"]["real_time_factor"] > 0 and told["stream"]["slowest_block_ms"] > 0
    assert f"delay {latency / 44.1:.1f} ms, and blocks of 22.7 ms" in said and "999 frames at a time" in said


def test_with_blocks_of_one_frame_the_delay_is_the_algorithms(write_experiment, world) -> None:
    path = experiment(write_experiment, world, vox(), architecture="vox_tasnet", channels=2, sources='["vocals"]')
    mix = write(world / "mix.wav", noise(1, 0.02))
    here("net", mix, "--out", world / "o", "--experiment", path, "--stream", "--block", 1, "--targets", "vocals")
    told = json.loads((world / "o/provenance.json").read_text())["stream"]
    assert told["latency_with_blocks_frames"] == told["latency_frames"] == 64
    assert not (world / "o/accompaniment.wav").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["repet", "{mix}"], "system 'repet': it hears a song as a whole and can't stream; leave out --stream"),
        (["net", "{other}", "--experiment", "{file}"], "it takes 2 channel(s) at 44100 Hz, found 2 at 48000 Hz"),
        (["unet", "{mix}", "--experiment", "{file}"], "'unet': it can't stream: it hears the sound as a whole; those"),
        (["net", "{nan}", "--experiment", "{file}"], "{nan}: holds NaN or infinity (first at 0.499 s); render it"),
        (["net", "{mix}", "--experiment", "{file}", "--targets", "drums"], "it can give vocals or accompaniment, not"),
        (["net", "{vocals}", "--experiment", "{file}"], "an estimate of that name would be written over it"),
    ],
)
def test_bad_input_is_one_sentence(arguments, says, write_experiment, world) -> None:
    spoilt = noise(1, 0.5)
    spoilt[22_000:] = np.nan
    torch.save(spectral_unet(["vocals"], 2).state_dict(), world / "unet.pt")
    places = {
        "mix": write(world / "mix.wav", noise(1, 0.5)),
        "other": write(world / "other.wav", noise(1, 0.5), 48_000),
        "nan": write(world / "nan.wav", spoilt),
        "vocals": write(world / "vocals.wav", noise(1, 0.5)),
        "file": experiment(write_experiment, world, vox(), architecture="vox_tasnet", channels=2, sources='["vocals"]'),
    }
    out = world if arguments[1] == "{vocals}" else world / "out"
    with pytest.raises(StimuliError) as caught:
        arguments = [*(one.format(**places) for one in arguments), "--out", str(out), "--stream"]
        separate.main(arguments, standalone_mode=False)
    assert says.format(**places) in str(caught.value) and "\n" not in str(caught.value)
    assert not (world / "out").exists()


def test_a_stream_of_another_rate_is_refused_even_where_songs_are_converted(tmp_path) -> None:
    torch.save(vox().state_dict(), tmp_path / "net.pt")
    keys = {"path": "net.pt", "architecture": "vox_tasnet", "sources": ["vocals"], "parameters": SMALL_VOX}
    system = made(tmp_path, "torch_checkpoint", convert=True, **keys)
    with pytest.raises(StimuliError, match="a stream is not resampled: it takes 44100 Hz, found 48000 Hz"):
        system.stream(48_000, 2)
    stream: SourceStream = system.stream(44_100, 2)
    of = song(0.2)
    found = [stream.push(block) for block in np.array_split(of.mixture, 7)] + [stream.finish()]
    expected = system.separate(of, ["vocals", "accompaniment"])
    for name, sound_ in expected.items():
        streamed_ = np.concatenate([one[name] for one in found])
        assert np.abs(streamed_ - sound_).max() < 1e-5 * np.abs(sound_).max()


def test_the_level_by_blocks_is_the_level_of_the_whole(tmp_path) -> None:
    for seconds in (0.4, 10.0, 23.45):
        of = noise(1, seconds)
        path = write(tmp_path / "mix.wav", of)
        blocks = audio.blocks(path, loudness.block_frames(44_100))
        found = loudness.energy_of(blocks, *of.shape, 44_100)
        assert np.array_equal(found.steps, loudness.energy(of, 44_100).steps)
        assert loudness.gain_to_level(found, run.INPUT_LUFS) == loudness.to_level(of, 44_100, run.INPUT_LUFS)[1]


def test_a_rendering_is_whole_or_not_there(tmp_path) -> None:
    path = tmp_path / "a.wav"
    with pytest.raises(SoundError, match="hold NaN"), audio.rendering(path, 44_100, 2) as write_:
        write_(np.zeros((5, 2), np.float32))
        write_(np.full((5, 2), np.nan, np.float32))
    assert not list(tmp_path.iterdir())
    with audio.rendering(path, 44_100, 2) as write_:
        write_(noise(1, 0.1))
        write_(noise(2, 0.1))
        assert not path.exists()
    assert np.array_equal(audio.read(path)[0], np.concatenate([noise(1, 0.1), noise(2, 0.1)]))
    assert np.array_equal(np.concatenate(list(audio.blocks(path, 1000))), audio.read(path)[0])


def test_memory_does_not_grow_with_the_song(write_experiment, world) -> None:
    """Twice the song: numpy's peak stays (of measuring its level, ten seconds at a time); torch's is told below."""
    path = experiment(write_experiment, world, vox(), architecture="vox_tasnet", channels=2, sources='["vocals"]')
    peaks = []
    for seconds in (20, 30):
        mix = write(world / "mix.wav", np.tile(noise(1, 10), (seconds // 10, 1)))
        tracemalloc.start()
        here("net", mix, "--out", world / "o", "--experiment", path, "--stream", "--block", 8192)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.02 * peaks[0], peaks


def test_what_a_stream_keeps_does_not_grow() -> None:
    stream, kept = streamed(vox(lookahead_frames=2)), []
    for part in sound(2, 60_000).split(1000, dim=1):
        stream.push(part)
        net = stream.net
        pasts = [block.past.rows for block in (net.first, *net.blocks)]
        waiting = [stream.waiting, stream.tail, net.hidden.waiting, net.heard.waiting]
        kept.append(sum(one.untyped_storage().nbytes() for one in [*pasts, *waiting] if one is not None))
    assert max(kept[5:]) == max(kept[30:]) and kept[-1] < 300_000


@pytest.mark.proof
def test_full_size_streams_faster_than_real_time() -> None:
    """The default network on two seconds, by wall clock; ``bench_streaming.py`` measures it beside the offline one."""
    from stimuli.separators.networks.architectures.vox_tasnet import vox_tasnet

    stream, heard = streamed(vox_tasnet("a", 2)), sound(2, 2 * 44_100)
    began = time.perf_counter()
    in_blocks(stream, heard, [2048])
    assert time.perf_counter() - began < 2
