"""The training set of the coding model: which encounters coders labelled, with what, and what text they have.

Only ids, codes and hashes are kept: the text stays in `filtered`.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import ml
from medcode_ml.contracts.stage import StageResult
from medcode_ml.models.warehouse.labels import labelled_encounters, labels_of_day, stays_of
from medcode_ml.models.warehouse.training_set import fill_training_set
from medcode_ml.store.frames import read_frame


def run_training_set(
    engine: sa.Engine, start: date, end: date, *, since: date | None = None, recent_from: date | None = None
) -> StageResult:
    """Replace the training set of the days `start` to `end` and split all days anew (see `fill_training_set`)."""
    return fill_training_set(engine, ml.CODING, start, end, training_set_of, since=since, recent_from=recent_from)


def training_set_of(connection: sa.Connection, day: date) -> pd.DataFrame:
    """Return the rows of `ml.coding_training_set` for labels received on `day`, not yet split."""
    labels = labels_of_day(connection, day)
    stays = stays_of(connection, day, labels["encounter_id"])
    texts = read_frame(connection, sa.text(_TEXTS), {"day": day, "ids": list(stays["encounter_id"])})
    return with_texts(labelled_encounters(labels, stays), texts)


def with_texts(labelled: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    """Labelled encounters with what is known of their text; one without any is set aside.

    Args:
        labelled: as `labelled_encounters` gives them.
        texts: encounter_id, document_ids, character_count, text_hash of those with documents.

    Returns:
        The columns of `ml.coding_training_set` but received_date and those of the split.
    """
    text_of = texts.set_index("encounter_id").to_dict("index")
    found = [text_of.get(encounter, {}) for encounter in labelled["encounter_id"]]
    own = {
        "set_aside": [
            "no_documents" if reason is None and not text else reason
            for reason, text in zip(labelled["set_aside"], found, strict=True)
        ],
        "document_ids": [text.get("document_ids", []) for text in found],
        "character_count": [int(text.get("character_count", 0)) for text in found],
        "text_hash": [text.get("text_hash") for text in found],
    }
    columns = {name: pd.Series(values, index=labelled.index, dtype=object) for name, values in own.items()}
    names = [c.name for c in ml.coding_training_set.columns if c.name not in ("received_date", *ml.OF_THE_SPLIT)]
    return labelled.assign(**columns)[names]


#: the text of an encounter as the coder reads it: its documents by id, a blank line between
_TEXTS = """
WITH newest AS (
    SELECT DISTINCT ON (document_id) document_id, encounter_id, text
    FROM filtered.document WHERE received_date <= :day AND encounter_id = ANY(:ids)
    ORDER BY document_id, received_date DESC
)
SELECT encounter_id, jsonb_agg(document_id ORDER BY document_id) AS document_ids,
       sum(length(text))::int AS character_count,
       encode(sha256(convert_to(string_agg(text, E'\\n\\n' ORDER BY document_id), 'UTF8')),
              'hex') AS text_hash
FROM newest GROUP BY encounter_id
"""
