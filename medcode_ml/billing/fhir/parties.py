"""Who a claim names: patient, coverage, hospital, payers and attending clinician, each as a resource with a stable id.

Ids say nothing of a patient: they are hashes, or the NPI of a provider, which is public.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medcode_ml.billing.claims import Case
from medcode_ml.billing.fhir import terms as t
from medcode_ml.billing.fhir.terms import Resource
from medcode_ml.contracts.ids import record_hash

_GENDERS = {"M": "male", "F": "female"}
_ZIP = 5


def patient(e: dict[str, Any]) -> Resource:
    """Reference to the patient of an encounter."""
    return t.reference("Patient", _patient_id(e))


def provider(e: dict[str, Any]) -> Resource:
    """Reference to the billing hospital."""
    return t.reference("Organization", _provider_id("hospital", e["hospital_npi"], e["hospital_id"]))


def payer(payer_id: str | None) -> Resource:
    """Reference to a payer."""
    return t.reference("Organization", _payer_id(payer_id))


def attending(e: dict[str, Any]) -> Resource | None:
    """Reference to the attending clinician; None where none is named."""
    return t.reference("Practitioner", f"npi-{e['attending_npi']}") if e["attending_npi"] else None


def coverages(case: Case) -> list[Resource]:
    """`insurance` of claim and answer: the payers before this one in their order, then this one, which is focal."""
    e = case.encounter
    earlier = [_coverage_id(e, p.payer_id, p.member_id) for p in case.prior_payments]
    listed = [*earlier, _coverage_id(e, e["payer_id"], e["member_id"])]
    return [
        {"focal": number == len(listed), "coverage": t.reference("Coverage", identity)}
        for number, identity in enumerate(listed, 1)
    ]


def parties(case: Case, *, synthetic: bool) -> Iterator[Resource]:
    """Every resource that claim and answer of a case refer to."""
    e = case.encounter

    def made(kind: str, identity: str, parts: Resource) -> Resource:
        return t.resource(kind, identity, parts, synthetic=synthetic)

    yield made("Patient", _patient_id(e), _patient(e))
    yield made("Organization", _provider_id("hospital", e["hospital_npi"], e["hospital_id"]), _hospital(e))
    if e["attending_npi"]:
        yield made("Practitioner", f"npi-{e['attending_npi']}", _clinician(e))
    insured = [(p.payer_id, p.payer_name, p.payer_kind, p.member_id) for p in case.prior_payments]
    for payer_id, name, kind, member_id in (
        *insured,
        (e["payer_id"], e["payer_name"], e["payer_kind"], e["member_id"]),
    ):
        yield made("Organization", _payer_id(payer_id), _payer(payer_id, name))
        yield made("Coverage", _coverage_id(e, payer_id, member_id), _coverage(e, payer_id, kind, member_id))


def _patient_id(e: dict[str, Any]) -> str:
    return record_hash("fhir patient", e["patient_id"] or f"of {e['encounter_id']}")


def _provider_id(kind: str, npi: str | None, own: str | None) -> str:
    return f"npi-{npi}" if npi else record_hash("fhir", kind, str(own))


def _payer_id(payer_id: str | None) -> str:
    return record_hash("fhir payer", str(payer_id))


def _coverage_id(e: dict[str, Any], payer_id: str | None, member_id: str | None) -> str:
    return record_hash("fhir coverage", _patient_id(e), str(payer_id), str(member_id))


def _patient(e: dict[str, Any]) -> Resource:
    """The patient is the subscriber on every claim that medcode writes (SBR02 is 18)."""
    born = e["subscriber_birth_date"] or e["birth_date"]
    given = [e["subscriber_first_name"]] if e["subscriber_first_name"] else []
    name = t.present({"family": e["subscriber_last_name"], "given": given})
    number = {"type": {"text": "patient number of the provider"}, "value": e["patient_id"]}
    return {
        "identifier": [number] if e["patient_id"] else [],
        "name": [name] if name else [],
        "gender": _GENDERS.get(e["subscriber_sex"] or e["sex"] or "", "unknown"),
        "birthDate": t.day(born),
        "address": _address(e, "subscriber"),
    }


def _hospital(e: dict[str, Any]) -> Resource:
    return {
        "identifier": [
            *([t.identifier(t.IDENTIFIER_TYPE, "NPI", e["hospital_npi"], system=t.NPI)] if e["hospital_npi"] else []),
            *([t.identifier(t.IDENTIFIER_TYPE, "TAX", e["hospital_tax_id"], system=t.TAX)] if e["hospital_tax_id"]
              else []),
        ],
        "type": [t.concept(t.ORGANIZATION_TYPE, "prov"),
                 *([t.concept(t.TAXONOMY, e["hospital_taxonomy"])] if e["hospital_taxonomy"] else [])],
        "name": e["hospital_name"],
        "address": _address(e, "hospital"),
    }  # fmt: skip


def _payer(payer_id: str | None, name: str | None) -> Resource:
    return {
        "identifier": [t.identifier(t.CARIN_IDENTIFIER, "payerid", payer_id)] if payer_id else [],
        "type": [t.concept(t.ORGANIZATION_TYPE, "pay")],
        "name": name,
    }


def _clinician(e: dict[str, Any]) -> Resource:
    given = [e["attending_first_name"]] if e["attending_first_name"] else []
    name = t.present({"family": e["attending_last_name"], "given": given})
    return {
        "identifier": [t.identifier(t.IDENTIFIER_TYPE, "NPI", e["attending_npi"], system=t.NPI)],
        "name": [name] if name else [],
    }


def _coverage(e: dict[str, Any], payer_id: str | None, kind: str | None, member_id: str | None) -> Resource:
    return {
        "identifier": [t.identifier(t.IDENTIFIER_TYPE, "MB", member_id, assigner=payer(payer_id))] if member_id else [],
        "status": "active",
        "type": {"text": kind} if kind else None,
        "subscriber": patient(e),
        "subscriberId": member_id,
        "beneficiary": patient(e),
        "relationship": t.concept(t.SUBSCRIBER, "self"),
        "payor": [payer(payer_id)],
    }


def _address(e: dict[str, Any], whose: str) -> list[Resource]:
    digits = (e[f"{whose}_zip"] or "").replace("-", "")
    line = e[f"{whose}_address"]
    found = t.present(
        {
            "line": [line] if line else [],
            "city": e[f"{whose}_city"],
            "state": e[f"{whose}_state"],
            "postalCode": f"{digits[:_ZIP]}-{digits[_ZIP:]}" if len(digits) > _ZIP else digits,
        }
    )
    return [found | {"country": "US"}] if found else []
