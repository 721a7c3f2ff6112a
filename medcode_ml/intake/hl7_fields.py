"""HL7 v2 segments turned into the values of delivered rows: dates, names, numbers, code tables.

What a table does not name is passed on as delivered, so that a later stage can say what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Final

from medcode_ml.intake.gathering import Row
from medcode_ml.intake.hl7_messages import Message, Segment
from medcode_ml.intake.senders import Senders

_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NPI: Final = re.compile(r"[12]\d{9}", re.ASCII)
#: HL7 table 0004, patient class
SETTINGS: Final = {
    "I": "inpatient", "B": "inpatient", "E": "outpatient", "O": "outpatient", "P": "outpatient", "R": "outpatient",
}  # fmt: skip
#: HL7 table 0007, admission type -> UB-04 form locator 14
ADMISSION_TYPES: Final = {"E": "1", "A": "1", "U": "2", "R": "3", "C": "3", "N": "4"}
_SEXES: Final = {"M": "M", "F": "F", "A": "U", "O": "U", "U": "U", "N": "U"}
_OTHER_NUMBERS: Final = frozenset({"SS", "DL", "MC", "MA", "AN", "VN", "PPN", "BR", "NI", "MB", "SN"})
LOINC_VITALS: Final = frozenset(
    {
        "8310-5", "8867-4", "9279-1", "8480-6", "8462-4", "8478-0", "85354-9", "59408-5", "2708-6", "29463-7", "3141-9",
        "8302-2", "39156-5", "9843-4", "8331-1", "8328-7",
    }
)  # fmt: skip
"""LOINC codes of vital signs: temperature, rates, blood pressure, saturation, weight, height, BMI, head."""
FLAGS: Final = {"L": "L", "LL": "L", "<": "L", "H": "H", "HH": "H", ">": "H", "A": "A", "AA": "A"}
"""HL7 table 0078 -> the flags of the contract; normal and unknown ones have none."""


def day(value: str | None) -> str | None:
    """YYYY-MM-DD of an HL7 time; a shorter or other value as delivered."""
    found = _DAY.match(value) if value else None
    return "-".join(found.groups()) if found else value


def hour(value: str | None) -> str | None:
    """HH of an HL7 time that has one."""
    return value[8:10] if value and re.match(r"\d{10}", value) else None


def moment(value: str | None) -> int:
    """An HL7 time as the number YYYYMMDDHHMMSS, 0 where there is none; the offset from UTC is left out."""
    found = re.match(r"\d{4,14}", value) if value else None
    return int(found.group().ljust(14, "0")) if found else 0


def npi(segment: Segment | None, field: int) -> str | None:
    """The NPI of a person field (XCN): the repetition that says it is one, else an id that has the form of one."""
    if segment is None:
        return None
    alike = None
    for n in range(1, segment.repetitions(field) + 1):
        number = segment.value(field, 1, repetition=n)
        if "NPI" in (segment.value(field, 9, repetition=n), segment.value(field, 13, repetition=n)):
            return number
        if number is not None and _NPI.fullmatch(number) and segment.value(field, 13, repetition=n) is None:
            alike = alike or number
    return alike


def hospital(message: Message, visit: Segment | None, senders: Senders) -> str | None:
    """Hospital of a message: by `senders.csv` PV1-3.4 before MSH-4; without it the code in MSH-4, else PV1-3.4."""
    place, sender = visit.value(3, 4) if visit else None, message.head.value(4)
    return senders.hospital([sender, place] if senders.hospitals is None else [place, sender])


def record_number(identity: Segment, of: str, senders: Senders) -> str | None:
    """Medical record number in PID-3: of type MR and this hospital, then of type MR, then of this hospital, then any
    that is not another kind of number; PID-2 where PID-3 is empty."""
    ranked: list[tuple[int, int, str]] = []
    for n in range(1, identity.repetitions(3) + 1):
        number, kind = identity.value(3, 1, repetition=n), identity.value(3, 5, repetition=n)
        if number is None or kind in _OTHER_NUMBERS:
            continue
        own = senders.means(identity.value(3, 4, repetition=n), of)
        ranked.append((2 * (kind != "MR") + (not own), n, number))
    return min(ranked)[2] if ranked else identity.value(2)


def visit_number(identity: Segment, visit: Segment | None) -> str | None:
    """Visit number PV1-19, else the account number PID-18."""
    return (visit.value(19) if visit else None) or identity.value(18)


def patient_row(identity: Segment, hospital_id: str, mrn: str) -> Row:
    """Row of the patient table from PID."""
    name = _repetition(identity, 5, 7, "L")
    home = _repetition(identity, 11, 7, "H")
    sex = identity.value(8)
    ssn = next(
        (
            identity.value(3, repetition=n)
            for n in range(1, identity.repetitions(3) + 1)
            if identity.value(3, 5, repetition=n) == "SS"
        ),
        None,
    )
    return {
        "hospital_id": hospital_id,
        "mrn": mrn,
        "last_name": identity.value(5, 1, 1, name),
        "first_name": identity.value(5, 2, 1, name),
        "birth_date": day(identity.value(7)),
        "sex": _SEXES.get(sex.upper(), sex) if sex else None,
        "death_date": day(identity.value(29)),
        "ssn": identity.value(19) or ssn,
        "address": identity.value(11, 1, 1, home),
        "city": identity.value(11, 3, 1, home),
        "state": identity.value(11, 4, 1, home),
        "zip": identity.value(11, 5, 1, home),
    }


def encounter_row(message: Message, visit: Segment, hospital_id: str, mrn: str, number: str) -> Row:
    """Row of the encounter table from PV1, with the first insurance (IN1) and the admitting diagnosis (DG1)."""
    kind, priority = visit.value(2), visit.value(4)
    admitted, left = visit.value(44), visit.value(45)
    if left is None and kind == "O":
        left_day, left_hour = day(admitted), None  # a visit begins and ends on its day
    else:
        left_day, left_hour = day(left), hour(left)
    insurance = message.first("IN1")
    admitting = next((one for one in message.segments if one.name == "DG1" and one.value(6) == "A"), None)
    return {
        "hospital_id": hospital_id,
        "encounter_number": number,
        "mrn": mrn,
        "setting": SETTINGS.get(kind.upper(), kind) if kind else None,
        "admission_date": day(admitted),
        "admission_hour": hour(admitted),
        "discharge_date": left_day,
        "discharge_hour": left_hour,
        "admission_type": ADMISSION_TYPES.get(priority.upper(), priority) if priority else None,
        "admission_source": visit.value(14),
        "discharge_status": visit.value(36),
        "service": visit.value(10),
        "attending_npi": npi(visit, 7),
        "payer_id": insurance.value(3) if insurance else None,
        "member_id": (insurance.value(36) or insurance.value(49)) if insurance else None,
        "admitting_code": admitting.value(3) if admitting else None,
    }


def coded_name(segment: Segment, field: int) -> tuple[str | None, str | None, str | None]:
    """(name, code, system) of a coded field (CE, CWE): LOINC where either of its two codes is one."""
    places = [at for at in (1, 4) if segment.value(field, at) or segment.value(field, at + 1)]
    if not places:
        return None, None, None
    loinc = [at for at in places if (segment.value(field, at + 2) or "").upper() in ("LN", "LOINC")]
    at = (loinc or places)[0]
    system = "LOINC" if loinc else segment.value(field, at + 2)
    name = segment.value(field, at + 1) or segment.value(field, 2) or segment.value(field, at)
    return name, segment.value(field, at), system


def result_value(result: Segment) -> str | None:
    """OBX-5 as text: coded values by their words, structured numbers put together, repetitions in lines."""
    kind = result.value(2)
    values = []
    for n in range(1, result.repetitions(5) + 1):
        if kind in ("CE", "CWE", "CNE", "CF"):
            words = (result.value(5, part, repetition=n) for part in (2, 9, 1))
            value = next(filter(None, words), None)
        elif kind == "SN":
            value = "".join(result.value(5, part, repetition=n) or "" for part in (1, 2, 3, 4))
        elif kind in ("DT", "DTM", "TS"):
            value = day(result.value(5, repetition=n))
        else:
            value = result.texts(5)[n - 1].strip()
        if value and value != '""':
            values.append(value)
    return "\n".join(values) or None


def _repetition(segment: Segment, field: int, kind_at: int, kind: str) -> int:
    """The first repetition of that kind (component `kind_at`), else the first."""
    for n in range(1, segment.repetitions(field) + 1):
        if segment.value(field, kind_at, repetition=n) == kind:
            return n
    return 1
