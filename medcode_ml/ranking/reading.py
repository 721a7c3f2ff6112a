"""From frames to what the scores see: checked rows, attributes, context, eligibility and the guidelines' parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medcode_ml.codes.poa import is_poa_exempt
from medcode_ml.ranking.attributes import attributes_of, pairs_of
from medcode_ml.ranking.context import context_of
from medcode_ml.ranking.eligibility import Eligibility, eligibility_of
from medcode_ml.ranking.evidence import document_evidence
from medcode_ml.ranking.features import Features, features_of
from medcode_ml.ranking.frames import checked_encounters, code_rows
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.rows import Batch, row_pairs


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch as it was read.

    `encounters` has every column of `frames.ENCOUNTER_COLUMNS`, in the order given.
    """

    encounters: pd.DataFrame
    batch: Batch
    eligibility: Eligibility
    features: Features


def read_batch(frames: RankingFrames) -> ReadBatch:
    """Read the frames of stays.

    Raises:
        RankingInputError: columns are missing, or rows name encounters that are not in `encounters`.
    """
    checked = checked_encounters(frames.encounters)
    rows, distinct = code_rows(checked, frames.codes)
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
        context=context_of(
            checked, frames.procedures, frames.medications, frames.microbiology, frames.units, frames.services
        ),
        documents=document_evidence(rows.frame),
        poa=poa,
        encounters=len(checked),
    )
    eligibility = eligibility_of(batch)
    return ReadBatch(checked, batch, eligibility, features_of(batch, eligibility))
