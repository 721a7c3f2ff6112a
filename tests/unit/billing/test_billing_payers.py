"""The payers file: every fault is told with file, line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcode_ml.billing.payers import PayersFileError, UnknownPayer, load_payers

_GOOD = """\
payers:
  P1: {contract: plan}
contracts:
  plan:
    also_called: [the_plan]
    kinds: [commercial]
    terms:
      - from: 2025-01-01
        to: 2025-12-31
        inpatient: {method: percent_of_charges, percent: 40}
      - from: 2026-01-01
        inpatient: {method: case_rate, base_rate: 9000.00, drg_rates: {"470": 21000.00}}
"""


def _load(tmp_path: Path, text: str):
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return load_payers(file)


def test_a_good_file_is_found_by_contract_alias_payer_and_kind(tmp_path):
    book = _load(tmp_path, _GOOD)
    for asked in ((None, None, "plan"), (None, None, "the_plan"), ("P1", None, None), ("?", "commercial", None)):
        assert book.contract_of(*asked).name == "plan"
    assert isinstance(book.contract_of("?", "medicaid", None), UnknownPayer)


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("kinds: [commercial]", "timely_filing_days: 0", 6, "at least 1"),
        ("kinds: [commercial]", "timely_filing_days: 1.5", 6, "whole number of days"),
        ("P1: {contract: plan}", "P1: {contract: plan, timely_filing_days: soon}", 2, "must be a number"),
        ("method: case_rate, base_rate: 9000.00, drg_rates:", "method: fee_schedule, otherwise:", 12, "unknown key"),
        ("from: 2026-01-01", "from: 2025-12-31", 11, "overlap"),
        ("to: 2025-12-31", "to: 2024-12-31", 9, "before from"),
        ("to: 2025-12-31", "to: 2025-13-31", 9, "no date"),
        ("percent: 40", "percentage: 40", 10, "unknown key 'percentage'"),
        ("percent: 40", "percent: forty", 10, "must be a number"),
        ("percent: 40", "percent: -1", 10, "at least 0"),
        ("percent: 40", "percent: .nan", 10, "no amount"),
        ("method: case_rate", "method: case_rates", 12, "method 'case_rates' is not known"),
        ('"470"', '"47"', 12, "three-digit"),
        ("kinds: [commercial]", "kinds: [comercial]", 6, "kind 'comercial'"),
        ("P1: {contract: plan}", "P1: {contract: plans}", 2, "not in this file"),
        ("base_rate: 9000.00, ", "", 12, "missing base_rate"),
        ("  plan:", "  plan: x\n  other:", 4, "mapping"),
        ("from: 2025-01-01", "from: 2025-01-01\n        from: 2025-01-02", 9, "stands twice"),
        ("contracts:", "contracts: [", 3, ""),
    ],
)
def test_faults_name_file_and_line(tmp_path, before, after, line, words):
    assert before in _GOOD
    with pytest.raises(PayersFileError, match=r"mine\.yaml") as error:
        _load(tmp_path, _GOOD.replace(before, after, 1))
    assert words in str(error.value)
    if words:
        assert f"line {line}:" in str(error.value)


def test_an_absent_and_an_empty_file_are_told(tmp_path):
    with pytest.raises(PayersFileError, match="cannot be read"):
        load_payers(tmp_path / "none.yaml")
    with pytest.raises(PayersFileError, match="mapping"):
        _load(tmp_path, "")


def test_the_sample_has_a_contract_of_every_method():
    book = load_payers()
    assert set(book.contracts) == {
        "medicare_ipps",
        "medicaid_percent",
        "commercial_per_diem",
        "commercial_case_rate",
        "commercial_fee_schedule",
    }
    for contract in book.contracts.values():
        assert all(terms.inpatient and terms.outpatient for terms in contract.terms)
