"""Page gates (rule 39): which pages are set aside, by name, with the figure, the threshold and what to do.

Belongs here: the judgement on pages that were opened and read. A gate marks a row and never drops one; a page has at
most one gate, the first of `GATES` that holds. Reasons are stored and logged: they carry figures, never text of a page.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd

from medcode_ml.intake.duplicates import find_duplicates
from medcode_ml.intake.identity import Filed, misfiled, verdicts

BROKEN_FILE = "broken_file"
LOCKED_FILE = "locked_file"
TIMED_OUT = "timed_out"
BLANK_PAGE = "blank_page"
UNREADABLE_PAGE = "unreadable_page"
IDENTITY_MISMATCH = "identity_mismatch"
DUPLICATE_PAGE = "duplicate_page"
PAGE_COUNT = "page_count"
GATES = (
    BROKEN_FILE,
    LOCKED_FILE,
    TIMED_OUT,
    BLANK_PAGE,
    UNREADABLE_PAGE,
    IDENTITY_MISMATCH,
    DUPLICATE_PAGE,
    PAGE_COUNT,
)

BLANK_INK = 0.002  # share of the sheet under letter-like marks below which a page without words is blank
BLANK_CHARACTERS = 3  # letters and digits surely read, up to which a page with hardly any ink counts as blank
LOWEST_CONFIDENCE = 65.0  # mean word confidence after repair, 0-100
HIGHEST_GARBAGE = 0.40  # share of letters in words read with a confidence below 50
SURE = 60.0

#: columns of a page frame that the gates read
NEEDED = ("page_id", "content_hash", "page", "text", "words", "confidence", "quality")


class PageFrameError(ValueError):
    """A frame given to the gates lacks a column or names a record twice."""


def gate_pages(
    pages: pd.DataFrame, records: pd.DataFrame | None = None, encounters: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return `pages` with `gate` and `gate_reason` filled in; same rows, same order.

    `pages`: one row a page as `pages.read_files` returns them; a `gate` already there stays. `record_id` says which
    document a page belongs to, `batch` which delivery (a frame without it is one batch).
    `records`: `record_id`, and where known `page_count`; the key of the encounter is `record_id`, or `hospital_id` and
    `encounter_number` where `encounters` has no `record_id`.
    `encounters`: `mrn`, `birth_date` (date or YYYY-MM-DD) and `patient_name`, or `first_name` and `last_name`; it may
    carry the page count itself as `pages`.
    """
    missing = [c for c in NEEDED if c not in pages]
    if missing:
        raise PageFrameError(f"the page frame lacks {', '.join(missing)}; give the frame that pages.read_files returns")
    out = pages.copy()
    for name in ("gate", "gate_reason"):
        out[name] = out[name].astype(object).where(out[name].notna(), None) if name in out else None
    out[["gate", "gate_reason"]] = out[["gate", "gate_reason"]].astype(object)
    found: dict[Hashable, tuple[str, str]] = {}
    filed, counts = _filing(records, encounters)
    open_rows = [label for label in out.index if out.at[label, "gate"] is None]
    for label in open_rows:
        judged = _judge(out.loc[label], filed.get(out.at[label, "record_id"]) if "record_id" in out else None)
        if judged is not None:
            found[label] = judged
    readable = out.loc[[label for label in open_rows if label not in found]]
    for label, duplicate in find_duplicates(readable).items():
        what = "the same file" if duplicate.exact else f"the same sheet, text alike to {duplicate.similarity:.1f}%"
        found[label] = (
            DUPLICATE_PAGE,
            f"The page repeats page {out.at[duplicate.of, 'page_id']} of this batch ({what}); the first one is kept. "
            "Release it if both belong to the record.",
        )
    for label, (gate, reason) in found.items():
        out.at[label, "gate"], out.at[label, "gate_reason"] = gate, reason
    return _reconcile(out, counts) if "record_id" in out else out


def _judge(page: pd.Series, filed: Filed | None) -> tuple[str, str] | None:
    """Gate and reason of one page looked at by itself, or None."""
    text, words, quality = page["text"] or "", page["words"] or [], page["quality"] or {}
    ink, confidence = float(quality.get("letter_share", 0.0)), float(page["confidence"] or 0.0)
    sure = sum(sum(c.isalnum() for c in w["text"]) for w in words if w["confidence"] >= SURE)
    if sure <= BLANK_CHARACTERS and ink < BLANK_INK:
        return BLANK_PAGE, (
            f"The page is blank: letter-like marks cover {ink:.2%} of it (under {BLANK_INK:.2%}) and {sure} characters "
            "were read. "
            "Nothing to do unless the sender expected writing on it."
        )
    garbage = float(quality.get("garbage_share", 0.0))
    if not words or confidence < LOWEST_CONFIDENCE or garbage > HIGHEST_GARBAGE:
        return UNREADABLE_PAGE, (
            f"The page cannot be read after repair: mean confidence {confidence:.0f} (needs {LOWEST_CONFIDENCE:.0f}), "
            f"{garbage:.0%} of its letters in words hardly recognised (limit {HIGHEST_GARBAGE:.0%}), "
            f"{len(words)} words. "
            "Scan the sheet again, or have a person read it."
        )
    if filed is not None:
        said = verdicts(text, filed)
        wrong = misfiled(said)
        if wrong:
            return IDENTITY_MISMATCH, (
                f"The {' and '.join(wrong)} printed on the page {'disagrees' if len(wrong) == 1 else 'disagree'} "
                f"with the encounter it is filed under, and none printed agrees ({len(said)} of 3 kinds found). "
                "File the page under the right encounter, or release it if the registration is wrong."
            )
    return None


def _filing(
    records: pd.DataFrame | None, encounters: pd.DataFrame | None
) -> tuple[dict[Hashable, Filed], dict[Hashable, int]]:
    """Whom each record is filed under, and how many pages its sender says it has."""
    people: dict[Hashable, Filed] = {}
    counts: dict[Hashable, int] = {}
    if encounters is not None and not encounters.empty:
        key = ["record_id"] if "record_id" in encounters else ["hospital_id", "encounter_number"]
        absent = [k for k in key if k not in encounters or (records is not None and k not in records)]
        if absent:
            raise PageFrameError(f"records and encounters share no {' and '.join(absent)} to be joined by")
        by_key = {tuple(row[k] for k in key): row for row in encounters.to_dict("records")}
        named = encounters if records is None else records
        if "record_id" not in named:
            raise PageFrameError("encounters carry no record_id: give `records`, which say where a record is filed")
        for row in named.to_dict("records"):
            encounter = by_key.get(tuple(row[k] for k in key))
            if encounter is not None:
                people[row["record_id"]] = _filed(encounter)
                _count(counts, row["record_id"], encounter.get("pages"))
    if records is not None and "page_count" in records:
        for record_id, count in zip(records["record_id"], records["page_count"], strict=True):
            _count(counts, record_id, count)
    return people, counts


def _count(counts: dict[Hashable, int], record_id: Hashable, value: object) -> None:
    """Note a page count; one that is absent or no number cannot be reconciled and is left to the filter rules."""
    number = pd.to_numeric(pd.Series([value]), errors="coerce").iloc[0]
    if pd.notna(number):
        counts[record_id] = int(number)


def _filed(encounter: Mapping[Hashable, Any]) -> Filed:
    def known(name: str) -> str | None:
        value = encounter.get(name)
        return None if value is None or pd.isna(value) or not str(value).strip() else str(value).strip()

    parts = [p for p in (known("first_name"), known("last_name")) if p]
    birth = encounter.get("birth_date")
    if isinstance(birth, datetime):
        birth = birth.date()
    elif not isinstance(birth, date):
        try:
            birth = date.fromisoformat(known("birth_date") or "")
        except ValueError:
            birth = None  # an unreadable date is the mapping stage's finding; there is nothing to compare here
    return Filed(known("patient_name") or (" ".join(parts) or None), known("mrn"), birth)


def _reconcile(pages: pd.DataFrame, counts: dict[Hashable, int]) -> pd.DataFrame:
    """Set aside every page left of a document whose page count does not fit.

    Senders count blank backs and double scans or leave them out, so any number from the pages with new content to all
    pages found is accepted; a file that could not be opened may hold any number of pages.
    """
    for record_id, rows in pages.groupby("record_id", sort=False):
        if record_id not in counts:
            continue
        expected, found = counts[record_id], len(rows)
        spare = int(rows["gate"].isin([BLANK_PAGE, DUPLICATE_PAGE]).sum())
        unopened = bool(rows["gate"].isin([BROKEN_FILE, LOCKED_FILE]).any())
        if found - spare <= expected and (expected <= found or unopened):
            continue
        reason = (
            f"The document was announced with {expected} {'page' if expected == 1 else 'pages'}, {found} came"
            + (f" ({spare} of them blank or repeated)" if spare else "")
            + f". Ask the sender for the {'missing pages' if expected > found else 'right count'}, "
            "or release the document."
        )
        left = rows.index[rows["gate"].isna()]
        pages.loc[left, "gate"] = PAGE_COUNT
        pages.loc[left, "gate_reason"] = reason
    return pages
