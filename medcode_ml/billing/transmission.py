"""Which codes the claim carries, and where: 1 principal and 24 other diagnoses, 25 procedures (rules 18, 26, 27, 29).

The editor, the groupers and the 837 writer all read this one plan, so that what is grouped is what is sent. The order
of the codes is ranking's; nothing here reorders or drops one, what does not fit is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from medcode_ml.billing.claims import Case, Diagnosis, Procedure
from medcode_ml.codes.identifiers import undotted
from medcode_ml.codes.poa import is_poa_exempt

MOST_DIAGNOSES = 25
"""Principal and 24 others: ABK once and ABF two segments of twelve."""
MOST_PROFESSIONAL_DIAGNOSES = 12
"""One HI segment of a professional claim (rule 29)."""
MOST_PROCEDURES = 25
"""BBR once and BBQ two segments of twelve."""
MOST_EXTERNAL_CAUSES = 12
_EXTERNAL = frozenset("VWXY")
REPORTED_POA = frozenset("YNUW")


@lru_cache(maxsize=200_000)
def poa_exempt(code: str) -> bool:
    """True when the code is exempt from present-on-admission reporting and sends blank (rule 26)."""
    return is_poa_exempt(code)


def is_external_cause(code: str) -> bool:
    """True for a code of chapter 20 (V00-Y99) that belongs in the external cause composite ABN.

    Wrong-procedure codes (Y65.5-) stay among the other diagnoses, where Medicare looks for surgical errors.
    """
    return code[:1] in _EXTERNAL and not undotted(code).startswith("Y655")


@dataclass(frozen=True, slots=True)
class Transmission:
    """The diagnoses and procedures of one claim in transmitted order."""

    principal: Diagnosis | None
    others: tuple[Diagnosis, ...]
    left_out: tuple[Diagnosis, ...]
    procedures: tuple[Procedure, ...]
    procedures_left_out: tuple[Procedure, ...]

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Every transmitted diagnosis, principal first, at most 25."""
        return (*((self.principal,) if self.principal else ()), *self.others)

    def parted(self) -> tuple[list[Diagnosis], list[Diagnosis]]:
        """The others that go in ABN, at most 12, and those that go in ABF, at most 24, each in reporting order.

        External causes beyond the twelve go with the other diagnoses.
        """
        causes: list[Diagnosis] = []
        chosen: list[Diagnosis] = []
        for diagnosis in self.others:
            if len(causes) < MOST_EXTERNAL_CAUSES and is_external_cause(diagnosis.code):
                causes.append(diagnosis)
            else:
                chosen.append(diagnosis)
        return causes, chosen


def plan(case: Case) -> Transmission:
    """Choose what the claim carries: the first 25 diagnoses of the reporting order (12 of a professional claim) and the
    first 25 ICD-10-PCS codes.

    Procedures in other code systems are billed on the charge lines and never stand in BBR or BBQ; outpatient and
    professional claims carry no ICD-10-PCS.
    """
    principal = case.diagnoses[0] if case.has_principal else None
    rest = case.diagnoses[1:] if case.has_principal else case.diagnoses
    professional = case.encounter["claim_type"] == "837P"
    room = (MOST_PROFESSIONAL_DIAGNOSES if professional else MOST_DIAGNOSES) - 1
    surgical = case.inpatient and not professional
    pcs = tuple(p for p in case.procedures if surgical and p.code and p.system in (None, "ICD-10-PCS"))
    return Transmission(principal, rest[:room], rest[room:], pcs[:MOST_PROCEDURES], pcs[MOST_PROCEDURES:])


def sent_poa(diagnosis: Diagnosis, inpatient: bool) -> str | None:
    """The POA indicator the claim carries: Y, N, U or W, None (blank) when exempt, not valid or outpatient."""
    if not inpatient or diagnosis.poa not in REPORTED_POA or poa_exempt(diagnosis.code):
        return None
    return diagnosis.poa
