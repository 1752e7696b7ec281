"""The layouts of MedleyDB and MedleyVox: instruments and voices by metadata, by file names, by tables of segments."""

from __future__ import annotations

import json

import pytest
from layout_world import fill, parts, put, refusal, stems
from upath import UPath

from stimuli.sources.layouts import layout
from stimuli.sources.medley import group, instruments
from stimuli.sources.parts import Part

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
