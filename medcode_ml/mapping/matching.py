"""Raw rows matched to patients and encounters. Pure: frames in, frames out; a batch at a time.

What does not match is set aside with a reason, never guessed. Functions return (rows of the mapped table, rows of
mapped.unmatched); every raw row is in one of the two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from medcode_ml.contracts import mapped
from medcode_ml.contracts.ids import record_hash
from medcode_ml.mapping import values
from medcode_ml.mapping.aside import joined, set_aside
from medcode_ml.mapping.copies import settle_copies
from medcode_ml.mapping.identity import document_id, encounter_id, folded_number, patient_id
from medcode_ml.mapping.numbers import look_up, normal_numbers, object_column, repair_notes
from medcode_ml.mapping.parsers import PARSERS
from medcode_ml.mapping.refiled import NOTES

Matched = tuple[pd.DataFrame, pd.DataFrame]
LONGEST_LIFE = 124
"""Years before the received day in which a patient can have been born (rule 10)."""
OLDEST_RECORD = 20
"""Years before the received day in which a stay that is delivered can have been."""
_DAYS = {kind: tuple(c for c, parser in columns.items() if parser is values.day) for kind, columns in PARSERS.items()}


def match_patients(raw: pd.DataFrame, taken: frozenset[str] = frozenset()) -> Matched:
    """Type the patients of a batch. `taken` holds patient ids that the same delivery gave before this batch."""
    frame, copies = settle_copies("patient", raw)
    frame = _typed("patient", frame)
    keys = frame[["source", "hospital_id", "mrn"]].itertuples(index=False, name=None)
    frame["patient_id"] = object_column([patient_id(*key) for key in keys])
    # Two spellings of one number (MR-001, MR001) are one patient; a second row that disagrees is not guessed at.
    again = frame.duplicated("patient_id") | frame["patient_id"].isin(taken)
    spelled = set_aside("patient", frame[again], "one_number_two_spellings", "another patient row has this number")
    frame = frame[~again].copy()
    frame["mrn_folded"] = object_column([folded_number(m) for m in frame["mrn"]])
    frame["mrn"] = normal_numbers(frame["mrn"])
    return shaped(frame, "patient"), joined([copies, spelled])


def match_encounters(raw: pd.DataFrame, patients: pd.DataFrame, taken: frozenset[str] = frozenset()) -> Matched:
    """Type the encounters of a batch and find the patient of each.

    `patients` are the batch's record numbers as `numbers.resolve` answers them; `taken` holds encounter ids that the
    same delivery gave before this batch.
    """
    frame, copies = settle_copies("encounter", raw)
    frame = _typed("encounter", frame)
    frame["patient_id"], registered = look_up(frame, "mrn", patients)
    frame["repairs"] = _noted(frame, "mrn", registered)
    keys = frame[["source", "hospital_id", "encounter_number"]].itertuples(index=False, name=None)
    frame["encounter_id"] = object_column([encounter_id(*key) for key in keys])
    again = frame.duplicated("encounter_id") | frame["encounter_id"].isin(taken)
    unknown = frame["patient_id"].isna()
    parts = [
        copies,
        set_aside("encounter", frame[again], "one_number_two_spellings", "another encounter row has this number"),
        set_aside(
            "encounter", frame[~again & unknown], "unknown_patient",
            "no patient of this hospital has the record number; deliver the patient",
        ),
    ]  # fmt: skip
    kept = (~again & ~unknown).to_numpy()
    frame, registered = frame[kept].copy(), registered[kept]
    frame["number_folded"] = object_column([folded_number(n) for n in frame["encounter_number"]])
    frame["encounter_number"] = normal_numbers(frame["encounter_number"])
    frame["mrn"] = np.where(registered == None, normal_numbers(frame["mrn"]), registered)  # noqa: E711
    return shaped(frame, "encounter"), joined(parts)


def match_documents(raw: pd.DataFrame, encounters: pd.DataFrame, numbers: dict[str, str]) -> Matched:
    """Type the documents of a batch and find the encounter of each.

    `raw` has `document_text` and `origin` beside the delivered columns (see `documents.join_pages`); `encounters` are
    the batch's encounter numbers as `numbers.resolve` answers them; `numbers` is the record number of each encounter.
    """
    frame, copies = settle_copies("document", raw)
    frame = _typed("document", frame)
    frame, lost = _join_encounters("document", frame, encounters)
    own = [numbers.get(e) for e in frame["encounter_id"]]
    pairs = zip(frame["mrn"], own, strict=True)
    agrees = np.array([m is None or n is None or folded_number(m) == folded_number(n) for m, n in pairs], dtype=bool)
    read = frame["document_text"].notna().to_numpy()
    parts = [
        copies, lost,
        set_aside(
            "document", frame[~agrees], "document_of_another_patient",
            "the document's record number is not that of its encounter; refile the document",
        ),
        set_aside(
            "document", frame[agrees & ~read], "no_readable_page", "every page of the document was set aside"
        ),
    ]  # fmt: skip
    frame = frame[agrees & read].copy()
    keys = frame[["source", "hospital_id", "record_id"]].itertuples(index=False, name=None)
    frame["document_id"] = object_column([document_id(*key) for key in keys])
    frame["text"] = frame["document_text"]
    frame["content_hash"] = object_column([record_hash("text", t) for t in frame["text"]])
    frame["document_type"] = object_column([t or "other" for t in frame["document_type"]])
    return shaped(frame, "document"), joined(parts)


def match_lines(
    kind: str, raw: pd.DataFrame, encounters: pd.DataFrame, taken: frozenset[tuple[str, int]] = frozenset()
) -> Matched:
    """Type the lines of one kind of a batch and find the encounter of each.

    `taken` holds (encounter_id, line_number) that the same delivery gave before this batch. Diagnoses and procedures
    keep their raw columns: the crosswalk shapes them.
    """
    frame, copies = settle_copies(kind, raw)
    frame = _typed(kind, frame)
    unnumbered = frame["line_number"].isna()
    wrong = frame[unnumbered]
    parts = [
        copies,
        set_aside(
            kind, wrong, "line_number_unreadable", "the line number is not a whole number",
            [u.get("line_number") for u in wrong["unreadable"]],
        ),
    ]  # fmt: skip
    frame, lost = _join_encounters(kind, frame[~unnumbered], encounters)
    again = frame.duplicated(["encounter_id", "line_number"])
    if taken:
        pairs = zip(frame["encounter_id"], frame["line_number"], strict=True)
        again |= pd.Series([pair in taken for pair in pairs], index=frame.index, dtype=bool)
    parts += [
        lost,
        set_aside(kind, frame[again], "one_number_two_spellings", f"another {kind} of the encounter has this number"),
    ]
    frame = frame[~again]
    if kind == "charge":
        frame = frame.assign(modifiers=_listed(frame["modifiers"]))
    mapped_rows = frame if kind in ("diagnosis", "procedure", "observation") else shaped(frame, kind)
    return mapped_rows, joined(parts)


def _typed(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Type the columns; dates with a two-digit year are read where only one century is possible."""
    typed = values.type_columns(frame, PARSERS[kind])
    if NOTES in typed:
        typed["repairs"] = typed[NOTES]
    else:
        typed["repairs"] = pd.Series([[] for _ in range(len(typed))], index=typed.index, dtype=object)
    if "received_date" not in typed:
        return typed
    latest = typed["received_date"]
    years = LONGEST_LIFE if kind == "patient" else OLDEST_RECORD
    earliest = latest.map({day: day.replace(year=day.year - years, day=1) for day in latest.unique()})
    return values.settle_short_years(typed, _DAYS[kind], earliest, latest)


def _noted(frame: pd.DataFrame, column: str, registered: np.ndarray) -> pd.Series:
    """`repairs` of each row with the number added that was read as another."""
    if all(r is None for r in registered):
        return frame["repairs"]
    notes = repair_notes(column, frame[column], registered)
    both = [[*earlier, *own] for earlier, own in zip(frame["repairs"], notes, strict=True)]
    return pd.Series(both, index=frame.index, dtype=object)


def _join_encounters(kind: str, frame: pd.DataFrame, encounters: pd.DataFrame) -> Matched:
    """Add `encounter_id` and `repairs`; rows of an encounter that this delivery does not carry are set aside."""
    ids, registered = look_up(frame, "encounter_number", encounters)
    frame = frame.assign(encounter_id=ids, repairs=_noted(frame, "encounter_number", registered))
    lost = frame["encounter_id"].isna()
    return frame[~lost], set_aside(
        kind, frame[lost], "unknown_encounter",
        f"the delivery carries no encounter for this {kind}; refile it or deliver the encounter",
    )  # fmt: skip


def _listed(texts: pd.Series) -> pd.Series:
    return pd.Series([values.listed(m) if m else [] for m in texts], index=texts.index, dtype=object)


def shaped(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the columns of the mapped table, in its order."""
    names = [c.name for c in getattr(mapped, table).columns if c.name != "received_date"]
    return frame[names].reset_index(drop=True)
