"""Manifests of earlier releases open in this one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stimuli import experiment, manifest
from stimuli.errors import ManifestError
from stimuli.standard.check import check_set

FIRST = Path(__file__).resolve().parents[1] / "data" / "manifest_schema_1.json"


@pytest.fixture
def first(tmp_path) -> Path:
    """A set's folder with the manifest that the first release wrote."""
    shutil.copyfile(FIRST, tmp_path / manifest.FILE_NAME)
    return tmp_path


def test_the_first_releases_manifest_opens_and_means_what_it_meant(first) -> None:
    found = manifest.read(first)
    assert found.schema_number == 1 and len(found.clips) == 14 and found.items[0].start_s == 0.5
    assert [a.name for a in found.experiment.anchors] == ["lowpass-3500", "lowpass-7000", "mixture"]
    assert all(clip.facts is None for clip in found.clips)
    assert {rule.authority for rule in found.rules} >= {"BS.1534-3, 5.3"}


def test_what_was_not_measured_then_is_not_judged_now(first) -> None:
    found = manifest.read(first)
    rules = {result.rule for result in check_set(found.experiment, found.clips)}
    assert "true-peak" in rules and not rules & {"anchor-response", "lag", "clipping"}


def test_a_manifest_of_a_later_release_is_refused(first) -> None:
    told = json.loads(FIRST.read_text()) | {"schema_number": 99}
    (first / manifest.FILE_NAME).write_text(json.dumps(told))
    with pytest.raises(ManifestError, match="schema 99, this release reads 1, 2"):
        manifest.read(first)


def test_an_old_experiment_keeps_its_identity_within_this_release(first) -> None:
    found = manifest.read(first)
    again = manifest.Manifest.model_validate_json(found.model_dump_json())
    assert experiment.study_id(again.experiment, "x") == experiment.study_id(found.experiment, "x")
