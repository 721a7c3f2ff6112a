"""Files by others: each is read, or refused with a reason; none without either."""

from __future__ import annotations

from datetime import date, datetime

from medcode_ml.benchmarks.x12_examples import READ, REFUSED, verdict, verdicts
from medcode_ml.billing.x12.interchange import interchanges
from medcode_ml.billing.x12.parties import Sender

SENDER = Sender("MEDCODE", "Harbour Network Billing", "Billing Office", "6175550100")


def _enrolment(ours: str) -> str:
    """Another transaction in our envelope."""
    isa = ours[:106]
    return isa + (
        f"GS*BE*A*B*20261121*1200*1*X*005010X220A1~ST*834*0001*005010X220A1~SE*2*0001~GE*1*1~IEA*1*{isa[90:99]}~"
    )


def test_every_file_is_read_or_refused_with_a_reason(record, bill_all, tmp_path):
    result = bill_all(record())
    (one,) = interchanges(result.frames, result.billed.claims, SENDER, date(2026, 11, 21), datetime(2026, 11, 21, 12))
    given = {
        "claims.x12": (one.text, READ, "1 claims"),
        "cut.x12": (one.text[: len(one.text) // 2], REFUSED, ""),
        "enrolment.txt": (_enrolment(one.text), REFUSED, "834"),
        "licence.txt": ("Permission is granted", REFUSED, "no X12"),
        "nothing.txt": ("", REFUSED, "no X12"),
    }
    for name, (text, _, _) in given.items():
        (tmp_path / name).write_text(text)
    found = {v.name: v for v in verdicts(tmp_path)}
    assert {name: v.outcome for name, v in found.items()} == {name: outcome for name, (_, outcome, _) in given.items()}
    for name, (_, outcome, words) in given.items():
        assert words in found[name].what
        assert bool(found[name].why) == (outcome == REFUSED) or name == "claims.x12"


def test_bytes_that_are_no_text_are_refused_with_a_reason():
    one = verdict("noise", bytes(range(256)) * 20)
    assert (one.outcome, bool(one.why)) == (REFUSED, True)
