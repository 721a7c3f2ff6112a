"""Encounters the whole way in memory: documents read, coded, ranked and billed, as the lineage does it with tables.

Only composition lives here. The pages are read by whoever calls, because that may need a process of its own.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd

from medcode_ml.codes.release import UNKNOWN_RELEASE, NoReleaseError, release_on
from medcode_ml.mapping.sections import split_documents
from medcode_ml.operations import Answer, Models, Record, Unanswered, failed

#: files of one document -> rows of its pages, as `medcode read-page` writes them
ReadPages = Callable[[Sequence[bytes]], list[dict[str, Any]]]
_BETWEEN_PAGES: Final = "\n\n"
_CODED: Final = ("code", "score", "accepted", "band", "assertion", "poa", "reason")
_TO_RANK: Final = ("code", "poa", "score", "mention_count", "document_types", "assertion")
_ALONE: Final = "0"
"""Encounters are coded one at a time: within the coder's frames it has this id."""
_READ: Final = frozenset({"documents", "codes"})


@dataclass(frozen=True)
class _Read:
    """A record whose documents are read: rows for the coder, and the pages behind them."""

    record: Record
    day: date
    documents: list[dict[str, Any]]
    pages: list[dict[str, Any]]
    told: list[dict[str, Any]]


def take_whole_way(
    records: Sequence[Record], models: Models, read_pages: ReadPages, as_of: date | None = None
) -> list[Answer]:
    """Read, code, rank and bill encounters; one answer each, in their order.

    Args:
        records: encounters as `medcode bill` reads them, with `documents` [{"type"?, "text"} or {"type"?, "image"}]
            instead of codes; images are PNG, JPEG, TIFF or PDF in base64.
        models: what answers.
        read_pages: reads the image of a document.
        as_of: discharge date where a record has none, and day of billing; default today.

    Returns:
        {encounter_id, documents, codes (with evidence by document, characters and page boxes), queries, order, bill},
        keys unknown carried through.
    """
    found: list[Answer] = []
    for record in records:
        try:
            read = _read(record, models, read_pages, as_of)
            found.append(read if isinstance(read, Unanswered) else _answer(read, models, as_of))
        except Exception as error:  # a record never costs another its answer
            found.append(failed("the whole way", error))
    return found


def _read(record: Record, models: Models, read_pages: ReadPages, as_of: date | None) -> _Read | Unanswered:
    given = record.get("discharge_date")
    undated = as_of or (models.coding.day if models.coding is not None else None) or date.today()
    try:
        day = date.fromisoformat(given[:10]) if given else undated
        release_on(day)
    except NoReleaseError:
        return Unanswered(f"discharge_date: {UNKNOWN_RELEASE}")
    except (TypeError, ValueError):
        return Unanswered("discharge_date: not a date YYYY-MM-DD")
    rows, places, told = [], [], []
    for number, document in enumerate(record["documents"], start=1):
        if (document.get("text") is None) == (document.get("image") is None):
            return Unanswered(f"document {number} must have either text or image")
        text, pages = document.get("text"), list[dict[str, Any]]()
        if text is None:
            try:
                content = base64.b64decode(document["image"], validate=True)
            except (binascii.Error, ValueError):
                return Unanswered(f"the image of document {number} is not base64")
            pages = [{**page, "page_id": f"{number}#{n}"} for n, page in enumerate(read_pages([content]), start=1)]
            text = _BETWEEN_PAGES.join(page["text"] for page in pages)
        at = 0
        for page in pages:
            end = at + len(page["text"])
            places.append({"document_id": str(number), "start_offset": at, "end_offset": end, **page})
            at = end + len(_BETWEEN_PAGES)
        rows.append(
            {
                "document_id": str(number),
                "encounter_id": _ALONE,
                "text": text,
                "setting": record.get("setting"),
                "discharge_date": day,
                "document_type": document.get("type") or None,
            }
        )
        shown = [{k: p[k] for k in ("page_id", "rotation", "quality", "quarantined_because") if k in p} for p in pages]
        own = {"number": number, "type": document.get("type")}
        told.append({**own, "text": text, "pages": shown} if pages else own)
    return _Read(record, day, rows, places, told)


def _answer(read: _Read, models: Models, as_of: date | None) -> Answer:
    from medcode_ml.billing.records import READ_KEYS, bill_records
    from medcode_ml.coding.batch import code_batch
    from medcode_ml.coding.boxes import page_boxes
    from medcode_ml.coding.suspension import hospital_of_record, suspend, told_of_suspension
    from medcode_ml.ranking.records import RankRecordError, rank_records

    record = read.record
    documents = pd.DataFrame(read.documents, dtype=object)
    coded = code_batch(documents, split_documents(documents), model=models.coding)
    places = pd.DataFrame(read.pages, columns=["document_id", "page_id", "start_offset", "end_offset"], dtype=object)
    boxes = page_boxes(coded.evidence, places, {p["page_id"]: p["words"] for p in read.pages})
    evidence: dict[str, list[dict[str, Any]]] = {}
    for row, own in zip(coded.evidence.to_dict("records"), boxes, strict=True):
        place = {"document": int(row["document_id"]), "start": int(row["start_offset"]), "end": int(row["end_offset"])}
        told = {**place, "text": row["text"], "assertion": row["assertion"]}
        evidence.setdefault(str(row["code"]), []).append({**told, "boxes": own} if own else told)
    hospital, suspension = hospital_of_record(record), models.suspension
    codes = coded.codes if suspension is None else suspend(coded.codes, {_ALONE: hospital}, suspension)
    rows = codes.to_dict("records")
    accepted = [{key: row[key] for key in _TO_RANK} for row in rows if row["accepted"]]
    try:
        (ranked,) = rank_records([{**_without(record, _READ), "codes": accepted}], models.ranking)
    except RankRecordError as error:
        return Unanswered(str(error))
    poa = {row["code"]: row["poa"] for row in rows}
    ordered = [{"code": c["code"], "poa": poa[c["code"]], "eligible": c["eligible"]} for c in ranked["codes"]]
    # what is unknown stays out: a key of the answer's name would be taken for the record's own
    asked = {key: value for key, value in record.items() if key in READ_KEYS}
    claim = {**asked, "discharge_date": read.day.isoformat(), "codes": ordered}
    billed = bill_records([claim], as_of or date.today(), models.payers)
    if billed.rejected:
        return Unanswered(billed.rejected[0].reason)
    (bill,) = billed.answers
    (told_of,) = coded.encounters.to_dict("records")
    ways = {key: ranked[key] for key in ("outcome", "runner_up", "principal_probability", "needs_review")}
    return {
        **_without(record, _READ | READ_KEYS),
        "encounter_id": record["encounter_id"],
        "documents": read.told,
        "codes": [{**{k: row[k] for k in _CODED}, "evidence": evidence.get(row["code"], [])} for row in rows],
        "queries": [
            {key: query[key] for key in ("rule", "codes", "question")} for query in coded.queries.to_dict("records")
        ],
        "order": {"codes": ranked["codes"], **ways, "review_reason": ranked["review_reason"],
                  "model_version": ranked["model_version"]},
        "bill": _without(bill, frozenset({"encounter_id"})),
        "model_version": told_of["model_version"],
        "code_set_release": told_of["code_set_release"],
        **told_of_suspension(suspension, hospital),
    }  # fmt: skip


def _without(record: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}
