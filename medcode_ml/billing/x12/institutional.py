"""Loop 2300 and the service lines of an institutional claim (005010X223A2; rules 26-28, 30, 31)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from medcode_ml.billing.claims import Diagnosis, Line, Procedure
from medcode_ml.billing.transmission import sent_poa
from medcode_ml.billing.x12.loops import (
    ReadyClaim,
    claim_segment,
    hcpcs,
    line_control_number,
    person,
    prior_payer_loops,
    references,
)
from medcode_ml.billing.x12.segments import amount, composite, d8, rd8, segment, tm
from medcode_ml.codes.identifiers import undotted

GUIDE = "005010X223A2"
MOST_LINES = 999
INPATIENT_BILL, OUTPATIENT_BILL = "11", "13"
T = TypeVar("T")
_CODES_A_SEGMENT = 12
# Accommodation revenue codes count days, all others units.
_ACCOMMODATION = tuple(f"0{n}" for n in range(10, 22))


def claim_loop(claim: ReadyClaim) -> Iterator[str]:
    """Loop 2300 with 2310, 2320 and 2400 of one claim that `writable.unwritable` finds nothing against."""
    case, e = claim.case, claim.case.encounter
    inpatient = case.inpatient
    bill = composite(INPATIENT_BILL if inpatient else OUTPATIENT_BILL, "A", claim.frequency)
    yield claim_segment(claim, bill, "")
    if inpatient:
        yield segment("DTP", "096", "TM", tm(e["discharge_hour"]))
    yield segment("DTP", "434", "RD8", rd8(e["admission_date"], e["discharge_date"]))
    if inpatient:
        yield segment("DTP", "435", "DT", d8(e["admission_date"]) + tm(e["admission_hour"]))
    yield segment("CL1", e["admission_type"] or "", e["admission_source"] or "", e["discharge_status"])
    yield references(claim)
    yield from _diagnoses(claim, e, inpatient)
    yield from _procedures(claim.transmission.procedures)
    yield person("71", e)
    yield from prior_payer_loops(claim)
    for place, line in enumerate(case.lines, 1):
        yield _line(place, line)


def _diagnoses(claim: ReadyClaim, e: dict[str, Any], inpatient: bool) -> Iterator[str]:
    """HI segments in the order of the guide: ABK, ABJ, APR, ABN, DR, ABF."""
    plan = claim.transmission
    if plan.principal is None:
        raise ValueError("a claim without principal diagnosis is held and cannot be written")
    yield segment("HI", _diagnosis("ABK", plan.principal, inpatient))
    if e["admitting_code"]:
        yield segment("HI", composite("ABJ" if inpatient else "APR", undotted(e["admitting_code"])))
    causes, others = plan.parted()
    if causes:
        yield segment("HI", *[_diagnosis("ABN", d, inpatient) for d in causes])
    if claim.drg is not None:
        yield segment("HI", composite("DR", claim.drg))
    for some in _chunks(others):
        yield segment("HI", *[_diagnosis("ABF", d, inpatient) for d in some])


def _diagnosis(qualifier: str, diagnosis: Diagnosis, inpatient: bool) -> str:
    """A diagnosis without its dot, present on admission as component 9, blank when exempt (rules 26, 27)."""
    poa = sent_poa(diagnosis, inpatient)
    code = undotted(diagnosis.code)
    return f"{qualifier}:{code}:::::::{poa}" if poa else f"{qualifier}:{code}"


def _procedures(procedures: tuple[Procedure, ...]) -> Iterator[str]:
    """BBR for the principal procedure and BBQ, twelve a segment, for the others, each with its date."""
    if not procedures:
        return
    yield segment("HI", _procedure("BBR", procedures[0]))
    for some in _chunks(procedures[1:]):
        yield segment("HI", *[_procedure("BBQ", p) for p in some])


def _procedure(qualifier: str, procedure: Procedure) -> str:
    if procedure.date is None:
        raise ValueError("a claim with an undated procedure is held and cannot be written")
    return f"{qualifier}:{procedure.code}:D8:{d8(procedure.date)}"


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CODES_A_SEGMENT):
        yield items[start : start + _CODES_A_SEGMENT]


def _line(place: int, line: Line) -> str:
    if line.revenue_code is None or line.charge is None or line.units is None:
        raise ValueError("a claim with an incomplete line is held and cannot be written")
    unit = "DA" if line.revenue_code.startswith(_ACCOMMODATION) else "UN"
    service = hcpcs(line.hcpcs, line.modifiers) if line.hcpcs else ""
    units = str(line.units) if isinstance(line.units, int) else amount(Decimal(line.units))
    day = f"DTP*472*D8*{d8(line.service_date)}~" if line.service_date is not None else ""
    return (
        f"LX*{place}~SV2*{line.revenue_code}*{service}*{amount(line.charge)}*{unit}*{units}~"
        f"{day}{line_control_number(place, line.line_number)}"
    )
