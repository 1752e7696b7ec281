"""Examples: which parts of which songs sound together, how loud, at what level.

Every draw follows from the seed, the step and the example's number in it, and from nothing that came before: a run that
goes on in the middle, or is spread over processes, hears what an undivided one would.

Conventions: sound is float32 (channels, frames); an example is its mixture and its sources (sources, channels, frames).
Defines: ``Songs`` and ``Voices``, two kinds of ``Mixer``; ``mixer``, ``CASES``.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stimuli.errors import StimuliError
from stimuli.loudness import integrated_lufs, to_level
from stimuli.training import material
from stimuli.training.config import Training
from stimuli.training.material import Part, Piece

Example = tuple[np.ndarray, np.ndarray]
TRAIN, VALID = 0, 1
"""What the draws are for, so that no example of one is one of the other."""
CASES = {
    "sing + sing": 0.15,
    "sing + speech": 0.15,
    "same song": 0.20,
    "same singer": 0.20,
    "same speaker": 0.15,
    "speech + speech": 0.15,
}
"""How often two voices meet in which way (Jeon et al. 2023, MedleyVox). Those that the material can't give leave their
share to the others. Unison (a voice with itself, its pitch and formants shifted) is left out: nothing here shifts them.
"""
LOUDER_DB = 6.0
"""Standard deviation of the second voice's loudness about the first one's."""


class Mixer(abc.ABC):
    """Draws examples."""

    def __init__(self, config: Training, train: Sequence[Piece], valid: Sequence[Piece]) -> None:
        self.config, self.train, self.valid = config, train, valid

    @abc.abstractmethod
    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Parts (parts, channels, frames): the sources, and then the rest where there is one."""

    @abc.abstractmethod
    def validation(self) -> list[Example]:
        """The examples that every validation hears."""

    def told(self) -> dict[str, object]:
        """What the record says of the material."""
        return {"train": [piece.told() for piece in self.train], "valid": [piece.told() for piece in self.valid]}

    def batch(self, step: int, first: int, count: int) -> Example:
        """Examples ``first`` to ``first + count`` of a step: mixtures and sources, each with the batch in front."""
        examples = [self._example(self.drawn(self._rng(TRAIN, step, first + index))) for index in range(count)]
        mixtures, sources = zip(*examples, strict=True)
        return np.stack(mixtures), np.stack(sources)

    def _rng(self, purpose: int, step: int, index: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, purpose, step, index])

    def _example(self, parts: np.ndarray) -> Example:
        """All at the level of training by one gain; a silent mixture stays so."""
        mixture, gain_db = to_level(parts.sum(axis=0).T, self.config.rate_hz, self.config.mixing.lufs)
        gain = np.float32(10 ** (gain_db / 20))
        return np.ascontiguousarray(mixture.T), parts[: len(self.config.sources)] * gain

    def _place(self, frames: int, rng: np.random.Generator) -> int:
        return int(rng.integers(max(0, frames - self.config.frames) + 1))

    def _weighted(self, frames: Sequence[int], rng: np.random.Generator) -> int:
        """An index: each counts as often as segments fit into it."""
        counts = np.ceil(np.array(frames) / self.config.frames)
        return int(rng.choice(len(counts), p=counts / counts.sum()))


class Songs(Mixer):
    """Sources of songs: together as they are, or each from a song of its own."""

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """See ``Mixer``."""
        names = [*self.config.sources, material.REST]
        if self.config.mixing.strategy == "song":
            piece = self.train[self._weighted([one.frames for one in self.train], rng)]
            start = self._place(piece.frames, rng)
            chosen = [(piece.parts[name], start) for name in names if name in piece.parts]
        else:
            chosen = [(part, self._place(part.frames, rng)) for name in names if (part := self._any(name, rng))]
        return np.stack([self._varied(part.read(start, self.config.frames), rng) for part, start in chosen])

    def validation(self) -> list[Example]:
        """Segments that follow one another in the songs as they are, thinned evenly."""
        length, most = self.config.frames, self.config.data.valid_segments
        places = [
            (piece, start) for piece in self.valid for start in range(0, max(1, piece.frames - length + 1), length)
        ]
        kept = np.unique(np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int))
        names = [*self.config.sources, material.REST]
        return [
            self._example(np.stack([piece.parts[name].read(start, length) for name in names if name in piece.parts]))
            for piece, start in (places[index] for index in kept)
        ]

    def _any(self, name: str, rng: np.random.Generator) -> Part | None:
        """A part of that name that sounds, of any song; None where there is none (which only the rest may be)."""
        parts = [piece.parts[name] for piece in self.train if name in piece.parts]
        heard = [part for part in parts if np.isfinite(part.level_db)]
        return heard[self._weighted([part.frames for part in heard], rng)] if heard else None

    def _varied(self, sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Louder or softer, left and right swapped. All draws are made, so that none depends on another's chance."""
        mixing = self.config.mixing
        gain_db, swapped = rng.uniform(-mixing.gain_db, mixing.gain_db), rng.random() < mixing.swap_channels
        return (sound[::-1] if swapped else sound) * np.float32(10 ** (gain_db / 20))


class Voices(Mixer):
    """Two voices at a time: singers, and speakers where there are any."""

    def __init__(
        self, config: Training, train: Sequence[Piece], valid: Sequence[Piece], speech: Sequence[Piece] = ()
    ) -> None:
        super().__init__(config, train, valid)
        self.speech = speech

    def told(self) -> dict[str, object]:
        """What the record says of the material, and how often which case is drawn of it."""
        shares = {name: round(share, 4) for name, share in self.shares(self.train).items()}
        return super().told() | {"speech": [piece.told() for piece in self.speech], "cases": shares}

    def shares(self, sung: Sequence[Piece]) -> dict[str, float]:
        """How often each case is drawn out of what is there."""
        there = {
            "sing + sing": len(_named(sung)) > 1,
            "sing + speech": bool(self.speech),
            "same song": any(len(piece.parts) > 1 for piece in sung),
            "same singer": _repeated(sung),
            "same speaker": _repeated(self.speech),
            "speech + speech": len(_named(self.speech)) > 1,
        }
        total = sum(CASES[name] for name, possible in there.items() if possible)
        return {name: CASES[name] / total for name, possible in there.items() if possible}

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """See ``Mixer``."""
        return self._duet(self.train, rng)

    def validation(self) -> list[Example]:
        """Duets out of the songs of validation, always the same."""
        count = self.config.data.valid_segments
        return [self._example(self._duet(self.valid, self._rng(VALID, 0, index))) for index in range(count)]

    def _duet(self, sung: Sequence[Piece], rng: np.random.Generator) -> np.ndarray:
        chosen = self._pair(self._case(sung, rng), sung, rng)
        first, second = (part.read(start, self.config.frames) for part, start in chosen)
        return np.stack([first, self._beside(first, second, rng)])

    def _case(self, sung: Sequence[Piece], rng: np.random.Generator) -> str:
        shares = self.shares(sung)
        return str(rng.choice(list(shares), p=list(shares.values())))

    def _pair(self, case: str, sung: Sequence[Piece], rng: np.random.Generator) -> list[tuple[Part, int]]:
        """Two parts and where they begin."""
        if case == "same song":
            duets = [piece for piece in sung if len(piece.parts) > 1]
            piece = duets[self._weighted([one.frames for one in duets], rng)]
            start = self._place(piece.frames, rng)
            both = rng.permutation(sorted(piece.parts))[:2]
            return [(piece.parts[name], start) for name in both]
        if case in ("same singer", "same speaker"):
            named = _named(sung if case == "same singer" else self.speech)
            often = sorted(name for name, parts in named.items() if len(parts) > 1)
            parts = named[often[int(rng.integers(len(often)))]]
            pair = [parts[int(index)] for index in rng.permutation(len(parts))[:2]]
        else:
            pair = self._strangers(case, sung, rng)
        return [(part, self._place(part.frames, rng)) for part in pair]

    def _strangers(self, case: str, sung: Sequence[Piece], rng: np.random.Generator) -> list[Part]:
        """Two different voices."""
        if case == "sing + speech":
            pools = [_named(sung), _named(self.speech)]
        else:
            pool = _named(sung if case == "sing + sing" else self.speech)
            one, other = rng.permutation(sorted(pool))[:2]
            pools = [{one: pool[one]}, {other: pool[other]}]
        flat = [[part for parts in pool.values() for part in parts] for pool in pools]
        return [parts[self._weighted([part.frames for part in parts], rng)] for parts in flat]

    def _beside(self, first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The second voice at a drawn loudness; as it is where one of them is silent."""
        loud = [integrated_lufs(sound.T, self.config.rate_hz) for sound in (first, second)]
        more_db = rng.normal(0, LOUDER_DB)
        gain_db = loud[0] + more_db - loud[1] if np.isfinite(loud).all() else 0.0
        return second * np.float32(10 ** (gain_db / 20))


def mixer(config: Training, folder: Path) -> Mixer:
    """The mixer of a configuration, its songs opened and looked at; ``folder`` is where the file lies.

    Raises
    ------
    StimuliError
        Where the material can't be used, see ``material.pieces``, gives no pair of voices, or is partly validated with.
    """
    made = _songs(config, folder) if config.mixing.strategy != "medleyvox" else _voices(config, folder)
    for song, again, part in material.shared(made.train, made.valid):
        raise StimuliError(
            f"{config.data.valid}: {again!r} has the same {part!r} as {song!r} in {config.data.train}; "
            "weights are chosen by what was not learnt from: take it out of one of them"
        )
    return made


def _songs(config: Training, folder: Path) -> Songs:
    train = material.pieces(config, config.data.train, folder, whole=False)
    return Songs(config, train, material.pieces(config, config.data.valid, folder))


def _voices(config: Training, folder: Path) -> Voices:
    train, valid = (material.voices(config, root, folder) for root in (config.data.train, config.data.valid))
    made = Voices(
        config, train, valid, material.voices(config, config.data.speech, folder) if config.data.speech else ()
    )
    for root, sung in ((config.data.train, train), (config.data.valid, valid)):
        if not made.shares(sung):
            raise StimuliError(f"{root}: one voice in one song makes no duet; add songs, singers, or data.speech")
    return made


def _named(found: Sequence[Piece]) -> Mapping[str, list[Part]]:
    """All parts of a voice, by its name."""
    named: dict[str, list[Part]] = {}
    for piece in found:
        for name, part in piece.parts.items():
            named.setdefault(name, []).append(part)
    return named


def _repeated(found: Sequence[Piece]) -> bool:
    return any(len(parts) > 1 for parts in _named(found).values())
