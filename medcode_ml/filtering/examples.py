"""The examples of rules: read as typed records, and run against their rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts import mapped
from medcode_ml.filtering.columns import columns_of
from medcode_ml.filtering.expression import unknown_column
from medcode_ml.filtering.rule import Rule, RuleFileError


class ExampleError(ValueError):
    """An example cannot be read; the message says what to write."""


def typed(rule: Rule, example: Any) -> tuple[dict[str, Any], ...]:
    """Read one example: a value of the rule's only column, a record {column: value}, or a list of records.

    Of a list the last record is judged, and the others are its neighbours in the encounter. `{repeat: x, times: 3}` is
    the text xxx. Columns of `when` have its value unless given; what is not given is missing.

    Raises:
        ExampleError: an unknown column, or a value of another kind than its column.
    """
    if isinstance(example, list):
        return tuple(_record(rule, one) for one in example)
    return (_record(rule, example),)


def _record(rule: Rule, example: Any) -> dict[str, Any]:
    known = columns_of(rule.record)
    if not isinstance(example, dict) or set(example) == {"repeat", "times"}:
        if len(rule.columns) != 1:
            raise ExampleError(f"write the record as {{{', '.join(f'{c}: …' for c in rule.columns)}}}")
        example = {rule.columns[0]: example}
    record: dict[str, Any] = dict.fromkeys(rule.columns)
    for column, value in rule.when.items():
        record[column] = value[0] if isinstance(value, list) else value
    if rule.check == "range" and "observation" in rule.options:
        record |= {"name": rule.options["observation"][0], "unit": rule.options["unit"]}
    for column, value in example.items():
        if column not in known:
            raise ExampleError(unknown_column(str(column), known))
        record[column] = _value(rule.record, column, value)
    return record


def _value(record: str, column: str, value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"repeat", "times"}:
        return str(value["repeat"]) * int(value["times"])
    if value is None:
        return None
    kind = columns_of(record)[column]
    if kind == "date":
        if isinstance(value, date):
            return value
        raise ExampleError(f"{column} is a date: write {value!r} as YYYY-MM-DD without quotes")
    if kind == "text" and not isinstance(value, str):
        raise ExampleError(f"{column} is text, and {value!r} was read as {type(value).__name__}: put it in quotes")
    if kind == "list" and not isinstance(value, list):
        raise ExampleError(f"{column} is a list: write [{value!r}]")
    if kind != "number":
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExampleError(f"{column} is a number, not {value!r}: write it without quotes")
    exact = isinstance(getattr(mapped, record).c[column].type, sa.Numeric) and not isinstance(value, int)
    return Decimal(str(value)) if exact and column == "charge" else value


def verify(rules: Iterable[Rule]) -> int:
    """Run the examples of `rules`; return how many there are.

    Raises:
        RuleFileError: all the examples that pass or fail against their rule.
    """
    faults: list[str] = []
    number = 0
    for rule in rules:
        for wanted, place, answer in outcomes(rule):
            number += 1
            if answer != wanted:
                side, did = ("pass", "fails") if wanted else ("fail", "passes")
                faults.append(
                    f"{rule.where}: rule {rule.name}: {side}: example {place + 1} {did}; correct it or the rule"
                )
    if faults:
        raise RuleFileError("\n".join(faults))
    return number


def outcomes(rule: Rule) -> Iterator[tuple[bool, int, bool]]:
    """Whether each example should pass, its place among those, and whether it does."""
    from medcode_ml.filtering.checks import CHECKS, applies

    for wanted, examples in ((True, rule.good), (False, rule.bad)):
        if not examples:
            continue
        groups = [[one] for one in examples] if rule.sees_neighbours else [list(examples)]
        answers: list[bool] = []
        for group in groups:
            frame = frame_of(rule, [record for example in group for record in example])
            good = CHECKS[rule.check](frame, rule) | ~applies(frame, rule)
            ends = pd.Series([len(example) for example in group]).cumsum() - 1
            answers += good.to_numpy()[ends.to_numpy()].tolist()
        yield from ((wanted, place, answer) for place, answer in enumerate(answers))


def frame_of(rule: Rule, records: list[dict[str, Any]]) -> pd.DataFrame:
    """The records of examples as a frame of object columns, as filtering sees them."""
    names = list(dict.fromkeys([*rule.columns, *rule.when, *(c for r in records for c in r)]))
    frame = pd.DataFrame({n: pd.Series([r.get(n) for r in records], dtype=object) for n in names})
    if "encounter_id" not in frame and rule.record != "patient":
        frame["encounter_id"] = "e"
    return frame
