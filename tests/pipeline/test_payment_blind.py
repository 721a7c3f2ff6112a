"""Rule 43: what a DRG weighs or a payer pays never changes the principal or the order of the transmitted codes."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcode_ml import ranking
from medcode_ml.billing.claims import ClaimFrames
from medcode_ml.billing.payers import PayerBook, load_payers
from medcode_ml.billing.records import bill_records
from medcode_ml.codes import drg_weights
from medcode_ml.codes.release import release_on
from medcode_ml.ranking.columns import lists_of
from medcode_ml.ranking.model import RankingModel
from medcode_ml.ranking.network.fit import fit_network
from medcode_ml.ranking.network.parameters import NetworkParameters
from medcode_ml.ranking.reading import read_batch
from medcode_ml.ranking.records import frames_of, rank_records
from medcode_ml.ranking.scorers import NetworkScorer

DISCHARGED = date(2026, 3, 10)
STAYS: list[dict[str, Any]] = [
    {"encounter_id": "E1", "codes": ["A41.9", "J18.9", "N17.9", "I10", "E11.9", "Z79.4"]},
    {"encounter_id": "E2", "codes": ["I11.0", "I50.23", "J96.01", "N18.31", "D62", "K92.2"]},
    {"encounter_id": "E3", "codes": ["S72.001A", "D62", "I48.91", "E87.1", "W19.XXXA", "G93.41"]},
    {"encounter_id": "E4", "codes": ["K85.90", "K80.20", "F10.20", "E43", "J90", "K70.30"]},
]


def _record(stay: dict[str, Any]) -> dict[str, Any]:
    return {
        **stay, "patient_id": stay["encounter_id"], "sex": "F", "age": 70, "birth_date": "1956-01-31",
        "setting": "inpatient", "admission_date": "2026-03-01", "admission_hour": "14",
        "discharge_date": DISCHARGED.isoformat(), "discharge_hour": "11", "admission_type": "1",
        "admission_source": "1", "discharge_status": "01", "payer": {"payer_id": "P1", "kind": "medicare"},
    }  # fmt: skip


def _transmitted(frames: ClaimFrames) -> dict[str, list[str]]:
    codes = frames.codes.sort_values(["encounter_id", "rank"], kind="stable")
    return {encounter: own["code"].tolist() for encounter, own in codes.groupby("encounter_id")}


@pytest.fixture(scope="module", params=["guidelines", "model"])
def model(request: pytest.FixtureRequest) -> RankingModel | None:
    """The guidelines, and a network that learned to put the codes in another order."""
    if request.param == "guidelines":
        return None
    stays = [{**_record(stay), "encounter_id": f"{stay['encounter_id']}-{n}"} for stay in STAYS for n in range(12)]
    lists = lists_of(read_batch(frames_of(stays, [stay["codes"][::-1] for stay in stays])))
    scorer = NetworkScorer(fit_network(lists, NetworkParameters(ridge=0.1)))
    return RankingModel("ranking-20260310-00000000", lists.names, scorer, "network", None, None)


def _run(
    book: PayerBook, model: RankingModel | None
) -> tuple[list[list[str]], list[str], dict[str, list[str]], list[Any]]:
    ranked = rank_records([_record(stay) for stay in STAYS], model)
    billed = bill_records(ranked, DISCHARGED, book)
    assert not billed.rejected
    orders = [[code["code"] for code in line["codes"]] for line in ranked]
    principals = [next(code["code"] for code in line["codes"] if code["principal"]) for line in ranked]
    paid = [answer["expected_payment"] for answer in billed.answers]
    return orders, principals, _transmitted(billed.frames), paid


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), factor=st.decimals("0.10", "5", places=2))
def test_permuted_weights_and_rates_leave_principal_and_order_alone(
    model: RankingModel | None, seed: int, factor: Decimal, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = load_payers()
    orders, principals, sent, paid = _run(book, model)
    year = release_on(DISCHARGED).fiscal_year
    table = drg_weights._rows(year)
    drawn = np.random.default_rng(seed).permutation(len(table))
    weights = [row.weight for row in table.values()]
    permuted = {
        drg: replace(row, weight=weights[place]) for (drg, row), place in zip(table.items(), drawn, strict=True)
    }
    with monkeypatch.context() as patched:
        patched.setattr(drg_weights, "_rows", lambda fiscal_year: permuted)
        other = _run(_scaled(book, factor), model)
    assert other[:3] == (orders, principals, sent)
    assert factor == 1 or other[3] != paid, "the payments did not move: the test holds nothing"


def test_ranking_reads_no_weight_and_no_grouper() -> None:
    """What orders imports neither: figures group what came out, and readers of labels carry what was recorded."""
    package = Path(ranking.__file__).parent
    looked = [path for path in package.rglob("*.py") if not {"figures", "labelled"} & set(path.parts)]
    for path in looked:
        imported = {
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (node.module or "" if isinstance(node, ast.ImportFrom) else "", *(a.name for a in node.names))
        }
        assert not {name for name in imported if "drg" in name or "billing" in name}, path
    assert len(looked) > 20


def _scaled(book: PayerBook, factor: Decimal) -> PayerBook:
    """The payers with every rate of every contract multiplied."""

    def scale(value: Any, name: str = "") -> Any:
        if isinstance(value, Decimal):
            return value * factor if "rate" in name else value
        if isinstance(value, dict):
            return {key: scale(held, name) for key, held in value.items()}
        if isinstance(value, tuple):
            return tuple(scale(held, name) for held in value)
        fields = getattr(value, "__dataclass_fields__", None)
        return replace(value, **{field: scale(getattr(value, field), field) for field in fields}) if fields else value

    return replace(book, contracts={name: scale(contract) for name, contract in book.contracts.items()})
