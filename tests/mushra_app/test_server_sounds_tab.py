"""The tab "Sounds": every clip of a version with its picture, its numbers and the rules that it breaks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny_set
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from studio_people import csrf, database_of, inside, person

from mushra_app.models import Clip, Job
from mushra_app.publish import publish
from mushra_app.worker import Worker
from stimuli import manifest as manifests
from stimuli.cli import draw as command
from stimuli.manifest import RuleResult


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """An experimenter's browser."""
    return inside(app, person(database_of(app), "ada", "experimenter", "tiny"))


def draw(app: Flask, client: FlaskClient, number: int = 1) -> str:
    """Press the button, and have a worker do it; the page afterwards."""
    address = f"/studio/tiny/sounds?version={number}"
    form = {"csrf_token": csrf(client.get(address).text)}
    assert client.post(f"/studio/tiny/versions/{number}/pictures", data=form).status_code == 303
    assert "Waits for its turn" in client.get(address).text
    settings = app.extensions["mushra"].settings
    Worker(database_of(app), settings, stale_s=60, say=lambda _: None).work(once=True)
    return client.get(address).text


def test_every_clip_is_there_once_with_its_numbers(app: Flask, ada: FlaskClient) -> None:
    page = ada.get("/studio/tiny/sounds").text
    with database_of(app).reading() as db:
        clips = db.scalars(select(Clip)).all()
        assert len(re.findall(r'class="clip"', page)) == sum(clip.role not in ("reference",) for clip in clips)
        for clip in clips:
            if clip.role == "system":
                card = page.partition(f'id="clip-{clip.id}"')[2].partition("</li>")[0]
                assert clip.condition.name in card
                assert f"{clip.lufs:.1f}".replace("-", "\u2212") + " LUFS" in card
                assert f"{clip.gain_db:+.2f}".replace("-", "\u2212") + " dB" in card
    assert "not drawn yet" in page and "Draw them" in page and "<dd>made 1" in page


def test_two_studies_with_the_same_sounds_have_their_own_pictures(app: Flask, ada: FlaskClient, tmp_path: Path) -> None:
    """And the job of the one stays the one's."""
    described = {"name": "other", "title": "Another", "contact": "lab@example.org"}
    tiny_set.make(tmp_path / "other", experiment=described)
    publish(tmp_path / "other", database_of(app), app.extensions["mushra"].settings)
    draw(app, ada)
    owner = inside(app, person(database_of(app), "olga", "owner"))
    form = {"csrf_token": csrf(owner.get("/studio/other/sounds").text)}
    assert owner.post("/studio/other/versions/1/pictures", data=form).status_code == 303
    Worker(database_of(app), app.extensions["mushra"].settings, stale_s=60, say=lambda _: None).work(once=True)
    for study, client in (("tiny", ada), ("other", owner)):
        pictures = re.findall(r'class="spectrogram" src="([^"]+)"', client.get(f"/studio/{study}/sounds").text)
        assert len(pictures) > 10 and client.get(pictures[0]).status_code == 200, study
    with database_of(app).reading() as db:
        assert [job.asked_by for job in db.scalars(select(Job).order_by(Job.id))] == ["ada", "olga"]
        assert len({job.study_id for job in db.scalars(select(Job))}) == 2


def test_the_pictures_are_drawn_by_a_job_and_shown(app: Flask, ada: FlaskClient) -> None:
    page = draw(app, ada)
    assert page.count('<svg class="wave"') == page.count('class="clip"') > 10
    pictures = re.findall(r'class="spectrogram" src="([^"]+)"', page)
    answer = ada.get(pictures[0])
    assert answer.mimetype == "image/png" and answer.data.startswith(b"\x89PNG")
    assert len({ada.get(one).data for one in pictures}) > len(pictures) // 2
    form = {"csrf_token": csrf(page)}
    ada.post("/studio/tiny/versions/1/pictures", data=form)
    with database_of(app).reading() as db:
        job = db.scalars(select(Job)).one()  # asked again: it is drawn already
        assert (job.status, job.asked_by) == ("done", "ada")


def test_pictures_that_can_not_be_drawn_say_why_and_can_be_tried_again(app: Flask, ada: FlaskClient) -> None:
    settings = app.extensions["mushra"].settings
    lost = next(settings.media_dir.glob("*.flac"))
    kept = lost.read_bytes()
    lost.unlink()
    page = draw(app, ada)
    assert "could not be made" in page and lost.name in page and "Try again" in page
    lost.write_bytes(kept)
    assert '<svg class="wave"' in draw(app, ada)


def test_a_broken_rule_is_marked_on_its_clip(app: Flask, ada: FlaskClient, tmp_path: Path) -> None:
    tiny_set.make(tmp_path / "set", setup={"level": True, "sides": False})
    found = manifests.read(tmp_path / "set")
    wrong = next(clip for clip in found.clips if clip.condition == "zebra-net")
    rules = (
        RuleResult(
            rule="true-peak", clause="5.1", severity="must", passed=False, message="too high", clips=(wrong.token,)
        ),
        RuleResult(rule="anchors", clause="5.1", severity="must", passed=True, message="two anchors"),
    )
    manifests.write(tmp_path / "set", found.model_copy(update={"rules": rules}))
    publish(tmp_path / "set", database_of(app), app.extensions["mushra"].settings, as_draft=True)
    page = ada.get("/studio/tiny/sounds?version=2").text
    marked = re.findall(r'<li id="(clip-\d+)" class="clip" data-worst="must"', page)
    assert len(marked) == 1 and f'href="#{marked[0]}"' in page
    card = page.partition(f'id="{marked[0]}"')[2].partition("</li>")[0]
    assert "zebra-net" in card and "true-peak" in card and "BS.1534-3, 5.1" in card
    assert "1 rule is held" in page and "data-worst" not in ada.get("/studio/tiny/sounds").text


def test_a_clip_is_heard_by_whoever_may_see_its_study_and_no_other(
    app: Flask, ada: FlaskClient, tmp_path: Path
) -> None:
    described = {"name": "other", "title": "Other", "contact": "lab@example.org"}
    tiny_set.make(tmp_path / "other", experiment=described)
    publish(tmp_path / "other", database_of(app), app.extensions["mushra"].settings)
    with database_of(app).reading() as db:
        ids = db.scalars(select(Clip.id).order_by(Clip.id)).all()
    own = ada.get(f"/studio/tiny/sounds/{ids[0]}")
    assert own.status_code == 200 and own.data.startswith(b"fLaC")
    assert ada.get(f"/studio/tiny/sounds/{ids[-1]}").status_code == 404  # a clip of the other study
    assert ada.get(f"/studio/tiny/sounds/{ids[-1]}/spectrogram").status_code == 404


def test_what_draw_prints_is_one_scale_for_each_group(tmp_path: Path) -> None:
    loud, soft = tmp_path / "loud.flac", tmp_path / "soft.flac"
    for path, level in ((loud, 0.8), (soft, 0.2)):
        soundfile.write(path, level * np.sin(np.arange(44100) / 7)[:, None].repeat(2, 1), 44100)
    apart = json.loads(CliRunner().invoke(command, [str(loud), "+", str(soft)]).output)
    together = json.loads(CliRunner().invoke(command, [str(loud), str(soft)]).output)
    assert set(apart) == set(together) == {"loud", "soft"}
    assert apart["loud"] == together["loud"]
    assert apart["soft"]["wave"] != together["soft"]["wave"]
    assert apart["soft"]["spectrogram"] != together["soft"]["spectrogram"]
    for_a_worker = CliRunner(env={"MUSHRA_JOB": "yes"}).invoke(command, [str(loud), "+", str(soft)])
    assert for_a_worker.stderr.splitlines() == ["progress: 1 of 2 sounds", "progress: 2 of 2 sounds"]
    assert json.loads(for_a_worker.stdout) == apart
