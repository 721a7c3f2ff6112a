"""Billing one batch: frames in, claims, lines, edits, payment factors and what-ifs out. No database or clock.

Every encounter gets a claim, ready or held; nothing here drops or reorders a code (rule 43).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import Case, ClaimFrames
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.edits.charges import charge_edits
from medcode_ml.billing.edits.diagnoses import diagnosis_edits
from medcode_ml.billing.edits.duplicates import fingerprint
from medcode_ml.billing.edits.fields import field_edits, taxonomies_of_nobody
from medcode_ml.billing.edits.filing import filing_edits, filing_limit
from medcode_ml.billing.edits.medicare import editor_edits
from medcode_ml.billing.edits.service_tables import SERVICES, Services, ServiceTables, service_tables
from medcode_ml.billing.edits.services import has_services, service_edits, services_of
from medcode_ml.billing.edits.stay import age_at_admission, death_edits, stay_edits
from medcode_ml.billing.expected import expected_with, price_claim, weight_of
from medcode_ml.billing.grouping import (
    Grouping,
    group,
    grouping_edits,
    has_second_grouper,
    second_opinion,
)
from medcode_ml.billing.known import NOTHING_KNOWN, Known, known_of
from medcode_ml.billing.notes import Notes
from medcode_ml.billing.payers import PayerBook
from medcode_ml.billing.pricing.factors import Factor, money
from medcode_ml.billing.releases import NONE, Released, Releases, edit_rows, holding
from medcode_ml.billing.transmission import plan
from medcode_ml.billing.what_if import CANDIDATES, WhatIf, what_ifs
from medcode_ml.billing.x12.loops import ORIGINAL, ReadyClaim
from medcode_ml.billing.x12.writable import unwritable
from medcode_ml.contracts import billed as billed_tables

CLAIM_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "claim_number",
    "claim_type",
    "frequency_code",
    "payer_control_number",
    "delay_reason",
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
    "fingerprint",
    "filing_limit",
)
CLAIM_LINE_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "line_number",
    "charge_number",
    "revenue_code",
    "hcpcs",
    "modifiers",
    "units",
    "charge",
    "service_date",
)
EDIT_COLUMNS: tuple[str, ...] = (
    "encounter_id",
    "place",
    "edit_number",
    "edit",
    "edited_by",
    "level",
    "code",
    "sentence",
    "remedy",
    "released_by",
    "released_because",
)
FACTOR_COLUMNS: tuple[str, ...] = ("encounter_id", "factor_number", "factor", "value", "note")
PREDICTED_COLUMNS = tuple(c.name for c in billed_tables.predicted_amount.columns if c.name != "received_date")
WHAT_IF_COLUMNS: tuple[str, ...] = ("encounter_id", *WhatIf._fields)
_CLAIM_NUMBER_LENGTH = 16


@dataclass(frozen=True)
class BilledBatch:
    """Frames with the columns of billed.claim, claim_line, claim_edit, payment_factor, what_if and predicted_amount,
    without received_date.

    `releases` are those that its claims were billed with. What is predicted the stage adds, which knows the model.
    """

    claims: pd.DataFrame
    lines: pd.DataFrame
    edits: pd.DataFrame
    factors: pd.DataFrame
    what_ifs: pd.DataFrame
    said: Notes = field(default_factory=Notes)
    releases: Releases = field(default_factory=dict)
    predicted: pd.DataFrame = field(default_factory=lambda: _frame([], PREDICTED_COLUMNS))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about the batch as a whole, for the log and the asset's metadata."""
        return self.said.sentences()


def claim_number(encounter_id: str) -> str:
    """Patient control number (CLM01): the same for the same encounter, 16 characters, saying nothing of the patient."""
    return hashlib.sha256(f"claim {encounter_id}".encode()).hexdigest()[:_CLAIM_NUMBER_LENGTH].upper()


def bill_batch(
    frames: ClaimFrames,
    as_of: date,
    payers: PayerBook,
    *,
    second_grouper: bool = True,
    candidates: int = CANDIDATES,
    earlier: Mapping[str, str] | None = None,
    releases: Releases | None = None,
) -> BilledBatch:
    """Edit, group and price every encounter of a batch.

    Args:
        frames: see `ClaimFrames`; `encounters.death_date` and `codes.eligible` (the code may be principal) are used
            where they are given.
        as_of: day of billing; a later discharge is an edit.
        payers: contracts to price by.
        second_grouper: also ask the second grouper, where it knows the version.
        candidates: other principals tried for each claim, 0 for none.
        earlier: encounter by fingerprint of the claims made before: one of another encounter is a duplicate.
        releases: edits that people released claims from.

    Raises:
        ClaimFramesError: the frames cannot be read.
    """
    claims: list[tuple[Any, ...]] = []
    lines: list[tuple[Any, ...]] = []
    edits: list[tuple[Any, ...]] = []
    factors: list[tuple[Any, ...]] = []
    others: list[tuple[Any, ...]] = []
    without_second: Counter[str] = Counter()
    seen = dict(earlier or {})
    released = releases or {}
    tables: dict[Services, ServiceTables] = {}
    known = known_of(frames)
    given = frames.encounters["hospital_taxonomy"] if "hospital_taxonomy" in frames.encounters.columns else ()
    taxonomies = taxonomies_of_nobody(given)
    for case in frames.cases():
        key = case.encounter_id
        services = services_of(case) if has_services(case) else None
        if services is not None and services not in tables:
            tables[services] = service_tables(services)
        own = tables[services] if services is not None else None
        free = released.get(key, NONE)
        billed = _bill(
            case, as_of, payers, known.get(key, NOTHING_KNOWN), own, taxonomies, second_grouper, candidates, seen, free
        )
        claims.append(billed.claim)
        edits += edit_rows(key, billed.edits, 1, free)
        factors += [(key, number, *factor) for number, factor in enumerate(billed.factors, 1)]
        others += [(key, *other) for other in billed.what_ifs]
        lines += [
            (key, n, x.line_number, x.revenue_code, x.hcpcs, list(x.modifiers), x.units, x.charge, x.service_date)
            for n, x in enumerate(case.lines, 1)
        ]
        if billed.without_second:
            without_second[billed.without_second] += 1
    samples = [tables[services].note for services in SERVICES if services in tables]
    return BilledBatch(
        _frame(claims, CLAIM_COLUMNS),
        _frame(lines, CLAIM_LINE_COLUMNS),
        _frame(edits, EDIT_COLUMNS),
        _frame(factors, FACTOR_COLUMNS),
        _frame(others, WHAT_IF_COLUMNS),
        Notes(without_second, tuple(note for note in samples if note)),
        released,
    )


def with_edits(batch: BilledBatch, more: Mapping[str, Sequence[Edit]]) -> BilledBatch:
    """The batch with further edits by encounter; errors among them hold their claims."""
    if not more:
        return batch
    added: list[tuple[Any, ...]] = []
    claims = batch.claims.copy()
    last = batch.edits.groupby("encounter_id")["place"].max().to_dict()
    for at, key in zip(claims.index, claims["encounter_id"], strict=True):
        edits, free = more.get(key, ()), batch.releases.get(key, NONE)
        added += edit_rows(key, edits, int(last.get(key, 0)) + 1, free)
        because = holding(edits, free)
        if because:
            claims.at[at, "status"] = "held"
            claims.at[at, "held_because"] = [*claims.at[at, "held_because"], *because]
    if not added:
        return batch
    frames = [batch.edits, _frame(added, EDIT_COLUMNS)]
    return replace(batch, claims=claims, edits=pd.concat([f for f in frames if len(f)], ignore_index=True))


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Object columns throughout: Decimal stays Decimal, None stays None."""
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


@dataclass(frozen=True, slots=True)
class _Billed:
    """One encounter billed: its row of billed.claim and what goes with it."""

    claim: tuple[Any, ...]
    edits: list[Edit]
    factors: list[Factor]
    what_ifs: list[WhatIf]
    without_second: str | None


def _bill(
    case: Case,
    as_of: date,
    payers: PayerBook,
    known: Known,
    tables: ServiceTables | None,
    unknown_taxonomies: frozenset[str],
    second_grouper: bool,
    candidates: int,
    seen: dict[str, str],
    released: Released,
) -> _Billed:
    encounter, transmission = case.encounter, plan(case)
    discharged: date | None = encounter["discharge_date"]
    age = age_at_admission(case)
    edits = [
        *field_edits(case, unknown_taxonomies),
        *stay_edits(case, transmission, as_of),
        *death_edits(case, known.death_date),
        *diagnosis_edits(case, transmission),
        *charge_edits(case),
        *(service_edits(case, transmission, tables) if tables is not None else ()),
    ]
    mark = fingerprint(case, transmission)
    first = seen.setdefault(mark, case.encounter_id) if mark else case.encounter_id
    # a replacement or void names the claim it is about: it repeats that one by intent
    if first != case.encounter_id and encounter["frequency_code"] in (None, "1"):
        edits.append(found("duplicate_claim", other=first))
    grouping: Grouping | None = None
    second: str | None = None
    without_second: str | None = None
    if case.inpatient and not any(e.edit == "no_code_set_for_date" for e in edits):
        edits += editor_edits(encounter, age, transmission)
        grouped = group(encounter, age, transmission)
        if isinstance(grouped, Edit):
            edits.append(grouped)
        elif grouped is not None and discharged is not None:
            grouping = grouped
            if second_grouper:
                second = second_opinion(encounter, grouping, transmission)
                without_second = None if has_second_grouper(grouping.version) else grouping.version_name
            edits += grouping_edits(grouping, second, discharged)
    weight = weight_of(grouping, discharged)
    priced = price_claim(case, payers, grouping, weight)
    edits += priced.edits
    edits += filing_edits(discharged, priced.filing_days, as_of, encounter["delay_reason"])
    held = holding(edits, released)
    to_write = ReadyClaim(
        case, transmission, claim_number(case.encounter_id), encounter["claim_type"] or "837I",
        grouping.drg if grouping else None, encounter["frequency_code"] or ORIGINAL, encounter["payer_control_number"],
        case.total_charge, encounter["delay_reason"],
    )  # fmt: skip
    # the last look: edits say better what is missing, so that it is asked only where none of them holds the claim
    if not held and (why := unwritable(to_write)):
        edits.append(found("claim_unwritable", why="; ".join(why)))
        held = holding(edits, released)
    claim = (
        case.encounter_id,
        to_write.claim_number,
        to_write.claim_type,
        to_write.frequency,
        to_write.payer_control_number,
        to_write.delay_reason,
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
        money(to_write.total_charge),
        priced.expected,
        priced.contract.name if priced.contract else None,
        "held" if held else "ready",
        held,
        len(transmission.diagnoses),
        mark,
        filing_limit(discharged, priced.filing_days),
    )
    others: list[WhatIf] = []
    if grouping:
        others = what_ifs(
            encounter, age, transmission, eligible=known.eligible, most=candidates, expected=priced.expected,
            pays=lambda drg, weight: expected_with(case, priced, drg, weight),
        )  # fmt: skip
    return _Billed(claim, edits, priced.factors, others, without_second)
