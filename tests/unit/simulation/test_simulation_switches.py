"""The switches: each shifts what it says, from its day on, and nothing before."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from medcode_ml.simulation import DiseaseWave, NetworkConfig, SimulationError, simulate
from medcode_ml.simulation.combining import RECODED

SHIFT = date(2026, 10, 5)
SIZE = {"encounters": 260, "planted_faults": False}


def test_note_style_changes_headings_from_its_day_on() -> None:
    network = simulate(NetworkConfig(**SIZE, scanned_pages=0, note_style="new", note_style_day=SHIFT))
    for day in network.days():
        clinical = day.tables["scanned_record"].query("document_type in ('history_and_physical', 'clinic_note')")[
            "text"
        ]
        assert (clinical.str.contains("--- Known Conditions ---", regex=False) == (day.received >= SHIFT)).all()


def test_days_before_the_shift_stay_as_they_were() -> None:
    plain = simulate(NetworkConfig(**SIZE, scanned_pages=0)).days()
    new = simulate(NetworkConfig(**SIZE, scanned_pages=0, note_style="new", note_style_day=SHIFT)).days()
    for one, other in zip(plain, new, strict=True):
        if one.received < SHIFT:
            assert one.tables["scanned_record"].equals(other.tables["scanned_record"])


def test_disease_wave_takes_its_share_from_its_day_on() -> None:
    wave = DiseaseWave("covid_pneumonia", 0.5, SHIFT)
    counts: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
    for day in simulate(NetworkConfig(**SIZE, scanned_pages=0, disease_wave=wave)).days():
        first = day.truth["codes"].query("line_number == '1'")
        counts[day.received >= SHIFT].update((first["scenario"] == "covid_pneumonia").tolist())
    assert counts[True][True] / counts[True].total() > 0.35
    assert counts[False][True] / counts[False].total() < 0.1


def test_a_worse_scanner_spoils_more_pages() -> None:
    def spoilt(config: NetworkConfig) -> float:
        faults = [f for d in simulate(config).days() for f in d.truth["pages"]["fault"]]
        return sum(f in ("noise", "blur", "low_contrast") for f in faults) / len(faults)

    normal = spoilt(NetworkConfig(**SIZE, scanned_pages=60))
    assert spoilt(NetworkConfig(**SIZE, scanned_pages=60, scanner="worse")) > normal + 0.2


def test_code_release_shift_brings_more_recoded_conditions() -> None:
    def recoded(config: NetworkConfig) -> int:
        changed = set(RECODED) | set(RECODED.values())
        return sum(int(d.truth["codes"]["code"].isin(changed).sum()) for d in simulate(config).days())

    assert recoded(NetworkConfig(**SIZE, scanned_pages=0, code_release_shift=True)) > recoded(
        NetworkConfig(**SIZE, scanned_pages=0)
    )


def test_configurations_that_cannot_be_simulated_are_refused_with_advice() -> None:
    with pytest.raises(SimulationError, match="swap them"):
        NetworkConfig(first_day=date(2026, 10, 2), last_day=date(2026, 10, 1))
    with pytest.raises(SimulationError, match="at least one"):
        NetworkConfig(encounters=0)
    with pytest.raises(SimulationError, match="choose one of"):
        simulate(NetworkConfig(disease_wave=DiseaseWave("plague", 0.2, SHIFT)))
