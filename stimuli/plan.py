"""Everything that is decided and checked before the first sound is made.

Songs, estimates and excerpts are held against each other, and systems that aren't installed here are left out with the
reason. Excerpts found by a rule get their starts; those that wait for the systems' outputs get them after the
renders.

Conventions: times in seconds. Defines: ``Plan``, ``plan``.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stimuli import audio
from stimuli.clips import ItemJob, scene_of
from stimuli.conditions import OPEN_MIXTURE, Condition
from stimuli.errors import StimuliError
from stimuli.experiment import REFERENCE, AnySystem, Experiment, FilesSystem, Item, MixtureAnchor
from stimuli.manifest import ItemRecord, LeftOut
from stimuli.render import Render, as_heard, key_of, song_identity
from stimuli.separators import check_form, run, separator, uninstalled
from stimuli.sources import estimates, excerpts
from stimuli.sources.song import Song, read_target, target_stems
from stimuli.sources.songs import source

Echo = Callable[[str], object]


@dataclass(frozen=True)
class Plan:
    """An experiment whose inputs were looked at: what to render, and what to cut.

    ``elsewhere``: systems run on other machines, and whether ``device`` is there is for those to say.
    """

    experiment: Experiment
    folder: Path
    out: Path
    systems: tuple[AnySystem, ...]
    left_out: tuple[LeftOut, ...]
    device: str = "cpu"
    elsewhere: bool = False

    @functools.cached_property
    def renders(self) -> dict[tuple[str, str, str], Render]:
        """Renders by song, target and system: systems that run here, on whole songs."""
        wanted = dict.fromkeys((item.song, self.target_of(item)) for item in self.experiment.items)
        return {
            (song, target, system.name): self._render(song, target, system)
            for song, target in wanted
            for system in self.systems
            if not isinstance(system, FilesSystem)
        }

    def without(self, failed: Mapping[str, str], echo: Echo) -> Plan:
        """The same without the systems that failed; ``failed`` says why, by name, and ``echo`` is told.

        Raises
        ------
        StimuliError
            Where no system is left.
        """
        gone = tuple(LeftOut(system=name, reason=reason) for name, reason in failed.items())
        for entry in gone:
            echo(f"left out: {entry.system}: {entry.reason}")
        systems = tuple(system for system in self.systems if system.name not in failed)
        if failed and not systems:
            raise StimuliError("every system failed or can't run here: there is nothing to compare")
        return dataclasses.replace(self, systems=systems, left_out=(*self.left_out, *gone))

    def troubles(self) -> Iterator[tuple[str, StimuliError]]:
        """Systems that can't do what is asked of them, by name, as far as it shows before they run."""
        for system in self.systems:
            for song, target in dict.fromkeys((item.song, self.target_of(item)) for item in self.experiment.items):
                try:
                    self._check_system(system, self.song(song), target)
                except StimuliError as error:
                    yield system.name, error

    def _check_system(self, system: AnySystem, song: Song, target: str) -> None:
        if isinstance(system, FilesSystem):
            estimates.check(system, self.folder, song, target, self.experiment.songs.resample_hz)
            return
        runs = separator(system, "cpu" if self.elsewhere else self.device, self.folder)
        who = f"system {system.name!r} on {song.name!r}"
        if reason := runs.missing():  # files and devices: what isn't installed was looked for before
            raise StimuliError(f"{who}: {reason}")
        check_form(runs, song.form.rate_hz, song.form.channels, who)
        run.check_targets(runs, who, song.stems, [target])
        key_of(system, "", target, self.device, self.folder)  # refuses files that are not the ones that are pinned

    @property
    def asks_for_device(self) -> bool:
        """Whether a system would run on ``device``, if it is not the processor."""
        run_here = (system for system in self.systems if not isinstance(system, FilesSystem))
        return any(getattr(separator(one, self.device), "device", "cpu") != "cpu" for one in run_here)

    def target_of(self, item: Item) -> str:
        """What the systems are asked for on this item."""
        return self.experiment.target_of(item)

    def items(self) -> Iterator[ItemJob]:
        """The items, every excerpt with its start."""
        for item in self.experiment.items:
            for key, start_s in zip(item.keys, self._starts(item), strict=True):
                yield self._item(item, key, start_s)

    def known_items(self) -> Iterator[ItemJob]:
        """Those items whose start is known before anything is rendered."""
        for item in self.experiment.items:
            if item.excerpt.rule != "disagreement":
                for key, start_s in zip(item.keys, self._starts(item), strict=True):
                    yield self._item(item, key, start_s)

    def song(self, name: str) -> Song:
        """One of the songs."""
        return self._opened(name)

    @functools.cached_property
    def _opened(self) -> Callable[[str], Song]:
        return functools.cache(source(self.experiment.songs, self.folder).open)

    def _render(self, song: str, target: str, system: AnySystem) -> Render:
        runs, form = separator(system, self.device, self.folder), self.song(song).form
        length_s = form.frames / form.rate_hz
        heard = as_heard(self._song_id(song, runs.looks_at_stems), runs, length_s)
        key = key_of(system, heard, target, self.device, self.folder)
        return Render(
            self.experiment.songs,
            self.folder,
            self.out / "renders",
            song,
            target,
            system,
            key,
            length_s,
            self.device,
        )

    @functools.cached_property
    def _song_id(self) -> Callable[[str, bool], str]:
        return functools.cache(lambda name, stems: song_identity(self.song(name), stems=stems))

    def _starts(self, item: Item) -> list[float]:
        if item.excerpt.start_s is not None:
            return [item.excerpt.start_s]
        form = self.song(item.song).form
        try:
            return excerpts.starts(item.excerpt, self._curve(item), form.frames / form.rate_hz)
        except StimuliError as error:
            raise StimuliError(f"item {item.key!r}: {error}") from None

    def _curve(self, item: Item) -> excerpts.Curve:
        assert item.excerpt.rule
        song, target = self.song(item.song), self.target_of(item)
        if item.excerpt.rule != "disagreement":
            return excerpts.curve(item.excerpt.rule, song)
        outputs = (self._whole_output(song, target, system) for system in self.systems)
        return excerpts.disagreement(outputs, read_target(song, target), song.form.rate_hz)

    def _whole_output(self, song: Song, target: str, system: AnySystem) -> excerpts.Sound:
        if isinstance(system, FilesSystem):
            return estimates.read(system, self.folder, song, target, 0, song.form.frames)
        return audio.read(self.renders[song.name, target, system.name].path)[0]

    def _item(self, item: Item, key: str, start_s: float) -> ItemJob:
        record = ItemRecord(
            name=key,
            song=item.song,
            start_s=start_s,
            length_s=item.excerpt.length_s,
            target=self.target_of(item),
            dataset=item.dataset,
            use=item.use,
        )
        found = self.experiment
        return ItemJob(found.songs, self.folder, self.out, record, tuple(self._conditions(item)), found.loudness)

    def _conditions(self, item: Item) -> Iterator[Condition]:
        """The target first, then anchors and systems; the mixture too where it is an open reference."""
        yield Condition(REFERENCE)
        yield from (Condition(anchor.name, anchor) for anchor in self.experiment.anchors)
        for system in self.systems:
            render = self.renders.get((item.song, self.target_of(item), system.name))
            yield Condition(system.name, system, render)
        if "mixture" in self.experiment.test.references:
            yield Condition(OPEN_MIXTURE, MixtureAnchor(kind="mixture"))


def plan(
    found: Experiment,
    folder: Path,
    out: Path,
    echo: Echo,
    device: str = "cpu",
    *,
    elsewhere: bool = False,
    keep_going: bool = False,
) -> Plan:
    """Look at every song and estimate; leave out systems that aren't installed here, and say so.

    With ``elsewhere``, nobody asks here whether ``device`` is there. With ``keep_going``, systems whose own files are
    missing or don't fit are left out too.

    Raises
    ------
    StimuliError
        Where an input is missing or does not fit, with the place and how to mend it.
    """
    left_out = []
    for system in found.systems:
        reason = None if isinstance(system, FilesSystem) else uninstalled(separator(system, device, folder))
        if reason:
            left_out.append(LeftOut(system=system.name, reason=reason))
            echo(f"left out: {system.name}: {reason}")
    gone = {entry.system for entry in left_out}
    systems = tuple(system for system in found.systems if system.name not in gone)
    made = Plan(found, folder, out, systems, tuple(left_out), device, elsewhere)
    for item in found.items:
        target_stems(made.song(item.song), made.target_of(item))
    failed: dict[str, str] = {}
    for name, error in made.troubles():
        if not keep_going:
            raise error
        failed.setdefault(name, str(error))
    if failed:
        made = made.without(failed, echo)
    for job in made.known_items():
        scene_of(job).check_length()
    return made
