"""Loop 2300 and the service lines of a professional claim (005010X222A1; rules 29-31)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from medcode_ml.billing.claims import Line
from medcode_ml.billing.x12.loops import (
    ReadyClaim,
    claim_segment,
    hcpcs,
    line_control_number,
    person,
    prior_payer_loops,
    references,
)
from medcode_ml.billing.x12.segments import amount, composite, d8, segment
from medcode_ml.codes.identifiers import undotted

GUIDE = "005010X222A1"
MOST_LINES = 50
MOST_POINTERS = 4
# Place of service: the clinician's work in the hospital, as inpatient or on its campus as outpatient.
INPATIENT_HOSPITAL, OUTPATIENT_HOSPITAL = "21", "22"


def claim_loop(claim: ReadyClaim) -> Iterator[str]:
    """Loop 2300 with 2310, 2320 and 2400 of one claim; the attending clinician renders the services."""
    case, e = claim.case, claim.case.encounter
    place = composite(INPATIENT_HOSPITAL if case.inpatient else OUTPATIENT_HOSPITAL, "B", claim.frequency)
    yield claim_segment(claim, place, "Y")
    if case.inpatient:
        yield segment("DTP", "435", "D8", d8(e["admission_date"]))
        yield segment("DTP", "096", "D8", d8(e["discharge_date"]))
    yield references(claim)
    diagnoses = claim.transmission.diagnoses
    if not diagnoses:
        raise ValueError("a claim without diagnoses is held and cannot be written")
    yield segment("HI", *[f"{'ABF' if rank else 'ABK'}:{undotted(d.code)}" for rank, d in enumerate(diagnoses)])
    yield person("82", e)
    yield from prior_payer_loops(claim)
    pointers = composite(*(str(n) for n in range(1, min(len(diagnoses), MOST_POINTERS) + 1)))
    for number, line in enumerate(case.lines, 1):
        yield _line(number, line, pointers)


def _line(place: int, line: Line, pointers: str) -> str:
    if line.hcpcs is None or line.charge is None or line.units is None or line.service_date is None:
        raise ValueError("a claim with an incomplete line is held and cannot be written")
    service = hcpcs(line.hcpcs, line.modifiers)
    return (
        f"LX*{place}~SV1*{service}*{amount(line.charge)}*UN*{amount(Decimal(line.units))}***{pointers}~"
        f"DTP*472*D8*{d8(line.service_date)}~{line_control_number(place, line.line_number)}"
    )
