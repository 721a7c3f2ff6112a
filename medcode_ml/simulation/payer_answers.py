"""Files of simulated payers: a 999 on the day of an 837, a 277CA on the next, an 835 some days later. SYNTHETIC.

Every file is marked as a test (ISA15) and names a simulated sender, so that nobody takes one for a payer's. The same
claims give the same bytes. As at real payers not all is well: some payments do not balance, pay a claim that nobody
sent, or arrive twice. Replacements and voids are acknowledged; their settlement is not simulated, they wait.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from medcode_ml.simulation.answer_segments import FUNCTIONS, GUIDES, as_bytes, header, trailer, transaction
from medcode_ml.simulation.payer_decisions import LONGEST, ZERO, Decision, SentClaim, SettledLine, Settlement, decide
from medcode_ml.simulation.remittances import PAYS_BY_ROWS

SENDER = "SIMULATED"
_RECEIVER = "MEDCODE"
_PATIENT = "NM1*QC*1*SYNTHETIC*PATIENT****MI*SYNTHETIC"
#: one payment in so many is off, pays an unknown claim, comes again on the next day
_UNBALANCED_EVERY, _UNKNOWN_EVERY, _TWICE_EVERY = 23, 17, 11
_OFF = Decimal("10.00")
_UNKNOWN_CHARGE = Decimal("1234.00")
_CLAIM_GUIDES = {"837I": "005010X223A2", "837P": "005010X222A1"}
#: CLP06: Medicare part A, Medicaid; every other payer a preferred provider organisation
_FILING = {"medicare": "MA", "medicaid": "MC"}
_OTHER_FILING = "12"
_UNSAFE = re.compile(r"[^A-Z0-9 .,&'/()-]")


def answers_on(day: date, claims: Iterable[SentClaim]) -> list[bytes]:
    """The files that arrive on `day`; claims sent more than `LONGEST` + 1 days before it, or after it, say nothing."""
    known = sorted(
        (one for one in claims if 0 <= (day - one.sent_on).days <= LONGEST + 1),
        key=lambda one: (one.payer_id, one.control_number, one.set_control_number, one.npi, one.claim_number),
    )
    decided = [(one, decide(one)) for one in known]
    yesterday = day - timedelta(days=1)
    return [
        *_acknowledgements(day, [one for one in known if one.sent_on == day]),
        *_claim_statuses(day, [pair for pair in decided if pair[0].sent_on == yesterday]),
        *(file for _, file in _payments(day, decided)),
        *(file for key, file in _payments(yesterday, decided) if _falls_on(_TWICE_EVERY, "twice", key)),
    ]


def _interchange(kind: str, day: date, key: str, bodies: Sequence[Sequence[str]]) -> bytes:
    control = 1 + _number(kind, key) % 999_999_999
    opening = header(FUNCTIONS[kind], GUIDES[kind], control, sender=SENDER, receiver=_RECEIVER, day=day, test=True)
    sets = [transaction(kind, body, number) for number, body in enumerate(bodies, 1)]
    return as_bytes([*opening, *(segment for one in sets for segment in one), *trailer(control, len(sets))])


def _number(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256(" ".join(parts).encode()).digest()[:8], "big")


def _falls_on(every: int, what: str, key: str) -> bool:
    return _number(what, key) % every == 0


def _grouped(claims: Iterable[SentClaim]) -> dict[str, list[SentClaim]]:
    groups: dict[str, list[SentClaim]] = defaultdict(list)
    for one in claims:
        groups[one.control_number].append(one)
    return groups


# 999 and 277CA --------------------------------------------------------------------------------------------------------


def _acknowledgements(day: date, claims: list[SentClaim]) -> list[bytes]:
    files = []
    for control, some in sorted(_grouped(claims).items()):
        guide = _CLAIM_GUIDES[some[0].claim_type]
        sets = sorted({one.set_control_number for one in some})
        verdicts = [segment for one in sets for segment in (f"AK2*837*{one}*{guide}", "IK5*A")]
        body = [f"AK1*HC*{int(control)}*{guide}", *verdicts, f"AK9*A*{len(sets)}*{len(sets)}*{len(sets)}"]
        files.append(_interchange("999", day, control, [body]))
    return files


def _claim_statuses(day: date, decided: list[tuple[SentClaim, Decision]]) -> list[bytes]:
    decisions = dict(decided)
    files = []
    for control, some in sorted(_grouped(decisions).items()):
        by_set: dict[str, list[SentClaim]] = defaultdict(list)
        for one in some:
            by_set[one.set_control_number].append(one)
        bodies = [_batch(day, control + number, members, decisions) for number, members in sorted(by_set.items())]
        files.append(_interchange("277", day, control, bodies))
    return files


def _batch(day: date, batch: str, claims: list[SentClaim], decisions: dict[SentClaim, Decision]) -> list[str]:
    """The body of one 277CA: the batch as a whole, then provider by provider its claims."""
    payer, on = claims[0], f"{day:%Y%m%d}"
    good = [one for one in claims if decisions[one].rejection is None]
    bad = [one for one in claims if decisions[one].rejection is not None]
    said = [
        f"BHT*0085*08*{batch}*{on}*0900*TH", "HL*1**20*1",
        f"NM1*PR*2*{_name(payer.payer_name)}*****PI*{payer.payer_id}",
        f"TRN*1*{batch}", f"DTP*050*D8*{payer.sent_on:%Y%m%d}", f"DTP*009*D8*{on}", "HL*2*1*21*1",
        f"NM1*41*2*{_RECEIVER}*****46*{_RECEIVER}", f"TRN*2*{batch}",
        f"STC*A1:19:PR*{on}*WQ*{_money(sum((one.charge for one in claims), ZERO))}",
        *([f"QTY*90*{len(good)}"] if good else []), *([f"QTY*AA*{len(bad)}"] if bad else []),
        *([f"AMT*YU*{_money(sum((one.charge for one in good), ZERO))}"] if good else []),
        *([f"AMT*YY*{_money(sum((one.charge for one in bad), ZERO))}"] if bad else []),
    ]  # fmt: skip
    level, provider, npi = 2, 0, ""
    for one in claims:
        if one.npi != npi:
            level, npi = level + 1, one.npi
            provider = level
            of_provider = sum((other.charge for other in claims if other.npi == npi), ZERO)
            said += [
                f"HL*{level}*2*19*1", f"NM1*85*2*{_name(one.hospital)}*****XX*{one.npi}", "TRN*1*0",
                f"STC*A1:19:PR**WQ*{_money(of_provider)}",
            ]  # fmt: skip
        level += 1
        rejection = decisions[one].rejection
        status, action = (rejection, "U") if rejection is not None else ("A2:20:PR", "WQ")
        first, last = one.first_day or one.sent_on, one.last_day or one.sent_on
        said += [
            f"HL*{level}*{provider}*PT", _PATIENT, f"TRN*2*{one.claim_number}",
            f"STC*{status}*{on}*{action}*{_money(one.charge)}",
            *([] if rejection is not None else [f"REF*1K*{one.payer_number}"]),
            f"DTP*472*RD8*{first:%Y%m%d}-{last:%Y%m%d}",
        ]  # fmt: skip
    return said


# 835 ------------------------------------------------------------------------------------------------------------------


def _payments(day: date, decided: list[tuple[SentClaim, Decision]]) -> list[tuple[str, bytes]]:
    """The payments of a day, one for each payer and hospital, each with the key its accidents are drawn by."""
    due: dict[tuple[str, str], list[tuple[SentClaim, Settlement]]] = defaultdict(list)
    for one, decision in decided:
        if one.payer_id in PAYS_BY_ROWS or one.frequency != "1":
            continue
        for settlement in decision.settlements:
            if settlement.day == day:
                due[one.payer_id, one.npi].append((one, settlement))
    return [_payment(day, payer, npi, some) for (payer, npi), some in sorted(due.items())]


def _payment(day: date, payer: str, npi: str, settled: list[tuple[SentClaim, Settlement]]) -> tuple[str, bytes]:
    key, first = f"{payer} {npi} {day}", settled[0][0]
    said = [segment for one, settlement in settled for segment in _claim(one, settlement)]
    total = sum((settlement.paid for _, settlement in settled), ZERO)
    if _falls_on(_UNKNOWN_EVERY, "unknown", key):
        number = f"SIM{_number('unknown', key) % 10**12:012d}"
        said += [f"CLP*{number}*1*{_money(_UNKNOWN_CHARGE)}*{_money(_UNKNOWN_CHARGE)}**12*{number}*11*1",
                 _PATIENT]  # fmt: skip
        total += _UNKNOWN_CHARGE
    footer, paid = [], total
    if total < 0:
        # more was taken back than paid: the rest goes into the next payment
        footer, paid = [f"PLB*{npi}*{day.year}1231*FB:{payer}{day:%Y%m%d}*{_money(total)}"], ZERO
    elif _falls_on(_UNBALANCED_EVERY, "unbalanced", key):
        paid += _OFF
    trace = f"SIM{payer}{npi[-4:]}{day:%Y%m%d}"
    head = [
        f"BPR*{'I' if paid else 'H'}*{_money(paid)}*C*{'CHK' if paid else 'NON'}************{day:%Y%m%d}",
        f"TRN*1*{trace}*1999999999", f"DTM*405*{day:%Y%m%d}", f"N1*PR*{_name(first.payer_name)}*XV*{payer}",
        "N3*1 SIMULATED WAY", "N4*SPRINGFIELD*MA*011030000", "PER*BL*SIMULATED PAYER*TE*5550100100",
        f"N1*PE*{_name(first.hospital)}*XX*{npi}", "LX*1",
    ]  # fmt: skip
    return key, _interchange("835", day, key, [[*head, *said, *footer]])


def _claim(one: SentClaim, settlement: Settlement) -> list[str]:
    filing = _FILING.get(one.payer_kind, _OTHER_FILING)
    owed = _money(settlement.owed) if settlement.owed > 0 else ""
    drg = f"**{one.drg}" if one.inpatient and one.drg else ""
    clp = (
        f"CLP*{one.claim_number}*{settlement.status}*{_money(settlement.charge)}*{_money(settlement.paid)}*{owed}*{filing}"
        f"*{one.payer_number}*{'11' if one.inpatient else '13'}*1{drg}"
    )
    said = [clp, *_adjusted(settlement.adjustments), _PATIENT]
    said += [f"MIA*0****{settlement.remark}"] if settlement.remark else []
    said += [f"DTM*232*{one.first_day:%Y%m%d}"] if one.first_day else []
    said += [f"DTM*233*{one.last_day:%Y%m%d}"] if one.last_day else []
    return said + [segment for line in settlement.lines for segment in _line(line, one)]


def _line(settled: SettledLine, one: SentClaim) -> list[str]:
    line = settled.line
    service = f"HC:{line.hcpcs}" if line.hcpcs else f"NU:{line.revenue_code or '0001'}"
    revenue = line.revenue_code if line.hcpcs and line.revenue_code else ""
    units = f"{line.units.normalize():f}" if line.units else "1"
    said = [f"SVC*{service}*{_money(line.charge)}*{_money(settled.paid)}*{revenue}*{units}"]
    when = line.day or one.first_day
    said += [f"DTM*472*{when:%Y%m%d}"] if when else []
    said += [*_adjusted(settled.adjustments), f"REF*6R*{line.number}"]
    return said + ([f"LQ*HE*{settled.remark}"] if settled.remark else [])


def _adjusted(told: Iterable[tuple[str, str, Decimal]]) -> list[str]:
    """A CAS for each group with all its reasons."""
    groups: dict[str, str] = {}
    for group, reason, amount in told:
        before = f"{groups[group]}**" if group in groups else f"CAS*{group}*"
        groups[group] = f"{before}{reason}*{_money(amount)}"
    return list(groups.values())


def _money(amount: Decimal) -> str:
    written = f"{amount:.2f}"
    return written.rstrip("0").rstrip(".")


def _name(written: str) -> str:
    return _UNSAFE.sub(" ", written.upper())[:60].strip() or "SIMULATED"
