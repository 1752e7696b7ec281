"""Metrics: known values, what has no number, and scoring a stimulus set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import small_study
import soundfile

from analysis.errors import AnalysisError
from analysis.metrics.score import score
from analysis.metrics.sdr import mdx_sdr, si_sdr
from stimuli.manifest import Manifest

CLEAN = small_study.song("Song 0", "reference")


@pytest.fixture
def copy(study_folder: Path, tmp_path: Path) -> Path:
    """The set, to be damaged."""
    return Path(shutil.copytree(study_folder, tmp_path / "set"))


def test_known_values() -> None:
    s, noise = np.array([[1.0, 0], [0, 0]]), np.array([[0, 0.1], [0, 0]])
    assert si_sdr(s, s + noise) == pytest.approx(20)
    assert mdx_sdr(s, s + noise) == pytest.approx(10 * np.log10((1 + 1e-7) / (0.01 + 1e-7)))
    assert mdx_sdr(s, 0.5 * s) == pytest.approx(6.0206, abs=1e-4)


def test_only_si_sdr_ignores_gain_and_neither_order_of_channels() -> None:
    estimate = small_study.song("Song 0", "ours")
    assert si_sdr(CLEAN, 0.25 * estimate) == pytest.approx(si_sdr(CLEAN, estimate))
    assert mdx_sdr(CLEAN, 0.25 * estimate) < mdx_sdr(CLEAN, estimate) - 5
    assert mdx_sdr(CLEAN[:, ::-1], estimate[:, ::-1]) == pytest.approx(mdx_sdr(CLEAN, estimate))


@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [
        (np.zeros_like(CLEAN), "the estimate is silent"),
        (CLEAN[:-1], "shapes differ"),
        (np.where(np.arange(len(CLEAN))[:, None] == 5, np.nan, CLEAN), "NaN"),
    ],
)
def test_what_has_no_number_says_why(estimate: np.ndarray, sentence: str) -> None:
    for metric in (si_sdr, mdx_sdr):
        with pytest.raises(AnalysisError, match=sentence):
            metric(CLEAN, estimate)


def test_a_set_is_scored_on_the_excerpt_of_its_renders(study_folder: Path, study: Manifest) -> None:
    found = score(study_folder, study).set_index(["item", "condition"])
    part = slice(4000, 12000)
    expected = si_sdr(CLEAN[part], small_study.song("Song 0", "ours")[part])
    assert found.loc[("Song 0", "ours"), "si_sdr_db"] == pytest.approx(expected, abs=1e-3)
    assert set(found["source"]) == {"render"} and set(found["reason"]) == {""}
    assert len(found) == 8 * 5


def test_lost_renders_fall_back_to_clips_with_the_gain_undone(copy: Path, study: Manifest) -> None:
    before = score(copy, study).set_index(["item", "condition"])["mdx_sdr_db"]
    (copy / "renders" / "ours-Song-0.wav").unlink()
    after = score(copy, study).set_index(["item", "condition"])
    assert (after["source"] == "clip").sum() == 1 and after.loc[("Song 0", "ours"), "source"] == "clip"
    np.testing.assert_allclose(after["mdx_sdr_db"].astype(float), before.astype(float), atol=0.01)


def _silence(path: Path) -> None:
    soundfile.write(path, np.zeros((16000, 2)), 8000, subtype="FLOAT")


def _shorten(path: Path) -> None:
    soundfile.write(path, np.ones((8000, 2)), 8000, subtype="FLOAT")


def _poison(path: Path) -> None:
    soundfile.write(path, np.full((16000, 2), np.nan), 8000, subtype="FLOAT")


def _copy(path: Path) -> None:
    soundfile.write(path, 0.3 * CLEAN, 8000, subtype="PCM_24")


def _scribble(path: Path) -> None:
    path.write_text("not a sound")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_silence, "the estimate is silent"),
        (_shorten, "8000 frames at 8000 Hz; expected at least 12000"),
        (_poison, "the estimate holds NaN"),
        (_copy, "a copy of the reference but for its level"),
        (_scribble, "missing or not a sound file"),
    ],
)
def test_a_damaged_render_gives_a_missing_value_with_its_reason(
    copy: Path, study: Manifest, damage: object, reason: str
) -> None:
    damage(copy / "renders" / "ours-Song-0.wav")  # type: ignore[operator]
    found = score(copy, study).set_index(["item", "condition"]).loc[("Song 0", "ours")]
    assert reason in found["reason"]
    assert np.isnan(found["si_sdr_db"]) and np.isnan(found["mdx_sdr_db"])
    assert score(copy, study)["si_sdr_db"].isna().sum() == 1
