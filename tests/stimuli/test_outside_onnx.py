"""ONNX files as systems: small real models, run by onnxruntime; and chunks that change nothing."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from outside import made, separated, song

from stimuli.errors import StimuliError
from stimuli.render import key_of
from stimuli.separators import Song, run
from stimuli.separators.chunks import overlapped

GAINS = (0.25, 0.75)


def model(
    path: Path,
    gains=GAINS,
    channels: int | str = 2,
    frames: int | str = "frames",
    kind: int = TensorProto.FLOAT,
    external: bool = False,
) -> Path:
    """A model whose sources are the waveform times a gain each."""
    weight = numpy_helper.from_array(np.array(gains, np.float32).reshape(1, -1, 1, 1), "gains")
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [
        helper.make_node("Cast", ["mixture"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["axes"], value=axes),
        helper.make_node("Unsqueeze", ["cast", "axes"], ["wide"]),
        helper.make_node("Mul", ["wide", "gains"], ["sources"]),
    ]
    graph = helper.make_graph(
        nodes,
        "gains",
        [helper.make_tensor_value_info("mixture", kind, [1, channels, frames])],
        [helper.make_tensor_value_info("sources", TensorProto.FLOAT, [1, len(gains), channels, frames])],
        [weight],
    )
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(found)
    onnx.save(found, path, save_as_external_data=external, location="weights.bin", size_threshold=0)
    return path


def system(tmp_path: Path, **keys):
    """The model above, as it is written into an experiment file beside it."""
    path = tmp_path / "model.onnx"
    if not path.exists():
        model(path)
    return made(tmp_path, "onnx", **({"path": "model.onnx", "sources": ["vocals", "other"]} | keys))


def test_every_source_is_its_own_and_the_accompaniment_the_rest(tmp_path) -> None:
    of = song()
    found, _ = run.run_all(system(tmp_path), "mine", of, ("vocals", "other", "accompaniment"))
    for name, factor in {"vocals": 0.25, "other": 0.75, "accompaniment": 0.75}.items():
        assert np.abs(found[name] - factor * of.mixture).max() < 1e-6, name
    assert np.array_equal(separated(system(tmp_path), of, "vocals"), found["vocals"])
    with pytest.raises(StimuliError, match="can give vocals or other or accompaniment, not 'drums'"):
        separated(system(tmp_path), of, "drums")


@pytest.mark.parametrize(("frames", "chunk", "overlap"), [(44_100, 4096, 0.25), (44_101, 1000, 0.5), (10, 64, 0.25)])
def test_in_chunks_a_mask_of_one_is_the_mixture_to_the_bit(tmp_path, frames, chunk, overlap) -> None:
    model(tmp_path / "one.onnx", gains=(1.0,))
    of = song(frames / 44_100)
    one = system(tmp_path, path="one.onnx", sources=["vocals"], chunk_frames=chunk, overlap=overlap)
    assert np.array_equal(one.separate(of, ["vocals"])["vocals"], of.mixture)
    assert np.array_equal(one.separate(of, ["accompaniment"])["accompaniment"], 0 * of.mixture)


def test_chunks_are_cross_faded_and_none_is_lost() -> None:
    """A network that says 1, then 2, then 3 …: steps become ramps as long as the overlap."""
    said = iter(range(1, 99))
    heard = []

    def network(piece: np.ndarray) -> np.ndarray:
        heard.append(piece.shape)
        return np.full((1, *piece.shape), next(said), np.float32)

    found = overlapped(network, np.zeros((2, 30), np.float32), 12, 0.25)
    ramp = [1 / 6, 3 / 6, 5 / 6]
    expected = [*[1] * 9, *np.add(1, ramp), *[2] * 6, *np.add(2, ramp), *[3] * 9]
    assert found.shape == (1, 2, 30) and np.abs(found[0, 0] - expected).max() < 1e-6
    assert set(heard) == {(2, 12)}


def test_the_pinned_file_is_read_and_no_other(tmp_path) -> None:
    digest = hashlib.sha256(model(tmp_path / "model.onnx").read_bytes()).hexdigest()
    of = song()
    good = system(tmp_path, sha256=digest.upper())
    assert good.provenance()["weights_sha256"] == {"model.onnx": digest} and separated(good, of).any()
    model(tmp_path / "model.onnx", gains=(0.5, 0.5))
    for act in (good.fingerprint, lambda: separated(good, of)):
        with pytest.raises(StimuliError, match=rf"model.onnx has SHA-256 \w+, expected {digest}; it was not read"):
            act()


def test_another_file_is_another_render_and_another_place_is_not(tmp_path) -> None:
    def key(**keys) -> str:
        return key_of(system(tmp_path, **keys).system, "song", "vocals", "cpu", tmp_path)

    first = key()
    (tmp_path / "moved.onnx").write_bytes((tmp_path / "model.onnx").read_bytes())
    assert key(path="moved.onnx") == first != key(chunk_frames=4096)
    time.sleep(0.01)
    model(tmp_path / "model.onnx", gains=(0.5, 0.5))
    assert key() != first


def test_missing_weights_are_said_at_once_with_their_place(tmp_path) -> None:
    began = time.monotonic()
    lost = made(tmp_path, "onnx", path="far/model.onnx", sources=["vocals"], sha256="a" * 64)
    assert lost.missing() == (
        f"its weights are missing: put them at {tmp_path}/far/model.onnx, the file with SHA-256 {'a' * 64}"
    )
    with pytest.raises(StimuliError, match="put them at"):
        separated(lost, song())
    assert time.monotonic() - began < 2 and system(tmp_path).missing() is None


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 2), (44_100, 1), (22_050, 1)])
def test_another_form_is_refused_or_converted_if_told_to(tmp_path, rate_hz, channels) -> None:
    of = song(0.5, rate_hz, channels)
    with pytest.raises(
        StimuliError, match=rf"it takes 2 channel\(s\) at 44100 Hz, found {channels} at {rate_hz} Hz; set"
    ):
        separated(system(tmp_path), of)
    smooth = np.sin(np.arange(len(of.mixture)) / 20)[:, None].repeat(channels, 1).astype(np.float32)
    of = Song(of.name, rate_hz, smooth)
    found = separated(system(tmp_path, convert=True), of)
    assert found.shape == of.mixture.shape
    assert np.abs(found - 0.25 * of.mixture)[2000:-2000].max() < 1e-3


def test_a_mono_network_hears_the_channels_one_by_one(tmp_path) -> None:
    model(tmp_path / "mono.onnx", channels=1)
    of = song()
    mono = system(tmp_path, path="mono.onnx", channels=1, convert=True)
    assert np.abs(separated(mono, of) - 0.25 * of.mixture).max() < 1e-6
    with pytest.raises(StimuliError, match=r"it takes 1 channel\(s\)"):
        separated(system(tmp_path, path="mono.onnx", channels=1), of)


@pytest.mark.parametrize(
    ("make", "keys", "says"),
    [
        (
            {"channels": 1},
            {},
            "expected one input float32 (1, 2, frames), found mixture: tensor(float) [1, 1, 'frames']",
        ),
        ({"kind": TensorProto.DOUBLE}, {}, "found mixture: tensor(double)"),
        ({"gains": (1, 2, 3)}, {}, "it answered [1, 3, 2, 44100] to [1, 2, 44100], expected [1, 2, 2, 44100]"),
        ({"frames": 4096}, {}, "it takes pieces of 4096 frames; set chunk_frames = 4096"),
        ({"gains": (np.nan, 1)}, {}, "it returned NaN or infinity"),
    ],
)
def test_a_model_that_breaks_the_contract_is_said(tmp_path, make, keys, says) -> None:
    model(tmp_path / "model.onnx", **make)
    with pytest.raises(StimuliError) as caught:
        separated(system(tmp_path, **keys), song())
    assert says in str(caught.value) and str(caught.value).startswith("system 'mine'")


def test_a_model_of_fixed_length_runs_in_chunks_of_that(tmp_path) -> None:
    model(tmp_path / "model.onnx", frames=4096)
    of = song()
    assert np.abs(separated(system(tmp_path, chunk_frames=4096), of) - 0.25 * of.mixture).max() < 1e-6


def test_a_damaged_file_and_weights_in_a_second_file_are_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(
        StimuliError, match=r"model.onnx: can't be run as an ONNX model: .*; export it again, as one file"
    ):
        separated(system(tmp_path), song())
    model(tmp_path / "model.onnx", external=True)
    assert (tmp_path / "weights.bin").stat().st_size > 0
    monkeypatch.chdir(tmp_path)  # where onnxruntime would look for them
    with pytest.raises(StimuliError, match=r"weights\.bin.*; export it again, as one file"):
        separated(system(tmp_path), song())


def test_two_calls_are_equal_to_the_bit(tmp_path) -> None:
    of = song()
    one = system(tmp_path, chunk_frames=3000)
    assert np.array_equal(separated(one, of), separated(one, of))
