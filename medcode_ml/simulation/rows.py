"""Rows of the delivered tables, and of the truth, for one encounter."""

from __future__ import annotations

import zlib
from datetime import timedelta

import numpy as np

from medcode_ml.simulation.charges import charge_rows
from medcode_ml.simulation.combining import Coded
from medcode_ml.simulation.drawing import chance
from medcode_ml.simulation.notes import Document
from medcode_ml.simulation.organisations import LOCAL_CODES, LOCAL_HOSPITAL, LOCAL_SYSTEM
from medcode_ml.simulation.stays import Performed, Stay

Row = dict[str, str]
#: tables under `_truth`, never read by the pipeline
TRUTH_COLUMNS: dict[str, list[str]] = {
    "codes": ["hospital_id", "encounter_number", "line_number", "code", "poa", "scenario"],
    "pages": ["file", "page", "record_id", "fault", "text"],
    "mentions": ["record_id", "start", "end", "code", "assertion"],
    "sections": ["record_id", "start", "end", "section_type"],
    "faults": ["hospital_id", "encounter_number", "table_name", "record", "kind", "expected"],
    "persons": ["hospital_id", "mrn", "person"],
}
#: a legacy system sends these in ICD-9-CM
_OLD_CODES = {
    "I10": "401.9",
    "E11.9": "250.00",
    "E78.5": "272.4",
    "J44.9": "496",
    "I25.10": "414.01",
    "K21.9": "530.81",
    "E03.9": "244.9",
    "I48.20": "427.31",
    "I48.0": "427.31",
    "F32.A": "311",
}
_LOCAL = {code: local for local, code in LOCAL_CODES.items()}
_LEGACY_SHARE, _TRANSFER_SHARE = 0.05, 0.04


def encounter_rows(
    rng: np.random.Generator,
    stay: Stay,
    documents: tuple[Document, ...],
    record_ids: list[str],
    coded: tuple[Coded, ...],
    coder: str,
) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
    """Delivered rows and truth rows of an encounter, table by table."""
    key = {"hospital_id": stay.person.hospital.hospital_id, "encounter_number": stay.encounter_number}

    def numbered(some: list[Row]) -> list[Row]:
        return [{**key, "line_number": str(n), **row} for n, row in enumerate(some, 1)]

    def on(day: int) -> str:
        return (stay.admission + timedelta(days=min(day, stay.days))).isoformat()

    patient = stay.person.row()
    if stay.discharge_status == "20":
        patient["death_date"] = stay.discharge.isoformat()
    tables: dict[str, list[Row]] = {
        "patient": [patient],
        "encounter": [_encounter(stay, len(documents))],
        "scanned_record": [
            {
                **key,
                "record_id": record_id,
                "mrn": stay.person.mrn,
                "document_type": d.document_type,
                "written_date": d.written.isoformat(),
                "author_npi": d.author.npi,
                "text": d.text,
                "files": "",
                "page_count": "",
            }
            for record_id, d in zip(record_ids, documents, strict=True)
        ],
        "procedure": numbered([{**_procedure_code(stay, p), "procedure_date": on(p.day)} for p in stay.performed]),
        "diagnosis": numbered(_delivered_diagnoses(rng, stay)),
        "charge": charge_rows(rng, stay),
        "coder_label": numbered(
            [{"code": c.code, "poa": c.poa if stay.days else "", "coder_id": coder} for c in coded]
        ),
        "medication": numbered([{"drug": drug, "ndc": _ndc(drug), "start_date": on(day)} for drug, day in stay.drugs]),
        "microbiology": numbered(
            [
                {"specimen": specimen, "organism": organism, "specimen_date": on(day)}
                for specimen, organism, day in stay.cultures
            ]
        ),
        "unit_stay": numbered(
            [{"unit": unit, "start_date": on(day), "hours": str(hours)} for unit, day, hours in stay.units]
        ),
        "service": numbered([{"service": service} for service in stay.services]),
    }
    truth = {
        "codes": numbered(
            [{"code": c.code, "poa": c.poa if stay.days else "", "scenario": stay.scenario.name} for c in stay.codes]
        ),
        "pages": [],
        "mentions": [
            {"record_id": record_id, "start": str(m.start), "end": str(m.end), "code": m.code, "assertion": m.assertion}
            for record_id, d in zip(record_ids, documents, strict=True)
            for m in d.mentions
        ],
        "sections": [
            {"record_id": record_id, "start": str(p.start), "end": str(p.end), "section_type": p.section_type}
            for record_id, d in zip(record_ids, documents, strict=True)
            for p in d.sections
        ],
        "faults": [],
    }
    return tables, truth


def _procedure_code(stay: Stay, performed: Performed) -> Row:
    """The procedure as the hospital lists it: one of the hospitals has a system of its own for what is done most."""
    if stay.person.hospital.hospital_id == LOCAL_HOSPITAL and performed.code in _LOCAL:
        return {"code": _LOCAL[performed.code], "code_system": LOCAL_SYSTEM}
    return {"code": performed.code, "code_system": performed.op.system}


def _encounter(stay: Stay, documents: int) -> Row:
    scenario, person = stay.scenario, stay.person
    return {
        "hospital_id": person.hospital.hospital_id,
        "encounter_number": stay.encounter_number,
        "mrn": person.mrn,
        "setting": scenario.setting,
        "admission_date": stay.admission.isoformat(),
        "admission_hour": f"{stay.admission_hour:02d}",
        "discharge_date": stay.discharge.isoformat(),
        "discharge_hour": f"{stay.discharge_hour:02d}",
        "admission_type": scenario.admission_type,
        "admission_source": scenario.origin,
        "discharge_status": stay.discharge_status,
        "service": stay.services[0],
        "attending_npi": stay.attending.npi,
        "payer_id": person.payer.payer_id,
        "member_id": person.member_id,
        "admitting_code": stay.admitting_code if stay.days else "",
        "document_count": str(documents),
    }


def _delivered_diagnoses(rng: np.random.Generator, stay: Stay) -> list[Row]:
    """Diagnoses that come with the record: a legacy problem list in ICD-9-CM, or those of a transferring facility."""
    if chance(rng, _LEGACY_SHARE):
        return [
            {"code": _OLD_CODES[f.code], "code_system": "ICD-9-CM", "poa": ""}
            for f in stay.findings
            if f.code in _OLD_CODES
        ]
    if stay.days and chance(rng, _TRANSFER_SHARE):
        return [{"code": c.code, "code_system": "ICD-10-CM", "poa": c.poa} for c in stay.codes[:2]]
    return []


def _ndc(drug: str) -> str:
    """A drug code in one of the layouts that pharmacies send; labeler 99999 is nobody's."""
    number = zlib.crc32(drug.split(" ")[0].encode())
    product, package, layout = number % 9000 + 1000, number // 9000 % 90 + 10, number % 4
    if layout == 0:
        return f"99999-{product % 1000:03d}-{package:02d}"
    if layout == 1:
        return f"99999-{product:04d}-{package % 10}"
    return f"99999-{product:04d}-{package:02d}" if layout == 2 else ""
