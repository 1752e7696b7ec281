"""The shapes in which ratings leave: what each is for, and how it is written.

long       the ratings contract (``mushra_app.ratings``): one row per rated sound, everything that is on record of it;
wide       one row per page that a listener rated, a column per condition, as JASP, SPSS and R's repeated measures want
           it: finished sessions only, without training and attention checks;
webmushra  the columns of webMUSHRA's ``mushra.csv``, for scripts that were written for it: the same rows as ``wide``,
           with the questionnaire before them.

A Parquet file has the long shape. It needs pyarrow and is written by commands only, never by the web process.

Conventions: rows in the order in which they were heard; what a listener or a browser wrote is no formula.
Defines: ``LAYOUTS``, ``write``, ``write_parquet``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from mushra_app import ratings
from mushra_app.errors import AppError
from mushra_app.export import harmless, rows
from mushra_app.models import Answer, ListeningSession, Save, Study, StudyVersion, Trial
from mushra_app.session.enrolment import experiment_of
from stimuli.whole_files import whole_file

PAGE = (
    *("study", "study_id", "listener", "listener_group", "session", "part", "trial", "presentation", "attribute"),
    *("song", "item", "target", "dataset", "replicate", "simulated"),
)
"""What the wide shape says of a page."""
WEBMUSHRA = ("session_uuid", "trial_id", "rating_stimulus", "rating_score", "rating_time", "rating_comment")
"""What webMUSHRA writes after ``session_test_id`` and the questionnaire."""
WEBMUSHRA_ANCHORS = {3500: "anchor35", 7000: "anchor70"}
AT_ONCE = 10_000

Write = Callable[[TextIO, Session, str, int | None], int]


def _long(stream: TextIO, db: Session, study: str, version: int | None) -> int:
    return ratings.write_stream(stream, rows(db, study, version=version))


def _wide(stream: TextIO, db: Session, study: str, version: int | None) -> int:
    pages: list[dict[str, str]] = []
    conditions: dict[str, None] = {}
    for _, of_page in groupby(_analysed(db, study, version), key=lambda row: (row["trial"], row["attribute"])):
        sounds = list(of_page)
        rated = {row["condition"]: ratings.to_text(row["rating"]) for row in sounds}
        conditions |= dict.fromkeys(rated)
        pages.append({name: ratings.to_text(sounds[0][name]) for name in PAGE} | _apart(rated))
    writer = csv.DictWriter(stream, [*PAGE, *_apart(dict.fromkeys(sorted(conditions)))], lineterminator="\n")
    writer.writeheader()
    writer.writerows(pages)
    return len(pages)


def _apart(of_conditions: dict[str, Any]) -> dict[str, Any]:
    """Columns of conditions, those that are called like a column of the page with a mark."""
    return {f"condition {name}" if name in PAGE else name: value for name, value in of_conditions.items()}


def _webmushra(stream: TextIO, db: Session, study: str, version: int | None) -> int:
    names, comments = _webmushra_names(db, study), _comments(db, study)
    questions, answers = _questionnaires(db, study, version)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["session_test_id", *questions, *WEBMUSHRA])
    found = list(_analysed(db, study, version))
    several = len({row["attribute"] for row in found}) > 1
    for row in found:
        own = answers.get(row["session"], {})
        page = [
            row["item"],
            *([row["attribute"]] if several else ()),
            *([row["replicate"] + 1] if row["replicate"] else ()),
        ]
        writer.writerow(
            [
                row["study"],
                *(harmless(own.get(question, "")) for question in questions),
                row["session"],
                " ".join(map(str, page)),
                names.get(row["condition"], row["condition"]),
                ratings.to_text(row["rating"]),
                round(1000 * row["trial_s"]),
                harmless(comments.get(row["trial"], "")),
            ]
        )
    return len(found)


LAYOUTS: dict[str, Write] = {"long": _long, "wide": _wide, "webmushra": _webmushra}


def write(stream: TextIO, db: Session, study: str, layout: str, version: int | None = None) -> int:
    """Write the ratings of a study, of one version where its number is given, in one of ``LAYOUTS``; how many rows."""
    if layout not in LAYOUTS:
        raise AppError(f"layout: found {layout!r}; expected one of {', '.join(LAYOUTS)}")
    return LAYOUTS[layout](stream, db, study, version)


def write_parquet(path: Path, found: Iterable[ratings.Row]) -> int:
    """Write rows of the contract as Parquet, atomically; how many. AppError where pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        mend = 'install it with: pip install "hidden-reference[parquet]", or export a CSV'
        raise AppError(f"{path}: Parquet files need pyarrow; {mend}") from None
    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema(
        [pa.field(one.name, kinds[one.type], metadata={"meaning": one.meaning}) for one in ratings.COLUMNS]
    )
    count, rest = 0, iter(found)
    with whole_file(path) as part, pq.ParquetWriter(part, schema) as writer:
        while some := list(islice(rest, AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
    return count


def _analysed(db: Session, study: str, version: int | None) -> Iterator[ratings.Row]:
    """What a report would look at, before its plan leaves listeners out."""
    found = rows(db, study, version=version, training=False, unfinished=False)
    return (row for row in found if not row["attention_check"])


def _webmushra_names(db: Session, study: str) -> dict[str, str]:
    """What webMUSHRA calls the standard's anchors, by condition; its hidden reference is called as ours is."""
    versions = db.scalars(select(StudyVersion).join(Study).where(Study.name == study))
    anchors = (anchor for version in versions for anchor in experiment_of(version).anchors)
    return {
        anchor.name: WEBMUSHRA_ANCHORS[cutoff]
        for anchor in anchors
        if (cutoff := getattr(anchor, "cutoff_hz", None)) in WEBMUSHRA_ANCHORS
    }


def _comments(db: Session, study: str) -> dict[str, str]:
    """The last comment on each trial that has one, by the trial's number."""
    query = select(Save.trial_id, Save.comment).join(Trial).join(ListeningSession)
    query = query.join(StudyVersion, StudyVersion.id == ListeningSession.study_version_id).join(Study)
    found = db.execute(query.where(Study.name == study, Save.comment != "").order_by(Save.revision))
    return {str(trial): comment for trial, comment in found}


def _questionnaires(db: Session, study: str, version: int | None) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Questions that are neither personal nor put between trials, and the answers by session."""
    query = select(Answer.session_id, Answer.question, Answer.text).join(ListeningSession)
    query = query.join(StudyVersion, StudyVersion.id == ListeningSession.study_version_id).join(Study)
    own = query.where(Study.name == study, Answer.personal.is_(False), Answer.at_position == 0).order_by(Answer.id)
    if version is not None:
        own = own.where(StudyVersion.number == version)
    questions: dict[str, None] = {}
    answers: dict[str, dict[str, str]] = {}
    for session, question, text in db.execute(own):
        questions[question] = None
        answers.setdefault(str(session), {})[question] = text
    return list(questions), answers
