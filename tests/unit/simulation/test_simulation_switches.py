"""The switches: each shifts what it says, from its day on, and nothing before."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest

from medcode_ml.simulation import DiseaseWave, NetworkConfig, SimulationError, simulate
from medcode_ml.simulation.combining import RECODED
from medcode_ml.simulation.new_words import NEW_WORDS, reworded

SHIFT = date(2026, 10, 5)
SIZE = {"encounters": 260, "planted_faults": False}


def test_note_style_changes_headings_from_its_day_on() -> None:
    network = simulate(NetworkConfig(**SIZE, scanned_pages=0, note_style="new", note_style_day=SHIFT))
    for day in network.days():
        clinical = day.tables["scanned_record"].query("document_type in ('history_and_physical', 'clinic_note')")[
            "text"
        ]
        assert (clinical.str.contains("--- Known Conditions ---", regex=False) == (day.received >= SHIFT)).all()


def test_note_style_names_the_same_conditions_in_other_words() -> None:
    def summaries(config: NetworkConfig) -> str:
        texts = (
            d.tables["scanned_record"].query("document_type == 'discharge_summary'") for d in simulate(config).days()
        )
        return "\n".join("\n".join(frame["text"]) for frame in texts)

    def codes(config: NetworkConfig) -> list[str]:
        return [c for d in simulate(config).days() for c in d.truth["codes"]["code"]]

    classic, new = NetworkConfig(**SIZE, scanned_pages=0), NetworkConfig(**SIZE, scanned_pages=0, note_style="new")
    said = {style: len(re.findall(r"\bHTN\b", summaries(config))) for style, config in (("old", classic), ("new", new))}
    assert 0 < said["new"] < said["old"] / 2
    assert codes(new) == codes(classic)


@pytest.mark.parametrize("writer", [0, 1])
def test_most_words_of_the_classic_notes_change_and_no_new_word_is_an_old_one(writer: int) -> None:
    changed = [word for word in NEW_WORDS if reworded(word, writer) != word]
    assert 0.7 < len(changed) / len(NEW_WORDS) < 1
    assert not set(NEW_WORDS) & {new for both in NEW_WORDS.values() for new in both}


def test_an_outbreak_comes_only_as_a_wave() -> None:
    def told(config: NetworkConfig) -> int:
        return sum(int((d.truth["codes"]["scenario"] == "legionella_outbreak").sum()) for d in simulate(config).days())

    assert told(NetworkConfig(**SIZE, scanned_pages=0)) == 0
    wave = DiseaseWave("legionella_outbreak", 0.3, SHIFT)
    assert told(NetworkConfig(**SIZE, scanned_pages=0, disease_wave=wave)) > 20


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
