"""Configurations and songs that can't be used are refused in sentences, before the first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import training_world
from click.testing import CliRunner
from small_world import write
from training_world import RATE_HZ, TINY, configuration, music, toml, voice

from stimuli.errors import ExperimentError, StimuliError
from stimuli.separators.networks.architectures import ARCHITECTURES
from stimuli.training import mixing
from stimuli.training.cli import train as command
from stimuli.training.config import Training, changes, load
from stimuli.training.run import network, run


def test_a_file_becomes_a_configuration_with_defaults(tmp_path) -> None:
    found = load(toml(tmp_path))
    assert found == Training.model_validate(configuration()) and found.frames == 4000
    assert found.mixing.lufs == -14 and found.optimiser.kind == "adam" and found.loss.terms == {"snr": 1.0}


VOICES = {"strategy": "medleyvox", "gain_db": 0, "swap_channels": 0}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"architecture": "wnet"}, f"architecture: no 'wnet' is known; expected one of {', '.join(ARCHITECTURES)}"),
        ({"archtecture": "unet"}, "archtecture: this key is not known; remove it or correct its spelling"),
        ({"loss": {"snr": 0}}, "loss: no term has a weight; give si_sdr, snr, l1, stft or own one"),
        ({"loss": {"permutation_invariant": True}}, "loss.permutation_invariant: for 2 to 5 sources, found 1; leave"),
        ({"sources": ["vocals", "vocals"]}, "sources: one is named twice; give each its own name"),
        ({"mixing": VOICES}, "mixing.strategy: medleyvox mixes two voices whose loudness can be"),
        (
            {"mixing": {"strategy": "mashup"}},
            "mixing.strategy: found 'mashup'; expected 'song', 'random_stems' or 'medleyvox'",
        ),
        ({"optimiser": {"rate": 0}}, "optimiser.rate: found 0; expected more than 0"),
        ({"optimiser": {"betas": [0.9, 1.0]}}, "optimiser: betas are at least 0 and below 1, found [0.9, 1.0]"),
        ({"optimiser": {"threads": 0, "ema": 1}}, "optimiser.ema: found 1; expected less than 1"),
        ({"data": {"segment_s": 0.00001}}, "data.segment_s: 1e-05 s at 8000 Hz hold no sample; give some seconds"),
        ({"loss": {"snr": 0, "own": 1, "permutation_invariant": True}}, "loss: permutation_invariant has no part in"),
        ({"mixing": {"strategy": "medleyvox"}, "sources": ["a", "b"]}, "mixing: medleyvox draws levels by itself"),
        ({"data": {"train": ""}}, "data.train: is empty; write what belongs there"),
        ({"channels": 3}, "channels: found 3; expected 1 or 2"),
    ],
)
def test_mistakes_are_said_with_their_place(tmp_path, keys, says) -> None:
    with pytest.raises(ExperimentError) as caught:
        load(toml(tmp_path, **keys))
    assert any(problem.startswith(f"training.toml: {says}") or says in problem for problem in caught.value.problems)


def test_files_that_are_no_configuration_are_said(tmp_path) -> None:
    (tmp_path / "bad.toml").write_text("rate_hz = = 3")
    for name, says in (("none.toml", "no such file"), ("bad.toml", "bad.toml: not valid TOML"), (".", "can't be read")):
        with pytest.raises(ExperimentError, match=says):
            load(tmp_path / name)


def test_what_differs_is_named_but_for_when_to_stop() -> None:
    old, new = (
        Training.model_validate(configuration(seed=seed, optimiser={"steps": steps, "batch": batch})).model_dump(
            mode="json"
        )
        for seed, steps, batch in ((1, 5, 2), (2, 50, 4))
    )
    assert changes(old, new) == ["optimiser.batch: 2 there, 4 here", "seed: 1 there, 2 here"]
    assert changes(old, old) == []


def songs(folder: Path, **sounds: np.ndarray) -> Path:
    training_world.write_songs(folder)
    for name, sound in sounds.items():
        write(folder / "train" / "One" / f"{name}.wav", sound, RATE_HZ)
    return folder


def refused(folder: Path, **keys) -> str:
    with pytest.raises(StimuliError) as caught:
        mixing.mixer(Training.model_validate(configuration(**keys)), folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"data": {"train": "nowhere"}}, "nowhere: no such folder"),
        ({"rate_hz": 44_100}, "'One' has 2 channel(s) at 8000 Hz, expected 2 at 44100 Hz; convert it, or correct"),
        ({"channels": 1}, "'One' has 2 channel(s) at 8000 Hz, expected 1 at 8000 Hz"),
        ({"data": {"segment_s": 2.5}}, "no song is as long as data.segment_s = 2.5; the longest has 2.00 s: shorten"),
        ({"sources": ["flute"]}, "train: no song has 'flute'; found other, vocals: correct sources, or the stems"),
        ({"data": {"valid": "train"}}, "train: 'One' has the same 'vocals' as 'One' in train; weights are chosen by"),
        ({"sources": ["other", "accompaniment"]}, "song 'One': other would be learnt as part of two sources"),
    ],
)
def test_songs_that_do_not_fit_are_said(tmp_path, keys, says) -> None:
    assert says in refused(songs(tmp_path), **keys)


def test_songs_that_can_not_be_used_are_said(tmp_path) -> None:
    spoilt = music(1)
    spoilt[12_345] = np.nan
    assert "One/other.wav: holds NaN or infinity (first at 1.543 s)" in refused(songs(tmp_path / "nan", other=spoilt))
    assert "render all stems of a song with one rate, length" in refused(songs(tmp_path / "short", other=music(1, 1.0)))
    empty = tmp_path / "empty"
    for split in ("train", "valid"):
        (empty / split).mkdir(parents=True)
    assert f"{empty}/train: holds no songs; expected <song>/vocals.*" in refused(empty)
    silent = songs(tmp_path / "silent", vocals=0 * voice(1))
    write(silent / "train" / "Two" / "vocals.wav", 0 * voice(1), RATE_HZ)
    assert "train: 'vocals' is silent in every song; there is nothing to learn of it" in refused(silent)


def test_a_silent_stem_of_one_song_is_left_out_and_a_short_song_ends_in_silence(tmp_path) -> None:
    folder = songs(tmp_path, vocals=0 * voice(1))
    for stem, sound in (("vocals", voice(5, 0.2)), ("other", music(5, 0.2))):
        write(folder / "train" / "Short" / f"{stem}.wav", sound, RATE_HZ)
    found = mixing.mixer(Training.model_validate(configuration()), folder)
    drawn = [found.drawn(np.random.default_rng(n))[0] for n in range(20)]
    assert all(vocals.any() for vocals in drawn)
    lengths = {int(np.flatnonzero(vocals.any(axis=0))[-1]) + 1 for vocals in drawn}
    assert min(lengths) <= 1600 and max(lengths) > 3990


def test_a_network_is_the_same_for_a_seed_and_its_parameters_are_checked(tmp_path) -> None:
    first, again, other = (
        network(Training.model_validate(configuration(seed=seed))).state_dict()["mask.weight"] for seed in (1, 1, 2)
    )
    assert first.equal(again) and not first.equal(other)
    for parameters, says in (
        ({"depth": 3}, "unexpected keyword argument 'depth'"),
        (TINY | {"kernel": 3}, "kernel is even"),
    ):
        with pytest.raises(StimuliError, match="architecture 'vox_tasnet': its parameters don't fit: ") as caught:
            network(Training.model_validate(configuration(parameters=parameters)))
        assert says in str(caught.value)


class Mono(torch.nn.Conv1d):
    """Answers with one channel of two."""

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        return super().forward(waveform)[:, None]


def mono(sources: list[str], channels: int) -> Mono:
    return Mono(channels, len(sources), 1)


def test_a_network_that_can_not_be_built_or_answers_otherwise_is_said(monkeypatch) -> None:
    for kind in (RuntimeError, MemoryError):

        def refusing(*_: object, kind: type[Exception] = kind, **__: object) -> None:
            raise kind("you tried to allocate 4 TB\nat alloc_cpu.cpp")

        with monkeypatch.context() as patch:
            patch.setattr("stimuli.separators.networks.architectures.vox_tasnet.vox_tasnet", refusing)
            with pytest.raises(
                StimuliError, match="'vox_tasnet': can't be built: you tried to allocate 4 TB; make its"
            ):
                network(Training.model_validate(configuration()))
    monkeypatch.setitem(ARCHITECTURES, "mono", "test_training_config:mono")
    keys = {"architecture": "mono", "parameters": {}}
    with pytest.raises(StimuliError, match=r"answers with the shape \(1, 1, 1, 4000\), expected \(1, 1, 2, 4000\)"):
        network(Training.model_validate(configuration(**keys)))
    assert network(Training.model_validate(configuration())).training


def test_a_song_in_a_container_is_to_be_converted(tmp_path, monkeypatch) -> None:
    """Its frames are found by decoding from the beginning, for every stem of every example."""
    songs(tmp_path)
    monkeypatch.setattr("stimuli.containers.SUFFIXES", (".wav",))
    monkeypatch.setattr("stimuli.containers.read", lambda path, stream=0: soundfile.read(path, dtype="float32"))
    assert "train: 'One' is not stored as samples" in (said := refused(tmp_path)) and "convert its stems" in said


def test_a_missing_key_points_to_what_shows_one(tmp_path) -> None:
    (tmp_path / "training.toml").write_text('architecture = "vox_tasnet"\nsources = ["vocals"]\nloss = { snr = 1 }\n')
    with pytest.raises(ExperimentError, match=r"data: is missing; add it \(see: the README, mushra train\)"):
        load(tmp_path / "training.toml")


def test_the_loss_of_a_paper_is_for_networks_that_have_one(tmp_path) -> None:
    own = {"loss": {"own": 1.0, "snr": 0}}
    with pytest.raises(StimuliError, match="'vox_tasnet' has no loss of its own"):
        network(Training.model_validate(configuration(**own)))
    small = {"window": 64, "hop": 32, "hidden": 16}
    keys = {"architecture": "drnn", "parameters": small, "sources": ["vocals", "other"]} | own
    config = Training.model_validate(configuration(**keys, optimiser={"steps": 1, "clip": 0}))
    loop = run(config, songs(tmp_path), tmp_path / "out", print, progress=False)
    mixtures, sources = (torch.from_numpy(part) for part in loop.mixer.batch(0, 0, config.optimiser.batch))
    alone = network(config).loss(mixtures, sources).item()
    assert loop.progress.curve[1][1] == pytest.approx(alone, rel=1e-5) and alone > 0


def test_the_command_says_a_mistake_before_it_makes_a_folder(tmp_path) -> None:
    done = CliRunner().invoke(command, [str(toml(songs(tmp_path), sources=["flute"])), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, StimuliError) and not (tmp_path / "out").exists()
