"""The frames of a day of one kind of model, and the blocks of figures made of them; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.drift.by_stay import DOCUMENTS, fit_foretold, stays_of
from medcode_ml.drift.figures import ESTIMATED_PRINCIPAL, REALISED_PRINCIPAL
from medcode_ml.drift.language import Language
from medcode_ml.drift.performance import Calibration, calibrated
from medcode_ml.drift.sketch import Key, Moments, Sketch
from medcode_ml.drift.units import (
    ALL,
    STATE,
    STATES,
    Block,
    chapters_of,
    output_block,
    page_block,
    proved_block,
    realised_block,
    right_codes,
    sketched,
    text_block,
    text_units,
    told_block,
)

CODING, RANKING, AMOUNTS = "coding", "ranking", "amounts"
KINDS: Final = (CODING, RANKING, AMOUNTS)
FEWEST_TO_SCALE: Final = 50
"""Labelled encounters of a reference below which what is estimated is told as it is."""


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
        labelled_earlier: stays (`by_stay.stays_of`) of those that were coded on an earlier day.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame
    documents: pd.DataFrame
    pages: pd.DataFrame
    labelled: pd.DataFrame
    labelled_codes: pd.DataFrame
    labelled_earlier: pd.DataFrame = field(default_factory=pd.DataFrame)


def coding_blocks(
    frames: CodingFrames, language: Language, calibration: Calibration, of_reference: bool = False
) -> list[Block]:
    """Blocks of a day of the coder. Those `of_reference` have states on the half that no direction was fitted on."""
    found = []
    stays = stays_of(frames.encounters, frames.documents)
    if len(frames.encounters):
        found.append(output_block(stays, frames.codes, calibration))
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
        if not of_reference:
            known = _with_earlier(stays, frames.labelled_earlier)
            found.append(proved_block(frames.labelled, frames.labelled_codes, known, calibration))
    return found


def _with_earlier(stays: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    if earlier.empty:
        return stays
    if stays.empty:
        return earlier
    found = pd.concat([stays, earlier], ignore_index=True)
    counts = [name for name in found if name.startswith(DOCUMENTS)]
    found[counts] = found[counts].fillna(0.0)
    return found.drop_duplicates("encounter_id")


def fit_language(documents: pd.DataFrame) -> Language:
    """The language of the documents of a reference (columns as in `CodingFrames`)."""
    number = documents.groupby("encounter_id", sort=True).ngroup().to_numpy(np.int64)
    encounters = np.sort(documents["encounter_id"].unique())
    from medcode_ml.drift.words import count_words

    return Language.fit(count_words(documents["text"]), number, fitted_half(encounters))


def fit_calibration(
    labelled: pd.DataFrame, codes: pd.DataFrame, encounters: pd.DataFrame, documents: pd.DataFrame
) -> Calibration:
    """The calibration of scores on the labelled encounters of a reference, and what stays foretell.

    Args:
        labelled, codes: `labelled` and `labelled_codes` as in `CodingFrames`.
        encounters, documents: as there; stays are learned from the encounters that are labelled.
    """
    size = np.array([len(given) for given in labelled["codes"]], np.float64)
    score, accepted = codes["score"].to_numpy(np.float64), codes["accepted"].to_numpy(bool)
    names, right = codes["code"].to_numpy(object), right_codes(labelled, codes)
    fitted = calibrated(names, score, accepted, right, float(size.sum()))
    wrong, expected = (accepted & ~right).astype(np.float64), fitted.probability(names, score, accepted)
    by = pd.DataFrame({"id": codes["encounter_id"], "wrong": wrong, "expected": expected}).groupby("id").sum()
    told = by.reindex(labelled["encounter_id"]).fillna(0.0).reset_index(drop=True)
    told = told.assign(encounter_id=labelled["encounter_id"].to_numpy(object), labels=size)
    stays = stays_of(encounters, documents).merge(told.drop_duplicates("encounter_id"), on="encounter_id")
    labels, wrong, expected = (stays[name].to_numpy(np.float64) for name in ("labels", "wrong", "expected"))
    return replace(fitted, foretold=fit_foretold(stays, labels, wrong, fitted.labels_per_expected * expected))


def fitted_half(encounters: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether directions are fitted on an encounter: by a hash of its id, half of them."""
    hashed = pd.util.hash_array(np.asarray(encounters, dtype=object), categorize=False)
    return np.asarray(hashed % np.uint64(2) == 0)


def _without_fitted(block: Block, encounters: pd.Series) -> Block:
    fitted = fitted_half(encounters.to_numpy(object))
    values = {k: np.where(fitted, np.nan, v) if k in STATES else v for k, v in block.values.items()}
    rows = {k: np.where(fitted[:, None], np.nan, v) if k == STATE else v for k, v in block.rows.items()}
    return replace(block, values=values, rows=rows)


def ranking_blocks(ranked: pd.DataFrame, labelled: pd.DataFrame, scale: float = 1.0) -> list[Block]:
    """Blocks of a day of the ranker.

    Args:
        ranked: hospital_id, principal_code, principal_probability, code_count, needs_review, outcome.
        labelled: hospital_id, principal_code (ours) and label (the coders'), of encounters labelled on the day.
        scale: of the probability, which the ranker gives for the codes it was given: coders may have others.
    """
    found = []
    if len(ranked):
        kind = np.full(len(ranked), ALL, dtype=object)
        told = ranked["principal_probability"].to_numpy(np.float64)
        p = np.clip(scale * told, 0.0, 1.0)
        has = ranked["principal_code"].notna().to_numpy(bool)
        chapter = np.full(len(ranked), "none", dtype=object)
        chapter[has] = [f"chapter {n + 1}" for n in chapters_of(ranked["principal_code"].to_numpy(object)[has])]
        one = np.ones(len(ranked))
        found.append(
            Block(
                ranked["hospital_id"].to_numpy(object), kind,
                {"principal_probability": told, "ranked_codes": ranked["code_count"].to_numpy(np.float64)},
                {"principal_chapter": chapter, "ranking_outcome": ranked["outcome"].to_numpy(object),
                 "needs_review": ranked["needs_review"].to_numpy(object)},
                {ESTIMATED_PRINCIPAL: np.column_stack([p, one, one, p * (1 - p)])},
            )
        )  # fmt: skip
    if len(labelled):
        right = (labelled["principal_code"] == labelled["label"]).to_numpy(np.float64)
        one = np.ones(len(labelled))
        rows = np.column_stack([right, one, one, np.zeros(len(labelled))])
        kind = np.full(len(labelled), ALL, dtype=object)
        found.append(Block(labelled["hospital_id"].to_numpy(object), kind, rows={REALISED_PRINCIPAL: rows}))
    return found


def fit_ranking_scale(ranked: pd.DataFrame, labelled: pd.DataFrame) -> float:
    """Share of principals that are right over the share that the ranker expects, of a reference; 1 with few labels.

    Args:
        ranked, labelled: as in `ranking_blocks`.
    """
    p = ranked["principal_probability"].to_numpy(np.float64)
    expected = float(np.nanmean(p)) if np.isfinite(p).any() else 0.0
    if len(labelled) < FEWEST_TO_SCALE or expected <= 0:
        return 1.0
    return float((labelled["principal_code"] == labelled["label"]).mean()) / expected


def sketches_of(blocks: list[Block], of_reference: bool = False) -> dict[Key, Sketch]:
    """Sketches of all blocks of a day; only a reference needs the products of the kernel's features."""
    found: dict[Key, Sketch] = {}
    for block in blocks:
        found.update(sketched(block))
    if of_reference:
        return found
    return {key: Moments(s.n, s.sums) if key[2] == STATE and isinstance(s, Moments) else s for key, s in found.items()}
