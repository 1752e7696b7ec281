"""Layouts of data sets: which songs are found, what they are made of, and what is said of those that lack files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from layout_world import STREAMS, fill, parts, refusal, stems
from small_world import RATE_HZ, write
from upath import UPath

from stimuli.errors import StimuliError
from stimuli.sources.layouts import LAYOUTS, SUFFIXES, layout
from stimuli.sources.parts import Part, SongFiles

# Every layout


def test_the_names_of_layouts_and_what_is_said_of_another(root) -> None:
    assert list(LAYOUTS) == ["musdb", "dsd100", "mir1k", "ikala", "medleydb", "medleyvox", "pairs"]
    with pytest.raises(StimuliError, match=r"unknown layout 'wsj'; expected one of musdb, dsd100, mir1k"):
        layout("wsj", root)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_root_that_is_not_there(name, root) -> None:
    with pytest.raises(StimuliError, match=r"nowhere.*: no such folder; expected .*; correct the path"):
        layout(name, root / "nowhere").names()


@pytest.mark.parametrize("name", ["musdb", "mir1k", "ikala", "medleydb", "medleyvox"])
def test_an_empty_root_has_no_songs_and_the_refusal_says_what_was_expected(name, root) -> None:
    assert layout(name, root).names() == []
    assert refusal(name, root).startswith(f"{root}: no song 'S' here; found none; expected ")


def test_the_refusal_names_the_songs_that_are_there_but_not_hundreds(root) -> None:
    fill(root, "B.wav", "A.wav")
    assert "found A, B; expected stereo files" in refusal("mir1k", root)
    fill(root, *(f"many/Wavfile/{number:02}.wav" for number in range(23)))
    assert "18, 19, and 3 more; expected" in refusal("mir1k", root / "many")


# MUSDB


def test_musdb_folders_directly_and_below_train_and_test(root) -> None:
    fill(root, "C/vocals.wav", "train/A/vocals.wav", "test/B/vocals.wav", "notes/readme.txt", ".hidden/vocals.wav")
    assert layout("musdb", root).names() == ["A", "B", "C"]
    assert stems(root, layout("musdb", root).files("B")) == {"vocals": ["test/B/vocals.wav"]}


def test_musdb_mixture_and_stems_in_any_case(root) -> None:
    fill(root, *(f"S/{stem}.wav" for stem in ("Mixture", "drums", "BASS", "other", "Vocals", "._vocals")))
    song = layout("musdb", root).files("S")
    assert parts(root, song.mixture) == ["S/Mixture.wav"]
    assert stems(root, song) == {
        "bass": ["S/BASS.wav"],
        "drums": ["S/drums.wav"],
        "other": ["S/other.wav"],
        "vocals": ["S/Vocals.wav"],
    }


@pytest.mark.parametrize("names", [["dialogue", "music", "effects"], ["lead", "harmony"], ["singer1", "singer2"]])
def test_musdb_other_stems_without_a_mixture(root, names) -> None:
    fill(root, *(f"S/{name}.flac" for name in names))
    song = layout("musdb", root).files("S")
    assert set(song.stems) == set(names) and song.mixture == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_musdb_sound_files_of_all_kinds(root, suffix) -> None:
    fill(root, f"S/vocals{suffix.upper()}", "S/cover.png")
    assert stems(root, layout("musdb", root).files("S")) == {"vocals": [f"S/vocals{suffix.upper()}"]}


def test_musdb_accompaniment_is_the_other_stem_only_where_there_are_no_finer_ones(root) -> None:
    fill(root, "S/vocals.wav", "S/accompaniment.wav", "S/mixture.wav", "T/accompaniment.wav", "T/drums.wav")
    coarse, fine = (layout("musdb", root).files(name) for name in "ST")
    assert stems(root, coarse) == {"other": ["S/accompaniment.wav"], "vocals": ["S/vocals.wav"]}
    assert stems(root, fine) == {"drums": ["T/drums.wav"]}


def test_musdb_stems_files_and_that_they_win_over_a_folder(root) -> None:
    fill(root, "train/S.stem.mp4", "train/S/vocals.wav", "T.stem.mp4", "T.mp4", "valid/U.stem.mp4")
    assert layout("musdb", root).names() == ["S", "T"]
    song, path = layout("musdb", root).files("S"), root / "train/S.stem.mp4"
    assert song.mixture == (Part(path, stream=0),)
    assert {stem: found[0].stream for stem, found in song.stems.items()} == STREAMS
    assert all(found == (Part(path, stream=found[0].stream),) for found in song.stems.values())


def test_musdb_refuses_a_mixture_alone_and_a_stem_that_is_there_twice(root) -> None:
    fill(root, "S/mixture.wav", "T/vocals.wav", "T/Vocals.flac")
    assert "S: missing stems; found only the mixture; expected vocals and" in refusal("musdb", root)
    assert "T: both Vocals.flac and vocals.wav; expected one file vocals.*; remove" in refusal("musdb", root, "T")
    assert layout("musdb", root).names() == ["S", "T"]


# DSD100


def test_dsd100(root) -> None:
    for split, song in (("Dev", "A"), ("Test", "B")):
        fill(root, f"Mixtures/{split}/{song}/mixture.wav")
        fill(root, *(f"Sources/{split}/{song}/{stem}.wav" for stem in ("bass", "drums", "other", "vocals")))
    assert layout("dsd100", root).names() == ["A", "B"]
    song = layout("dsd100", root).files("B")
    assert parts(root, song.mixture) == ["Mixtures/Test/B/mixture.wav"]
    assert stems(root, song) == {s: [f"Sources/Test/B/{s}.wav"] for s in ("bass", "drums", "other", "vocals")}


def test_dsd100_says_what_is_missing(root) -> None:
    fill(root, "Mixtures/Dev/S/mixture.wav", "Mixtures/Dev/T/mixture.wav")
    assert "Sources: no such folder" in refusal("dsd100", root)
    fill(root, "Sources/Dev/S/bass.wav", "Sources/Dev/S/drums.wav")
    assert "S: missing other, vocals; found bass, drums; expected bass, drums, other, vocals; copy" in refusal(
        "dsd100", root
    )
    assert layout("dsd100", root).names() == ["S", "T"]
    assert "Sources/Dev/T: no such folder" in refusal("dsd100", root, "T")
    fill(root, *(f"Sources/Dev/U/{stem}.wav" for stem in ("bass", "drums", "other", "vocals")), "Mixtures/Dev/U/a.txt")
    assert "Mixtures/Dev/U: missing mixture; found none; expected mixture" in refusal("dsd100", root, "U")


# MIR-1K and iKala


@pytest.mark.parametrize("name", ["mir1k", "ikala"])
@pytest.mark.parametrize("inner", ["Wavfile/", ""])
def test_music_on_the_left_and_voice_on_the_right(root, name, inner) -> None:
    fill(root, f"{inner}amy_1_01.wav", f"{inner}bug_2.wav", "UndividedWavfile/amy_1.wav")
    assert layout(name, root).names() == ["amy_1_01", "bug_2"]
    song, path = layout(name, root).files("bug_2"), root / f"{inner}bug_2.wav"
    assert song == SongFiles("bug_2", {"other": (Part(path, channel=0),), "vocals": (Part(path, channel=1),)})


def test_two_files_of_one_song(root) -> None:
    fill(root, "S.wav", "S.flac")
    assert "both S.flac and S.wav; expected one file S.*" in refusal("mir1k", root)


# Pairs


def test_pairs_by_name(root) -> None:
    fill(root, "mixtures/B.wav", "mixtures/A.flac", "instruments/A.wav", "instruments/B.wav", "mixtures/list.txt")
    assert layout("pairs", root).names() == ["A", "B"]
    song = layout("pairs", root).files("A")
    assert parts(root, song.mixture) == ["mixtures/A.flac"]
    assert stems(root, song) == {"other": ["instruments/A.wav"]}


def test_pairs_with_vocals(root) -> None:
    fill(root, "mixtures/A.wav", "instruments/A.wav", "vocals/A.wav")
    assert stems(root, layout("pairs", root).files("A")) == {"other": ["instruments/A.wav"], "vocals": ["vocals/A.wav"]}


def test_pairs_lists_all_files_without_a_partner(root) -> None:
    fill(root, "mixtures/A.wav", "mixtures/S.wav", "instruments/B.wav", "instruments/S.wav")
    assert f"{root}: files without a partner: A (not in instruments/), B (not in mixtures/); expected" in refusal(
        "pairs", root
    )
    fill(root, "mixtures/B.wav", "instruments/A.wav", "vocals/A.wav", "vocals/B.wav")
    assert "partner: S (not in vocals/); expected files of the same names" in refusal("pairs", root)
    (root / "instruments/S.wav").unlink()
    (root / "mixtures/S.wav").unlink()
    assert layout("pairs", root).names() == ["A", "B"]


def test_paths_lead_to_sound(tmp_path: Path) -> None:
    """What a reader gets can be opened by it."""
    import soundfile

    write(tmp_path / "Wavfile" / "S.wav", np.zeros((RATE_HZ // 10, 2), np.float32))
    (part,) = layout("mir1k", UPath(tmp_path)).files("S").stems["vocals"]
    with part.path.open("rb") as file:
        assert soundfile.info(file).channels == 2 and part.channel == 1
