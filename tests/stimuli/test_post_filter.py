"""Every mask system takes a Wiener filter, and what asks for none is what it was: its keys, its identity, its sound."""

from __future__ import annotations

import numpy as np
import pytest
from known_songs import RATE_HZ, system
from pydantic import TypeAdapter, ValidationError
from small_world import noise

from stimuli.experiment import AnySystem, FilteredSystem, identity
from stimuli.render import key_of
from stimuli.separators import Song, run, separator, wiener
from stimuli.separators.listing import kinds, required
from stimuli.separators.networks import spleeter
from stimuli.separators.wiener import generalised

BEFORE = {
    # Key of a render and identity of the entry, as they were before these systems had a filter (commit 6c78c9c).
    "repet": ("ac50508692504f84e2e735d9fe5731fc", "3803e2dbf456b728"),
    "repet_extended": ("454d4d6e8cea46e85e870b6d3b0f09a6", "7791fe02a6414856"),
    "repet_adaptive": ("45e1a79656cb162bc14fe2be9cd9a0b4", "db059984c31cce2a"),
    "repet_sim": ("30dad9942993d3f6e7a2249849d2ff1a", "35d14362d7561233"),
    "repet_sim_librosa": ("4b150105f0db6b48d22a392ea04f6850", "872852c748df9075"),
    "repet_sim_online": ("9e0c189b702a5e05b7a0617b3bf5f104", "f8bc5282b6f2a331"),
    "fourier_2d": ("b208a5162575d6d00ffb158b987bc12c", "4a83aa436b4e508b"),
    "hpss_two_stage": ("0d926aa0444a60afe140c57db478cffe", "048d01f11f8eef10"),
    "centre_cancellation": ("bc54f3de4a7ac29a1e7c48372e9829f8", "1b6f42907264bcaf"),
    "panning_mask": ("5dd9e90af868ea3eb7720df9257c348a", "3eca7ea2e029dd84"),
    "left_minus_right": ("608ea807d59c0037942f360040e46c6c", "a568e6cec6a49a6d"),
    "rpca": ("fdedda8915401f31b569a8b7e7c86750", "1e5ea9bdc269d78c"),
    "spleeter_2stems": ("53f30de7c50c237253e5941fa2d9a334", "cb64fab2066589a3"),
}
PANNED = (noise(1) * (1, 0.1) + noise(2) * (0.1, 1)).astype(np.float32)


def entry(kind: str, **keys: object) -> AnySystem:
    return TypeAdapter(AnySystem).validate_python({"name": "x", "kind": kind, **keys})


def filtered() -> list[str]:
    """Kinds with a filter that run without files."""
    return [kind for kind, model in kinds().items() if issubclass(model, FilteredSystem) and not required(model)]


def test_every_mask_system_has_a_filter() -> None:
    assert set(filtered()) == {*BEFORE, "rpca_f0"} - {"left_minus_right"}


@pytest.mark.parametrize("kind", BEFORE)
def test_what_was_rendered_before_there_was_a_filter_keeps_its_key(kind) -> None:
    old = entry(kind)
    assert (key_of(old, "song", "accompaniment"), identity(old.model_dump(mode="json"))[:16]) == BEFORE[kind]
    assert entry(kind, **old.model_dump(mode="json", exclude={"name", "kind"})) == old


@pytest.mark.parametrize("kind", filtered())
def test_each_filter_and_power_is_a_key_of_its_own(kind) -> None:
    asked = [{}, {"post_filter": "wiener"}, {"post_filter": "wiener", "wiener_power": 1.0}]
    asked += [] if kind == "repet_sim_online" else [{"post_filter": "em"}]
    keys = {key_of(entry(kind, **keys), "song", "accompaniment") for keys in asked}
    assert len(keys) == len(asked) and key_of(entry(kind, post_filter="none"), "song", "accompaniment") in keys


@pytest.mark.parametrize("kind", [*filtered(), "spleeter_2stems", "nmf", "ensemble"])
def test_the_filter_that_changed_has_another_key_than_it_had(kind, monkeypatch, tmp_path) -> None:
    (tmp_path / "voice.npy").touch()

    def key(post_filter: str) -> str:
        asked = {"kind": kind, "post_filter": post_filter} | ({"voice": "voice.npy"} if kind == "nmf" else {})
        if kind == "ensemble":
            asked = {"kind": "minimum_magnitude", "members": [{"kind": "repet", "post_filter": post_filter}]}
        return key_of(entry(**asked), "song", "vocals", "cpu", tmp_path)

    kept, changed = ["none", "wiener"], [] if kind == "repet_sim_online" else ["em"]
    now = {post_filter: key(post_filter) for post_filter in kept + changed}
    monkeypatch.setattr(wiener, "VERSIONS", {})
    assert [one for one in now if now[one] != key(one)] == changed


def test_hashes_of_weights_are_of_files_alone(tmp_path) -> None:
    (tmp_path / "voice.npy").touch()
    runs = separator(entry("nmf", voice="voice.npy", post_filter="em"), folder=tmp_path)
    assert set(runs.provenance()["weights_sha256"]) == {"voice"}
    assert set(runs.fingerprint()) == {"voice", "em"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [kind for kind in filtered() if kind not in ("rpca", "rpca_f0")])
def test_filters_change_the_sound_and_the_parts_stay_the_mixture(kind, monkeypatch) -> None:
    sides = {"vocals": (1, 0.3), "accompaniment": (0.3, 1)}  # instead of a net's estimates, which take seconds
    monkeypatch.setattr(
        spleeter, "_magnitudes", lambda stem, x, _: x * np.array(sides[stem], np.float32)[:, None, None]
    )
    song, outcomes = Song("test", RATE_HZ, PANNED), []
    asked = ["none", "wiener", *(["em"] if kind != "repet_sim_online" else [])]
    for post_filter in asked:
        runs = system(kind, post_filter=post_filter)
        parts, _ = run.run_all(runs, "x", song, ("vocals", "accompaniment"))
        again, _ = run.run(runs, "x", song, "accompaniment")
        assert np.array_equal(parts["accompaniment"], again) and np.isfinite(again).all()
        assert np.abs(parts["vocals"] + parts["accompaniment"] - PANNED).max() < 1e-4 * np.abs(PANNED).max()
        outcomes.append(again)
    for number, one in enumerate(outcomes):
        assert all(np.abs(one - other).max() > 1e-3 for other in outcomes[:number])
    for mixture in (np.zeros((9000, 2)), PANNED[:9000, :1], PANNED[:9000] * (1, 0), PANNED[:1]):
        odd = Song("x", RATE_HZ, mixture.astype(np.float32))
        sound, _ = run.run(system(kind, post_filter=asked[-1]), "x", odd, "vocals")
        assert sound.shape == mixture.shape and np.isfinite(sound).all()
        assert mixture.any() or not sound.any()


def test_the_filter_of_a_soft_mask_is_its_formula() -> None:
    runs = system("repet_sim", post_filter="wiener", wiener_power=3.0)
    spectra = runs.stft.forward(PANNED)  # type: ignore[attr-defined]
    mask = system("repet_sim").mask(spectra, RATE_HZ)  # type: ignore[attr-defined]
    expected = runs.stft.inverse(spectra * generalised(np.concatenate([mask, 1 - mask]), 3.0)[0], len(PANNED))  # type: ignore[attr-defined]
    found = runs.separate(Song("x", RATE_HZ, PANNED), ["vocals"])["vocals"]
    assert np.abs(found - expected).max() < 1e-5


def test_a_filter_that_looks_ahead_is_refused_where_nothing_may() -> None:
    with pytest.raises(ValidationError, match="looks seconds ahead, which this system never does; take wiener or none"):
        entry("repet_sim_online", post_filter="em")
    with pytest.raises(ValidationError, match="Extra inputs"):
        entry("left_minus_right", post_filter="wiener")
