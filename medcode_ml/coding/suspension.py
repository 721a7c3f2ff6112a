"""While a drift alarm stands, nothing goes through unseen: codes of the auto band go to review, and say why.

Score, acceptance, evidence and order of codes stay as the coder gave them. What a coder would have let through can be
told by the reason (`store.drift_alarms.SUSPENDED`), so that drift itself measures the coder and not its suspension.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from medcode_ml.coding.in_use import KIND
from medcode_ml.coding.ontology import MODEL_VERSION
from medcode_ml.logs import logger
from medcode_ml.models.bands import AUTO, REVIEW, without_auto
from medcode_ml.store.drift_alarms import ALL_HOSPITALS, SUSPENDED, standing_alarms

ANSWERED: Final = "auto_band_suspended"
"""Key of an answer that came under a suspension."""
_log = logger("coding.suspension")


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands: its id, the received day whose evaluation raised it, and its hospital, or all."""

    alarm_id: str
    day: date | None
    hospital_id: str

    @property
    def reason(self) -> str:
        """What a code that it sends to review says of it."""
        if self.day is None:
            return f"{SUSPENDED}: the drift alarms could not be read"
        return f"{SUSPENDED}: drift alarm {self.alarm_id} of {self.day}"


UNREAD: Final = Alarm("unread", None, ALL_HOSPITALS)
"""Stands where nobody could say yet whether an alarm stands."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """The alarms that stand about a coder, oldest first; without any the auto band is in use."""

    version: str
    alarms: tuple[Alarm, ...] = ()

    def __bool__(self) -> bool:
        """Whether any hospital is concerned."""
        return bool(self.alarms)

    def alarm_for(self, hospital_id: str | None) -> Alarm | None:
        """The oldest alarm that concerns a hospital; every alarm concerns a record without one, which may be of any."""
        for alarm in self.alarms:
            if hospital_id is None or alarm.hospital_id in (ALL_HOSPITALS, hospital_id):
                return alarm
        return None


def suspension_of(source: sa.Engine | sa.Connection, version: str, day: date | None = None) -> Suspension:
    """What stands about the coder `version`.

    Args:
        source: the database.
        version: of a model, or of the ontology coder.
        day: received day that is coded: alarms of later days do not concern it, so that it comes out as it did however
            often it is coded again. None, for records that are answered as they come: all that stand now.
    """
    found = standing_alarms(source, KIND, version, day)
    columns = (found[name] for name in ("alarm_id", "day", "hospital_id"))
    return Suspension(version, tuple(Alarm(*row) for row in zip(*columns, strict=True)))


def suspend(codes: pd.DataFrame, hospital_of: Mapping[str, str | None], suspension: Suspension) -> pd.DataFrame:
    """Codes with those of the auto band in review where an alarm concerns their encounter; else `codes` itself.

    Args:
        codes: encounter_id, band, reason and more.
        hospital_of: hospital of each encounter.
        suspension: of the coder.
    """
    if not suspension:
        return codes
    told = {encounter: suspension.alarm_for(hospital) for encounter, hospital in hospital_of.items()}
    alarms = codes["encounter_id"].map(told)
    held = (codes["band"] == AUTO).to_numpy(bool) & alarms.notna().to_numpy(bool)
    if not held.any():
        return codes
    codes = codes.copy()
    codes.loc[held, "band"] = without_auto(codes.loc[held, "band"].to_numpy(object))
    codes.loc[held, "reason"] = [
        "; ".join(part for part in (reason, alarm.reason) if part)
        for reason, alarm in zip(codes.loc[held, "reason"], alarms[held], strict=True)
    ]
    return codes


def held_codes(codes: pd.DataFrame) -> pd.Series:
    """Whether each code is in review for a suspension alone."""
    return (codes["band"] == REVIEW) & codes["reason"].str.contains(SUSPENDED, regex=False)


def suspend_answer(answer: dict[str, Any], record: Mapping[str, Any], suspension: Suspension | None) -> dict[str, Any]:
    """An answer of `code` as a caller gets it while `suspension` stands; `answer` itself where it does not concern it.

    Args:
        answer: with `codes`, objects that have a `band` each.
        record: what was asked.
        suspension: of the coder that answered.
    """
    told = told_of_suspension(suspension, hospital_of_record(record))
    if not told:
        return answer
    codes = [{**code, "band": REVIEW} if code["band"] == AUTO else code for code in answer["codes"]]
    return {**answer, "codes": codes, **told}


def told_of_suspension(suspension: Suspension | None, hospital_id: str | None) -> dict[str, Any]:
    """What an answer says of the alarm that concerns a hospital: one entry, `ANSWERED`, or nothing."""
    alarm = None if suspension is None else suspension.alarm_for(hospital_id)
    if alarm is None:
        return {}
    day = None if alarm.day is None else alarm.day.isoformat()
    return {ANSWERED: {"alarm_id": alarm.alarm_id, "day": day, "reason": alarm.reason}}


def hospital_of_record(record: Mapping[str, Any]) -> str | None:
    """The hospital that a record names, by `hospital_id` or by that of its provider; None where it names none."""
    provider = record.get("provider")
    named = record.get("hospital_id") or (provider.get("hospital_id") if isinstance(provider, Mapping) else None)
    return named if isinstance(named, str) else None


@dataclass
class AlarmWatch:
    """The suspension of what codes in a process that goes on running, looked for again as its models are.

    Attributes:
        last: what was read last.
        unread_since: since when the database has not said; None where it does.
    """

    last: Suspension | None = field(default=None)
    unread_since: datetime | None = None

    def look(self, engine: sa.Engine, version: str | None) -> Suspension:
        """What stands now about `version`, None being the ontology coder; the last known where the database is away.

        Where it was never read for this version the auto band is suspended: nobody knows that it may be used.
        """
        name = version or MODEL_VERSION
        before = self.last
        try:
            self.last, unread = suspension_of(engine, name), None
        except SQLAlchemyError as away:
            unread = self.unread_since or datetime.now(UTC)
            if self.unread_since is None:
                _log.warning("drift alarms are as last read, the database does not say: %s", type(away).__name__)
            if before is None or before.version != name:
                self.last = Suspension(name, (UNREAD,))
        self.unread_since = unread
        assert self.last is not None
        if before is None or (bool(before), before.version) != (bool(self.last), name):
            if self.last:
                ids = ", ".join(alarm.alarm_id for alarm in self.last.alarms)
                _log.warning("the auto band of %s is suspended: drift alarms %s stand", name, ids)
            elif before:
                _log.info("the auto band of %s is in use", name)
        return self.last
