"""Ranking and amounts on a real PostgreSQL: their drift, references and late truths go through the code of coding."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from support.amounts_hospitals import DRGS, made_up
from support.rows import filled

from medcode_ml.billing.amounts.in_use import billed_amounts
from medcode_ml.billing.amounts.training_run import train_from_store
from medcode_ml.billing.amounts.training_set import run_training_set
from medcode_ml.contracts import answers, billed, drift, filtered, mapped, metadata, ml, ranked, raw
from medcode_ml.drift.reading import own_test
from medcode_ml.drift.stage import days_told_since, run_drift
from medcode_ml.models.registry import promote, withdraw
from medcode_ml.settings import settings
from medcode_ml.store.drift_alarms import changed_since, standing_alarms
from medcode_ml.store.frames import read_frame, read_partition, replace_partition

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIRST = date(2026, 10, 1)
LEARNED, DAYS, A_DAY = 8, 14, 50
#: number of the day on which charges rise, contracts pay less and coders put another code first
CHANGED = 12
PLACES = {"H1": ("MA", "02114"), "H2": ("TX", "77030"), "H3": ("OH", "43210")}
QUICK = {"folds": 2, "steps": 2, "trees.rounds": 8, "network.epochs": 1}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def network(seed: int = 5) -> dict[sa.Table, list[dict[str, object]]]:
    """Claims of three hospitals, paid on the day they come, their ranked principal and what coders put first."""
    draw = np.random.default_rng(seed)
    found: dict[sa.Table, list[dict[str, object]]] = {}

    def add(table: sa.Table, **given: object) -> None:
        found.setdefault(table, []).append(filled(table, **given))

    for number in range(DAYS):
        changed = number >= CHANGED
        for hospital, (state, code) in PLACES.items():
            add(
                raw.delivered_tables["hospital"], received_date=day(number), source="simulated", hospital_id=hospital,
                name=f"Hospital {hospital}", city="Town", state=state, zip=f"{code}0000", copy_number=1,
            )  # fmt: skip
        for one in range(A_DAY):
            encounter = f"E{number:02d}{one:03d}"
            hospital, place = f"H{one % 3 + 1}", int(draw.integers(len(DRGS)))
            log = 10.6 + 0.15 * place + 0.3 * (one % 3)
            own = {"received_date": day(number), "encounter_id": encounter, "hospital_id": hospital}
            right = draw.random() < (0.35 if changed else 0.9)
            expected = Decimal(f"{np.exp(0.5 * log + 4.3 + draw.normal(0, 0.15)):.2f}")
            add(
                filtered.encounter, **own, patient_id=f"P{encounter}", source="simulated", setting="inpatient",
                discharge_date=day(number) - timedelta(days=1),
            )  # fmt: skip
            add(
                billed.claim, **own, status="held" if one % 25 == 3 else "ready", frequency_code="1", drg=DRGS[place],
                total_charge=Decimal(f"{np.exp(log + draw.normal(0, 0.25) + (0.5 if changed else 0.0)):.2f}"),
                expected_payment=expected, discharge_date=day(number) - timedelta(days=1), mdc="04",
            )  # fmt: skip
            add(
                answers.remittance_claim, received_date=day(number), remittance_claim_id=f"R{encounter}",
                encounter_id=encounter, outcome="matched", balanced=True, status="processed_as_primary",
                paid=expected * (Decimal("0.6") if changed else 1), patient_responsibility=Decimal(0),
                payment_date=day(number),
            )  # fmt: skip
            add(
                ranked.encounter, **_without(own, "hospital_id"), principal_code="I10", outcome="ranked", code_count=4,
                model_version="guidelines",
            )  # fmt: skip
            add(mapped.encounter, **own, source="simulated", encounter_number=encounter)
            add(
                raw.delivered_tables["coder_label"], received_date=day(number), source="simulated",
                hospital_id=hospital, encounter_number=encounter, line_number="1", copy_number=1,
                code="I10" if right else "J18.9",
            )  # fmt: skip
    return found


def _without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in given.items() if k != name}


@pytest.fixture(scope="module")
def watched(server_engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sa.Engine, str]]:
    """Fourteen days of a network that changes on the thirteenth; the model of amounts learned from the first eight."""
    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    public = tmp_path_factory.mktemp("public") / "cases.jsonl"
    public.write_text("".join(json.dumps(line) + "\n" for line in made_up(24).to_dict("records")), encoding="utf-8")
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
        for table, rows in network().items():
            connection.execute(sa.insert(table), rows)
    run_training_set(server_engine, FIRST, day(LEARNED - 1))
    version = train_from_store(server_engine, settings().home, sources=[public], parameters=QUICK).version
    promote("amounts", version, settings().home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCODE_DRIFT_REFERENCE_DAYS", "5")
        patch.setenv("MEDCODE_DRIFT_LEAST", "15")
        settings.cache_clear()
        for number in range(LEARNED, DAYS):
            with server_engine.begin() as connection:
                claims = read_partition(connection, billed.claim, day(number)).drop(columns="received_date")
                predicted = billed_amounts(connection, claims, day(number)).predicted
                assert len(predicted) == 2, "the held ones"
                replace_partition(connection, billed.predicted_amount, day(number), predicted)
        run_drift(server_engine, FIRST, day(DAYS - 1))
        yield server_engine, version
    settings.cache_clear()
    withdraw("amounts", settings().home)
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))


def metrics(engine: sa.Engine) -> pd.DataFrame:
    table = drift.drift_metric
    return read_frame(engine, sa.select(table).order_by(*table.primary_key))


def test_a_model_of_amounts_is_held_against_its_own_test_from_the_first_day_it_works(
    watched: tuple[sa.Engine, str],
) -> None:
    """The first days of a new champion were days without eyes."""
    engine, version = watched
    reference = read_frame(engine, sa.select(drift.drift_reference)).set_index("kind")
    assert reference.loc["amounts", "origin"] == "model_test"
    assert reference.loc["amounts", "version"] == version
    assert reference.loc["ranking", "origin"] == "first_days"
    with engine.connect() as connection:
        apart = own_test(connection, "amounts", version, day(LEARNED))
    learned = read_frame(
        engine, sa.select(ml.amount_model_encounter).where(ml.amount_model_encounter.c.part == "train")
    )
    assert not set().union(*apart.values()) & set(learned["encounter_id"])
    own = metrics(engine).query("kind == 'amounts'")
    assert min(own["received_date"]) == day(LEARNED)


def test_a_risen_charge_master_a_lower_contract_and_another_order_are_alarms_and_nothing_is_before(
    watched: tuple[sa.Engine, str],
) -> None:
    engine, version = watched
    found = metrics(engine)
    early = found[found["alarm"] & (found["received_date"] < day(CHANGED))]
    assert early.empty, early[["received_date", "metric", "hospital_id", "value", "reference_value"]]
    alarms = found[found["alarm"] & (found["hospital_id"] == "all")]
    by_kind = {kind: set(own["metric"]) for kind, own in alarms.groupby("kind")}
    assert by_kind["amounts"] >= {"charges_off", "payments_off"}
    assert by_kind["ranking"] == {"realised_principal_top1"}
    assert (found["threshold"].dropna() == 0.001).all(), "one day, one share of false alarms for all kinds"
    for kind, named in (("amounts", version), ("ranking", "guidelines")):
        standing = standing_alarms(engine, kind, named)
        assert list(standing["hospital_id"]) == ["all"]
        assert standing["day"].iloc[0] in (day(CHANGED), day(CHANGED + 1))
        since = changed_since(engine, kind, named)
        assert since is not None
        assert day(CHANGED - 2) <= since <= day(CHANGED + 1)


def test_errors_estimated_from_intervals_are_near_those_realised_before_the_change(
    watched: tuple[sa.Engine, str],
) -> None:
    engine, _ = watched
    found = metrics(engine)
    whole = found[(found["hospital_id"] == "all") & (found["window_days"] == 3)]
    quiet = whole[whole["received_date"] == day(CHANGED - 1)].set_index("metric")["value"].astype(float)
    for target in ("charges", "payments"):
        assert quiet[f"estimated_{target}_wape"] == pytest.approx(quiet[f"realised_{target}_wape"], abs=0.08)
        assert quiet[f"realised_{target}_coverage"] > 0.7
    last = whole[whole["received_date"] == day(DAYS - 1)].set_index("metric")["value"].astype(float)
    assert last["realised_payments_wape"] > quiet["realised_payments_wape"] + 0.1


def test_a_second_run_changes_nothing_and_what_coders_and_insurers_say_late_is_taken_in_with_the_next_day(
    watched: tuple[sa.Engine, str],
) -> None:
    engine, _ = watched
    before = metrics(engine)
    assert days_told_since(engine, day(DAYS - 1)) == []
    assert run_drift(engine, day(DAYS - 1), day(DAYS - 1)).figures["evaluated_again"] == 0
    pd.testing.assert_frame_equal(before, metrics(engine))
    late, labels = day(CHANGED - 1), raw.delivered_tables["coder_label"]
    with engine.begin() as connection:
        connection.execute(sa.update(labels).where(labels.c.received_date == late).values(code="I10"))
        remittance = answers.remittance_claim
        connection.execute(sa.delete(remittance).where(remittance.c.received_date == day(CHANGED)))
    assert days_told_since(engine, day(DAYS - 1)) == [late, day(CHANGED)]
    assert run_drift(engine, day(DAYS - 1), day(DAYS - 1)).figures["evaluated_again"] == 2
    assert days_told_since(engine, day(DAYS - 1)) == []
    told = metrics(engine).query("hospital_id == 'all' and window_days == 1")
    of_late = told[told["received_date"] == late].set_index("metric")["value"]
    assert of_late["realised_principal_top1"] == 1.0
    assert "realised_payments_wape" not in set(told.loc[told["received_date"] == day(CHANGED), "metric"])


def test_a_model_trained_for_a_changed_world_is_held_against_that_world_alone(watched: tuple[sa.Engine, str]) -> None:
    """Held against days before the change it would raise an alarm on its first day, and every one after it."""
    engine, version = watched
    with engine.connect() as connection:
        before = own_test(connection, "amounts", version, day(CHANGED))
    changed = sa.update(ml.model).where(ml.model.c.version == version)
    with engine.begin() as connection:
        connection.execute(changed.values(recent_from=day(LEARNED - 1)))
    try:
        with engine.connect() as connection:
            apart = own_test(connection, "amounts", version, day(CHANGED))
        assert min(before) < day(LEARNED - 1) == min(apart)
        assert max(apart) == day(CHANGED - 1), "days that another version worked on are of the same world"
        assert all(len(apart[day(n)]) >= 45 for n in range(LEARNED, CHANGED)), "nothing of them was learned from"
        learned = sa.select(ml.amount_model_encounter.c.encounter_id).where(ml.amount_model_encounter.c.part == "train")
        assert not set().union(*apart.values()) & set(read_frame(engine, learned)["encounter_id"])
    finally:
        with engine.begin() as connection:
            connection.execute(changed.values(recent_from=None))


def test_an_alarm_about_a_version_that_works_no_more_is_kept_and_stands_for_nothing(
    watched: tuple[sa.Engine, str],
) -> None:
    engine, _ = watched
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM ml.drift_alarm WHERE kind = 'ranking'"))
        connection.execute(
            sa.update(ranked.encounter)
            .where(ranked.encounter.c.received_date == day(DAYS - 1))
            .values(model_version="x")
        )
    run_drift(engine, day(CHANGED), day(CHANGED))
    history = read_frame(engine, sa.text("SELECT event, reason FROM ml.drift_alarm WHERE kind = 'ranking' ORDER BY 1"))
    assert list(history["event"]) in ([], ["cleared", "raised"])
    assert standing_alarms(engine, "ranking").empty
