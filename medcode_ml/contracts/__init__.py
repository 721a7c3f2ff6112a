"""The tables of every schema: the single source for DDL, column metadata, checks and the data dictionary."""

from medcode_ml.contracts import (
    answers,
    billed,
    coded,
    drift,
    filtered,
    linkage,
    mapped,
    ml,
    ranked,
    raw,
    review,
    served,
    streamed,
)
from medcode_ml.contracts.tables import SCHEMAS, STAGE_SCHEMAS, metadata

__all__ = [
    "SCHEMAS", "STAGE_SCHEMAS", "answers", "billed", "coded", "drift", "filtered", "linkage", "mapped", "metadata",
    "ml", "ranked", "raw", "review", "served", "streamed",
]  # fmt: skip
