"""Which codes may be principal at all (rules 5-8, 19, 21, 23, 26), before anything is weighed.

A bar is a step, not a switch: where an encounter has only barred codes, the least barred may still lead, and a symptom
does where it is all there is. What is barred for good (`NEVER`) never leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.codes.identifiers import dotted
from medcode_ml.ranking.document_parts import heads
from medcode_ml.ranking.knowledge import BoolArray, IntArray, system_bits
from medcode_ml.ranking.rows import Batch

FREE: Final = 0
SYMPTOM: Final = 1
LAST_RESORT: Final = 2
NEVER: Final = 3
# An acute condition that is the reason for fewer than one in twenty-five stays explains no symptom by itself.
_EXPLAINS: Final = float(np.log(0.04 / 0.96))
_CHRONIC_EXPLAINS: Final = float(np.log(0.10 / 0.90))
_ACUTE_KINDS: Final = ("acute", "injury", "poisoning", "complication", "obstetric", "perinatal", "newborn_birth")
FIRST_LISTED_ONLY: Final = (
    "Z00", "Z01", "Z02", "Z04", "Z33.2", "Z34", "Z39", "Z42", "Z51.0", "Z51.1", "Z52", "Z76.1", "Z76.2",
)  # fmt: skip
"""Reasons for an encounter that may only be listed first (guideline I.C.21.c.16)."""
_ACTIVE: Final = ("A", "B", "C")
_TUMOURS: Final = ("neoplasm", "metastasis")


@dataclass(frozen=True, slots=True)
class Eligibility:
    """`bar` of each row, shape (rows,), and why: reason number by row (-1 for free) into `reasons`."""

    bar: IntArray
    why: IntArray
    reasons: tuple[str, ...]


class _Bars:
    """Collects bars row by row; of several bars of a row the highest counts, of equals the first."""

    def __init__(self, count: int) -> None:
        self.bar: IntArray = np.zeros(count, dtype=np.int64)
        self.why: IntArray = np.full(count, -1, dtype=np.int64)
        self.reasons: list[str] = []

    def hold(self, mask: BoolArray, level: int, reason: str) -> None:
        rises = mask & (self.bar < level)
        self.bar[rises] = level
        self.why[rises] = len(self.reasons)
        self.reasons.append(reason)


def eligibility_of(batch: Batch) -> Eligibility:
    """Return how far each row is barred from being principal, and why."""
    bars = _Bars(len(batch.rows.code))
    _by_code(batch, bars)
    _by_documentation(batch, bars)
    _by_base(batch, bars)
    _by_company(batch, bars)
    return Eligibility(bars.bar, bars.why, tuple(bars.reasons))


def candidates_of(batch: Batch, eligibility: Eligibility) -> BoolArray:
    """Say which rows may be principal: those of each encounter that are barred least, and not for good."""
    lowest: IntArray = np.full(batch.encounters, NEVER, dtype=np.int64)
    np.minimum.at(lowest, batch.rows.encounter, eligibility.bar)
    return np.asarray((eligibility.bar == lowest[batch.rows.encounter]) & (eligibility.bar < NEVER), dtype=np.bool_)


def _by_code(batch: Batch, bars: _Bars) -> None:
    """What the code itself and the editor's tables say."""
    rows = batch.rows
    kinds = batch.attributes.kinds[rows.code]
    inpatient = ~batch.context.outpatient[rows.encounter]
    flags = rows.flags
    bars.hold(kinds == "unknown", NEVER, "not a known ICD-10-CM code: kept last, check the code")
    bars.hold(rows.invalid, NEVER, "not billable on the discharge date, so never principal")
    bars.hold(rows.duplicate, NEVER, "a copy of a code that is already listed: report it once")
    external = flags["external_cause"] | (kinds == "external")
    bars.hold(external, NEVER, "external cause of morbidity, never principal; guideline I.C.20")
    bars.hold(flags["manifestation"], NEVER, "manifestation code, its cause goes first; guideline I.A.13")
    bars.hold(kinds == "organism", NEVER, "names the organism of an infection; guideline I.B.7")
    underdosing = kinds == "underdosing"
    bars.hold(underdosing, NEVER, "underdosing, the condition that it brought goes first; guideline I.C.19.e.5.c")
    adverse = kinds == "adverse_effect"
    bars.hold(adverse, LAST_RESORT, "the drug of an adverse effect, its effect goes first; guideline I.C.19.e.5.a")
    refused = flags["unacceptable_principal"] & inpatient
    bars.hold(refused, NEVER, "not accepted as principal by the Medicare Code Editor")
    bars.hold(kinds == "status", LAST_RESORT, "status or history, no reason for admission; guideline I.C.21.c")
    bars.hold(kinds == "sequela", SYMPTOM, "late effect, the present condition goes first; guideline I.B.10")
    seldom = flags["questionable_admission"] & inpatient
    bars.hold(seldom, SYMPTOM, "seldom justifies an admission by itself; Medicare Code Editor")


def _by_documentation(batch: Batch, bars: _Bars) -> None:
    """What the documents and the present-on-admission indicator say."""
    rows = batch.rows
    outpatient = batch.context.outpatient[rows.encounter]
    assertion = rows.frame["assertion"].to_numpy(dtype=object)
    absent = np.isin(assertion.astype(str), ["historical", "family", "hypothetical", "negated"])
    bars.hold(absent, NEVER, "not documented as a present condition of the patient")
    bars.hold((assertion == "uncertain") & outpatient, NEVER, "uncertain diagnosis of an outpatient; guideline IV.H")
    bars.hold((batch.poa == "N") & ~outpatient, LAST_RESORT, "arose after admission (POA N); guideline II")


def _by_base(batch: Batch, bars: _Bars) -> None:
    """Code first: with the cause listed, the dependent code does not lead (rule 23)."""
    pairs = batch.row_pairs
    barring = batch.pairs.bars[pairs.rule]
    # a base that is itself barred for good cannot keep others out
    able = bars.bar[pairs.base] < LAST_RESORT
    barred = np.zeros(len(batch.rows.code), dtype=np.bool_)
    barred[pairs.dependent[barring & able]] = True
    bars.hold(barred, LAST_RESORT, "its cause is listed and goes first; guideline I.A.13")


def _by_company(batch: Batch, bars: _Bars) -> None:
    """What the other codes of the encounter rule out: rule 19, chapters 15 and 16."""
    rows, attributes, context = batch.rows, batch.attributes, batch.context
    kinds = attributes.kinds[rows.code]
    outpatient = context.outpatient[rows.encounter]
    free = bars.bar == FREE

    obstetric = free & (kinds == "obstetric") & ~context.male[rows.encounter]
    pregnant = batch.any_in_encounter(obstetric)[rows.encounter]
    others = pregnant & (batch.attributes.systems[rows.code] & system_bits()["obstetric"] == 0)
    bars.hold(others, SYMPTOM, "chapter 15 codes go before other chapters; guideline I.C.15.a.1")

    born = batch.any_in_encounter(free & (kinds == "newborn_birth") & context.newborn_age[rows.encounter])
    bars.hold(born[rows.encounter] & (kinds != "newborn_birth"), SYMPTOM, "the birth leads; guideline I.C.16.a.2")

    codes = [dotted(str(c)) for c in attributes.codes]
    encounter_reason = np.array([c.startswith(FIRST_LISTED_ONLY) for c in codes], dtype=np.bool_)[rows.code]
    asked = batch.any_in_encounter((bars.bar == FREE) & outpatient & encounter_reason)[rows.encounter]
    bars.hold(asked & ~encounter_reason, SYMPTOM, "the reason for the encounter is listed first; guideline I.C.21.c.16")

    treated = np.array([c.startswith(("S", "T")) and c[7:8] in _ACTIVE for c in codes], dtype=np.bool_)[rows.code]
    hurt = batch.any_in_encounter((bars.bar == FREE) & (kinds == "injury") & treated)[rows.encounter]
    bars.hold(hurt & (kinds == "chronic"), SYMPTOM, "a lasting condition beside an injury under active treatment")

    weight = attributes.emergency[rows.code]
    disease = np.isin(kinds.astype(str), _ACUTE_KINDS) & (weight >= _EXPLAINS)
    disease |= np.isin(kinds.astype(str), _TUMOURS) | ((kinds == "chronic") & (weight >= _CHRONIC_EXPLAINS))
    symptom = np.isin(kinds.astype(str), ["symptom", "finding"])
    # a diagnosis that the clinician's list begins with is definitive, however seldom it leads a stay
    disease |= heads(batch.documents) & ~symptom
    definitive = batch.any_in_encounter((bars.bar == FREE) & disease)[rows.encounter]
    symptom &= definitive
    bars.hold(symptom & ~outpatient, SYMPTOM, "symptom or finding beside a definitive diagnosis; guideline II.A")
