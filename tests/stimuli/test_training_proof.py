"""The proof of training in small: on real songs, what it does on the one that it never heard gets better.

The whole one is ``tests/bench/prove_training.py``; its kept result is held against its limits here.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import known_songs
import numpy as np
import prove_training
import pytest
import soundfile

from stimuli.training.config import Training
from stimuli.training.run import run

SMALL = {"width": 96, "kernel": 512, "bottleneck": 48, "repeats": 1, "dilations": 4}


def test_the_loss_on_a_song_that_was_held_out_falls(shared, tmp_path) -> None:
    prove_training.lay_out(shared, tmp_path, "escape", variants=3)
    shutil.rmtree(tmp_path / "valid")
    held_out = tmp_path / "valid" / "escape"
    held_out.mkdir(parents=True)
    song = known_songs.sung(shared, "escape")
    for name, sound in song.stems.items():
        soundfile.write(held_out / f"{name}.wav", sound[: 8 * prove_training.RATE_HZ], prove_training.RATE_HZ)
    small = {"steps": 40, "validate_every": 20, "checkpoint_every": 40, "batch": 4, "rate": 1e-3, "ema": 0.9}
    keys = prove_training.CONFIG | {"parameters": SMALL, "optimiser": small}
    keys |= {"data": {"train": "train", "valid": "valid", "segment_s": 1.0, "valid_segments": 4}}
    loop = run(Training.model_validate(keys), tmp_path, tmp_path / "out", print, progress=False)
    start, middle, end = (row[2] for row in loop.progress.curve)
    assert end < middle < start and end < -1, "the voice's error is more than 1 dB below the voice"


def test_the_songs_of_one_fold_are_not_among_those_of_another(tmp_path, monkeypatch) -> None:
    """In one --work: the song of a test must not be in the folder that its network is trained on."""
    laid: list[Path] = []

    def stopped(folder: Path, *_: object) -> None:
        assert folder == laid[-1]
        raise SystemExit

    monkeypatch.setattr(prove_training, "sung", lambda *_: known_songs.falcon_69())
    monkeypatch.setattr(prove_training, "static_wiener", lambda *_: None)
    monkeypatch.setattr(prove_training, "lay_out", lambda shared, folder, tested: laid.append(folder))
    monkeypatch.setattr(prove_training, "trained", stopped)
    for tested in prove_training.OTHER:
        monkeypatch.setattr(sys, "argv", ["prove", "--tested", tested, "--work", str(tmp_path)])
        with pytest.raises(SystemExit):
            prove_training.main()
    assert laid == [tmp_path / tested for tested in prove_training.OTHER]


def test_a_static_wiener_filter_knows_the_means_of_training_alone(shared) -> None:
    song = known_songs.sung(shared, "escape")
    found = prove_training.static_wiener(shared, "escape", song.mixture)
    gained = known_songs.si_sdr(found, known_songs.rest_of(song)) - known_songs.si_sdr(
        song.mixture, known_songs.rest_of(song)
    )
    assert 1 < gained < 3, "a gain for each bin helps where the voice has other bins than the band"
    assert np.allclose(prove_training.static_wiener(shared, "escape", 2 * song.mixture), 2 * found, atol=1e-5)


@pytest.mark.parametrize("tested", prove_training.RESULTS)
def test_the_kept_result_holds_its_limits_and_says_what_it_was(tested) -> None:
    result = json.loads(prove_training.RESULTS[tested].read_text(encoding="utf-8"))
    assert result["passed"] and result["tested"] == tested and result["config"] == prove_training.CONFIG
    assert len({seed["seed"] for seed in result["seeds"]}) >= 3
    for seed in result["seeds"]:
        over_mixture, over_others = prove_training.judged(seed["si_sdr_db"][tested])
        assert over_mixture >= prove_training.BETTER_DB and over_others > 0 and seed["minutes"] <= 30
        assert set(seed["si_sdr_db"]) == {tested, "Falcon 69"}
