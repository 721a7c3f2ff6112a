"""Reading the segments of one 999 (005010X231A1), or a TA1, into rows: what was accepted, what rejected and why.

Codes are those of X12 elements 715, 717 (AK9, IK5), 620, 621 (IK3, IK4) and I18 (TA1). A copy of the bad value is kept
in its column and never quoted in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medcode_ml.billing.answers.envelope import TransactionSet
from medcode_ml.billing.answers.frames import Rows
from medcode_ml.billing.answers.segments import Delimiters
from medcode_ml.billing.answers.values import at, quantity, text
from medcode_ml.contracts.ids import record_hash

STATUSES = {
    "A": "accepted", "E": "accepted_with_errors", "P": "partly_accepted", "R": "rejected", "M": "rejected",
    "W": "rejected", "X": "rejected",
}  # fmt: skip
_SET = {
    "1": "transaction set not supported", "2": "trailer missing", "3": "control numbers of header and trailer differ",
    "4": "count of segments differs", "5": "one or more segments in error", "6": "set identifier missing or invalid",
    "7": "set control number missing or invalid", "8": "authentication key name unknown",
    "9": "encryption key name unknown", "10": "requested service not available", "11": "recipient unknown to the key",
    "12": "message authentication failed", "13": "integrity could not be verified",
    "15": "decryption failed", "18": "set is not in a functional group", "19": "version not supported",
    "23": "set control number not unique in the group", "I5": "implementation one or more segments in error",
    "I6": "implementation guide not supported",
}  # fmt: skip
_GROUP = {
    "1": "group not supported", "2": "group version not supported", "3": "group trailer missing",
    "4": "group control numbers of header and trailer differ", "5": "count of transaction sets differs",
    "6": "group control number invalid", "19": "group control number not unique",
}  # fmt: skip
_SEGMENT = {
    "1": "unrecognized segment", "2": "unexpected segment", "3": "required segment missing",
    "4": "loop occurs too often", "5": "segment occurs too often", "6": "segment not in the transaction set",
    "7": "segment not in its place", "8": "segment has elements in error", "I4": "segment that the guide does not use",
    "I6": "dependent segment missing", "I7": "loop occurs too seldom", "I8": "segment occurs too seldom",
    "I9": "dependent segment that must not be there",
}  # fmt: skip
_ELEMENT = {
    "1": "required element missing", "2": "conditionally required element missing", "3": "too many elements",
    "4": "element too short", "5": "element too long", "6": "invalid character", "7": "invalid code value",
    "8": "invalid date", "9": "invalid time", "10": "exclusion condition violated", "12": "too many repetitions",
    "13": "too many components", "I6": "code value that the guide does not use",
    "I9": "dependent element missing", "I10": "element that the guide does not use",
    "I11": "element occurs too seldom", "I12": "pattern of the element not matched",
    "I13": "dependent element that must not be there",
}  # fmt: skip
_INTERCHANGE = {
    "001": "control numbers of header and trailer differ", "002": "standard not supported",
    "003": "version not supported", "004": "segment terminator invalid", "005": "sender qualifier invalid",
    "006": "sender identifier invalid", "007": "receiver qualifier invalid", "008": "receiver identifier invalid",
    "009": "receiver unknown", "010": "authorization qualifier invalid", "011": "authorization value invalid",
    "012": "security qualifier invalid", "013": "security value invalid", "014": "interchange date invalid",
    "015": "interchange time invalid", "016": "standards value invalid", "017": "version value invalid",
    "018": "interchange control number invalid", "019": "acknowledgment requested value invalid",
    "020": "test indicator invalid", "021": "count of groups invalid", "022": "control structure invalid",
    "023": "file ends too early", "024": "content invalid", "025": "interchange control number stands twice",
    "026": "element separator invalid", "027": "component separator invalid",
}  # fmt: skip


def _told(codes: dict[str, str], code: str) -> str:
    return codes.get(code, f"code {code}")


class AcknowledgementReader:
    """Takes the segments of one 999 in their order; each AK2 and each AK9 becomes a row, and a TA1 one."""

    control_number: str | None = None

    def __init__(self, one: TransactionSet, set_id: str, delimiters: Delimiters, rows: Rows) -> None:
        self._set, self._set_id, self._rows = one, set_id, rows
        self._component = delimiters.component
        self._group: dict[str, Any] | None = None
        self._one: dict[str, Any] | None = None
        self._fault: dict[str, Any] | None = None
        self._faults: list[dict[str, Any]] = []
        self._place = 0
        self._handlers: dict[str, Callable[[list[str]], bool]] = {
            "AK1": self._ak1, "AK2": self._ak2, "IK3": self._ik3, "IK4": self._ik4, "CTX": self._ctx,
            "IK5": self._ik5, "AK9": self._ak9, "TA1": self._ta1, "ST": lambda _: True, "SE": lambda _: True,
        }  # fmt: skip

    def segment(self, number: int, elements: list[str]) -> bool:
        """Take one segment; False when it was not understood where it stands."""
        handler = self._handlers.get(elements[0])
        return handler is not None and handler(elements)

    def _row(self, level: str, **values: Any) -> str:
        self._place += 1
        key = record_hash("acknowledgement", self._set.content_id, self._place)
        self._rows.add(
            "acknowledgements", acknowledgement_id=key, set_id=self._set_id, level=level,
            envelope_faults=self._set.refused_because, **values,
        )  # fmt: skip
        return key

    def _ak1(self, e: list[str]) -> bool:
        self._group = {"group_control_number": text(e, 2), "acknowledged_transaction": text(e, 1)}
        return True

    def _ak2(self, e: list[str]) -> bool:
        self._close_set("", [])
        group = (self._group or {}).get("group_control_number")
        self._one = {
            "group_control_number": group, "acknowledged_transaction": text(e, 1), "set_control_number": text(e, 2)
        }  # fmt: skip
        return True

    def _ik3(self, e: list[str]) -> bool:
        if self._one is None:
            return False
        position = quantity(at(e, 2))
        where = f"segment {at(e, 2)} ({at(e, 1)})" + (f" in loop {at(e, 3)}" if at(e, 3) else "")
        self._fault = {
            "segment": text(e, 1), "segment_position": None if position is None else int(position),
            "loop": text(e, 3), "code": text(e, 4), "sentence": f"{where}: {_told(_SEGMENT, at(e, 4))}",
        }  # fmt: skip
        self._faults.append(self._fault)
        return True

    def _ik4(self, e: list[str]) -> bool:
        if self._fault is None:
            return False
        element, _, component = at(e, 1).partition(self._component)
        component = component.partition(self._component)[0]
        last = self._faults[-1]
        place = element + (f"-{component}" if component else "")
        where = f"segment {self._fault['segment_position']} ({self._fault['segment']})"
        own = {
            **self._fault, "element": element or None, "component": component or None, "data_element": text(e, 2),
            "code": text(e, 3), "sentence": f"{where}, element {place}: {_told(_ELEMENT, at(e, 3))}",
            "bad_value": text(e, 4),
        }  # fmt: skip
        if last is self._fault and at(e, 3):
            # "segment has elements in error" is said by its elements
            self._faults[-1] = own
        else:
            self._faults.append(own)
        return True

    def _ctx(self, e: list[str]) -> bool:
        if self._fault is None:
            return False
        name, _, value = at(e, 1).partition(self._component)
        if name == "CLM01":
            for fault in self._faults:
                if fault["segment_position"] == self._fault["segment_position"]:
                    fault["claim_number"] = value or None
            self._fault["claim_number"] = value or None
        return True

    def _ik5(self, e: list[str]) -> bool:
        if self._one is None:
            return False
        self._close_set(at(e, 1), [_told(_SET, code) for code in e[2:] if code])
        return True

    def _close_set(self, code: str, reasons: list[str]) -> None:
        if self._one is None:
            return
        one, self._one = self._one, None
        faults, self._faults, self._fault = self._faults, [], None
        told = [*reasons, *(fault["sentence"] for fault in faults)]
        status = STATUSES.get(code, "unknown")
        if status == "unknown":
            told.append("the 999 does not say whether the set was accepted (IK5)")
        key = self._row("transaction_set", code=code or None, status=status, reasons=told, **one)
        for number, fault in enumerate(faults, 1):
            self._rows.add("acknowledgement_faults", acknowledgement_id=key, fault_number=number, **fault)

    def _ak9(self, e: list[str]) -> bool:
        self._close_set("", [])
        if self._group is None:
            return False
        counts = [quantity(at(e, place)) for place in (3, 4)]
        received, accepted = (None if count is None else int(count) for count in counts)
        self._row(
            "group", code=text(e, 1), status=STATUSES.get(at(e, 1), "unknown"), sets_received=received,
            sets_accepted=accepted, reasons=[_told(_GROUP, code) for code in e[5:] if code], **self._group,
        )  # fmt: skip
        self._group = None
        return True

    def _ta1(self, e: list[str]) -> bool:
        note = at(e, 5)
        self._row(
            "interchange", interchange_control_number=text(e, 1), code=text(e, 4),
            status=STATUSES.get(at(e, 4), "unknown"),
            reasons=[] if note in ("", "000") else [_told(_INTERCHANGE, note)],
        )  # fmt: skip
        return True

    def close(self) -> None:
        """The set is at its end: a set or group without its trailer is told with an unknown status."""
        self._close_set("", [])
        if self._group is not None:
            self._row("group", status="unknown", reasons=["the 999 ends without AK9"], **self._group)
            self._group = None
