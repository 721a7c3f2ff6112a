"""What is measured of each encounter, and of its documents of each type: frames of a day in, blocks of figures out.

The unit of every test is the encounter: its codes and documents depend on each other, encounters hardly do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.codes.tabular import tabular
from medcode_ml.drift.correction import proved_rows
from medcode_ml.drift.figures import ESTIMATED, PROVED, REALISED
from medcode_ml.drift.language import COMPONENTS, Language
from medcode_ml.drift.performance import Calibration, estimated_rows, realised_rows
from medcode_ml.drift.sketch import Counts, Floats, Key, Moments, Sketch, Values
from medcode_ml.drift.words import WordCounts, count_words, summed

ALL: Final = "all"
CATEGORIES: Final = (
    "outcome", "likeliest_chapter", "drg", "mdc", "service", "setting", "admission_type", "payer", "age_band", "sex",
    "discharge_status",
)  # fmt: skip
CHAPTERS: Final = 22
STATE: Final = "state_distance"
#: what a state is measured on only the half of the reference that its directions were not fitted on
STATES: Final = (STATE, *(f"state_{n + 1}" for n in range(COMPONENTS)))


@dataclass(frozen=True)
class Block:
    """Figures of units of one kind: encounters, or an encounter's documents of one type.

    Attributes:
        hospital: of each unit. Shape (n,). document_type: of each unit, or all.
        values: metric to figures (n,), NaN where missing. categories: metric to objects (n,).
        rows: metric to vectors (n, k), which are summed.
    """

    hospital: npt.NDArray[np.object_]
    document_type: npt.NDArray[np.object_]
    values: Mapping[str, Floats] = field(default_factory=dict)
    categories: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    rows: Mapping[str, Floats] = field(default_factory=dict)

    def taken(self, kept: npt.NDArray[Any]) -> Block:
        """The units `kept` (a mask or places)."""
        return Block(
            self.hospital[kept],
            self.document_type[kept],
            {k: v[kept] for k, v in self.values.items()},
            {k: v[kept] for k, v in self.categories.items()},
            {k: v[kept] for k, v in self.rows.items()},
        )


def sketched(block: Block) -> dict[Key, Sketch]:
    """Sketches of a block, by hospital and over all of them."""
    found: dict[Key, Sketch] = {}
    frame = pd.DataFrame({"hospital": block.hospital, "type": block.document_type})
    groups = [((h, t), places) for (h, t), places in frame.groupby(["hospital", "type"], sort=True).indices.items()]
    groups += [((ALL, t), places) for t, places in frame.groupby("type", sort=True).indices.items()]
    for (hospital, kind), places in groups:
        for name, values in block.values.items():
            if (sketch := Values.of(values[places])).n:
                found[hospital, kind, name] = sketch
        for name, categories in block.categories.items():
            found[hospital, kind, name] = Counts.of(categories[places])
        for name, rows in block.rows.items():
            if (sums := Moments.of(rows[places])).n:
                found[hospital, kind, name] = sums
    return found


def output_block(encounters: pd.DataFrame, codes: pd.DataFrame, calibration: Calibration) -> Block:
    """What the coder made of encounters: scores, numbers of codes, bands, chapters, and the performance they promise.

    Args:
        encounters: encounter_id, hospital_id, document_count, what there is of `CATEGORIES`, and the columns of
            `by_stay.stays_of`.
        codes: encounter_id, code, score, band, accepted; also codes not accepted.
        calibration: of the scores.
    """
    size = len(encounters)
    number = encounters["encounter_id"].map({e: n for n, e in enumerate(encounters["encounter_id"])}).to_numpy()
    at = codes["encounter_id"].map(dict(zip(encounters["encounter_id"], number, strict=True))).to_numpy(np.int64)
    accepted = codes["accepted"].to_numpy(bool)
    names = codes["code"].to_numpy(object)
    # what is tested is what the coder said: calibrated on the reference, its own scores would differ from later ones
    score = np.clip(codes["score"].to_numpy(np.float64), 0.0, 1.0)
    probability = calibration.probability(names, score, accepted)
    band = codes["band"].to_numpy(object)
    chapter = chapters_of(names)
    total = np.bincount(at, minlength=size)
    taken = np.bincount(at, accepted, minlength=size)
    mix = np.bincount(at * CHAPTERS + chapter, score, minlength=size * CHAPTERS).reshape(size, CHAPTERS)
    top = np.zeros(size)
    np.maximum.at(top, at, score)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "code_count": taken.astype(np.float64),
            "listed_codes": total.astype(np.float64),
            "expected_codes": np.bincount(at, score, minlength=size),
            "doubt": np.bincount(at, score * (1 - score), minlength=size),
            "top_score": np.where(total > 0, top, np.nan),
            "mean_score": np.bincount(at, np.where(accepted, score, 0.0), minlength=size) / taken,
            "auto_share": np.bincount(at, accepted & (band == "auto"), minlength=size) / taken,
            **{f"chapter_{n + 1:02d}": mix[:, n] for n in range(CHAPTERS)},
        }
    if "document_count" in encounters:
        values["document_count"] = encounters["document_count"].to_numpy(np.float64)
    likeliest = np.full(size, "none", dtype=object)
    has = mix.sum(1) > 0
    likeliest[has] = [f"chapter {n + 1}" for n in mix[has].argmax(1)]
    told = {name: encounters[name].to_numpy(object) for name in CATEGORIES if name in encounters}
    rows = estimated_rows(at, probability, accepted, encounters, calibration)
    return Block(
        encounters["hospital_id"].to_numpy(object),
        np.full(size, ALL, dtype=object),
        values,
        {**told, "likeliest_chapter": likeliest},
        {ESTIMATED: rows},
    )


def realised_block(encounters: pd.DataFrame, codes: pd.DataFrame) -> Block:
    """How the coder's codes stand against the labels of encounters that coders labelled.

    Args:
        encounters: encounter_id, hospital_id, codes (the labels, a list each). codes: encounter_id, code, accepted.
    """
    number = {e: n for n, e in enumerate(encounters["encounter_id"])}
    own = codes[codes["encounter_id"].isin(number.keys())]
    rows = realised_rows(
        own["encounter_id"].map(number).to_numpy(np.int64),
        right_codes(encounters, own),
        own["accepted"].to_numpy(bool),
        np.array([len(given) for given in encounters["codes"]], np.float64),
    )
    kind = np.full(len(encounters), ALL, dtype=object)
    return Block(encounters["hospital_id"].to_numpy(object), kind, rows={REALISED: rows})


def proved_block(encounters: pd.DataFrame, codes: pd.DataFrame, stays: pd.DataFrame, calibration: Calibration) -> Block:
    """What labelled encounters came to be, and what is estimated of them.

    Args:
        encounters: encounter_id, hospital_id, codes (the labels, a list each). stays: of them, see `by_stay.stays_of`;
            those without one are left out. codes: encounter_id, code, score, accepted; also codes not accepted.
        calibration: of the scores.
    """
    own = encounters.drop_duplicates("encounter_id").merge(stays.drop(columns="hospital_id"), on="encounter_id")
    number = {e: n for n, e in enumerate(own["encounter_id"])}
    listed = codes[codes["encounter_id"].isin(number.keys())]
    accepted = listed["accepted"].to_numpy(bool)
    score = np.clip(listed["score"].to_numpy(np.float64), 0.0, 1.0)
    rows = proved_rows(
        listed["encounter_id"].map(number).to_numpy(np.int64),
        right_codes(own, listed),
        calibration.probability(listed["code"].to_numpy(object), score, accepted),
        accepted,
        np.array([len(given) for given in own["codes"]], np.float64),
        own,
        calibration,
    )
    return Block(own["hospital_id"].to_numpy(object), np.full(len(own), ALL, dtype=object), rows={PROVED: rows})


def right_codes(encounters: pd.DataFrame, codes: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each of `codes` (encounter_id, code) is among the labels of its encounter."""
    pairs = zip(encounters["encounter_id"], encounters["codes"], strict=True)
    labels = {(encounter, code) for encounter, given in pairs for code in given}
    return np.fromiter(
        (pair in labels for pair in zip(codes["encounter_id"], codes["code"], strict=True)), bool, len(codes)
    )


def text_units(documents: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64], WordCounts]:
    """Documents by encounter and type: units (encounter_id, hospital_id, document_type), the unit of each, their words.

    Args:
        documents: document_id, encounter_id, hospital_id, document_type, text.
    """
    keys = ["encounter_id", "hospital_id", "document_type"]
    number = documents.groupby(keys, sort=True, dropna=False).ngroup().to_numpy(np.int64)
    first = documents.assign(unit=number).drop_duplicates("unit").sort_values("unit")
    return first[keys].reset_index(drop=True), number, count_words(documents["text"])


def text_block(
    units: pd.DataFrame,
    number: npt.NDArray[np.int64],
    words: WordCounts,
    language: Language,
    of_reference: bool = False,
) -> Block:
    """Length, unknown words and states of texts, by the units of `text_units`."""
    size = len(units)
    counted = summed(words.counts, number, size)
    total = np.asarray(counted.sum(1)).ravel().astype(np.float64)
    unknown = np.asarray(counted @ language.unknown(words, of_reference).astype(np.float32)).ravel()
    states = language.states(words, number, size)
    states[total == 0] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "word_count": np.log1p(total),
            "oov_rate": unknown / total,
            **{f"state_{n + 1}": states[:, n] for n in range(states.shape[1])},
        }
    return Block(
        units["hospital_id"].to_numpy(object),
        units["document_type"].to_numpy(object),
        values,
        rows={STATE: language.fourier(states)},
    )


def told_block(units: pd.DataFrame, codes: pd.DataFrame) -> Block:
    """Accepted codes that documents of a type told, and their mean score.

    Args:
        units: encounter_id, hospital_id, document_type.
        codes: encounter_id, score, accepted, document_types (as in coded.encounter_code).
    """
    taken = codes[codes["accepted"].astype(bool)]
    pairs = [
        (encounter, kind, score)
        for encounter, kinds, score in zip(taken["encounter_id"], taken["document_types"], taken["score"], strict=True)
        for kind in {place[0] for place in kinds or ()}
    ]
    told = pd.DataFrame(pairs, columns=["encounter_id", "document_type", "score"]).astype({"score": np.float64})
    by_unit = told.groupby(["encounter_id", "document_type"])["score"].agg(["size", "mean"])
    index = pd.MultiIndex.from_frame(units[["encounter_id", "document_type"]])
    found = by_unit.reindex(index)
    return Block(
        units["hospital_id"].to_numpy(object),
        units["document_type"].to_numpy(object),
        {
            "codes_told": found["size"].fillna(0.0).to_numpy(np.float64),
            "told_score": found["mean"].to_numpy(np.float64),
        },
    )


def page_block(pages: pd.DataFrame) -> Block:
    """Confidence of reading and gates of scanned documents.

    Args:
        pages: hospital_id, record_id, document_type, confidence (0-100 or None), gate (or None); a row a page.
    """
    frame = pages.assign(confidence=pd.to_numeric(pages["confidence"]), stopped=pages["gate"].notna())
    keys = ["hospital_id", "record_id", "document_type"]
    by = frame.groupby(keys, sort=True).agg(
        confidence=("confidence", "mean"), worst=("confidence", "min"), stopped=("stopped", "mean"),
        gate=("gate", lambda g: next((x for x in g if isinstance(x, str)), "read")),
    ).reset_index()  # fmt: skip
    values = {
        "page_confidence": by["confidence"].to_numpy(np.float64),
        "worst_page_confidence": by["worst"].to_numpy(np.float64),
        "pages_stopped": by["stopped"].to_numpy(np.float64),
    }
    hospital, kind = by["hospital_id"].to_numpy(object), by["document_type"].to_numpy(object)
    # once under its type, once over all of them
    return Block(
        np.concatenate([hospital, hospital]),
        np.concatenate([kind, np.full(len(kind), ALL, dtype=object)]),
        {name: np.concatenate([v, v]) for name, v in values.items()},
        {"page_gate": np.concatenate([by["gate"].to_numpy(object)] * 2)},
    )


def age_bands(birth: pd.Series, discharge: pd.Series) -> pd.Series:
    """Age at discharge in bands of payment and practice: 0, 1-17, 18-44, 45-64, 65-79, 80+; None where unknown."""
    days = pd.to_datetime(discharge) - pd.to_datetime(birth)
    years = days.dt.days / 365.25
    cut = pd.cut(
        years, [-1, 1, 18, 45, 65, 80, 200], right=False, labels=["0", "1-17", "18-44", "45-64", "65-79", "80+"]
    )
    return cut.astype(object).where(cut.notna(), None)


def chapters_of(codes: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Chapter of each ICD-10-CM code, 0 for the first."""
    unique, place = np.unique(codes.astype(str), return_inverse=True)
    return np.array([_chapter(code[:3]) for code in unique], np.int64)[place] if len(unique) else np.zeros(0, np.int64)


@lru_cache(maxsize=4096)
def _chapter(category: str) -> int:
    above = tabular().ancestors(category)
    try:
        return int(above[-1]) - 1 if above else CHAPTERS - 1
    except ValueError:
        return CHAPTERS - 1
