"""Every rule of the table passes its good examples and fails its bad ones; the table itself is verified on reading."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd
import pytest

from medcode_ml.filtering.checks import CHECKS, repaired
from medcode_ml.filtering.rule import RuleFileError, read_rules, rules


def _typed(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if len(value) == 10 and value[4] == "-" else value
        except ValueError:
            return value
    return value


def _ask(rule_name: str, example: Any) -> bool:
    rule = next(r for r in rules() if r.name == rule_name)
    values = example if isinstance(example, list) else [example]
    frame = pd.DataFrame([[_typed(v) for v in values]], columns=list(rule.columns[: len(values)]), dtype=object)
    return bool(CHECKS[rule.check](frame, rule).iloc[0])


def _examples(side: str) -> list[Any]:
    """Examples of every rule, each test named by the number of the trade rule behind it."""
    return [
        pytest.param(r.name, e, id=f"rule_{r.trade_rule or 'none'}_{r.name}_{n}")
        for r in rules()
        for n, e in enumerate(getattr(r, side))
    ]


@pytest.mark.parametrize(("name", "example"), _examples("good"))
def test_good_example_passes(name: str, example: Any) -> None:
    assert _ask(name, example)


@pytest.mark.parametrize(("name", "example"), _examples("bad"))
def test_bad_example_fails(name: str, example: Any) -> None:
    assert not _ask(name, example)


def test_every_rule_has_examples_or_is_tested_apart() -> None:
    tested_apart = {"text_delivered_once", "text_not_too_long"}
    assert {r.name for r in rules() if not (r.good and r.bad)} <= tested_apart


def test_a_text_of_two_megabytes_is_set_aside() -> None:
    assert not _ask("text_not_too_long", "note " * 400_000)


@pytest.mark.parametrize(
    ("change", "says"),
    [("check: present", "check"), ("severity: warning", "severity"), ("record: patient", "record")],
)
def test_a_rule_with_an_unknown_word_is_refused_by_name(tmp_path: Any, change: str, says: str) -> None:
    entry = "- {name: one, record: patient, columns: [sex], check: present, severity: warning, owner: me, reason: r}\n"
    broken = tmp_path / "rules.yaml"
    broken.write_text(entry.replace(change, f"{change.split(':')[0]}: nonsense"))
    with pytest.raises(RuleFileError, match=f"rule 1 \\(one\\): {says} 'nonsense' is none of"):
        read_rules(broken)


def test_a_name_used_twice_is_refused(tmp_path: Any) -> None:
    entry = "- {name: one, record: patient, columns: [sex], check: present, severity: warning, owner: me, reason: r}\n"
    twice = tmp_path / "rules.yaml"
    twice.write_text(entry * 2)
    with pytest.raises(RuleFileError, match="used twice"):
        read_rules(twice)


@pytest.mark.parametrize(
    ("kind", "misread", "right"),
    [
        ("npi", "I234567893", "1234567893"),
        ("npi", "12345678S3", None),  # 1234567853 fails Luhn: no table confirms the reading
        ("mbi", "1EG4TESMK73", "1EG4TE5MK73"),
        ("mbi", "1EG4TE5MK73", None),  # already right: nothing to repair
    ],
)
def test_rule_40_repairs_only_what_a_checksum_confirms(kind: str, misread: str, right: str | None) -> None:
    assert repaired(misread, kind) == right


def test_amounts_are_decimals_never_floats() -> None:
    from medcode_ml.mapping.values import money

    assert money("$1,234.50") == Decimal("1234.50")
    with pytest.raises((ValueError, InvalidOperation)):
        money("12.345")
