"""The tables of every schema: the single source for DDL, column metadata, checks and the data dictionary."""

from medcode_ml.contracts import billed, coded, filtered, linkage, mapped, ml, ranked, raw, review
from medcode_ml.contracts.tables import SCHEMAS, STAGE_SCHEMAS, metadata

__all__ = [
    "SCHEMAS", "STAGE_SCHEMAS", "billed", "coded", "filtered", "linkage", "mapped", "metadata", "ml", "ranked", "raw",
    "review",
]  # fmt: skip
