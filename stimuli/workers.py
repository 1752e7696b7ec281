"""Many independent jobs, on this machine's cores or on a Dask cluster: the same function, the same results.  CONTRACT

A job is a small frozen object that says where its inputs lie; what it makes lies on a disk that all workers see. A
worker that dies takes nothing along: its job is given to another one, and files are renamed into place when whole.

Defines: ``Workers``.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from joblib import Parallel, delayed
from tqdm import tqdm

from stimuli.errors import StimuliError

ANSWERS_WITHIN = "10s"
JOINS_WITHIN_S = 30
"""How long a Dask scheduler may take to answer, as Dask writes it."""


class Job(Protocol):
    """What the progress bar asks of a job: seconds of sound that it makes, and what to say of it."""

    @property
    def length_s(self) -> float: ...

    @property
    def told(self) -> str: ...


AnyJob = TypeVar("AnyJob", bound=Job)
Result = TypeVar("Result")


def _unusable(device: str) -> str | None:
    """Why torch can't use a device where this runs; None if it can."""
    try:
        from stimuli.separators.networks.torch_model import unusable

        return unusable(device)
    except ImportError as error:
        return f"torch can't be used: {error}"


@dataclass(frozen=True)
class Workers:
    """Where jobs run: ``count`` processes here, or the Dask scheduler at ``cluster``; and whether to show a bar."""

    count: int = 2
    cluster: str | None = None
    progress: bool = True

    def run(self, what: str, function: Callable[[AnyJob], Result], jobs: Sequence[AnyJob]) -> list[Result]:
        """Results in the order of the jobs; a bar shows what is done, how fast, and how long it will take.

        Raises
        ------
        StimuliError
            What the first failing job raised; what was finished before stays on the disk.
        """
        found: dict[int, Result] = {}
        begun = time.monotonic()
        with _bar(what, jobs, self.progress) as bar:
            for index, result in self._results(function, jobs):
                found[index] = result
                bar.update(jobs[index].length_s)
                factor = (time.monotonic() - begun) / max(bar.n, 1e-9)
                bar.set_postfix_str(f"{factor:.2f} x real time, {jobs[index].told}", refresh=False)
        return [found[index] for index in range(len(jobs))]

    def check_device(self, device: str, unusable: Callable[[str], str | None] = _unusable) -> None:
        """Ask every worker of the cluster that is there, as any of them may get any job; one at least is waited for.

        Without a cluster this machine is asked.

        Parameters
        ----------
        unusable : says why a device can't be used where it is called, None if it can.

        Raises
        ------
        StimuliError
            Where one of them can't use the device, or none has joined.
        """
        if not self.cluster:
            if reason := unusable(device):
                raise StimuliError(reason)
            return
        with _client(self.cluster) as client:
            try:
                client.wait_for_workers(1, timeout=JOINS_WITHIN_S)
            except TimeoutError:
                raise StimuliError(
                    f"--cluster {self.cluster}: no worker has joined it within {JOINS_WITHIN_S} s; start one with: "
                    f"dask worker {self.cluster}"
                ) from None
            said = {worker: reason for worker, reason in client.run(unusable, device).items() if reason}
        for worker, reason in said.items():
            raise StimuliError(f"--cluster {self.cluster}: the worker at {worker}: {reason}")

    def _results(self, function: Callable[[AnyJob], Result], jobs: Sequence[AnyJob]) -> Iterator[tuple[int, Result]]:
        if self.cluster and jobs:
            return _on_cluster(self.cluster, function, jobs)
        if self.count == 1 or len(jobs) < 2:
            return ((index, function(job)) for index, job in enumerate(jobs))
        # A worker that has grown is replaced by joblib; that is no news to a person.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given to the executor")
        pool: Any = Parallel(n_jobs=self.count, return_as="generator_unordered")
        return pool(delayed(_numbered)(function, index, job) for index, job in enumerate(jobs))


def _numbered(function: Callable[[Any], Any], index: int, job: Any) -> tuple[int, Any]:
    return index, function(job)


def _bar(what: str, jobs: Sequence[Job], shown: bool) -> tqdm:
    """A bar that counts seconds of sound; a job may be ten times as long as another."""
    form = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s of sound, {remaining} left{postfix}"
    total = sum(job.length_s for job in jobs)
    return tqdm(total=total, desc=what, bar_format=form, postfix="starting", disable=not shown or not jobs)


def _client(address: str) -> Any:
    """A client of the scheduler."""
    if importlib.util.find_spec("distributed") is None:
        raise StimuliError('--cluster needs the package distributed; pip install "hidden-reference[cluster]"')
    from distributed import Client

    try:
        return Client(address, timeout=ANSWERS_WITHIN)
    except (OSError, TimeoutError, ValueError) as error:
        raise StimuliError(f"--cluster {address}: no Dask scheduler answers there: {error}; start one first") from None


def _on_cluster(address: str, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    client = _client(address)
    from distributed import KilledWorker, as_completed

    with client:
        # A job whose worker dies goes to another one, three times (Dask's allowed-failures).
        numbers = {client.submit(function, job, pure=False): index for index, job in enumerate(jobs)}
        try:
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        except KilledWorker as error:
            raise StimuliError(f"--cluster {address}: every worker that took a job died: {error}") from None
        finally:
            client.cancel(list(numbers))
