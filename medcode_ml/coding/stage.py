"""The coding stage: a day of `filtered` becomes a day of `coded`, in one transaction."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.coding.boxes import page_boxes
from medcode_ml.coding.in_use import Coder, coder_in_use
from medcode_ml.coding.suspension import Suspension, held_codes, suspend, suspension_of
from medcode_ml.contracts import coded, filtered, mapped, raw
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.frames import days_of, read_frame, read_partition, replace_partition

WRITTEN = ("encounter", "encounter_code", "evidence", "query")
NO_RELEASE = "no release for the discharge date"


def run_coding(engine: sa.Engine, start: date, end: date) -> StageResult:
    """Code the encounters received from `start` to `end`, day by day; each day is replaced in one transaction.

    The coder is the promoted model, or the ontology coder where none is promoted; `model_version` says which. Where a
    drift alarm about it stands on the day, its auto band is suspended (`suspension`): of the day that raised the alarm,
    when it is coded again, and of every later day, until the alarm is cleared or another version codes.

    Raises:
        ModelFolderError: the promoted model is gone or damaged.
    """
    coder = coder_in_use(source=engine)
    rows: dict[str, int] = dict.fromkeys(WRITTEN, 0)
    outcomes: dict[str, int] = {}
    accepted = scanned = suspended_codes = suspended_encounters = 0
    for day in days_of(start, end):
        with engine.begin() as connection:
            suspension = suspension_of(connection, coder.version, day)
            tables = code_day(connection, day, coder, suspension)
            for name in WRITTEN:
                rows[name] += replace_partition(connection, getattr(coded, name), day, tables[name])
        for outcome in tables["encounter"]["outcome"]:
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if suspension:
            held = tables["encounter_code"][held_codes(tables["encounter_code"])]
            suspended_codes += len(held)
            suspended_encounters += held["encounter_id"].nunique()
        accepted += int(tables["encounter_code"]["accepted"].sum())
        scanned += int(tables["evidence"]["boxes"].notna().sum())
    figures: dict[str, float | int | str] = {
        "coder": coder.version,
        "codes_accepted": accepted,
        "evidence_on_scanned_pages": scanned,
        "auto_codes_suspended": suspended_codes,
        "encounters_suspended": suspended_encounters,
    }
    listing = tuple(sorted(outcomes.items(), key=lambda item: -item[1]))
    return StageResult("coding", start, end, rows, figures, (("outcome", "encounters"), listing))


def code_day(
    connection: sa.Connection, day: date, coder: Coder, suspension: Suspension | None = None
) -> dict[str, pd.DataFrame]:
    """Return the rows of every coded table for the encounters received on `day`, coded by `coder`.

    Without a `suspension` the bands are those of the coder, as for a version that only runs in shadow.
    """
    encounters = read_partition(connection, filtered.encounter, day)
    documents = read_partition(connection, filtered.document, day)
    sections = _of_documents(connection, mapped.document_section, day)
    delivered = read_partition(connection, filtered.diagnosis, day)
    stays = encounters.set_index("encounter_id")[["setting", "discharge_date"]]
    in_release = _with_release(encounters)
    readable = documents[documents["encounter_id"].isin(in_release)].join(stays, on="encounter_id")
    batch = coder.code(
        readable[["document_id", "encounter_id", "text", "setting", "discharge_date", "document_type"]],
        sections[sections["document_id"].isin(set(readable["document_id"]))],
    )
    codes = add_delivered(batch.codes, delivered, encounters)
    codes["title"] = _titles(codes, stays)
    if suspension:
        hospitals = dict(zip(encounters["encounter_id"], encounters["hospital_id"], strict=True))
        codes = suspend(codes, hospitals, suspension)
    evidence = batch.evidence.copy()
    evidence["boxes"] = pd.Series(_boxes(connection, day, evidence), index=evidence.index, dtype=object)
    return {
        "encounter": coded_encounters(encounters, documents, codes, in_release, coder.version),
        "encounter_code": codes,
        "evidence": evidence,
        "query": batch.queries,
    }


def add_delivered(codes: pd.DataFrame, delivered: pd.DataFrame, encounters: pd.DataFrame) -> pd.DataFrame:
    """Add the codes that came with the record; a code the documents show too is one code, accepted."""
    rows = delivered[delivered["encounter_id"].isin(set(encounters["encounter_id"]))]
    if rows.empty:
        return codes
    codes = codes.copy()
    keys = codes[["encounter_id", "code"]].itertuples(index=False, name=None)
    at = dict(zip(keys, codes.index, strict=True))
    added: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for row in rows.itertuples():
        key = (row.encounter_id, row.code)
        if key in seen:
            continue
        seen.add(key)
        if key in at:
            codes.at[at[key], "accepted"] = True
            if codes.at[at[key], "band"] != "auto":
                codes.at[at[key], "band"] = "review"
            codes.at[at[key], "reason"] += "; it also came with the record"
            if not codes.at[at[key], "mention_count"]:
                # listed without a place in the text: the record alone speaks for it
                codes.at[at[key], "origin"] = "delivered"
            continue
        added.append(
            {
                "encounter_id": row.encounter_id, "code": row.code, "score": 1.0, "band": "review", "accepted": True,
                "assertion": "affirmed", "poa": _poa(row.poa), "origin": "delivered", "mention_count": 0,
                "document_types": [], "reason": f"came with the record as {row.source_code} ({row.source_system})",
            }
        )  # fmt: skip
    return pd.DataFrame([*codes.to_dict("records"), *added], columns=list(codes.columns), dtype=object)


def coded_encounters(
    encounters: pd.DataFrame, documents: pd.DataFrame, codes: pd.DataFrame, in_release: set[str], version: str
) -> pd.DataFrame:
    """One row for every encounter, coded or not; `version` is that of the coder."""
    document_counts = documents["encounter_id"].value_counts().to_dict()
    accepted = codes.loc[codes["accepted"].astype(bool), "encounter_id"].value_counts().to_dict()
    rows = []
    for row in encounters.itertuples():
        known = row.encounter_id in in_release
        count = int(accepted.get(row.encounter_id, 0))
        outcome = "coded" if count else "no_codes" if document_counts.get(row.encounter_id) else "no_documents"
        rows.append(
            {
                "encounter_id": row.encounter_id,
                "discharge_date": row.discharge_date,
                "code_set_release": release_on(row.discharge_date).name if known else NO_RELEASE,
                "model_version": version,
                "document_count": int(document_counts.get(row.encounter_id, 0)),
                "code_count": count,
                "outcome": outcome,
            }
        )
    names = [c.name for c in coded.encounter.columns if c.name != "received_date"]
    return pd.DataFrame(rows, columns=names, dtype=object)


def _poa(delivered: str | None) -> str | None:
    return delivered if delivered in ("Y", "N", "U", "W") else None


def _with_release(encounters: pd.DataFrame) -> set[str]:
    known: set[str] = set()
    for day, group in encounters.groupby("discharge_date"):
        try:
            release_on(day)
        except NoReleaseError:
            continue
        known |= set(group["encounter_id"])
    return known


def _titles(codes: pd.DataFrame, stays: pd.DataFrame) -> list[str | None]:
    discharged = stays["discharge_date"].to_dict()
    titles: list[str | None] = []
    for encounter, code in codes[["encounter_id", "code"]].itertuples(index=False, name=None):
        try:
            titles.append(CodeSet.on(discharged[encounter]).title(code))
        except NoReleaseError:
            titles.append(None)
    return titles


def _of_documents(connection: sa.Connection, table: sa.Table, day: date) -> pd.DataFrame:
    carried = sa.select(filtered.document.c.document_id).where(filtered.document.c.received_date == day)
    query = (
        sa.select(table)
        .where(table.c.received_date == day, table.c.document_id.in_(carried))
        .order_by(*table.primary_key)
    )
    return read_frame(connection, query).drop(columns="received_date")


def _boxes(connection: sa.Connection, day: date, evidence: pd.DataFrame) -> list[Any]:
    places = _of_documents(connection, mapped.document_page, day)
    places = places[places["document_id"].isin(set(evidence["document_id"]))]
    page = raw.page.c
    query = sa.select(page.page_id, page.words).where(
        page.received_date == day, page.page_id.in_(list(places["page_id"])), page.words.is_not(None)
    )
    words = {row.page_id: row.words for row in connection.execute(query)}
    return page_boxes(evidence, places, words)
