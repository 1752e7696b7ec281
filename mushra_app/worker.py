"""The worker: takes jobs one after the other, runs each as a command and stores what it printed.

The command runs under ``mushra_app.worker_guard`` in a process group of its own, which is killed as a whole at the
limits, when the worker is asked to stop, and when the command has ended and left something behind. It prints into
files, so that no pipe can fill up and nothing that was left behind keeps the worker reading.

Conventions: times in seconds, ``STALE_S`` as in ``mushra_app.jobs``: a heartbeat every sixth of it, the guard's lease
two thirds. Sizes in bytes; 1 MB is a million.

Defines: ``Worker``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal

from mushra_app import jobs
from mushra_app.config import Settings
from mushra_app.db import Database
from mushra_app.security import letters_key
from mushra_app.study import results

TICK_S = 0.1
IDLE_S = 0.5
PROGRESS = b"progress: "
"""How a line on stderr begins that says how far a job is; a job is asked for them by MUSHRA_JOB in its environment."""
PROGRESS_S = 1.0
LINE_BYTES, LONGEST_PROGRESS = 2_000, 200
MOST_OUTPUT_BYTES = 20_000_000
STDERR_BYTES = 20_000
GUARD = Path(__file__).with_name("worker_guard.py")

Ending = Literal["exited", "time", "output", "stopped", "lost"]


class Worker:
    """One worker process; ``stop`` may be called by a signal handler."""

    def __init__(
        self, database: Database, settings: Settings, *, stale_s: float, say: Callable[[str], object] = print
    ) -> None:
        self.database, self.settings, self.stale_s, self.say = database, settings, stale_s, say
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.stopping = False

    def stop(self, *_: object) -> None:
        """Go home after the next tick; a job under way is handed back."""
        self.stopping = True

    def work(self, *, once: bool = False) -> int:
        """Do jobs until asked to stop, or at most one; how many were begun."""
        begun = 0
        while not self.stopping:
            heard_s = time.monotonic()
            if job := self._take():
                begun += 1
                self._do(job, heard_s)
                results.sweep(self.database, self.settings)  # somebody may have withdrawn while it was at work
            elif not once:
                time.sleep(IDLE_S)
            if once:
                break
        return begun

    def _take(self) -> jobs.Taken | None:
        with self.database.reading() as db:
            if not jobs.is_free(db, stale_s=self.stale_s):
                return None
        results.sweep(self.database, self.settings)
        with self.database.writing() as db:
            return jobs.take(db, self.name, stale_s=self.stale_s)

    def _do(self, job: jobs.Taken, heard_s: float) -> None:
        kind = jobs.KINDS.get(job.kind)
        if kind is None:
            self._store(job, "", f"this release has no jobs of the kind {job.kind!r}")
            return
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = self._start(kind, job.argv, heard_s, (out, err))
            except OSError as error:  # no process to be had, or an argument that the system doesn't take
                self._store(job, "", f"can't be started: {error.strerror or error}")
                return
            try:
                ending = self._watch(process, job, heard_s, out, err)
            finally:
                code = _end_all(process)
            if ending == "stopped":
                with self.database.writing() as db:
                    jobs.hand_back(db, job)
                self.say(f"job {job.id} ({job.kind}): handed back")
            elif ending == "lost":
                self.say(f"job {job.id} ({job.kind}): another worker has it now")
            else:
                reason = self._reason(kind, ending, code, out, err)
                self._store(job, _kept(out, err, failed=bool(reason)), reason)

    def _start(
        self, kind: jobs.Kind, argv: tuple[str, ...], heard_s: float, into: tuple[IO[bytes], IO[bytes]]
    ) -> subprocess.Popen:
        limits = (self.stale_s * 2 / 3, self.settings.job_memory_mb, heard_s)
        guarded = [sys.executable, "-I", "-S", str(GUARD), *map(str, limits), *kind.command, *argv]
        files: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": into[0], "stderr": into[1]}
        environment = os.environ | {"MUSHRA_JOB": "yes"}
        if kind.keyed:
            environment["MUSHRA_LETTERS_KEY"] = letters_key(self.settings)
        return subprocess.Popen(guarded, **files, env=environment, start_new_session=True)

    def _watch(
        self, process: subprocess.Popen, job: jobs.Taken, heard_s: float, out: IO[bytes], err: IO[bytes]
    ) -> Ending:
        """Wait for the end, whatever it is; the process may still live then."""
        begun_s, said = time.monotonic(), ""
        while not _has_exited(process):
            if self.stopping:
                return "stopped"
            if time.monotonic() - begun_s > self.settings.job_time_limit_s:
                return "time"
            if max(_size(out), _size(err)) > MOST_OUTPUT_BYTES:
                return "output"
            since_s = time.monotonic() - heard_s
            if since_s > self.stale_s / 6 or (since_s > PROGRESS_S and _progress(err) != said):
                heard_s, said = time.monotonic(), _progress(err)
                if not self._beat(process, job, heard_s, said):
                    return "lost"
            time.sleep(TICK_S)
        return "output" if _size(out) > MOST_OUTPUT_BYTES else "exited"

    def _beat(self, process: subprocess.Popen, job: jobs.Taken, heard_s: float, said: str) -> bool:
        with self.database.writing() as db:
            mine = jobs.beat(db, job, said)
        if mine and process.stdin:
            with suppress(BrokenPipeError):  # it has just ended
                process.stdin.write(f"{heard_s}\n".encode())
                process.stdin.flush()
        return mine

    def _reason(self, kind: jobs.Kind, ending: Ending, code: int, out: IO[bytes], err: IO[bytes]) -> str:
        """Why it failed, in words; empty where it did not."""
        if ending == "time":
            return f"ran longer than {self.settings.job_time_limit_s:g} s (job_time_limit_s) and was ended"
        if ending == "output":
            return f"printed more than {MOST_OUTPUT_BYTES // 1_000_000} MB; only the beginning is kept"
        if code == 0 or (code in kind.answers and _size(out)):  # a crash of Python's is exit code 1 without an answer
            return ""
        said = _tail(err)
        if "MemoryError" in said:
            return f"needed more memory than {self.settings.job_memory_mb} MB (job_memory_mb)"
        last = said.strip().rpartition("\n")[2].strip()
        how = f"was ended by signal {-code if code < 0 else code - 128}" if code < 0 or code > 128 else ""
        return f"{how or f'ended with exit code {code}'}{f': {last}' if last else ''}"

    def _store(self, job: jobs.Taken, output: str, reason: str) -> None:
        with self.database.writing() as db:
            stored = jobs.end(db, job, output=output, reason=reason)
        self.say(f"job {job.id} ({job.kind}): {reason or 'done'}{'' if stored else '; another worker has it now'}")


def _has_exited(process: subprocess.Popen) -> bool:
    """Whether it has, without reaping it: until then its group's number is nobody else's."""
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None


def _end_all(process: subprocess.Popen, wait_s: float = 5.0) -> int:
    """Kill what is left of the process's group and wait until it is gone; the exit code of the process."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdin:
        with suppress(BrokenPipeError):
            process.stdin.close()  # where there are no groups the guard ends its child itself
    code, until_s = process.wait(), time.monotonic() + wait_s
    while os.name == "posix" and time.monotonic() < until_s:
        try:
            os.killpg(process.pid, 0)
        except (ProcessLookupError, PermissionError):
            break
        time.sleep(0.01)
    return code


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, _size(file) - STDERR_BYTES))
    return _as_text(file.read(STDERR_BYTES))


def _progress(file: IO[bytes]) -> str:
    """The last whole line that says how far the job is.

    By pread, because the file's position is shared with the process that writes; without it (Windows) nothing is said.
    """
    if not hasattr(os, "pread"):
        return ""
    lines = os.pread(file.fileno(), LINE_BYTES, max(0, _size(file) - LINE_BYTES)).split(b"\n")[:-1]
    found = [line.removeprefix(PROGRESS) for line in lines if line.startswith(PROGRESS)]
    return _as_text(found[-1]).strip()[:LONGEST_PROGRESS] if found else ""


def _kept(out: IO[bytes], err: IO[bytes], *, failed: bool) -> str:
    """What it printed, and where it failed the end of what it complained."""
    out.seek(0)
    if not failed:
        return _as_text(out.read(MOST_OUTPUT_BYTES))
    return "\n".join(filter(None, (_as_text(out.read(MOST_OUTPUT_BYTES - STDERR_BYTES)).rstrip("\n"), _tail(err))))


def _as_text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace").replace("\0", "\ufffd")  # PostgreSQL stores no zeros
