"""The frames of a day of one kind of model, and the blocks of figures made of them; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.drift.language import Language
from medcode_ml.drift.performance import Calibration, calibrated
from medcode_ml.drift.sketch import Key, Moments, Sketch
from medcode_ml.drift.units import (
    ALL,
    ESTIMATED,
    REALISED,
    STATE,
    STATES,
    Block,
    chapters_of,
    output_block,
    page_block,
    realised_block,
    right_codes,
    sketched,
    text_block,
    text_units,
    told_block,
)

CODING, RANKING, AMOUNTS = "coding", "ranking", "amounts"
KINDS: Final = (CODING, RANKING, AMOUNTS)


@dataclass(frozen=True)
class CodingFrames:
    """A day of the coder.

    Attributes:
        encounters: encounter_id, hospital_id, document_count, code_set_release and categories (`units.CATEGORIES`).
        codes: encounter_id, code, score, band, accepted, document_types of these encounters, codes not accepted too.
        documents: document_id, encounter_id, hospital_id, document_type, text.
        pages: hospital_id, record_id, document_type, confidence, gate.
        labelled: encounters whose labels came on the day, whenever they were coded: encounter_id, hospital_id, codes.
        labelled_codes: encounter_id, code, score, accepted of those.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame
    documents: pd.DataFrame
    pages: pd.DataFrame
    labelled: pd.DataFrame
    labelled_codes: pd.DataFrame


def coding_blocks(
    frames: CodingFrames, language: Language, calibration: Calibration, of_reference: bool = False
) -> list[Block]:
    """Blocks of a day of the coder. Those `of_reference` have states on the half that no direction was fitted on."""
    found = []
    if len(frames.encounters):
        found.append(output_block(frames.encounters, frames.codes, calibration))
    if len(frames.documents):
        units, number, words = text_units(frames.documents)
        by_type = text_block(units, number, words, language, of_reference)
        found.append(_without_fitted(by_type, units["encounter_id"]) if of_reference else by_type)
        found.append(told_block(units, frames.codes))
        # the same over all documents of the encounter
        whole = units.drop_duplicates(["encounter_id", "hospital_id"]).reset_index(drop=True)
        place = units["encounter_id"].map({e: n for n, e in enumerate(whole["encounter_id"])}).to_numpy(np.int64)
        all_types = whole.assign(document_type=ALL)
        block = text_block(all_types, place[number], words, language, of_reference)
        found.append(_without_fitted(block, whole["encounter_id"]) if of_reference else block)
    if len(frames.pages):
        found.append(page_block(frames.pages))
    if len(frames.labelled):
        found.append(realised_block(frames.labelled, frames.labelled_codes))
    return found


def fit_language(documents: pd.DataFrame) -> Language:
    """The language of the documents of a reference (columns as in `CodingFrames`)."""
    number = documents.groupby("encounter_id", sort=True).ngroup().to_numpy(np.int64)
    encounters = np.sort(documents["encounter_id"].unique())
    from medcode_ml.drift.words import count_words

    return Language.fit(count_words(documents["text"]), number, fitted_half(encounters))


def fit_calibration(labelled: pd.DataFrame, codes: pd.DataFrame) -> Calibration:
    """The calibration of scores on the labelled encounters of a reference (columns as in `CodingFrames`)."""
    labels = float(sum(len(given) for given in labelled["codes"]))
    score, accepted = codes["score"].to_numpy(np.float64), codes["accepted"].to_numpy(bool)
    return calibrated(codes["code"].to_numpy(object), score, accepted, right_codes(labelled, codes), labels)


def fitted_half(encounters: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether directions are fitted on an encounter: by a hash of its id, half of them."""
    hashed = pd.util.hash_array(np.asarray(encounters, dtype=object), categorize=False)
    return np.asarray(hashed % np.uint64(2) == 0)


def _without_fitted(block: Block, encounters: pd.Series) -> Block:
    fitted = fitted_half(encounters.to_numpy(object))
    values = {k: np.where(fitted, np.nan, v) if k in STATES else v for k, v in block.values.items()}
    rows = {k: np.where(fitted[:, None], np.nan, v) if k == STATE else v for k, v in block.rows.items()}
    return replace(block, values=values, rows=rows)


def ranking_blocks(ranked: pd.DataFrame, labelled: pd.DataFrame) -> list[Block]:
    """Blocks of a day of the ranker.

    Args:
        ranked: hospital_id, principal_code, principal_probability, code_count, needs_review, outcome.
        labelled: hospital_id, principal_code (ours) and label (the coders'), of encounters labelled on the day.
    """
    found = []
    if len(ranked):
        kind = np.full(len(ranked), ALL, dtype=object)
        p = ranked["principal_probability"].to_numpy(np.float64)
        has = ranked["principal_code"].notna().to_numpy(bool)
        chapter = np.full(len(ranked), "none", dtype=object)
        chapter[has] = [f"chapter {n + 1}" for n in chapters_of(ranked["principal_code"].to_numpy(object)[has])]
        one = np.ones(len(ranked))
        found.append(
            Block(
                ranked["hospital_id"].to_numpy(object), kind,
                {"principal_probability": p, "ranked_codes": ranked["code_count"].to_numpy(np.float64)},
                {"principal_chapter": chapter, "ranking_outcome": ranked["outcome"].to_numpy(object),
                 "needs_review": ranked["needs_review"].to_numpy(object)},
                {ESTIMATED: np.column_stack([p, one, one, p * (1 - p)])},
            )
        )  # fmt: skip
    if len(labelled):
        right = (labelled["principal_code"] == labelled["label"]).to_numpy(np.float64)
        one = np.ones(len(labelled))
        rows = np.column_stack([right, one, one, np.zeros(len(labelled))])
        kind = np.full(len(labelled), ALL, dtype=object)
        found.append(Block(labelled["hospital_id"].to_numpy(object), kind, rows={REALISED: rows}))
    return found


def amount_blocks(predicted: pd.DataFrame) -> list[Block]:
    """Blocks of a day of the model of amounts.

    Args:
        predicted: hospital_id, predicted_because, charges, payments, payments_low, payments_high.
    """
    if predicted.empty:
        return []
    money = {c: predicted[c].astype(float).to_numpy() for c in ("charges", "payments", "payments_low", "payments_high")}
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "log_charges": np.log10(money["charges"]),
            "log_payments": np.log10(money["payments"]),
            "payment_interval": np.log10(money["payments_high"] / money["payments_low"]),
        }
    kind = np.full(len(predicted), ALL, dtype=object)
    because = {"predicted_because": predicted["predicted_because"].to_numpy(object)}
    return [Block(predicted["hospital_id"].to_numpy(object), kind, values, because)]


def sketches_of(blocks: list[Block], of_reference: bool = False) -> dict[Key, Sketch]:
    """Sketches of all blocks of a day; only a reference needs the products of the kernel's features."""
    found: dict[Key, Sketch] = {}
    for block in blocks:
        found.update(sketched(block))
    if of_reference:
        return found
    return {key: Moments(s.n, s.sums) if key[2] == STATE and isinstance(s, Moments) else s for key, s in found.items()}
