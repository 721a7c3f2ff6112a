# ruff: noqa: E501  (patterns are read across, not down)
"""Numbers, addresses of the net and other identifiers that are known by their label or their form.

A labelled number may be misread by a scanner; an unlabelled one is taken only where its form leaves no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from medcode_ml.codes.identifiers import icd10cm_has_format, mbi_is_valid, npi_is_valid
from medcode_ml.filtering.deidentify.confusions import DIGIT as D
from medcode_ml.filtering.deidentify.confusions import digits_in, folded_number
from medcode_ml.filtering.deidentify.spans import WEAK, Span

#: what stands between a label and its value
_TO = (
    r"[ \t]*(?:\b(?:is|was|of|no|num|number)\b\.?|[#:=.№]|[ \t]|\((?:H|C|W|M|O|home|cell|work|mobile|office)\))*[ \t]*"
)
#: a value with at least one digit, in one or a few pieces
_VALUE = r"(?=[A-Za-z|-]{0,6}[0-9OoIl|SB])([A-Z0-9OoIl|][A-Za-z0-9|]*(?:[-./][A-Za-z0-9|]+)*)"
_SPACED = r"(?=[A-Za-z|-]{0,6}[0-9OoIl|SB])([A-Z0-9OoIl|][A-Za-z0-9|]*(?:[-./ ](?=[A-Za-z]{0,2}\d)[A-Za-z0-9|]+)*)"
_PHONE = rf"(?:\+?[1I|l][-. ]?)?\(?{D}{{3}}\)?[-. ]{{0,2}}{D}{{3}}[-. ]{{0,2}}{D}{{4}}(?: ?(?:x|ext\.?|extension|#) ?\d{{1,6}})?"


@dataclass(frozen=True)
class NumberPattern:
    """One way an identifier is written; the first group, if any, is the identifier."""

    kind: str
    pattern: re.Pattern[str]
    fewest_digits: int = 1


def _labelled(kind: str, labels: str, value: str = _VALUE, fewest: int = 2) -> NumberPattern:
    return NumberPattern(kind, re.compile(rf"(?<!\w)(?i:{labels})(?!\w){_TO}{value}(?!\w)"), fewest)


PATTERNS: Final = (
    _labelled("MRN", r"M\.?\s?R\.?\s?N\.?|MR ?(?:#|no\b|num)|med(?:ical)?\.? rec(?:ord)?s?(?: (?:no|num(?:ber)?))?|unit (?:no|number)|"
              r"chart(?: (?:no|number|id)| ?#)|(?:patient|pt) ?(?:id|identifier|no|number)|record (?:no|number|id)|"
              r"hospital (?:no|number|id)|HRN|MPI|EMPI", _SPACED),
    _labelled("ACCOUNT", r"acc(?:oun)?t\.?(?: (?:no|num(?:ber)?))?|encounter(?: (?:no|num(?:ber)?|id))?|(?:visit|case|billing|invoice|claim)"
              r" ?(?:no|num(?:ber)?|id|#)|FIN|CSN|HAR|bank(?: account)?|routing(?: no| number)?|admission (?:no|number|id)|"
              r"accession(?: (?:no|number))?|specimen (?:no|number|id)", _SPACED, 4),
    _labelled("MEMBER_ID", r"(?:member|subscriber|policy|insurance|insured|beneficiary|plan|group|card)(?:['’]s)? ?(?:id|no|num(?:ber)?|identifier|#)|"
              r"HICN?|MBI|medicare(?: (?:id|no|number)| ?#)|medicaid(?: (?:id|no|number)| ?#)|RxBIN|policy", _SPACED, 3),
    _labelled("LICENCE", r"NPI|DEA|UPIN|tax ?id|EIN|TIN|(?:(?:driver['’]?s?|medical|nursing|state|professional) )?(?:licen[cs]e|lic\.?|cert(?:ificate|ification)?\.?)"
              r"(?: (?:no|num(?:ber)?|id)| ?#)|passport(?: (?:no|number))?|DL ?#", _SPACED, 4),
    _labelled("DEVICE", r"serial(?: (?:no|num(?:ber)?|id))?|S/N|SN|ser\.? ?(?:no|#)|(?:device|implant|model|lot|pump|generator|lead|UDI|IMEI|"
              r"pacemaker|ICD)(?: (?:id|no|number|identifier|serial)| ?#)|UDI|IMEI|lot", _VALUE, 3),
    _labelled("VEHICLE", r"VIN|(?:license|licence) plates?|plates?(?: (?:no|number))?|registration(?: (?:no|number))?|tag (?:no|number)",
              r"(?=[A-Z -]{0,4}\d)([A-Z0-9]{2,17}(?:[- ][A-Z0-9]{2,5})?)", 2),
    _labelled("SSN", r"SSN?|SS ?#|soc(?:ial)?\.? sec(?:urity)?\.?(?: (?:no|num(?:ber)?))?|last (?:4|four)(?: (?:digits )?(?:of )?(?:SSN|social))?",
              rf"((?:[Xx*]{{3}}[- ]?[Xx*]{{2}}[- ]?)?{D}{{4}}|{D}{{3}}[-. ]?{D}{{2}}[-. ]?{D}{{4}})", 2),
    NumberPattern("SSN", re.compile(rf"(?<![\w-]){D}{{3}}([-. ]){D}{{2}}\1{D}{{4}}(?![\w]|-\d)"), 6),
    NumberPattern("SSN", re.compile(r"(?<!\w)[Xx*]{3}-?[Xx*]{2}-?\d{4}(?!\w)"), 4),
    _labelled("PHONE", r"(?:tele)?(?:phone|fax)(?: (?:no|num(?:ber)?))?|tel|ph|fx|cell(?:ular)?|mobile|pager?|beeper|call(?:back)?(?: at)?|contact(?: at)?|"
              r"ext(?:ension)?|x|p|f|h|w|c", rf"({_PHONE}|{D}{{3}}[-. ]{D}{{4}}(?: ?(?:x|ext\.?) ?\d{{1,6}})?)", 5),
    _labelled("PHONE", r"pager?|beeper|ext(?:ension)?", r"(\d{4,6})", 4),
    NumberPattern("PHONE", re.compile(rf"(?<![\w.-])(?:\+?[1I|l][-. ]?)?(?:\({D}{{3}}\)[-. ]{{0,2}}|{D}{{3}}[-. ]){D}{{3}}[-. ]{D}{{4}}(?:,? ?(?:x|ext\.?|extension) ?\d{{1,6}})?(?!\w)"), 7),
    NumberPattern("PHONE", re.compile(r"(?<![\w.,-])[2-9]\d{2}-\d{4}(?![\w-]|\.\d)"), 7),
    NumberPattern("PHONE", re.compile(r"(?<!\w)\+\d{1,3}[ -]\d{1,4}(?:[ -]\d{2,4}){2,4}(?!\w)"), 8),
    NumberPattern("EMAIL", re.compile(r"[\w.+'-]+ ?[@] ?[\w-]+(?: ?\. ?[\w-]+)*\.[A-Za-z]{2,6}\b"), 0),
    NumberPattern("URL", re.compile(r"\b(?:https?|ftp)://[^\s<>\")]+|\bwww\.[^\s<>\")]+|(?<![\w@.])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|edu|gov|health|io|info)(?:/[^\s<>\")]*)?(?!\w)", re.I), 0),
    NumberPattern("IP", re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)"), 4),
    NumberPattern("IP", re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}:?[0-9A-Fa-f]{1,4}(?![\w:])|(?<![\w:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?!\w)"), 2),
    NumberPattern("VEHICLE", re.compile(r"(?<!\w)(?=[A-Z]*\d)(?=\d*[A-Z])[A-HJ-NPR-Z0-9]{17}(?!\w)"), 5),
    NumberPattern("LICENCE", re.compile(r"(?<!\w)[ABFGMPR][A-Z]\d{7}(?!\w)"), 7),
)  # fmt: skip

_MBI = re.compile(r"(?<!\w)\d[A-Za-z][A-Za-z0-9]\d-?[A-Za-z][A-Za-z0-9]\d-?[A-Za-z]{2}\d{2}(?!\w)")
_TEN = re.compile(r"(?<![\w.-])\d{10}(?![\w-]|\.\d)")
_LONG = re.compile(r"(?<![\w./-])(?=[A-Za-z0-9-]*\d{5})[A-Z]{0,4}-?\d[\dA-Z]*(?:-\d+)*(?:-?[A-Z]{1,2})?(?![\w]|[.,]\d)")
_COUNTED = re.compile(
    r" ?(?:copies|cfu|iu|units?|cells?|mg|mcg|ml|cc|k/|/ ?(?:mm|ml|ul|cu|hpf|l\b)|x ?10|per |colonies|particles|organisms)",
    re.I,
)
_CODED = re.compile(
    r"\b(?:ICD(?:-?(?:9|10))?(?:-?(?:CM|PCS))?|CPT|HCPCS|NDC|LOINC|SNOMED|RxNorm|DRG|code)s?[\s:#]*$", re.I
)
_FEWEST_UNLABELLED: Final = 7


def number_spans(text: str) -> Iterator[Span]:
    """Identifying numbers, e-mail and net addresses of `text`."""
    for one in PATTERNS:
        for m in one.pattern.finditer(text):
            group = 1 if one.pattern.groups and m.group(1) and one.kind != "SSN" else 0
            if (one.kind == "SSN" and m.group().lstrip()[:1].isalpha() and m.group()[0] not in "XxOoIlSB") or (
                one.kind == "SSN" and one.pattern.groups and len(m.group(1) or "") >= 4
            ):
                group = 1
            value = m.group(group)
            if digits_in(value) >= one.fewest_digits:
                yield Span(m.start(group), m.end(group), one.kind)
    for m in _MBI.finditer(text):
        if mbi_is_valid(m.group().replace("-", "").upper()):
            yield Span(m.start(), m.end(), "MEMBER_ID")
    for m in _TEN.finditer(text):
        if not _COUNTED.match(text, m.end()):
            yield Span(m.start(), m.end(), "LICENCE" if npi_is_valid(m.group()) else "ID", WEAK)
    yield from _unlabelled(text)


def _unlabelled(text: str) -> Iterator[Span]:
    """Long numbers that nothing explains: seven digits, or letters with five or more digits in a row."""
    for m in _LONG.finditer(text):
        value = m.group()
        if _COUNTED.match(text, m.end()) or _CODED.search(text[max(0, m.start() - 16) : m.start()]):
            continue
        letters = any(c.isalpha() for c in value)
        if digits_in(value) >= _FEWEST_UNLABELLED or (letters and len(value) > 6 and not _is_code(value)):
            yield Span(m.start(), m.end(), "ID", WEAK)


def _is_code(value: str) -> bool:
    return icd10cm_has_format(value) or (len(value) == 7 and value[0].isdigit() and not value.isdigit())


def number_form(value: str) -> str:
    """The form of a hospital's number as a regular expression: "M0021407" -> "M\\d{7}"; look-alikes allowed."""
    parts = re.findall(r"\d+|[A-Za-z]+|[^A-Za-z\d]+", value)
    return "".join(f"{D}{{{len(p)}}}" if p.isdigit() else re.escape(p) for p in parts)


def form_spans(text: str, forms: re.Pattern[str] | None) -> Iterator[Span]:
    """Numbers written in a form that the hospital gives its record numbers."""
    if forms is None:
        return
    for m in forms.finditer(text):
        if digits_in(m.group()) * 2 >= len(folded_number(m.group())):
            yield Span(m.start(), m.end(), "MRN")
