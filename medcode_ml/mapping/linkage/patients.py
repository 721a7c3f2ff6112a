"""Patient records linked to persons: pairs weighed, the sure ones linked, conflicts kept apart, the rest asked about.

Pure: frames in, frames out. Rule 39: two thresholds, and the middle is never merged alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from medcode_ml.contracts.ids import record_hash
from medcode_ml.mapping.linkage.clusters import MOST_RECORDS, Pair, Persons, ordered, unweighed
from medcode_ml.mapping.linkage.conflicts import apart, held_because
from medcode_ml.mapping.linkage.model import LOWER, UPPER
from medcode_ml.mapping.linkage.normalise import comparable
from medcode_ml.mapping.linkage.scoring import describe, score, score_pairs
from medcode_ml.mapping.linkage.training import Model, train

PERSON_COLUMNS = ("patient_id", "person_id", "record_count")
PAIR_COLUMNS = (
    "patient_id", "other_patient_id", "probability", "weight", "band", "reason", "fields", "decision", "model_version",
)  # fmt: skip
_TOO_MANY = f"more than {MOST_RECORDS} records would become one person"
_CHAIN = "the link would bring two records together that must be kept apart"
_PAIR = ["patient_id", "other_patient_id"]


@dataclass(frozen=True)
class LinkResult:
    """`person`: a row a record; `pairs`: linked alone, waiting or decided; `figures`: what people look at."""

    person: pd.DataFrame
    pairs: pd.DataFrame
    figures: dict[str, float | int | str] = field(default_factory=dict)


def current_decisions(decisions: pd.DataFrame) -> dict[Pair, str]:
    """Return what counts of the decisions: the newest on each pair, `same` or `different`; newest pair first."""
    if decisions.empty:
        return {}
    newest = decisions.sort_values(["decided_at", "decision_id"], kind="stable").drop_duplicates(_PAIR, keep="last")
    rows = newest[[*_PAIR, "outcome"]].iloc[::-1].itertuples(index=False, name=None)
    return {ordered(a, b): outcome for a, b, outcome in rows if outcome in ("same", "different")}


def link_patients(
    patients: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    upper: float = UPPER,
    lower: float = LOWER,
    model: Model | None = None,
) -> LinkResult:
    """Link patient records.

    `patients`: one row a patient_id with the columns of `mapped.patient` (`normalise.PATIENT_COLUMNS`); `decisions`:
    rows of `review.link_decision`, those on records that are not among `patients` are passed over. A pair at or over
    the probability `upper` is linked alone unless a rule of `conflicts` or a decision stands against it; one at or over
    `lower` waits for review. `model`: parameters to use in place of those estimated from the records.
    """
    known = set(patients["patient_id"])
    decided = {p: o for p, o in current_decisions(decisions).items() if p[0] in known and p[1] in known}
    if len(patients) < 2:
        return LinkResult(_persons(patients, Persons(())), pd.DataFrame(columns=list(PAIR_COLUMNS), dtype=object))
    records = comparable(patients)
    fitted = model or train(records)
    pairs = score(records, fitted, min(lower, upper), list(decided))
    suffixes = records.set_index("patient_id")["suffix"]
    keys = list(pairs[_PAIR].itertuples(index=False, name=None))
    reasons = held_because(pairs, suffixes)
    sure = (pairs["probability"].to_numpy() >= upper) & pd.isna(reasons)
    by_weight = np.argsort(-pairs["weight"].to_numpy(), kind="stable")
    links = [keys[n] for n in by_weight if sure[n] and decided.get(keys[n]) != "different"]
    forbidden = {p for p, o in decided.items() if o == "different"}
    forbidden |= {p for p, parted in zip(keys, apart(pairs, reasons), strict=True) if parted}
    through_others = unweighed(links, set(keys))
    if through_others:
        checked = score_pairs(records, fitted, through_others)
        parted = apart(checked, held_because(checked, suffixes))
        forbidden |= set(checked.loc[parted, _PAIR].itertuples(index=False, name=None))
    persons, refused, contradicted = _joined(links, decided, forbidden)
    reasons = np.array([refused.get(key, reason) for key, reason in zip(keys, reasons, strict=True)], dtype=object)
    auto = sure & pd.isna(reasons)
    probability = pairs["probability"].to_numpy()
    prior = float(np.log2(fitted.probability / (1 - fitted.probability)))
    version = record_hash(fitted.version, str(upper), str(lower))
    frame = pd.DataFrame(
        {
            "patient_id": pairs["patient_id"],
            "other_patient_id": pairs["other_patient_id"],
            "probability": probability,
            "weight": pairs["weight"].round(3),
            "band": np.where(auto, "auto", np.where(probability >= lower, "review", "low")),
            "reason": pd.Series(reasons, dtype=object, index=pairs.index),
            "fields": pd.Series(describe(pairs, prior), dtype=object, index=pairs.index),
            "decision": pd.Series([decided.get(key) for key in keys], dtype=object, index=pairs.index),
            "model_version": version,
        }
    )
    person = _persons(patients, persons)
    held = int(((probability >= upper) & pd.notna(reasons)).sum())
    figures = _figures(person, frame, held, contradicted, fitted)
    return LinkResult(person, frame[list(PAIR_COLUMNS)], figures)


def _joined(links: list[Pair], decided: dict[Pair, str], forbidden: set[Pair]) -> tuple[Persons, dict[Pair, str], int]:
    """Join what people said, newest first, and what is sure, heaviest first; also the links refused and why.

    Our rules bind our own links only: where a person made two records one, what is linked to either comes along. Only
    another person's `different` stands against that.
    """
    alone, refused = Persons(forbidden), dict[Pair, str]()
    for a, b in links:
        if not alone.join(a, b, most=MOST_RECORDS):
            many = len(alone.records(a)) + len(alone.records(b)) > MOST_RECORDS
            refused[a, b] = _TOO_MANY if many else _CHAIN
    persons = Persons(p for p, o in decided.items() if o == "different")
    contradicted = sum(not persons.join(*p) for p, o in decided.items() if o == "same")
    for a, b in links:
        if (a, b) not in refused and not persons.join(a, b):
            refused[a, b] = _CHAIN
    return persons, refused, contradicted


def _persons(patients: pd.DataFrame, persons: Persons) -> pd.DataFrame:
    ids = list(patients["patient_id"])
    smallest = {r: min(records) for records in persons.groups() for r in records}
    counts = {r: len(records) for records in persons.groups() for r in records}
    return pd.DataFrame(
        {
            "patient_id": ids,
            "person_id": [smallest.get(i, i) for i in ids],
            "record_count": [counts.get(i, 1) for i in ids],
        },
        columns=list(PERSON_COLUMNS),
    ).astype({"patient_id": object, "person_id": object})


def _figures(
    person: pd.DataFrame, pairs: pd.DataFrame, held: int, contradicted: int, model: Model
) -> dict[str, float | int | str]:
    of = dict(zip(person["patient_id"], person["person_id"], strict=True))
    open_pairs = pairs[(pairs["band"] == "review") & pairs["decision"].isna()]
    waiting = sum(of[a] != of[b] for a, b in open_pairs[_PAIR].itertuples(index=False, name=None))
    return {
        "records": len(person),
        "persons": int(person["person_id"].nunique()),
        "pairs linked alone": int((pairs["band"] == "auto").sum()),
        "pairs waiting for review": int(waiting),
        "pairs held back by a rule": held,
        "pairs decided": int(pairs["decision"].notna().sum()),
        "decisions that contradict newer ones": contradicted,
        "parameters": "estimated from the records" if model.trained else "shipped (too few records registered twice)",
    }
