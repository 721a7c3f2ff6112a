"""Code systems that the export writes, and the small parts every resource is made of.

A resource is a plain dict in the standard's names; amounts stay `Decimal` until they are written.

Sources: HL7 FHIR R4 (terminology.hl7.org), X12 (claim adjustment groups, CARC, RARC), and where plain R4 names no code
system the CARIN implementation guide for Blue Button (C4BB).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

Resource = dict[str, Any]

_HL7 = "http://terminology.hl7.org/CodeSystem"
_CARIN = "http://hl7.org/fhir/us/carin-bb/CodeSystem"
_NUBC = "https://www.nubc.org/CodeSystem"
_X12 = "https://x12.org/codes"

CLAIM_TYPE = f"{_HL7}/claim-type"
PRIORITY = f"{_HL7}/processpriority"
DIAGNOSIS_TYPE = f"{_HL7}/ex-diagnosistype"
CARE_TEAM_ROLE = f"{_HL7}/claimcareteamrole"
RELATIONSHIP = f"{_HL7}/ex-relatedclaimrelationship"
INFORMATION = f"{_HL7}/claiminformationcategory"
ADJUDICATION = f"{_HL7}/adjudication"
PAYEE_TYPE = f"{_HL7}/payeetype"
ABSENT = f"{_HL7}/data-absent-reason"
SUBSCRIBER = f"{_HL7}/subscriber-relationship"
ORGANIZATION_TYPE = f"{_HL7}/organization-type"
IDENTIFIER_TYPE = f"{_HL7}/v2-0203"
ACT_REASON = f"{_HL7}/v3-ActReason"

CARIN_SUBTYPE = f"{_CARIN}/C4BBInstitutionalClaimSubType"
CARIN_DIAGNOSIS_TYPE = f"{_CARIN}/C4BBClaimDiagnosisType"
CARIN_PROCEDURE_TYPE = f"{_CARIN}/C4BBClaimProcedureType"
CARIN_CARE_TEAM_ROLE = f"{_CARIN}/C4BBClaimCareTeamRole"
CARIN_INFORMATION = f"{_CARIN}/C4BBSupportingInfoType"
CARIN_ADJUDICATION = f"{_CARIN}/C4BBAdjudication"
CARIN_DISCRIMINATOR = f"{_CARIN}/C4BBAdjudicationDiscriminator"
CARIN_STATUS = f"{_CARIN}/C4BBPayerAdjudicationStatus"
CARIN_IDENTIFIER = f"{_CARIN}/C4BBIdentifierType"

BILL_TYPE = f"{_NUBC}/TypeOfBill"
ADMISSION_TYPE = f"{_NUBC}/PriorityTypeOfAdmitOrVisit"
ORIGIN = f"{_NUBC}/PointOfOrigin"
NEWBORN_ORIGIN = f"{_NUBC}/PointOfOriginNewborn"
DISCHARGE_STATUS = f"{_NUBC}/PatDischargeStatus"
REVENUE = f"{_NUBC}/RevenueCodes"

ADJUSTMENT_GROUP = f"{_X12}/claim-adjustment-group-codes"
CARC = f"{_X12}/claim-adjustment-reason-codes"
RARC = f"{_X12}/remittance-advice-remark-codes"

ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
POA = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/HospitalAcqCond/Coding"
MS_DRG = (
    "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/"
    "MS-DRG-Classifications-and-Software"
)
NPI = "http://hl7.org/fhir/sid/us-npi"
TAX = "urn:oid:2.16.840.1.113883.4.4"
TAXONOMY = "http://nucc.org/provider-taxonomy"
PLACE_OF_SERVICE = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
CURRENCY = "urn:iso:std:iso:4217"

_LEVEL_TWO = re.compile(r"[A-V]\d{4}", re.ASCII)
_NEWBORN = "4"
_SYNTHETIC = {"security": [{"system": ACT_REASON, "code": "HTEST", "display": "test health data"}]}


def coding(system: str, code: str, **more: str | None) -> Resource:
    """A coding; `more` is display or version, left out where it is None."""
    return {"system": system, "code": code} | {name: value for name, value in more.items() if value}


def concept(system: str, code: str, **more: str | None) -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [coding(system, code, **more)]}


def money(amount: Decimal) -> Resource:
    """US dollars."""
    return {"value": amount, "currency": "USD"}


def reference(kind: str, identity: str) -> Resource:
    """A literal reference to a resource of the same export."""
    return {"reference": f"{kind}/{identity}"}


def identifier(type_system: str, type_code: str, value: str, **more: Any) -> Resource:
    """An identifier with its type; `more` is system or assigner, left out where it is None."""
    found = {"type": concept(type_system, type_code), "value": value}
    return found | {name: value for name, value in more.items() if value}


def day(value: date | None) -> str | None:
    """A day as FHIR writes it."""
    return None if value is None else value.isoformat()


def period(start: date | None, end: date | None) -> Resource:
    """A Period; empty where neither end is known."""
    return {name: value.isoformat() for name, value in (("start", start), ("end", end)) if value is not None}


def service_system(code: str) -> str:
    """HCPCS for level II codes (a letter A to V and four digits), CPT for level I."""
    return HCPCS if _LEVEL_TWO.fullmatch(code) else CPT


def origin_system(admission_type: str | None) -> str:
    """The point of origin of a newborn (admission type 4) has codes of its own."""
    return NEWBORN_ORIGIN if admission_type == _NEWBORN else ORIGIN


def resource(kind: str, identity: str, parts: Resource, *, synthetic: bool) -> Resource:
    """A resource without the parts that are missing or empty; a synthetic one carries the security label HTEST."""
    label = {"meta": _SYNTHETIC} if synthetic else {}
    return {"resourceType": kind, "id": identity} | label | present(parts)


def present(parts: Resource) -> Resource:
    """The parts that are there: the standard knows no empty text, list or object."""
    return {name: value for name, value in parts.items() if value is not None and value not in ("", [], {})}


def numbered(parts: Iterable[Resource]) -> list[Resource]:
    """Parts with their sequence, 1 first."""
    return [{"sequence": number} | part for number, part in enumerate(parts, 1)]
