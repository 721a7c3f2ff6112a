"""Reading the payers file (YAML): every key checked, every fault told with file and line.

Numbers become Decimal from their text, never through a binary float (rule 34).
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import yaml

from medcode_ml.billing.pricing.terms import (
    CaseRate,
    Contract,
    FeeSchedule,
    Hospital,
    Ipps,
    Level,
    Method,
    PercentOfCharges,
    PerDiem,
    Terms,
)

T = TypeVar("T")
KINDS = ("medicare", "medicaid", "commercial", "self_pay")


class PayersFileError(ValueError):
    """The payers file has a fault: the message says where and what to do."""


class _Table(dict[str, Any]):
    """A YAML mapping that remembers its line and those of its keys (1 first)."""

    line: int
    lines: dict[str, int]


class _Loader(yaml.SafeLoader):
    """Safe loader whose mappings know their lines and whose numbers are exact."""


def _table(loader: _Loader, node: yaml.MappingNode) -> _Table:
    table = _Table()
    table.line, table.lines = node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        line = key_node.start_mark.line + 1
        if key in table:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice, first in line {table.lines[key]}", key_node.start_mark
            )
        table[key] = loader.construct_object(value_node, deep=True)
        table.lines[key] = line
    return table


def _exact(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    try:
        return Decimal(str(node.value).replace("_", ""))
    except InvalidOperation:
        raise yaml.constructor.ConstructorError(None, None, f"{node.value!r} is no amount", node.start_mark) from None


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value!r} is no date: {error}", node.start_mark
        ) from error


_Loader.add_constructor("tag:yaml.org,2002:map", _table)
_Loader.add_constructor("tag:yaml.org,2002:float", _exact)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


class _Reader:
    """Turns the tables of one file into contracts; holds the file name for the messages.

    `folder` is where the files that it names lie.
    """

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name, self.folder = name, folder

    def fault(self, line: int, what: str) -> PayersFileError:
        return PayersFileError(f"payers file {self.name}, line {line}: {what}")

    def keys(self, table: _Table, required: set[str], optional: set[str]) -> None:
        for key in table:
            if key not in required | optional:
                raise self.fault(
                    table.lines[key], f"unknown key {key!r}; expected {', '.join(sorted(required | optional))}"
                )
        missing = sorted(required - set(table))
        if missing:
            raise self.fault(table.line, f"missing {', '.join(missing)}")

    def table(self, value: Any, line: int, what: str) -> _Table:
        if not isinstance(value, _Table):
            raise self.fault(line, f"{what} must be a mapping of names to values")
        return value

    def number(self, table: _Table, key: str, *, least: Decimal = Decimal(0)) -> Decimal:
        value = table[key]
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
            raise self.fault(table.lines[key], f"{key} must be a number, not {value!r}")
        if value < least:
            raise self.fault(table.lines[key], f"{key} must be at least {least}, not {value}")
        return Decimal(value)

    def day(self, table: _Table, key: str) -> date:
        value = table[key]
        if type(value) is not date:
            raise self.fault(table.lines[key], f"{key} must be a date written YYYY-MM-DD, not {value!r}")
        return value

    def texts(self, table: _Table, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fault(table.lines[key], f"{key} must be a list of texts (quote codes with leading zeros)")
        return tuple(value)

    def truth(self, table: _Table, key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self.fault(table.lines[key], f"{key} must be true or false, not {value!r}")
        return value

    def days(self, table: _Table, key: str) -> int:
        value = self.number(table, key, least=Decimal(1))
        if value % 1:
            raise self.fault(table.lines[key], f"{key} must be a whole number of days, not {value}")
        return int(value)

    def percent(self, table: _Table, key: str) -> Decimal:
        value = self.number(table, key)
        if value > 1000:
            raise self.fault(table.lines[key], f"{key} is {value} percent; give a percent of the charge")
        return value

    # methods ----------------------------------------------------------------------------------------------------

    def method(self, table: _Table, setting: str) -> Method:
        readers: dict[str, Callable[[_Table], Method]] = {
            "percent_of_charges": self.percent_of_charges,
            "per_diem": self.per_diem,
            "case_rate": self.case_rate,
            "fee_schedule": self.fee_schedule,
            "ipps": self.ipps,
        }
        name = table.get("method")
        allowed = list(readers) if setting == "inpatient" else ["percent_of_charges", "fee_schedule"]
        if name not in allowed:
            line = table.lines.get("method", table.line)
            raise self.fault(line, f"{setting} method {name!r} is not known; expected {', '.join(allowed)}")
        return readers[str(name)](table)

    def percent_of_charges(self, table: _Table) -> PercentOfCharges:
        self.keys(table, {"method", "percent"}, set())
        return PercentOfCharges(self.percent(table, "percent"))

    def per_diem(self, table: _Table) -> PerDiem:
        self.keys(table, {"method", "rate"}, {"levels", "lesser_of_charges"})
        levels = []
        for given in table.get("levels", []):
            level = self.table(given, table.lines["levels"], "a level")
            self.keys(level, {"name", "revenue_codes", "rate"}, set())
            levels.append(Level(str(level["name"]), self.texts(level, "revenue_codes"), self.number(level, "rate")))
        return PerDiem(self.number(table, "rate"), tuple(levels), self.truth(table, "lesser_of_charges"))

    def case_rate(self, table: _Table) -> CaseRate:
        self.keys(
            table,
            {"method", "base_rate"},
            {"drg_rates", "stop_loss_threshold", "stop_loss_percent", "lesser_of_charges"},
        )
        rates = self.table(table.get("drg_rates", _Table()), table.line, "drg_rates")
        for drg in rates:
            if len(drg) != 3 or not drg.isdigit():
                raise self.fault(rates.lines[drg], f"{drg!r} is not a three-digit MS-DRG in quotes")
        if ("stop_loss_threshold" in table) != ("stop_loss_percent" in table):
            raise self.fault(table.line, "stop_loss_threshold and stop_loss_percent go together")
        stop = "stop_loss_threshold" in table
        return CaseRate(
            self.number(table, "base_rate"),
            {drg: self.number(rates, drg) for drg in rates},
            self.number(table, "stop_loss_threshold") if stop else None,
            self.percent(table, "stop_loss_percent") if stop else None,
            self.truth(table, "lesser_of_charges"),
        )

    def fee_schedule(self, table: _Table) -> FeeSchedule:
        self.keys(table, {"method"}, {"fees", "fees_file", "otherwise_percent", "lesser_of_charges"})
        given = self.table(table.get("fees", _Table()), table.lines.get("fees", table.line), "fees")
        fees = self.fees_file(table) if "fees_file" in table else {}
        fees |= {service: self.number(given, service) for service in given}
        if not fees:
            raise self.fault(table.line, "a fee schedule needs fees or a fees_file")
        otherwise = self.percent(table, "otherwise_percent") if "otherwise_percent" in table else None
        return FeeSchedule(fees, otherwise, self.truth(table, "lesser_of_charges"))

    def fees_file(self, table: _Table) -> dict[str, Decimal]:
        """Fees of a CSV file beside the payers file: columns hcpcs, fee and, where there are any, modifier."""
        line, name = table.lines["fees_file"], table["fees_file"]
        if self.folder is None or not isinstance(name, str):
            raise self.fault(line, "fees_file must be the name of a CSV file beside a payers file of your own")
        try:
            text = (self.folder / name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise self.fault(line, f"{name} cannot be read as UTF-8 text ({type(error).__name__})") from error
        rows = csv.DictReader(text.splitlines())
        if not {"hcpcs", "fee"} <= set(rows.fieldnames or ()):
            raise self.fault(line, f"{name} must have columns hcpcs and fee, and may have modifier")
        fees: dict[str, Decimal] = {}
        for row in rows:
            service, modifier = (row["hcpcs"] or "").strip(), (row.get("modifier") or "").strip()
            try:
                fee = Decimal((row["fee"] or "").strip())
            except InvalidOperation:
                fee = Decimal(-1)
            if not service or not fee.is_finite() or fee < 0:
                raise self.fault(line, f"{name}, line {rows.line_num}: a line needs a code and a fee of 0 or more")
            fees[f"{service}-{modifier}" if modifier else service] = fee
        return fees

    def ipps(self, table: _Table) -> Ipps:
        numbers = [f.name for f in dataclasses.fields(Ipps) if f.type == "Decimal"]
        self.keys(table, {"method", "source", "default_hospital", *numbers}, {"hospitals"})
        shares = ("labor_share", "labor_share_low_wage", "marginal_cost_factor", "burn_marginal_cost_factor")
        for key in shares:
            if self.number(table, key) > 1:
                raise self.fault(table.lines[key], f"{key} is a share and cannot exceed 1")
        default = self.table(table["default_hospital"], table.lines["default_hospital"], "default_hospital")
        hospital = self.hospital(default, Hospital())
        named = self.table(table.get("hospitals", _Table()), table.line, "hospitals")
        hospitals = {
            npi: self.hospital(self.table(named[npi], named.lines[npi], "a hospital"), hospital) for npi in named
        }
        return Ipps(
            source=str(table["source"]),
            default_hospital=hospital,
            hospitals=hospitals,
            **{key: self.number(table, key) for key in numbers},
        )

    def hospital(self, table: _Table, base: Hospital) -> Hospital:
        names = {f.name for f in dataclasses.fields(Hospital)}
        self.keys(table, set(), names)
        given = {key: self.number(table, key) for key in table}
        if given.get("wage_index", Decimal(1)) == 0:
            raise self.fault(table.lines["wage_index"], "wage_index must be more than 0")
        return dataclasses.replace(base, **given)

    # contracts --------------------------------------------------------------------------------------------------

    def terms(self, table: _Table) -> Terms:
        self.keys(table, {"from"}, {"to", "inpatient", "outpatient"})
        start, end = self.day(table, "from"), self.day(table, "to") if "to" in table else None
        if end is not None and end < start:
            raise self.fault(table.lines["to"], f"to ({end}) lies before from ({start})")
        methods: dict[str, Method | None] = {
            setting: self.method(self.table(table[setting], table.lines[setting], setting), setting)
            if setting in table
            else None
            for setting in ("inpatient", "outpatient")
        }
        return Terms(start, end, methods["inpatient"], methods["outpatient"])

    def contract(self, name: str, table: _Table) -> Contract:
        self.keys(table, {"terms"}, {"also_called", "kinds", "timely_filing_days"})
        kinds = self.texts(table, "kinds")
        for kind in kinds:
            if kind not in KINDS:
                raise self.fault(table.lines["kinds"], f"kind {kind!r} is not known; expected {', '.join(KINDS)}")
        given = table["terms"]
        if not isinstance(given, list) or not given:
            raise self.fault(table.lines["terms"], "terms must be a list with at least one entry")
        tables = [self.table(t, table.lines["terms"], "an entry of terms") for t in given]
        read = [self.terms(t) for t in tables]
        for before, after, where in zip(read, read[1:], tables[1:], strict=False):
            # a gap is no fault of the file: claims of its days are held and say so
            if before.end is None or after.start <= before.end:
                raise self.fault(
                    where.lines["from"],
                    f"the terms of {name} overlap: the entry before ends {before.end or 'never'}, this one begins "
                    f"{after.start}; entries follow each other by date",
                )
        days = self.days(table, "timely_filing_days") if "timely_filing_days" in table else None
        return Contract(name, self.texts(table, "also_called"), kinds, tuple(read), days)


def read_payers(
    text: str, name: str, folder: Path | None = None
) -> tuple[dict[str, Contract], dict[str, str], dict[str, int]]:
    """Read the text of a payers file: contracts by name; contract names and own filing days by payer identifier.

    `folder` is where the fee schedules that it names lie.

    Raises:
        PayersFileError: a fault, with the file's name and line.
    """
    reader = _Reader(name, folder)
    try:
        given = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise reader.fault(mark.line + 1 if mark else 1, f"not readable as YAML: {error.problem}") from error
    top = reader.table(given, 1, "the file")
    reader.keys(top, {"contracts"}, {"payers"})
    tables = reader.table(top["contracts"], top.lines["contracts"], "contracts")
    contracts = {
        key: reader.contract(key, reader.table(tables[key], tables.lines[key], "a contract")) for key in tables
    }
    names: dict[str, str] = {}
    for key, contract in contracts.items():
        for called in (key, *contract.also_called):
            if names.setdefault(called, key) != key:
                raise reader.fault(tables.lines[key], f"the name {called!r} is also that of contract {names[called]}")
    listed = reader.table(top.get("payers", _Table()), top.lines.get("payers", 1), "payers")
    payers: dict[str, str] = {}
    filing_days: dict[str, int] = {}
    for payer_id in listed:
        entry = reader.table(listed[payer_id], listed.lines[payer_id], "a payer")
        reader.keys(entry, {"contract"}, {"name", "timely_filing_days"})
        if entry["contract"] not in names:
            raise reader.fault(entry.lines["contract"], f"contract {entry['contract']!r} is not in this file")
        payers[payer_id] = names[entry["contract"]]
        if "timely_filing_days" in entry:
            filing_days[payer_id] = reader.days(entry, "timely_filing_days")
    return contracts, payers, filing_days
