"""What a song is made of, before a sample is read: which files, which channels, which stretch, how loud.

Every layout of a data set answers with this, so that reading, checking and cutting are written once. A stem is
the sum of its parts; a mixture without parts is the sum of the stems.

Conventions: times in seconds, gains in dB; paths may be local or any ``fsspec`` URL (``UPath``).
Defines: ``Part``, ``SongFiles``, ``Layout``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from upath import UPath


@dataclass(frozen=True)
class Part:
    """A stretch of one file, times a gain.

    Attributes
    ----------
    path : the file.
    channel : the one channel that is meant, from 0; all of them where None.
    stream : the audio stream of a container (STEMS), from 0.
    start_s, length_s : the stretch; to the end of the file where ``length_s`` is None.
    gain_db : what the samples are multiplied with.
    """

    path: UPath
    channel: int | None = None
    stream: int = 0
    start_s: float = 0.0
    length_s: float | None = None
    gain_db: float = 0.0


@dataclass(frozen=True)
class SongFiles:
    """One song: parts of each stem by its name, and of the mixture (none: the sum of the stems)."""

    name: str
    stems: dict[str, tuple[Part, ...]]
    mixture: tuple[Part, ...] = ()


class Layout(Protocol):
    """One way to arrange a data set on disk."""

    def names(self) -> list[str]:
        """Names of all songs, sorted."""
        ...

    def files(self, name: str) -> SongFiles:
        """What the song of that name is made of.

        Raises
        ------
        StimuliError
            Where there is no such song (the message names those that are there), or files of it are missing.
        """
        ...
