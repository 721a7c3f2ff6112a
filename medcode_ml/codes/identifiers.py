"""Formats and check digits of the identifiers on a record or claim: pure functions on strings, no tables.

What a code *means* or whether it is valid on a date is the business of `codeset`; here only its shape is judged.
Every function takes the string as delivered and does not trim it: white space is a fault that intake repairs.
"""

from __future__ import annotations

import re
from typing import Final

_NPI: Final = re.compile(r"[12][0-9]{9}", re.ASCII)
_NINE: Final = re.compile(r"[0-9]{9}", re.ASCII)
# Letters of a Medicare Beneficiary Identifier: S, L, O, I, B and Z are left out because they look like digits.
_MBI_LETTER: Final = "AC-HJKMNP-RT-Y"
_MBI_PLACES: Final = {"C": "[1-9]", "A": f"[{_MBI_LETTER}]", "N": "[0-9]", "E": f"[{_MBI_LETTER}0-9]"}  # E: either
_MBI: Final = re.compile("".join(_MBI_PLACES[place] for place in "CAENAENAANN"), re.ASCII)
_SSN: Final = re.compile(r"([0-9]{3})-?([0-9]{2})-?([0-9]{4})", re.ASCII)
_NDC_HYPHENS: Final = re.compile(r"([0-9]{4,5})-([0-9]{3,4})-([0-9]{1,2})", re.ASCII)
_NDC_LAYOUTS: Final = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)})
_NDC_11: Final = re.compile(r"[0-9]{11}", re.ASCII)
_REVENUE: Final = re.compile(r"[0-9]{4}", re.ASCII)
# Categories of the revenue codes that exist: total, HIPPS, accommodation and ancillaries, behavioural health (100x),
# alternative therapy (210x), adult care (310x). The subcategories are NUBC's list and a hospital loads its own.
_REVENUE_CATEGORY: Final = re.compile(r"0001|002[0-9]|0[1-9][0-9]{2}|(100|210|310)[0-9]", re.ASCII)
_HCPCS: Final = re.compile(r"[A-V][0-9]{4}", re.ASCII)
_LEVEL_ONE: Final = re.compile(r"[0-9]{4}[0-9A-Z]", re.ASCII)
_MODIFIER: Final = re.compile(r"[0-9A-Z]{2}", re.ASCII)
_TAXONOMY: Final = re.compile(r"[0-9]{3}[0-9A-Z]{6}X", re.ASCII)
_ZIP: Final = re.compile(r"[0-9]{5}([0-9]{4})?", re.ASCII)
# Prefixes (first two digits) that the Internal Revenue Service has not assigned to employers.
_EIN_UNASSIGNED: Final = frozenset(
    ["00", "07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79", "89", "96", "97"]
)
# Categories QA0 and QA1 (genetic disorders, from October 2025) are the only ones with a letter in second place.
_ICD10CM: Final = re.compile(r"([A-Z][0-9]|QA)[0-9AB](\.?[0-9A-Z]{1,4})?", re.ASCII)
_ICD10PCS: Final = re.compile(r"[0-9A-HJ-NP-Z]{7}", re.ASCII)
# Luhn sum of the constant prefix 80840 (issuer "health", country "United States") that an NPI is checked with.
_NPI_PREFIX_SUM: Final = 24


def npi_check_digit(nine: str) -> int:
    """Return the Luhn check digit of the first nine digits of an NPI (rule 35: prefix 80840, which adds 24).

    Raises:
        ValueError: `nine` is not nine digits.
    """
    if not _NINE.fullmatch(nine):
        raise ValueError(f"an NPI check digit needs exactly nine digits, got {len(nine)} characters")
    total = _NPI_PREFIX_SUM
    for place, digit in enumerate(reversed(nine)):
        value = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += value - 9 if value > 9 else value
    return -total % 10


def npi_is_valid(npi: str) -> bool:
    """True for ten digits, first 1 or 2, last the Luhn check digit with the 80840 prefix (rule 35)."""
    return _NPI.fullmatch(npi) is not None and npi_check_digit(npi[:9]) == int(npi[9])


def mbi_is_valid(mbi: str) -> bool:
    """True for an undashed Medicare Beneficiary Identifier: C A AN N A AN N A A N N, no S L O I B Z (rule 36)."""
    return _MBI.fullmatch(mbi) is not None


def ssn_is_valid(ssn: str) -> bool:
    """True for a Social Security number that can have been issued, with or without its two hyphens (rule 37)."""
    match = _SSN.fullmatch(ssn)
    if match is None or ssn.count("-") == 1:
        return False
    area, group, serial = match.groups()
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def ndc_11(ndc: str) -> str | None:
    """Return a National Drug Code as eleven digits (5-4-2, no hyphens), or None where it cannot be told (rule 37).

    Hyphens say which segment lacks its leading zero (4-4-2, 5-3-2, 5-4-1). Ten digits without hyphens are ambiguous
    and give None: guessing would name another drug.
    """
    if _NDC_11.fullmatch(ndc):
        return ndc
    match = _NDC_HYPHENS.fullmatch(ndc)
    if match is None:
        return None
    labeler, product, package = match.groups()
    if (len(labeler), len(product), len(package)) not in _NDC_LAYOUTS:
        return None
    return labeler.zfill(5) + product.zfill(4) + package.zfill(2)


def revenue_code_is_valid(code: str) -> bool:
    """True for four digits (rule 37); the list itself is NUBC's and not carried here (rule 44)."""
    return _REVENUE.fullmatch(code) is not None


def revenue_code_is_assigned(code: str) -> bool:
    """True for four digits whose category exists (rule 37); which subcategories exist is NUBC's list (rule 44)."""
    return _REVENUE_CATEGORY.fullmatch(code) is not None


def procedure_code_is_valid(code: str) -> bool:
    """True for the shape of a HCPCS code, level II or level I: whether a level I code exists is the AMA's list."""
    return hcpcs_is_valid(code) or _LEVEL_ONE.fullmatch(code) is not None


def modifier_is_valid(modifier: str) -> bool:
    """True for the shape of a HCPCS modifier: two letters or digits (rule 37)."""
    return _MODIFIER.fullmatch(modifier) is not None


def taxonomy_is_valid(taxonomy: str) -> bool:
    """True for the shape of a provider taxonomy code: three digits, six letters or digits, X."""
    return _TAXONOMY.fullmatch(taxonomy) is not None


def zip_is_valid(zip_code: str) -> bool:
    """True for five or nine digits without hyphen, the first five not all zero."""
    return _ZIP.fullmatch(zip_code) is not None and zip_code[:5] != "00000"


def ein_is_valid(tax_id: str) -> bool:
    """True for an employer identification number: nine digits with a prefix that has been assigned."""
    return _NINE.fullmatch(tax_id) is not None and tax_id[:2] not in _EIN_UNASSIGNED


def hcpcs_is_valid(code: str) -> bool:
    """True for the shape of a HCPCS level II code, a letter A to V and four digits (rule 37)."""
    return _HCPCS.fullmatch(code) is not None


def icd10cm_has_format(code: str) -> bool:
    """True for the shape of an ICD-10-CM code, dotted or not (rule 3); needs a look-up in the release as well."""
    return _ICD10CM.fullmatch(code) is not None


def icd10pcs_has_format(code: str) -> bool:
    """True for seven characters without I and O (rule 4); needs a look-up in the release as well."""
    return _ICD10PCS.fullmatch(code) is not None


def undotted(code: str) -> str:
    """Return an ICD code as claims carry it, without its dot: "I50.23" -> "I5023" (rule 27)."""
    return code.replace(".", "")


def dotted(code: str) -> str:
    """Return an ICD-10-CM code or category with its dot after the third character: "I5023" -> "I50.23"."""
    bare = code.replace(".", "")
    return bare if len(bare) <= 3 else f"{bare[:3]}.{bare[3:]}"


def written_code(raw: object) -> str | None:
    """A label as ICD-10-CM is written: upper case, dot after the third character. None where it is not like one."""
    if not isinstance(raw, str):
        return None
    code = dotted(raw.strip().upper())
    return code if icd10cm_has_format(code) else None
