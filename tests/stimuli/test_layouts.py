"""Layouts of data sets: which songs are found, what they are made of, and what is said of those that lack files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_world import RATE_HZ, write
from upath import UPath

from stimuli.errors import StimuliError
from stimuli.sources.layouts import LAYOUTS, SUFFIXES, layout
from stimuli.sources.medley import group, instruments
from stimuli.sources.parts import Part, SongFiles

MEMORY = iter(range(1000))
STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path) -> UPath:
    """An empty folder on disk, then one that only ``fsspec`` knows."""
    place = UPath(tmp_path if request.param == "local" else f"memory://layouts{next(MEMORY)}/data")
    place.mkdir(parents=True, exist_ok=True)
    return place


def fill(root: UPath, *paths: str) -> None:
    """Empty files: layouts are about paths."""
    for path in paths:
        put(root, path, "")


def put(root: UPath, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def parts(root: UPath, found: tuple[Part, ...]) -> list[str]:
    """Paths below the root of whole files."""
    assert all(part == Part(part.path) for part in found)
    return [str(part.path).removeprefix(f"{root}/") for part in found]


def stems(root: UPath, song: SongFiles) -> dict[str, list[str]]:
    return {stem: parts(root, found) for stem, found in song.stems.items()}


def refusal(name: str, root: UPath, song: str = "S") -> str:
    with pytest.raises(StimuliError) as caught:
        layout(name, root).files(song)
    return str(caught.value)


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


# MedleyDB

METADATA = """\
album: ''
mix_filename: S_MIX.wav
stems:
  S01:
    component: bass
    filename: S_STEM_01.wav
    instrument: electric bass
    raw:
      R01:
        filename: S_RAW_01_01.wav
        instrument: double bass
      R02:
        filename: 'S_RAW_01_02.wav'
        instrument:
        - female singer
        - piano
  S02:
    component: ''
    instrument: bass drum
    filename: "S_STEM_02.wav"
    raw: {}
  S03:
    filename: S_STEM_03.wav
    instrument: 'male rapper'
  S04:
    filename: S_STEM_04.wav
    instrument: bassoon
  S05:
    filename: S_STEM_05.wav
    instrument: ''
title: Song
"""


def test_medleydb_groups_stems_by_their_instruments(root) -> None:
    fill(root, "S/S_MIX.wav", *(f"S/S_STEMS/S_STEM_0{number}.wav" for number in range(1, 5)), "S/S_RAW/S_RAW_01_01.wav")
    fill(root, "S/S_STEMS/S_STEM_06.wav", "S/S_STEMS/._S_STEM_01.wav")
    put(root, "S/S_METADATA.yaml", METADATA)
    song = layout("medleydb", root).files("S")
    assert parts(root, song.mixture) == ["S/S_MIX.wav"]
    assert stems(root, song) == {
        "bass": ["S/S_STEMS/S_STEM_01.wav"],
        "drums": ["S/S_STEMS/S_STEM_02.wav"],
        "other": ["S/S_STEMS/S_STEM_04.wav", "S/S_STEMS/S_STEM_06.wav"],
        "vocals": ["S/S_STEMS/S_STEM_03.wav"],
    }


def test_medleydb_raw_tracks_and_that_the_mix_is_not_theirs(root) -> None:
    fill(root, "V1/S/S_MIX.wav", "V1/S/S_RAW/S_RAW_01_01.wav", "V1/S/S_RAW/S_RAW_01_02.wav")
    put(root, "V1/S/S_METADATA.yaml", METADATA)
    song = layout("medleydb", root).files("S")
    assert stems(root, song) == {"bass": ["V1/S/S_RAW/S_RAW_01_01.wav"], "vocals": ["V1/S/S_RAW/S_RAW_01_02.wav"]}
    assert song.mixture == ()


def test_medleydb_without_metadata_goes_by_file_names_less_the_name_of_the_song(root) -> None:
    fill(
        root,
        *(f"Drumline/Drumline_STEMS/Drumline_{word}.wav" for word in ("LeadVocals", "Double_Bass", "kick", "Keys")),
    )
    assert {stem: len(found) for stem, found in layout("medleydb", root).files("Drumline").stems.items()} == {
        "bass": 1,
        "drums": 1,
        "other": 1,
        "vocals": 1,
    }
    assert parts(root, layout("medleydb", root).files("Drumline").stems["other"])[0].endswith("Keys.wav")


def test_medleydb_without_metadata_and_vocals_is_one_stem(root) -> None:
    fill(root, "S/S_STEMS/S_STEM_01.wav", "S/S_STEMS/S_bass.wav")
    assert stems(root, layout("medleydb", root).files("S")) == {
        "other": ["S/S_STEMS/S_STEM_01.wav", "S/S_STEMS/S_bass.wav"]
    }


def test_medleydb_with_metadata_needs_no_vocals(root) -> None:
    fill(root, "S/S_STEMS/S_STEM_01.wav", "S/S_STEMS/S_STEM_02.wav")
    put(root, "S/S_METADATA.yaml", METADATA)
    assert set(layout("medleydb", root).files("S").stems) == {"bass", "drums"}


def test_medleydb_refuses_a_mix_alone(root) -> None:
    fill(root, "S/S_MIX.wav", "S/S_STEMS/notes.txt", "T/readme.txt")
    assert layout("medleydb", root).names() == ["S"]
    assert "S: missing stems; found no sound in S_STEMS/ or S_RAW/; expected one of them; copy" in refusal(
        "medleydb", root
    )


def test_instruments_of_metadata() -> None:
    found = instruments(METADATA)
    assert set(found) == {"S_STEM_01.wav", "S_STEM_02.wav", "S_STEM_03.wav", "S_STEM_04.wav"} | {
        "S_RAW_01_01.wav",
        "S_RAW_01_02.wav",
    }
    assert found["S_STEM_01.wav"] == "electric bass" and found["S_STEM_02.wav"] == "bass drum"
    assert "female singer" in found["S_RAW_01_02.wav"] and "piano" in found["S_RAW_01_02.wav"]


@pytest.mark.parametrize(
    ("stem", "names"),
    [
        ("vocals", ["female singer", "vocalists", "male rapper", "male speaker", "vocal percussion"]),
        ("drums", ["drum set", "bass drum", "auxiliary percussion", "cymbal", "toms", "high hat"]),
        ("bass", ["electric bass", "double bass", "synth bass", "bass guitar", "Bass_DI"]),
        ("other", ["bassoon", "bass clarinet", "piano", "clean electric guitar", "custom synth", ""]),
    ],
)
def test_groups_of_instruments(stem, names) -> None:
    assert {name: group(name) for name in names} == dict.fromkeys(names, stem)


# MedleyVox


def segment(kind: str | None, *others: str, **more: object) -> dict[str, object]:
    """A segment of the voices a and ``others``; without a type where ``kind`` is None."""
    values = {"main_vocal": "a", "other_vocals": list(others), "start_sec": 43, "end_sec": 58.5} | more
    return values if kind is None else {"type": kind} | values


def medleyvox(root: UPath, segments: object, table: str = "S.json", audio: str = "audio/") -> None:
    put(root, table, json.dumps(segments))
    fill(root, *(f"{audio}S/S_RAW/{voice}.wav" for voice in "abc"))


@pytest.mark.parametrize("kind", ["unison", "duet"])
@pytest.mark.parametrize("audio", ["audio/", ""])
def test_medleyvox_singers_in_order_with_their_gains(root, kind, audio) -> None:
    medleyvox(root, {"seg_1": segment(kind, "c", "b", gain_adjustment={"a": -3, "b": 4.5})}, audio=audio)
    assert layout("medleyvox", root).names() == ["S - seg_1"]
    song = layout("medleyvox", root).files("S - seg_1")
    raw = root / f"{audio}S/S_RAW"
    assert song.name == "S - seg_1" and song.mixture == ()
    assert song.stems == {
        "singer1": (Part(raw / "a.wav", start_s=43.0, length_s=15.5, gain_db=-3.0),),
        "singer2": (Part(raw / "c.wav", start_s=43.0, length_s=15.5),),
        "singer3": (Part(raw / "b.wav", start_s=43.0, length_s=15.5, gain_db=4.5),),
    }


@pytest.mark.parametrize("kind", ["main_vs_rest", "rest"])
def test_medleyvox_the_rest_is_the_sum_of_the_other_voices(root, kind) -> None:
    medleyvox(root, {"seg_1": segment(kind, "b", "c")})
    found = layout("medleyvox", root).files("S - seg_1").stems
    assert {stem: [part.path.stem for part in parts] for stem, parts in found.items()} == {
        "main": ["a"],
        "rest": ["b", "c"],
    }


def test_medleyvox_the_folder_of_a_subset_is_the_type_of_its_segments_unless_they_say_theirs(root) -> None:
    medleyvox(root, {"x": segment(None, "b"), "y": segment("main_vs_rest", "b")}, "duet/S.json")
    songs = layout("medleyvox", root)
    assert set(songs.files("S - x").stems) == {"singer1", "singer2"}
    assert set(songs.files("S - y").stems) == {"main", "rest"}


def test_medleyvox_refuses_a_segment_that_is_there_twice(root) -> None:
    for table in ("duet/S.json", "unison/S.json"):
        medleyvox(root, {"x": segment("duet", "b")}, table)
    assert "unison/S.json: segment 'x' is also in" in refusal("medleyvox", root)
    assert "duet/S.json; expected once; remove one" in refusal("medleyvox", root)


@pytest.mark.parametrize("text", ["{", '{"seg_1": 3}', "[]"])
def test_medleyvox_refuses_what_is_no_table_of_segments(root, text) -> None:
    put(root, "S.json", text)
    message = refusal("medleyvox", root)
    assert message.startswith(f"{root}/S.json: ") and "expected JSON with an object for each segment; copy" in message


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (segment("choir", "b"), "type: Input should be 'unison', 'duet', 'main_vs_rest' or 'rest' (found 'choir')"),
        (segment("duet"), "other_vocals: List should have at least 1 item"),
        (segment("duet", "b", start_sec="soon"), "start_sec: Input should be a valid number"),
        (segment("duet", "b", gain_adjustment={"b": "loud"}), "gain_adjustment.b: Input should be a valid number"),
        ({"type": "duet"}, "main_vocal: Field required"),
        (segment("duet", "b", end_sec=43), "ends at 43 s; expected an end after its start at 43 s; correct the file"),
    ],
)
def test_medleyvox_says_what_is_wrong_with_a_segment(root, values, said) -> None:
    medleyvox(root, {"seg_1": values})
    message = refusal("medleyvox", root, "S - seg_1")
    assert message.startswith(f"{root}/S.json: segment 'seg_1': ") and said in message
    assert message.endswith("correct the file")


def test_medleyvox_refuses_a_voice_without_a_file(root) -> None:
    medleyvox(root, {"seg_1": segment("duet", "d")})
    message = refusal("medleyvox", root, "S - seg_1")
    assert message.startswith(f"{root}/audio/S/S_RAW: no file d.wav, nor in {root}/S/S_RAW; expected it in one of them")


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
