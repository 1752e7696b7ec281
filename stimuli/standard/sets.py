"""A built set as the rules see it: its clips beside the experiment that says what each of them should be.

Defines: ``BuiltSet``, ``faults``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from stimuli.experiment import Experiment, LowpassAnchor
from stimuli.manifest import Clip, Role
from stimuli.standard.rule import Finding, listed


@dataclass(frozen=True)
class BuiltSet:
    """What is judged after a build."""

    experiment: Experiment
    clips: tuple[Clip, ...]

    @property
    def measured(self) -> bool:
        """Whether every clip has its facts: sets of older releases have none."""
        return all(clip.facts for clip in self.clips)

    @cached_property
    def items(self) -> dict[str, list[Clip]]:
        """The clips of each item."""
        found: dict[str, list[Clip]] = {}
        for clip in self.clips:
            found.setdefault(clip.item, []).append(clip)
        return found

    @cached_property
    def references(self) -> dict[str, Clip]:
        """The open reference of each item."""
        return {clip.item: clip for clip in self.of("reference")}

    def against_reference(self, clip: Clip, read: Callable[[Clip], float]) -> float:
        """How much more of something a clip has than its reference; 0 without one, which is another rule's matter."""
        return round(read(clip) - read(self.references.get(clip.item, clip)), 6)

    @property
    def lowpass_anchors(self) -> list[Clip]:
        """The anchors that the standard itself describes."""
        names = {anchor.name for anchor in self.experiment.anchors if isinstance(anchor, LowpassAnchor)}
        return [clip for clip in self.of("anchor") if clip.condition in names]

    def of(self, *roles: Role) -> list[Clip]:
        """The clips of these roles."""
        return [clip for clip in self.clips if clip.role in roles]


def faults(what: str, clips: Iterable[Clip], fault: Callable[[Clip], str | None]) -> Finding | None:
    """Ask each clip for its fault and tell where there is one.

    Parameters
    ----------
    what : what is wrong, as the message begins.
    fault : a clip's own numbers where it is at fault ("" where there are none to tell), None where it is not.
    """
    found = [(clip, told) for clip in clips if (told := fault(clip)) is not None]
    places = [
        f"{clip.condition} in {clip.item} ({told})" if told else f"{clip.condition} in {clip.item}"
        for clip, told in found
    ]
    return Finding(f"{what}: {listed(places)}", tuple(clip.token for clip, _ in found)) if found else None
