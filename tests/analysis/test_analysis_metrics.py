"""Metrics: known values, what has no number, and scoring a stimulus set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_study
import soundfile

from analysis.errors import AnalysisError
from analysis.metrics.families.ratios import mdx_sdr, si_sdr
from analysis.metrics.scoring.score import score_clips
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


def scored(folder: Path, study: Manifest) -> pd.DataFrame:
    """Values and reasons of the ratios, by item, condition and metric."""
    return score_clips(folder, study).frame.set_index(["item", "condition", "metric"])[["value", "reason"]]


def test_a_set_is_scored_on_its_clips_with_their_gains_undone(study_folder: Path, study: Manifest) -> None:
    found = scored(study_folder, study)["value"]
    part = slice(4000, 12000)
    expected = si_sdr(CLEAN[part], small_study.song("Song 0", "ours")[part])
    assert found["Song 0", "ours", "si_sdr_db"] == pytest.approx(expected, abs=1e-3)
    expected = mdx_sdr(CLEAN[part], small_study.song("Song 0", "ours")[part])
    assert found["Song 0", "ours", "mdx_sdr_db"] == pytest.approx(expected, abs=1e-3), "level counts"
    assert found.xs("mdx_sdr_db", level="metric").notna().sum() == 7 * 5, "the item for training is not scored"


def ours(folder: Path, study: Manifest) -> Path:
    """The clip of the condition ours on Song 0."""
    clip = next(clip for clip in study.clips if (clip.item, clip.condition) == ("Song 0", "ours"))
    return folder / clip.file


def _silence(path: Path) -> None:
    soundfile.write(path, np.zeros((8000, 2)), 8000, subtype="FLOAT", format="WAV")


def _shorten(path: Path) -> None:
    soundfile.write(path, np.ones((7000, 2)), 8000, subtype="FLOAT", format="WAV")


def _poison(path: Path) -> None:
    soundfile.write(path, np.full((8000, 2), np.nan), 8000, subtype="FLOAT", format="WAV")


def _copy(path: Path) -> None:
    soundfile.write(path, 0.3 * CLEAN[4000:12000], 8000, subtype="PCM_24")


def _scribble(path: Path) -> None:
    path.write_text("not a sound")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_silence, "the estimate is silent"),
        (_shorten, "7000 frames at 8000 Hz; expected 8000"),
        (_poison, "holds NaN or infinity"),
        (_copy, "a copy of the reference but for its level or sign"),
        (_scribble, "can't be read as sound"),
    ],
)
def test_a_damaged_clip_gives_a_missing_value_with_its_reason(
    copy: Path, study: Manifest, damage: object, reason: str
) -> None:
    damage(ours(copy, study))  # type: ignore[operator]
    found = scored(copy, study)
    # A copy at another level has an error, and so the ratios that are not scale-invariant.
    for metric in ("si_sdr_db", "mdx_sdr_db") if damage is not _copy else ("si_sdr_db",):
        assert reason in found["reason"]["Song 0", "ours", metric] and np.isnan(
            found["value"]["Song 0", "ours", metric]
        )
    assert found["value"].xs("si_sdr_db", level="metric").isna().sum() == 1
