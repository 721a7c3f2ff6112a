"""Cutting a large interchange into its transaction sets while it is read, each in an envelope of its own.

So a file of any size is judged in the memory of one set. What the cutting takes away, the counts and control numbers
of GE and IEA (rule 32), is checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medcode_ml.billing.x12.rules_837 import ISA_LENGTH

_CLOSES = {"SE": "ST", "GE": "GS", "IEA": "ISA"}
_OPENS = {"ISA": "", "GS": "ISA", "ST": "GS"}


class TransactionSets:
    """The sets of one interchange: iterate over them, and look at `faults` of the envelope afterwards."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = chunks
        self.faults: list[str] = []

    def __iter__(self) -> Iterator[str]:
        """Yield each transaction set as an interchange of its own; stop where the envelope is broken.

        Raises:
            ValueError: the text does not begin with a whole ISA segment.
        """
        inside: list[str] = []
        opened: dict[str, list[str]] = {}
        counts = {"ISA": 0, "GS": 0}
        body: list[str] = []
        for text, element, terminator in _segments(self._chunks):
            elements = text.split(element)
            name = elements[0]
            if name in _OPENS:
                if (inside[-1] if inside else "") != _OPENS[name]:
                    break
                inside.append(name)
                opened[name] = elements
                if name in counts:
                    counts[name] = 0
                body = [text]
            elif name in _CLOSES:
                if not inside or inside.pop() != _CLOSES[name]:
                    break
                if name == "SE":
                    counts["GS"] += 1
                    yield _alone(opened, [*body, text], element, terminator)
                else:
                    self._closed(name, elements, opened, counts)
                    counts["ISA"] += name == "GE"
            elif not inside or inside[-1] != "ST":
                break
            else:
                body.append(text)
        else:
            if not inside:
                return
        self.faults.append("the envelope is broken: ISA, GS, ST, SE, GE and IEA do not stand inside each other")

    def _closed(self, name: str, elements: list[str], opened: dict[str, list[str]], counts: dict[str, int]) -> None:
        opener, place = ("GS", 6) if name == "GE" else ("ISA", 13)
        said, number = [*elements[1:3], "", ""][:2]
        if said != str(counts[opener]):
            self.faults.append(f"{name}01 says {said}, counted {counts[opener]}")
        if [number] != opened[opener][place : place + 1]:
            self.faults.append(f"{name}02 {number} is not the control number of its {opener}")


def _alone(opened: dict[str, list[str]], body: list[str], element: str, terminator: str) -> str:
    """One set within the ISA and GS it stood in, and ends that count it alone."""
    isa, gs = opened["ISA"], opened["GS"]
    group, number = (gs[6:7] or [""])[0], (isa[13:14] or [""])[0]
    ends = [element.join(("GE", "1", group)), element.join(("IEA", "1", number))]
    return terminator.join([element.join(isa), element.join(gs), *body, *ends]) + terminator


def _segments(chunks: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield every segment with the element separator and terminator that ISA names."""
    waiting, element, terminator = "", "", ""
    for chunk in chunks:
        waiting += chunk
        if not terminator:
            if len(waiting) < ISA_LENGTH:
                continue
            element, terminator = _delimiters(waiting)
        *whole, waiting = waiting.split(terminator)
        for text in whole:
            yield text.strip("\r\n"), element, terminator
    if not terminator:
        _delimiters(waiting)
    if waiting.strip("\r\n"):
        yield waiting.strip("\r\n"), element, terminator


def _delimiters(text: str) -> tuple[str, str]:
    if len(text) < ISA_LENGTH or not text.startswith("ISA"):
        raise ValueError("the text does not begin with an ISA segment of 106 characters")
    return text[3], text[ISA_LENGTH - 1]
