"""The minimum-magnitude ensemble: what it chooses in each cell, what its members answer for, what is refused."""

from __future__ import annotations

import sys
import tomllib
import tracemalloc

import numpy as np
import pytest
import torch
from outside import ENTRY, entry, made, separated, song
from pydantic import ValidationError

from stimuli import experiment
from stimuli.errors import ExperimentError, StimuliError
from stimuli.manifest import Provenance
from stimuli.render import facts_of, key_of
from stimuli.separators import Song, run, separator
from stimuli.separators.ensemble import Combined
from stimuli.separators.networks.architectures.spectral_unet import spectral_unet

MIDDLE = {"kind": "centre_cancellation", "name": "middle"}
SIDE = {"kind": "left_minus_right", "name": "side"}
BEATS = {"kind": "hpss_two_stage", "name": "beats"}
NET = {"window": 256, "hop": 128, "bins": 128, "block": 64}
BOTH = ("vocals", "accompaniment")


def ensemble(*members: dict, folder=None):
    return separator(entry("minimum_magnitude", members=list(members)), folder=folder)


def alone(member: dict, of: Song, target: str) -> np.ndarray:
    return separated(separator(ENTRY.validate_python(member)), of, target)


def spectra(sound: np.ndarray) -> np.ndarray:
    """By torch, beyond the ends of the sound too: the ensemble's own transform is numpy's."""
    padded = torch.nn.functional.pad(torch.from_numpy(sound.T.astype(np.float64)), (1024, 2048))
    window = torch.hann_window(2048, dtype=torch.float64)
    return torch.stft(padded, 2048, 1024, window=window, center=False, return_complex=True).numpy()


def sound_of(columns: np.ndarray, frames: int) -> np.ndarray:
    """Overlap and add, divided by the squared windows, column by column."""
    window = torch.hann_window(2048, dtype=torch.float64).numpy()
    total, weight = np.zeros((2, frames + 8192)), np.zeros(frames + 8192)
    for time in range(columns.shape[2]):
        place = slice(time * 1024, time * 1024 + 2048)
        total[:, place] += np.fft.irfft(columns[:, :, time]) * window
        weight[place] += window**2
    return (total[:, 1024 : 1024 + frames] / weight[1024 : 1024 + frames]).T


@pytest.mark.parametrize(("target", "choose"), [("accompaniment", np.minimum), ("vocals", np.maximum)])
def test_of_two_members_the_magnitude_is_chosen_and_the_phase_is_the_lasts(target, choose) -> None:
    of = song(0.5)
    found = separated(ensemble(MIDDLE, BEATS), of, target)
    first, last = (spectra(alone(member, of, target)) for member in (MIDDLE, BEATS))
    expected = sound_of(choose(np.abs(first), np.abs(last)) * np.exp(1j * np.angle(last)), len(of.mixture))
    assert np.abs(found - expected).max() < 1e-5 < np.abs(expected).max() / 1000
    turned = separated(ensemble(BEATS, MIDDLE), of, target)
    assert np.abs(turned - found).max() > 0.01, "phases are another member's"


@pytest.mark.parametrize("target", BOTH)
def test_one_member_comes_back_as_it_is(target) -> None:
    of = song(0.5)
    expected = alone(MIDDLE, of, target)
    assert np.abs(separated(ensemble(MIDDLE), of, target) - expected).max() < 1e-6 < np.abs(expected).max()


def test_magnitudes_of_planted_tones() -> None:
    """Where one estimate has a tone that the other lacks, the accompaniment loses it and the vocals keep it."""
    time = np.arange(22_050)[:, None] / 44_100
    low, high = (np.sin(2 * np.pi * hertz * time).astype(np.float32).repeat(2, 1) / 4 for hertz in (440, 4400))
    both, one = low + high, low
    for target, kept in (("accompaniment", one), ("vocals", both)):
        combined = Combined(target)
        combined.add(one)
        combined.add(both)
        middle = slice(4096, -4096)
        assert np.abs(np.abs(spectra(combined.sound()[middle])) - np.abs(spectra(kept[middle]))).max() < 4, target


def test_the_parts_do_not_add_up_and_the_record_says_what_they_are() -> None:
    of = song(0.5)
    system = ensemble(MIDDLE, BEATS)
    found, _ = run.run_all(system, "mine", of, BOTH)
    assert np.abs(sum(found.values()) - of.mixture).max() > 1e-3
    facts = facts_of(system.system, system, 1, 1)
    assert facts.parameters["accompaniment"] == "smallest magnitude of the members'"
    assert Provenance.model_validate_json(facts.model_dump_json()) == facts
    assert [one["kind"] for one in facts.parameters["members"]] == ["centre_cancellation", "hpss_two_stage"]
    assert set(facts.parameters["member_versions"]) == {"middle", "beats"} and facts.device == "cpu"


def test_why_a_member_is_silent_is_told_of_the_ensemble() -> None:
    of, system = song(0.5), ensemble(MIDDLE, SIDE)
    assert separated(system, of, "accompaniment").any() and "silent" not in system.provenance()["parameters"]
    mono = Song(of.name, of.rate_hz, of.mixture[:, :1].repeat(2, axis=1))
    assert not separated(system, mono, "accompaniment").any()
    told = facts_of(system.system, system, 1, 1).parameters["silent"]
    assert told == "its member 'side': both channels are the same, so that nothing is left"


def test_work_space_does_not_grow_with_the_song() -> None:
    beyond = []
    for seconds in (8, 24):
        sound, combined = song(seconds).mixture, Combined("vocals")
        combined.add(sound)
        combined.add(sound[::-1])
        tracemalloc.start()
        answer = combined.sound()
        beyond.append(tracemalloc.get_traced_memory()[1] - answer.nbytes)
        tracemalloc.stop()
    assert beyond[1] < 1.02 * beyond[0] and beyond[0] < 20e6


def network(folder, seed: int, name: str = "net.pt") -> dict:
    torch.manual_seed(seed)
    torch.save(spectral_unet(("vocals",), 2, **NET).state_dict(), folder / name)
    known = {"architecture": "unet", "sources": ["vocals"], "parameters": NET}
    return {"kind": "torch_checkpoint", "path": name} | known


def test_members_answer_for_their_files_packages_and_versions(tmp_path, monkeypatch) -> None:
    member = network(tmp_path, 1)
    system = ensemble(member, MIDDLE, folder=tmp_path)
    hashes = system.provenance()["weights_sha256"]
    assert list(hashes) == ["member-1/net.pt"] and system.missing() is None and system.gives(()) == BOTH

    def key(*members: dict) -> str:
        return key_of(ensemble(*members).system, "song", "vocals", "cpu", tmp_path)

    before = key(member, MIDDLE)
    (tmp_path / "moved.pt").write_bytes((tmp_path / "net.pt").read_bytes())
    assert before == key(member | {"path": "moved.pt", "name": "x"}, MIDDLE), "names and places change no sample"
    assert len({before, key(MIDDLE, member), key(member, BEATS), key(member)}) == 4
    monkeypatch.setattr("stimuli.separators.classical.panning.CentreCancellation.version", "99")
    assert key(member, MIDDLE) != before
    monkeypatch.undo()
    network(tmp_path, 2)
    assert key(member, MIDDLE) != before
    (tmp_path / "net.pt").unlink()
    assert (ensemble(MIDDLE, member, folder=tmp_path).missing() or "").startswith(
        f"its member 'member-2': its weights are missing: put them at {tmp_path}/net.pt"
    )


def test_members_run_on_the_device_and_beside_the_file_of_the_ensemble(tmp_path) -> None:
    system = separator(ensemble(network(tmp_path, 1)).system, "cuda", tmp_path)
    assert system.provenance()["device"] == "cuda"
    assert separator(ensemble(MIDDLE).system, "cuda", tmp_path).provenance()["device"] == "cpu"


def test_it_gives_what_all_its_members_give_and_looks_where_they_look(tmp_path) -> None:
    program = {"kind": "command", "argv": ["x", "{mixture}", "{output}"]}
    assert ensemble(MIDDLE, program | {"sources": ["drums", "accompaniment"]}).gives(()) == ("accompaniment",)
    assert not ensemble(MIDDLE).looks_at_stems
    oracle = ensemble(MIDDLE, {"kind": "oracle_ratio_mask"})
    assert oracle.looks_at_stems and oracle.gives(()) == () and set(oracle.gives(("vocals", "bass"))) == set(BOTH)
    with pytest.raises(StimuliError, match="it can give vocals or accompaniment, not 'bass'"):
        separated(ensemble(MIDDLE), song(0.1), "bass")
    of = song(0.2)
    stems = {"vocals": of.mixture / 4, "bass": of.mixture * 3 / 4}
    found = separated(oracle, Song(of.name, of.rate_hz, of.mixture, stems), "accompaniment")
    assert np.abs(found).max() > 0.01


def test_a_member_that_fails_is_named(tmp_path) -> None:
    program = {"kind": "command", "sources": ["vocals"], "argv": [sys.executable, "-c", "1/0", "{mixture}{output}"]}
    with pytest.raises(StimuliError, match=r"^system 'mine': its member 'broken': .* on 'Song A': .*ZeroDivisionError"):
        separated(ensemble(MIDDLE, program | {"name": "broken"}), song(0.1))


@pytest.mark.parametrize("asked", ["fingerprint", "provenance", "missing", "gives", "looks_at_stems", "separate"])
def test_whatever_is_asked_the_member_and_the_ensemble_are_named(asked) -> None:
    """The experiment file has no system of the member's name."""
    system = ensemble(MIDDLE, BEATS)

    def refused(*_: object) -> None:
        raise StimuliError("the file is not the one that is pinned")

    broken = {"version": "1", asked: property(refused) if asked == "looks_at_stems" else refused}
    system.members["beats"] = type("Broken", (type(system.members["beats"]),), broken)(system.system.members[1])
    of = song(0.1)
    arguments = {"gives": ((),), "separate": (of, ["vocals"])}.get(asked, ())
    with pytest.raises(StimuliError, match=r"^system 'mine': its member 'beats': the file is not the one"):
        getattr(system, asked)(*arguments)


@pytest.mark.parametrize("frames", [1, 10, 5000])
def test_any_length_mono_silence_and_twice_the_same(frames) -> None:
    for channels in (1, 2):
        of = song(frames / 44_100, channels=channels)
        found = separated(ensemble(MIDDLE, BEATS), of)
        assert found.shape == of.mixture.shape and np.isfinite(found).all()
        assert np.array_equal(found, separated(ensemble(MIDDLE, BEATS), of))
        assert not separated(ensemble(MIDDLE, BEATS), Song(of.name, of.rate_hz, 0 * of.mixture)).any()


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([], "at least 1 item"),
        ([MIDDLE, SIDE | {"name": "middle"}], "two members have one name; give each its own"),
        ([{"kind": "minimum_magnitude", "members": [MIDDLE]}], "'minimum_magnitude' found using 'kind' does not match"),
        ([{"kind": "files", "path": "{song}.wav"}], "'files' found using 'kind' does not match"),
        ([MIDDLE | {"depth": 3}], "Extra inputs are not permitted"),
        ("middle", "valid tuple"),
    ],
)
def test_members_that_can_not_be_are_refused(members, says) -> None:
    with pytest.raises(ValidationError, match=says):
        entry("minimum_magnitude", members=members)


def test_it_is_written_as_nested_tables(tmp_path) -> None:

    text = 'kind = "minimum_magnitude"\nname = "least"\n' + "".join(
        f'[[members]]\nkind = "{kind}"\n' for kind in ("left_minus_right", "repet")
    )
    system = ENTRY.validate_python(tomllib.loads(text))
    assert [(one.name, one.kind) for one in system.members] == [
        ("member-1", "left_minus_right"),
        ("member-2", "repet"),
    ]
    assert type(system).model_validate_json(system.model_dump_json()) == system
    assert made(tmp_path, "minimum_magnitude", members=system.members).gives(()) == BOTH


def test_a_mistake_in_a_member_says_where_it_is(write_experiment) -> None:
    members = '[{kind = "repet"}, {kind = "repet", odd = 1}, {kind = "minimum_magnitude"}]'
    text = f'[[systems]]\nname = "a"\nkind = "minimum_magnitude"\nmembers = {members}\n'
    with pytest.raises(ExperimentError) as caught:
        experiment.load(write_experiment(systems=text))
    first, second = str(caught.value).splitlines()
    assert "systems[0].members[1].odd: this key is not known" in first
    assert "systems[0].members[2].kind: found 'minimum_magnitude'; expected one of 'command'" in second
