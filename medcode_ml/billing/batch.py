"""Billing one batch: frames in, claims, edits and payment factors out. Pure: no file, database or clock.

Every encounter gets a claim, ready or held; nothing here drops or reorders a code (rule 43).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import Case, ClaimFrames
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.edits.charges import charge_edits
from medcode_ml.billing.edits.diagnoses import diagnosis_edits
from medcode_ml.billing.edits.fields import field_edits
from medcode_ml.billing.edits.medicare import editor_edits
from medcode_ml.billing.edits.stay import age_at_admission, stay_edits
from medcode_ml.billing.grouping import (
    UNGROUPABLE,
    Grouping,
    group,
    grouping_edits,
    has_second_grouper,
    second_opinion,
)
from medcode_ml.billing.payers import SELF_PAY, PayerBook, UnknownPayer
from medcode_ml.billing.pricing.factors import Factor, money
from medcode_ml.billing.pricing.price import NotPricedError, price
from medcode_ml.billing.pricing.terms import Contract
from medcode_ml.billing.transmission import plan
from medcode_ml.codes.drg_weights import DrgWeight, drg_weight
from medcode_ml.codes.release import release_on

CLAIM_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "claim_number",
    "claim_type",
    "hospital_id",
    "payer_id",
    "discharge_date",
    "principal_code",
    "drg",
    "mdc",
    "drg_title",
    "grouper_version",
    "weight",
    "weight_source",
    "second_drg",
    "total_charge",
    "expected_payment",
    "contract",
    "status",
    "held_because",
    "transmitted_codes",
)
EDIT_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "edit_number",
    "edit",
    "edited_by",
    "level",
    "code",
    "sentence",
    "remedy",
)
FACTOR_COLUMNS: tuple[str, ...] = ("encounter_id", "factor_number", "factor", "value", "note")
_CLAIM_NUMBER_LENGTH = 16


@dataclass(frozen=True)
class BilledBatch:
    """Frames with the columns of billed.claim, billed.edit and billed.payment_factor, without received_date.

    `notes` are sentences about the batch as a whole, for the log and the asset's metadata.
    """

    claims: pd.DataFrame
    edits: pd.DataFrame
    factors: pd.DataFrame
    notes: tuple[str, ...] = ()


def claim_number(encounter_id: str) -> str:
    """Patient control number (CLM01): the same for the same encounter, 16 characters, saying nothing of the patient."""
    return hashlib.sha256(f"claim {encounter_id}".encode()).hexdigest()[:_CLAIM_NUMBER_LENGTH].upper()


def bill_batch(frames: ClaimFrames, as_of: date, payers: PayerBook, *, second_grouper: bool = True) -> BilledBatch:
    """Edit, group and price every encounter of a batch.

    Args:
        frames: see `ClaimFrames`.
        as_of: day of billing; a later discharge is an edit.
        payers: contracts to price by.
        second_grouper: also ask the second grouper, where it knows the version.

    Raises:
        ClaimFramesError: the frames cannot be read.
    """
    claims: list[tuple[Any, ...]] = []
    edits: list[tuple[Any, ...]] = []
    factors: list[tuple[Any, ...]] = []
    without_second: Counter[str] = Counter()
    for case in frames.cases():
        claim, raised, priced = _bill(case, as_of, payers, second_grouper, without_second)
        claims.append(claim)
        edits += [(case.encounter_id, number, *edit) for number, edit in enumerate(raised, 1)]
        factors += [(case.encounter_id, number, *factor) for number, factor in enumerate(priced, 1)]
    notes = tuple(
        f"The second grouper does not know {version}: {count} claim{'s' if count > 1 else ''} without a second opinion."
        for version, count in sorted(without_second.items())
    )
    return BilledBatch(
        _frame(claims, CLAIM_COLUMNS), _frame(edits, EDIT_COLUMNS), _frame(factors, FACTOR_COLUMNS), notes
    )


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Object columns throughout: Decimal stays Decimal, None stays None."""
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _bill(
    case: Case, as_of: date, payers: PayerBook, second_grouper: bool, without_second: Counter[str]
) -> tuple[tuple[Any, ...], list[Edit], list[Factor]]:
    encounter, transmission = case.encounter, plan(case)
    discharged: date | None = encounter["discharge_date"]
    age = age_at_admission(case)
    edits = [
        *field_edits(case),
        *stay_edits(case, transmission, as_of),
        *diagnosis_edits(case, transmission),
        *charge_edits(case),
    ]
    grouping: Grouping | None = None
    second: str | None = None
    if case.inpatient and not any(e.edit == "no_code_set_for_date" for e in edits):
        edits += editor_edits(encounter, age, transmission)
        grouped = group(encounter, age, transmission)
        if isinstance(grouped, Edit):
            edits.append(grouped)
        elif grouped is not None and discharged is not None:
            grouping = grouped
            if second_grouper:
                second = second_opinion(encounter, grouping, transmission)
                if not has_second_grouper(grouping.version):
                    without_second[grouping.version_name] += 1
            edits += grouping_edits(grouping, second, discharged)
    weight = _weight(grouping, discharged)
    contract, priced, money_edits = _priced(case, payers, grouping, weight)
    edits += money_edits
    held = [edit.sentence for edit in edits if edit.level == "error"]
    claim = (
        case.encounter_id,
        claim_number(case.encounter_id),
        encounter["claim_type"] or "837I",
        encounter["hospital_id"],
        encounter["payer_id"],
        discharged,
        transmission.principal.code if transmission.principal else None,
        grouping.drg if grouping else None,
        grouping.mdc if grouping else None,
        (grouping.title or None) if grouping else None,
        grouping.version_name if grouping else None,
        weight.weight if weight else None,
        weight.source if weight else None,
        second,
        money(case.total_charge),
        priced[-1].value if priced else None,
        contract.name if contract else None,
        "held" if held else "ready",
        held,
        len(transmission.diagnoses),
    )
    return claim, edits, priced


def _weight(grouping: Grouping | None, discharged: date | None) -> DrgWeight | None:
    if grouping is None or discharged is None or grouping.drg in UNGROUPABLE:
        return None
    return drg_weight(grouping.drg, release_on(discharged).fiscal_year)


def _priced(
    case: Case, payers: PayerBook, grouping: Grouping | None, weight: DrgWeight | None
) -> tuple[Contract | None, list[Factor], list[Edit]]:
    """Contract, factors and edits of the price; the claim is held without a contract, not without a price."""
    encounter = case.encounter
    if encounter["payer_kind"] == SELF_PAY:
        return None, [], [found("self_pay")]
    contract = payers.contract_of(encounter["payer_id"], encounter["payer_kind"], encounter["contract"])
    if isinstance(contract, UnknownPayer):
        return None, [], [found("payer_unknown", why=contract.why)]
    discharged: date | None = encounter["discharge_date"]
    if discharged is None:
        return contract, [], []
    terms = contract.terms_on(discharged)
    if terms is None:
        why = f"Contract {contract.name} has no terms in force on {discharged}."
        return contract, [], [found("contract_not_in_force", why=why)]
    drg = grouping.drg if grouping and grouping.drg not in UNGROUPABLE else None
    try:
        result = price(case, contract, terms, drg, weight)
    except NotPricedError as why_not:
        return contract, [], [found("not_priced", why=str(why_not))]
    return contract, result.factors, []
