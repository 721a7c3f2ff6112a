"""Bodies of requests as the OpenAPI document shows them: the formats of the command line, keys unknown carried through.

They check the form of what medcode reads; what a value means is checked by the functions that use it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
CodeText = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"[A-Za-z0-9]")]
Text = Annotated[str | int | None, Field(default=None)]
Number = Annotated[int | float | None, Field(default=None, ge=-1e9, le=1e9)]
Hospital = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,40}$")]


def _places(entry: list[Any]) -> list[Any]:
    numbers, texts = entry[2:], entry[:2]
    if any(t is not None and not isinstance(t, str) for t in texts):
        raise ValueError("type and section of document_types are texts")
    if any(n is not None and (isinstance(n, bool) or not isinstance(n, int) or abs(n) > _MOST_PLACES) for n in numbers):
        raise ValueError("count and place of document_types are whole numbers")
    return entry


def _day(written: str) -> str:
    try:
        day = date.fromisoformat(written[:10])
    except ValueError:
        return written  # what reads it says what is wrong with it
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"a date must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    return written


_MOST_PLACES = 1_000_000
_FIRST_YEAR, _LAST_YEAR = 1850, 2150
Day = Annotated[Annotated[str, AfterValidator(_day)] | None, Field(default=None, description="YYYY-MM-DD")]
Places = Annotated[list[Any], Field(min_length=3, max_length=4), AfterValidator(_places)]
"""Where a code is documented: [type, section, count, place]."""

NOTE_EXAMPLE: dict[str, Any] = {
    "record_id": "N1",
    "text": "Discharge diagnoses: acute on chronic systolic heart failure; type 2 diabetes mellitus; no pneumonia.",
    "setting": "inpatient",
    "discharge_date": "2026-11-15",
}
ENCOUNTER_EXAMPLE: dict[str, Any] = {
    "encounter_id": "E1",
    "age": 70,
    "sex": "M",
    "admission_type": "EMERGENCY",
    "discharge_date": "2026-11-15",
    "codes": ["E11.9", "I50.23", "N17.9"],
    "medications": [{"name": "furosemide", "start_day": 0}],
}
BILL_EXAMPLE: dict[str, Any] = {
    "encounter_id": "E1",
    "patient_id": "P1",
    "sex": "M",
    "age": 70,
    "birth_date": "1956-01-31",
    "setting": "inpatient",
    "admission_date": "2026-11-10",
    "admission_hour": "14",
    "discharge_date": "2026-11-15",
    "discharge_hour": "11",
    "admission_type": "1",
    "admission_source": "1",
    "discharge_status": "01",
    "admitting_code": "R06.02",
    "codes": [{"code": "J18.9", "poa": "Y"}, {"code": "J96.01", "poa": "Y"}],
    "procedures": [{"code": "5A1935Z", "system": "ICD-10-PCS", "date": "2026-11-11"}],
    "lines": [{"revenue_code": "0120", "modifiers": [], "units": 5, "charge": "9500.00", "date": "2026-11-10"}],
    "provider": {
        "npi": "1234567893",
        "name": "Example Hospital",
        "tax_id": "123456789",
        "taxonomy": "282N00000X",
        "address": "1 Main Street",
        "city": "Boston",
        "state": "MA",
        "zip": "021140000",
    },
    "attending": {"npi": "1234567893", "last_name": "Example", "first_name": "Alex"},
    "subscriber": {
        "member_id": "M1",
        "last_name": "Sample",
        "first_name": "Sam",
        "birth_date": "1956-01-31",
        "sex": "M",
        "address": "2 Main Street",
        "city": "Boston",
        "state": "MA",
        "zip": "02114",
    },
    "payer": {"payer_id": "00430", "name": "Medicare", "contract": "ipps"},
}
CASE_EXAMPLE: dict[str, Any] = {
    "drg": "291",
    "provider_id": "220071",
    "provider_name": "Example Hospital",
    "city": "Boston",
    "state": "MA",
    "zip": "02114",
    "referral_region": "MA - Boston",
}
WHOLE_EXAMPLE: dict[str, Any] = {key: value for key, value in BILL_EXAMPLE.items() if key != "codes"} | {
    "documents": [{"type": "discharge_summary", "text": NOTE_EXAMPLE["text"]}]
}


CHART_EXAMPLE: dict[str, Any] = {
    "encounter_id": "5f0c9a33d2b34f7a8c11",
    "coder": "a.coder",
    "opened_at": "2026-11-20T09:30:00Z",
    "closed_at": "2026-11-20T09:34:10Z",
    "outcome": "final",
    "active_seconds": 212,
    "decisions": [
        {"code": "I50.23", "outcome": "accepted", "poa": "Y"},
        {"code": "N17.9", "outcome": "rejected", "reason": "not_supported"},
        {"code": "E11.9", "outcome": "added", "place": 2, "poa": "Y"},
    ],
}


class Open(BaseModel):
    """An object whose other keys are carried through."""

    model_config = ConfigDict(extra="allow", strict=True)


class Note(Open):
    """A note to code."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [NOTE_EXAMPLE]})
    record_id: Id = Field(description="id of the note, the caller's own")
    text: str = Field(description="the note")
    setting: Literal["inpatient", "outpatient"] | None = None
    discharge_date: Day
    hospital_id: Hospital | None = None


class Code(Open):
    """A code with what is known of it."""

    code: CodeText
    poa: str | None = None
    score: Number
    mention_count: Number
    document_types: list[Places] | None = None
    assertion: str | None = None


class Document(Open):
    """A document: its text, or a page image or PDF in base64."""

    type: str | None = Field(default=None, description="such as discharge_summary")
    text: str | None = None
    image: str | None = Field(default=None, description="PNG, JPEG, TIFF or PDF in base64")


class Procedure(Open):
    """A procedure of a stay; `day` counts from admission, 0 first."""

    code: str | None = None
    system: str | None = None
    day: Number
    date: Day


class Medication(Open):
    """A medicine and the day it was started."""

    name: str | None = None
    start_day: Number


class Culture(Open):
    """A microbiological test."""

    specimen: str | None = None
    organism: str | None = None
    day: Number


class Unit(Open):
    """A ward or unit of the stay."""

    name: str | None = None
    start_day: Number
    hours: Number


class Stay(Open):
    """What ranking reads of an encounter."""

    encounter_id: Annotated[str | int, Field(description="id of the encounter, the caller's own")]
    patient_id: Text
    hospital_id: Hospital | None = None
    setting: str | None = None
    age: Number
    sex: str | None = None
    admission_type: Text
    admission_location: Text
    discharge_location: Text
    discharge_status: Text
    insurance: Text
    service: str | None = None
    length_of_stay_days: Number
    icu_hours: Number
    discharge_date: Day
    procedures: list[Procedure] | None = None
    medications: list[Medication] | None = None
    microbiology: list[Culture] | None = None
    units: list[Unit] | None = None
    services: list[str | Open] | None = None


class Encounter(Stay):
    """An encounter whose codes are to be put in reporting order."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [ENCOUNTER_EXAMPLE]})
    codes: list[CodeText | Code]
    poa: dict[str, str | None] | None = None
    documents: list[Document] | None = None


class Person(Open):
    """Who is insured."""

    birth_date: Day


class Line(Open):
    """A charge line, or a payment of an earlier payer."""

    date: Day


class Claim(Open):
    """A ranked encounter to bill; the README lists every key. What a claim needs and is absent holds it, by name."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [BILL_EXAMPLE]})
    encounter_id: str | int
    hospital_id: Hospital | None = None
    birth_date: Day
    admission_date: Day
    discharge_date: Day
    death_date: Day
    codes: list[str | Open] | None = None
    procedures: list[Line] | None = None
    lines: list[Line] | None = None
    provider: Open | None = None
    attending: Open | None = None
    subscriber: Person | None = None
    payer: Open | None = None
    prior_payments: list[Line] | None = None


class Case(Open):
    """An MS-DRG at a hospital, to price."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [CASE_EXAMPLE]})
    drg: str | int
    provider_id: str | int
    hospital_id: Hospital | None = None


class Whole(Stay):
    """An encounter with its documents, for the whole way: what ranking and billing read, documents instead of codes."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [WHOLE_EXAMPLE]})
    documents: Annotated[list[Document], Field(min_length=1)]
    birth_date: Day
    admission_date: Day
    death_date: Day
    setting: Literal["inpatient", "outpatient"] | None = None
    lines: list[Line] | None = None
    provider: Open | None = None
    attending: Open | None = None
    subscriber: Person | None = None
    payer: Open | None = None
    prior_payments: list[Line] | None = None


class CodeDecision(Open):
    """What a coder decided about a code. The README says which keys each outcome has."""

    code: CodeText
    outcome: Literal["accepted", "rejected", "added", "reordered", "withdrawn"]
    reason: str | None = Field(default=None, description="of a rejection, such as not_documented")
    place: Annotated[int | None, Field(default=None, ge=1, le=500, description="of an added or reordered code")]
    poa: Literal["Y", "N", "U", "W", "1"] | None = None
    evidence: Open | None = Field(default=None, description="of an added code: document_id, start, end")
    decided_at: str | None = Field(default=None, description="ISO time with its offset")


class ReviewedChart(Open):
    """A chart that a coder opened: decisions on its codes, and how it was closed."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"examples": [CHART_EXAMPLE]})
    encounter_id: Id = Field(description="encounter, as the mart views name it")
    coder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.@:\-]{1,80}$")] = Field(
        description="user id of the coder"
    )
    kind: Literal["review", "audit"] = "review"
    opened_at: str = Field(description="ISO time with its offset; names the chart with encounter, kind and coder")
    closed_at: str | None = Field(default=None, description="closes the chart; with outcome")
    outcome: Literal["final", "given_back"] | None = None
    active_seconds: Annotated[int | float | None, Field(default=None, ge=0, le=1e7)]
    model_version: str | None = Field(default=None, description="version whose proposals the coder saw")
    decisions: Annotated[list[CodeDecision], Field(max_length=500)] | None = None


class Notes(Open):
    """Notes to code together."""

    records: Annotated[list[Note], Field(min_length=1)]


class Encounters(Open):
    """Encounters to rank together."""

    records: Annotated[list[Encounter], Field(min_length=1)]


class Claims(Open):
    """Encounters to bill together: a claim that repeats one before it is a duplicate."""

    records: Annotated[list[Claim], Field(min_length=1)]


class Cases(Open):
    """Cases to price together: what is known of a hospital's other cases is used."""

    records: Annotated[list[Case], Field(min_length=1)]


class ReviewedCharts(Open):
    """Charts of coders, taken in their order."""

    records: Annotated[list[ReviewedChart], Field(min_length=1)]


class Wholes(Open):
    """Encounters with their documents, for the whole way."""

    records: Annotated[list[Whole], Field(min_length=1)]


ONE: dict[str, type[Open]] = {
    "code": Note, "rank": Encounter, "bill": Claim, "price": Case, "encounter": Whole,
    "review": ReviewedChart,
}  # fmt: skip
MANY: dict[str, type[Open]] = {
    "code": Notes, "rank": Encounters, "bill": Claims, "price": Cases, "encounter": Wholes,
    "review": ReviewedCharts,
}  # fmt: skip
