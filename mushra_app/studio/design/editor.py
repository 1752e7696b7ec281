"""The design page: what is in it, and what a click on it does to the file."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session
from tomlkit.exceptions import TOMLKitError

from mushra_app import jobs
from mushra_app.conduct import called
from mushra_app.models import Job, Study
from mushra_app.people.logins import Visitor
from mushra_app.session.enrolment import experiment_of
from mushra_app.studio.design.pages import DesignPage, Findings, Power
from mushra_app.studio.tabs import head_of_study, name_of_a_duplicate
from mushra_app.study import lifecycle
from mushra_app.study.drafts import form, keeping
from mushra_app.study.drafts.checking import Checked, checked
from mushra_app.study.drafts.publishing import keeps_sounds, other_name
from mushra_app.study.tables import ExperimentDraft
from mushra_app.study.work import Works, newest, standing
from mushra_app.words import say
from stimuli.errors import ExperimentError
from stimuli.experiment import parse
from stimuli.whole_files import whole_file

PRESETS = ("moderate", "sisec08", "ward2018-quality", "ward2018-interferer", "codec2024", "compressor2024")
"""How far ratings scatter, by published tests; the names that ``mushra plan --components`` has."""
WORK = ("plan", "preregister")


def page(db: Session, name: str, visitor: Visitor, drafts: Path, *, error: str = "", typed: str = "") -> DesignPage:
    """The page of a study; ``drafts`` is where files for jobs are laid down."""
    study = lifecycle.study_of(db, name)
    draft = keeping.found(db, study.id)
    text = text_of(study, draft)
    seen = checked(text)
    asked = newest(db, *_of(study, "plan"))
    done = {kind: newest(db, *_of(study, kind), Job.status == "done", output=True) for kind in WORK}
    own = str(drafts / f"{_sha256(text)}.toml")
    return DesignPage(
        head=head_of_study(db, study, visitor),
        text=text,
        revision=draft.revision if draft else 0,
        changed_by=draft.changed_by if draft else "",
        changed_at=draft.changed_at.isoformat(timespec="minutes") if draft else "",
        parts=_parts(text),
        findings=findings_of(seen),
        publishable=_hindrance(study, draft, seen),
        power=_power(done["plan"]),
        presets=PRESETS,
        words=done["preregister"].output if done["preregister"] else "",
        works=works(db, study, visitor.name),
        outdated=frozenset(kind for kind, job in done.items() if job and own not in job.argv),
        preset=next((word for word in asked.argv if word in PRESETS), "") if asked else "",
        error=error,
        typed=typed,
        duplicate=None if study.versions else name_of_a_duplicate(db, name, visitor),
    )


def works(db: Session, study: Study, who: str) -> Works:
    """How the work on a study's file stands."""
    return Works({kind: standing(db, newest(db, *_of(study, kind)), study.name, who) for kind in WORK})


def text_of(study: Study, draft: ExperimentDraft | None) -> str:
    """What is being written, else what was published."""
    return draft.text if draft else keeping.text_of(lifecycle.current_of(study))


def findings_of(seen: Checked) -> Findings:
    """What was found, for a page."""
    broken = tuple(rule for rule in seen.rules if not rule.passed)
    return Findings(
        mistakes=seen.mistakes,
        rules=broken,
        rules_in_all=len(seen.rules),
        times=seen.times,
        evenness=seen.evenness,
        plans=seen.plans,
        listeners=seen.experiment.analysis.listeners if seen.experiment else 0,
        called=called(seen.rules) if seen.experiment else "",
        drawn=seen.drawn,
    )


def text_after(text: str, given: Mapping[str, str]) -> str:
    """The file after a click: of the text as it was typed, or of the form; with an entry more or less.

    Raises
    ------
    ExperimentError
        Where the form is to be written into a text that is no TOML.
    """
    if "text" in given:
        return given["text"].replace("\r\n", "\n")
    try:
        text = form.changed(text, given)
        if where := given.get("add"):
            return form.with_entry(text, where, given.get(f"kind of {where}", ""))
        return form.without_entry(text, where) if (where := given.get("remove")) else text
    except TOMLKitError as error:
        raise ExperimentError([str(error)]) from None


def ask(db: Session, study: Study, kind: str, file: Path, *, preset: str, who: str) -> None:
    """Have another room work on the file."""
    more = {"plan": ("--components", preset, "--format", "json"), "preregister": ()}[kind]
    jobs.ask(db, kind, (str(file), *more), study_id=study.id, asked_by=who)


def lay_down(drafts: Path, text: str) -> Path:
    """The file that a job reads, named by what is in it: no later change reaches a job that waits.

    One that lies there already is as new as if it were written now, so that it is not cleared before the job is asked.
    """
    drafts.mkdir(parents=True, exist_ok=True)
    path = drafts / f"{_sha256(text)}.toml"
    try:
        os.utime(path)
    except FileNotFoundError:
        with whole_file(path) as part:
            part.write_text(text, encoding="utf-8")
    return path


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _parts(text: str) -> tuple[form.Part, ...]:
    try:
        return form.parts_of(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return ()


def _hindrance(study: Study, draft: ExperimentDraft | None, seen: Checked) -> str:
    """Why the draft can't become a version here and now."""
    if draft is None:
        return ""
    if seen.experiment is None:
        return say("The file has mistakes still: they stand beside it.")
    if not study.versions:
        return say("No sounds were built of it yet.")
    version = lifecycle.current_of(study)
    if seen.experiment == experiment_of(version):
        return say("It says what version %(number)s says.", number=version.number)
    if refused := other_name(study.name, seen.experiment):
        return refused
    if not keeps_sounds(experiment_of(version), seen.experiment):
        return say("It changes sounds, so that the set is to be built anew.")
    return ""


def _of(study: Study, kind: str) -> tuple[Any, ...]:
    return (Job.study_id == study.id, Job.kind == kind)


def _power(job: Job | None) -> Power | None:
    """The planner's table; its rows are listeners, its columns items."""
    if job is None:
        return None
    told: dict[str, Any] = json.loads(job.output)
    rows = {(row["listeners"], row["items"]): row["difference"] for row in told["rows"]}
    listeners, items = (tuple(sorted({key[place] for key in rows})) for place in (0, 1))
    return Power(
        listeners,
        items,
        tuple(tuple(rows[people, count] for count in items) for people in listeners),
        (told["base"]["listeners"], told["base"]["items"]),
        tuple(told["conclusion"]),
        told["source"],
    )


def is_whole(text: str) -> bool:
    """Whether a file has no mistakes."""
    try:
        parse(text)
    except ExperimentError:
        return False
    return True
