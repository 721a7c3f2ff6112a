"""From claims to a promoted amount model on a real PostgreSQL: nothing lost, no claim its own price, no gate forced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from support.amounts_hospitals import DRGS, made_up
from support.tables import whole

from medcode_ml.billing.amounts.cases import TARGETS, cases_of
from medcode_ml.billing.amounts.claim_rows import known_cells
from medcode_ml.billing.amounts.evaluation import evaluate_from_store
from medcode_ml.billing.amounts.in_use import PREDICTED_COLUMNS, billed_amounts
from medcode_ml.billing.amounts.model import KIND, ClaimIntervalsError
from medcode_ml.billing.amounts.promotion import FEWEST, gates
from medcode_ml.billing.amounts.training import train
from medcode_ml.billing.amounts.training_run import hospitals_gate, train_from_store
from medcode_ml.billing.amounts.training_set import CONTRACT, REMITTANCE, run_training_set, training_set_of
from medcode_ml.billing.payers import load_payers
from medcode_ml.contracts import answers, billed, filtered, metadata, ml, raw
from medcode_ml.lifecycle import promote as promote_kind
from medcode_ml.lifecycle import retire_version, to_shadow
from medcode_ml.models.registry import promote, promoted, register, withdraw
from medcode_ml.models.warehouse.promotion import NotPromotedError, training_set_gates
from medcode_ml.models.warehouse.shadow import shadow_figures
from medcode_ml.models.warehouse.stages import CHAMPION, registered_versions, standing_of
from medcode_ml.models.warehouse.training_set import training_encounters
from medcode_ml.models.warehouse.versions import TrainingDataError, TrainingResult, parameters_of_version
from medcode_ml.settings import settings
from medcode_ml.shadow import run_shadow
from medcode_ml.store.accounting import accounts
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame, read_partition, replace_partition

pytestmark = pytest.mark.integration

DAY, LATER = date(2026, 10, 1), date(2026, 10, 2)
QUICK: Final = {"folds": 2, "steps": 6, "trees.rounds": 20, "network.epochs": 2}
ZIPS: Final = {"H1": ("MA", "02114"), "H2": ("TX", "77030"), "H3": ("OH", "43210")}
CLAIMS: Final = 900


def claims(seed: int = 3) -> pd.DataFrame:
    """Claims of three hospitals that go up with the DRG, by hospital, with much chance; some that teach nothing."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(CLAIMS):
        hospital = f"H{number % 3 + 1}"
        place = int(draw.integers(len(DRGS)))
        log = 10.6 + 0.15 * place + 0.3 * (number % 3) + draw.normal(0.0, 0.35)
        charge, expected = (
            Decimal(round(float(np.exp(v)), 2)).quantize(Decimal("0.01")) for v in (log, 0.5 * log + 4.3)
        )
        rows.append(
            {
                "encounter_id": f"E{number:04d}", "patient_id": f"P{number:04d}", "hospital_id": hospital,
                "source": "simulated", "setting": "outpatient" if number % 40 == 7 else "inpatient",
                "status": "held" if number % 25 == 3 else "ready", "frequency_code": "1", "claim_type": "837I",
                "discharge_date": DAY - timedelta(days=int(draw.integers(1, 60))),
                "drg": None if number % 50 == 9 else DRGS[place], "total_charge": charge,
                "expected_payment": None if number % 30 == 11 else expected, "held_because": [],
                "payer_id": "payer", "received_date": DAY if number % 2 else LATER,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, dtype=object)


@pytest.fixture(scope="module")
def billed_network(server_engine: sa.Engine) -> Iterator[sa.Engine]:
    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    made = claims()
    hospitals = pd.DataFrame(
        [
            {"received_date": day, "source": "simulated", "hospital_id": h, "name": f"Hospital {h}", "city": "Town",
             "state": state, "zip": f"{code}0000"}
            for h, (state, code) in ZIPS.items() for day in (DAY, LATER)
        ],
        dtype=object,
    )  # fmt: skip
    answered = made[made["expected_payment"].notna()].iloc[::3]
    paid = pd.DataFrame(
        {
            "received_date": LATER, "remittance_claim_id": [f"R{i}" for i in range(len(answered))],
            "encounter_id": answered["encounter_id"].to_numpy(), "outcome": "matched", "balanced": True,
            "status": "processed_as_primary", "paid": answered["expected_payment"].to_numpy(),
            "patient_responsibility": Decimal("7.00"), "payment_date": LATER,
        },
        dtype=object,
    )  # fmt: skip
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
        for table, frame in (
            (raw.delivered_tables["hospital"], hospitals), (filtered.encounter, made), (billed.claim, made),
            (answers.remittance_claim, paid),
        ):  # fmt: skip
            own = whole(table, frame)
            copy_in(connection, table, own[[c.name for c in table.columns if c.name in own.columns]])
    yield server_engine
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))


@pytest.fixture(scope="module")
def claimed(billed_network: sa.Engine) -> sa.Engine:
    run_training_set(billed_network, DAY, LATER)
    return billed_network


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Public cases of sixty hospitals, in the dollars of other years."""
    file = tmp_path_factory.mktemp("public") / "cases.jsonl"
    lines = made_up(60).to_dict("records")
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(claimed: sa.Engine, source: Path) -> Iterator[TrainingResult]:
    yield train_from_store(claimed, settings().home, sources=[source], parameters=QUICK)
    withdraw(KIND, settings().home)


@pytest.fixture(scope="module")
def in_use(claimed: sa.Engine, trained: TrainingResult) -> str:
    evaluate_from_store(claimed, settings().home, resamples=200)
    return promote_kind(KIND, claimed, settings().home, by="a test").version


def rows(engine: sa.Engine) -> pd.DataFrame:
    table = ml.amount_training_set
    return read_frame(engine, sa.select(table).order_by(table.c.encounter_id))


def test_every_claim_is_in_a_part_or_set_aside_with_a_reason(claimed: sa.Engine) -> None:
    (account,) = accounts(claimed, ml.amount_training_set.fullname, DAY, LATER)
    assert account.balances
    assert account.rows_in == CLAIMS
    found = rows(claimed)
    assert set(found["set_aside"].dropna()) == {"held", "outpatient", "no_drg", "no_payment"}
    assert found["set_aside"].isna().equals(found["split"].notna())
    assert all(gate.passed for gate in training_set_gates(claimed, ml.AMOUNT, FEWEST))


def test_what_an_insurer_allowed_counts_before_what_a_contract_expects(claimed: sa.Engine) -> None:
    found = rows(claimed).merge(claims()[["encounter_id", "expected_payment"]], on="encounter_id")
    answered = found[found["payment_source"] == REMITTANCE]
    assert len(answered) > 100
    assert (answered["payments"] - answered["expected_payment"] == Decimal("7.00")).all()
    waiting = found[found["payment_source"] == CONTRACT]
    assert (waiting["payments"] == waiting["expected_payment"]).all()
    with claimed.connect() as connection, connection.begin() as transaction:
        back = {"remittance_claim_id": "B", "received_date": LATER, "status": "reversal", "outcome": "matched",
                "balanced": True, "encounter_id": answered["encounter_id"].iloc[0], "payment_date": LATER,
                "paid": Decimal("-1")}  # fmt: skip
        own = whole(answers.remittance_claim, pd.DataFrame([back], dtype=object))
        copy_in(connection, answers.remittance_claim, own)
        day = answered["received_date"].iloc[0]
        again = training_set_of(connection, day).set_index("encounter_id")
        assert again.loc[answered["encounter_id"].iloc[0], "payment_source"] == CONTRACT, "taken back"
        transaction.rollback()


def test_a_second_run_and_a_day_alone_change_nothing(claimed: sa.Engine) -> None:
    before = rows(claimed)
    run_training_set(claimed, LATER, LATER)
    pd.testing.assert_frame_equal(before, rows(claimed))


def test_a_window_takes_claims_from_the_training_and_not_from_what_prices_are_made_of(claimed: sa.Engine) -> None:
    def cells() -> pd.DataFrame:
        with claimed.connect() as connection:
            return known_cells(connection)

    before, known = rows(claimed), cells()
    run_training_set(claimed, LATER, LATER, since=LATER, recent_from=LATER)
    found = rows(claimed)
    early = found["received_date"] < LATER
    assert set(found.loc[early & before["split"].notna(), "set_aside"]) == {"before_window"}
    assert set(found.loc[~early, "split"].dropna()) == set(FEWEST)
    (account,) = accounts(claimed, ml.amount_training_set.fullname, DAY, LATER)
    assert account.balances
    assert account.carried == (~early & before["split"].notna()).sum()
    pd.testing.assert_frame_equal(cells(), known)
    run_training_set(claimed, LATER, LATER)
    pd.testing.assert_frame_equal(rows(claimed), before)


def test_too_few_hospitals_are_told_before_and_instead_of_a_training(claimed: sa.Engine, source: Path) -> None:
    gate = hospitals_gate(claimed, [])
    assert not gate.passed
    assert "3 own hospitals, 0 of the sources: amounts of 3 hospitals are known; at least 20" in gate.said
    assert hospitals_gate(claimed, [source]).passed
    with pytest.raises(TrainingDataError, match="MEDCODE_AMOUNT_SOURCES"):
        train_from_store(claimed, settings().home, sources=[], parameters=QUICK)


def test_the_model_is_registered_with_its_claims_and_sources(claimed: sa.Engine, trained: TrainingResult) -> None:
    (row,) = read_frame(claimed, sa.select(ml.amount_model)).to_dict("records")
    parts = training_encounters(claimed, ml.AMOUNT)["split"].value_counts()
    assert (row["version"], row["hospitals"]) == (trained.version, 63)
    assert row["sources"] == ["JSON Lines: cases.jsonl"], "no path of the machine"
    assert [row[f"{part}_encounters"] for part in FEWEST] == [parts[part] for part in FEWEST]
    held = read_frame(claimed, sa.select(ml.amount_model_encounter))
    assert len(held) == parts.sum()
    assert "Intervals of single claims were set on" in trained.card


def test_it_passes_its_gates_beats_the_mean_and_is_promoted(claimed: sa.Engine, in_use: str) -> None:
    found = {gate.name: gate for gate in gates(claimed, in_use)}
    assert set(found) == {
        "enough_labels", "patients_do_not_overlap", "intervals_hold", "candidate_beats_drg_mean",
        "candidate_beats_champion",
    }  # fmt: skip
    assert all(gate.passed for gate in found.values()), found
    folder = promoted(KIND, settings().home)
    assert folder is not None
    assert folder.name == in_use
    now = standing_of(claimed, in_use)
    assert (now.stage, now.by) == (CHAMPION, "a test")


def test_worse_figures_are_not_promoted_however_it_is_asked(claimed: sa.Engine, in_use: str) -> None:
    table = ml.amount_evaluation
    for figure, change in (
        ("charges_coverage", {"value": 0.5, "low": 0.4, "high": 0.6}),
        ("charges_mape", {"high": 0.1}),
    ):
        before = read_frame(claimed, sa.select(table))
        with claimed.begin() as connection:
            connection.execute(sa.update(table).where(table.c.figure == figure).values(**change))
        try:
            with pytest.raises(NotPromotedError):
                promote_kind(KIND, claimed, settings().home, by="a test")
        finally:
            with claimed.begin() as connection:
                connection.execute(sa.delete(table))
                copy_in(connection, table, before)


def test_a_claim_out_of_all_proportion_is_an_edit_and_one_that_is_held_is_predicted(
    claimed: sa.Engine, in_use: str
) -> None:
    held = read_partition(claimed, billed.claim, DAY).drop(columns="received_date")
    inpatient = set(claims().query("setting == 'inpatient'")["encounter_id"])
    ready = (held["status"] == "ready") & held["drg"].notna() & held["encounter_id"].isin(inpatient)
    wild = held.index[ready][:5]
    wrong = held.copy()
    wrong.loc[wild, "total_charge"] = [amount * 30 for amount in held.loc[wild, "total_charge"]]
    with claimed.connect() as connection:
        said, changed = (billed_amounts(connection, frame, DAY) for frame in (held, wrong))
    assert list(said.predicted.columns) == list(PREDICTED_COLUMNS)
    pd.testing.assert_frame_equal(said.predicted, changed.predicted)
    wanted = held[(held["status"] == "held") | held["expected_payment"].isna()]
    wanted = wanted[wanted["drg"].notna() & wanted["encounter_id"].isin(inpatient)]
    assert sorted(said.predicted["encounter_id"]) == sorted(wanted["encounter_id"])
    assert set(said.predicted["predicted_because"]) == {"held", "no_contract"}
    for target in TARGETS:
        ordered = zip(*(said.predicted[f"{target}{end}"] for end in ("_low", "", "_high")), strict=True)
        assert all(low <= middle <= high for low, middle, high in ordered)
    assert set(held.loc[wild, "encounter_id"]) <= set(changed.edits)
    ordinary = len([e for e in said.edits.values() if any(one.edit == "charge_outside_interval" for one in e)])
    assert ordinary < 0.2 * held["drg"].notna().sum(), "one of ten lies outside a 90% interval"
    assert {one.level for own in changed.edits.values() for one in own} == {"warning"}
    with claimed.begin() as connection:
        replace_partition(connection, billed.predicted_amount, DAY, said.predicted)
        assert len(read_partition(connection, billed.predicted_amount, DAY)) == len(said.predicted)
        connection.rollback()


def test_a_version_takes_the_parameters_of_the_one_in_use_is_tuned_and_runs_beside_it(
    claimed: sa.Engine, in_use: str, source: Path
) -> None:
    home = settings().home
    version = train_from_store(
        claimed, home, sources=[source], parameters={"seed": 7}, parameters_of=in_use, trials=1
    ).version
    row = registered_versions(claimed, KIND)[version]
    assert (row["tuned_from"], row["champion"]) == (in_use, in_use)
    assert row["tuning"]["complete"] == 1
    own = parameters_of_version(claimed, ml.AMOUNT, version)
    assert {name: own[name] for name in row["tuning"]["parameters"]} == row["tuning"]["parameters"]
    with claimed.connect() as connection:
        studies = connection.execute(sa.text("SELECT count(*) FROM optuna.studies")).scalar_one()
    assert studies >= 1, "the study stands in the database"
    to_shadow(claimed, home, version, by="a test", note="to be seen")
    run_shadow(claimed, home, DAY, DAY, load_payers(None), resamples=50)
    seen = shadow_figures(claimed, version, in_use).set_index("figure")
    assert seen.loc["charges_apart", "value"] > 0
    assert seen.loc["charges_apart", "low"] <= seen.loc["charges_apart", "value"] <= seen.loc["charges_apart", "high"]
    assert seen.loc["payments_apart", "encounters"] > 10
    retire_version(claimed, home, version, by="a test", note="seen")


def test_without_a_model_in_use_nothing_is_said_and_one_of_means_is_refused(
    claimed: sa.Engine, in_use: str, tmp_path: Path
) -> None:
    held = read_partition(claimed, billed.claim, DAY).drop(columns="received_date")
    with claimed.begin() as connection:
        connection.execute(sa.delete(ml.model_stage))  # as where the database never named a champion
    with claimed.connect() as connection:
        said = billed_amounts(connection, held, DAY, home=tmp_path)
        assert said.predicted.empty
        assert said.edits == {}
        folder = train(cases_of(made_up(30)), tmp_path / "means", QUICK).path
        promote(KIND, register(folder, KIND, tmp_path).name, tmp_path)
        with pytest.raises(ClaimIntervalsError, match="no intervals of single claims"):
            billed_amounts(connection, held, DAY, home=tmp_path)
