"""What the MIMIC-III and MIMIC-IV layouts share: finding files, moving dates back, and shaping delivered rows.

MIMIC is de-identified research data of one hospital. What it lacks stays missing: no names, no claim identifiers, no
charges, no present-on-admission flags, no coders. One hospital row stands in for the unnamed hospital; its NPI has a
valid form and belongs to nobody, and its tax id, taxonomy and address are missing, so that claims are held.

Every patient's dates were shifted into the years 2100 to 2202. `Rebase` moves them back, by whole years and for the
whole patient at once. Codes stay as delivered, ICD-9 without its dot.

A table is held in memory while it is read: meant for the demos and for extracts, not for all of MIMIC at once.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from calendar import isleap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from medcode_ml.intake.delimited import ReadTable, read_csv
from medcode_ml.intake.source import DEFAULT_RECEIVED, WHOLE_FILE, DeliveredFile, DeliveryError, delivered_file

HOSPITAL_ID: Final = "mimic"
STAND_IN_NPI: Final = "1000000004"
HCPCS_LINES_AFTER: Final = 1000
"""ICD procedures have a file of their own, numbered from 1; no stay has this many."""
_SUB_FOLDERS: Final = ("", "hosp", "icu", "note")
_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?=$|[ T])", re.ASCII)
_CPT: Final = re.compile(r"\d{4}[0-9A-Z]", re.ASCII)
#: Insurance as MIMIC writes it -> kind of payer. "Government" and "Other" say nothing certain and stay unmapped.
PAYER_KINDS: Final = {
    "medicare": "medicare",
    "medicaid": "medicaid",
    "private": "commercial",
    "self pay": "self_pay",
}

Builder = Callable[["Stays", pd.DataFrame], pd.DataFrame]


def rebased(value: str | None, years: int) -> str | None:
    """Day of a date or timestamp moved back by whole years, as YYYY-MM-DD; 29 February becomes 28 in a common year.

    Text that is no ISO date is returned as delivered, for mapping to name as unreadable.
    """
    if value is None or not _ISO_DAY.match(value):
        return value
    year, rest = int(value[:4]) - years, value[4:10]
    return f"{year:04d}{'-02-28' if rest == '-02-29' and not isleap(year) else rest}"


def whole_years_back(last_day: str, received: date) -> int:
    """Fewest whole years that bring `last_day` (YYYY-MM-DD) to `received` or before; never moves a date forward."""
    later_in_year = last_day[5:10] > received.isoformat()[5:10]
    return max(0, int(last_day[:4]) - received.year + int(later_in_year))


@dataclass(frozen=True)
class Stays:
    """The admissions, one row each, and by how many years each patient's dates move back.

    A patient's last discharge comes to lie in the twelve months before the received day; the years between the
    patient's stays, and all days between dates except across a 29 February, stay as they were.
    """

    admissions: pd.DataFrame
    years: Mapping[str, int]

    @classmethod
    def of(cls, admissions: pd.DataFrame, received: date) -> Stays:
        """Work out the shift of every patient from the admissions (subject_id, admittime, dischtime as ISO text)."""
        ended = admissions["dischtime"].where(admissions["dischtime"].notna(), admissions["admittime"])
        readable = ended.notna() & ended.astype(str).str.match(_ISO_DAY) & admissions["subject_id"].notna()
        last = ended[readable].groupby(admissions["subject_id"][readable]).max()
        return cls(admissions, {str(who): whole_years_back(day, received) for who, day in last.items()})

    def moved(self, rows: pd.DataFrame, column: str) -> list[str | None]:
        """Days of `column` moved back by the years of each row's `subject_id`; all missing where there is no column."""
        if column not in rows:
            return [None] * len(rows)
        years = self.years
        return [rebased(day, years.get(who, 0)) for who, day in zip(rows["subject_id"], rows[column], strict=True)]

    def deaths(self, rows: pd.DataFrame, column: str) -> list[str | None]:
        """Days of death moved back; those after the delivery are left out, since nobody could know them that day."""
        delivered = DEFAULT_RECEIVED.isoformat()
        return [day if day is not None and day[:10] <= delivered else None for day in self.moved(rows, column)]


@dataclass(frozen=True)
class Step:
    """How one file of the layout becomes rows of one delivered table."""

    table: str
    file: str
    required: tuple[str, ...]
    build: Builder


class MimicSource(ABC):
    """A MIMIC folder read as one delivery; the two versions differ in their steps and in their first tables."""

    name: str
    steps: tuple[Step, ...]
    admission_columns: tuple[str, ...] = ("subject_id", "hadm_id", "admittime", "dischtime", "admission_type")
    patient_columns: tuple[str, ...] = ("subject_id", "gender")

    def __init__(self, root: Path, received: date = DEFAULT_RECEIVED) -> None:
        """Read `root` (files flat or in hosp/, icu/, note/; .csv or .csv.gz) as received on the day `received`."""
        self.root = root
        self.received = received

    def received_dates(self) -> list[date]:
        """The one received day."""
        return [self.received]

    def read(self, day: date, tables: Collection[str] | None = None) -> Iterator[DeliveredFile]:
        """Every table the folder has files for, or those of `tables`; nothing on any day but the received one.

        Raises:
            DeliveryError: the folder has no patients or no admissions.
        """
        if day != self.received:
            return
        for file in self._read_tables(tables):
            if tables is None or file.table in tables:
                yield file

    def _read_tables(self, tables: Collection[str] | None) -> Iterator[DeliveredFile]:
        patients_file, patients = self._needed("patients", self.patient_columns)
        admissions_file, admissions = self._needed("admissions", self.admission_columns)
        stays = Stays.of(self.readable_admissions(admissions.rows), self.received)
        yield delivered_file("hospital", "stand-in", hospital_row())
        yield delivered_file("payer", admissions_file, payer_rows(stays.admissions))
        yield delivered_file("patient", patients_file, self.patient_rows(stays, patients.rows), patients.rejected)
        encounters = self.encounter_rows(stays, self._first_services())
        yield delivered_file("encounter", admissions_file, encounters, admissions.rejected)
        for step in self.steps:
            path = self._find(step.file)
            if path is None or (tables is not None and step.table not in tables):
                continue
            file, read = self._read(path, step.required)
            rows = step.build(stays, read.rows) if len(read.rows) else read.rows
            yield delivered_file(step.table, file, rows, read.rejected)

    def page_path(self, day: date, file: str) -> Path:
        """MIMIC delivers text, never page files.

        Raises:
            DeliveryError: always.
        """
        raise DeliveryError(f"source {self.name} has no page files; its notes are text")

    def readable_admissions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Admissions with dates as ISO text; MIMIC-IV has them so."""
        return rows

    @abstractmethod
    def patient_rows(self, stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of the patient table."""

    @abstractmethod
    def encounter_rows(self, stays: Stays, first_service: Mapping[str, str]) -> pd.DataFrame:
        """Rows of the encounter table."""

    def _first_services(self) -> dict[str, str]:
        path = self._find("services")
        if path is None:
            return {}
        rows = self._read(path, ("hadm_id", "transfertime", "curr_service"))[1].rows
        return first_of(rows, "transfertime", "curr_service") if len(rows) else {}

    def _find(self, name: str) -> Path | None:
        """Path of a file in the folder or its sub-folders; upper or lower case, plain before gzipped."""
        for sub in _SUB_FOLDERS:
            folder = self.root / sub
            if not folder.is_dir():
                continue
            present = {path.name.lower(): path for path in folder.iterdir() if path.is_file()}
            for suffix in (".csv", ".csv.gz"):
                if f"{name}{suffix}" in present:
                    return present[f"{name}{suffix}"]
        return None

    def _needed(self, name: str, columns: tuple[str, ...]) -> tuple[str, ReadTable]:
        path = self._find(name)
        if path is None:
            raise DeliveryError(
                f"{self.root}: there is no {name}.csv or {name}.csv.gz here or in hosp/; set MEDCODE_SOURCE_DIR to a "
                f"folder of {self.name}"
            )
        file, read = self._read(path, columns)
        missing = [column for column in columns if column not in read.rows]
        if missing:
            raise DeliveryError(f"{read.rejected['reason'].iloc[0]} ({self.name} cannot be read without {name})")
        return file, read

    def _read(self, path: Path, required: tuple[str, ...]) -> tuple[str, ReadTable]:
        file = path.relative_to(self.root).as_posix()

        def fault(header: list[str]) -> tuple[str, str] | None:
            missing = [column for column in required if column not in header]
            if not missing:
                return None
            reason = f"{file}, line 1: column {', '.join(missing)} is missing; take the file from {self.name} unchanged"
            return "missing_column", reason

        return file, read_csv(path, file, fault, lower_header=True)


def hospital_row() -> pd.DataFrame:
    """The stand-in for the unnamed hospital: an id, a name that says so, an NPI of valid form; the rest is missing."""
    name = "MIMIC (stand-in for the unnamed hospital)"
    return pd.DataFrame([{"hospital_id": HOSPITAL_ID, "name": name, "npi": STAND_IN_NPI, "source_line": WHOLE_FILE}])


def payer_id(insurance: str | None) -> str | None:
    """Identifier of the payer that stands for an insurance; missing stays missing."""
    return None if insurance is None else "mimic-" + re.sub(r"\W+", "-", insurance.strip().lower())


def payer_rows(admissions: pd.DataFrame) -> pd.DataFrame:
    """One payer for each insurance named, at the line where it is named first; no contract is known."""
    if "insurance" not in admissions:
        return pd.DataFrame({"source_line": pd.Series(dtype="int64")})
    named = admissions.dropna(subset=["insurance"]).drop_duplicates("insurance")
    return pd.DataFrame(
        {
            "payer_id": [payer_id(insurance) for insurance in named["insurance"]],
            "name": named["insurance"].tolist(),
            "kind": [PAYER_KINDS.get(insurance.strip().lower()) for insurance in named["insurance"]],
            "source_line": named["source_line"].tolist(),
        },
        dtype=object,
    )


def encounter_frame(
    stays: Stays,
    first_service: Mapping[str, str],
    *,
    setting: Callable[[str | None], str | None],
    types: Mapping[str, str],
    origins: Mapping[str, str],
    statuses: Mapping[str, str],
) -> pd.DataFrame:
    """Encounters of the admissions; what the tables of UB-04 codes do not name stays missing."""
    rows = stays.admissions
    died = text_column(rows, "hospital_expire_flag") == "1"
    left = [statuses.get(place) for place in text_column(rows, "discharge_location")]
    return pd.DataFrame(
        {
            "hospital_id": HOSPITAL_ID,
            "encounter_number": rows["hadm_id"],
            "mrn": rows["subject_id"],
            "setting": [setting(kind) for kind in rows["admission_type"]],
            "admission_date": stays.moved(rows, "admittime"),
            "admission_hour": [hour(value) for value in rows["admittime"]],
            "discharge_date": stays.moved(rows, "dischtime"),
            "discharge_hour": [hour(value) for value in rows["dischtime"]],
            "admission_type": [types.get(kind) for kind in rows["admission_type"]],
            "admission_source": [origins.get(place) for place in text_column(rows, "admission_location")],
            "discharge_status": ["20" if dead else status for dead, status in zip(died, left, strict=True)],
            "service": [first_service.get(stay) for stay in rows["hadm_id"]],
            "payer_id": [payer_id(insurance) for insurance in text_column(rows, "insurance")],
            "source_line": rows["source_line"],
        },
        dtype=object,
    )


def hour(timestamp: str | None) -> str | None:
    """Hour of an ISO timestamp, two digits."""
    found = re.match(r"\d{4}-\d{2}-\d{2}[ T](\d{2}):", timestamp, re.ASCII) if timestamp else None
    return found.group(1) if found else None


def text_column(rows: pd.DataFrame, name: str) -> pd.Series:
    """A column, or missing throughout where the file lacks it."""
    return rows[name] if name in rows else pd.Series([None] * len(rows), index=rows.index, dtype=object)


def numbered(rows: pd.DataFrame, by: Sequence[str]) -> list[str]:
    """Line number of each row within its stay, from "1", in the order of the columns `by`, then as delivered.

    Columns ending in `seq_num` count as numbers, others as text.
    """
    keys = pd.DataFrame({"hadm_id": rows["hadm_id"]})
    for column in by:
        values = text_column(rows, column)
        keys[column] = pd.to_numeric(values, errors="coerce") if column.endswith("seq_num") else values
    order = keys.sort_values(list(by), kind="stable", na_position="last") if by else keys
    places = order.groupby("hadm_id", dropna=False).cumcount() + 1
    return [str(place) for place in places.reindex(rows.index)]


def first_of(rows: pd.DataFrame, when: str, what: str) -> dict[str, str]:
    """First value of `what` by time in each stay."""
    known = rows.dropna(subset=["hadm_id", what]).sort_values(when, kind="stable").drop_duplicates("hadm_id")
    return dict(zip(known["hadm_id"], known[what], strict=True))


def in_stay(rows: pd.DataFrame, line_number: Sequence[str | None], **columns: object) -> pd.DataFrame:
    """Delivered rows of a table that hangs on encounters."""
    frame: dict[str, object] = {
        "hospital_id": HOSPITAL_ID,
        "encounter_number": rows["hadm_id"],
        "line_number": list(line_number),
        **columns,
        "source_line": rows["source_line"],
    }
    return pd.DataFrame(frame, index=rows.index, dtype=object)


def service_rows(_: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Services in the order of transfer."""
    return in_stay(rows, numbered(rows, ["transfertime"]), service=rows["curr_service"])


def unit_stay_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Intensive care stays by time in; `los` is in days and becomes hours with two decimals."""
    hours = pd.to_numeric(text_column(rows, "los"), errors="coerce") * 24
    return in_stay(
        rows,
        numbered(rows, ["intime"]),
        unit=rows["first_careunit"],
        start_date=stays.moved(rows, "intime"),
        hours=[None if pd.isna(value) else f"{value:.2f}" for value in hours],
    )


def medication_rows(stays: Stays, rows: pd.DataFrame, start: str) -> pd.DataFrame:
    """Prescriptions by first day. MIMIC writes 0 where a drug has no NDC: that is missing."""
    ndc = [None if value == "0" else value for value in text_column(rows, "ndc")]
    return in_stay(rows, numbered(rows, [start]), drug=rows["drug"], ndc=ndc, start_date=stays.moved(rows, start))


def microbiology_rows(stays: Stays, rows: pd.DataFrame) -> pd.DataFrame:
    """Cultures by day taken, one row for each row delivered (organism and antibiotic each have their own)."""
    return in_stay(
        rows,
        numbered(rows, ["chartdate"]),
        specimen=rows["spec_type_desc"],
        organism=text_column(rows, "org_name"),
        specimen_date=stays.moved(rows, "chartdate"),
    )


def hcpcs_system(code: str | None) -> str | None:
    """CPT where the code has the form of the CPT levels I to III, HCPCS otherwise."""
    if code is None:
        return None
    return "CPT" if _CPT.fullmatch(code) else "HCPCS"
