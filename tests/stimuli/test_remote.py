"""Songs and estimates in an object store: read over real HTTP from an S3-compatible server on this machine."""

from __future__ import annotations

import fsspec
import pytest
from small_world import HEAD

from stimuli.build import build
from stimuli.errors import SoundError, StimuliError
from stimuli.experiment import Songs
from stimuli.sources.songs import source

BUCKET = "lab"


@pytest.fixture
def bucket(s3_server, world) -> str:
    """The small world's songs and estimates, put into the store."""
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdirs(BUCKET, exist_ok=True)
    for part in ("songs", "estimates"):
        files.put(str(world / part), f"{BUCKET}/{part}", recursive=True)
    return f"s3://{BUCKET}"


def test_a_set_out_of_an_object_store_is_the_set_out_of_a_folder(bucket, write_experiment, world) -> None:
    here = build(write_experiment(), world / "here", jobs=1, progress=False)
    systems = (
        f'[[systems]]\nname = "home"\nkind = "files"\npath = "{bucket}/estimates/{{system}}/{{song}}/{{target}}.wav"\n'
    )
    path = write_experiment(
        head=HEAD.replace('root = "songs"', f'root = "{bucket}/songs"'),
        systems=systems + '[[systems]]\nname = "centre"\nkind = "centre_cancellation"\n',
    )
    there = build(path, world / "there", jobs=1, progress=False)
    assert [c.samples_sha256 for c in there.clips] == [c.samples_sha256 for c in here.clips]
    assert there.stimuli_id == here.stimuli_id


def test_what_is_not_in_the_store_is_said(bucket, world) -> None:
    songs = source(Songs(root=f"{bucket}/songs"), world)
    assert songs.names() == ["Song A", "Song B"]
    with pytest.raises(StimuliError, match="no song 'Song C' here; found Song A, Song B"):
        songs.open("Song C")


def test_any_fsspec_place_will_do(world) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(world / "songs"), "/songs", recursive=True)
    song = source(Songs(root="memory://songs"), world).open("Song A")
    local = source(Songs(root="songs"), world).open("Song A")
    assert (song.read("drums", 100, 500) == local.read("drums", 100, 500)).all()
    assert song.fingerprint("mixture") == local.fingerprint("mixture")
    with memory.open("/songs/Song A/drums.wav", "wb") as stream:
        stream.write(b"no sound")
    with pytest.raises(SoundError, match=r"memory://.*drums\.wav: can't be read as sound"):
        source(Songs(root="memory://songs"), world).open("Song A")


def test_a_place_that_needs_a_missing_package_or_does_not_exist_is_said(world) -> None:
    with pytest.raises(StimuliError, match="nonsense://"):
        source(Songs(root="nonsense://songs"), world).names()
