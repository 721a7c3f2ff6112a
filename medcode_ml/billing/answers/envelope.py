"""The first pass over a file: its transaction sets, and what is wrong with their envelopes (rule 32).

A fault refuses everything inside the envelope it concerns: SE its transaction set, GE its group, IEA its interchange;
the rest of the file is read. A refused set is still read, so that its claims can be set apart, never lost. Because the
verdict comes before the second pass, claims can be handed on while a large set is still being read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from medcode_ml.billing.answers.balance import Sum
from medcode_ml.billing.answers.segments import Reader, Run, Stray
from medcode_ml.billing.answers.values import amount, at, same_number, text
from medcode_ml.contracts.ids import record_hash

#: transaction of a set by the functional identifier of its group, where the set's own ST is missing
_BY_GROUP = {"HP": "835", "HN": "277", "FA": "999"}
#: and by one of its segments, where the group's header is missing too
_BY_SEGMENT = {
    **dict.fromkeys(("BPR", "TRN", "N1", "LX", "CLP", "SVC", "CAS", "DTM", "PLB", "NM1", "MIA", "MOA"), "835"),
    **dict.fromkeys(("AK1", "AK2", "IK3", "IK4", "IK5", "AK9"), "999"),
    **dict.fromkeys(("BHT", "HL", "STC"), "277"),
}
READ = {"999": "005010X231", "277": "005010X214", "835": "005010X221"}
"""Transactions that are read, and how the name of their guide begins (TA1 has no guide)."""
_ANSWERS = frozenset({*READ, "TA1"})
_ISA_ELEMENTS = 17


@dataclass(slots=True)
class Interchange:
    """One ISA to IEA: its parties and control number. `sha256` is known at its end."""

    number: int
    first: int
    sender_id: str
    receiver_id: str
    control_number: str
    test: bool
    sha256: str = ""
    closed: bool = False
    repeated: bool = False
    """An earlier interchange of the file has the very same content."""
    faults: list[str] = field(default_factory=list)
    group_numbers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """One GS to GE; `number` None where segments stand in the interchange without any GS."""

    function: str
    number: str | None
    guide: str
    first: int
    sets: int = 0
    faults: list[str] = field(default_factory=list)
    set_numbers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TransactionSet:
    """One ST to SE, or a run of segments that stand where one should be. `first` to `last` are segment numbers."""

    number: int
    interchange: Interchange
    group: Group
    transaction: str
    guide: str
    control_number: str | None
    first: int
    last: int = 0
    faults: list[str] = field(default_factory=list)
    sum: Sum = field(default_factory=Sum)
    body: Any = field(default_factory=hashlib.sha256)

    @property
    def body_hash(self) -> str:
        """Hash of the segments between ST and SE: the same in whatever envelope they come."""
        return str(self.body.hexdigest())

    @property
    def content_id(self) -> str:
        """Id of the set by its content and place: the same in whatever file its interchange comes."""
        return record_hash("set", self.interchange.sha256, self.first - self.interchange.first)

    @property
    def refused_because(self) -> list[str]:
        """Every fault of the set and of the envelopes around it; none for a sound one."""
        return [*self.interchange.faults, *self.group.faults, *self.faults]

    @property
    def not_read_because(self) -> str | None:
        """Why a set is not one of the answers that are read, or None."""
        if self.transaction not in _ANSWERS:
            return f"transaction {self.transaction or 'without a name'} is no answer to a claim; 999, 277CA and 835 are"
        wanted = READ.get(self.transaction)
        if wanted is not None and self.guide and not self.guide.startswith(wanted):
            return f"transaction {self.transaction} follows guide {self.guide}, which is not read; ask for {wanted}"
        return None


@dataclass(slots=True)
class Survey:
    """What the first pass found in a file."""

    sha256: str = ""
    size: int = 0
    segments: int = 0
    interchanges: list[Interchange] = field(default_factory=list)
    sets: list[TransactionSet] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)


class _Surveyor:
    """Follows the envelopes of one file."""

    def __init__(self) -> None:
        self.found = Survey()
        self.interchange: Interchange | None = None
        self.group: Group | None = None
        self.set: TransactionSet | None = None
        self.number = 0

    def run(self, run: Run) -> None:
        element = run.delimiters.element
        self.number = run.first - 1
        for written in run.segments:
            self.number += 1
            name = written.partition(element)[0]
            handler = _ENVELOPE.get(name)
            if handler is not None:
                handler(self, written.split(element))
                continue
            if self.set is None:
                self._implicit(f"segments from {self.number} on stand outside a transaction set", name)
            assert self.set is not None  # _implicit opened it
            self.set.last = self.number
            self.set.body.update(written.encode() + b"\n")
            if "\x00" in written:
                self.set.faults.append(f"segment {self.number} holds a NUL byte")
            if name in _MONEY:
                self._money(name, written.split(element))
        if run.ended:
            self._close_interchange(run.sha256)

    def _money(self, name: str, elements: list[str]) -> None:
        assert self.set is not None
        sums = self.set.sum
        if name == "BPR":
            sums.paid = amount(at(elements, 2))
            if sums.paid is not None and at(elements, 3) == "D":
                sums.paid = -abs(sums.paid)
            return
        sums.count += name == "CLP"
        for place in (4,) if name == "CLP" else range(4, len(elements), 2):
            value = amount(at(elements, place))
            if value is None:
                sums.unreadable += 1
            elif name == "CLP":
                sums.claims += value
            else:
                sums.adjustments += value

    # opening ----------------------------------------------------------------------------------------------------

    def isa(self, elements: list[str]) -> None:
        one = Interchange(
            len(self.found.interchanges) + 1,
            self.number,
            at(elements, 6).strip(),
            at(elements, 8).strip(),
            at(elements, 13).strip(),
            at(elements, 15) == "T",
        )
        if len(elements) != _ISA_ELEMENTS:
            one.faults.append(f"interchange: ISA has {len(elements) - 1} elements, not 16")
        if any(same_number(one.control_number, other.control_number) for other in self.found.interchanges):
            one.faults += self._used_again(one)
        self.interchange = one
        self.found.interchanges.append(one)

    def _used_again(self, one: Interchange) -> list[str]:
        senders = {o.sender_id for o in self.found.interchanges if same_number(o.control_number, one.control_number)}
        if one.sender_id not in senders:
            return []
        return [f"interchange: control number {one.control_number} (ISA13) stands in this file already"]

    def gs(self, elements: list[str]) -> None:
        self._close_set("group")
        self._close_group("another group")
        self._open_group(Group(at(elements, 1), text(elements, 6), at(elements, 8), self.number))

    def _open_group(self, group: Group) -> None:
        interchange = self._inside()
        if group.number is not None:
            if group.number in interchange.group_numbers:
                group.faults.append(f"group: control number {group.number} (GS06) stands in this interchange already")
            interchange.group_numbers.append(group.number)
        self.group = group

    def st(self, elements: list[str]) -> None:
        self._close_set("transaction set")
        if self.group is None:
            self._open_group(Group("", None, "", self.number))
            assert self.group is not None
            self.group.faults.append(f"group: segment {self.number} (ST) stands outside a GS")
        group = self.group
        number = text(elements, 2)
        group.sets += 1
        self._open_set(at(elements, 1), at(elements, 3) or group.guide, number)
        assert self.set is not None
        if number is None:
            self.set.faults.append("transaction set: ST02 is empty")
        elif number in group.set_numbers:
            self.set.faults.append(f"transaction set: control number {number} (ST02) stands in this group already")
        else:
            group.set_numbers.append(number)

    def _open_set(self, transaction: str, guide: str, number: str | None) -> None:
        assert self.group is not None
        place = len(self.found.sets) + 1
        self.set = TransactionSet(
            place, self._inside(), self.group, transaction, guide, number, self.number, self.number
        )
        self.found.sets.append(self.set)

    def _implicit(self, fault: str, name: str = "") -> None:
        """Segments stand where no transaction set is open: they are kept as one, refused, so that nothing is lost."""
        if self.group is None:
            self._open_group(Group("", None, "", self.number))
        assert self.group is not None
        self._open_set(_BY_GROUP.get(self.group.function) or _BY_SEGMENT.get(name, ""), self.group.guide, None)
        assert self.set is not None
        self.set.faults.append(f"transaction set: {fault}")

    def _inside(self) -> Interchange:
        assert self.interchange is not None  # a run begins with its ISA
        return self.interchange

    def ta1(self, elements: list[str]) -> None:
        self._close_set("transaction set")
        group, self.group = self.group, Group("", None, "", self.number)
        self._open_set("TA1", "", text(elements, 1))
        self.set, self.group = None, group

    # closing ----------------------------------------------------------------------------------------------------

    def se(self, elements: list[str]) -> None:
        if self.set is None:
            self._implicit(f"segment {self.number} (SE) closes no ST")
        one, self.set = self.set, None
        assert one is not None
        one.last = self.number
        if one.control_number is None:
            return
        counted = one.last - one.first + 1
        if not same_number(at(elements, 1), str(counted)):
            one.faults.append(f"transaction set: SE01 counts {at(elements, 1) or 'no'} segments, the set has {counted}")
        if at(elements, 2) != one.control_number:
            one.faults.append("transaction set: SE02 is not the control number of its ST")

    def ge(self, elements: list[str]) -> None:
        self._close_set("group")
        if self.group is None or self.group.number is None:
            self._inside().faults.append(f"interchange: segment {self.number} (GE) closes no GS")
            self.group = None
            return
        group, self.group = self.group, None
        if not same_number(at(elements, 1), str(group.sets)):
            group.faults.append(f"group: GE01 counts {at(elements, 1) or 'no'} transaction sets, it has {group.sets}")
        if at(elements, 2) != group.number:
            group.faults.append("group: GE02 is not the control number of its GS")

    def iea(self, elements: list[str]) -> None:
        one = self._inside()
        self._close_set("interchange")
        self._close_group("the interchange")
        groups = len(one.group_numbers)
        if not same_number(at(elements, 1), str(groups)):
            one.faults.append(f"interchange: IEA01 counts {at(elements, 1) or 'no'} groups, it has {groups}")
        if at(elements, 2) != one.control_number:
            one.faults.append("interchange: IEA02 is not the control number of its ISA")
        if one.closed:
            one.faults.append(f"interchange: segment {self.number} (IEA) closes no ISA")
        one.closed = True

    def _close_set(self, by: str) -> None:
        if self.set is not None:
            if self.set.control_number is not None:
                self.set.faults.append(f"transaction set: the {by} ends at segment {self.number} without its SE")
            self.set = None

    def _close_group(self, by: str) -> None:
        if self.group is not None and self.group.number is not None:
            self.group.faults.append(f"group: it has no GE before {by} at segment {self.number}")
        self.group = None

    def _close_interchange(self, sha256: str) -> None:
        ended = self.found.interchanges[-1]
        ended.sha256 = sha256
        self._close_set("file or interchange")
        self._close_group("the end")
        if not ended.closed:
            ended.faults.append(f"interchange: it has no IEA; it ends after segment {self.number}")
        for earlier in self.found.interchanges[:-1]:
            if earlier.sha256 == sha256:
                ended.repeated = True
                # the same file twice in one is no fault: what it says is marked as repeated
                ended.faults = [*earlier.faults]
        self.interchange = None


_ENVELOPE = {
    "ISA": _Surveyor.isa, "GS": _Surveyor.gs, "ST": _Surveyor.st, "TA1": _Surveyor.ta1,
    "SE": _Surveyor.se, "GE": _Surveyor.ge, "IEA": _Surveyor.iea,
}  # fmt: skip
_MONEY = frozenset({"BPR", "CLP", "PLB"})


def survey(reader: Reader) -> Survey:
    """Read a file once and return its transaction sets with their faults, in the order of the file."""
    surveyor = _Surveyor()
    for part in reader.runs():
        if isinstance(part, Stray):
            surveyor.found.strays.append(part)
        else:
            surveyor.run(part)
    surveyor.found.sha256, surveyor.found.size = reader.hashed, reader.size
    surveyor.found.segments = surveyor.number
    return surveyor.found
