"""What the analysis has to know of a study: its conditions with their roles, its attributes and its plan.

It comes out of a stimulus set's manifest, or out of a file that says how somebody else's ratings are to be read
(``analysis.reading.mapping``); from here on both are the same.

Conventions: ratings from 0 to 100, whatever the scale of the file was. Defines: ``Study``, ``Asked``, ``of_manifest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stimuli.experiment import REFERENCE, AnalysisPlan, Contrast, Experiment, LowpassAnchor
from stimuli.manifest import Manifest

LOW_ANCHOR_HZ, MID_ANCHOR_HZ = 3500, 7000


@dataclass(frozen=True)
class Asked:
    """One attribute: its name, the question, the five bands (worst first), and whether a mid anchor must sound bad."""

    name: str
    question: str
    labels: tuple[str, ...] = ("Bad", "Poor", "Fair", "Good", "Excellent")
    mid_anchor_rule: bool = True


@dataclass(frozen=True)
class Study:
    """A study to be analysed. ``roles``: condition to hidden_reference, anchor or system, in the order of the file.

    ``reference`` and ``mid_anchor`` name the conditions that the standard's screening looks at, ``low_anchor`` the one
    that is worse; None where there is none. ``systems_on_page``: how many systems a page held by design; ``sessions``:
    in how many sittings each listener was to hear everything.
    """

    name: str
    title: str
    study_id: str
    stimuli_id: str
    attributes: tuple[Asked, ...]
    primary: str
    roles: Mapping[str, str]
    reference: str | None
    mid_anchor: str | None
    plan: AnalysisPlan
    contrasts: tuple[Contrast, ...]
    systems_on_page: int
    low_anchor: str | None = None
    sessions: int = 1

    @property
    def systems(self) -> tuple[str, ...]:
        """The conditions that compete."""
        return tuple(condition for condition, role in self.roles.items() if role == "system")

    def mid_anchor_of(self, attribute: str) -> str | None:
        """The condition that the mid-anchor rule looks at for an attribute; None where it must not be applied."""
        asked = next(one for one in self.attributes if one.name == attribute)
        return self.mid_anchor if asked.mid_anchor_rule else None


def of_manifest(manifest: Manifest) -> Study:
    """The study of a stimulus set."""
    experiment = manifest.experiment
    roles = {clip.condition: clip.role for clip in manifest.clips if clip.role not in ("reference", "mixture")}
    return Study(
        name=experiment.experiment.name,
        title=experiment.experiment.title,
        study_id=manifest.study_id,
        stimuli_id=manifest.stimuli_id,
        attributes=tuple(Asked(a.name, a.question, a.labels, a.mid_anchor_rule) for a in experiment.attributes),
        primary=experiment.primary_attribute,
        roles={name: roles[name] for name in experiment.conditions if name in roles},
        reference=REFERENCE,
        mid_anchor=_anchor(experiment, MID_ANCHOR_HZ),
        low_anchor=_anchor(experiment, LOW_ANCHOR_HZ),
        sessions=experiment.test.sessions,
        plan=experiment.analysis,
        contrasts=experiment.planned_contrasts,
        systems_on_page=experiment.systems_on_page(sum(role == "system" for role in roles.values())),
    )


def _anchor(experiment: Experiment, cutoff_hz: float) -> str | None:
    """Name of the standard's low-pass anchor with this cut-off."""
    for anchor in experiment.anchors:
        if isinstance(anchor, LowpassAnchor) and anchor.cutoff_hz == cutoff_hz:
            return anchor.name
    return None
