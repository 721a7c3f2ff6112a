"""Coding a batch: frames of documents and sections in, frames of codes, evidence and queries out; no I/O.

The same function runs in the stage, the command line, the stream and the API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from medcode_ml.codes.release import release_on
from medcode_ml.coding.assertion import HYPOTHETICAL, NEGATED
from medcode_ml.coding.candidates import Candidate
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.mentions import Section
from medcode_ml.coding.onset import present_on_admission
from medcode_ml.coding.ontology import MODEL_VERSION
from medcode_ml.coding.places import document_types_of
from medcode_ml.coding.scored import AT_ONCE, Scored, by_ontology

if TYPE_CHECKING:
    from medcode_ml.coding.model import CodingModel

__all__ = ["MODEL_VERSION", "BatchError", "CodedBatch", "code_batch", "code_notes"]

DOCUMENT_COLUMNS = ("document_id", "encounter_id", "text", "setting", "discharge_date", "document_type")
SECTION_COLUMNS = ("document_id", "section_number", "section_type", "start_offset", "end_offset")
CODE_COLUMNS = (
    "encounter_id", "code", "score", "band", "accepted", "assertion", "poa", "origin", "mention_count",
    "document_types", "reason",
)  # fmt: skip
EVIDENCE_COLUMNS = (
    "encounter_id", "code", "document_id", "start_offset", "end_offset", "text", "assertion", "section_type", "term",
)  # fmt: skip
#: Sections without a heading that count by their wording alone. In a story told in one piece the other types say where
#: a sentence would stand, not that its condition is any less addressed there.
_TOLD_BY_WORDING = frozenset({"allergies", "discharge_medications", "medications"})
NOT_CARRYING = frozenset({NEGATED, HYPOTHETICAL})
QUERY_COLUMNS = ("encounter_id", "query_number", "rule", "codes", "question")


class BatchError(ValueError):
    """A batch cannot be coded as handed over: says what is missing or contradictory."""


@dataclass(frozen=True)
class CodedBatch:
    """What a batch was coded with.

    Attributes:
        codes: a row for each encounter and code, accepted or not, best first; the columns of coded.encounter_code.
        evidence: a row for each mention; the columns of coded.evidence without boxes.
        queries: the columns of coded.query.
        encounters: encounter_id, discharge_date, code_set_release, model_version, document_count, code_count, outcome.
    """

    codes: pd.DataFrame
    evidence: pd.DataFrame
    queries: pd.DataFrame
    encounters: pd.DataFrame


def code_batch(
    documents: pd.DataFrame,
    sections: pd.DataFrame,
    *,
    model: CodingModel | None = None,
    progress: bool = False,
) -> CodedBatch:
    """Code every encounter of `documents`; each in the code set of its discharge date (rule 1).

    Args:
        documents: document_id, encounter_id, text, setting, discharge_date, document_type or None.
        sections: document_id, section_number, section_type, start_offset, end_offset; text in none of them is "other".
            With `heading` and `typed_by`, types told by the wording alone count for medicines and allergies only.
        model: a trained model; without one the ontology coder codes.
        progress: show a bar.

    Raises:
        BatchError: a column is missing, or the documents of one encounter disagree on setting or discharge date.
        NoReleaseError: a discharge date lies outside the known releases.
    """
    _check(documents, DOCUMENT_COLUMNS, "documents", optional={"document_type"})
    _check(sections, SECTION_COLUMNS, "sections")
    by_document, standing = sections_by_document(sections), sections_by_document(sections, by_wording=True)
    codes: list[tuple[Any, ...]] = []
    evidence: list[tuple[Any, ...]] = []
    queries: list[tuple[Any, ...]] = []
    encounters: list[tuple[Any, ...]] = []
    version = MODEL_VERSION if model is None else model.version
    groups = documents.groupby("encounter_id", sort=True)
    bar = tqdm(total=len(groups), desc="coding", unit="encounter", disable=not progress)
    for encounter_id, group, setting, day, scored in _coded(groups, by_document, model, bar):
        coded = scored.coded
        texts = dict(zip(group["document_id"], group["text"], strict=True))
        places = document_types_of(coded.candidates, texts, standing)
        rows = _code_rows(encounter_id, scored, setting, places)
        codes.extend(rows)
        for candidate in coded.candidates.values():
            evidence.extend(_evidence_rows(encounter_id, candidate, texts))
        queries.extend(
            (encounter_id, number, q.rule, list(q.codes), q.question) for number, q in enumerate(coded.queries, 1)
        )
        count = sum(row[4] for row in rows)
        outcome = "coded" if count else "no_codes"
        encounters.append((encounter_id, day, release_on(day).name, version, len(group), count, outcome))
    bar.close()
    return CodedBatch(
        _frame(codes, CODE_COLUMNS),
        _frame(evidence, EVIDENCE_COLUMNS),
        _frame(queries, QUERY_COLUMNS),
        _frame(
            encounters,
            (
                "encounter_id",
                "discharge_date",
                "code_set_release",
                "model_version",
                "document_count",
                "code_count",
                "outcome",
            ),
        ),
    )


def _coded(
    groups: Any, by_document: dict[str, tuple[Section, ...]], model: CodingModel | None, bar: tqdm[Any]
) -> Iterator[tuple[str, pd.DataFrame, str | None, date, Scored]]:
    """Encounters with what they were coded with, in order; a model gets many at a time."""
    waiting: list[tuple[str, pd.DataFrame, str | None, date, list[Document]]] = []
    if model is not None:
        from medcode_ml.coding.by_model import code_by_model

    def coded() -> Iterator[tuple[str, pd.DataFrame, str | None, date, Scored]]:
        found = (
            [by_ontology(documents, setting, day) for _, _, setting, day, documents in waiting]
            if model is None
            else code_by_model([(documents, setting, day) for _, _, setting, day, documents in waiting], model)
        )
        for (encounter_id, group, setting, day, _), scored in zip(waiting, found, strict=True):
            yield encounter_id, group, setting, day, scored
        bar.update(len(waiting))
        waiting.clear()

    for encounter_id, group in groups:
        setting, day = _facts(str(encounter_id), group)
        waiting.append((str(encounter_id), group, setting, day, _documents(group, by_document)))
        if len(waiting) >= AT_ONCE:
            yield from coded()
    yield from coded()


def code_notes(
    notes: pd.DataFrame,
    sections: pd.DataFrame,
    *,
    model: CodingModel | None = None,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Code single notes into the objects of `medcode code`, in the order of `notes`.

    Args:
        notes: record_id (unique), text, setting or None, discharge_date.
        sections: as in `code_batch`, document_id being the record_id.
        model: as in `code_batch`.
        progress: show a bar.

    Returns:
        Objects {record_id, codes, model_version, code_set_release}; codes are best first, each with its evidence by
        place in the text.
    """
    if notes["record_id"].duplicated().any():
        twice = notes.loc[notes["record_id"].duplicated(), "record_id"].iloc[0]
        raise BatchError(f"record_id {twice!r} stands more than once; give every note its own")
    documents = notes.rename(columns={"record_id": "document_id"})
    documents = documents.assign(encounter_id=documents["document_id"])
    if "document_type" not in documents:
        documents["document_type"] = None
    batch = code_batch(documents, sections, model=model, progress=progress)
    # an accepted code shows what carries it, not where else its term stands denied
    accepted = {(r.encounter_id, r.code) for r in batch.codes.itertuples(index=False) if r.accepted}
    stated = batch.evidence[~batch.evidence["assertion"].isin(NOT_CARRYING)]
    carried = accepted & set(zip(stated["encounter_id"], stated["code"], strict=True))
    spans: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in batch.evidence.sort_values(["start_offset", "end_offset"], kind="stable").itertuples(index=False):
        if (row.encounter_id, row.code) in carried and row.assertion in NOT_CARRYING:
            continue
        place = {"start": int(row.start_offset), "end": int(row.end_offset), "text": row.text}
        spans.setdefault((row.encounter_id, row.code), []).append(place)
    codes: dict[str, list[dict[str, Any]]] = {}
    for row in batch.codes.itertuples(index=False):
        codes.setdefault(row.encounter_id, []).append(
            {
                "code": row.code,
                "score": float(row.score),
                "accepted": bool(row.accepted),
                "band": row.band,
                "assertion": row.assertion,
                "evidence": spans.get((row.encounter_id, row.code), []),
            }
        )
    columns = (batch.encounters[c] for c in ("encounter_id", "code_set_release", "model_version"))
    told = {encounter: (release, version) for encounter, release, version in zip(*columns, strict=True)}
    return [
        {
            "record_id": record,
            "codes": codes.get(str(record), []),
            "model_version": told[str(record)][1],
            "code_set_release": told[str(record)][0],
        }
        for record in notes["record_id"]
    ]


def _check(frame: pd.DataFrame, columns: tuple[str, ...], name: str, optional: set[str] | None = None) -> None:
    missing = [c for c in columns if c not in frame.columns and c not in (optional or set())]
    if missing:
        raise BatchError(f"{name} lack the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    # object columns keep dates, lists and None as they are; score, counts and flags get their own type
    frame = pd.DataFrame(rows, columns=list(columns), dtype=object)
    numbers = {c: "int64" for c in columns if c.endswith(("_count", "_offset", "_number"))}
    flags = {"accepted": "bool"} if "accepted" in columns else {}
    scores = {"score": "float64"} if "score" in columns else {}
    return frame.astype({**numbers, **flags, **scores})


def sections_by_document(sections: pd.DataFrame, *, by_wording: bool = False) -> dict[str, tuple[Section, ...]]:
    """The sections that count, in text order, of each document; `sections` as in `code_batch`.

    With `by_wording` those count as well whose type only the wording tells.
    """
    ordered = sections.sort_values(["document_id", "start_offset", "section_number"], kind="stable")
    if "typed_by" in ordered and not by_wording:
        told = (ordered["typed_by"] != "content") | (ordered["heading"] != "")
        ordered = ordered[told | ordered["section_type"].isin(_TOLD_BY_WORDING)]
    found: dict[str, list[Section]] = {}
    columns = (ordered[c] for c in ("document_id", "section_type", "start_offset", "end_offset"))
    for document_id, kind, start, end in zip(*columns, strict=True):
        found.setdefault(document_id, []).append(Section(kind, int(start), int(end)))
    return {document_id: tuple(own) for document_id, own in found.items()}


def _facts(encounter_id: str, group: pd.DataFrame) -> tuple[str | None, date]:
    settings, days = group["setting"].dropna().unique(), group["discharge_date"].dropna().unique()
    if len(days) != 1:
        raise BatchError(
            f"encounter {encounter_id} has {len(days) or 'no'} discharge date{'s' * (len(days) != 1)}; "
            "the code set needs exactly one (rule 1)"
        )
    if len(settings) > 1:
        raise BatchError(f"the documents of encounter {encounter_id} disagree on its setting")
    return (str(settings[0]) if len(settings) else None), days[0]


def _documents(group: pd.DataFrame, sections: dict[str, tuple[Section, ...]]) -> list[Document]:
    kinds = group["document_type"] if "document_type" in group else [None] * len(group)
    return [
        Document(document_id, text, kind if isinstance(kind, str) else None, sections.get(document_id, ()))
        for document_id, text, kind in zip(group["document_id"], group["text"], kinds, strict=True)
    ]


def _code_rows(
    encounter_id: str, scored: Scored, setting: str | None, places: dict[str, list[list[Any]]]
) -> list[tuple[Any, ...]]:
    rows = []
    for candidate in scored.coded.candidates.values():
        rows.append(
            (
                encounter_id,
                candidate.code,
                scored.scores[candidate.code],
                scored.bands[candidate.code],
                candidate.accepted,
                candidate.assertion,
                present_on_admission(candidate, setting) if candidate.accepted else None,
                "documents",
                len(candidate.supports),
                places[candidate.code],
                candidate.reason,
            )
        )
    rows.sort(key=lambda row: (not row[4], -row[2], row[1]))
    return rows


def _evidence_rows(encounter_id: str, candidate: Candidate, texts: dict[str, str]) -> list[tuple[Any, ...]]:
    seen = set()
    rows = []
    for support in candidate.supports:
        mention, document_id = support.mention, support.facts.document_id
        place = (document_id, mention.start, mention.end)
        if place in seen:
            continue
        seen.add(place)
        text = texts[document_id][mention.start : mention.end]
        said, term = support.judgement.assertion, f"{mention.term} ({mention.kind})"
        rows.append((encounter_id, candidate.code, *place, text, said, mention.section, term))
    return rows
