"""The columns that a ranking model weighs: the guidelines' parts and what else is known of a code in its encounter.

Every column belongs to a group with words, in which the weights are explained to a coder. None reads a DRG, a weight,
a payment or a complication list (rule 43).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.document_parts import DOCUMENT_WEIGHTS
from medcode_ml.ranking.eligibility import LAST_RESORT, candidates_of
from medcode_ml.ranking.features import SEPSIS
from medcode_ml.ranking.frames import PLACE, optional_numbers
from medcode_ml.ranking.knowledge import BoolArray, FloatArray, members, relations, system_bits
from medcode_ml.ranking.lists import Lists
from medcode_ml.ranking.order import DIAGNOSES, STATUS, blocks_of
from medcode_ml.ranking.reading import ReadBatch
from medcode_ml.ranking.scores import ARISEN_LATER, STANDING, standing

GROUPS: Final = {
    "condition": "kind of condition",
    "explained": "what the other codes explain",
    "lent": "what follows from it",
    "support": "other codes of the same body system",
    "gravity": "gravity of the condition",
    "therapy": "drugs of the first days",
    "procedure": "procedures of the stay",
    "service": "hospital services",
    "intensive_care": "units and intensive care",
    "present_on_admission": "present on admission",
    "documents": "place in the documents",
    "body_system": "how coders order this body system",
}
_PARTS: Final = {
    "condition": "condition", "therapy": "therapy", "procedure": "procedure", "service": "service",
    "intensive_care": "intensive_care", "present_on_admission": "present_on_admission", "documents": "documents",
    "late_sepsis": "therapy", "lent": "lent", "explained": "explained",
}  # fmt: skip
"""Parts of the guidelines' score, and the group each belongs to."""
_KINDS: Final = (
    "acute", "consequence", "chronic", "symptom", "finding", "neoplasm", "metastasis", "injury", "complication",
    "poisoning", "adverse_effect", "aftercare", "status", "sequela",
)  # fmt: skip
_TUMOURS: Final = ("neoplasm", "metastasis")
_FAILURE: Final = "J96.0|J96.2|J96.9|J80"
_HABITS: Final = ("sepsis", "respiratory_failure", "kidney_injury")
_BARRED_COUNTS: Final = 0.3
"""How much a code that cannot be principal counts as company of the same body system."""
_MOST_EXPLAINED: Final = 3.0

Column = tuple[str, str, FloatArray]


def lists_of(read: ReadBatch) -> Lists:
    """Return the lists of a batch that was read."""
    batch, rows = read.batch, read.batch.rows
    built = list(_columns(read))
    names = tuple(name for name, _, _ in built)
    values = np.empty((len(rows.code), len(built)), dtype=np.float32)
    for number, (_, _, column) in enumerate(built):
        values[:, number] = column
    block = blocks_of(batch)
    return Lists(
        values=values,
        names=names,
        start_principal=np.array([1.0 if name in _PARTS else 0.0 for name in names]),
        start_order=np.array([_START_ORDER.get(name, 0.0) for name in names]),
        habits=np.array([name.startswith(("kind_", "system_of_")) or name in _HABITS for name in names]),
        encounter=rows.encounter,
        candidate=candidates_of(batch, read.eligibility),
        ordered=np.isin(block, (DIAGNOSES, STATUS)),
        place=true_places(read),
        patients=tuple(
            str(patient) if patient is not None else f"stay {number}"
            for number, patient in enumerate(read.encounters["patient_id"])
        ),
        hospitals=tuple(None if hospital is None else str(hospital) for hospital in read.encounters["hospital_id"]),
    )


def true_places(read: ReadBatch) -> npt.NDArray[np.int64]:
    """Return the true place of each row, 0 where nobody gave one and for copies; shape (rows,)."""
    given = optional_numbers(read.batch.rows.frame[PLACE])
    return np.where(read.batch.rows.duplicate | np.isnan(given), 0, np.nan_to_num(given)).astype(np.int64)


def group_of(name: str) -> str:
    """Return the group of a column by its name."""
    return _groups()[name]


@lru_cache(maxsize=1)
def _groups() -> dict[str, str]:
    fixed = {**_PARTS, **dict(_FIXED), **{f"kind_{kind}": "condition" for kind in _KINDS}}
    fixed |= {f"documents_{name}": "documents" for name in DOCUMENT_WEIGHTS}
    return fixed | {f"system_of_{system}": "body_system" for system in system_bits()}


_START_ORDER: Final = {"gravity": 1.0, "standing": STANDING, "arisen_later": ARISEN_LATER}
_FIXED: Final = (
    ("standing", "condition"),
    ("gravity", "gravity"),
    ("arisen_later", "present_on_admission"),
    ("gravity_in_a_long_stay", "gravity"),
    ("gravity_in_intensive_care", "intensive_care"),
    ("planned_neoplasm", "condition"),
    ("planned_chronic", "condition"),
    ("planned_acute", "condition"),
    ("neoplasm_under_chemotherapy", "therapy"),
    ("complication_after_a_procedure_elsewhere", "service"),
    ("complication_ventilated_late", "procedure"),
    ("sepsis", "condition"),
    ("respiratory_failure", "condition"),
    ("respiratory_failure_ventilated_early", "intensive_care"),
    ("respiratory_failure_in_early_intensive_care", "intensive_care"),
    ("sepsis_in_early_intensive_care", "intensive_care"),
    ("kidney_injury", "condition"),
    ("gravity_with_late_intensive_care", "intensive_care"),
    ("gravity_of_the_dying", "gravity"),
    ("explains", "explained"),
    ("company", "support"),
    ("share_of_company", "support"),
    ("gravity_of_company", "support"),
    ("same_category", "support"),
    ("same_chapter", "support"),
    ("operation_early", "procedure"),
    ("operation_late", "procedure"),
    ("operated_for_another", "procedure"),
    ("first_procedure", "procedure"),
    ("procedure_early", "procedure"),
    ("procedure_late", "procedure"),
    ("procedure_diagnostic", "procedure"),
    ("operated_by_surgeons", "procedure"),
    ("not_operated_under_surgeons", "procedure"),
    ("operated_after_a_move_to_surgery", "procedure"),
    ("service_matches", "service"),
    ("later_service_matches", "service"),
    ("unit_matches", "intensive_care"),
    ("later_unit_matches", "intensive_care"),
)


def _columns(read: ReadBatch) -> Iterator[Column]:
    """Name, group and values (rows,) of every column."""
    batch, features = read.batch, read.features
    found: dict[str, FloatArray] = dict(features.parts)
    found |= _of_condition(read)
    found |= _of_company(read)
    found |= _of_stay(read)
    found |= {f"documents_{name}": values for name, values in features.documents.items()}
    kinds = batch.attributes.kinds[batch.rows.code].astype(str)
    found |= {f"kind_{kind}": (kinds == kind).astype(np.float64) for kind in _KINDS}
    systems = batch.attributes.systems[batch.rows.code]
    found |= {f"system_of_{name}": (systems & bit != 0).astype(np.float64) for name, bit in system_bits().items()}
    for name, values in found.items():
        yield name, group_of(name), values


def _of_condition(read: ReadBatch) -> dict[str, FloatArray]:
    """The condition itself against the kind of stay."""
    batch = read.batch
    at, context = batch.rows.encounter, batch.context
    kinds = batch.attributes.kinds[batch.rows.code].astype(str)
    gravity = batch.attributes.gravity[batch.rows.code]
    planned = context.elective[at]
    days = np.log1p(_numbers(read, "length_of_stay_days", 3.0))[at]
    hours = np.log1p(_numbers(read, "icu_hours", 0.0))[at]
    return {
        "standing": standing(read.features),
        "gravity": gravity,
        "arisen_later": (batch.poa == "N").astype(np.float64),
        "gravity_in_a_long_stay": gravity * (days - 2.0),
        "gravity_in_intensive_care": gravity * (hours - 3.0),
        "planned_neoplasm": np.isin(kinds, _TUMOURS) * planned,
        "planned_chronic": (kinds == "chronic") * planned,
        "planned_acute": (kinds == "acute") * planned,
        "gravity_of_the_dying": gravity * context.died[at],
        "neoplasm_under_chemotherapy": np.isin(kinds, _TUMOURS) * context.chemotherapy[at],
        "complication_after_a_procedure_elsewhere": (kinds == "complication")
        * (context.from_other_hospital | context.from_procedure)[at],
        "complication_ventilated_late": (kinds == "complication") * context.ventilated_late[at].astype(np.float64),
        **_of_frequent_rivals(read),
    }


def _of_frequent_rivals(read: ReadBatch) -> dict[str, FloatArray]:
    """Conditions that coders of one hospital put first and those of another second, with what speaks for them."""
    batch, context = read.batch, read.batch.context
    codes, at = batch.attributes.codes, batch.rows.encounter
    sepsis, failure, kidney = (members(codes, groups)[batch.rows.code] for groups in (SEPSIS, _FAILURE, "N17"))
    told = {
        "sepsis": sepsis,
        "sepsis_in_early_intensive_care": sepsis & context.icu_early[at],
        "respiratory_failure": failure,
        "respiratory_failure_ventilated_early": failure & context.ventilated_early[at],
        "respiratory_failure_in_early_intensive_care": failure & context.icu_early[at],
        "kidney_injury": kidney,
    }
    found = {name: values.astype(np.float64) for name, values in told.items()}
    gravity = batch.attributes.gravity[batch.rows.code]
    return {**found, "gravity_with_late_intensive_care": gravity * context.icu_late[at]}


def _of_company(read: ReadBatch) -> dict[str, FloatArray]:
    """What the other codes of the encounter say: many of one body system make it likelier the reason for the stay."""
    batch = read.batch
    attributes, at, code = batch.attributes, batch.rows.encounter, batch.rows.code
    bits = np.array(list(system_bits().values()), dtype=np.int64)
    member = (attributes.systems[code][:, None] & bits != 0).astype(np.float32)
    able = read.eligibility.bar < LAST_RESORT
    counts = np.where(able, 1.0, _BARRED_COUNTS).astype(np.float32)
    gravity = attributes.gravity[code].astype(np.float32)
    codes = np.bincount(at, minlength=batch.encounters)[at]
    text = attributes.codes
    explained = np.zeros(len(code), dtype=np.float64)
    for place, relation in enumerate(relations()):
        others = np.bincount(at[able & attributes.relation_explained[place][code]], minlength=batch.encounters)[at]
        explained += attributes.relation_present[place][code] * np.minimum(others, _MOST_EXPLAINED) * -relation.shift
    company = _most_shared(member, counts, at, batch.encounters)
    return {
        "explains": np.log1p(explained),
        "company": np.log1p(company),
        "share_of_company": company / codes,
        "gravity_of_company": _most_shared(member, gravity, at, batch.encounters) / 10.0,
        "same_category": _alike(np.unique(text.astype("U3"), return_inverse=True)[1][code], at).astype(np.float64),
        "same_chapter": _alike(np.unique(text.astype("U1"), return_inverse=True)[1][code], at) / codes,
    }


def _of_stay(read: ReadBatch) -> dict[str, FloatArray]:
    """Procedures and services against the body system of the condition."""
    batch = read.batch
    context, at = batch.context, batch.rows.encounter
    systems = batch.attributes.systems[batch.rows.code]

    def on(of_encounter: npt.NDArray[np.int64]) -> BoolArray:
        return np.asarray(systems & of_encounter[at] != 0, dtype=np.bool_)

    surgeons = context.surgical[at]
    early, late = on(context.early_systems), on(context.late_systems)
    operations = batch.attributes.operations[batch.rows.code]
    for_it = operations & context.early_operations[at] != 0
    for_it_later = operations & context.late_operations[at] != 0
    told = {
        "operation_early": for_it,
        "operation_late": for_it_later,
        "operated_for_another": (context.early_operations[at] != 0) & ~for_it,
        "first_procedure": on(context.first_systems),
        "procedure_early": early,
        "procedure_late": late,
        "procedure_diagnostic": on(context.diagnostic_systems),
        "operated_by_surgeons": early & surgeons,
        "not_operated_under_surgeons": ~(early | late) & surgeons,
        "operated_after_a_move_to_surgery": (for_it_later | late) & context.later_surgical[at],
        "service_matches": on(context.service_systems),
        "later_service_matches": on(context.later_service_systems),
        "unit_matches": on(context.unit_systems),
        "later_unit_matches": on(context.later_unit_systems),
    }
    return {name: values.astype(np.float64) for name, values in told.items()}


def _most_shared(
    member: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], at: npt.NDArray[np.int64], encounters: int
) -> FloatArray:
    """Weight of the other codes in the body system that a code shares with most of them; shape (rows,)."""
    best = np.zeros(len(at), dtype=np.float64)
    for column in member.T:
        own = column * weight
        best = np.maximum(best, (np.bincount(at, own, minlength=encounters)[at] - own) * column)
    return best


def _alike(group: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many other codes of the encounter are in the group of a row; shape (rows,)."""
    key = at * (int(group.max(initial=0)) + 1) + group
    _, number, count = np.unique(key, return_inverse=True, return_counts=True)
    return np.asarray(count[number] - 1, dtype=np.int64)


def _numbers(read: ReadBatch, column: str, fill: float) -> FloatArray:
    values = optional_numbers(read.encounters[column])
    return np.where(np.isnan(values), fill, np.maximum(values, 0.0))
