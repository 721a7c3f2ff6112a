"""`medcode rules`: the table a data engineer reads, one rule whole, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from medcode_assets.commands.rules import UnknownRuleError, rules_app
from medcode_ml.filtering.rule import RuleFileError, read_rules


def _said(*arguments: str) -> str:
    done = CliRunner().invoke(rules_app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_the_table_lists_every_rule_and_takes_filters() -> None:
    lines = _said("list").splitlines()
    assert len(lines) == len(read_rules()) + 2
    errors = _said("list", "--record", "charge", "--severity", "error").splitlines()[1:-1]
    wanted = {r.name for r in read_rules() if r.record == "charge" and r.severity == "error"}
    assert {line.split()[1] for line in errors} == wanted


def test_one_rule_is_shown_with_its_examples() -> None:
    said = _said("show", "admission_not_after_discharge")
    for part in ("rules.yaml: line", "admission_date <= discharge_date", "registration", "\npasses", "\nfails"):
        assert part in said


def test_an_unknown_rule_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownRuleError, match="see mbi_valid"):
        _said("show", "mbi_valyd")


def test_check_counts_rules_and_examples_and_refuses_a_wrong_file(tmp_path: Path) -> None:
    assert "all behave" in _said("check")
    own = tmp_path / "own.yaml"
    own.write_text("encounter:\n- {name: hours_in_order, enabled: false}\n", encoding="utf-8")
    assert f"{len(read_rules())} rules, 1 of them switched off" in _said("check", str(own))
    own.write_text("encounter:\n- {name: hours_in_order, severity: fatal}\n", encoding="utf-8")
    with pytest.raises(RuleFileError, match=r"own\.yaml: line 2: rule hours_in_order: severity: 'fatal' is none of"):
        _said("check", str(own))


def test_columns_and_functions_of_a_record_are_listed() -> None:
    said = _said("columns", "charge")
    assert "revenue_code " in said
    assert "patient_death_date " in said
    assert "total(number, condition)" in said
