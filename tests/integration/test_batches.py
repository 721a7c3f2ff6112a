"""Mapping and filtering in small batches give what they give in one: ranges of keys lose and double nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st
from support.delivery import charge, note, patient, stay, write
from support.tables import contents

from medcode_ml.contracts import filtered, mapped, raw
from medcode_ml.filtering.stage import run_filtering
from medcode_ml.filtering.worklist import decide
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.landing import run_intake
from medcode_ml.mapping.linkage.decisions import decide as decide_link
from medcode_ml.mapping.linkage.stage import days_of_decision, run_linkage
from medcode_ml.mapping.stage import run_mapping
from medcode_ml.pipeline import page_work
from medcode_ml.store.frames import copy_in, read_partition
from medcode_ml.store.ranges import key_ranges

pytestmark = pytest.mark.integration

DAY = date(2026, 10, 5)
KEY = ("source", "hospital_id", "encounter_number")


def _land(engine: sa.Engine, root: Path) -> None:
    run_intake(engine, FolderSource(root), DAY, DAY, page_work())


def _troubled(root: Path) -> Path:
    """Twelve stays with what tears batches apart: numbers spelled in two ways, misread, unknown, missing, doubled."""
    stays = [stay(f"E{n:03d}", f"M{n:03d}") for n in range(12)]
    charges = [charge(f"E{n:03d}", line) for n in range(12) for line in range(1, 6)]
    charges += [charge("E-004", 1), charge("E-004", 9), charge("EO07", 1), charge("EO07", 8), charge("E999", 1)]
    charges += [charge("E003", 2), charge("e 005", 7, service_date="2027-01-01")]
    notes = [note(f"R{n}", f"E{n:03d}", f"Seen on day {n}.") for n in range(12)]
    notes += [note("R90", "E-002", "Seen on day 2."), note("R91", "", "No number."), note("R92", "E777", "Nobody's.")]
    # one record number under two encounters: the copies lie in different ranges
    notes += [note("R3", "E009", "Seen on day 3.", document_type="progress_note"), note("R5", "E005", "Seen on day 5.")]
    people = [patient(f"M{n:03d}") for n in range(12)] + [patient("M-011"), patient("M001", last_name="Other")]
    write(root, patient=people, encounter=[*stays, stay("E-006", "M006")], charge=charges, scanned_record=notes)
    return root


@pytest.mark.parametrize("batch", [1, 7, 40])
def test_batches_of_any_size_give_the_same_tables(database: sa.Engine, tmp_path: Path, batch: int) -> None:
    _land(database, _troubled(tmp_path / "in"))
    run_mapping(database, DAY, DAY)
    run_filtering(database, DAY, DAY)
    whole = contents(database)
    assert_balanced_to_filtered(database)
    run_mapping(database, DAY, DAY, batch=batch)
    run_filtering(database, DAY, DAY, batch=batch)
    cut = contents(database)
    assert_balanced_to_filtered(database)
    # Which of two spellings of a key comes first may depend on the cut; what is carried and why the rest is not, not.
    assert {t: h.split(":")[0] for t, h in cut.items()} == {t: h.split(":")[0] for t, h in whole.items()}
    if batch == 40:
        assert [t for t in cut if cut[t] != whole[t]] == []


def test_a_person_files_a_document_that_nobody_could_match(database: sa.Engine, tmp_path: Path) -> None:
    """Set aside before filtering, corrected by a person as delivered, carried when its day runs again, and back."""
    documents = [note("R1", "E1", "Seen."), note("R2", "E77", "Wound looks clean, staples out.")]
    write(tmp_path / "in", patient=[patient("M1")], encounter=[stay("E1", "M1")], scanned_record=documents)
    _land(database, tmp_path / "in")

    def run() -> list[str]:
        run_mapping(database, DAY, DAY)
        run_filtering(database, DAY, DAY)
        assert_balanced_to_filtered(database)
        return sorted(read_partition(database, filtered.document, DAY)["record_id"])

    assert run() == ["R1"]
    entry = read_partition(database, filtered.quarantine, DAY).iloc[0]
    assert (entry["rule"], entry["owner"]) == ("unknown_encounter", "health information management")
    when = datetime(2026, 10, 6, tzinfo=UTC)
    about = (database, entry["record_id"], entry["rule"])
    assert decide(*about, "corrected", "a.clerk", "label on the sheet", when, "encounter_number", "E1") == DAY
    assert run() == ["R1", "R2"]
    filed = read_partition(database, filtered.document, DAY).set_index("record_id")
    assert filed.at["R2", "repairs"] == [
        {"rule": "corrected_by_person", "column": "encounter_number", "from": "E77", "to": "E1"}
    ]
    decide(*about, "withdrawn", "a.clerk", "the wrong patient after all", when + timedelta(hours=1))
    assert run() == ["R1"]


def test_a_document_with_a_slip_in_its_number_is_filed_or_offered(database: sa.Engine, tmp_path: Path) -> None:
    """Sure by everything it says: filed alone, noted as a repair. In between: a person gets the candidates."""
    stays = [stay(f"E{1000 + 37 * n}", f"M{5000 + 41 * n}") for n in range(30)]
    people = [
        patient(f"M{5000 + 41 * n}", last_name=f"Name{chr(65 + n % 26)}{n}", birth_date=f"19{40 + n}-0{1 + n % 9}-11")
        for n in range(30)
    ]
    sure = note("R1", "E1138", "Seen.", mrn="M5123")  # E1111, the record number agrees
    unsure = note("R2", "E1112", "Seen.")  # one digit off E1111, and of no other; nothing else said
    write(tmp_path / "in", patient=people, encounter=stays, scanned_record=[sure, unsure])
    _land(database, tmp_path / "in")
    run_mapping(database, DAY, DAY)
    aside = read_partition(database, mapped.unmatched, DAY)
    carried = read_partition(database, mapped.document, DAY)
    assert len(aside) + len(carried) == 2
    for notes in carried["repairs"]:
        assert notes[0]["rule"] == "linked_number"
    offered = [c for c in aside["candidates"] if c]
    assert offered
    assert offered[0][0]["encounter_number"] == "E1111"
    assert {"field", "level", "weight"} <= set(offered[0][0]["fields"][0])


def test_an_encounter_with_a_slip_in_its_record_number_is_offered_its_patient(
    database: sa.Engine, tmp_path: Path
) -> None:
    people = [patient(f"M{5000 + 41 * n}") for n in range(30)]
    write(tmp_path / "in", patient=people, encounter=[stay("E1", "M5124"), stay("E2", "M5041")])
    _land(database, tmp_path / "in")
    run_mapping(database, DAY, DAY)
    aside = read_partition(database, mapped.unmatched, DAY)
    assert aside["rule"].tolist() == ["unknown_patient"]
    assert {c["mrn"] for c in aside["candidates"][0]} == {"M5123", "M5164"}  # the two that are one character off
    assert "2 possible patients" in aside["reason"][0]


def assert_balanced_to_filtered(engine: sa.Engine) -> None:
    """In = carried + set aside up to `filtered`."""
    from medcode_ml.store.accounting import accounts

    for stage in ("raw", "mapped", "filtered"):
        assert [a for a in accounts(engine, stage, DAY, DAY) if not a.balances] == []


@given(numbers=st.lists(st.text("AB0é-ß ", min_size=1, max_size=3), min_size=1, max_size=30), size=st.integers(1, 9))
@trials(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranges_hold_every_row_once(database: sa.Engine, numbers: list[str], size: int) -> None:
    import pandas as pd

    table = raw.delivered_tables["charge"]
    rows = pd.DataFrame({"encounter_number": numbers, "line_number": [str(n) for n in range(len(numbers))]})
    rows = rows.assign(
        received_date=DAY, source="folder", source_file="f", source_line=2, copy_number=1, hospital_id="H1"
    )
    with database.begin() as connection:
        connection.execute(sa.delete(table))
        copy_in(connection, table, rows)
        seen: list[str] = []
        homes: dict[str, set[int]] = {}
        for at, part in enumerate(key_ranges(connection, DAY, [table], KEY, size)):
            query = sa.select(table.c.line_number, table.c.encounter_number).where(part.of(table, DAY))
            for line, number in connection.execute(query):
                seen.append(line)
                homes.setdefault(number, set()).add(at)
    assert sorted(seen, key=int) == [str(n) for n in range(len(numbers))]
    assert all(len(parts) == 1 for parts in homes.values())  # all rows of a key stand in one range


def test_an_encounter_delivered_again_stands_once_and_a_corrected_one_is_taken(
    database: sa.Engine, tmp_path: Path
) -> None:
    """A stay that was carried stands; one that a rule had set aside is taken from the delivery that corrects it."""
    good, wrong = stay("E1", "M1"), stay("E2", "M2", discharge_date="2026-09-01")
    write(tmp_path / "in", patient=[patient("M1"), patient("M2")], encounter=[good, wrong])
    again = [stay("E1", "M1"), stay("E2", "M2")]
    write(tmp_path / "in", day="2026-10-06", patient=[patient("M1"), patient("M2")], encounter=again)
    first, second = DAY, date(2026, 10, 6)
    run_intake(database, FolderSource(tmp_path / "in"), first, second, page_work())
    run_mapping(database, first, second)
    run_filtering(database, first, second)
    carried = [read_partition(database, filtered.encounter, day) for day in (first, second)]
    assert [frame["encounter_number"].tolist() for frame in carried] == [["E1"], ["E2"]]
    rules = read_partition(database, filtered.quarantine, second)[["record_kind", "rule"]].values.tolist()
    assert ["encounter", "already_received"] in rules


def test_a_death_under_another_number_stops_an_admission_until_the_link_is_undone(
    database: sa.Engine, tmp_path: Path
) -> None:
    """One person under two numbers: what one record says holds for the other, until somebody parts them."""
    one = {"last_name": "Quilliam", "first_name": "Oswin", "birth_date": "1947-03-19", "ssn": "219099999"}
    dead, alive = patient("M1", **one, death_date="2026-09-01"), patient("M2", **one)
    write(tmp_path / "in", patient=[dead, alive], encounter=[stay("E2", "M2")])
    _land(database, tmp_path / "in")
    run_mapping(database, DAY, DAY)
    ids = sorted(read_partition(database, mapped.patient, DAY)["patient_id"])
    when = datetime(2026, 10, 6, tzinfo=UTC)

    def carried() -> int:
        assert run_linkage(database).rows["person"] == 2
        run_filtering(database, DAY, DAY)
        assert_balanced_to_filtered(database)
        return len(read_partition(database, filtered.encounter, DAY))

    decide_link(database, ids[0], ids[1], "same", "a.clerk", "same card", when)
    assert carried() == 0
    rule = "alive_at_admission_under_every_number"
    assert rule in set(read_partition(database, filtered.quarantine, DAY)["rule"])
    decide_link(database, ids[0], ids[1], "different", "a.clerk", "twins' cards mixed up", when + timedelta(hours=1))
    assert days_of_decision(database, ids[0], ids[1]) == (DAY,)
    assert carried() == 1


def test_an_encounter_waits_for_a_patient_that_was_set_aside_days_before(database: sa.Engine, tmp_path: Path) -> None:
    write(tmp_path / "in", patient=[patient("M1", birth_date="2062-01-01")], encounter=[])
    write(tmp_path / "in", day="2026-10-06", patient=[], encounter=[stay("E1", "M1")])
    second = date(2026, 10, 6)
    run_intake(database, FolderSource(tmp_path / "in"), DAY, second, page_work())
    run_mapping(database, DAY, second)
    run_filtering(database, DAY, second)
    assert len(read_partition(database, mapped.encounter, second)) == 1
    assert read_partition(database, filtered.encounter, second).empty
    assert "patient_set_aside" in set(read_partition(database, filtered.quarantine, second)["rule"])
