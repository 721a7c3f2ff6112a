"""Persons made of links: records linked directly or through others, as far as no pair must be kept apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

Pair = tuple[str, str]
#: more records than these are never joined without a person's word: a placeholder name or number holds them together
MOST_RECORDS = 40


def ordered(a: str, b: str) -> Pair:
    """Return the pair with the smaller id in front."""
    return (a, b) if a < b else (b, a)


class Persons:
    """Records joined to persons link by link; a join that would bring a forbidden pair together is refused."""

    def __init__(self, forbidden: Iterable[Pair]) -> None:
        self._person: dict[str, str] = {}
        self._records: dict[str, list[str]] = {}
        self._foes: defaultdict[str, set[str]] = defaultdict(set)
        for a, b in forbidden:
            self._foes[a].add(b)
            self._foes[b].add(a)

    def of(self, record: str) -> str:
        """The person of a record: any one of its records, the same for all of them."""
        return self._person.get(record, record)

    def records(self, record: str) -> list[str]:
        """The records of a record's person."""
        return self._records.get(self.of(record), [record])

    def join(self, a: str, b: str, most: int | None = None) -> bool:
        """Make the persons of two records one; False where a forbidden pair or `most`, the largest size, forbid it."""
        if self.of(a) == self.of(b):
            return True
        ours, theirs = self.records(a), self.records(b)
        if most is not None and len(ours) + len(theirs) > most:
            return False
        foes: set[str] = set().union(*(self._foes.get(r, ()) for r in theirs))
        if foes and not foes.isdisjoint(ours):
            return False
        mine, other = self.of(a), self.of(b)
        if len(ours) < len(theirs):
            mine, other, ours, theirs = other, mine, theirs, ours
        self._records[mine] = [*ours, *theirs]
        self._records.pop(other, None)
        for record in (*ours, *theirs):
            self._person[record] = mine
        return True

    def groups(self) -> list[list[str]]:
        """The persons of more than one record."""
        return [records for records in self._records.values() if len(records) > 1]


def unweighed(links: Sequence[Pair], weighed: Collection[Pair]) -> list[Pair]:
    """Return the pairs of records that `links` would join through others and that nobody has weighed yet."""
    persons = Persons(())
    for a, b in links:
        persons.join(a, b, most=MOST_RECORDS)
    inside = (
        ordered(a, b)
        for records in persons.groups()
        if len(records) > 2
        for n, a in enumerate(records)
        for b in records[n + 1 :]
    )
    return sorted(p for p in inside if p not in weighed)
