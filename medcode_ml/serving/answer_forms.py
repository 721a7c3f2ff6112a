"""Answers of the routes on records as the OpenAPI document shows them: the formats that the command line writes.

Answers are not checked against these when they are sent; tests hold real ones against them. Keys that medcode does not
know are carried from the record into its answer, so every object may have more.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from medcode_ml.serving.formats import Open

Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]
"""US dollars, a weight or a factor: a text, so that no reader rounds it."""
Band = Annotated[Literal["auto", "review", "drop"], Field(description="auto is taken without a person")]


class Suspended(Open):
    """A drift alarm for which codes of the auto band go to review."""

    alarm_id: str
    day: str | None
    reason: str


class TextPlace(Open):
    """A piece of the note."""

    start: int = Field(ge=0, description="first character")
    end: int = Field(description="the character after the last")
    text: str


class ProposedCode(Open):
    """A code of a note, with what it rests on."""

    code: str
    score: float = Field(ge=0, le=1)
    accepted: bool
    band: Band
    assertion: str = Field(description="affirmed, uncertain, historical, family, hypothetical or negated")
    evidence: list[TextPlace]


class CodedNote(Open):
    """The codes of a note, best first."""

    record_id: str
    codes: list[ProposedCode]
    model_version: str
    code_set_release: str
    auto_band_suspended: Suspended | None = None


class RankedCode(Open):
    """A code at its place."""

    code: str
    score: float
    rank: int = Field(ge=1)
    principal: bool
    eligible: bool = Field(description="it may be principal")
    reasons: list[str]


class Order(Open):
    """Codes in reporting order."""

    codes: list[RankedCode]
    outcome: Literal["ranked", "no_codes", "no_eligible_principal"]
    runner_up: str | None
    principal_probability: float | None = Field(description="none without a trained model")
    needs_review: bool
    review_reason: str | None
    model_version: str


class RankedEncounter(Order):
    """The codes of an encounter in reporting order, as many as came in."""

    encounter_id: str | int


class Edit(Open):
    """What an editor found."""

    number: int
    edit: str
    edited_by: str = Field(description="medicare_code_editor, grouper or medcode")
    level: str = Field(description="error holds the claim; warning and information do not")
    code: str | None
    sentence: str
    remedy: str


class OtherPrincipal(Open):
    """What the claim would be grouped and paid as with another principal: for review, never applied."""

    principal_code: str
    rank: int
    drg: str
    drg_title: str | None
    weight: Amount | None
    expected_payment: Amount | None
    difference: Amount | None


class Bill(Open):
    """A claim: edited, grouped and priced."""

    claim: Literal["ready", "held"]
    held_because: list[str]
    edits: list[Edit]
    drg: str | None
    mdc: str | None
    drg_title: str | None
    grouper_version: str | None
    second_drg: str | None
    weight: Amount | None
    weight_source: str | None
    contract: str | None
    total_charge: Amount
    expected_payment: dict[str, Amount] = Field(description="factor by factor")
    what_if: list[OtherPrincipal]
    claim_number: str
    claim_type: str
    payer_id: str | None
    filing_limit: str | None


class BilledEncounter(Bill):
    """A claim with the encounter that it bills."""

    encounter_id: str


class PricedCase(Open):
    """A case with its amounts in US dollars; low and high are the ends of the 90% interval."""

    charges: float
    charges_low: float
    charges_high: float
    payments: float
    payments_low: float
    payments_high: float
    model_version: str


class Page(Open):
    """A page that was read."""

    page_id: str
    quarantined_because: str | None = Field(default=None, description="why nothing of it was coded")


class ReadDocument(Open):
    """A document as it was read."""

    number: int = Field(ge=1)
    type: str | None
    text: str | None = Field(default=None, description="what was read of page images")
    pages: list[Page] | None = None


class Box(Open):
    """Where it stands on a page."""

    page_id: str
    box: list[float] = Field(min_length=4, max_length=4)


class DocumentPlace(TextPlace):
    """A piece of a document; with boxes where it was scanned."""

    document: int = Field(ge=1)
    assertion: str
    boxes: list[Box] | None = None


class ReadCode(Open):
    """A code of an encounter, with what it rests on."""

    code: str
    score: float = Field(ge=0, le=1)
    accepted: bool
    band: Band
    assertion: str
    poa: str | None
    reason: str
    evidence: list[DocumentPlace]


class Question(Open):
    """A question to the clinician."""

    rule: str
    codes: list[str]
    question: str


class WholeAnswer(Open):
    """An encounter taken the whole way."""

    encounter_id: str | int
    documents: list[ReadDocument]
    codes: list[ReadCode]
    queries: list[Question]
    order: Order
    bill: Bill
    model_version: str
    code_set_release: str
    auto_band_suspended: Suspended | None = None


class RecordedChart(Open):
    """What became of a coder's chart."""

    encounter_id: str
    chart_id: str
    state: Literal["open", "final", "given_back"]
    decisions_recorded: int
    decisions_known: int = Field(description="those that had come before")
    codes: list[str] = Field(description="in the coder's order; empty unless final")


class Rejected(Open):
    """A record without an answer: its place, its id, and the problem."""

    place: int = Field(ge=0, description="0 first")
    type: str
    title: str
    status: int
    detail: str


class CodedNotes(Open):
    """Answers to notes."""

    answers: list[CodedNote]
    rejected: list[Rejected]


class RankedEncounters(Open):
    """Answers to encounters to rank."""

    answers: list[RankedEncounter]
    rejected: list[Rejected]


class BilledEncounters(Open):
    """Answers to encounters to bill."""

    answers: list[BilledEncounter]
    rejected: list[Rejected]


class PricedCases(Open):
    """Answers to cases to price."""

    answers: list[PricedCase]
    rejected: list[Rejected]


class WholeAnswers(Open):
    """Answers to encounters taken the whole way."""

    answers: list[WholeAnswer]
    rejected: list[Rejected]


class RecordedCharts(Open):
    """What became of coders' charts."""

    answers: list[RecordedChart]
    rejected: list[Rejected]


class JobFacts(Open):
    """Long work."""

    job_id: str
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    operation: Literal["code", "rank", "bill", "price", "encounter", "review"]
    record_count: int
    created_at: str
    finished_at: str | None


class AcceptedJob(JobFacts):
    """Long work that was taken on."""

    href: str = Field(description="where its answer will be")


class JobAnswer(JobFacts):
    """Long work, with its answer once it has ended."""

    answer_status: int | None = Field(description="HTTP status that the answer would have had at once")
    answer: dict[str, Any] | None = Field(default=None, description="as the route answers, or a problem")


ONE_ANSWER: dict[str, type[Open]] = {
    "code": CodedNote, "rank": RankedEncounter, "bill": BilledEncounter, "price": PricedCase,
    "encounter": WholeAnswer, "review": RecordedChart,
}  # fmt: skip
MANY_ANSWERS: dict[str, type[Open]] = {
    "code": CodedNotes, "rank": RankedEncounters, "bill": BilledEncounters, "price": PricedCases,
    "encounter": WholeAnswers, "review": RecordedCharts,
}  # fmt: skip
