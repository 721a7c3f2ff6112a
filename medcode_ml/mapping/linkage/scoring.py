"""Pairs of patient records weighed by the model: who is compared, with what probability, and what each field weighs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.mapping.linkage.model import BLOCKING, FIELDS
from medcode_ml.mapping.linkage.training import Model, make_linker, quiet

Pairs = Sequence[tuple[str, str]]
NAMES = tuple(f.name for f in FIELDS)


def score(records: pd.DataFrame, model: Model, least: float, decided: Pairs) -> pd.DataFrame:
    """Return the pairs whose probability is at least `least`, and those of `decided` whatever theirs.

    Columns: patient_id < other_patient_id, weight (log2 of the Bayes factor, prior included), probability, and of each
    field its level `gamma_<field>` (-1 says nothing, 0 the last level, rising with strength) and weight `mw_<field>`.
    """
    with quiet():
        found = _predict(make_linker(records, model, BLOCKING), least)
    missing = sorted(set(decided) - set(found[["patient_id", "other_patient_id"]].itertuples(index=False, name=None)))
    if missing:
        extra = score_pairs(records, model, missing)
        found = extra if found.empty else pd.concat([found, extra], ignore_index=True)
    return found.sort_values(["patient_id", "other_patient_id"], ignore_index=True)


def _predict(linker: Any, least: float | None) -> pd.DataFrame:
    weights = ", ".join(f"mw_{n}" if n not in _FREQUENT else f"mw_{n} + mw_tf_adj_{n} AS mw_{n}" for n in NAMES)
    table = linker.inference.predict(threshold_match_probability=least)
    query = (
        "SELECT least(patient_id_l, patient_id_r) AS patient_id, greatest(patient_id_l, patient_id_r) AS "
        "other_patient_id, match_weight AS weight, match_probability AS probability, "
        f"{', '.join(f'gamma_{n}' for n in NAMES)}, {weights} FROM {table.physical_name}"
    )
    return linker.misc.query_sql(query).as_pandas_dataframe()


_FREQUENT = {f.name for f in FIELDS if f.frequency}


def score_pairs(records: pd.DataFrame, model: Model, pairs: Pairs) -> pd.DataFrame:
    """Weigh given pairs, also such that no blocking rule brings together; columns as in `score`."""
    # each pair is a block of its own, and the frequencies are those of all records
    by_id = records.set_index("patient_id", drop=False)
    ends = pd.DataFrame(
        {"patient_id": [p for pair in pairs for p in pair], "block": np.repeat(np.arange(len(pairs)), 2).astype(str)}
    )
    copies = by_id.loc[ends["patient_id"]].reset_index(drop=True)
    # one row an end of a pair: the block stands in the key columns, the id tells the ends apart
    copies["patient_id"] = ends["block"].to_numpy() + "/" + copies["patient_id"].astype(str)
    copies["first_key"] = ends["block"].to_numpy()
    linker = make_linker(copies, model, (("first_key",),), population=records)
    with quiet():
        found = _predict(linker, None)
    for name in ("patient_id", "other_patient_id"):
        found[name] = found[name].str.split("/", n=1).str[1]
    return found


def describe(pairs: pd.DataFrame, prior: float) -> list[list[dict[str, Any]]]:
    """Return of each pair [{field, level, weight}], names and never a value; the weights sum to that of the pair."""
    said: list[list[dict[str, Any]]] = [
        [{"field": "prior", "level": "two records at random", "weight": round(prior, 2)}] for _ in range(len(pairs))
    ]
    for field in FIELDS:
        # Splink numbers levels from the last upwards
        names = ["says nothing", *(level.name for level in reversed(field.levels))]
        levels = pairs[f"gamma_{field.name}"].to_numpy(dtype=int) + 1
        weights = pairs[f"mw_{field.name}"].to_numpy(dtype=float).round(2).tolist()
        for row, level, weight in zip(said, levels.tolist(), weights, strict=True):
            row.append({"field": field.name, "level": names[level], "weight": weight})
    return said
