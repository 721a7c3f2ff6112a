"""Simulated payers: deterministic, labelled, balanced by rule 31 but where they are meant not to be, valid by pyx12."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

import pandas as pd
import pytest

from medcode_ml.billing.answers.frames import Answers, together
from medcode_ml.billing.answers.matching import Matched, match
from medcode_ml.billing.answers.progress import net
from medcode_ml.billing.answers.reading import read_answers
from medcode_ml.billing.answers.repeated import Seen, mark_repeated, without_repeated
from medcode_ml.simulation.payer_answers import answers_on
from medcode_ml.simulation.payer_decisions import LONGEST, SentClaim, SentLine, decide
from medcode_ml.simulation.remittances import PAYS_BY_ROWS

DAY = date(2026, 10, 1)
LAST = DAY + timedelta(days=LONGEST + 4)
PAYERS = (("MCRA1", "Medicare (simulated)", "medicare"), ("NEHP7", "Plan* ~ (simulated)", "commercial"),
          ("MCAID", "Medicaid (simulated)", "medicaid"))  # fmt: skip


def sent(n: int, *, frequency: str = "1") -> SentClaim:
    payer_id, name, kind = PAYERS[n % 3]
    inpatient = n % 2 == 0
    lines = tuple(
        SentLine(k, "0510", "99213" if k % 2 else None, Decimal("1.000000"), Decimal(f"{100 + n}.{k:02d}"), DAY)
        for k in range(1, 4)
    )
    charge = sum((one.charge for one in lines), Decimal(0))
    expected = (None, charge * Decimal("0.4"), charge * 2)[n % 3] if inpatient else charge * Decimal("0.3")
    day = DAY + timedelta(days=n % 3)
    return SentClaim(
        f"{n:016X}", "837I", frequency, payer_id, name, kind, f"12345678{90 + n % 2}", f"Hospital {n % 2}", inpatient,
        charge, expected, "193" if inpatient else None, DAY, DAY, day, f"{1000 + 10 * (n % 3) + day.day:09d}",
        "0001", lines,
    )  # fmt: skip


CLAIMS = [sent(n) for n in range(300)]


@lru_cache(maxsize=1)
def arrived() -> list[tuple[date, bytes]]:
    days = [DAY + timedelta(days=n) for n in range((LAST - DAY).days + 1)]
    return [(day, data) for day in days for data in answers_on(day, CLAIMS)]


@lru_cache(maxsize=1)
def read() -> Answers:
    seen = Seen()
    parts: Iterator[Answers] = (mark_repeated(read_answers(data, "a"), seen) for _, data in arrived())
    return together(list(parts))


def ours() -> pd.DataFrame:
    rows = [
        (c.claim_number, c.payer_id, c.charge, c.claim_number, c.control_number, c.set_control_number, c.sent_on)
        for c in CLAIMS
    ]
    columns = [
        "claim_number",
        "payer_id",
        "total_charge",
        "encounter_id",
        "control_number",
        "set_control_number",
        "sent_on",
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)


@lru_cache(maxsize=1)
def posted() -> Matched:
    return Matched(without_repeated(match(read(), ours()).answers))


def test_the_same_claims_give_the_same_bytes_in_whatever_company() -> None:
    for day, data in arrived()[:40]:
        assert data in answers_on(day, list(reversed(CLAIMS)))
    one = CLAIMS[4]
    assert decide(one) == decide(sent(4))
    assert {s.day for s in decide(one).settlements} <= {one.sent_on + timedelta(days=n) for n in range(4, LONGEST + 1)}


def test_every_file_says_that_it_is_synthetic() -> None:
    sets = read().sets
    assert set(sets["sender_id"]) == {"SIMULATED"}
    assert sets["test"].all()
    assert set(sets["status"]) == {"read", "repeated"}
    assert not len(read().unread)
    assert all(data.isascii() for _, data in arrived())


def test_rule_31_what_a_payer_settles_balances_to_the_cent() -> None:
    seen: Counter[str] = Counter()
    for one in CLAIMS:
        decision = decide(one)
        seen["rejected"] += decision.rejection is not None
        for settled in decision.settlements:
            seen[settled.status] += 1
            told = [*settled.adjustments, *(a for line in settled.lines for a in line.adjustments)]
            assert settled.charge - sum(amount for *_, amount in told) == settled.paid
            for line in settled.lines:
                assert line.line.charge - sum(amount for *_, amount in line.adjustments) == line.paid
            assert settled.status == "22" or (settled.paid >= 0 and settled.owed >= 0)
    assert seen["rejected"] > 2
    assert seen["4"] > 10
    assert seen["22"] > 2
    assert seen["1"] > 200


def test_claims_are_matched_and_what_goes_wrong_goes_wrong() -> None:
    claims, payments = posted().answers.remittance_claims, posted().answers.remittances
    assert (claims["outcome"] == "matched").mean() > 0.85
    assert {"unmatched", "unbalanced"} <= set(claims["outcome"])
    assert set(payments["outcome"]) == {"read", "unbalanced"}
    assert (read().remittances["outcome"] == "repeated").any()
    assert not set(payments["payer_id"]) & PAYS_BY_ROWS
    assert set(posted().answers.acknowledgements["outcome"]) == {"matched"}
    statuses = posted().answers.claim_statuses
    assert set(statuses["outcome"]) == {"matched"}
    assert set(statuses.loc[statuses["level"] == "claim", "status"]) == {"accepted", "rejected"}


def test_in_the_end_every_claim_is_answered_once_and_corrections_net_right() -> None:
    answered = posted().answers
    rejected = answered.claim_statuses["status"] == "rejected"
    known = set(answered.claim_statuses.loc[rejected, "control_number"]) | set(
        answered.remittance_claims["control_number"]
    )
    assert {c.claim_number for c in CLAIMS if c.payer_id not in PAYS_BY_ROWS} <= known
    paid = {c.claim_number: [s.paid for s in decide(c).settlements] for c in CLAIMS}
    matched = answered.remittance_claims[answered.remittance_claims["outcome"] == "matched"]
    for number, some in matched.groupby("claim_number"):
        assert list(some["paid"]) == paid[number] or len(some) < len(paid[number])
        if len(some) == 3:
            assert net(some.to_dict("records")) == ("paid", paid[number][2], owed_in_the_end(number))


def owed_in_the_end(number: str) -> Decimal:
    """What is left to the patient of a claim after its last settlement."""
    return next(decide(c).settlements[-1].owed for c in CLAIMS if c.claim_number == number)


def test_replacements_are_acknowledged_and_not_paid_twice() -> None:
    again = [sent(n, frequency="7") for n in range(20)]
    days = [DAY + timedelta(days=n) for n in range(LONGEST + 3)]
    kinds = {
        kind for day in days for data in answers_on(day, again) for kind in read_answers(data, "a").sets["transaction"]
    }
    assert kinds == {"999", "277"}


@pytest.mark.parametrize("kind", ["999", "277", "835"])
def test_files_are_valid_by_the_guides(kind: str) -> None:
    import pyx12.params
    import pyx12.x12n_document

    files = [data for _, data in arrived() if f"ST*{kind}*".encode() in data][:3]
    assert files
    for data in files:
        # what it finds fault with stands in the log that pytest captures
        assert pyx12.x12n_document.x12n_document(pyx12.params.params(), io.StringIO(data.decode()), None, None)
