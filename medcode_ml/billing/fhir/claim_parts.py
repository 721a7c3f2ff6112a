"""What `Claim` and `ExplanationOfBenefit` both tell of a claim: kind, diagnoses, procedures, stay, lines.

The codes are those of the 837: the first 25 diagnoses of the reporting order with present on admission where it is
reported (rules 18, 26, 27), 12 on a professional claim (rule 29).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from medcode_ml.billing.claims import Line
from medcode_ml.billing.fhir import parties
from medcode_ml.billing.fhir import terms as t
from medcode_ml.billing.fhir.terms import Resource
from medcode_ml.billing.transmission import sent_poa
from medcode_ml.billing.x12.institutional import INPATIENT_BILL, OUTPATIENT_BILL
from medcode_ml.billing.x12.loops import ReadyClaim
from medcode_ml.billing.x12.professional import INPATIENT_HOSPITAL, MOST_POINTERS, OUTPATIENT_HOSPITAL
from medcode_ml.codes.identifiers import dotted

_CENT = Decimal("0.01")


def common(claim: ReadyClaim, grouper_version: str | None) -> Resource:
    """The elements that both resources share, in the standard's names; what is missing is None or empty."""
    case, e = claim.case, claim.case.encounter
    doctor = parties.attending(e)
    return {
        "type": t.concept(t.CLAIM_TYPE, "institutional" if institutional(claim) else "professional"),
        "subType": t.concept(t.CARIN_SUBTYPE, "inpatient" if case.inpatient else "outpatient")
        if institutional(claim)
        else None,
        "use": "claim",
        "patient": parties.patient(e),
        "billablePeriod": t.period(e["admission_date"], e["discharge_date"]),
        "insurer": parties.payer(e["payer_id"]),
        "provider": parties.provider(e),
        "priority": t.concept(t.PRIORITY, "normal"),
        "payee": {"type": t.concept(t.PAYEE_TYPE, "provider"), "party": parties.provider(e)},
        "careTeam": t.numbered([_care(claim, doctor)] if doctor is not None else []),
        "diagnosis": t.numbered(_diagnoses(claim, grouper_version)),
        "procedure": t.numbered(_procedures(claim)),
    }


def institutional(claim: ReadyClaim) -> bool:
    """True for an 837I."""
    return claim.claim_type == "837I"


def account_number(claim: ReadyClaim) -> Resource:
    """The patient control number (CLM01) that payers echo, assigned by the hospital."""
    assigner = parties.provider(claim.case.encounter)
    return t.identifier(t.CARIN_IDENTIFIER, "pat", claim.claim_number, assigner=assigner)


def payer_number(claim: ReadyClaim, number: str) -> Resource:
    """The number by which the payer knows a claim."""
    assigner = parties.payer(claim.case.encounter["payer_id"])
    return t.identifier(t.CARIN_IDENTIFIER, "uc", number, assigner=assigner)


def _care(claim: ReadyClaim, doctor: Resource) -> Resource:
    role = (
        t.concept(t.CARIN_CARE_TEAM_ROLE, "attending")
        if institutional(claim)
        else t.concept(t.CARE_TEAM_ROLE, "primary")
    )
    return {"provider": doctor, "responsible": True, "role": role}


def _diagnoses(claim: ReadyClaim, grouper_version: str | None) -> Iterator[Resource]:
    """Reporting order, principal first; the admitting diagnosis (outpatient: reason for the visit) last."""
    plan, e = claim.transmission, claim.case.encounter
    causes = plan.parted()[0] if institutional(claim) else []
    reports_poa = institutional(claim) and claim.case.inpatient
    for diagnosis in plan.diagnoses:
        principal = diagnosis is plan.principal
        if principal:
            kind = t.concept(t.DIAGNOSIS_TYPE, "principal")
        elif any(diagnosis is cause for cause in causes):
            kind = t.concept(t.CARIN_DIAGNOSIS_TYPE, "externalcauseofinjury")
        else:
            kind = t.concept(t.CARIN_DIAGNOSIS_TYPE, "other" if institutional(claim) else "secondary")
        poa = sent_poa(diagnosis, reports_poa)
        grouped = principal and institutional(claim) and claim.drg
        yield t.present(
            {
                "diagnosisCodeableConcept": t.concept(t.ICD10CM, dotted(diagnosis.code)),
                "type": [kind],
                "onAdmission": t.concept(t.POA, poa) if poa else None,
                "packageCode": drg(claim.drg, grouper_version) if grouped and claim.drg else None,
            }
        )
    if institutional(claim) and e["admitting_code"]:
        kind = (
            t.concept(t.DIAGNOSIS_TYPE, "admitting")
            if claim.case.inpatient
            else t.concept(t.CARIN_DIAGNOSIS_TYPE, "patientreasonforvisit")
        )
        yield {"diagnosisCodeableConcept": t.concept(t.ICD10CM, dotted(e["admitting_code"])), "type": [kind]}


def drg(code: str, grouper_version: str | None) -> Resource:
    """An MS-DRG with the version of its grouper, V44.0 as 44.0."""
    return t.concept(t.MS_DRG, code, version=(grouper_version or "").removeprefix("V"))


def _procedures(claim: ReadyClaim) -> Iterator[Resource]:
    for number, procedure in enumerate(claim.transmission.procedures):
        yield t.present(
            {
                "type": [t.concept(t.CARIN_PROCEDURE_TYPE, "other" if number else "principal")],
                "date": t.day(procedure.date),
                "procedureCodeableConcept": t.concept(t.ICD10PCS, procedure.code),
            }
        )


def supporting(claim: ReadyClaim) -> Iterator[Resource]:
    """Type of bill, stay, admission type, point of origin, discharge status and account number of a claim."""
    case, e = claim.case, claim.case.encounter
    if institutional(claim):
        bill = f"0{INPATIENT_BILL if case.inpatient else OUTPATIENT_BILL}{claim.frequency}"
        yield _coded("typeofbill", t.BILL_TYPE, bill)
        stay = t.period(e["admission_date"], e["discharge_date"])
        if stay:
            yield {"category": t.concept(t.CARIN_INFORMATION, "admissionperiod"), "timingPeriod": stay}
        for category, system, value in (
            ("admtype", t.ADMISSION_TYPE, e["admission_type"]),
            ("pointoforigin", t.origin_system(e["admission_type"]), e["admission_source"]),
            ("discharge-status", t.DISCHARGE_STATUS, e["discharge_status"]),
        ):
            if value:
                yield _coded(category, system, value)
        # the standard asks for a time zone behind an hour, which the claim does not know
        for name, hour in (("admission hour", e["admission_hour"]), ("discharge hour", e["discharge_hour"])):
            if hour and case.inpatient:
                yield {"category": t.concept(t.INFORMATION, "info") | {"text": name}, "valueString": hour}
    yield {
        "category": t.concept(t.CARIN_INFORMATION, "patientaccountnumber"),
        "valueString": claim.claim_number,
    }
    for payment in case.prior_payments:
        paid = {"value": payment.paid, "unit": "USD", "system": t.CURRENCY, "code": "USD"}
        text = {"text": "paid by an earlier payer"}
        when = {"timingDate": payment.paid_date.isoformat()} if payment.paid_date else {}
        yield {"category": t.concept(t.INFORMATION, "other") | text, **when, "valueQuantity": paid}


def _coded(category: str, system: str, code: str) -> Resource:
    return {"category": t.concept(t.CARIN_INFORMATION, category), "code": t.concept(system, code)}


def item(claim: ReadyClaim, line: Line) -> Resource:
    """A charge line as it was sent, without its sequence; `net` is the line charge in US dollars."""
    case = claim.case
    professional = not institutional(claim)
    pointed = min(len(claim.transmission.diagnoses), MOST_POINTERS) if professional else 0
    place = INPATIENT_HOSPITAL if case.inpatient else OUTPATIENT_HOSPITAL
    return t.present(
        {
            "careTeamSequence": [1] if case.encounter["attending_npi"] else [],
            "diagnosisSequence": list(range(1, pointed + 1)),
            "revenue": t.concept(t.REVENUE, line.revenue_code) if line.revenue_code and not professional else None,
            "productOrService": product(line.hcpcs),
            "modifier": [t.concept(t.service_system(m), m) for m in line.modifiers] if line.hcpcs else [],
            "servicedDate": t.day(line.service_date),
            "locationCodeableConcept": t.concept(t.PLACE_OF_SERVICE, place) if professional else None,
            "quantity": {"value": line.units} if line.units is not None else None,
            "unitPrice": _unit_price(line),
            "net": t.money(line.charge) if line.charge is not None else None,
        }
    )


def product(code: str | None) -> Resource:
    """The service of a line; a line known by its revenue code alone says that none applies, since one is required."""
    return t.concept(t.service_system(code), code) if code else t.concept(t.ABSENT, "not-applicable")


def _unit_price(line: Line) -> Resource | None:
    """The price of a unit where the charge divides to the cent: net is quantity times price."""
    if line.charge is None or not line.units:
        return None
    price = (line.charge / Decimal(line.units)).quantize(_CENT)
    return t.money(price) if price * Decimal(line.units) == line.charge else None
