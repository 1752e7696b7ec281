"""What a test report has to say by BS.1534-3, clause 10.2: where this one says it, or a blank to be filled in.

Defines: ``Requirement``, ``required``.
"""

from __future__ import annotations

from dataclasses import dataclass

from mushra_app.conduct import Run
from stimuli.manifest import Manifest


@dataclass(frozen=True)
class Requirement:
    """One thing that the clause asks for; ``answer`` is empty where only people know it."""

    asked: str
    answer: str


def required(manifest: Manifest | None, run: Run | None) -> tuple[Requirement, ...]:
    """The clause's list, with what is on record. ``manifest`` is None for ratings of another tool."""
    own = [] if manifest is None else _of_set(manifest)
    return tuple(
        Requirement(asked, answer)
        for asked, answer in [
            ("graphic presentation of the results", "the figures of every condition and of the contrasts"),
            ("graphic presentation of the screening of assessors", "the figure of the screening"),
            ("selection of assessors", _assessors(run)),
            *own,
            ("physical details of the listening environment: room, level", _level(run)),
            ("transducer", ", ".join(sorted({one.transducer for one in run or () if one.transducer}))),
            ("training and instructions", _training(run)),
            ("statistical processing of the data", "the methods paragraph"),
            ("detailed basis of all conclusions", "the conclusion, the contrasts and the appendix"),
            ("edition of Recommendation ITU-R BS.1534", "BS.1534-3 (10/2015)"),
        ]
    )


def _of_set(manifest: Manifest) -> list[tuple[str, str]]:
    experiment = manifest.experiment
    anchors = ", ".join(dict.fromkeys(clip.condition for clip in manifest.clips if clip.role == "anchor"))
    systems = dict.fromkeys(
        f"{clip.condition} ({clip.provenance.kind}, version {clip.provenance.version or 'not stated'})"
        for clip in manifest.clips
        if clip.role == "system"
    )
    rules = sorted({item.excerpt.rule for item in experiment.items if item.excerpt.rule})
    channels = sorted({clip.channels for clip in manifest.clips})
    return [
        ("design of the experiment", "the methods paragraph; the experiment file in the stimulus set's manifest"),
        ("selection of the material", f"excerpts by the rule {', '.join(rules)}" if rules else ""),
        ("processing systems", ", ".join(systems)),
        ("channel layout", " and ".join({1: "mono", 2: "stereo"}.get(number, f"{number}") for number in channels)),
        ("anchors", anchors),
        (
            "code that makes the anchors again",
            "mushra stimuli regenerate DIR, from the manifest alone" if anchors else "no anchor",
        ),
    ]


def _assessors(run: Run | None) -> str:
    if not run:
        return ""
    known = sorted({one.experience for one in run if one.experience})
    return f"as they said: {', '.join(known)}" if known else ""


def _level(run: Run | None) -> str:
    levels = sorted({one.level_db_a for one in run or () if one.level_db_a is not None})
    return (
        f"calibrated to {', '.join(f'{one:g} dB(A)' for one in levels)}; the room itself is not on record"
        if levels
        else ""
    )


def _training(run: Run | None) -> str:
    if not run:
        return ""
    trained = sum(one.trained for one in run)
    return f"{trained} of {len(run)} sessions by listeners with a training session; instructions in the experiment file"
