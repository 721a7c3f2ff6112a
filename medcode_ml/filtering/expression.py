"""The little language of cross-field rules: columns compared with columns, literals, days and sums of their encounter.

    birth_date <= admission_date <= discharge_date
    discharge_date - admission_date <= 365
    setting != 'inpatient' or present(attending_npi)

Columns stand by name. Dates and days add and subtract; texts stand in quotes; `and`, `or`, `not`, `in ('a', 'b')` and
the functions of `FUNCTIONS` join them. What a missing value would decide is unknown, and an unknown answer is good: a
rule never fails for want of a value unless it asks `present(...)`.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from medcode_ml.filtering.columns import Batch, Kind, Mask, Numbers, columns_of

#: what a person may write -> what it gives
FUNCTIONS = {
    "present": "present(column): there is a value",
    "missing": "missing(column): there is no value",
    "matches": "matches(column, 'pattern'): the whole text has the form of the regular expression",
    "length": "length(column): characters of a text, items of a list",
    "number": "number(column): the number that a text is; missing where it is none",
    "total": "total(number, condition): the sum over the records of the encounter that meet the condition",
    "max": "max(a, b): the larger number or later day",
    "min": "min(a, b): the smaller number or earlier day",
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_EPOCH = date(1970, 1, 1).toordinal()


class ExpressionError(ValueError):
    """An expression cannot be used; the message says which part and what to write instead."""


@dataclass(frozen=True)
class Truth:
    """Answers about records: `yes`, `no`, and unknown where neither. Shapes (records,)."""

    yes: Mask
    no: Mask


@dataclass(frozen=True)
class Expression:
    """A verified expression over one kind of record."""

    text: str
    columns: tuple[str, ...]
    tree: ast.expr
    kinds: Mapping[str, Kind]

    def truth(self, batch: Batch) -> Truth:
        """Ask every record of the batch."""
        return _truth(self.tree, batch, self.kinds)

    def good(self, batch: Batch) -> Mask:
        """Where the answer is yes or unknown."""
        return ~self.truth(batch).no


def parse(text: str, record: str) -> Expression:
    """Read an expression over the columns of `record`.

    Raises:
        ExpressionError: not the language, an unknown column or function, kinds that do not go together.
    """
    try:
        tree = ast.parse(f"(\n{text}\n)", mode="eval").body  # it may run over several lines
    except SyntaxError as error:
        raise ExpressionError(
            f"{text!r} cannot be read near {str(error.text)[(error.offset or 1) - 1 :][:20]!r}"
        ) from None
    columns = columns_of(record)
    if _kind_of(tree, columns) != "truth":
        raise ExpressionError(f"{text!r} is no comparison: write for example admission_date <= discharge_date")
    named = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in columns]
    named.sort(key=lambda n: (n.lineno, n.col_offset))
    return Expression(text, tuple(dict.fromkeys(n.id for n in named)), tree, columns)


def unknown_column(name: str, columns: Mapping[str, Kind]) -> str:
    """Say that a column does not exist, with the ones that come near."""
    near = difflib.get_close_matches(name, columns, 3, 0.5) or list(columns)
    return f"no column {name!r} here: choose {', '.join(near)}"


def _kind_of(node: ast.expr, columns: Mapping[str, Kind]) -> str:
    """The kind of an expression: date, number, text, list, truth or literals; raises where parts do not fit."""

    def kind(part: ast.expr) -> str:
        return _kind_of(part, columns)

    match node:
        case ast.Name(id=name):
            if name not in columns:
                raise ExpressionError(unknown_column(name, columns))
            return columns[name]
        case ast.Constant(value=str()):
            return "text"
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            return "number"
        case ast.UnaryOp(op=ast.USub(), operand=part):
            _want(part, kind(part), ("number",))
            return "number"
        case ast.UnaryOp(op=ast.Not(), operand=part):
            _want(part, kind(part), ("truth",))
            return "truth"
        case ast.BoolOp(values=parts):
            for part in parts:
                _want(part, kind(part), ("truth",))
            return "truth"
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _COMPUTE:
            return _kind_of_sum(node, kind(left), sign, kind(right))
        case ast.Compare(left=left, ops=ops, comparators=others):
            parts = [left, *others]
            for first, op, second in zip(parts[:-1], ops, parts[1:], strict=True):
                _fits(first, kind(first), op, second, columns)
            return "truth"
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _kind_of_call(node, name, [kind(a) for a in arguments], arguments)
        case _:
            raise ExpressionError(f"{ast.unparse(node)!r} is not part of the language of rules")


def _kind_of_sum(node: ast.expr, first: str, op: ast.operator, second: str) -> str:
    match first, type(op), second:
        case "number", _, "number":
            return "number"
        case "date", ast.Sub, "date":
            return "number"
        case "date", (ast.Sub | ast.Add), "number":
            return "date"
    raise ExpressionError(f"{ast.unparse(node)!r}: a {first} and a {second} cannot be reckoned like that")


def _kind_of_call(node: ast.expr, name: str, kinds: list[str], arguments: list[ast.expr]) -> str:
    usage = FUNCTIONS.get(name)
    if usage is None:
        raise ExpressionError(f"no function {name!r}: choose {', '.join(FUNCTIONS)}")
    column = bool(arguments) and isinstance(arguments[0], ast.Name)
    match name, kinds:
        case (("present" | "missing"), [_]) if column:
            return "truth"
        case "matches", ["text" | "list", "text"] if column and isinstance(arguments[1], ast.Constant):
            try:
                re.compile(str(arguments[1].value))
            except re.error as error:
                raise ExpressionError(f"{ast.unparse(node)!r}: no regular expression: {error}") from None
            return "truth"
        case "length", ["text" | "list"] if column:
            return "number"
        case "number", ["text"] if column:
            return "number"
        case "total", ["number", "truth"]:
            return "number"
        case (("max" | "min"), [first, second]) if first == second and first in ("number", "date"):
            return first
    raise ExpressionError(f"{ast.unparse(node)!r}: write {usage}")


def _fits(first: ast.expr, kind: str, op: ast.cmpop, second: ast.expr, columns: Mapping[str, Kind]) -> None:
    if isinstance(op, (ast.In, ast.NotIn)):
        listed = isinstance(second, (ast.Tuple, ast.List)) and all(isinstance(e, ast.Constant) for e in second.elts)
        if kind != "text" or not isinstance(first, ast.Name) or not listed:
            raise ExpressionError(f"{ast.unparse(first)!r}: write a text column in ('a', 'b')")
        return
    if type(op) not in _COMPARE:
        raise ExpressionError("`is` is not part of the language of rules: write missing(column) or present(column)")
    other = _kind_of(second, columns)
    for date_kind, literal in ((kind, second), (other, first)):
        if date_kind == "date" and isinstance(literal, ast.Constant) and isinstance(literal.value, str):
            try:
                date.fromisoformat(literal.value)
            except ValueError:
                raise ExpressionError(f"{literal.value!r} is no date: write 'YYYY-MM-DD'") from None
            return
    if kind != other or kind in ("truth", "list"):
        raise ExpressionError(
            f"{ast.unparse(first)!r} is a {kind} and {ast.unparse(second)!r} a {other}: they do not compare"
        )
    if kind == "text" and not isinstance(op, (ast.Eq, ast.NotEq)):
        raise ExpressionError(
            f"{ast.unparse(first)!r} is a text: compare it with ==, != or in; number(...) reads a number"
        )
    if kind == "text" and not isinstance(first, ast.Name):
        raise ExpressionError(f"{ast.unparse(first)!r}: put the column first")


def _want(node: ast.expr, kind: str, wanted: tuple[str, ...]) -> None:
    if kind not in wanted:
        raise ExpressionError(f"{ast.unparse(node)!r} is a {kind}, not a {' or '.join(wanted)}")


def _truth(node: ast.expr, batch: Batch, kinds: Mapping[str, Kind]) -> Truth:
    match node:
        case ast.BoolOp(op=op, values=parts):
            truths = [_truth(p, batch, kinds) for p in parts]
            every, some = np.logical_and.reduce, np.logical_or.reduce
            if isinstance(op, ast.Or):
                every, some = some, every
            return Truth(every([t.yes for t in truths]), some([t.no for t in truths]))
        case ast.UnaryOp(operand=part):
            inner = _truth(part, batch, kinds)
            return Truth(inner.no, inner.yes)
        case ast.Compare(left=left, ops=ops, comparators=others):
            parts = [left, *others]
            pairs = [
                _compared(first, op, second, batch, kinds)
                for first, op, second in zip(parts[:-1], ops, parts[1:], strict=True)
            ]
            return Truth(np.logical_and.reduce([p.yes for p in pairs]), np.logical_or.reduce([p.no for p in pairs]))
        case ast.Call(func=ast.Name(id="matches"), args=[ast.Name(id=name), ast.Constant(value=pattern)]):
            form = re.compile(str(pattern))
            return _of_different(batch, name, lambda v: form.fullmatch(v) is not None)
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name)]):
            gone = batch.missing(name)
            return Truth(gone, ~gone) if function == "missing" else Truth(~gone, gone)
    raise AssertionError(f"{ast.unparse(node)} passed verification")


def _of_different(batch: Batch, name: str, answer: Callable[[Any], bool]) -> Truth:
    """Ask each different value of a column; of a list, every item must be so."""
    places, values = batch.different(name)
    found = [all(answer(i) for i in v) if isinstance(v, tuple) else answer(v) for v in values]
    mask = np.array([*found, False], dtype=bool)[places]
    return Truth(mask, ~mask & (places >= 0))


def _compared(first: ast.expr, op: ast.cmpop, second: ast.expr, batch: Batch, kinds: Mapping[str, Kind]) -> Truth:
    if isinstance(op, (ast.In, ast.NotIn)):
        assert isinstance(first, ast.Name)
        assert isinstance(second, (ast.Tuple, ast.List))
        allowed = {e.value for e in second.elts if isinstance(e, ast.Constant)}
        inside = _of_different(batch, first.id, allowed.__contains__)
        return inside if isinstance(op, ast.In) else Truth(inside.no, inside.yes)
    compare = _COMPARE[type(op)]
    if _kind_of(first, kinds) == "text" and not (isinstance(first, ast.Constant) or _is_day(second, first, kinds)):
        assert isinstance(first, ast.Name)
        if isinstance(second, ast.Constant):
            return _of_different(batch, first.id, lambda v: compare(v, second.value))
        assert isinstance(second, ast.Name)
        known = ~(batch.missing(first.id) | batch.missing(second.id))
        same = np.asarray(
            compare(batch.column(first.id).to_numpy(object), batch.column(second.id).to_numpy(object)), bool
        )
        return Truth(same & known, ~same & known)
    left, right = _numbers(first, batch, kinds), _numbers(second, batch, kinds)
    known = ~(np.isnan(left) | np.isnan(right))
    answer = compare(left, right)
    return Truth(answer & known, ~answer & known)


def _is_day(node: ast.expr, other: ast.expr, kinds: Mapping[str, Kind]) -> bool:
    return isinstance(other, ast.Constant) and _kind_of(node, kinds) == "date"


def _numbers(node: ast.expr, batch: Batch, kinds: Mapping[str, Kind]) -> Numbers:
    """Numbers, or dates as days since 1970. Shape (records,)."""
    match node:
        case ast.Constant(value=str() as text):
            return np.full(len(batch), float(date.fromisoformat(text).toordinal() - _EPOCH))
        case ast.Constant(value=value):
            return np.full(len(batch), float(value))  # type: ignore[arg-type]
        case ast.Name(id=name):
            return batch.numbers(name)
        case ast.UnaryOp(operand=part):
            return -_numbers(part, batch, kinds)
        case ast.BinOp(left=left, op=op, right=right):
            with np.errstate(divide="ignore", invalid="ignore"):
                result: Numbers = _COMPUTE[type(op)](_numbers(left, batch, kinds), _numbers(right, batch, kinds))
            return np.where(np.isfinite(result), result, np.nan)
        case ast.Call(func=ast.Name(id="length" | "number" as function), args=[ast.Name(id=name)]):
            places, values = batch.different(name)
            read: Callable[[Any], float] = len if function == "length" else _number_in
            return np.array([*(read(v) for v in values), np.nan], dtype=np.float64)[places]
        case ast.Call(func=ast.Name(id="total"), args=[amount, condition]):
            amounts = np.where(_truth(condition, batch, kinds).yes, _numbers(amount, batch, kinds), 0.0)
            groups, _ = batch.different("encounter_id")
            sums: Numbers = np.bincount(groups, np.nan_to_num(amounts), minlength=1).astype(np.float64)
            return sums[groups]
        case ast.Call(func=ast.Name(id=function), args=[first, second]):
            choose = np.maximum if function == "max" else np.minimum
            return choose(_numbers(first, batch, kinds), _numbers(second, batch, kinds))
    raise AssertionError(f"{ast.unparse(node)} passed verification")


def _number_in(text: str) -> float:
    answer = pd.to_numeric(text, errors="coerce")
    return float(answer)
