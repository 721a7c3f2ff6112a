"""Persons under several numbers: the truth names them, look-alikes are others, and the rest of the network stays."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from medcode_ml.simulation import NetworkConfig, registrations, simulate
from medcode_ml.simulation.registrations import registry

CONFIG = NetworkConfig(encounters=500, scanned_pages=0, planted_faults=False)


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return pd.concat([d.truth["persons"] for d in simulate(CONFIG).days()], ignore_index=True)


def test_every_registration_has_one_person(truth: pd.DataFrame) -> None:
    patients = simulate(CONFIG).tables()["patient"]
    known = set(patients[["hospital_id", "mrn"]].itertuples(index=False, name=None))
    assert not truth.duplicated(["hospital_id", "mrn"]).any()
    assert set(truth[["hospital_id", "mrn"]].itertuples(index=False, name=None)) == known


def test_about_one_encounter_in_twenty_is_of_a_person_known_under_another_number(truth: pd.DataFrame) -> None:
    again = truth.duplicated("person").sum()
    assert 0.02 * CONFIG.encounters < again < 0.1 * CONFIG.encounters


def test_one_number_is_one_person_for_good() -> None:
    patients = simulate(CONFIG).tables()["patient"]
    told = patients.groupby(["hospital_id", "mrn"])[["last_name", "birth_date"]].nunique()
    assert (told == 1).all().all()


def test_the_other_encounters_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with_them = simulate(CONFIG).tables()["scanned_record"].set_index("record_id")["text"]
    monkeypatch.setattr("medcode_ml.simulation.network.AGAIN_SHARE", 0.0)
    monkeypatch.setattr("medcode_ml.simulation.network.ALIKE_SHARE", 0.0)
    without = simulate(CONFIG).tables()["scanned_record"].set_index("record_id")["text"]
    assert (with_them.reindex(without.index) == without).mean() > 0.9


def test_registry_holds_second_registrations_and_look_alikes() -> None:
    rows = registry(3, 400, 0.3, 0.2, date(2026, 10, 1))
    frame = pd.DataFrame([r.row for r in rows]).assign(person=[r.person for r in rows])
    again = frame[frame.duplicated("person", keep=False)]
    assert 80 < again["person"].nunique() < 160
    changed = again.groupby("person")[["last_name", "first_name", "birth_date", "address", "ssn"]].nunique() > 1
    assert changed.any().all()
    twins = frame.groupby(["last_name", "birth_date", "address"])["person"].nunique()
    assert (twins > 1).sum() >= 5
    assert not frame.duplicated(["hospital_id", "mrn"]).any()


@pytest.mark.parametrize("word", ["Ng", "Garcia", "O'Brien"])
def test_a_slip_changes_at_most_two_letters(word: str) -> None:
    import numpy as np
    from rapidfuzz.distance import OSA

    for seed in range(40):
        assert OSA.distance(word, registrations.mistyped(np.random.default_rng(seed), word)) <= 1
