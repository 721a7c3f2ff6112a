"""Raw to billed on a small simulated network, through Dagster on a real PostgreSQL."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.tables import assert_balanced, contents

from medcode_ml.settings import Settings, settings
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.delivery import write_delivery
from medcode_ml.store.database import make_engine
from medcode_ml.store.embedded import EmbeddedServer

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIRST, LAST = date(2026, 9, 29), date(2026, 10, 2)
SMALL = NetworkConfig(seed=8, encounters=40, first_day=FIRST, last_day=LAST, scanned_pages=20)
#: planted fault -> the rule that must set it aside
CAUGHT_BY = {
    "blank": "blank_page",
    "duplicate_page": "duplicate_page",
    "misfiled_page": "identity_mismatch",
    "page_missing": "page_count",
    "truncated_file": "broken_file",
    "code_not_valid_at_discharge": "icd10cm_in_release",
    "birth_date_in_future": "birth_not_in_future",
    "empty_note": "text_not_empty",
    "discharge_before_admission": "admission_not_after_discharge",
    "wrong_revenue_code": "revenue_code_has_format",
    "document_under_unknown_encounter": "unknown_encounter",
    "procedure_after_discharge": "procedure_within_stay",
    "unknown_patient": "unknown_patient",
    "death_date_but_discharged_home": "death_agrees_with_status",
}
ROOT = Path(__file__).resolve().parents[2]
RUN = [
    sys.executable,
    "-c",
    "import sys; from medcode_assets.cli import main; sys.argv = ['medcode', *sys.argv[1:]]; main()",
]


class Network:
    """A MEDCODE_HOME of its own with a small delivery, and `medcode` run in a process of its own on it."""

    def __init__(self, home: Path, delivery: Path) -> None:
        self.home, self.delivery = home, delivery
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MEDCODE_", "DAGSTER_"))},
            "MEDCODE_HOME": str(home),
            "MEDCODE_SOURCE": "folder",
            "MEDCODE_SOURCE_DIR": str(delivery),
            "MEDCODE_OCR_WORKERS": "1",
        }
        self.server = EmbeddedServer(Settings(home=home))

    def medcode(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*RUN, *arguments], env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def engine(self) -> sa.Engine:
        return make_engine(self.server.ensure())


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, medcode_home: Path) -> Path:
    return write_delivery(SMALL, tmp_path_factory.mktemp("small") / "delivery")


@pytest.fixture(scope="module")
def network(delivery: Path, tmp_path_factory: pytest.TempPathFactory, medcode_home: Path) -> Iterator[Network]:
    home = tmp_path_factory.mktemp("network")
    # The reference tables are the same for everyone: linked, not baked again.
    (home / "reference").symlink_to(settings().reference_dir)
    made = Network(home, delivery)
    done = made.medcode("run")
    assert done.returncode == 0, done.stdout + done.stderr
    made.report = done.stdout  # type: ignore[attr-defined]
    yield made
    made.server.remove()


def test_the_report_says_what_came_in_and_out(network: Network) -> None:
    report = network.report  # type: ignore[attr-defined]
    for line in (
        "records in      ",
        "pages           ",
        "quarantined     ",
        "claims          ",
        "expected        $",
        "837 files",
    ):
        assert line in report
    assert "DOES NOT BALANCE" not in report


def test_in_is_carried_plus_set_aside_at_every_stage(network: Network) -> None:
    assert_balanced(network.engine(), FIRST, LAST)


def test_most_claims_are_ready_and_each_837_file_is_valid(network: Network) -> None:
    with network.engine().connect() as connection:
        ready, held = connection.execute(
            sa.text(
                "SELECT count(*) FILTER (WHERE status = 'ready'), count(*) FILTER (WHERE status = 'held') "
                "FROM mart.claim"
            )
        ).one()
        files = connection.execute(sa.text("SELECT file, validator FROM billed.interchange")).all()
    assert ready > held > 0
    assert files
    assert {verdict for _, verdict in files} == {"pyx12: valid"}
    assert all((network.home / "outbox" / file).stat().st_size > 500 for file, _ in files)


def test_rule_15_a_claim_is_grouped_from_exactly_the_codes_it_transmits(network: Network) -> None:
    query = sa.text(
        "SELECT i.diagnoses, (SELECT array_agg(r.code ORDER BY r.rank) FROM ranked.encounter_code r "
        "WHERE r.encounter_id = i.encounter_id) FROM billed.interchange_claim i"
    )
    with network.engine().connect() as connection:
        rows = connection.execute(query).all()
    assert rows
    for transmitted, ranked in rows:
        assert set(transmitted) <= set(ranked)
        assert transmitted[0] == ranked[0]


def test_every_accepted_code_from_documents_leads_back_to_its_characters(network: Network) -> None:
    query = sa.text(
        "SELECT v.text, substr(d.text, v.start_offset + 1, v.end_offset - v.start_offset), d.origin, v.boxes "
        "FROM coded.evidence v JOIN filtered.document d USING (received_date, document_id)"
    )
    with network.engine().connect() as connection:
        rows = connection.execute(query).all()
        without = connection.execute(
            sa.text(
                "SELECT count(*) FROM coded.encounter_code c WHERE accepted AND origin = 'documents' AND NOT EXISTS "
                "(SELECT 1 FROM coded.evidence v WHERE v.encounter_id = c.encounter_id AND v.code = c.code)"
            )
        ).scalar_one()
    assert without == 0
    assert all(text == there for text, there, _, _ in rows)
    scanned = [boxes for _, _, origin, boxes in rows if origin == "pages"]
    assert scanned
    assert all(box["box"][0] < box["box"][2] for boxes in scanned for box in boxes or [])
    assert sum(1 for boxes in scanned if boxes) > 0.95 * len(scanned)


def test_every_planted_fault_is_caught_by_its_rule(network: Network) -> None:
    with (network.delivery / "_truth" / "faults.csv").open(encoding="utf-8", newline="") as handle:
        planted = Counter(CAUGHT_BY[row["kind"]] for row in csv.DictReader(handle) if row["kind"] in CAUGHT_BY)
    with network.engine().connect() as connection:
        rules = Counter(connection.execute(sa.text("SELECT rule FROM mart.quarantine")).scalars())
    assert {"blank_page", "duplicate_page", "identity_mismatch"} <= set(planted)
    assert {rule: rules[rule] for rule in planted if rules[rule] < planted[rule]} == {}


def test_metadata_and_run_configuration_hold_no_patient_data(network: Network) -> None:
    with network.engine().connect() as connection:
        people = connection.execute(sa.text("SELECT last_name, first_name, mrn FROM raw.patient")).all()
        events = connection.execute(sa.text("SELECT event FROM dagster.event_logs")).scalars().all()
        runs = connection.execute(sa.text("SELECT run_body FROM dagster.runs")).scalars().all()
    said = "\n".join([*events, *runs])
    assert len(said) > 10_000
    for last, first, mrn in people:
        assert mrn not in said
        assert f"{last}, {first}" not in said
        assert f"{first} {last}" not in said


def test_checks_of_every_stage_passed(network: Network) -> None:
    query = sa.text("SELECT event FROM dagster.event_logs WHERE dagster_event_type = 'ASSET_CHECK_EVALUATION'")
    with network.engine().connect() as connection:
        events = [json.loads(e) for e in connection.execute(query).scalars()]
    names = [e["dagster_event"]["event_specific_data"]["check_name"] for e in events]
    assert {"schema_matches_contract", "key_is_unique", "accounting_balances", "codes_exist_in_release",
            "interchanges_are_valid"} <= set(names)  # fmt: skip
    assert all(e["dagster_event"]["event_specific_data"]["success"] for e in events)


def test_a_second_run_changes_nothing(network: Network) -> None:
    before = contents(network.engine())
    files = {p: p.read_bytes() for p in (network.home / "outbox").rglob("*.x12")}
    done = network.medcode("run")
    assert done.returncode == 0, done.stdout + done.stderr
    after = contents(network.engine())
    assert [table for table in before if after[table] != before[table]] == []
    assert {p: p.read_bytes() for p in (network.home / "outbox").rglob("*.x12")} == files


def test_a_run_killed_at_any_point_and_run_again_gives_the_same_tables(
    network: Network, delivery: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = contents(network.engine())
    home = tmp_path_factory.mktemp("killed")
    (home / "reference").symlink_to(settings().reference_dir)
    killed = Network(home, delivery)
    try:
        for seconds in (4.0, 9.0, 13.0, 17.0):
            process = subprocess.Popen(
                [*RUN, "run"], env=killed.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            time.sleep(seconds)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        done = killed.medcode("run")
        assert done.returncode == 0, done.stdout + done.stderr
        again = contents(killed.engine())
        assert [table for table in whole if again[table] != whole[table]] == []
    finally:
        killed.server.remove()


def test_a_released_page_is_read_into_its_document(network: Network) -> None:
    find = sa.text(
        "SELECT record_id, rule, received_date FROM mart.quarantine WHERE record_kind = 'page' AND releasable LIMIT 1"
    )
    with network.engine().connect() as connection:
        record, rule, day = connection.execute(find).one()
    said = ("quarantine", "release", record, "--rule", rule, "--by", "a.coder", "--note", "belongs to it")
    done = network.medcode(*said, "--run")
    assert done.returncode == 0, done.stderr
    assert str(day) in done.stdout
    with network.engine().connect() as connection:
        left = connection.execute(sa.text("SELECT count(*) FROM mart.quarantine WHERE record_id = :r"), {"r": record})
        assert left.scalar_one() == 0
        placed = connection.execute(
            sa.text("SELECT count(*) FROM mapped.document_page WHERE page_id = :r"), {"r": record}
        )
        assert placed.scalar_one() == 1
    assert_balanced(network.engine(), FIRST, LAST)
    nobody = network.medcode("quarantine", "release", "nobody", *said[3:])
    assert nobody.returncode == 1
    assert f"no record nobody under rule {rule}" in nobody.stderr


def test_an_export_reads_back_as_the_same_records(network: Network, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    done = network.medcode("export", "--out", str(out))
    assert done.returncode == 0, done.stderr
    from medcode_ml.intake.folder import FolderSource

    sent, back = FolderSource(network.delivery), FolderSource(out)
    assert back.received_dates() == sent.received_dates()
    for day in sent.received_dates():
        first = {f.table: f.rows.drop(columns="source_line") for f in sent.read(day) if len(f.rows)}
        second = {f.table: f.rows.drop(columns="source_line") for f in back.read(day) if len(f.rows)}
        assert first.keys() == second.keys()
        for table, rows in first.items():
            assert sorted(map(repr, rows.to_dict("records"))) == sorted(map(repr, second[table].to_dict("records"))), (
                table
            )
    assert list(out.rglob("pages/*"))
