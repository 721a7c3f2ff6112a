"""The folder of a rehearsal: the network, what of it has arrived, an own MEDCODE_HOME, and how far it has come."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from medcode_assets.rehearsal.plan import Plan, RehearsalError

_PLAN: Final = "rehearsal.json"
_DONE: Final = "done"
#: settings of a rehearsal: a day takes minutes, so what is counted in hours and days of the clock is not waited for
SETTINGS: Final = {
    "MEDCODE_SOURCE": "folder",
    "MEDCODE_SENSOR_SECONDS": "10",
    "MEDCODE_RUNS_AT_ONCE": "1",
    "MEDCODE_RETRAIN_KINDS": "coding",
    "MEDCODE_RETRAIN_LABELS": "150",
    "MEDCODE_RETRAIN_COOLDOWN_HOURS": "0.0003",
    "MEDCODE_RETRAIN_A_DAY": "100",
}


class Place:
    """The folder of one rehearsal; what is done is marked by files, each written after the thing itself."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made yet."""
        self.folder = folder.resolve()
        self.home = self.folder / "home"
        self.network = self.folder / "network"
        self.inbox = self.folder / "inbox"
        self.logs = self.folder / "logs"

    def enter(self, plan: Plan, in_use: Path) -> bool:
        """Make the folder for `plan`, or take up the rehearsal in it, with more days or as it was; True where it is.

        Args:
            plan: what is rehearsed. in_use: the MEDCODE_HOME of the work at hand, which is never touched.

        Raises:
            RehearsalError: it holds something else, another plan, or the home in use.
        """
        used = in_use.resolve()
        if used == self.home or self.folder in (used, *used.parents) or used in self.folder.parents:
            raise RehearsalError(f"{self.folder} and the MEDCODE_HOME in use ({used}) hold one another: name another")
        known = self.folder / _PLAN
        if known.is_file():
            if not plan.goes_on(Plan.from_json(known.read_text(encoding="utf-8"))):
                raise RehearsalError(
                    f"{self.folder} holds a rehearsal with other options: give those (--days-after may be more, up to "
                    "28), or name another folder"
                )
            _write(known, plan.to_json())
            return True
        if self.folder.exists() and any(self.folder.iterdir()):
            raise RehearsalError(f"{self.folder} is not empty and no rehearsal: name an empty or a new folder")
        for made in (self.folder, self.home, self.inbox, self.logs, self.folder / _DONE):
            made.mkdir(parents=True, exist_ok=True)
        _write(known, plan.to_json())
        return False

    def environment(self, plan: Plan, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of everything that runs in the rehearsal: no setting of the work at hand stays in it."""
        foreign = ("MEDCODE_", "DAGSTER_", "MLFLOW_")
        # where PostgreSQL lies and who runs it are facts of the machine
        machine = ("MEDCODE_POSTGRES_BIN", "MEDCODE_POSTGRES_USER")
        kept = {k: v for k, v in inherited.items() if k in machine or not k.startswith(foreign)}
        return {
            **kept,
            **SETTINGS,
            "MEDCODE_HOME": str(self.home),
            "MEDCODE_SOURCE_DIR": str(self.inbox),
            "MEDCODE_FIRST_DAY": plan.first_day.isoformat(),
        }

    def deliver(self, day: date) -> None:
        """Let the delivery of a day arrive: all of it or nothing; once there it stays as it is."""
        source, target = self.network / day.isoformat(), self.inbox / day.isoformat()
        if target.exists():
            return
        arriving = self.inbox / f".{day.isoformat()}"
        shutil.rmtree(arriving, ignore_errors=True)
        shutil.copytree(source, arriving)
        arriving.rename(target)

    def is_done(self, step: str) -> bool:
        """Whether a step was brought to its end."""
        return (self.folder / _DONE / step).exists()

    def done(self, step: str) -> None:
        """Remember that a step was brought to its end."""
        _write(self.folder / _DONE / step, "")


def _write(path: Path, text: str) -> None:
    written = path.with_name(f".{path.name}")
    written.write_text(text, encoding="utf-8")
    os.replace(written, path)
