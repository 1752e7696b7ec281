"""The ratings of a test that is running: those of the version that the stimulus set is of, out of the app's database.

Conventions: only sessions that are finished are looked at, as in the report. Simulated listeners are left aside where
there are others. Defines: ``Running``, ``read``.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from analysis.reading import export
from analysis.reading.ratings import Ratings
from stimuli import manifest as sets


@dataclasses.dataclass(frozen=True)
class Running:
    """Ratings so far; ``simulated``: they are all of simulated listeners."""

    ratings: Ratings
    simulated: bool


def read(folder: Path, data: Path, study: str | None, look: str = "") -> Running:
    """Read what was rated so far.

    Parameters
    ----------
    folder : the stimulus set that is heard.
    data, study : the app's data folder, and the study's short name where it has several.
    look : what is looked at, to be noted in the app's audit log; "" is not noted.

    Raises
    ------
    AnalysisError, AppError, ManifestError
        Where there is nothing to analyse yet, or set and database don't belong together.
    """
    manifest = sets.read(folder)
    found = export.load(export.Place(data, study, blind=True, study_id=manifest.study_id, look=look), manifest)
    of_machines = found.frame["simulated"].astype(bool)
    if of_machines.all() or not of_machines.any():
        return Running(found, bool(of_machines.all()))
    checks = found.checks[~found.checks["simulated"].astype(bool)]
    return Running(dataclasses.replace(found, frame=found.frame[~of_machines], checks=checks), simulated=False)
