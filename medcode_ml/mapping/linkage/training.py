"""The weights of the model, estimated from the records themselves, without labels.

u comes from a random sample of pairs, m from expectation maximisation within blocks (Fellegi and Sunter 1969; Winkler
1988), both by Splink. Each estimate is then drawn towards the shipped figure by as much as its data are few, so that a
hospital of three hundred patients gets the shipped model and a network of a million its own, and nothing in between
jumps. A random sample of a small register holds pairs of one person as well; their share is taken out of u.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from medcode_ml.contracts.ids import record_hash
from medcode_ml.mapping.linkage.model import BLOCKING, CERTAIN, CERTAIN_RECALL, FIELDS, OTHERWISE, TRAINING

SEED = 20_261_001
_SAMPLED_PAIRS = 300_000
_TRAINED_FROM = 50  # pairs of one person; below, EM finds noise
_WEIGHT_OF_SHIPPED_M = 200  # pairs of one person that the shipped m count for
_WEIGHT_OF_SHIPPED_U = 20_000  # pairs of two persons that the shipped u count for
_WEIGHT_OF_USUAL_NAME = 500  # records that a name of usual frequency counts for
_LEAST = 1e-6
#: columns that Splink is given; lists are compared but never blocked on
COMPARED = (
    "patient_id", "hospital", "mrn", "first_name", "last_name", "first_known", "last_parts", "birth_date", "sex", "ssn",
    "address", "zip5", "house", "street", "first_key", "last_key", "name_key", "birth_year", "birth_month_day",
    "address_key", "first_letter", "last_letter",
)  # fmt: skip
_LISTS = ("first_known", "last_parts")


@dataclass(frozen=True)
class Model:
    """Parameters to weigh pairs with: `probability` that two random records are one person, and (m, u) by level."""

    probability: float
    levels: dict[str, tuple[tuple[float, float], ...]]
    trained: bool

    @property
    def version(self) -> str:
        """Hash of the parameters."""
        return record_hash("linkage", json.dumps([self.probability, self.levels], sort_keys=True))


def shipped(probability: float) -> Model:
    """Return the model before any record has been seen."""
    return Model(probability, {f.name: tuple((v.m, v.u) for v in f.levels) for f in FIELDS}, trained=False)


def train(records: pd.DataFrame) -> Model:
    """Estimate the model from comparable records (see `normalise.comparable`); with few records the shipped one."""
    total = len(records) * (len(records) - 1) / 2
    if total == 0:
        return shipped(0.5)
    certain = _pairs_that_agree_in_any(records, CERTAIN)
    same = certain / CERTAIN_RECALL + 1
    probability = _rounded(min(same / total, 0.5))
    start = shipped(probability)
    with quiet():
        linker = make_linker(records, start, BLOCKING)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=_SAMPLED_PAIRS, seed=SEED, num_chunks=1 if total <= _SAMPLED_PAIRS else 10
        )
        trained = certain >= _TRAINED_FROM
        if trained:
            for columns in TRAINING:
                if _pairs_that_agree(records, columns) >= _TRAINED_FROM:
                    linker.training.estimate_parameters_using_expectation_maximisation(
                        " AND ".join(f"l.{c} = r.{c}" for c in columns), fix_probability_two_random_records_match=False
                    )
        found = linker.misc.save_model_to_json()
    sampled = min(total, _SAMPLED_PAIRS)
    levels = {
        field.name: _blended(
            start.levels[field.name],
            [v for v in comparison["comparison_levels"] if not v.get("is_null_level")],
            probability,
            same if trained else 0.0,
            0.0 if field.given_once else sampled,
        )
        for field, comparison in zip(FIELDS, found["comparisons"], strict=True)
    }
    return Model(probability, levels, trained)


def _blended(
    known: Sequence[tuple[float, float]],
    found: Sequence[dict[str, Any]],
    probability: float,
    same: float,
    sampled: float,
) -> tuple[tuple[float, float], ...]:
    """Draw the estimates of one field towards the shipped figures; m and u of its levels sum to 1 again."""
    m_all, u_all = [], []
    for (m, u), level in zip(known, found, strict=True):
        m_found = _number(level.get("m_probability"), m)
        share = _number(level.get("u_probability"), 0.0)
        # a random pair is one person with `probability`: share = probability * m + (1 - probability) * u
        u_found = max(share - probability * m_found, 0.0) / (1 - probability)
        m_all.append((_WEIGHT_OF_SHIPPED_M * m + same * m_found) / (_WEIGHT_OF_SHIPPED_M + same))
        u_all.append((_WEIGHT_OF_SHIPPED_U * u + sampled * u_found) / (_WEIGHT_OF_SHIPPED_U + sampled))
    return tuple(
        (_rounded(max(m / sum(m_all), _LEAST)), _rounded(max(u / sum(u_all), _LEAST)))
        for m, u in zip(m_all, u_all, strict=True)
    )


def _number(value: Any, otherwise: float) -> float:
    """Return a parameter as Splink writes it; a level that was never met is given in words."""
    return float(value) if isinstance(value, int | float) else otherwise


def _rounded(value: float) -> float:
    """Four significant digits: sums over threads differ in the last bits, the model must not."""
    return float(f"{value:.4g}")


def _pairs_that_agree(records: pd.DataFrame, columns: Sequence[str]) -> int:
    sizes = records.groupby(list(columns), sort=False).size()
    return int((sizes * (sizes - 1) // 2).sum())


def _pairs_that_agree_in_any(records: pd.DataFrame, rules: Sequence[Sequence[str]]) -> int:
    first, second = rules
    both = list(dict.fromkeys([*first, *second]))
    return sum(_pairs_that_agree(records, r) for r in rules) - _pairs_that_agree(records, both)


@cache
def _duckdb() -> Any:
    """DuckDB; at the end of the process it is collected as any other module.

    What the coder's dictionary freezes (`gc.freeze`) no last collection reaches, and DuckDB would tell the terminal
    of everything of its own that is left.
    """
    import duckdb

    atexit.register(gc.unfreeze)
    return duckdb


def make_linker(
    records: pd.DataFrame,
    model: Model,
    blocking: Sequence[Sequence[str]],
    population: pd.DataFrame | None = None,
) -> Any:
    """Return a Splink linker in DuckDB over comparable records, with the parameters of `model`.

    `population`: the records that tell how common names are, where `records` are only some of them.
    """
    import pyarrow as pa
    from splink import Linker, SettingsCreator
    from splink.backends.duckdb import DuckDBAPI
    from splink.blocking_rule_library import CustomRule

    types = {c: pa.list_(pa.string()) if c in _LISTS else pa.string() for c in COMPARED}
    columns = [pa.array(list(records[c]), type=types[c]) for c in COMPARED]
    database = DuckDBAPI(connection=_duckdb().connect(":memory:"))
    table = database.register(pa.table(dict(zip(COMPARED, columns, strict=True))))
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="patient_id",
        comparisons=[_comparison(f, model.levels[f.name]) for f in FIELDS],
        blocking_rules_to_generate_predictions=[
            CustomRule(" AND ".join(f"l.{c} = r.{c}" for c in rule)) for rule in blocking
        ],
        probability_two_random_records_match=model.probability,
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=True,
    )
    lookups = []
    for column, shares in _frequencies(records if population is None else population, model).items():
        made = pa.table({column: pa.array(list(shares.index), pa.string()), f"tf_{column}": pa.array(list(shares))})
        lookups.append((column, database.register(made)))
    linker = Linker(table, settings, log_level=logging.ERROR, validate_settings=False)
    for column, lookup in lookups:
        linker.table_management.register_term_frequency_lookup(lookup, column)
    return linker


def _frequencies(records: pd.DataFrame, model: Model) -> dict[str, pd.Series]:
    """How common the values of a field are, drawn towards its u: two records of a small register are no statistics."""
    found = {}
    for field in FIELDS:
        if field.frequency:
            counts = records[field.frequency].value_counts()
            usual = _WEIGHT_OF_USUAL_NAME * model.levels[field.name][0][1]
            found[field.frequency] = (counts + usual) / (counts.sum() + _WEIGHT_OF_USUAL_NAME)
    return found


def _comparison(field: Any, parameters: Sequence[tuple[float, float]]) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": field.null, "label_for_charts": "says nothing", "is_null_level": True}
    ]
    for level, (m, u) in zip(field.levels, parameters, strict=True):
        levels.append(
            {"sql_condition": level.sql, "label_for_charts": level.name, "m_probability": m, "u_probability": u}
        )
    if field.frequency:
        levels[1] |= {"tf_adjustment_column": field.frequency, "tf_minimum_u_value": 1e-4, "tf_adjustment_weight": 1.0}
    assert levels[-1]["sql_condition"] == OTHERWISE
    return {"output_column_name": field.name, "comparison_levels": levels}


@contextmanager
def quiet() -> Iterator[None]:
    """Splink tells of every level that was not met; the figures of the result say what matters."""
    log = logging.getLogger("splink")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
