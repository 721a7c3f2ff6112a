"""Page gates (rule 39): which pages are set aside, by name, with the figure, the threshold and what to do.

Belongs here: the judgement on pages that were opened and read. A gate marks a row and never drops one; a page has at
most one gate, the first of `GATES` that holds. Reasons are stored and logged: they carry figures, never text of a page.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.intake.duplicates import find_duplicates
from medcode_ml.intake.identity import SLIPS, Filed, Verdict, misfiled, verdicts

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
BLANK_GRAIN = 25.0  # noise in grey levels above which faint writing may lie hidden: such a page is not called blank
SURE = 60.0  # confidence from which a character speaks against a blank page
LOWEST_CONFIDENCE = 65.0  # mean word confidence after repair, 0-100
HIGHEST_GARBAGE = 0.40  # share of letters in words read with a confidence below 50
SURELY_READ = 80.0  # confidence of a word that counts as surely read
ENOUGH_READ = 0.50  # share of letters surely read from which a page passes: a stamp or signature spoils only the mean
HANDWRITTEN = 0.10  # share of the sheet under marked handwriting or unread parts from which, where it is also more
# than what was read covers, a person has to read the page; a signature covers 1 or 2%
_NOT_READ = ("handwriting", "unread")

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
    filed, counts = _filing(out, records, encounters)
    open_rows = [label for label in out.index if out.at[label, "gate"] is None]
    for label in open_rows:
        judged = _judge(out.loc[label], filed.get(out.at[label, "record_id"]) if "record_id" in out else None)
        if judged is not None:
            found[label] = judged
    readable = out.loc[[label for label in open_rows if label not in found]]
    for label, duplicate in find_duplicates(readable).items():
        if not duplicate.exact and _two_patients_leaflet(out.loc[[label, duplicate.of]], filed):
            continue
        what = "the same file" if duplicate.exact else f"the same sheet, text alike to {duplicate.similarity:.1f}%"
        found[label] = (
            DUPLICATE_PAGE,
            f"The page repeats page {out.at[duplicate.of, 'page_id']} of this batch ({what}); the first one is kept. "
            "Release it if both belong to the record.",
        )
    for label, (gate, reason) in found.items():
        out.at[label, "gate"], out.at[label, "gate_reason"] = gate, reason
    return _reconcile(out, counts) if "record_id" in out else out


def _two_patients_leaflet(pages: pd.DataFrame, filed: Mapping[Hashable, Filed]) -> bool:
    """Whether two like pages are one form or leaflet handed to two patients: nobody is named on either."""
    if "record_id" not in pages:
        return False
    people = [filed.get(record_id) for record_id in pages["record_id"]]
    if None in people or people[0] == people[1]:
        return False
    return not any(verdicts(text, who) for text in pages["text"] for who in people if who is not None)


def _judge(page: pd.Series, filed: Filed | None) -> tuple[str, str] | None:
    """Gate and reason of one page looked at by itself, or None."""
    text, words, quality = page["text"] or "", page["words"] or [], page["quality"] or {}
    ink, confidence = float(quality.get("letter_share", 0.0)), float(page["confidence"] or 0.0)
    sure = sum(sum(c.isalnum() for c in w["text"]) for w in words if w["confidence"] >= SURE)
    if sure <= BLANK_CHARACTERS and ink < BLANK_INK and float(quality.get("grain", 0.0)) <= BLANK_GRAIN:
        return BLANK_PAGE, (
            f"The page is blank: letter-like marks cover {ink:.2%} of it (under {BLANK_INK:.2%}) and {sure} characters "
            f"were read (up to {BLANK_CHARACTERS} may be specks). "
            "Nothing to do unless the sender expected writing on it."
        )
    garbage, enough = float(quality.get("garbage_share", 0.0)), _surely_read(words)
    if not words or ((confidence < LOWEST_CONFIDENCE or garbage > HIGHEST_GARBAGE) and enough < ENOUGH_READ):
        return UNREADABLE_PAGE, (
            f"The page cannot be read after repair: mean confidence {confidence:.0f} (needs {LOWEST_CONFIDENCE:.0f}), "
            f"{garbage:.0%} of its letters in words hardly recognised (limit {HIGHEST_GARBAGE:.0%}), "
            f"{enough:.0%} surely read (needs {ENOUGH_READ:.0%} where the others fail), {len(words)} words. "
            "Scan the sheet again, or have a person read it."
        )
    unread, read = _covered(page, quality)
    if unread > max(HANDWRITTEN, read):
        return UNREADABLE_PAGE, (
            f"Handwriting or parts that cannot be read cover {unread:.0%} of the page (limit {HANDWRITTEN:.0%}), more "
            f"than what was read ({read:.0%}). Have a person read it."
        )
    if filed is not None:
        said = verdicts(text, filed, words)
        wrong = misfiled(said)
        if wrong:
            agreeing = [kind for kind, verdict in said.items() if verdict is Verdict.AGREES]
            return IDENTITY_MISMATCH, (
                f"The {' and '.join(wrong)} printed on the page {'disagrees' if len(wrong) == 1 else 'disagree'} "
                f"with the encounter it is filed under by more than {SLIPS} misread character, "
                f"{'only the ' + agreeing[0] + ' agrees' if agreeing else 'none agrees'} "
                f"({len(said)} of 3 kinds found). "
                "File the page under the right encounter, or release it if the registration is wrong."
            )
    return None


def _surely_read(words: Sequence[Mapping[str, Any]]) -> float:
    """Share of the letters of a page in words surely read."""
    letters = sum(len(w["text"]) for w in words)
    return sum(len(w["text"]) for w in words if w["confidence"] >= SURELY_READ) / letters if letters else 0.0


def _covered(page: pd.Series, quality: Mapping[str, Any]) -> tuple[float, float]:
    """Shares of the sheet under marked handwriting or unread parts, and under the words read."""
    sheet = float(quality.get("width", 0.0)) * float(quality.get("height", 0.0))
    if "regions" not in page or not sheet:
        return 0.0, 0.0
    unread = [r["box"] for r in page["regions"] or [] if r["kind"] in _NOT_READ]
    read = [w["box"] for w in page["words"] or []]
    areas = [sum(float((b[2] - b[0]) * (b[3] - b[1])) for b in boxes) for boxes in (unread, read)]
    return areas[0] / sheet, areas[1] / sheet


def _filing(
    pages: pd.DataFrame, records: pd.DataFrame | None, encounters: pd.DataFrame | None
) -> tuple[dict[Hashable, Filed], dict[Hashable, int]]:
    """Whom each record of `pages` is filed under, and how many pages its sender says it has."""
    people: dict[Hashable, Filed] = {}
    counts: dict[Hashable, int] = {}
    here = pages["record_id"].dropna().unique() if "record_id" in pages else []
    if records is not None:
        records = records[records["record_id"].isin(here)]
    if encounters is not None and not encounters.empty:
        key = ["record_id"] if "record_id" in encounters else ["hospital_id", "encounter_number"]
        absent = [k for k in key if k not in encounters or (records is not None and k not in records)]
        if absent:
            raise PageFrameError(f"records and encounters share no {' and '.join(absent)} to be joined by")
        if records is None and key != ["record_id"]:
            raise PageFrameError("encounters carry no record_id: give `records`, which say where a record is filed")
        named = encounters[encounters["record_id"].isin(here)] if records is None else records
        encounters = encounters[encounters[key[-1]].isin(named[key[-1]])]
        by_key = {tuple(row[k] for k in key): row for row in encounters.to_dict("records")}
        filed = [by_key.get(k) for k in named[key].itertuples(index=False, name=None)]
        for record_id, encounter in zip(named["record_id"], filed, strict=True):
            if encounter is not None:
                people[record_id] = _filed(encounter)
        counts = _counts(named["record_id"], [None if e is None else e.get("pages") for e in filed])
    if records is not None and "page_count" in records:
        counts |= _counts(records["record_id"], records["page_count"])
    return people, counts


def _counts(record_ids: Iterable[Hashable], values: Iterable[object]) -> dict[Hashable, int]:
    """Page counts by record; one that is absent or no number cannot be reconciled and is left to the filter rules."""
    numbers = pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce")
    return {r: int(n) for r, n in zip(record_ids, numbers, strict=True) if pd.notna(n) and abs(n) < 1e9}


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


def page_counts(pages: pd.DataFrame, announced: Mapping[Hashable, int]) -> pd.DataFrame:
    """Page counts reconciled, one row a record of `pages` (with `gate`, `record_id`) or of `announced`.

    Columns: `record_id`, `announced` (None where the sender said nothing), `came`, `blank`, `repeated`, `astray`
    (another patient's), `unopened` (files that may hold any number of pages), `missing`, `fits`. Senders count blank
    backs, double and stray sheets or leave them out, so any number from the pages with new content to all that came
    fits; a record with an unopened file is not missed a page.
    """
    gate = pages["gate"]
    marks = pd.DataFrame(
        {
            "came": 1,
            "blank": gate.eq(BLANK_PAGE).astype(int),
            "repeated": gate.eq(DUPLICATE_PAGE).astype(int),
            "astray": gate.eq(IDENTITY_MISMATCH).astype(int),
            "unopened": gate.isin([BROKEN_FILE, LOCKED_FILE]).astype(int),
        }
    )
    found = marks.groupby(pages["record_id"], sort=False).sum()
    found = found.reindex([*found.index, *[r for r in announced if r not in found.index]], fill_value=0)
    said = np.array([announced.get(r, np.nan) for r in found.index], dtype=float)
    came = found["came"].to_numpy()
    least = came - found[["blank", "repeated", "astray"]].sum(axis=1).to_numpy()
    unopened = found["unopened"].to_numpy() > 0
    short = (said > came) & ~unopened
    found["announced"] = pd.Series([None if np.isnan(n) else int(n) for n in said], found.index, dtype=object)
    found["missing"] = np.where(short, np.nan_to_num(said) - came, 0).astype(int)
    found["fits"] = ~short & ~(said < least)
    found = found.rename_axis("record_id").reset_index()
    return found[["record_id", "announced", "came", "blank", "repeated", "astray", "unopened", "missing", "fits"]]


def page_count_figures(pages: pd.DataFrame, records: pd.DataFrame) -> dict[str, int]:
    """Page counts of a batch summed up: pages announced, came, blank, repeated, astray, unopened, missing; documents.

    `records` has `record_id` and `page_count` as delivered; `pages` the gated pages of those records.
    """
    counts = page_counts(pages, _counts(records["record_id"], records["page_count"]))
    names = ("announced", "came", "blank", "repeated", "astray", "unopened", "missing")
    sums = {f"pages_{name}": int(pd.to_numeric(counts[name]).sum()) for name in names}
    return sums | {"documents_not_reconciled": int((~counts["fits"]).sum())}


def _reconcile(pages: pd.DataFrame, counts: dict[Hashable, int]) -> pd.DataFrame:
    """Set aside every page left of a document whose page count does not fit."""
    wrong = page_counts(pages, counts)
    wrong = wrong[~wrong["fits"]]
    rows_of = pages.groupby("record_id", sort=False).groups
    for row in wrong.itertuples(index=False):
        if row.record_id not in rows_of:
            continue
        extra = ", ".join(
            f"{n} {what}"
            for n, what in ((row.blank, "blank"), (row.repeated, "repeated"), (row.astray, "of another patient"))
            if n
        )
        reason = (
            f"The document was announced with {row.announced} {'page' if row.announced == 1 else 'pages'}, {row.came} "
            f"came{f' (of them {extra})' if extra else ''}. "
            f"Ask the sender for the {'missing pages' if row.missing else 'right count'}, or release the document."
        )
        rows = pages.loc[rows_of[row.record_id]]
        left = rows.index[rows["gate"].isna()]
        pages.loc[left, "gate"] = PAGE_COUNT
        pages.loc[left, "gate_reason"] = reason
    return pages
