"""Answers of the routes on codes, charts, models and the service, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from medcode_ml.serving.formats import Open


class FoundCode(Open):
    """A code that matches."""

    code: str
    title: str | None
    billable: bool
    matched: str = Field(description="what matched: the code, its title, or an inclusion term")
    term: str | None = Field(description="the words that matched")


class FoundCodes(Open):
    """Codes that match a search."""

    codes: list[FoundCode]
    release: str
    system: Literal["ICD-10-CM", "ICD-10-PCS"]


class CodeAbove(Open):
    """A category that a code belongs to."""

    code: str
    title: str | None


class CodeNote(Open):
    """A note of the tabular list."""

    text: str
    codes: list[str]
    source: str


class CodeFacts(Open):
    """All that is known of a code on a day; hierarchy and notes for ICD-10-CM alone."""

    code: str
    system: Literal["ICD-10-CM", "ICD-10-PCS"]
    title: str | None
    billable: bool
    not_billable_because: str | None
    release: str
    release_from: str
    release_to: str
    ancestors: list[CodeAbove] | None = None
    children: list[str] | None = None
    inclusion_terms: list[str] | None = None
    seventh_characters: dict[str, str] | None = None
    notes: dict[str, list[CodeNote]] | None = Field(default=None, description="by kind, such as excludes1")


class WaitingEncounter(Open):
    """An encounter that waits; what is told of one to review is not told of one to audit."""

    received_date: str
    encounter_id: str
    hospital_id: str
    setting: str | None = None
    discharge_date: str | None = None
    claim_status: Literal["ready", "held"] | None = None
    principal_code: str | None = None
    runner_up: str | None = None
    codes_to_review: int | None = None
    queries: int | None = None
    reasons: list[str] | None = None
    at_stake: str | None = Field(default=None, description="US dollars")


class Worklist(Open):
    """Encounters that wait for coders, or for auditors."""

    kind: Literal["review", "audit"]
    encounters: list[WaitingEncounter]


class ChartCode(Open):
    """A code proposed for an encounter."""

    rank: int | None
    code: str
    title: str | None
    poa: str | None
    score: float | None
    band: str | None
    assertion: str | None
    place_reasons: list[str] | None
    code_reason: str | None
    evidence: list[dict[str, Any]] | None


class Proposals(Open):
    """The newest coding of an encounter."""

    encounter_id: str
    hospital_id: str
    discharge_date: str | None
    code_set_release: str
    model_version: str
    outcome: str
    codes: list[ChartCode]


class ModelInUse(Open):
    """A model of one kind."""

    version: str
    trained: bool
    source: Literal["folder", "registry"]
    trouble: str | None


class ModelsTold(Open):
    """The models that answer, by kind."""

    models: dict[str, ModelInUse]
    runtime: Literal["onnxruntime", "torch", "none"]
    auto_band_suspended: list[str]


class Health(Open):
    """The worker lives."""

    status: Literal["ok"]


class Readiness(Open):
    """The worker can answer."""

    status: Literal["ready", "degraded"]
    models: dict[str, str]
    trouble: dict[str, str]
    auto_band_suspended: list[str]


OTHER_ANSWERS: tuple[type[Open], ...] = (
    FoundCodes, CodeFacts, Worklist, Proposals, ModelsTold, Health, Readiness,
)  # fmt: skip
