"""Errors of amounts: estimated from intervals alone they are those found; a charge master that rises is an alarm."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from medcode_ml.drift.amounts import amount_blocks, estimated_errors, fit_amount_scales
from medcode_ml.drift.evaluation import Reference, Row, compare, dispersions, windows_of, with_alarms
from medcode_ml.drift.figures import COVERAGE, MAPE, WAPE, dropped, figure
from medcode_ml.drift.frames import AMOUNTS, RANKING, fit_ranking_scale, ranking_blocks, sketches_of
from medcode_ml.drift.performance import AS_GIVEN
from medcode_ml.drift.sketch import Moments, Sketches, merged
from medcode_ml.drift.units import ALL

DAY = date(2026, 9, 1)
SIGMA = 0.4
WIDE = 1.645 * SIGMA


def claims(
    rng: np.random.Generator, n: int, charged: float = 1.0, paid: float = 1.0, at: str | None = None
) -> pd.DataFrame:
    """Claims priced as they are charged and paid but for chance, which `charged` and `paid` change, all or `at` one."""
    hospital = rng.choice(["H1", "H2", "H3"], n)
    moved = np.ones(n, bool) if at is None else hospital == at
    found: dict[str, object] = {"hospital_id": hospital, "mdc": rng.choice(["04", "05"], n), "payer_id": "P"}
    for target, factor, middle in (("charges", charged, 10.0), ("payments", paid, 9.0)):
        price = np.exp(rng.normal(middle, 0.7, n))
        found |= {
            target: price, f"{target}_low": price * np.exp(-WIDE), f"{target}_high": price * np.exp(WIDE),
            f"{target}_found": price * np.exp(rng.normal(0, SIGMA, n)) * np.where(moved, factor, 1.0),
        }  # fmt: skip
    return pd.DataFrame(found)


def sketches(frame: pd.DataFrame, scales: dict[str, float] | None = None) -> Sketches:
    return sketches_of(amount_blocks(frame, frame, scales))


def reference_of(days: list[Sketches], kind: str = AMOUNTS) -> Reference:
    return Reference("r", kind, "v", DAY, DAY, (), None, AS_GIVEN, (), merged(days), dispersions(days))


def evaluated(reference: Reference, days: dict[date, Sketches]) -> dict[date, list[Row]]:
    """The rows of each day by the rule of the stage."""
    found = {}
    for day in sorted(days):
        near = {d: s for d, s in days.items() if 0 <= (day - d).days < 7}
        rows = [r for length, window in windows_of(near, day) for r in compare(window, reference, length, 20)]
        found[day] = with_alarms(rows, 0.001)
    return found


def test_errors_expected_from_intervals_are_those_found() -> None:
    rng = np.random.default_rng(1)
    price = np.exp(rng.normal(9, 1, 40_000))
    low, high = price * np.exp(-1.645 * 0.3), price * np.exp(1.645 * 0.6)
    z = rng.normal(size=len(price))
    amount = price * np.exp(np.where(z > 0, 0.6, 0.3) * z)
    estimated = estimated_errors(price, low, high, 1.0).sum(0)
    assert estimated[0] / estimated[1] == pytest.approx(np.abs(price - amount).sum() / amount.sum(), rel=0.02)
    assert estimated[2] / len(price) == pytest.approx(np.mean(np.abs(price - amount) / amount), rel=0.02)


def test_the_interval_of_an_estimated_error_holds_the_one_found() -> None:
    held = {WAPE.name: 0, MAPE.name: 0}
    for seed in range(100):
        found = sketches(claims(np.random.default_rng(seed), 80))
        for one in (WAPE, MAPE):
            estimated, realised = found[ALL, ALL, "estimated_charges"], found[ALL, ALL, "realised_charges"]
            assert isinstance(estimated, Moments)
            assert isinstance(realised, Moments)
            value, error = figure(estimated, one)
            held[one.name] += abs(figure(realised, one)[0] - value) <= 1.96 * error
    assert min(held.values()) >= 88


def test_what_intervals_promise_wrongly_is_known_in_the_reference_and_carried_over() -> None:
    rng = np.random.default_rng(2)
    frame = claims(rng, 3000)
    narrow = frame.assign(charges_low=frame["charges"] * 0.8, charges_high=frame["charges"] * 1.25)
    scales = fit_amount_scales(narrow, frame)
    assert scales["payments"] == pytest.approx(1.0, abs=0.1)
    assert scales["charges"] > 2
    found = sketches_of(amount_blocks(narrow, frame, scales))
    estimated, realised = found[ALL, ALL, "estimated_charges"], found[ALL, ALL, "realised_charges"]
    assert isinstance(estimated, Moments)
    assert isinstance(realised, Moments)
    assert figure(estimated, WAPE)[0] == pytest.approx(figure(realised, WAPE)[0], rel=0.01)
    assert figure(realised, COVERAGE)[0] < 0.6
    assert fit_amount_scales(frame.iloc[:20], frame.iloc[:20]) == {}


@pytest.mark.parametrize(
    ("charged", "paid", "at", "by"),
    [(1.35, 1.0, None, "charges"), (1.0, 0.65, None, "payments"), (1.8, 1.0, "H2", "charges")],
    ids=["charge master", "contract", "charge master of one hospital"],
)
def test_a_changed_charge_master_or_contract_is_an_alarm_within_three_days(
    charged: float, paid: float, at: str | None, by: str
) -> None:
    rng = np.random.default_rng(3)
    reference = reference_of([sketches(claims(rng, 45)) for _ in range(14)])
    days = {DAY + timedelta(days=n): sketches(claims(rng, 45, charged, paid, at)) for n in range(3)}
    last = evaluated(reference, days)[max(days)]
    alarms = {r.metric for r in last if r.alarm}
    assert f"{by}_off" in alarms
    assert all(by in metric for metric in alarms)


def test_quiet_days_of_claims_raise_no_alarm() -> None:
    alarms = tests = 0
    for seed in range(2):
        rng = np.random.default_rng(seed)
        reference = reference_of([sketches(claims(rng, 45)) for _ in range(14)])
        found = evaluated(reference, {DAY + timedelta(days=n): sketches(claims(rng, 45)) for n in range(20)})
        alarms += sum(any(r.alarm for r in rows) for rows in found.values())
        tests += sum(r.test == "drop" for rows in found.values() for r in rows)
    assert alarms == 0
    assert tests > 300


def test_the_test_of_a_rise_holds_its_level_for_errors_with_a_long_tail() -> None:
    rng = np.random.default_rng(4)
    frame = sketches(claims(rng, 700))
    p: dict[str, list[float]] = {}
    for _ in range(200):
        window = sketches(claims(rng, 60))
        for one in (WAPE, COVERAGE):
            held, now = frame[ALL, ALL, "realised_charges"], window[ALL, ALL, "realised_charges"]
            assert isinstance(held, Moments)
            assert isinstance(now, Moments)
            p.setdefault(one.name, []).append(dropped(now, held, one).p_value)
    assert {name: bool(np.mean(np.array(own) <= 0.05) < 0.09) for name, own in p.items()} == {
        "wape": True,
        "coverage": True,
    }
    assert all(np.mean(np.array(own) <= 0.001) <= 0.005 for own in p.values())


def ranked(rng: np.random.Generator, n: int, follows: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Encounters whose coders choose the ranker's principal as often as it says, times `follows`."""
    p = rng.beta(6, 2, n)
    right = rng.random(n) < p * follows
    frame = pd.DataFrame(
        {"hospital_id": rng.choice(["H1", "H2"], n), "principal_code": rng.choice(["I10", "J18.9"], n),
         "principal_probability": p, "code_count": rng.integers(2, 9, n), "needs_review": p < 0.5, "outcome": "ranked"}
    )  # fmt: skip
    label = np.where(right, frame["principal_code"], "E11.9")
    return frame, frame[["hospital_id", "principal_code"]].assign(label=label)


def test_another_order_of_the_coders_is_an_alarm_although_no_answer_of_the_ranker_changes() -> None:
    rng = np.random.default_rng(5)
    first = [ranked(rng, 50, 0.95) for _ in range(14)]
    scale = fit_ranking_scale(*(pd.concat([f[n] for f in first]) for n in (0, 1)))
    assert scale == pytest.approx(0.95, abs=0.05)
    reference = reference_of([sketches_of(ranking_blocks(*f, scale)) for f in first], RANKING)
    quiet = {DAY + timedelta(days=n): sketches_of(ranking_blocks(*ranked(rng, 50, 0.95), scale)) for n in range(8)}
    assert not any(r.alarm for rows in evaluated(reference, quiet).values() for r in rows)
    changed = {DAY + timedelta(days=n): sketches_of(ranking_blocks(*ranked(rng, 50, 0.55), scale)) for n in range(3)}
    last = evaluated(reference, changed)[max(changed)]
    assert {r.metric for r in last if r.alarm} == {"realised_principal_top1"}
    by = {r.metric: r for r in evaluated(reference, quiet)[max(quiet)] if r.hospital_id == ALL and r.window_days == 7}
    estimated, realised = by["estimated_principal_top1"].value, by["realised_principal_top1"].value
    assert estimated == pytest.approx(realised, abs=0.05)
