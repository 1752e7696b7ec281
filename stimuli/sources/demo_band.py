"""A band for the demo's songs: drums, bass, chords and a singer, played from a score and a seed.

The accompaniment is wide, the singer stands slightly off the middle in a stereo room. The voice is a sum of
harmonics whose strengths follow moving formants, with vibrato, glides and breath.

Conventions: 44.1 kHz stereo, float32 (frames, channels); pitches are MIDI numbers (69 = 440 Hz); times in
seconds. Defines: ``Score``, ``synthesise``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, oaconvolve, sosfilt

from stimuli.separators import Sound, mixed
from stimuli.sources.song import SynthesisedSong

RATE_HZ = 44_100
LENGTH_S = 10.0
PEAK = 0.9

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
DORIAN = (0, 2, 3, 5, 7, 9, 10)


@dataclass(frozen=True)
class Score:
    """What makes one synthetic song that song."""

    name: str
    seed: int
    tempo_bpm: float
    root: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    """Degree of the scale on which each bar's chord stands."""
    kick: str
    snare: str
    hats: str
    voice_db: float
    """Level of the singer against all the rest together (RMS)."""


VOWELS = {
    "a": ((800, 1150, 2900, 3900), (1.0, 0.55, 0.12, 0.1)),
    "e": ((400, 1700, 2600, 3600), (1.0, 0.32, 0.24, 0.12)),
    "i": ((320, 2100, 2900, 3700), (1.0, 0.18, 0.14, 0.1)),
    "o": ((450, 800, 2830, 3800), (1.0, 0.5, 0.08, 0.06)),
    "u": ((325, 700, 2700, 3800), (1.0, 0.35, 0.05, 0.03)),
}
"""Formant frequencies in Hz and strengths, after published tables of sung vowels (alto)."""


@functools.cache
def synthesise(score: Score) -> SynthesisedSong:
    """Play a score: the stems, their sum, and one gain for all so that the sum peaks at 0.9."""
    rng = np.random.default_rng(score.seed)
    stems = {
        "drums": _drums(score, rng),
        "bass": _bass(score),
        "other": _chords(score, rng),
    }
    singer, rest = _singer(score, rng), mixed(stems.values())
    stems["vocals"] = singer * 10 ** (score.voice_db / 20) * np.sqrt(np.mean(rest**2) / np.mean(singer**2))
    gain = PEAK / np.abs(mixed(stems.values())).max()
    stems = {name: (stem * gain).astype(np.float32) for name, stem in stems.items()}
    return SynthesisedSong(score.name, RATE_HZ, stems)


# --- instruments -------------------------------------------------------------------------------------------


def _frames(seconds: float) -> int:
    return round(seconds * RATE_HZ)


def _silence() -> Sound:
    return np.zeros((_frames(LENGTH_S), 2))


def _hertz(pitch: float | np.ndarray) -> np.ndarray:
    return 440.0 * 2 ** ((np.asarray(pitch) - 69) / 12)


def _lay(track: Sound, note: np.ndarray, at_s: float, pan: float = 0.0) -> None:
    """Add a mono note to a stereo track; pan -1 (left) to 1 (right), equal power."""
    start = _frames(at_s)
    note = note[: max(len(track) - start, 0)]
    angle = (pan + 1) * np.pi / 4
    track[start : start + len(note)] += note[:, None] * (np.cos(angle), np.sin(angle))


def _decay(seconds: float, half_life_s: float) -> np.ndarray:
    time = np.arange(_frames(seconds)) / RATE_HZ
    return np.minimum(time / 0.002, 1) * 2 ** (-time / half_life_s)


def _band(noise: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    return np.asarray(sosfilt(butter(2, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos"), noise))


def _hits(score: Score, pattern: str, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Start in seconds and strength of every stroke; a hair early or late, as hands are."""
    step_s = 60 / score.tempo_bpm / 4
    steps = int(LENGTH_S / step_s) + 1
    return [
        (max(step * step_s + rng.normal(0, 0.003), 0), rng.uniform(0.75, 1))
        for step in range(steps)
        if pattern[step % len(pattern)] == "x"
    ]


def _drums(score: Score, rng: np.random.Generator) -> Sound:
    track, time = _silence(), np.arange(_frames(0.4)) / RATE_HZ
    kick = np.sin(2 * np.pi * (48 * time + 2.6 * (1 - np.exp(-time * 34)))) * _decay(0.4, 0.07)
    for at_s, strength in _hits(score, score.kick, rng):
        _lay(track, 0.85 * strength * kick, at_s)
    for at_s, strength in _hits(score, score.snare, rng):
        rattle = _band(rng.standard_normal(_frames(0.4)), 900, 8000) * _decay(0.4, 0.035)
        body = np.sin(2 * np.pi * 186 * time) * _decay(0.4, 0.03)
        _lay(track, strength * (0.55 * rattle + 0.3 * body), at_s, -0.12)
    for at_s, strength in _hits(score, score.hats, rng):
        hat = _band(rng.standard_normal(_frames(0.12)), 7000, 15000) * _decay(0.12, 0.012)
        _lay(track, 0.35 * strength * hat, at_s, 0.45)
    return _in_room(track, rng, seconds=0.35, wet=0.12)


def _saw(frequency_hz: float, seconds: float, harmonics: int, phase: float = 0.0) -> np.ndarray:
    """A band-limited saw; fewer harmonics sound darker."""
    time = np.arange(_frames(seconds)) / RATE_HZ
    count = min(harmonics, int(RATE_HZ / 2.2 / frequency_hz))
    turns = 2 * np.pi * frequency_hz * time + phase
    return sum(np.sin(number * turns) / number for number in range(1, count + 1)) * np.ones_like(time)


def _degree(score: Score, degree: int) -> int:
    """Pitch of a degree of the scale, counted over octaves."""
    octave, step = divmod(degree, len(score.scale))
    return score.root + 12 * octave + score.scale[step]


def _bars(score: Score) -> list[tuple[float, float, int]]:
    """Start, length in seconds and chord degree of every bar."""
    bar_s = 4 * 60 / score.tempo_bpm
    return [
        (bar * bar_s, bar_s, score.chords[bar % len(score.chords)]) for bar in range(int(np.ceil(LENGTH_S / bar_s)))
    ]


def _bass(score: Score) -> Sound:
    track = _silence()
    for start_s, bar_s, chord in _bars(score):
        for eighth, interval in enumerate((0, 0, 7, 0, 0, 12, 7, 0)):
            pitch = _degree(score, chord) - 12 + interval
            note = _saw(float(_hertz(pitch)), bar_s / 8, 7) * _decay(bar_s / 8, 0.16)
            _lay(track, 0.28 * note, start_s + eighth * bar_s / 8)
    return track


def _chords(score: Score, rng: np.random.Generator) -> Sound:
    """Pads whose detuned halves stand left and right, and a plucked figure that wanders between them."""
    track = _silence()
    for start_s, bar_s, chord in _bars(score):
        pitches = [_degree(score, chord + third) + 12 for third in (0, 2, 4, 6)]
        swell = np.sin(np.pi * np.linspace(0, 1, _frames(bar_s))) ** 0.6
        for pitch in pitches:
            for pan, cents in ((-0.9, -6), (0.9, 6)):
                tone = _saw(float(_hertz(pitch + cents / 100)), bar_s, 9, rng.uniform(0, 2 * np.pi))
                _lay(track, 0.075 * tone[: len(swell)] * swell, start_s, pan)
        for sixteenth in range(16):
            pitch = pitches[int(rng.integers(4))] + 12
            pluck = _saw(float(_hertz(pitch)), 0.5, 5) * _decay(0.5, 0.06)
            _lay(track, 0.12 * pluck, start_s + sixteenth * bar_s / 16, 0.75 * (-1) ** sixteenth)
    return _in_room(track, rng, seconds=1.1, wet=0.35)


def _in_room(dry: Sound, rng: np.random.Generator, *, seconds: float, wet: float) -> Sound:
    """Add a room whose two ears hear different reflections."""
    time = np.arange(_frames(seconds)) / RATE_HZ
    tail = rng.standard_normal((len(time), 2)) * 10 ** (-3 * time / seconds)[:, None]
    tail[: _frames(0.012)] = 0
    tail /= np.sqrt((tail**2).sum(axis=0))
    return dry + wet * oaconvolve(dry.mean(axis=1, keepdims=True) * np.ones((1, 2)), tail, axes=0)[: len(dry)]


# --- the singer --------------------------------------------------------------------------------------------


def _melody(score: Score, rng: np.random.Generator) -> list[tuple[float, float, int, str]]:
    """Start, length in seconds, pitch and vowel of every note: phrases of two bars with a breath between."""
    notes, degree = [], 7
    for index, (start_s, bar_s, chord) in enumerate(_bars(score)):
        beats = [(0.5, 0.5, 1, 1, 0.5, 0.5), (1, 0.5, 0.5, 1.2)][index % 2]
        at_s = start_s + (bar_s / 16 if index % 2 == 0 else 0)
        for place, beat in enumerate(beats):
            wish = (
                chord + 7 + int(rng.choice((0, 2, 4))) if place == 0 else degree + int(rng.choice((-1, 1, 1, -2, 2, 0)))
            )
            degree = int(np.clip(wish, 4, 13))
            length_s = beat * bar_s / 4
            notes.append((at_s, length_s, _degree(score, degree), str(rng.choice(list(VOWELS)))))
            at_s += length_s
    return [note for note in notes if note[0] + note[1] < LENGTH_S - 0.1]


def _singer(score: Score, rng: np.random.Generator) -> Sound:
    notes = _melody(score, rng)
    time = np.arange(_frames(LENGTH_S)) / RATE_HZ
    pitch, loud = np.full(len(time), float(notes[0][2])), np.zeros(len(time))
    formants = np.zeros((len(time), 4))
    strengths = np.zeros((len(time), 4))
    for start_s, length_s, note, vowel in notes:
        span = slice(_frames(start_s), _frames(start_s + length_s))
        pitch[span.start :], (formants[span.start :], strengths[span.start :]) = note, VOWELS[vowel]
        local = np.arange(span.stop - span.start) / RATE_HZ
        loud[span] = np.minimum(local / 0.04, 1) * np.minimum((length_s - local) / 0.05, 1) * rng.uniform(0.75, 1)
    # Glides: pitch moves within 60 ms, vowels within 80 ms, the vibrato comes in as a note is held.
    pitch, loud = _smooth(pitch, 0.06), _smooth(loud, 0.02)
    held = np.clip(_smooth(np.append(0.0, np.abs(np.diff(pitch)) < 1e-4), 0.3), 0, 1)
    pitch = pitch + 0.35 * held * np.sin(2 * np.pi * (5.4 * time + 0.02 * _smooth(rng.standard_normal(len(time)), 0.2)))
    formants, strengths = _smooth(formants, 0.08), _smooth(strengths, 0.08)
    voice = _harmonics(_hertz(pitch), formants, strengths) * loud
    breath = _band(rng.standard_normal(len(time)), 2500, 9000) * (0.004 + 0.03 * np.exp(-(loud**2) / 0.02) * (loud > 0))
    track = _silence()
    _lay(track, 0.5 * voice / np.abs(voice).max() + breath * np.minimum(4 * loud, 1), 0.0, 0.14)
    return _in_room(track, rng, seconds=1.4, wet=0.3)


def _smooth(curve: np.ndarray, seconds: float) -> np.ndarray:
    window = np.hanning(_frames(seconds) + 2)
    window /= window.sum()
    half = len(window) // 2
    padded = np.pad(curve, ((half, half), (0, 0))[: curve.ndim], mode="edge")
    return oaconvolve(padded, window if curve.ndim == 1 else window[:, None], mode="valid", axes=0)[: len(curve)]


def _harmonics(frequency_hz: np.ndarray, formants: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """A glottal tone through moving formants: each harmonic as strong as the vocal tract lets it be there."""
    turns = 2 * np.pi * np.cumsum(frequency_hz) / RATE_HZ
    voice, every = np.zeros(len(frequency_hz)), np.arange(len(frequency_hz))
    # The tract moves slowly: its strength is worked out once in a while and drawn through.
    slow = slice(None, None, 64)
    formants, strengths = formants[slow], strengths[slow]
    widths = 60 + 0.05 * formants
    for number in range(1, int(9000 / frequency_hz.min()) + 1):
        here = number * frequency_hz[slow]
        tract = (strengths / (1 + ((here[:, None] - formants) / widths) ** 2)).sum(axis=1)
        strength = number**-0.7 * (tract + 0.01) * np.clip((9000 - here) / 1500, 0, 1)
        voice += np.interp(every, every[slow], strength) * np.sin(number * turns)
    return voice
