"""How likely each eligible code is the principal: a sum of named parts, each of which a coder can read.

Every part is log-odds. The weights are few, hold for all conditions and were set by judgement; none reads a DRG, a
weight, a payment or a complication list (rule 43).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.ranking.eligibility import FREE, LAST_RESORT, Eligibility
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray, members, relations, system_bits, therapies
from medcode_ml.ranking.rows import Batch

EARLY_PROCEDURE: Final = 0.9
"""A therapeutic procedure on the organ on day 0-2 (or of unknown day)."""
PLANNED_PROCEDURE: Final = 1.3
"""The same in a planned admission."""
LATE_PROCEDURE: Final = 0.4
DIAGNOSTIC_PROCEDURE: Final = 0.4
"""A scope, puncture or catheterisation of the organ."""
SERVICE: Final = 0.8
"""The first service cares for the organ."""
LATER_SERVICE: Final = 0.3
"""A service that the patient moved to cares for the organ."""
OTHER_SERVICE: Final = -0.5
"""The first service cares for other organs."""
NO_THERAPY: Final = -0.5
"""Drugs are known and none that is usual for the acute condition was given at once."""
LATE_THERAPY: Final = -0.4
"""Its therapy began only after the first days."""
EARLY_ICU: Final = 0.3
"""A grave condition and intensive care from the start."""
GRAVE: Final = 8.0
POA_YES: Final = 0.3
LATE_SEPSIS: Final = -1.5
"""Sepsis whose antibiotics, vasopressors and intensive care all began after the first days."""
DISCHARGE_DIAGNOSIS: Final = 1.6
ADMISSION_DIAGNOSIS: Final = 0.9
COMPLAINT: Final = 0.5
COMPLAINT_OUTPATIENT: Final = 2.0
COURSE: Final = 0.3
ONLY_HISTORY: Final = -1.5
MENTION: Final = 0.25
"""For each doubling of the mentions."""
MOST_MENTIONS: Final = 16.0
OUTPATIENT_SHRINK: Final = 0.4
"""Inpatient propensities say less of a visit."""
MOST_EXPLAINED: Final = -3.0
"""Several explanations of one code do not add up without end."""
SEPSIS: Final = "A40-A41|A02.1|A22.7|A26.7|A32.7|A42.7|B37.7"


@dataclass(frozen=True, slots=True)
class Features:
    """Named parts of the score, each of shape (rows,), and their sum."""

    parts: dict[str, FloatArray]
    total: FloatArray
    explained_by: IntArray
    """The relation that took most from the row, -1 for none; shape (rows,)."""
    therapy: IntArray
    """The therapy of the first days that speaks for the row, -1 for none."""


def features_of(batch: Batch, eligibility: Eligibility) -> Features:
    """Score every row, eligible or not, as if it were a candidate."""
    parts: dict[str, FloatArray] = {}
    parts["condition"] = _condition(batch)
    parts["therapy"], therapy = _therapy(batch)
    parts["procedure"] = _procedure(batch)
    parts["service"] = _service(batch)
    parts["intensive_care"] = _intensive_care(batch)
    parts["present_on_admission"] = np.where(batch.poa == "Y", POA_YES, 0.0)
    parts["documents"] = _documents(batch)
    late_sepsis = _late_sepsis(batch)
    parts["late_sepsis"] = np.where(late_sepsis, LATE_SEPSIS, 0.0)
    parts["explained"], explained_by = _explained(batch, eligibility, late_sepsis)
    total: FloatArray = np.zeros(len(batch.rows.code), dtype=np.float64)
    for values in parts.values():
        total = total + values
    return Features(parts, total, explained_by, therapy)


def _condition(batch: Batch) -> FloatArray:
    rows, attributes = batch.rows, batch.attributes
    elective = batch.context.elective[rows.encounter]
    mixed = attributes.emergency[rows.code] * (1.0 - elective) + attributes.elective[rows.code] * elective
    return np.where(batch.context.outpatient[rows.encounter], mixed * OUTPATIENT_SHRINK, mixed)


def _therapy(batch: Batch) -> tuple[FloatArray, IntArray]:
    rows, attributes, context = batch.rows, batch.attributes, batch.context
    usual = attributes.therapies[rows.code]
    early = usual & context.early_therapies[rows.encounter]
    late = usual & context.late_therapies[rows.encounter]
    best: FloatArray = np.zeros(len(usual), dtype=np.float64)
    which: IntArray = np.full(len(usual), -1, dtype=np.int64)
    for place, therapy in enumerate(therapies()):
        better = (early & therapy.bit != 0) & (best < therapy.weight)
        best[better] = therapy.weight
        which[better] = place
    acute = ~attributes.chronic[rows.code]
    asked = context.has_medications[rows.encounter] & (usual != 0) & acute
    best[asked & (early == 0) & (late != 0)] = LATE_THERAPY
    best[asked & (early == 0) & (late == 0)] = NO_THERAPY
    return best, which


def _systems(batch: Batch) -> IntArray:
    # "symptom" and "oncology" are no organs that a procedure or a service can be matched to on their own
    return batch.attributes.systems[batch.rows.code] & ~system_bits()["symptom"]


def _procedure(batch: Batch) -> FloatArray:
    context, at = batch.context, batch.rows.encounter
    systems = _systems(batch) & ~system_bits()["oncology"]
    strong = np.where(context.planned, PLANNED_PROCEDURE, EARLY_PROCEDURE)[at]
    early = systems & context.early_systems[at] != 0
    late = systems & context.late_systems[at] != 0
    looked = systems & context.diagnostic_systems[at] != 0
    return np.select([early, late, looked], [strong, LATE_PROCEDURE, DIAGNOSTIC_PROCEDURE], 0.0)


def _service(batch: Batch) -> FloatArray:
    context, at = batch.context, batch.rows.encounter
    systems = _systems(batch)
    cares = context.service_systems[at]
    matches = systems & cares != 0
    moved = systems & context.later_service_systems[at] != 0
    differs = (cares != 0) & (systems != 0)
    other = np.where(context.surgical[at], OTHER_SERVICE, 0.5 * OTHER_SERVICE)
    return np.select([matches, moved, differs], [SERVICE, LATER_SERVICE, other], 0.0)


def _intensive_care(batch: Batch) -> FloatArray:
    context, at = batch.context, batch.rows.encounter
    grave = (batch.attributes.gravity[batch.rows.code] >= GRAVE) & ~batch.attributes.chronic[batch.rows.code]
    none = context.icu_known & ~context.icu_early
    return np.where(grave, np.select([context.icu_early[at], none[at]], [EARLY_ICU, -EARLY_ICU], 0.0), 0.0)


def _documents(batch: Batch) -> FloatArray:
    documents = batch.documents
    outpatient = batch.context.outpatient[batch.rows.encounter]
    score = np.where(documents.discharge, DISCHARGE_DIAGNOSIS, 0.0)
    score = score + np.where(documents.admission, ADMISSION_DIAGNOSIS, 0.0)
    score = score + np.where(documents.complaint, np.where(outpatient, COMPLAINT_OUTPATIENT, COMPLAINT), 0.0)
    score = score + np.where(documents.course, COURSE, 0.0) + np.where(documents.only_history, ONLY_HISTORY, 0.0)
    return np.asarray(score + MENTION * np.log2(np.clip(documents.mentions, 1.0, MOST_MENTIONS)), dtype=np.float64)


def _late_sepsis(batch: Batch) -> BoolArray:
    """Sepsis rows of encounters where nothing of it was treated in the first days."""
    context = batch.context
    bits = {therapy.name: therapy.bit for therapy in therapies()}
    treatment = bits["antibiotic"] | bits["vasopressor"] | bits["antifungal"]
    early = (context.early_therapies & treatment != 0) | context.early_cultures
    late = context.has_medications & ~early & (context.late_therapies & treatment != 0) & ~context.icu_early
    sepsis = members(batch.attributes.codes, SEPSIS)[batch.rows.code]
    return np.asarray(sepsis & late[batch.rows.encounter] & (batch.poa != "Y"), dtype=np.bool_)


def _explained(batch: Batch, eligibility: Eligibility, late_sepsis: BoolArray) -> tuple[FloatArray, IntArray]:
    rows, attributes = batch.rows, batch.attributes
    able = (eligibility.bar < LAST_RESORT) & ~late_sepsis
    taken: FloatArray = np.zeros(len(rows.code), dtype=np.float64)
    most: FloatArray = np.zeros(len(rows.code), dtype=np.float64)
    which: IntArray = np.full(len(rows.code), -1, dtype=np.int64)
    for place, relation in enumerate(relations()):
        is_present = attributes.relation_present[place][rows.code]
        there = batch.any_in_encounter(is_present & able)[rows.encounter]
        hit = there & attributes.relation_explained[place][rows.code] & ~is_present
        taken[hit] += relation.shift
        greater = hit & (relation.shift < most) & (eligibility.bar == FREE)
        most[greater] = relation.shift
        which[greater] = place
    return np.maximum(taken, MOST_EXPLAINED), which
