"""Reading loop 2300 and what is below it, of a claim that medcode wrote: the counterpart of `institutional`,
`professional` and the earlier payers in `loops`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from medcode_ml.billing.transmission import is_external_cause
from medcode_ml.billing.x12.cursor import Cursor, Segment
from medcode_ml.billing.x12.institutional import INPATIENT_BILL, OUTPATIENT_BILL
from medcode_ml.billing.x12.loops import FILING_INDICATORS, ORIGINAL, SEQUENCE
from medcode_ml.billing.x12.professional import INPATIENT_HOSPITAL, OUTPATIENT_HOSPITAL
from medcode_ml.codes.identifiers import dotted

_KINDS = {indicator: kind for kind, indicator in FILING_INDICATORS.items()} | {"MB": "medicare"}
_SETTINGS = {
    "837I": {INPATIENT_BILL: "inpatient", OUTPATIENT_BILL: "outpatient"},
    "837P": {INPATIENT_HOSPITAL: "inpatient", OUTPATIENT_HOSPITAL: "outpatient"},
}


@dataclass
class ReadClaim:
    """Rows of one claim, each without its encounter: columns of the encounter, and tuples in the order of the lists
    `CODE_COLUMNS`, `PROCEDURE_COLUMNS`, `LINE_COLUMNS` and `PRIOR_PAYMENT_COLUMNS` of `claims` after the first.
    """

    encounter: dict[str, Any]
    codes: list[tuple[Any, ...]] = field(default_factory=list)
    procedures: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    prior_payments: list[tuple[Any, ...]] = field(default_factory=list)


def payer_kind(sbr: Segment) -> str | None:
    """Kind of payer by SBR09; None where it is not known."""
    return _KINDS.get(sbr.text(9) or "")


def read_claim(cursor: Cursor, claim_type: str) -> ReadClaim:
    """Read the claim that begins at the segment at hand, up to the segment after it.

    Raises:
        SegmentError: a segment is missing, or is not one that medcode writes.
    """
    clm = cursor.take("the claim", "CLM")
    place, qualifier, frequency = clm.parts(5, 3)
    setting = _SETTINGS[claim_type].get(place)
    if setting is None or qualifier != ("A" if claim_type == "837I" else "B"):
        raise clm.fault("CLM05 is not a facility that medcode writes")
    inpatient = setting == "inpatient"
    claim = ReadClaim(
        {
            "claim_number": clm.needed(1, "claim number"),
            "claim_type": claim_type,
            "setting": setting,
            "frequency_code": frequency or ORIGINAL,
            "payer_control_number": None,
            "delay_reason": clm.text(20),
        }
    )
    (_institutional_dates if claim_type == "837I" else _professional_dates)(cursor, claim.encounter, inpatient)
    if cursor.stands("REF", "F8"):
        claim.encounter["payer_control_number"] = cursor.any().needed(2, "payer's control number")
    if cursor.stands("REF", "EA"):
        claim.encounter["patient_id"] = cursor.any().needed(2, "patient's number")
    _codes(cursor, claim, claim_type, inpatient)
    attending = cursor.take("the clinician", "NM1", "71" if claim_type == "837I" else "82")
    claim.encounter |= {
        "attending_last_name": attending.needed(3, "last name"),
        "attending_first_name": attending.text(4),
        "attending_npi": attending.needed(9, "NPI"),
    }
    while cursor.stands("SBR"):
        _prior_payment(cursor, claim)
    _lines(cursor, claim, claim_type)
    if claim_type == "837P" and not inpatient:
        days = [line[6] for line in claim.lines]
        claim.encounter |= {"admission_date": min(days), "discharge_date": max(days)}
    if cursor.name not in ("CLM", "HL", "SE"):
        raise cursor.fault("not a segment that medcode writes here; one before it may be missing")
    return claim


def _hour(segment: Segment, value: str) -> str:
    if len(value) != 4 or not (value.isascii() and value.isdigit()) or value[2:] != "00" or int(value[:2]) > 23:
        raise segment.fault("no hour as medcode writes it (HH00)")
    return value[:2]


def _institutional_dates(cursor: Cursor, encounter: dict[str, Any], inpatient: bool) -> None:
    if inpatient:
        discharged = cursor.take("discharge hour", "DTP", "096")
        encounter["discharge_hour"] = _hour(discharged, discharged.needed(3, "discharge hour"))
    statement = cursor.take("statement dates", "DTP", "434")
    first, _, last = statement.needed(3, "statement dates").partition("-")
    encounter["admission_date"] = statement.day_of(first, "statement dates")
    encounter["discharge_date"] = statement.day_of(last, "statement dates")
    if inpatient:
        admitted = cursor.take("admission date and hour", "DTP", "435")
        value = admitted.needed(3, "admission date and hour")
        encounter["admission_hour"] = _hour(admitted, value[8:])
        if admitted.day_of(value[:8], "admission date") != encounter["admission_date"]:
            raise admitted.fault("the admission date is not the first of the statement dates")
    status = cursor.take("admission type, source and discharge status", "CL1")
    encounter |= {
        "admission_type": status.text(1),
        "admission_source": status.text(2),
        "discharge_status": status.needed(3, "discharge status"),
    }


def _professional_dates(cursor: Cursor, encounter: dict[str, Any], inpatient: bool) -> None:
    if inpatient:
        encounter["admission_date"] = cursor.take("admission date", "DTP", "435").day(3, "admission date")
        encounter["discharge_date"] = cursor.take("discharge date", "DTP", "096").day(3, "discharge date")


def _codes(cursor: Cursor, claim: ReadClaim, claim_type: str, inpatient: bool) -> None:
    """HI segments; the codes of ABN, which the claim carries apart, come after those of ABF that are not like them."""
    found: dict[str, list[list[str]]] = {}
    if not cursor.stands("HI", "ABK"):
        raise cursor.fault("HI*ABK is missing here (principal diagnosis)")
    while cursor.stands("HI"):
        segment = cursor.any()
        for parts in segment.composites():
            if not parts[0] or len(parts) < 2 or not parts[1]:
                raise segment.fault("a code without its qualifier, or the other way round")
            found.setdefault(parts[0], []).append(parts)
    own = {"ABK", "ABF"} if claim_type == "837P" else {"ABK", "ABJ", "APR", "ABN", "DR", "ABF", "BBR", "BBQ"}
    if not found.keys() <= own or ("BBQ" in found and "BBR" not in found):
        raise cursor.fault("the HI segments before it hold codes that medcode does not write, or lack one")
    others = found.get("ABF", [])
    if claim_type == "837I":
        plain = [parts for parts in others if not is_external_cause(parts[1])]
        beyond = [parts for parts in others if is_external_cause(parts[1])]
        others = [*plain, *found.get("ABN", []), *beyond]
    for rank, parts in enumerate([*found["ABK"], *others], 1):
        poa = parts[8] if len(parts) > 8 else ""
        claim.codes.append((rank, dotted(parts[1]), poa or None, rank == 1))
    admitting = found.get("ABJ" if inpatient else "APR")
    claim.encounter["admitting_code"] = dotted(admitting[0][1]) if admitting else None
    drg = found.get("DR")
    claim.encounter["drg"] = drg[0][1] if drg else None
    for number, parts in enumerate([*found.get("BBR", []), *found.get("BBQ", [])], 1):
        if len(parts) != 4 or parts[2] != "D8":
            raise cursor.fault("a procedure in the HI segments before it has no date")
        day = _procedure_day(cursor, parts[3])
        claim.procedures.append((number, parts[1], "ICD-10-PCS", day))


def _procedure_day(cursor: Cursor, value: str) -> date:
    return Segment([], "", f"{cursor.where}, HI before it").day_of(value, "procedure date")


def _prior_payment(cursor: Cursor, claim: ReadClaim) -> None:
    """Loops 2320 and 2330 of one earlier payer."""
    sbr = cursor.any()
    place = len(claim.prior_payments)
    if place >= len(SEQUENCE) - 1 or sbr.text(1) != SEQUENCE[place]:
        raise sbr.fault("earlier payers do not follow each other")
    adjustments: list[dict[str, Any]] = []
    while cursor.stands("CAS"):
        cas = cursor.any()
        group, triples = cas.needed(1, "adjustment group"), cas.elements()[1:]
        for start in range(0, len(triples), 3):
            value = triples[start + 1] if start + 1 < len(triples) else ""
            if not triples[start] or (len(triples) > start + 2 and triples[start + 2]):
                raise cas.fault("an adjustment has no reason, or a quantity, which medcode does not write")
            adjustments.append({"group": group, "reason": triples[start], "amount": cas.amount_of(value, "adjustment")})
    paid = cursor.take("what the earlier payer paid", "AMT", "D").amount(2, "payment")
    cursor.take("other insurance", "OI")
    member = cursor.take("other subscriber", "NM1", "IL")
    payer = cursor.take("other payer", "NM1", "PR")
    paid_date = cursor.any().day(3, "payment date") if cursor.stands("DTP", "573") else None
    number = cursor.any().needed(2, "payer's control number") if cursor.stands("REF", "F8") else None
    claim.prior_payments.append(
        (
            place + 1, payer.needed(9, "payer's identifier"), payer.needed(3, "payer's name"),
            member.needed(9, "member identifier"), paid, paid_date, adjustments, payer_kind(sbr), number,
        )
    )  # fmt: skip


def _lines(cursor: Cursor, claim: ReadClaim, claim_type: str) -> None:
    while cursor.stands("LX"):
        lx = cursor.any()
        place = len(claim.lines) + 1
        if lx.text(1) != str(place):
            raise lx.fault("the lines of a claim do not count 1, 2, 3")
        if claim_type == "837I":
            service = cursor.take("service line", "SV2")
            revenue, code, first = service.needed(1, "revenue code"), 2, 3
        else:
            service = cursor.take("service line", "SV1")
            revenue, code, first = None, 1, 2
        hcpcs, modifiers = _service(service, code)
        charge, units = service.amount(first, "charge"), service.units(first + 2)
        day = cursor.any().day(3, "service date") if cursor.stands("DTP", "472") else None
        if day is None and claim_type == "837P":
            raise cursor.fault("DTP*472 is missing here (service date)")
        number = place
        if cursor.stands("REF", "6R"):
            reference = cursor.any()
            value = reference.needed(2, "line number")
            if not (value.isascii() and value.isdigit()):
                raise reference.fault("no line number as medcode writes it")
            number = int(value)
        claim.lines.append((number, revenue, hcpcs, modifiers, units, charge, day))
    if not claim.lines:
        raise cursor.fault("LX is missing here (service line)")


def _service(segment: Segment, number: int) -> tuple[str | None, list[str]]:
    """HCPCS code and modifiers of a composite HC; None and nothing where it is empty."""
    qualifier, code, *modifiers = segment.parts(number, 6)
    if not qualifier and not code:
        return None, []
    if qualifier != "HC" or not code:
        raise segment.fault("the service is not a HCPCS code")
    return code, [m for m in modifiers if m]
