"""Delivered rows written as HL7 v2 messages and FHIR resources: the same facts through another door."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
SETTINGS = {"inpatient": ("I", "IMP"), "outpatient": ("O", "AMB")}
PRIORITIES = {"1": ("E", "EM"), "2": ("U", "UR"), "3": ("C", "EL")}
TYPES = {
    "discharge_summary": ("DS", "18842-5"),
    "history_and_physical": ("HP", "34117-2"),
    "operative_note": ("OP", "11504-8"),
    "progress_note": ("PR", "11506-3"),
    "radiology_report": ("DI", "18748-4"),
    "consultation": ("CN", "11488-4"),
}


# --- HL7 v2 -----------------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """HL7 escape sequences for the separators and line ends of `text`."""
    for character, sequence in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("~", "\\R\\"), ("&", "\\T\\")):
        text = (
            text.replace(character, "\0" + sequence[1:-1] + "\0") if character != "\\" else text.replace("\\", "\0E\0")
        )
    return text.replace("\n", "\0.br\0").replace("\0", "\\")


def segment(name: str, **fields: str | None) -> str:
    """A segment with fields by number (f3="x"), escaped by the caller."""
    last = max((int(key[1:]) for key in fields), default=0)
    return "|".join([name, *(fields.get(f"f{n}") or "" for n in range(1, last + 1))])


def stamp(day: str | None, hour: str | None = None) -> str | None:
    """An HL7 time."""
    return None if not day else day.replace("-", "") + (f"{hour}00" if hour else "")


def head(hospital: str, kind: str, control: str = "1", at: str = "20261003080000") -> str:
    """MSH."""
    return f"MSH|^~\\&|EHR|{hospital}|MEDCODE|NET|{at}||{kind}|{control}|P|2.5.1|||||USA|UNICODE UTF-8"


def pid(patient: Row) -> str:
    """PID of a patient row."""
    name = f"{escaped(patient['last_name'])}^{escaped(patient['first_name'])}"
    home = "^".join(
        ["" if c is None else escaped(patient.get(c) or "") for c in ("address", None, "city", "state", "zip")]
    )
    return segment(
        "PID",
        f1="1",
        f3=f"{patient['mrn']}^^^{patient['hospital_id']}^MR",
        f5=name,
        f7=stamp(patient["birth_date"]),
        f8=patient["sex"],
        f11=home,
        f19=patient.get("ssn"),
        f29=stamp(patient.get("death_date")),
    )


def pv1(stay: Row) -> str:
    """PV1 of an encounter row."""
    return segment(
        "PV1",
        f1="1",
        f2=SETTINGS[stay["setting"]][0],
        f4=PRIORITIES[stay["admission_type"]][0],
        f7=f"{stay['attending_npi']}^Doe^Jo^^^^^^NPI",
        f10=stay.get("service"),
        f14=stay["admission_source"],
        f19=stay["encounter_number"],
        f36=stay["discharge_status"],
        f44=stamp(stay["admission_date"], stay.get("admission_hour")),
        f45=stamp(stay["discharge_date"], stay.get("discharge_hour")),
    )


def txa(note: Row, **fields: str | None) -> str:
    """TXA of a document row."""
    kind = TYPES[note["document_type"]][0]
    given: dict[str, str | None] = {
        "f1": "1",
        "f2": kind,
        "f4": stamp(note.get("written_date")),
        "f12": note["record_id"],
    }
    return segment("TXA", **{**given, "f17": "LA", "f19": "AV", **fields})


def mdm(patient: Row, stay: Row, note: Row, event: str = "T02", at: str = "20261003080000", **fields: str) -> str:
    """An MDM message of a document row; text one OBX, page files (name -> bytes) by `attached`."""
    body = (
        [segment("OBX", f1="1", f2="TX", f3="18842-5^Document^LN", f5=escaped(note["text"]))]
        if note.get("text")
        else []
    )
    parts = [
        head(stay["hospital_id"], f"MDM^{event}^MDM_T02", at=at),
        pid(patient),
        pv1(stay),
        txa(note, **fields),
        *body,
    ]
    return "\r".join(parts) + "\r"


def attached(data: bytes, subtype: str) -> str:
    """An OBX with a file inside."""
    return segment(
        "OBX", f1="9", f2="ED", f3="PDF^Scan^L", f5=f"^IM^{subtype}^Base64^{base64.b64encode(data).decode()}"
    )


def oru(patient: Row, stay: Row, results: Sequence[Row], at: str = "20261003080000", **fields: str) -> str:
    """An ORU message of observation rows."""
    lines = []
    for n, row in enumerate(results, start=1):
        system = "LN" if row.get("code_system") == "LOINC" else row.get("code_system") or "L"
        number = (row.get("value") or "").replace(".", "", 1).isdigit()
        given: dict[str, str | None] = {
            "f1": str(n),
            "f2": "NM" if number else "ST",
            "f3": f"{row.get('code') or ''}^{escaped(row['name'])}^{system}",
            "f5": escaped(row.get("value") or ""),
            "f6": row.get("unit"),
            "f8": row.get("flag"),
            "f11": "F",
            "f14": stamp(row.get("observed_date")),
        }
        lines.append(segment("OBX", **{**given, **fields}))
    order = segment("OBR", f1="1", f3="F100", f4="24323-8^Panel^LN", f7="20261001", f24="CH")
    start = [head(stay["hospital_id"], "ORU^R01^ORU_R01", at=at), pid(patient), pv1(stay), order]
    return "\r".join([*start, *lines]) + "\r"


# --- FHIR R4 ----------------------------------------------------------------------------------------------------------


def _dropped(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: kept for k, v in value.items() if (kept := _dropped(v)) not in (None, {}, [])}
    return [_dropped(v) for v in value] if isinstance(value, list) else value


def organization(hospital: str) -> dict[str, Any]:
    """The hospital."""
    return {"resourceType": "Organization", "id": f"org-{hospital}", "identifier": [{"value": hospital}], "name": "H"}


def fhir_patient(row: Row) -> dict[str, Any]:
    """Patient of a patient row."""
    given = {
        "resourceType": "Patient",
        "id": f"p-{row['mrn']}",
        "identifier": [
            {"type": {"coding": [{"code": "MR"}]}, "system": row["hospital_id"], "value": row["mrn"]},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": row["ssn"]} if row.get("ssn") else None,
        ],
        "name": [{"family": row["last_name"], "given": [row["first_name"]]}],
        "gender": {"M": "male", "F": "female"}.get(row["sex"], "unknown"),
        "birthDate": row["birth_date"],
        "deceasedDateTime": row.get("death_date"),
        "address": [{"line": [row["address"]], "city": row["city"], "state": row["state"], "postalCode": row["zip"]}],
        "managingOrganization": {"reference": f"Organization/org-{row['hospital_id']}"},
    }
    given["identifier"] = [one for one in given["identifier"] if one]
    return _dropped(given)


def fhir_encounter(row: Row) -> dict[str, Any]:
    """Encounter of an encounter row."""
    hours = {
        side: f"T{row[f'{side}_hour']}:00:00-05:00" if row.get(f"{side}_hour") else ""
        for side in ("admission", "discharge")
    }
    return _dropped(
        {
            "resourceType": "Encounter",
            "id": f"e-{row['encounter_number']}",
            "status": "finished",
            "class": {"code": SETTINGS[row["setting"]][1]},
            "identifier": [{"type": {"coding": [{"code": "VN"}]}, "value": row["encounter_number"]}],
            "subject": {"reference": f"Patient/p-{row['mrn']}"},
            "serviceProvider": {"reference": f"Organization/org-{row['hospital_id']}"},
            "priority": {"coding": [{"code": PRIORITIES[row["admission_type"]][1]}]},
            "serviceType": {"text": row.get("service")},
            "participant": [
                {
                    "type": [{"coding": [{"code": "ATND"}]}],
                    "individual": {
                        "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": row["attending_npi"]}
                    },
                }
            ],
            "period": {
                "start": f"{row['admission_date']}{hours['admission']}",
                "end": f"{row['discharge_date']}{hours['discharge']}",
            },
            "hospitalization": {
                "admitSource": {"coding": [{"code": row["admission_source"]}]},
                "dischargeDisposition": {"coding": [{"code": row["discharge_status"]}]},
            },
        }
    )


def fhir_document(row: Row, *contents: dict[str, Any], **other: Any) -> dict[str, Any]:
    """DocumentReference of a document row; its text is its content unless `contents` are given."""
    given = list(contents) or [{"attachment": inline(row["text"].encode(), "text/plain; charset=utf-8")}]
    return {
        "resourceType": "DocumentReference",
        "id": f"d-{row['record_id']}",
        "status": "current",
        "masterIdentifier": {"value": row["record_id"]},
        "type": {"coding": [{"system": "http://loinc.org", "code": TYPES[row["document_type"]][1]}]},
        "date": f"{row['written_date']}T12:00:00Z",
        "content": given,
        "context": {"encounter": [{"reference": f"Encounter/e-{row['encounter_number']}"}]},
        **other,
    }


def inline(data: bytes, media: str) -> dict[str, Any]:
    """An attachment with its content, size and SHA-1."""
    digest = base64.b64encode(hashlib.sha1(data).digest()).decode()
    return {"contentType": media, "data": base64.b64encode(data).decode(), "size": len(data), "hash": digest}


def fhir_observation(row: Row, at: int, **other: Any) -> dict[str, Any]:
    """Observation of an observation row."""
    system = "http://loinc.org" if row.get("code_system") == "LOINC" else row.get("code_system")
    value = row.get("value") or ""
    number = value.replace(".", "", 1).isdigit()
    given = {
        "resourceType": "Observation",
        "id": f"o-{row['encounter_number']}-{at}",
        "status": "final",
        "category": [{"coding": [{"code": {"vital": "vital-signs"}.get(str(row.get("kind")), "laboratory")}]}],
        "code": {"coding": [{"system": system, "code": row.get("code")}], "text": row["name"]},
        "encounter": {"reference": f"Encounter/e-{row['encounter_number']}"},
        "effectiveDateTime": row.get("observed_date"),
        "valueQuantity": {"value": "\0" + value + "\0", "code": row.get("unit")} if number else None,
        "valueString": None if number else value,
        "interpretation": [{"coding": [{"code": row.get("flag")}]}] if row.get("flag") else None,
        **other,
    }
    return _dropped(given)


def as_json(resource: Mapping[str, Any]) -> str:
    """JSON of a resource, numbers with the digits they were delivered with."""
    return json.dumps(resource).replace('"\\u0000', "").replace('\\u0000"', "")


def ndjson(*resources: Mapping[str, Any]) -> bytes:
    """Resources as NDJSON."""
    return "".join(as_json(one) + "\n" for one in resources).encode()


def bundle(*resources: Mapping[str, Any]) -> bytes:
    """Resources as a Bundle."""
    entries = ", ".join(f'{{"resource": {as_json(one)}}}' for one in resources)
    return f'{{"resourceType": "Bundle", "type": "collection", "entry": [{entries}]}}'.encode()
