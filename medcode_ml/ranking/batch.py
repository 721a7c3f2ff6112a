"""Ranks a batch of encounters: frames in, frames out, no state, no I/O beyond the reference tables.

The one function that the stage, the stream, the API and the command line call. It reads the code system, the tabular
list, the editor's tables and `tables/`; never a DRG, a DRG weight or a payment (rule 43).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from medcode_ml.codes.poa import is_poa_exempt
from medcode_ml.ranking.attributes import attributes_of, pairs_of
from medcode_ml.ranking.context import context_of
from medcode_ml.ranking.eligibility import eligibility_of
from medcode_ml.ranking.evidence import document_evidence
from medcode_ml.ranking.features import features_of
from medcode_ml.ranking.frames import checked_encounters, code_rows
from medcode_ml.ranking.order import order_of
from medcode_ml.ranking.reasons import reasons_of
from medcode_ml.ranking.rows import Batch, row_pairs

MODEL_VERSION: Final = "guidelines-2"
RANKED: Final = "ranked"
NO_CODES: Final = "no_codes"
NO_ELIGIBLE_PRINCIPAL: Final = "no_eligible_principal"


@dataclass(frozen=True, slots=True)
class RankedBatch:
    """The order of a batch, with the columns of `contracts.ranked` except the partition.

    encounters: DataFrame[encounter_id, principal_code, code_count, model_version, outcome, runner_up], one row for
        each encounter, in the order given.
    codes: DataFrame[encounter_id, rank, code, principal, score, poa, reasons], by encounter in the order given and
        rank; written as given.
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
) -> RankedBatch:
    """Choose the principal diagnosis of each encounter and order its codes by the Official Guidelines.

    Every frame may lack any column but encounter_id (and code); days count from the day of admission, 0 first. The
    output holds exactly the codes given; the order they come in is of no consequence. Of copies of a code one takes
    part, and the others go last but before unknown codes. Without a discharge date, or with one outside the known
    releases, the newest editor tables speak and no code counts as invalid.

    Args:
        encounters: DataFrame[encounter_id; setting, age (years), sex, admission_type, discharge_date (date), service,
            length_of_stay_days, icu_hours], one row an encounter.
        codes: DataFrame[encounter_id, code; poa, score, mention_count, document_types ([[type, section, count]]),
            assertion].
        procedures: DataFrame[encounter_id, code, system (ICD-10-PCS, CPT, HCPCS, ICD-9-CM), day].
        medications: DataFrame[encounter_id, name, start_day].
        microbiology: DataFrame[encounter_id, specimen, organism, day].
        units: DataFrame[encounter_id, name, start_day, hours].
        services: DataFrame[encounter_id, name, start_day], in order.

    Raises:
        RankingInputError: columns are missing, or rows name encounters that are not in `encounters`.
    """
    checked = checked_encounters(encounters)
    rows, distinct = code_rows(checked, codes)
    attributes = attributes_of(distinct)
    pairs = pairs_of(attributes)
    exempt = np.array([is_poa_exempt(str(code)) for code in distinct], dtype=np.bool_)[rows.code]
    poa = rows.frame["poa"].to_numpy(dtype=object, copy=True)
    poa[rows.frame["poa"].isna().to_numpy() | exempt] = None
    batch = Batch(
        rows=rows,
        attributes=attributes,
        pairs=pairs,
        row_pairs=row_pairs(rows, pairs),
        context=context_of(checked, procedures, medications, microbiology, units, services),
        documents=document_evidence(rows.frame),
        poa=poa,
        encounters=len(checked),
    )
    eligibility = eligibility_of(batch)
    features = features_of(batch, eligibility)
    order = order_of(batch, eligibility, features)
    reasons = reasons_of(batch, eligibility, features, order)

    places = order.sorted_rows
    written = rows.frame["code"].to_numpy(dtype=object)
    leads = np.zeros(len(written), dtype=np.bool_)
    leads[order.principal[order.principal >= 0]] = True
    told = np.empty(len(reasons), dtype=object)
    told[:] = reasons
    ranked_codes = pd.DataFrame(
        {
            "encounter_id": rows.frame["encounter_id"].to_numpy(dtype=object)[places],
            "rank": order.rank[places],
            "code": written[places],
            "principal": leads[places],
            "score": order.score[places],
            "poa": batch.poa[places],
            "reasons": told[places],
        }
    )
    counts = np.bincount(rows.encounter, minlength=len(checked))
    outcome = np.where(counts == 0, NO_CODES, np.where(order.principal < 0, NO_ELIGIBLE_PRINCIPAL, RANKED))
    ranked_encounters = pd.DataFrame(
        {
            "encounter_id": checked["encounter_id"].to_numpy(dtype=object),
            "principal_code": [written[row] if row >= 0 else None for row in order.principal],
            "code_count": counts,
            "model_version": MODEL_VERSION,
            "outcome": outcome.astype(object),
            "runner_up": [written[row] if row >= 0 else None for row in order.runner_up],
        }
    )
    return RankedBatch(ranked_encounters, ranked_codes)
