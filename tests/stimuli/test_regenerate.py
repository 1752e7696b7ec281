"""Every anchor can be made again from the manifest and the songs alone, to the sample."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from commands import mushra
from small_world import ANCHORS, noise, write

from stimuli import audio, manifest
from stimuli.build import build
from stimuli.regenerate import differing, regenerated

KINDS = ("lowpass_mixture", "interference", "artefact", "distortion", "spatial", "remix")
ALL = ANCHORS + "".join(f'[[anchors]]\nkind = "{kind}"\n' for kind in KINDS)
ALL += '[[anchors]]\nkind = "spatial"\nmode = "unbalanced"\nbalance_db = 6\n'
ALL += '[[anchors]]\nkind = "remix"\nvocals_db = -6\nname = "softer"\n'
ALL += '[[anchors]]\nkind = "lowpass"\ncutoff_hz = 10000\n'


@pytest.fixture
def built(write_experiment, world):
    """A set with an anchor of every kind, of excerpts in the middle of their songs."""
    return build(write_experiment(anchors=ALL), world / "set", jobs=1, progress=False)


def test_every_anchor_comes_out_the_same_from_manifest_and_songs_alone(built, world) -> None:
    for gone in ("experiment.toml", "estimates"):
        path = world / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert differing(world / "set", world) == (2 * 12, [])


def test_each_kind_has_a_name_its_parameters_and_what_it_is_meant_for(built) -> None:
    anchors = {clip.condition: clip.provenance for clip in built.clips if clip.role == "anchor"}
    assert set(anchors) == {
        *("lowpass-3500", "lowpass-7000", "lowpass-10000", "mixture", "lowpass-mixture-3500", "interference"),
        *("artefact", "distortion", "spatial-mono", "spatial-unbalanced", "remix-plus-6-db", "softer"),
    }
    assert anchors["artefact"].parameters == {"removed": 0.5, "noise_db": 0.0, "seed": 0}
    assert all(provenance.meant_for for provenance in anchors.values())


def test_only_what_is_made_from_the_reference_keeps_its_gain(write_experiment, world) -> None:
    made = build(
        write_experiment(anchors=ALL, more='[loudness]\nmatch = "each"\n'), world / "each", jobs=1, progress=False
    )
    own = [clip for clip in made.clips if clip.item == "Song A"]
    (reference,) = {clip.gain_db for clip in own if clip.condition == "reference"}
    shared = {clip.condition for clip in own if clip.gain_db == reference and clip.condition != "reference"}
    assert shared == {
        *("lowpass-3500", "lowpass-7000", "lowpass-10000"),
        *("artefact", "distortion", "spatial-mono", "spatial-unbalanced"),
    }
    assert "fixed-gain" in {rule.rule for rule in made.rules if not rule.passed}


def test_an_anchor_is_cut_from_a_longer_one(built, world) -> None:
    """The excerpt of the whole song's anchor is the anchor of the excerpt: no filter met an edge."""
    from stimuli.anchors import lowpass
    from stimuli.experiment import Songs
    from stimuli.sources.song import read_target
    from stimuli.sources.songs import source

    song = source(Songs(root=str(world / "songs")), world).open("Song A")
    whole = lowpass(read_target(song, "accompaniment"), 44_100, cutoff_hz=3500)
    clip = next(c for c in built.clips if (c.item, c.condition) == ("Song A", "lowpass-3500"))
    sound, _ = regenerated(built, clip, world)
    assert np.abs(sound - audio.fade_ends(whole[22_050:][:88_200], 44_100)).max() < 1e-6


def test_another_song_or_another_seed_is_noticed(built, world) -> None:
    write(world / "songs/Song A/drums.wav", noise(99))
    told = json.loads((world / "set/manifest.json").read_text())
    for clip in told["clips"]:
        if (clip["item"], clip["condition"]) == ("Song B", "artefact"):
            clip["provenance"]["parameters"]["seed"] = 1
    (world / "set/manifest.json").write_text(json.dumps(told))
    # From elsewhere: the set knows where its experiment file lies.
    done = mushra("stimuli", "regenerate", world / "set", cwd=world / "estimates")
    assert done.returncode == 1 and "24 anchors made again from the manifest, 11 the same" in done.stdout
    assert "different: artefact in Song B" in done.stdout and "lowpass-3500 in Song A" in done.stdout
    assert manifest.read(world / "set").clips
