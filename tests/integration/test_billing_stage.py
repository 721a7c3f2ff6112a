"""The billing stage on a real database: lines, what-ifs, duplicates of other days, older databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from support.delivery import charge, note, patient, stay, write

from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.stage import run_billing
from medcode_ml.contracts import billed, ranked
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.store.frames import read_partition
from medcode_ml.store.migrate import MIGRATIONS, _config, migrate

pytestmark = pytest.mark.integration

FIRST, SECOND = date(2026, 10, 5), date(2026, 10, 6)
_TEXT = "DISCHARGE DIAGNOSES:\n1. Pneumonia, unspecified organism.\n2. Acute kidney injury.\n"


def _deliver(root: Path, day: date, **encounters: dict[str, str]) -> None:
    """One stay an encounter number, all of one patient, each with a note and a room charge."""
    write(
        root,
        day.isoformat(),
        patient=[patient("M1")],
        encounter=[stay(number, "M1", **changes) for number, changes in encounters.items()],
        charge=[charge(number, 7) for number in encounters],
        scanned_record=[note(f"R{number}", number, _TEXT) for number in encounters],
    )


@pytest.fixture
def stages(database: sa.Engine, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Run raw to ranked over both days, then billing."""
    from medcode_ml.coding.stage import run_coding
    from medcode_ml.filtering.stage import run_filtering
    from medcode_ml.intake.folder import FolderSource
    from medcode_ml.intake.landing import run_intake
    from medcode_ml.intake.page_store import PageWork
    from medcode_ml.mapping.stage import run_mapping
    from medcode_ml.ranking.stage import run_ranking

    def run(root: Path) -> None:
        run_intake(database, FolderSource(root), FIRST, SECOND, PageWork(tmp_path / "store", 1, 30))
        for stage in (run_mapping, run_filtering, run_coding, run_ranking):
            stage(database, FIRST, SECOND)
        run_billing(database, FIRST, SECOND, load_payers())

    return run


def _edits(engine: sa.Engine, day: date) -> set[tuple[str, int]]:
    edits = read_partition(engine, billed.claim_edit, day)
    return set(edits[["edit", "edit_number"]].itertuples(index=False, name=None))


def test_lines_and_what_ifs_of_a_day_and_nothing_changes_when_it_runs_again(database, stages, tmp_path) -> None:
    _deliver(tmp_path, FIRST, E1={})
    stages(tmp_path)
    tables = (billed.claim, billed.claim_line, billed.claim_edit, billed.payment_factor, billed.what_if)
    before = [read_partition(database, table, FIRST) for table in tables]
    (line,) = before[1].to_dict("records")
    assert (line["line_number"], line["charge_number"], line["revenue_code"]) == (1, 7, "0120")
    assert (line["units"], line["charge"], line["service_date"]) == (4, 1200, date(2026, 9, 28))
    order = read_partition(database, ranked.encounter_code, FIRST)
    others = order[order["eligible"] & ~order["principal"].astype(bool)]["code"].tolist()
    assert others
    assert before[4]["principal_code"].tolist() == sorted(others)[: len(before[4])]
    run_billing(database, FIRST, SECOND, load_payers())
    for table, frame in zip(tables, before, strict=True):
        pd.testing.assert_frame_equal(read_partition(database, table, FIRST), frame)


def test_a_stay_that_was_claimed_on_an_earlier_day_is_a_duplicate_and_its_own_redelivery_is_not(
    database, stages, tmp_path
) -> None:
    _deliver(tmp_path, FIRST, E1={})
    _deliver(tmp_path, SECOND, E1={}, E2={})
    stages(tmp_path)
    claims = {day: read_partition(database, billed.claim, day) for day in (FIRST, SECOND)}
    assert ("duplicate_claim", 415) not in _edits(database, FIRST)
    assert claims[FIRST]["fingerprint"].nunique() == 1
    edits = read_partition(database, billed.claim_edit, SECOND)
    told = edits[edits["edit"] == "duplicate_claim"]["encounter_id"].tolist()
    again = set(claims[FIRST]["encounter_id"])
    assert told
    assert again.isdisjoint(told)


@pytest.fixture
def old_database(database: sa.Engine) -> Iterator[sa.Engine]:
    """The database as it was before edits had numbers; brought up to date again afterwards."""
    assert MIGRATIONS.is_dir()
    with database.begin() as connection:
        for view in reversed(VIEWS):
            connection.execute(sa.text(f"DROP VIEW mart.{view.name}"))
        command.downgrade(_config(connection), "0004")
    yield database
    migrate(database)


def test_edits_raised_before_get_their_numbers(old_database: sa.Engine) -> None:
    with old_database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO billed.edit VALUES "
                "('2026-10-05', 'E1', 1, 'npi_invalid', 'medcode', 'error', NULL, 's', 'r'), "
                "('2026-10-05', 'E1', 2, 'poa_missing', 'medcode', 'error', 'I10', 's', 'r')"
            )
        )
    migrate(old_database)
    edits = read_partition(old_database, billed.claim_edit, FIRST)
    assert edits[["place", "edit", "edit_number"]].values.tolist() == [[1, "npi_invalid", 304], [2, "poa_missing", 504]]


def test_files_written_before_get_their_sequence_and_set(database: sa.Engine) -> None:
    """From 0006 on with rows: one file a payer and type was the first, its claims stood in one set unless too many."""
    with database.begin() as connection:
        for view in reversed(VIEWS):
            connection.execute(sa.text(f"DROP VIEW mart.{view.name}"))
        command.downgrade(_config(connection), "0006")
        for control, claims in (("000000011", 2), ("000000022", 5001)):
            connection.execute(
                sa.text(
                    "INSERT INTO billed.interchange (received_date, payer_id, claim_type, control_number, file, "
                    "sha256, claims, total_charge, validator, written_at) VALUES "
                    f"('2026-10-05', 'P{claims}', '837I', '{control}', 'f', 's', {claims}, 1, 'pyx12: valid', now())"
                )
            )
            connection.execute(
                sa.text(
                    "INSERT INTO billed.interchange_claim (received_date, encounter_id, claim_number, control_number, "
                    f"diagnoses) VALUES ('2026-10-05', 'E{claims}', 'N{claims}', '{control}', '[]')"
                )
            )
    migrate(database)
    members = read_partition(database, billed.interchange_claim, FIRST).sort_values("control_number")
    assert members[["sequence", "set_control_number", "frequency_code", "total_charge"]].values.tolist() == [
        [1, "0001", "1", None], [1, None, "1", None]
    ]  # fmt: skip
    assert read_partition(database, billed.interchange, FIRST)["sequence"].tolist() == [1, 1]
