"""Insurers' answers against a real PostgreSQL: landed, read and matched once, whatever comes again, in any order."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from support.answer_files import as_bytes, claim, denied, interchange, isa, payment_file, remittance, transaction
from support.tables import contents

from medcode_ml.billing.answers.arrivals import Inbox, run_answer_files
from medcode_ml.billing.answers.kept import KeptFileError, KeptFiles
from medcode_ml.billing.answers.progress import net
from medcode_ml.billing.answers.stage import run_answers
from medcode_ml.billing.answers.verdicts import unbalanced_payments, unmatched_claims
from medcode_ml.billing.batch import claim_number
from medcode_ml.contracts import answers, billed, mapped, raw
from medcode_ml.contracts.stage import StageResult
from medcode_ml.store.accounting import accounts
from medcode_ml.store.frames import copy_in, read_frame

pytestmark = pytest.mark.integration

DAY = date(2026, 10, 5)
NEXT, LATER = DAY + timedelta(1), DAY + timedelta(2)
REVERSAL = claim(charge="-1000", paid="-700", status="22", owed="", adjustments=["CAS*CO*45*-200", "CAS*PR*1*-100"])
CORRECTION = claim(paid="750", owed="50", adjustments=["CAS*CO*45*200", "CAS*PR*1*50"], payer_number="ICN2")


class Desk:
    """A billing office: claims that went out, an inbox, and the two stages of the answers."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine, self.inbox, self.kept = engine, folder / "inbox", KeptFiles(folder / "kept")

    def sent(self, number: str, charge: str, *, day: date = DAY, payer: str = "P1", held: bool = False) -> None:
        encounter = f"E-{number}"
        row = {
            "encounter_id": encounter, "claim_number": number, "claim_type": "837I", "frequency_code": "1",
            "hospital_id": "H", "payer_id": payer, "discharge_date": day, "total_charge": Decimal(charge),
            "status": "held" if held else "ready", "held_because": [], "transmitted_codes": 1,
        }  # fmt: skip
        self.add(billed.claim, day, row)
        edit = {
            "encounter_id": encounter, "place": 1, "edit_number": 113, "edit": "unspecified_code", "level": "warning",
            "edited_by": "medcode", "sentence": "s", "remedy": "r",
        }  # fmt: skip
        self.add(billed.claim_edit, day, edit)
        if not held:
            went = {
                "encounter_id": encounter, "claim_number": number, "control_number": "000000146", "sequence": 1,
                "set_control_number": "0001", "frequency_code": "1", "total_charge": Decimal(charge),
                "diagnoses": ["J18.9", "I10"],
            }  # fmt: skip
            self.add(billed.interchange_claim, day, went)

    def add(self, table: sa.Table, day: date, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            copy_in(connection, table, pd.DataFrame(rows, dtype=object).assign(received_date=day))

    def arrives(self, day: date, data: bytes, name: str = "a.835") -> None:
        path = self.inbox / day.isoformat() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def run(self, first: date = DAY, last: date | None = None) -> StageResult:
        last = last or first
        run_answer_files(self.engine, first, last, [Inbox(self.inbox)], self.kept, DAY)
        found = run_answers(self.engine, first, last, self.kept)
        for stage in ("raw.answer_file", "billed.remittance"):
            lines = accounts(self.engine, stage, DAY, LATER)
            assert [a for a in lines if not a.balances] == []
        return found

    def rows(self, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
        chosen = [table.c[c] for c in columns]
        frame = read_frame(self.engine, sa.select(*chosen).order_by(table.c.received_date, *chosen))
        return [tuple(row) for row in frame.itertuples(index=False, name=None)]


@pytest.fixture
def desk(database: sa.Engine, tmp_path: Path) -> Desk:
    found = Desk(database, tmp_path)
    found.sent("C1", "1000")
    found.sent("C2", "500")
    return found


OUTCOMES = ("received_date", "control_number", "outcome", "encounter_id")


def test_a_payment_is_matched_and_its_denial_leads_to_codes_and_edits(desk: Desk) -> None:
    desk.arrives(NEXT, payment_file([claim("C1"), denied("C2", "500", "CAS*CO*197*500")]))
    found = desk.run(NEXT)
    assert desk.rows(answers.remittance_claim, *OUTCOMES) == [
        (NEXT, "C1", "matched", "E-C1"), (NEXT, "C2", "matched", "E-C2")
    ]  # fmt: skip
    told = ("denial_key", "kind", "amount", "encounter_id", "codes", "edits")
    assert desk.rows(answers.denial, *told) == [
        ("CO-197", "claim", Decimal("500.00"), "E-C2", ["J18.9", "I10"], ["unspecified_code"])
    ]
    assert found.figures["paid_matched_usd"] == "700.00"
    assert found.figures["mean_days_to_answer"] == 1.0
    assert found.figures["claims_waiting"] == 0
    assert found.listing[1] == (("CO-197", "500.00", 1),)


def test_a_file_is_processed_once_on_whatever_day_under_whatever_name(desk: Desk) -> None:
    data = payment_file([claim("C1")])
    desk.arrives(DAY, data)
    desk.arrives(DAY, data, "the same again.x12")
    desk.arrives(NEXT, data, "nested/other name.x12")
    # the same payment inside another file, beside a new one
    payments = [remittance([claim("C1")]), remittance([denied("C2")], trace="T2", number=2)]
    desk.arrives(LATER, as_bytes(interchange(payments, control=9)))
    desk.run(DAY, LATER)
    assert desk.rows(answers.remittance_claim, *OUTCOMES) == [
        (DAY, "C1", "matched", "E-C1"), (LATER, "C2", "matched", "E-C2")
    ]  # fmt: skip
    assert desk.rows(answers.answer_set, "received_date", "status", "claims", "claims_repeated") == [
        (DAY, "read", 1, 0), (NEXT, "repeated", 1, 1), (LATER, "read", 1, 0), (LATER, "read", 1, 1)
    ]  # fmt: skip
    assert desk.rows(answers.answer_file, "received_date", "copies", "first_received") == [
        (DAY, 2, DAY), (NEXT, 1, DAY), (LATER, 1, LATER)
    ]  # fmt: skip
    names = [name for (name,) in desk.rows(answers.answer_file, "name")]
    assert not any("name" in name or "again" in name for name in names), "the name it came with may tell a person"


def test_running_again_changes_nothing_whatever_ran_in_between(desk: Desk) -> None:
    desk.arrives(DAY, payment_file([claim("C1")]))
    desk.arrives(NEXT, payment_file([claim("C1")], control=2))
    desk.arrives(NEXT, payment_file([denied("C2"), claim("CX")], trace="T2"), "b")
    desk.run(DAY, NEXT)
    before = contents(desk.engine)
    for first, last in ((DAY, DAY), (NEXT, NEXT), (DAY, NEXT)):
        desk.run(first, last)
        assert contents(desk.engine) == before


def test_an_earlier_day_that_runs_later_takes_its_answers_back(desk: Desk) -> None:
    desk.arrives(NEXT, payment_file([claim("C1")]))
    desk.run(NEXT)
    desk.arrives(DAY, payment_file([claim("C1")]))
    assert desk.run(DAY).figures["later_days_put_right"] == 1
    assert desk.rows(answers.remittance_claim, *OUTCOMES) == [(DAY, "C1", "matched", "E-C1")]
    assert desk.rows(answers.answer_file, "received_date", "first_received") == [(DAY, DAY), (NEXT, DAY)]
    assert desk.rows(answers.answer_set, "received_date", "status") == [(DAY, "read"), (NEXT, "repeated")]


def test_a_reversal_and_its_correction_on_a_later_day_net_right(desk: Desk) -> None:
    desk.arrives(DAY, payment_file([claim("C1")]))
    desk.arrives(LATER, payment_file([REVERSAL, CORRECTION], trace="T2", control=2))
    desk.run(DAY, LATER)
    columns = (
        "remittance_claim_id",
        "remittance_id",
        "payment_date",
        "status",
        "paid",
        "patient_responsibility",
        "payer_control_number",
    )
    rows = [dict(zip(columns, row, strict=True)) for row in desk.rows(answers.remittance_claim, *columns)]
    assert net(rows) == ("paid", Decimal("750.00"), Decimal("50.00"))


def test_what_is_unmatched_unbalanced_or_refused_is_kept_with_its_reason(desk: Desk) -> None:
    desk.sent("H1", "80", held=True)
    desk.arrives(
        DAY, payment_file([claim("CX"), claim("C1", "999", "699"), claim("H1", "80", "80", owed="", adjustments=[])])
    )
    desk.arrives(DAY, payment_file([denied("C2")], trace="T2", paid="7", control=2), "off")
    broken = interchange([remittance([claim("C1")], trace="T3")], control=3)
    desk.arrives(DAY, as_bytes([s.replace("SE*", "SE*9") for s in broken]), "broken")
    found = desk.run()
    kept = {(number, outcome): because for number, outcome, because in
            desk.rows(answers.remittance_claim, "control_number", "outcome", "because")}  # fmt: skip
    assert set(kept) == {
        ("CX", "unmatched"),
        ("C1", "unmatched"),
        ("H1", "unmatched"),
        ("C2", "unbalanced"),
        ("C1", "refused"),
    }
    assert kept["H1", "unmatched"] == [
        "not sent: our claim with this control number is held, it never went out from here"
    ]
    assert "off by 7.00 dollars" in kept["C2", "unbalanced"][0]
    assert desk.rows(answers.denial, "denial_key") == []
    assert found.figures["claims_refused"] == found.figures["claims_unbalanced"] == 1
    assert unmatched_claims(desk.engine, DAY, DAY) == {"another amount": 1, "not sent": 1, "unknown control number": 1}
    assert unbalanced_payments(desk.engine, DAY, DAY) == {"P1": 1}


def test_acknowledgements_and_claim_statuses_find_their_837(desk: Desk) -> None:
    guide = "005010X231A1"
    body = ["AK1*HC*146*005010X223A2", "AK2*837*0001*005010X223A2", "IK3*NM1*9*2010*8", "CTX*CLM01:C2",
            "IK4*9*67*I10*SECRET", "IK5*R*5", "AK9*R*1*1*0"]  # fmt: skip
    desk.arrives(
        DAY, as_bytes(interchange([transaction("999", body, guide=guide)], function="FA", guide=guide)), "b.999"
    )
    guide = "005010X214"
    body = ["BHT*0085*08*1*20261120*0900*TH", "HL*1**20*1", "NM1*PR*2*PLAN*****PI*P1", "TRN*1*A1",
            "DTP*050*D8*20261120", "DTP*009*D8*20261120", "HL*2*1*21*1", "NM1*41*2*HOSPITAL*****46*SUB",
            "TRN*2*0000001460001",
            "STC*A1:19:PR*20261120*WQ*1500", "HL*3*2*19*1", "NM1*85*2*HARBOUR*****XX*1234567893", "TRN*1*0",
            "HL*4*3*PT", "NM1*QC*1*DOE", "TRN*2*C1", "STC*A7:562:85*20261120*U*1000"]  # fmt: skip
    desk.arrives(
        DAY, as_bytes(interchange([transaction("277", body, guide=guide)], function="HN", guide=guide)), "b.277"
    )
    desk.arrives(DAY, as_bytes([*isa(5), "TA1*000000999*261120*0900*R*009", "IEA*0*000000005"]), "b.ta1")
    found = desk.run()
    assert desk.rows(answers.acknowledgement, "level", "status", "outcome") == [
        ("group", "rejected", "matched"), ("interchange", "rejected", "unmatched"),
        ("transaction_set", "rejected", "matched"),
    ]  # fmt: skip
    assert desk.rows(answers.acknowledgement_fault, "claim_number", "bad_value") == [("C2", "SECRET")]
    assert desk.rows(answers.claim_status, "level", "status", "outcome", "encounter_id") == [
        ("claim", "rejected", "matched", "E-C1"), ("receiver", "accepted", "matched", None)
    ]  # fmt: skip
    assert found.figures["claims_rejected_by_277CA"] == 1
    assert "SECRET" not in repr(found)


def test_files_that_are_no_answers_are_kept_and_said(desk: Desk) -> None:
    for name, data in (("empty", b""), ("blank", b" \n"), ("text", b"Dear Sir"), ("claims", as_bytes(interchange(
        [transaction("837", ["BHT*0019"])]))), ("upload.part", b"half"), (".hidden", b"x")):  # fmt: skip
        desk.arrives(DAY, data, name)
    desk.arrives(DAY - timedelta(1), b"too early", "x")
    (desk.inbox / "beside the days").write_bytes(b"x")
    result = run_answer_files(desk.engine, DAY, DAY, [Inbox(desk.inbox)], desk.kept, DAY)
    assert result.figures["files_outside_a_day"] == 2
    desk.run()
    assert len(desk.rows(answers.answer_file, "name")) == 4
    assert sorted(b for (b,) in desk.rows(answers.answer_unread, "because")) == [
        "8 bytes outside any interchange (no ISA before them)", "the file is empty", "the file is empty"
    ]  # fmt: skip
    assert desk.rows(answers.answer_set, "transaction", "status") == [("837", "not_read")]


def test_a_file_stays_that_arrived_once_and_one_that_is_lost_is_missed(desk: Desk) -> None:
    desk.arrives(DAY, payment_file([claim("C1")]))
    desk.run()
    before = contents(desk.engine)
    (desk.inbox / DAY.isoformat() / "a.835").unlink()
    desk.run()
    assert contents(desk.engine) == before
    for path in desk.kept.folder.rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(KeptFileError, match="put the file in the inbox of its day"):
        desk.run()
    assert contents(desk.engine) == before, "the old rows stay"


def test_delivered_payments_are_answers_too(desk: Desk) -> None:
    number = claim_number("E-9")
    desk.sent(number, "100")
    with desk.engine.begin() as connection:
        connection.execute(
            sa.update(billed.claim).where(billed.claim.c.claim_number == number).values(encounter_id="E-9")
        )
        sent = billed.interchange_claim
        connection.execute(sa.update(sent).where(sent.c.claim_number == number).values(encounter_id="E-9"))
    empty = {c.name: [] if str(c.type) == "JSONB" else "" for c in mapped.encounter.columns
             if not c.nullable and c.name != "received_date"}  # fmt: skip
    desk.add(mapped.encounter, DAY, {**empty, "encounter_id": "E-9", "source": "folder", "hospital_id": "H",
                                     "encounter_number": "A17"})  # fmt: skip
    row = {
        "source": "folder", "source_file": "remittance.csv", "source_line": 2, "copy_number": 1, "payer_id": "P1",
        "trace_number": "T9", "line_number": "1", "hospital_id": "H", "encounter_number": "00a-17",
        "remittance_date": "2026-10-06", "charge": "100.00", "paid": "60.00", "patient_responsibility": "0.00",
        "adjustments": "CO:45::30.00|CO:97:M15:10.00",
    }  # fmt: skip
    unknown = {**row, "source_line": 3, "line_number": "2", "encounter_number": "B2"}
    desk.add(raw.delivered_tables["remittance"], NEXT, row, unknown, {**row, "source_line": 4, "copy_number": 2})
    desk.run(NEXT)
    assert desk.rows(answers.remittance_claim, *OUTCOMES) == [
        (NEXT, number, "matched", "E-9"), (NEXT, None, "unmatched", None)
    ]  # fmt: skip
    assert desk.rows(answers.denial, "denial_key", "kind") == [("CO-97-M15", "reduction")]
    assert desk.rows(answers.answer_set, "transaction", "claims", "claims_repeated") == [("rows", 3, 1)]


def test_what_a_payer_writes_fits_the_tables(desk: Desk) -> None:
    """Twelve digits in every amount and count, and sums of them."""
    most = "999999999999.99"
    count = "999999999999"
    wild = [
        f"CLP*C1*1*{most}*{most}*{most}*MA*I*11*1**193*{count}*{count}.123456", f"CAS*CO*45*{most}*{count}",
        f"CAS*PR*1*{most}", "NM1*QC*1", f"SVC*HC:99213*{most}*{most}**{count}*HC:99214*{count}", f"CAS*CO*45*-{most}",
    ]  # fmt: skip
    desk.arrives(DAY, payment_file([wild, wild], paid=most, footer=[f"PLB*1*20261231*WO:X*{most}*L6:Y*{most}"]))
    desk.run()
    assert [o for (o,) in desk.rows(answers.remittance_claim, "outcome")] == ["unbalanced", "unbalanced"]


def test_a_large_835_needs_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """Keeping a file copies it block by block."""
    code = (
        "import resource, sys; from pathlib import Path; from medcode_ml.billing.answers.kept import KeptFiles\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(KeptFiles(Path(sys.argv[1]) / 'kept').put(Path(sys.argv[1]) / 'large').size)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    with (tmp_path / "large").open("wb") as file:
        file.truncate(200 << 20)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    size, more = map(int, done.stdout.split())
    assert size == 200 << 20
    assert more < 20 << 10, "kilobytes"
