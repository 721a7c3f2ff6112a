"""Identifier formats and check digits: rules 3, 35, 36 and 37."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.codes import identifiers as ids


def test_rule_35_npi_luhn_with_the_80840_prefix() -> None:
    # 1234567893 is the example of the NPI standard, worked by hand there
    assert ids.npi_is_valid("1234567893")
    assert ids.npi_check_digit("123456789") == 3
    assert not ids.npi_is_valid("1234567890")


@pytest.mark.parametrize("npi", ["3234567891", "123456789", "12345678933", "123456789A", " 1234567893", "١٢٣٤٥٦٧٨٩٣"])
def test_rule_35_npi_has_ten_digits_and_starts_with_1_or_2(npi: str) -> None:
    assert not ids.npi_is_valid(npi)


def _luhn(digits: str) -> int:
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True))
def test_rule_35_check_digit_agrees_with_a_plain_luhn_over_the_prefixed_number(nine: str) -> None:
    assert _luhn("80840" + nine + str(ids.npi_check_digit(nine))) == 0


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True), st.integers(0, 8), st.integers(1, 9))
def test_rule_35_one_wrong_digit_is_always_seen(nine: str, place: int, shift: int) -> None:
    npi = nine + str(ids.npi_check_digit(nine))
    wrong = npi[:place] + str((int(npi[place]) + shift) % 10) + npi[place + 1 :]
    assert ids.npi_is_valid(npi)
    assert not ids.npi_is_valid(wrong)


def test_rule_35_check_digit_refuses_what_is_not_nine_digits() -> None:
    with pytest.raises(ValueError, match="nine digits"):
        ids.npi_check_digit("12345678")


@pytest.mark.parametrize("mbi", ["1EG4TE5MK73", "9AA0AA0AA00", "2Y70Y70YY99"])
def test_rule_36_mbi_passes(mbi: str) -> None:
    assert ids.mbi_is_valid(mbi)


@pytest.mark.parametrize(
    "mbi",
    [
        "1EG4-TE5-MK73",  # dashes belong on the card only
        "0EG4TE5MK73",  # first is 1 to 9
        "1SG4TE5MK73",  # S, L, O, I, B, Z are never used
        "1EL4TE5MK73",
        "1EG4TO5MK73",
        "1EG4TI5MK73",
        "1EG4TE5BK73",
        "1EG4TE5MZ73",
        "1EGATE5MK73",  # fourth is a digit
        "11G4TE5MK73",  # second is a letter
        "1EG4TE5MK7",
        "1EG4TE5MK733",
        "1eg4te5mk73",
    ],
)
def test_rule_36_mbi_fails(mbi: str) -> None:
    assert not ids.mbi_is_valid(mbi)


@pytest.mark.parametrize("ssn", ["123-45-6789", "123456789", "899-01-0001", "665-99-9999"])
def test_rule_37_ssn_passes(ssn: str) -> None:
    assert ids.ssn_is_valid(ssn)


@pytest.mark.parametrize(
    "ssn",
    ["000-45-6789", "666-45-6789", "900-45-6789", "999456789", "123-00-6789", "123-45-0000", "12345678", "123-456789"],
)
def test_rule_37_ssn_fails(ssn: str) -> None:
    assert not ids.ssn_is_valid(ssn)


@pytest.mark.parametrize(
    ("delivered", "eleven"),
    [
        ("1234-5678-90", "01234567890"),  # 4-4-2: the labeler lacks its zero
        ("12345-678-90", "12345067890"),  # 5-3-2: the product
        ("12345-6789-0", "12345678900"),  # 5-4-1: the package
        ("12345-6789-01", "12345678901"),
        ("12345678901", "12345678901"),
    ],
)
def test_rule_37_ndc_is_padded_by_position(delivered: str, eleven: str) -> None:
    assert ids.ndc_11(delivered) == eleven


@pytest.mark.parametrize("delivered", ["1234567890", "1234-567-89", "123456789012", "12345-6789", "1234A-678-90", ""])
def test_rule_37_ambiguous_or_malformed_ndc_gives_none(delivered: str) -> None:
    assert ids.ndc_11(delivered) is None


def test_rule_37_revenue_and_hcpcs_codes() -> None:
    assert ids.revenue_code_is_valid("0120")
    assert not ids.revenue_code_is_valid("120")
    assert not ids.revenue_code_is_valid("012A")
    assert ids.hcpcs_is_valid("J1885")
    assert not ids.hcpcs_is_valid("W1885")
    assert not ids.hcpcs_is_valid("99213")


@pytest.mark.parametrize("code", ["U07.1", "C7A.00", "M1A.00X0", "O9A.211", "E11", "I5023", "S52.521A", "QA0.0101"])
def test_rule_03_icd10cm_format_passes(code: str) -> None:
    assert ids.icd10cm_has_format(code)


@pytest.mark.parametrize("code", ["E1", "11E", "E11.", "E11.12345", "e11.9", "E11 9", "EC1.9", "E11.9\n", "E1C"])
def test_rule_03_icd10cm_format_fails(code: str) -> None:
    assert not ids.icd10cm_has_format(code)


def test_rule_04_icd10pcs_has_no_i_and_no_o() -> None:
    assert ids.icd10pcs_has_format("5A1935Z")
    assert not ids.icd10pcs_has_format("5A1935O")
    assert not ids.icd10pcs_has_format("5AI935Z")
    assert not ids.icd10pcs_has_format("5A1935")


@given(st.from_regex(r"[A-Z][0-9][0-9AB][0-9A-Z]{0,4}", fullmatch=True))
def test_dot_comes_and_goes_without_loss(code: str) -> None:
    assert ids.undotted(ids.dotted(code)) == code
    assert ids.dotted(ids.dotted(code)) == ids.dotted(code)
    assert ids.icd10cm_has_format(ids.dotted(code))
