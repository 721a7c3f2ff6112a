"""The amount model on made-up hospitals: what it learns, what it must not look at, and its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.amounts_hospitals import made_up

from medcode_ml.billing.amounts.cases import KNOWN, TARGETS, AmountCaseError, cases_of
from medcode_ml.billing.amounts.model import PRICED, AmountModel, ClaimIntervalsError, load_model
from medcode_ml.billing.amounts.own_claims import OwnClaims, price_claims
from medcode_ml.billing.amounts.reading import LabelledCases
from medcode_ml.billing.amounts.records import price_records
from medcode_ml.billing.amounts.report import amounts_report, table
from medcode_ml.billing.amounts.training import TooFewProvidersError, train
from medcode_ml.billing.amounts.training_parameters import AmountTrainingParameterError
from medcode_ml.models.manifest import ModelFolderError

QUICK = {"folds": 2, "steps": 8, "trees.rounds": 20, "network.epochs": 2}
HIDDEN = list(KNOWN.values())


@pytest.fixture(scope="module")
def hospitals() -> pd.DataFrame:
    return made_up(120)


@pytest.fixture(scope="module")
def folder(hospitals: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    learned = hospitals[hospitals["provider_id"].str[2:].astype(int) <= 80]
    return train(cases_of(learned), tmp_path_factory.mktemp("amounts") / "model", QUICK).path


@pytest.fixture(scope="module")
def model(folder: Path) -> AmountModel:
    return load_model(folder)


@pytest.fixture(scope="module")
def new(hospitals: pd.DataFrame) -> pd.DataFrame:
    return hospitals[hospitals["provider_id"].str[2:].astype(int) > 80]


def error(prices: pd.DataFrame, cases: pd.DataFrame, target: str) -> float:
    true = cases[KNOWN[target]].astype(float)
    return float((prices[target] / true - 1.0).abs().mean())


def test_hospitals_never_seen_are_priced_better_than_by_the_drg_alone(
    model: AmountModel, hospitals: pd.DataFrame, new: pd.DataFrame
) -> None:
    learned = hospitals[~hospitals["provider_id"].isin(new["provider_id"])].astype(dict.fromkeys(HIDDEN, float))
    prices = model.price(new.drop(columns=HIDDEN))
    for target in TARGETS:
        mean = new["drg"].map(learned.groupby("drg")[KNOWN[target]].mean()).to_frame(target)
        assert error(prices, new, target) < 0.7 * error(mean, new, target)
        assert (prices[f"{target}_low"] <= prices[target]).all()
        assert (prices[target] <= prices[f"{target}_high"]).all()
        true = new[KNOWN[target]].astype(float)
        inside = true.between(prices[f"{target}_low"], prices[f"{target}_high"]).mean()
        assert 0.75 <= inside <= 1.0
        assert prices[target].sum() / true.sum() == pytest.approx(1.0, abs=0.12)


def test_other_drgs_of_the_hospital_that_are_known_make_prices_better_and_intervals_narrower(
    model: AmountModel, new: pd.DataFrame
) -> None:
    blind, told = model.price(new.drop(columns=HIDDEN)), model.price(new)
    for target in TARGETS:
        assert error(told, new, target) < error(blind, new, target)
        widths = [(p[f"{target}_high"] / p[f"{target}_low"]).mean() for p in (blind, told)]
        assert widths[1] < widths[0]


def test_a_case_is_never_priced_by_its_own_amounts(model: AmountModel, new: pd.DataFrame) -> None:
    changed = new.copy()
    row = changed.index[3]
    changed.loc[row, HIDDEN] = [1_000_000.0, 900_000.0]
    before, after = model.price(new), model.price(changed)
    pd.testing.assert_series_equal(before.loc[row], after.loc[row])
    others = (changed["provider_id"] == changed.loc[row, "provider_id"]) & (changed.index != row)
    assert not np.allclose(before[others], after[others])
    elsewhere = changed["provider_id"] != changed.loc[row, "provider_id"]
    pd.testing.assert_frame_equal(before[elsewhere], after[elsewhere])


def test_one_known_amount_of_two_does_not_price_its_own_case(model: AmountModel, new: pd.DataFrame) -> None:
    half = new.copy()
    half["avePayments"] = None
    changed = half.copy()
    row = changed.index[0]
    changed.loc[row, "aveCharges"] = 1_000_000.0
    pd.testing.assert_series_equal(model.price(half).loc[row], model.price(changed).loc[row])


def test_prices_do_not_hang_on_the_order_of_the_lines(model: AmountModel, new: pd.DataFrame) -> None:
    shuffled = new.sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(model.price(new), model.price(shuffled).loc[new.index], rtol=1e-4)


def test_a_hospital_that_was_learned_from_is_remembered(model: AmountModel, hospitals: pd.DataFrame) -> None:
    learned = hospitals[hospitals["provider_id"].str[2:].astype(int) <= 80]
    known = model.price(learned.drop(columns=HIDDEN))
    stranger = model.price(learned.assign(provider_id="X" + learned["provider_id"]).drop(columns=HIDDEN))
    assert error(known, learned, "charges") < error(stranger, learned, "charges")


def test_small_cells_leave_nothing_in_the_folder(tmp_path: Path) -> None:
    cases = made_up(24)
    cases["total_discharges"] = 3.0
    model = load_model(train(cases_of(cases), tmp_path / "model", QUICK).path)
    assert not model.basis.counted.any()
    assert not any(own.any() for own in model.basis.left.values())
    assert not model.memory.any()


def test_a_case_of_which_little_is_known_is_priced(model: AmountModel) -> None:
    price = model.price(pd.DataFrame([{"drg": "291", "provider_id": "new"}, {"drg": "057", "provider_id": "other"}]))
    assert np.isfinite(price.to_numpy(dtype=float)).all()
    with pytest.raises(AmountCaseError, match="DRG 998 was not learned"):
        model.price(pd.DataFrame([{"drg": "998", "provider_id": "new"}]))
    assert model.price(pd.DataFrame([], columns=["drg", "provider_id"])).empty


def test_lines_are_priced_by_the_model_and_measured(
    model: AmountModel, folder: Path, new: pd.DataFrame, tmp_path: Path
) -> None:
    lines = new.drop(columns=HIDDEN).to_dict("records")
    priced = price_records(lines, model)
    assert {line["model_version"] for line in priced} == {model.version}
    report = amounts_report(LabelledCases(new.reset_index(drop=True), (), "made up"), priced[1:], resamples=20)
    assert report["predictions"]["missing_records"] == 1
    said = model.price(new.drop(columns=HIDDEN)).round(2).iloc[1:]
    assert report["charges"]["mape"] == pytest.approx(error(said, new.iloc[1:], "charges"), abs=1e-4)
    assert "mean relative error" in table(report)
    assert (folder / "model_card.md").is_file()


# --- single claims ----------------------------------------------------------------------------------------------------


def single_claims(cases: pd.DataFrame, each: int, seed: int) -> pd.DataFrame:
    """Claims around the means of `cases` in dollars of later years: twice as many, and far more spread out."""
    draw = np.random.default_rng(seed)
    rows = cases.loc[cases.index.repeat(each)].reset_index(drop=True)
    for key in HIDDEN:
        rows[key] = rows[key].astype(float) * 2.0 * np.exp(draw.normal(0.0, 0.4, len(rows)))
    return rows.assign(total_discharges=1).astype(object)


def means(claims: pd.DataFrame) -> pd.DataFrame:
    typed = claims.astype(dict.fromkeys((*HIDDEN, "total_discharges"), float))
    keys = [name for name in claims.columns if name not in (*HIDDEN, "total_discharges")]
    return typed.groupby(keys, as_index=False).agg(dict.fromkeys(HIDDEN, "mean") | {"total_discharges": "sum"})


@pytest.fixture(scope="module")
def own(new: pd.DataFrame) -> tuple[OwnClaims, pd.DataFrame]:
    """Claims of four hospitals: those known and kept back, and others to test on."""
    some = new[new["provider_id"].isin(sorted(new["provider_id"].unique())[:4])]
    return OwnClaims(means(single_claims(some, 12, 1)), single_claims(some, 8, 2)), single_claims(some, 30, 3)


@pytest.fixture(scope="module")
def of_claims(
    hospitals: pd.DataFrame, new: pd.DataFrame, own: tuple[OwnClaims, pd.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> AmountModel:  # fmt: skip
    """A model that learned from public hospitals and the claims of its own."""
    others = hospitals[~hospitals["provider_id"].isin(new["provider_id"])]
    learned = pd.concat([others, own[0].known[others.columns]], ignore_index=True)
    return load_model(train(cases_of(learned), tmp_path_factory.mktemp("claims") / "m", QUICK, claims=own[0]).path)


def test_claims_are_priced_in_their_own_dollars_and_their_intervals_hold_nine_of_ten(
    of_claims: AmountModel, own: tuple[OwnClaims, pd.DataFrame]
) -> None:
    known, asked = own[0].known, own[1]
    prices = price_claims(of_claims, asked, known)
    for target in TARGETS:
        true = asked[KNOWN[target]].astype(float)
        inside = true.between(prices[f"{target}_low"], prices[f"{target}_high"]).mean()
        assert 0.85 <= inside <= 0.95
        assert prices[target].sum() / true.sum() == pytest.approx(1.0, abs=0.15), (
            "twice the dollars of the public cases"
        )
        means_only = of_claims.price(asked.drop(columns=HIDDEN))
        narrow = true.between(means_only[f"{target}_low"], means_only[f"{target}_high"]).mean()
        assert narrow < inside, "an interval of means is none of claims"


def test_a_claim_is_not_priced_by_its_own_amounts_nor_dropped_with_its_drg(
    of_claims: AmountModel, own: tuple[OwnClaims, pd.DataFrame]
) -> None:
    known, asked = own[0].known, own[1].head(20)
    changed = asked.assign(**{key: asked[key].astype(float) * 50 for key in HIDDEN})
    pd.testing.assert_frame_equal(price_claims(of_claims, asked, known), price_claims(of_claims, changed, known))
    without = asked.copy()
    without.loc[asked.index[3], "drg"] = None
    without.loc[asked.index[4], "drg"] = "999"
    assert list(price_claims(of_claims, without, known).index) == [i for i in asked.index if i not in asked.index[3:5]]
    assert price_claims(of_claims, asked.head(0), known).empty


def test_a_model_of_means_checks_no_claims(model: AmountModel, own: tuple[OwnClaims, pd.DataFrame]) -> None:
    with pytest.raises(ClaimIntervalsError, match="has no intervals of single claims"):
        price_claims(model, own[1], own[0].known)


def test_the_folder_is_whole_or_refused(folder: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "basis.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelFolderError, match="was changed after it was written"):
        load_model(broken)


def test_training_again_gives_the_same_model(hospitals: pd.DataFrame, tmp_path: Path) -> None:
    cases = cases_of(hospitals)
    first, second = (load_model(train(cases, tmp_path / name, QUICK).path) for name in "ab")
    asked = hospitals.drop(columns=HIDDEN).head(50)
    pd.testing.assert_frame_equal(first.price(asked)[list(PRICED)], second.price(asked)[list(PRICED)])


def test_too_little_and_unknown_choices_are_told(hospitals: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(TooFewProvidersError, match="amounts of 5 hospitals are known"):
        train(cases_of(made_up(5)), tmp_path / "model", QUICK)
    with pytest.raises(AmountTrainingParameterError, match="no parameter 'layers'"):
        train(cases_of(hospitals), tmp_path / "model", {"layers": 3})
