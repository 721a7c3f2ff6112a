"""What the tables of a MIMIC layout tell of a stay beside its diagnoses, as `medcode rank` reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from medcode_ml.models.labelled_files import table_chunks

_ROWS: Final = 1_000_000
_CENTURY_DAYS: Final = 36_525
_INTENSIVE: Final = r"\bICU\b|ICU\)|CCU|CVICU|SICU|MICU|INTENSIVE"
_SYSTEMS: Final = {"9": "ICD-9-CM", "10": "ICD-10-PCS"}
USED: Final = ("procedures_icd", "services", "prescriptions", "microbiologyevents", "icustays", "drgcodes")


def read(tables: Mapping[str, Path], stays: pd.DataFrame, third: bool) -> dict[str, dict[str, Any]]:
    """Procedures, services, drugs, cultures and intensive care of each stay, by its number.

    A key is there for every stay where its table is, and for none where it is not. `stays` is indexed by hadm_id and
    has `admitted`.
    """
    admitted = stays["admitted"]
    context: dict[str, dict[str, Any]] = {str(stay): {} for stay in stays.index}

    def put(key: str, found: Mapping[str, Any], empty: Callable[[], Any]) -> None:
        for stay, own in context.items():
            own[key] = found[stay] if stay in found else empty()

    if "procedures_icd" in tables:
        put("procedures", _procedures(tables["procedures_icd"], admitted, third), list)
    if "services" in tables:
        services = _services(tables["services"], admitted)
        put("service", {stay: own[0] for stay, own in services.items()}, lambda: None)
        put("services", services, list)
    if "prescriptions" in tables:
        put("medications", _medications(tables["prescriptions"], admitted, "startdate" if third else "starttime"), list)
    if "microbiologyevents" in tables:
        put("microbiology", _cultures(tables["microbiologyevents"], admitted), list)
    if "icustays" in tables or "transfers" in tables:
        units = _units(tables, admitted)
        put("units", units, list)
        hours = {stay: round(sum(unit["hours"] or 0.0 for unit in own), 1) for stay, own in units.items()}
        put("icu_hours", hours, float)
    return context


def stamps(column: pd.Series[Any], near: pd.Series[Any] | None = None) -> pd.Series[Any]:
    """Times of a column, NaT where one cannot be read.

    Times with a year of two digits, as spreadsheets write them, are of the century next to `near`, a time for each
    row; without one of the layouts' own, 2100 to 2199.
    """
    times = pd.to_datetime(column, errors="coerce", format="ISO8601")
    short = times.isna() & column.notna()
    if short.any():
        parts = column[short].str.extract(r"^(\d{1,2}/\d{1,2}/)(\d{2})( \d{1,2}:\d{2})?$")

        def of(centuries: pd.Series[Any] | str) -> pd.Series[Any]:
            text = parts[0] + centuries + parts[1] + parts[2].fillna(" 0:00")
            return pd.to_datetime(text, errors="coerce", format="%m/%d/%Y %H:%M")

        read = of("21")
        if near is not None:
            steps = ((near[short] - read).dt.days / _CENTURY_DAYS).round().fillna(0).astype(int)
            read = of((21 + steps).astype(str))
        times.loc[short] = read
    return times


def known_times(tables: Mapping[str, Path]) -> dict[str, Any]:
    """A time within each stay, from the tables that have one, to tell the century of an admission by."""
    found: dict[str, Any] = {}
    for name, column in (("icustays", "intime"), ("services", "transfertime")):
        for chunk in table_chunks(tables[name], ("hadm_id", column), _ROWS) if name in tables else ():
            found |= dict(zip(chunk["hadm_id"], stamps(chunk[column]), strict=True))
    return found


def _rows(path: Path, wanted: tuple[str, ...], admitted: pd.Series[Any]) -> pd.DataFrame:
    """The rows of known stays, with every wanted column."""
    chunks = [c.loc[c["hadm_id"].isin(admitted.index), list(wanted)] for c in table_chunks(path, wanted, _ROWS)]
    return pd.concat(chunks, ignore_index=True)


def _days(frame: pd.DataFrame, column: str, admitted: pd.Series[Any]) -> list[int | None]:
    """Days from the admission's to that of each row; None where one is not known."""
    first = frame["hadm_id"].map(admitted).dt.normalize()
    days = (stamps(frame[column]).dt.normalize() - first).dt.days
    return [None if pd.isna(day) else int(day) for day in days]


def _grouped(stays: pd.Series[Any], entries: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for stay, entry in zip(stays, entries, strict=True):
        found.setdefault(str(stay), []).append(entry)
    return found


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _procedures(path: Path, admitted: pd.Series[Any], third: bool) -> dict[str, list[Any]]:
    """By day and code: the hospital's own order is part of the answer."""
    if third:
        frame = _rows(path, ("hadm_id", "icd9_code"), admitted)
        frame = frame[frame["icd9_code"].notna()]
        entries = [{"code": code.strip(), "system": _SYSTEMS["9"], "day": None} for code in frame["icd9_code"]]
    else:
        frame = _rows(path, ("hadm_id", "chartdate", "icd_code", "icd_version"), admitted)
        frame = frame[frame["icd_code"].notna()]
        days = _days(frame, "chartdate", admitted)
        entries = [
            {"code": code.strip(), "system": _SYSTEMS.get(str(version).strip()), "day": day}
            for code, version, day in zip(frame["icd_code"], frame["icd_version"], days, strict=True)
        ]
    found = _grouped(frame["hadm_id"], entries)
    for own in found.values():
        own.sort(key=lambda entry: (entry["day"] is None, entry["day"] or 0, entry["code"]))
    return found


def _services(path: Path, admitted: pd.Series[Any]) -> dict[str, list[Any]]:
    frame = _rows(path, ("hadm_id", "transfertime", "curr_service"), admitted)
    frame = frame[frame["curr_service"].notna()].assign(at=lambda f: stamps(f["transfertime"]))
    frame = frame.sort_values("at", kind="stable")
    return _grouped(frame["hadm_id"], [service.strip() for service in frame["curr_service"]])


def _medications(path: Path, admitted: pd.Series[Any], started: str) -> dict[str, list[Any]]:
    """Each drug of a stay once, by name, with its first day; orders before the admission count as day 0."""
    wanted = ("hadm_id", started, "drug")
    firsts = []
    for chunk in table_chunks(path, wanted, _ROWS):
        own = chunk.loc[chunk["hadm_id"].isin(admitted.index) & chunk["drug"].notna(), list(wanted)]
        own = own.assign(name=own["drug"].str.strip(), day=pd.Series(_days(own, started, admitted), own.index, float))
        firsts.append(own.groupby(["hadm_id", "name"], sort=True)["day"].min())
    if not firsts:
        return {}
    first = pd.concat(firsts).groupby(level=[0, 1], sort=True).min().clip(lower=0).reset_index()
    entries = [
        {"name": name, "start_day": None if pd.isna(day) else int(day)}
        for name, day in zip(first["name"], first["day"], strict=True)
    ]
    return _grouped(first["hadm_id"], entries)


def _cultures(path: Path, admitted: pd.Series[Any]) -> dict[str, list[Any]]:
    """One entry for each row: an organism that was tested against ten drugs stands there ten times."""
    frame = _rows(path, ("hadm_id", "chartdate", "spec_type_desc", "org_name"), admitted)
    days = _days(frame, "chartdate", admitted)
    entries = [
        {"specimen": _text(specimen), "organism": _text(organism), "day": day}
        for specimen, organism, day in zip(frame["spec_type_desc"], frame["org_name"], days, strict=True)
    ]
    return _grouped(frame["hadm_id"], entries)


def _units(tables: Mapping[str, Path], admitted: pd.Series[Any]) -> dict[str, list[Any]]:
    """Intensive care in order of time; out of the transfers where there is no table of its own."""
    if "icustays" in tables:
        frame = _rows(tables["icustays"], ("hadm_id", "first_careunit", "intime", "outtime"), admitted)
        frame = frame.rename(columns={"first_careunit": "unit"})
    else:
        column = "careunit" if "careunit" in _columns(tables["transfers"]) else "curr_careunit"
        frame = _rows(tables["transfers"], ("hadm_id", column, "intime", "outtime"), admitted)
        frame = frame.rename(columns={column: "unit"})
        frame = frame[frame["unit"].str.contains(_INTENSIVE, case=False, regex=True, na=False)]
    frame = frame.assign(at=lambda f: stamps(f["intime"])).sort_values("at", kind="stable")
    hours = (stamps(frame["outtime"]) - frame["at"]).dt.total_seconds() / 3600
    entries = [
        {"name": _text(unit), "start_day": day, "hours": None if pd.isna(spent) else round(float(spent), 1)}
        for unit, day, spent in zip(frame["unit"], _days(frame, "intime", admitted), hours, strict=True)
    ]
    return _grouped(frame["hadm_id"], entries)


def _columns(path: Path) -> set[str]:
    return set(next(table_chunks(path, (), rows=1)).columns)
