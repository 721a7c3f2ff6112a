"""Claims that are held or were sent, and what people decide about them, on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from support.billed_days import FIRST, SECOND, BilledDays

from medcode_ml.billing.files import run_claim_files
from medcode_ml.billing.held import HeldClaimError, days_to_run, decide, decisions_of, held_by_edit, held_claims
from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.stage import run_billing
from medcode_ml.billing.x12.reading import read_837
from medcode_ml.contracts import answers, billed
from medcode_ml.store.frames import read_partition

pytestmark = pytest.mark.integration


@pytest.fixture
def network(database: sa.Engine, tmp_path: Path) -> BilledDays:
    return BilledDays(database, tmp_path, {FIRST: ["E1"]})


def test_a_day_that_runs_again_unchanged_makes_the_same_bytes_sent_or_not(network):
    files, tables = network.files(), network.tables()
    assert len(files) == 1
    assert network.bill()["files_sent_before"] == 0
    group = str(int(read_partition(network.engine, billed.interchange, FIRST)["control_number"][0]))
    network.answers(answers.acknowledgement, level="group", status="accepted", group_control_number=group)
    assert network.bill()["files_sent_before"] == 1
    assert network.files() == files
    for before, now in zip(tables, network.tables(), strict=True):
        pd.testing.assert_frame_equal(before, now)


def test_before_any_answer_a_corrected_claim_is_written_into_the_same_file(network):
    (name,) = network.files()
    network.changes("1300.00")
    network.bill()
    assert list(network.files()) == [name]
    assert b"*1300*" in network.files()[name]


def test_a_change_after_an_answer_never_goes_out_as_a_second_original(network):
    """Replacement (frequency 7) with the number that the 277CA told, then a void (8); what was sent stays."""
    files = network.files()
    with pytest.raises(HeldClaimError, match="no answer tells the payer's number"):
        network.decides("replace")
    network.answers(answers.claim_status, level="claim", status="accepted", payer_control_number="ICN 77")
    network.changes("1300.00")
    network.bill()
    assert network.errors() == ["changed_after_sent"]
    assert network.claim()["status"] == "held"
    assert network.files() == files
    with pytest.raises(HeldClaimError, match="never released"):
        network.decides("released", edit="417")

    assert network.decides("replace") == FIRST
    assert days_to_run(network.engine) == [FIRST]
    assert network.bill()["replaced_or_voided"] == 1
    assert days_to_run(network.engine) == []
    claim = network.claim()
    assert (claim["status"], claim["frequency_code"], claim["payer_control_number"]) == ("ready", "7", "ICN 77")
    (replacement,) = network.files().keys() - files.keys()
    (sent,) = read_837(network.files()[replacement]).encounters.to_dict("records")
    assert (sent["frequency_code"], sent["payer_control_number"]) == ("7", "ICN 77")
    assert sent["claim_number"] == claim["claim_number"]
    members = read_partition(network.engine, billed.interchange_claim, FIRST).sort_values("sequence")
    assert members[["sequence", "set_control_number", "frequency_code", "total_charge"]].values.tolist() == [
        [1, "0001", "1", Decimal("1200.00")], [2, "0001", "7", Decimal("1300.00")]
    ]  # fmt: skip
    both = network.files()
    network.bill()
    assert network.files() == both

    network.decides("void", value="ICN 78")
    network.bill()
    (void,) = network.files().keys() - both.keys()
    assert read_837(network.files()[void]).encounters["frequency_code"].tolist() == ["8"]
    assert both.items() <= network.files().items()
    network.decides("withdrawn")
    assert days_to_run(network.engine) == [FIRST]
    network.bill()
    assert network.files() == both
    assert days_to_run(network.engine) == []
    outcomes = decisions_of(network.engine, claim["encounter_id"])["outcome"].tolist()
    assert outcomes == ["replace", "void", "withdrawn"]


def test_what_the_payer_rejected_goes_out_as_an_original_again_once_it_is_corrected(network):
    files = network.files()
    network.answers(answers.claim_status, level="claim", status="rejected")
    network.bill()
    assert network.files() == files
    with pytest.raises(HeldClaimError, match="never took it in"):
        network.decides("replace", value="ICN 77")
    network.changes("1300.00")
    network.bill()
    (again,) = network.files().keys() - files.keys()
    assert read_837(network.files()[again]).encounters["frequency_code"].tolist() == ["1"]
    assert files.items() <= network.files().items()


def test_a_transaction_set_that_a_999_rejected_was_never_taken_in(network):
    files = network.files()
    group = str(int(read_partition(network.engine, billed.interchange, FIRST)["control_number"][0]))
    network.answers(
        answers.acknowledgement, level="transaction_set", status="rejected", group_control_number=group,
        set_control_number="1",
    )  # fmt: skip
    network.changes("1300.00")
    network.bill()
    assert network.claim()["status"] == "ready"
    assert len(network.files()) == len(files) + 1


def test_a_stay_that_two_days_carry_goes_out_once(database, tmp_path):
    """The first delivery was set aside and is corrected after the second one was billed."""
    from medcode_ml.filtering.worklist import decide as decide_on_record

    network = BilledDays(database, tmp_path, {FIRST: ["E1"], SECOND: ["E1"]}, without=FIRST)
    record = network.claim(SECOND)["encounter_id"]
    assert read_partition(database, billed.claim, FIRST).empty
    decide_on_record(
        database, record, "discharge_date_present", "corrected", "a.coder", "ward book", datetime.now(UTC),
        "discharge_date", "2026-10-02",
    )  # fmt: skip
    network.filter_to_rank(FIRST)
    network.bill()
    assert network.errors(FIRST) == ["claim_already_sent"]
    assert network.errors(SECOND) == []
    assert len(network.files()) == 1
    network.changes("1300.00", FIRST)
    network.bill()
    assert network.errors(FIRST) == ["changed_after_sent"]
    (name,) = network.files()
    assert b"*1200*" in network.files()[name]


def test_a_release_takes_effect_when_the_day_runs_and_is_taken_back(database, tmp_path):
    network = BilledDays(database, tmp_path, {FIRST: ["E1", "E2"]})
    (row,) = held_by_edit(network.engine).to_dict("records")
    assert (row["number"], row["edit"], row["claims"], row["alone"], row["releasable"]) == (
        415, "duplicate_claim", 1, 1, True
    )  # fmt: skip
    (held,) = held_claims(network.engine, edit="415").to_dict("records")

    def says(outcome: str, **given: Any) -> date:
        when = datetime.now(UTC)
        return decide(network.engine, held["encounter_id"], outcome, "b.biller", "two stays", when, **given)

    assert says("released", edit="415") == FIRST
    assert days_to_run(network.engine) == [FIRST]
    figures = network.bill()
    assert (figures["claims_ready"], figures["claims_released"], figures["edits_released"]) == (2, 1, 1)
    assert held_by_edit(network.engine).empty
    edits = read_partition(network.engine, billed.claim_edit, FIRST)
    released = edits[edits["released_by"].notna()]
    assert released[["edit", "level", "released_by", "released_because"]].values.tolist() == [
        ["duplicate_claim", "error", "b.biller", "two stays"]
    ]
    says("withdrawn", edit="duplicate_claim")
    assert days_to_run(network.engine) == [FIRST]
    assert network.bill()["claims_held"] == 1
    assert days_to_run(network.engine) == []


_REFUSED = (
    ("released", {}, "names the edit"),
    ("released", {"edit": "301"}, "never released"),
    ("released", {"edit": "109"}, "does not have the edit age_conflict"),
    ("released", {"edit": "999"}, "no edit 999"),
    ("delay_reason", {"value": "12"}, "no delay reason 12"),
    ("delay_reason", {"value": "8"}, "does not have the edit timely_filing_passed"),
    ("withdrawn", {"edit": "109"}, "nothing to withdraw"),
    ("withdrawn", {}, "nothing stands .* replacement or void"),
    ("forgotten", {}, "choose released"),
)


def test_what_cannot_be_decided_is_told(network):
    for outcome, given, says in _REFUSED:
        with pytest.raises(HeldClaimError, match=says):
            network.decides(outcome, **given)
    claim = network.claim()
    with pytest.raises(HeldClaimError, match="no claim or encounter 4711"):
        decide(network.engine, "4711", "released", "b.biller", "why", datetime.now(UTC), edit="415")
    with pytest.raises(HeldClaimError, match="--by"):
        decide(network.engine, claim["claim_number"], "void", " ", "why", datetime.now(UTC))
    assert decisions_of(network.engine, claim["encounter_id"]).empty


def test_a_day_in_small_parts_is_billed_and_written_as_a_whole_one(database, tmp_path):
    """Duplicates across parts are found, and rows and codes are the same however few are in memory at a time."""
    network = BilledDays(database, tmp_path, {FIRST: [f"E{n}" for n in range(1, 7)]})
    claims, edits, members = network.tables()
    lines = read_partition(database, billed.claim_line, FIRST)
    assert edits["edit"].tolist().count("duplicate_claim") == 5
    run_billing(database, FIRST, FIRST, load_payers(), rows_at_once=3)
    run_claim_files(database, FIRST, FIRST, network.outbox, rows_at_once=3)
    for before, now in zip((claims, edits, members), network.tables(), strict=True):
        pd.testing.assert_frame_equal(before, now)
    pd.testing.assert_frame_equal(lines, read_partition(database, billed.claim_line, FIRST))
