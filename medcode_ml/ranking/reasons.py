"""The reason of each place in words that a coder accepts. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from medcode_ml.ranking.document_parts import DOCUMENT_WORDS
from medcode_ml.ranking.eligibility import FREE, SYMPTOM, Eligibility
from medcode_ml.ranking.features import Features
from medcode_ml.ranking.knowledge import BoolArray, relations, therapies
from medcode_ml.ranking.knowledge import operations as known_operations
from medcode_ml.ranking.order import DIAGNOSES, EXTERNAL, STATUS, Order
from medcode_ml.ranking.rows import Batch

_KINDS: Final = {
    "acute": "acute condition",
    "consequence": "acute condition",
    "chronic": "chronic condition",
    "symptom": "symptom",
    "finding": "abnormal finding",
    "neoplasm": "neoplasm",
    "metastasis": "secondary neoplasm",
    "injury": "injury",
    "poisoning": "poisoning or toxic effect",
    "adverse_effect": "drug of an adverse effect",
    "underdosing": "underdosing of a drug",
    "complication": "complication of a device, graft or procedure",
    "obstetric": "condition of pregnancy, childbirth or the puerperium",
    "perinatal": "condition of the perinatal period",
    "newborn_birth": "birth of the newborn",
    "congenital": "congenital condition",
    "aftercare": "planned care",
    "status": "status or history",
    "sequela": "late effect",
    "organism": "organism",
    "external": "external cause",
    "unknown": "code not known",
}
_NOTABLE: Final = 0.3


def reasons_of(
    batch: Batch,
    eligibility: Eligibility,
    features: Features,
    order: Order,
    weighed: npt.NDArray[np.object_] | None = None,
) -> list[list[str]]:
    """Return the reasons of each row, the chief one first.

    `weighed` says for each row what decided in a model, in words; None where the guidelines decided.
    """
    rows = batch.rows
    kinds = batch.attributes.kinds[rows.code]
    leads = np.zeros(len(kinds), dtype=np.bool_)
    leads[order.principal[order.principal >= 0]] = True
    outpatient = batch.context.outpatient[rows.encounter]
    found: list[list[str]] = [[] for _ in range(len(kinds))]

    def say(mask: BoolArray, text: str) -> None:
        for row in np.flatnonzero(mask):
            found[row].append(text)

    for kind, words in _KINDS.items():
        of_kind = leads & (kinds == kind)
        say(of_kind & ~outpatient, f"Principal: {words} chiefly responsible for the admission; guideline II")
        say(of_kind & outpatient, f"First listed: {words} chiefly responsible for the visit; guideline IV.G")
    _weighed(leads, weighed, found)
    _evidence(batch, features, leads, say)
    say(leads & (eligibility.bar == SYMPTOM), "No other listed code could lead; confirm with the clinician")
    say(leads & (eligibility.bar > SYMPTOM), "Only codes that seldom lead are listed; confirm with the clinician")

    _pairs(batch, order, found)
    rest = ~leads
    chronic = batch.attributes.chronic[rows.code]
    in_order = rest & (order.block == DIAGNOSES)
    what = "its gravity" if weighed is None else "what coders did with such codes"
    for kind, words in _KINDS.items():
        here = in_order & (kinds == kind)
        if kind == "acute":
            say(here & chronic, f"Chronic condition, placed by {what} after the acute ones of its kind")
            here = here & ~chronic
        say(here, f"{words.capitalize()}, placed by {what}")
    _weighed(in_order, weighed, found)
    say(rest & (order.block == STATUS), "Status, history or factor of care: after the diagnoses")
    say(rest & (order.block == EXTERNAL), "External cause: after the diagnoses; guideline I.C.20")
    for number, text in enumerate(eligibility.reasons):
        say(rest & (eligibility.why == number) & (eligibility.bar > FREE), f"Not principal: {text}")
    for number, relation in enumerate(relations()):
        say(rest & (eligibility.bar == FREE) & (features.explained_by == number), f"Secondary: {relation.reason}")
    runner = np.zeros(len(kinds), dtype=np.bool_)
    runner[order.runner_up[order.runner_up >= 0]] = True
    say(runner, "Next in line to be principal")
    return found


def _weighed(rows: BoolArray, weighed: npt.NDArray[np.object_] | None, found: list[list[str]]) -> None:
    """Add what decided in a model; nothing where the guidelines decided."""
    if weighed is not None:
        for row in np.flatnonzero(rows):
            found[row].append(weighed[row])


def _evidence(batch: Batch, features: Features, leads: BoolArray, say: Callable[[BoolArray, str], None]) -> None:
    """What speaks for the principal beside its kind."""
    at = batch.rows.encounter
    say(leads & (batch.poa == "Y"), "Present on admission (POA Y)")
    for name, words in DOCUMENT_WORDS.items():
        say(leads & (features.documents[name] > 0), words)
    for number, therapy in enumerate(therapies()):
        say(leads & (features.therapy == number), f"Treated from day 0-1: {therapy.label}")
    operated = features.parts["procedure"] > _NOTABLE
    planned = batch.context.planned[at]
    operations = batch.attributes.operations[batch.rows.code]
    for number, operation in enumerate(known_operations()):
        for_it = operations & (batch.context.early_operations | batch.context.late_operations)[at] & (1 << number) != 0
        say(leads & for_it, f"Operated for it: {operation.label}")
        operated = operated & ~for_it
    say(leads & operated & planned, "Planned admission with a procedure on the same body system")
    say(leads & operated & ~planned, "A procedure of the stay concerns the same body system")
    lent = features.parts["lent"] > _NOTABLE
    say(leads & lent, "What follows from it, and so may not lead, is why the patient came")
    say(leads & (features.parts["service"] > _NOTABLE), "The first hospital service cares for such conditions")
    say(leads & (features.parts["intensive_care"] > 0), "Grave condition in intensive care from day 0-1")


def _pairs(batch: Batch, order: Order, found: list[list[str]]) -> None:
    codes = batch.rows.frame["code"].to_numpy(dtype=object)
    pairs = batch.row_pairs
    for row in np.flatnonzero(order.moved_behind >= 0):
        pair = order.moved_behind[row]
        text = batch.pairs.reasons[pairs.rule[pair]]
        found[row].append(f"Follows {codes[pairs.base[pair]]}: {text}")
