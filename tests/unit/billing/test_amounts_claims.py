"""Claims as the amount model learns from them, and the mean of the DRG it is measured against."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medcode_ml.billing.amounts.cases import COLUMNS, KNOWN
from medcode_ml.billing.amounts.claim_rows import as_cases
from medcode_ml.billing.amounts.evaluation import DRG_MEAN, MODEL, Price, drg_mean, evaluate
from medcode_ml.billing.amounts.training_set import learned_claims
from medcode_ml.billing.amounts.weights import grouped
from medcode_ml.models.warehouse.evaluation import CHAMPION, difference
from medcode_ml.settings import Settings

CLAIM: dict[str, Any] = {
    "encounter_id": "E1", "patient_id": "P1", "source": "own", "hospital_id": "H1", "setting": "inpatient",
    "discharge_date": date(2026, 9, 1), "drg": "470", "status": "ready", "frequency_code": "1",
    "charges": Decimal("50000.00"), "allowed": Decimal("14000.00"), "expected": Decimal("13500.00"),
}  # fmt: skip


def learned(**change: Any) -> dict[str, Any]:
    (row,) = learned_claims(pd.DataFrame([CLAIM | change], dtype=object)).to_dict("records")
    return row


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"status": "held"}, "held"),
        ({"frequency_code": "8"}, "void"),
        ({"setting": "outpatient"}, "outpatient"),
        ({"setting": None}, "outpatient"),
        ({"drg": None}, "no_drg"),
        ({"discharge_date": None}, "no_discharge_date"),
        ({"charges": Decimal("0.00")}, "no_charge"),
        ({"charges": Decimal("-3.00")}, "no_charge"),
        ({"allowed": None}, None),
        ({"allowed": Decimal("0.00"), "expected": None}, "no_payment"),
        ({"status": "held", "drg": None}, "held"),
    ],
)
def test_a_claim_teaches_or_says_why_not(change: dict[str, Any], reason: str | None) -> None:
    assert learned(**change)["set_aside"] == reason


def test_what_was_allowed_counts_before_what_is_expected() -> None:
    assert (learned()["payments"], learned()["payment_source"]) == (Decimal("14000.00"), "remittance")
    waiting = learned(allowed=None)
    assert (waiting["payments"], waiting["payment_source"]) == (Decimal("13500.00"), "contract")
    denied = learned(allowed=Decimal("0.00"))
    assert denied["payment_source"] == "contract", "a denial says nothing of the price"
    nothing = learned(allowed=None, expected=None)
    assert (nothing["payments"], nothing["payment_source"]) == (None, None)


def test_no_claims_are_no_rows() -> None:
    assert learned_claims(pd.DataFrame(columns=list(CLAIM), dtype=object)).empty


def test_a_hospital_of_the_network_is_never_one_of_a_file() -> None:
    claim = pd.DataFrame([{"source": "own", "hospital_id": "050001", "drg": "470", "state": "CA"}], dtype=object)
    (case,) = as_cases(claim).to_dict("records")
    assert case["provider_id"] == "own/050001"
    assert list(case) == list(COLUMNS)
    assert case["aveCharges"] is None


# --- the baseline and the figures -------------------------------------------------------------------------------------


def cell(hospital: str, drg: str, charge: float | None, discharges: int = 1) -> dict[str, Any]:
    amounts = {KNOWN["charges"]: charge, KNOWN["payments"]: None if charge is None else charge / 4}
    return {"provider_id": hospital, "drg": drg, "total_discharges": discharges, **amounts}


def test_the_mean_of_the_drg_is_the_hospitals_own_or_its_price_of_a_weight() -> None:
    weights = [facts.weight for drg in ("470", "291") if (facts := grouped(drg)) is not None]
    known = pd.DataFrame([cell("A", "470", 30000.0, 3), cell("B", "291", 8000.0)], dtype=object)
    asked = pd.DataFrame([cell("A", "470", None), cell("A", "291", None), cell("C", "470", None)], dtype=object)
    found = drg_mean(asked, known)
    usual = (3 * 30000.0 + 8000.0) / (3 * weights[0] + weights[1])
    assert list(found["charges"]) == pytest.approx([30000.0, 30000.0 / weights[0] * weights[1], usual * weights[0]])
    assert list(found["payments"]) == pytest.approx([amount / 4 for amount in found["charges"]])


def test_figures_are_worked_by_hand_and_the_lead_is_that_of_the_errors() -> None:
    test = pd.DataFrame(
        {
            "encounter_id": ["E1", "E2"], "person_id": ["P1", "P2"], "source": "own", "hospital_id": "H1", "drg": "470",
            "charges": [Decimal(100), Decimal(200)], "payments": [Decimal(50), Decimal(50)],
        },
        dtype=object,
    )  # fmt: skip

    def priced(charges: list[float], ends: bool) -> pd.DataFrame:
        frame = pd.DataFrame({"charges": charges, "payments": [50.0, 50.0]})
        return (
            frame.assign(charges_low=[90.0, 210.0], charges_high=[130.0, 260.0], payments_low=40.0, payments_high=60.0)
            if ends
            else frame
        )

    result = evaluate(
        "v", {MODEL: lambda c, k: priced([110.0, 220.0], True), DRG_MEAN: lambda c, k: priced([150.0, 200.0], False)},
        test, pd.DataFrame(), resamples=50,
    )  # fmt: skip
    value = result.figures.set_index(["part", "pricer", "figure"])["value"].to_dict()
    assert value["encounter", MODEL, "charges_mape"] == pytest.approx(0.1)
    assert value["encounter", DRG_MEAN, "charges_mape"] == pytest.approx(0.25)
    assert value["encounter", difference(DRG_MEAN), "charges_mape"] == pytest.approx(-0.15)
    assert value["encounter", MODEL, "charges_coverage"] == pytest.approx(0.5)
    assert value["encounter", MODEL, "payments_coverage"] == 1.0
    assert ("encounter", DRG_MEAN, "charges_coverage") not in value
    assert set(result.figures["part"]) == {"encounter"}, "two claims of a hospital tell nothing"


def test_the_champion_is_measured_on_claims_that_are_news_to_it() -> None:
    test = pd.DataFrame(
        {
            "encounter_id": ["E1", "E2"], "person_id": ["P1", "P2"], "source": "own", "hospital_id": "H1", "drg": "470",
            "charges": [Decimal(100), Decimal(200)], "payments": [Decimal(50), Decimal(50)],
        },
        dtype=object,
    )  # fmt: skip

    def says(*charges: float) -> Price:
        return lambda c, k: pd.DataFrame({"charges": charges, "payments": [50.0, 50.0]})

    by = {MODEL: says(110.0, 220.0), CHAMPION: says(100.0, 300.0)}
    figures = evaluate("v", by, test, pd.DataFrame(), new_to_champion={"E2"}, resamples=10).figures
    error = figures[figures["figure"] == "charges_mape"].set_index("pricer")
    assert error["value"].to_dict() == pytest.approx({MODEL: 0.1, CHAMPION: 0.5, difference(CHAMPION): -0.4})
    assert error["encounters"].to_dict() == {MODEL: 2, CHAMPION: 1, difference(CHAMPION): 1}
    nothing = evaluate("v", by, test, pd.DataFrame(), new_to_champion=set(), resamples=10).figures
    assert CHAMPION not in set(nothing["pricer"])
    rows = nothing[nothing["pricer"] == difference(CHAMPION)]
    assert rows[["figure", "value", "encounters"]].to_numpy().tolist() == [
        ["charges_mape", None, 0], ["payments_mape", None, 0],
    ]  # fmt: skip


def test_sources_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().amount_source_paths == ()
    monkeypatch.setenv("MEDCODE_AMOUNT_SOURCES", f"/data/one{os.pathsep}/data/two.jsonl{os.pathsep}")
    assert Settings().amount_source_paths == (Path("/data/one"), Path("/data/two.jsonl"))
