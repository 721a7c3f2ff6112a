"""What the recovery benchmark says: shares won back, persons apart, and networks that differ only since the change."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from medcode_ml.benchmarks.drift_recovery import SUMMER, Dated, Measured, split, won_back, worlds
from medcode_ml.benchmarks.drift_streams import dated_charts
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN


def measured_of(hits: dict[str, float]) -> Measured:
    return Measured(hits, dict.fromkeys(hits, 10.0), len(hits))


def test_what_is_won_back_is_a_share_of_what_was_lost() -> None:
    people = [f"p{n}" for n in range(40)]
    before, after = measured_of(dict.fromkeys(people, 9.0)), measured_of(dict.fromkeys(people, 5.0))
    told = won_back(before, after, measured_of(dict.fromkeys(people, 8.0)))
    assert (told["before"], told["after"], told["lost"]) == (0.9, 0.5, 0.4)
    assert told["won_back"] == 0.75
    assert told["won_back_95"] == pytest.approx([0.75, 0.75])


def test_a_model_that_loses_more_wins_nothing_back() -> None:
    people = [f"p{n}" for n in range(40)]
    before, after = measured_of(dict.fromkeys(people, 9.0)), measured_of(dict.fromkeys(people, 5.0))
    assert won_back(before, after, measured_of(dict.fromkeys(people, 4.0)))["won_back"] == -0.25


def test_the_interval_widens_where_persons_differ() -> None:
    people = [f"p{n}" for n in range(40)]
    before = measured_of(dict.fromkeys(people, 9.0))
    after = measured_of({p: 4.0 + 2 * (n % 2) for n, p in enumerate(people)})
    now = measured_of({p: 6.0 + 3 * (n % 3 == 0) for n, p in enumerate(people)})
    low, high = won_back(before, after, now)["won_back_95"]
    assert low < won_back(before, after, now)["won_back"] < high


def test_no_person_is_learned_from_and_tested_and_those_known_to_the_champion_are_never_tested() -> None:
    charts: Dated = [(SUMMER + timedelta(days=n % 10 - 5), chart_of(f"e{n}", f"p{n % 60}")) for n in range(120)]
    learned = {f"p{n}" for n in range(0, 60, 2)}
    parts = split(charts, SUMMER, learned)
    persons = {part: {c.patient_id for c in own} for part, own in parts.items()}
    assert not persons[TEST] & (persons[TRAIN] | persons[CALIBRATION] | learned)
    assert persons[TEST]
    assert sum(map(len, parts.values())) == len(charts)


@pytest.mark.parametrize("name", ["note_style", "disease_wave"])
def test_networks_are_alike_before_the_change_and_differ_after_it(name: str) -> None:
    (world,) = worlds([name], a_day=6, charts=18, days_after=4, scans=1)
    same, changed = ({c.record_id: (d, c) for d, c in dated_charts(config)} for config in (world.same, world.changed))
    before = {record for record, (day, _) in same.items() if day < world.day}
    assert len(before) > 5
    assert all(same[record] == changed[record] for record in before)
    since = [record for record in same if record not in before]
    assert any(same[record] != changed.get(record) for record in since)


def test_the_release_of_october_starts_on_its_day() -> None:
    (world,) = worlds(["code_release"], a_day=6, charts=18, days_after=4, scans=1)
    assert world.day == date(2026, 10, 1)
    assert world.changed.encounters == world.same.encounters


def chart_of(record: str, patient: str) -> LabelledChart:
    return LabelledChart(record, patient, (Document(record, "HTN", "clinic_note", ()),), None, SUMMER, ("I10",))
