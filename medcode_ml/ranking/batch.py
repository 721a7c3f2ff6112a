"""Ranks a batch of encounters: frames in, frames out, no state, no I/O beyond the reference tables.

The one function that the stage, the stream, the API and the command line call. It reads the code system, the tabular
list, the editor's tables and `tables/`; never a DRG, a DRG weight or a payment (rule 43).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from medcode_ml.ranking.columns import lists_of
from medcode_ml.ranking.doubt import doubt_of, principal_log_odds
from medcode_ml.ranking.eligibility import LAST_RESORT, candidates_of
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.order import order_of
from medcode_ml.ranking.reading import read_batch
from medcode_ml.ranking.reasons import reasons_of
from medcode_ml.ranking.scores import guideline_scores

if TYPE_CHECKING:
    from medcode_ml.ranking.model import RankingModel

MODEL_VERSION: Final = "guidelines-3"
RANKED: Final = "ranked"
NO_CODES: Final = "no_codes"
NO_ELIGIBLE_PRINCIPAL: Final = "no_eligible_principal"


@dataclass(frozen=True, slots=True)
class RankedBatch:
    """The order of a batch, with the columns of `contracts.ranked` except the partition.

    encounters: DataFrame[encounter_id, principal_code, code_count, model_version, outcome, runner_up,
        principal_probability, needs_review, review_reason], one row for each encounter, in the order given.
    codes: DataFrame[encounter_id, rank, code, principal, score, poa, reasons, eligible, principal_share], by encounter
        in the order given and rank; written as given.
    """

    encounters: pd.DataFrame
    codes: pd.DataFrame


def rank_batch(
    encounters: pd.DataFrame,
    codes: pd.DataFrame,
    procedures: pd.DataFrame | None = None,
    *,
    medications: pd.DataFrame | None = None,
    microbiology: pd.DataFrame | None = None,
    units: pd.DataFrame | None = None,
    services: pd.DataFrame | None = None,
    model: RankingModel | None = None,
) -> RankedBatch:
    """Choose the principal diagnosis of each encounter and order its codes, by `model` or by the Official Guidelines.

    Every frame may lack any column but encounter_id (and code); days count from the day of admission, 0 first. The
    output holds exactly the codes given; the order they come in is of no consequence. Of copies of a code one takes
    part, and the others go last but before unknown codes. Without a discharge date, or with one outside the known
    releases, the newest editor tables speak and no code counts as invalid.

    Args:
        encounters: DataFrame[encounter_id; setting, age (years), sex, admission_type, discharge_date (date), service,
            length_of_stay_days, icu_hours, patient_id, hospital_id], one row an encounter.
        codes: DataFrame[encounter_id, code; poa, score, mention_count, document_types ([[type, section, count,
            place]]), assertion].
        procedures: DataFrame[encounter_id, code, system (ICD-10-PCS, CPT, HCPCS, ICD-9-CM), day].
        medications: DataFrame[encounter_id, name, start_day].
        microbiology: DataFrame[encounter_id, specimen, organism, day].
        units: DataFrame[encounter_id, name, start_day, hours].
        services: DataFrame[encounter_id, name, start_day], in order.
        model: what weighs; eligibility, forced pairs and the blocks of the order hold whatever it says.

    Raises:
        RankingInputError: columns are missing, or rows name encounters that are not in `encounters`.
    """
    frames = RankingFrames(encounters, codes, procedures, medications, microbiology, units, services)
    return rank_frames(frames, model)


def rank_frames(frames: RankingFrames, model: RankingModel | None = None) -> RankedBatch:
    """Rank the encounters of `frames`: `rank_batch` for frames that are already together."""
    read = read_batch(frames)
    batch, eligibility, rows = read.batch, read.eligibility, read.batch.rows
    if model is None:
        order = order_of(batch, eligibility, guideline_scores(batch, read.features))
        reasons = reasons_of(batch, eligibility, read.features, order)
        doubt = doubt_of(read, order, None, None)
    else:
        lists = lists_of(read)
        order = order_of(batch, eligibility, model.scores(lists))
        reasons = reasons_of(batch, eligibility, read.features, order, model.weighed(lists, order))
        doubt = doubt_of(read, order, model.probability(principal_log_odds(order)), model.review_below)

    places = order.sorted_rows
    written = rows.frame["code"].to_numpy(dtype=object)
    leads = np.zeros(len(written), dtype=np.bool_)
    leads[order.principal[order.principal >= 0]] = True
    told = np.empty(len(reasons), dtype=object)
    told[:] = reasons
    shares = order.share.astype(object)
    shares[~candidates_of(batch, eligibility)] = None
    ranked_codes = pd.DataFrame(
        {
            "encounter_id": rows.frame["encounter_id"].to_numpy(dtype=object)[places],
            "rank": order.rank[places],
            "code": written[places],
            "principal": leads[places],
            "score": order.score[places],
            "poa": batch.poa[places],
            "reasons": told[places],
            "eligible": eligibility.bar[places] < LAST_RESORT,
            "principal_share": shares[places],
        }
    )
    counts = np.bincount(rows.encounter, minlength=len(read.encounters))
    outcome = np.where(counts == 0, NO_CODES, np.where(order.principal < 0, NO_ELIGIBLE_PRINCIPAL, RANKED))
    ranked_encounters = pd.DataFrame(
        {
            "encounter_id": read.encounters["encounter_id"].to_numpy(dtype=object),
            "principal_code": [written[row] if row >= 0 else None for row in order.principal],
            "code_count": counts,
            "model_version": MODEL_VERSION if model is None else model.version,
            "outcome": outcome.astype(object),
            "runner_up": [written[row] if row >= 0 else None for row in order.runner_up],
            "principal_probability": doubt.probability,
            "needs_review": doubt.review,
            "review_reason": doubt.reason,
        }
    )
    return RankedBatch(ranked_encounters, ranked_codes)
