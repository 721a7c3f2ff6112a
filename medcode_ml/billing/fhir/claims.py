"""A batch of billed claims, and the answers to them, into FHIR files: no database, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.fhir.answers import Answer
from medcode_ml.billing.fhir.claim import claim_resource
from medcode_ml.billing.fhir.explanation import explanation_resource
from medcode_ml.billing.fhir.ndjson import FhirFiles
from medcode_ml.billing.fhir.parties import parties
from medcode_ml.billing.x12.loops import ReadyClaim

CLAIM, EXPLANATION = "Claim", "ExplanationOfBenefit"
HELD = "the claim is held: its edits say why"
AGAIN = "another claim of the same number is exported"


@dataclass(frozen=True)
class Billed:
    """A claim as it was billed: its case with what billing decided, its grouper, its status and the billing day."""

    claim: ReadyClaim
    grouper_version: str | None
    ready: bool
    created: date
    synthetic: bool


def billed_claims(
    frames: ClaimFrames, claims: pd.DataFrame, created: date, synthetic: Collection[str] = frozenset()
) -> Iterator[Billed]:
    """Put the claims of a batch together with the frames they were billed from.

    Args:
        frames: what the claims were billed from.
        claims: rows of billed.claim.
        created: the billing day.
        synthetic: encounters of the simulated network.
    """
    rows = {str(row["encounter_id"]): row for row in claims.astype(object).to_dict("records")}
    for case in frames.cases():
        row: dict[str, Any] | None = rows.get(case.encounter_id)
        if row is not None:
            version = row.get("grouper_version")
            ready = row["status"] == "ready"
            yield Billed(ReadyClaim.of(case, row), version, ready, created, case.encounter_id in synthetic)


def write_claims(files: FhirFiles, claims: Sequence[Billed]) -> None:
    """Write the `Claim` of every ready claim with all that it refers to; the others are left out by name."""
    files.open(CLAIM)
    for one in claims:
        number = one.claim.claim_number
        if not one.ready:
            files.leave_out(CLAIM, number, HELD)
        elif files.has(CLAIM, number):
            files.leave_out(CLAIM, number, AGAIN)
        else:
            made = claim_resource(one.claim, one.created, grouper_version=one.grouper_version, synthetic=one.synthetic)
            if files.write(made):
                _write_parties(files, one)


def write_explanations(files: FhirFiles, claims: Sequence[Billed], answers: Mapping[str, Sequence[Answer]]) -> None:
    """Write an `ExplanationOfBenefit` for every answer to these claims with all that it refers to.

    Args:
        files: where the claims were written before, if they are to be referred to.
        claims: the claims that were answered.
        answers: the answers by encounter.
    """
    files.open(EXPLANATION)
    for one in claims:
        for answer in answers.get(one.claim.case.encounter_id, ()):
            made = explanation_resource(
                one.claim,
                answer,
                grouper_version=one.grouper_version,
                claim_exported=files.has(CLAIM, one.claim.claim_number),
                synthetic=one.synthetic,
            )
            if files.write(made):
                _write_parties(files, one)


def _write_parties(files: FhirFiles, one: Billed) -> None:
    for party in parties(one.claim.case, synthetic=one.synthetic):
        files.write(party)
