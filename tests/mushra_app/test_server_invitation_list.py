"""Lists of invitations, however a spreadsheet writes them: read as they were meant, or refused with the line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mushra_app.errors import AppError
from mushra_app.study import invitation_list
from mushra_app.study.invitations import Listed, Wanted

GROUPS = {"experts", "others"}
PEOPLE = [Wanted("Jürgen Müller", "experts"), Wanted("Zoë", "")]
TEXT = "Jürgen Müller;experts\r\nZoë;\r\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("latin-1"),
        TEXT.encode("cp1252"),
        TEXT.replace(";", ",").encode(),
        TEXT.replace(";", "\t").encode(),
        f"sep=;\r\n{TEXT}".encode(),
        f"sep=,\n{TEXT}".replace(";", ",").encode(),
        f"Label;Group\n{TEXT}".encode(),
        "group,label\nexperts,Jürgen Müller\n,Zoë".encode(),
        f"\r\n;;\r\n{TEXT};;;\r\n\r\n".replace("experts\r\n", "experts;;\r\n").encode(),
        '"Jürgen Müller";"experts"\n" Zoë ";""\n'.encode(),
        f"Name;GRUPPE\n{TEXT}".encode(),
        "Jürgen Müller,experts\nZoë,".encode(),
        "Hörer\tGruppe\nJürgen Müller\texperts\nZoë\n".encode(),
        "number,label,group,link,state\n7,Jürgen Müller,experts,https://x/,unused\n6,Zoë,,,revoked\n".encode(),
    ],
)
def test_a_list_is_read_as_it_was_meant(content: bytes) -> None:
    assert invitation_list.read(content, GROUPS) == PEOPLE


@pytest.mark.parametrize("known", [*invitation_list.LABELS, "Name", "TEILNEHMER"])
def test_a_first_line_may_call_the_label_by_any_of_its_names(known: str) -> None:
    assert invitation_list.read(f"{known}\nAnna".encode(), set()) == [Wanted("Anna")]
    for group in invitation_list.GROUPS:
        content = f"{group.title()};{known}\nexperts;Anna".encode()
        assert invitation_list.read(content, GROUPS) == [Wanted("Anna", "experts")]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Ada Lovelace\nBob,experts", [Wanted("Ada Lovelace"), Wanted("Bob", "experts")]),
        ("x,", [Wanted("x")]),
        ('"Lovelace, Ada"\nBob', [Wanted("Lovelace, Ada"), Wanted("Bob")]),
        ('"Lovelace, Ada",experts\nBob', [Wanted("Lovelace, Ada", "experts"), Wanted("Bob")]),
        ('"Lovelace, Ada"\nBob;experts', [Wanted("Lovelace, Ada"), Wanted("Bob", "experts")]),
        # as Excel writes it where columns stand apart by semicolons: a comma is in no quotes then
        ("Lovelace, Ada;experts\nByron, George;", [Wanted("Lovelace, Ada", "experts"), Wanted("Byron, George")]),
        ("Lovelace, Ada\texperts\nBob\t", [Wanted("Lovelace, Ada", "experts"), Wanted("Bob")]),
        ('name,group\nAda; the first,experts\n"a;b",\n', [Wanted("Ada; the first", "experts"), Wanted("a;b")]),
    ],
)
def test_the_separator_is_found_over_all_lines(text: str, people: list[Wanted]) -> None:
    assert invitation_list.read(text.encode(), GROUPS) == people


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Ada;experts\nGrace;expert\n", "Line 2: The group 'expert': expected one that the settings name"),
        (b"\n\nlabel,group\nAda,experts\n,experts\n", "Line 5: expected a label"),
        (b'Ada;experts\n"Grace;experts\n', "Line"),
        (("x" * 121 + ";").encode(), "Line 1: The label"),
        (b"Lovelace, Ada\nBob;experts", "Line 1: 'Lovelace, Ada': expected a label and a group with ';' between"),
        (b"Ada;experts\nBob,experts\nEve;", "Line 2: 'Bob,experts': expected a label and a group with ';' between"),
        (b"Lovelace, Ada\nBob", "expected one that the settings name (experts, others), or none. A label with a comma"),
        (b"Lovelace,Ada,experts", "Line 1: found 'experts' after the label and the group"),
        (b"Ada\nBob,,experts", "Line 2: found 'experts' after the label and the group"),
        (b"Name\nBob,experts", "Line 2: found 'experts' after the label and the group"),
        (b"Person;Gruppe\nAda;experts", "If these are the names of columns, call them name and group."),
        ("J\u0094rg".encode(), "can't be read as text"),
        ("Zo\ue000".encode(), "can't be read as text"),
        ("Jürgen".encode("cp437"), "can't be read as text"),
        (b"", "found 0 invitations; expected 1 to 500"),
        (b"label,group\n", "found 0 invitations"),
        (b"Ada\n" * 501, "found 501 invitations"),
        (TEXT.encode("utf-16-le"), "can't be read as text"),
        (b"PK\x03\x04\x14\x00\x06\x00", "can't be read as text"),
        (b"\xff\xfe\x00", "can't be read as text"),
        (b"a" * 100_001, "found 100001 bytes"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_taken(content: bytes, said: str) -> None:
    with pytest.raises(AppError) as caught:
        invitation_list.read(content, GROUPS)
    assert said in str(caught.value)


def test_at_most_ten_bad_lines_are_told() -> None:
    with pytest.raises(AppError) as caught:
        invitation_list.read(b"a;nosuch\n" * 30, GROUPS)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12 and lines[-2:] == ["… and 20 more lines", "Nothing was imported."]


def test_formulas_are_harmless_in_a_spreadsheet_and_come_in_again_as_they_were() -> None:
    labels = ["=HYPERLINK(1)", "+1", "-1", "@x", "＝1", "'quoted", "plain"]
    stream = io.StringIO()
    rows = ((Listed(n, label, "", "", "unused", ""), "https://x/") for n, label in enumerate(labels))
    invitation_list.write(stream, rows)
    written = [row["label"] for row in csv.DictReader(io.StringIO(stream.getvalue()))]
    assert not any(label.startswith(("=", "+", "-", "@", "＝")) for label in written)
    assert [one.label for one in invitation_list.read(stream.getvalue().encode("utf-8-sig"), set())] == labels


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_a_sentence(content: bytes) -> None:
    try:
        found = invitation_list.read(content, GROUPS)
    except AppError as error:
        assert str(error)
    else:
        assert all(one.label and one.label.isprintable() and one.group in {"", *GROUPS} for one in found)
