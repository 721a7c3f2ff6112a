"""Documents and lines of a batch of encounters mapped: typed, joined to their encounter, split, crosswalked. Pure.

The stage, and whoever maps a batch in memory, hand over what they looked up: which encounter each number names, and
what is known of those encounters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from medcode_ml.codes.crosswalk import Kind
from medcode_ml.mapping.aside import joined, set_aside
from medcode_ml.mapping.blocks import find_blocks
from medcode_ml.mapping.copied import find_copied
from medcode_ml.mapping.crosswalk import crosswalk_codes, needs_map
from medcode_ml.mapping.documents import join_pages
from medcode_ml.mapping.identity import document_id, encounter_id, patient_id
from medcode_ml.mapping.matching import match_documents, match_encounters, match_lines, match_patients, shaped
from medcode_ml.mapping.numbers import distinct_numbers, resolve
from medcode_ml.mapping.observations import standard_observations
from medcode_ml.mapping.parsers import LINES
from medcode_ml.mapping.sections import split_documents

_CODED: tuple[Kind, ...] = ("diagnosis", "procedure")
Keys = frozenset[tuple[str, int]]


@dataclass
class MappedRecords:
    """Rows of mapped tables by name, without received_date; `unmatched` is one of them."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    aside: list[pd.DataFrame] = field(default_factory=list)

    def done(self) -> dict[str, pd.DataFrame]:
        """The tables, everything set aside among them."""
        return {**self.tables, "unmatched": joined(self.aside)}


def map_records(
    delivered: Mapping[str, pd.DataFrame],
    pages: pd.DataFrame,
    encounters: pd.DataFrame,
    stays: pd.DataFrame,
    code_map: pd.DataFrame,
    released: frozenset[tuple[str, str]] = frozenset(),
    taken: Mapping[str, Keys] | None = None,
) -> dict[str, pd.DataFrame]:
    """Map documents and lines.

    `delivered` holds raw.scanned_record and the raw lines by name, `pages` the raw.page rows of the documents;
    `encounters` says which encounter each number names (`numbers.resolve`); `stays` is what is known of them, by
    encounter_id (`known.stays_of`); `taken` holds the keys of lines that the day has already.
    """
    found = MappedRecords()
    _documents(found, delivered["scanned_record"], pages, encounters, stays, released)
    for kind in LINES:
        frame, aside = match_lines(kind, delivered[kind], encounters, (taken or {}).get(kind, frozenset()))
        found.aside.append(aside)
        found.tables[kind] = frame
    found.tables["observation"] = shaped(standard_observations(found.tables["observation"]), "observation")
    _crosswalk(found, stays, code_map)
    return found.done()


def _crosswalk(found: MappedRecords, stays: pd.DataFrame, code_map: pd.DataFrame) -> None:
    """Codes of other systems and releases turned into standard ones, with what the encounter says of the choice."""
    discharged = stays["discharge_date"].to_dict()
    wanted: set[str] = set()
    for kind in _CODED:
        wanted |= needs_map(kind, found.tables[kind], discharged)
    context = _context(found.tables["document"], stays, wanted)
    alternatives = []
    for kind in _CODED:
        frame, offered, refused = crosswalk_codes(kind, found.tables[kind], discharged, code_map, context)
        found.tables[kind] = frame
        alternatives.append(offered)
        for rule, rows in refused.groupby("rule") if len(refused) else ():
            originals = [f"{code} ({system})" for code, system in zip(rows["code"], rows["code_system"], strict=True)]
            found.aside.append(set_aside(kind, rows, rule, list(rows["reason"]), originals))
    offers = [part for part in alternatives if len(part)]
    found.tables["crosswalk"] = pd.concat(offers, ignore_index=True) if offers else alternatives[0]


def _context(documents: pd.DataFrame, stays: pd.DataFrame, wanted: set[str]) -> pd.DataFrame | None:
    """Sex, age, setting and words of the encounters `wanted`, by encounter_id."""
    if not wanted:
        return None
    known = stays[stays.index.isin(wanted)]
    texts = documents[documents["encounter_id"].isin(wanted)].groupby("encounter_id")["text"].agg("\n".join)
    ages = [
        None if born is None or admitted is None else _years(born, admitted)
        for born, admitted in zip(known["birth_date"], known["admission_date"], strict=True)
    ]
    return pd.DataFrame(
        {"sex": known["sex"], "age": ages, "setting": known["setting"], "words": texts.reindex(known.index)},
        index=known.index,
        dtype=object,
    )


def _years(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _documents(
    found: MappedRecords,
    records: pd.DataFrame,
    pages: pd.DataFrame,
    encounters: pd.DataFrame,
    stays: pd.DataFrame,
    released: frozenset[tuple[str, str]],
) -> None:
    whole, places = join_pages(records, pages, released)
    frame, aside = match_documents(whole, encounters, stays["mrn"].to_dict())
    found.aside.append(aside)
    found.tables["document"] = frame
    keys = places[["source", "hospital_id", "record_id"]].itertuples(index=False, name=None)
    places["document_id"] = pd.Series([document_id(*key) for key in keys], index=places.index, dtype=object)
    places = places[places["document_id"].isin(set(frame["document_id"]))]
    found.tables["document_page"] = places.drop(columns=["source", "hospital_id", "record_id"])
    sections = split_documents(frame)
    found.tables["document_section"] = sections
    found.tables["document_block"] = find_blocks(frame, sections)
    found.tables["copied_passage"] = find_copied(frame)


def map_batch(
    delivered: Mapping[str, pd.DataFrame],
    pages: pd.DataFrame,
    known_patients: pd.DataFrame | None = None,
    released: frozenset[tuple[str, str]] = frozenset(),
) -> dict[str, pd.DataFrame]:
    """Map a whole delivery in memory; `known_patients` are mapped.patient rows of earlier deliveries."""
    patients, aside_patients = match_patients(delivered["patient"])
    everyone = [p for p in (patients, known_patients) if p is not None and len(p)]
    known = pd.concat(everyone, ignore_index=True) if everyone else patients
    named = known.rename(columns={"patient_id": "id", "mrn": "number", "mrn_folded": "folded"})
    numbers = distinct_numbers([(delivered["encounter"], "mrn")], patient_id)
    encounters, aside_encounters = match_encounters(delivered["encounter"], resolve(numbers, named))
    wanted = [(delivered[name], "encounter_number") for name in ("scanned_record", *LINES)]
    named = encounters.rename(columns={"encounter_id": "id", "encounter_number": "number", "number_folded": "folded"})
    resolved = resolve(distinct_numbers(wanted, encounter_id), named)
    people = known.drop_duplicates("patient_id", keep="first")[["patient_id", "sex", "birth_date"]]
    stays = encounters.merge(people, on="patient_id", how="left").set_index("encounter_id")
    tables = map_records(delivered, pages, resolved, stays, delivered["code_map"], released)
    unmatched = joined([aside_patients, aside_encounters, tables["unmatched"]])
    return {**tables, "patient": patients, "encounter": encounters, "unmatched": unmatched}
