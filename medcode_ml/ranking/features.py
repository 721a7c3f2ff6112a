"""How likely each eligible code is the principal: a sum of named parts, each of which a coder can read.

Every part is log-odds. The weights are few, hold for all conditions and were set by judgement; none reads a DRG, a
weight, a payment or a complication list (rule 43).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from medcode_ml.ranking.document_parts import document_parts, document_score
from medcode_ml.ranking.eligibility import FREE, LAST_RESORT, NEVER, Eligibility, candidates_of
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, IntArray, members, relations, system_bits, therapies
from medcode_ml.ranking.rows import Batch

OPERATION: Final = 2.2
"""An operation of day 0-2 (or of unknown day) that is done for this very condition."""
LATE_OPERATION: Final = 1.0
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
    documents: dict[str, FloatArray]
    """What the documents say, by `document_parts`; the part `documents` is its weighted sum."""


def features_of(batch: Batch, eligibility: Eligibility) -> Features:
    """Score every row, eligible or not, as if it were a candidate."""
    parts: dict[str, FloatArray] = {}
    parts["condition"] = _condition(batch)
    parts["therapy"], therapy = _therapy(batch)
    parts["procedure"] = _procedure(batch)
    parts["service"] = _service(batch)
    parts["intensive_care"] = _intensive_care(batch)
    parts["present_on_admission"] = np.where(batch.poa == "Y", POA_YES, 0.0)
    documents = _documents(batch, eligibility)
    parts["documents"] = document_score(documents)
    late_sepsis = _late_sepsis(batch)
    parts["late_sepsis"] = np.where(late_sepsis, LATE_SEPSIS, 0.0)
    parts["lent"] = _lent(batch, _sum(parts, len(late_sepsis)))
    parts["explained"], explained_by = _explained(batch, eligibility, late_sepsis)
    return Features(parts, _sum(parts, len(late_sepsis)), explained_by, therapy, documents)


def _sum(parts: dict[str, FloatArray], rows: int) -> FloatArray:
    total: FloatArray = np.zeros(rows, dtype=np.float64)
    for values in parts.values():
        total = total + values
    return total


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
    operated = batch.attributes.operations[batch.rows.code]
    systems = _systems(batch) & ~system_bits()["oncology"]
    strong = np.where(context.planned, PLANNED_PROCEDURE, EARLY_PROCEDURE)[at]
    early = systems & context.early_systems[at] != 0
    late = systems & context.late_systems[at] != 0
    looked = systems & context.diagnostic_systems[at] != 0
    for_it = operated & context.early_operations[at] != 0
    for_it_later = operated & context.late_operations[at] != 0
    return np.select(
        [for_it, for_it_later, early, late, looked],
        [OPERATION, LATE_OPERATION, strong, LATE_PROCEDURE, DIAGNOSTIC_PROCEDURE],
        0.0,
    )


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


def _documents(batch: Batch, eligibility: Eligibility) -> dict[str, FloatArray]:
    at = batch.rows.encounter
    symptoms = np.isin(batch.attributes.kinds[batch.rows.code].astype(str), ["symptom", "finding"])
    outpatient = batch.context.outpatient[at]
    return document_parts(batch.documents, at, outpatient, candidates_of(batch, eligibility), symptoms)


def _lent(batch: Batch, own: FloatArray) -> FloatArray:
    """What codes that may not lead before their cause lend it: a cirrhosis leads for its bleeding varices (rule 23).

    With its cause listed such a code cannot be principal; the reason for the stay that it is becomes that of its cause.
    """
    pairs = batch.row_pairs
    barring = batch.pairs.bars[pairs.rule]
    best: FloatArray = np.full(len(own), -np.inf, dtype=np.float64)
    np.maximum.at(best, pairs.base[barring], own[pairs.dependent[barring]])
    return np.asarray(np.logaddexp(own, best) - own, dtype=np.float64)


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
        # a finding of the disease stays one where its cause has to go first
        listed = able | (eligibility.bar < NEVER) if relation.even_barred else able
        there = batch.any_in_encounter(is_present & listed)[rows.encounter]
        hit = there & attributes.relation_explained[place][rows.code] & ~is_present
        taken[hit] += relation.shift
        greater = hit & (relation.shift < most) & (eligibility.bar == FREE)
        most[greater] = relation.shift
        which[greater] = place
    return np.maximum(taken, MOST_EXPLAINED), which
