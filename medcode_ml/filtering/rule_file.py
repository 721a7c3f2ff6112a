"""Reading the table of rules: YAML with line numbers, a hospital's own file merged over it, everything verified."""

from __future__ import annotations

import csv
import difflib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from medcode_ml.filtering.columns import RECORDS, columns_of
from medcode_ml.filtering.examples import ExampleError, typed
from medcode_ml.filtering.expression import ExpressionError, parse, unknown_column
from medcode_ml.filtering.repair import UNCONFIRMED
from medcode_ml.filtering.rule import Rule, RuleFileError
from medcode_ml.filtering.rule_entry import ALL_PARAMETERS, PARAMETERS, SOURCES, Entry

SCOPE = "scope"
# the parser of libyaml where it is built in: ten times as fast
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Written:
    """A rule as it stands in a file: its values, and the line of each key; `where` names the file that has each."""

    record: str
    path: Path
    line: int
    values: dict[str, Any]
    lines: dict[str, int]
    origin: dict[str, Path] = field(default_factory=dict)

    def at(self, key: str | None = None) -> str:
        """File, line, rule and key, for a message."""
        path = self.origin.get(key or "", self.path)
        line = self.lines.get(key or "", self.line)
        named = f"rule {self.values.get('name', '(no name)')}"
        return f"{path.name}: line {line}: {named}" + (f": {key}" if key else "")


class _Faults(list[str]):
    """All that is wrong, one fault a line."""

    def refuse(self) -> None:
        if self:
            raise RuleFileError("\n".join(self))


def read_files(path: Path, extra: Path | None) -> tuple[Rule, ...]:
    """Read `path` with `extra` merged over it. Raises RuleFileError with every fault found."""
    faults = _Faults()
    written, _ = _read(path, faults)
    _refuse_twins(written, faults)
    scope: dict[str, Any] = {}
    if extra is not None:
        own, scope = _read(extra, faults)
        _refuse_twins(own, faults)
        written = _merge(written, own, faults)
    rules = [rule for entry in written if (rule := _rule(entry, faults)) is not None]
    if extra is not None and scope:
        from medcode_ml.filtering.scope import ScopeError, scope_rules

        try:
            rules = [*scope_rules(scope), *rules]
        except ScopeError as error:
            faults.append(f"{extra.name}: scope: {error}")
    faults.refuse()
    return tuple(sorted(rules, key=lambda r: RECORDS.index(r.record)))


def _read(path: Path, faults: _Faults) -> tuple[list[_Written], dict[str, Any]]:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
    except OSError as error:
        raise RuleFileError(f"{path}: cannot be read: {error.strerror}; set MEDCODE_RULES_FILE to a file") from error
    except UnicodeDecodeError as error:
        raise RuleFileError(f"{path.name}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise RuleFileError(f"{path.name}: {where}: not YAML: {getattr(error, 'problem', error)}") from error
    if root is None:
        return [], {}
    if not isinstance(root, yaml.MappingNode):
        raise RuleFileError(
            f"{path.name}: line 1: begin with a kind of record, such as `patient:`, and list rules under it"
        )
    written: list[_Written] = []
    scope: dict[str, Any] = {}
    for key, section in root.value:
        line = key.start_mark.line + 1
        if key.value == SCOPE and isinstance(section, yaml.MappingNode):
            scope = loader.construct_mapping(section, deep=True)
        elif key.value not in RECORDS:
            faults.append(f"{path.name}: line {line}: {key.value}: {_choose(key.value, (*RECORDS, SCOPE))}")
        elif not isinstance(section, yaml.SequenceNode):
            faults.append(
                f"{path.name}: line {line}: {key.value}: list the rules under it, each beginning with `- name:`"
            )
        else:
            for node in section.value:
                entry = _entry(loader, path, key.value, node, faults)
                if entry is not None:
                    written.append(entry)
    return written, scope


def _entry(loader: Any, path: Path, record: str, node: yaml.Node, faults: _Faults) -> _Written | None:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        faults.append(f"{path.name}: line {line}: a rule is keys and values, beginning with `- name:`")
        return None
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in values:
            faults.append(f"{path.name}: line {key.start_mark.line + 1}: {name} stands twice in one rule; keep one")
        try:
            values[name] = loader.construct_object(value, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            faults.append(f"{path.name}: line {value.start_mark.line + 1}: {name}: {error}; put the value in quotes")
        lines[name] = key.start_mark.line + 1
    return _Written(record, path, line, values, lines, dict.fromkeys(lines, path))


def _refuse_twins(written: list[_Written], faults: _Faults) -> None:
    seen: dict[Any, int] = {}
    for entry in written:
        first = seen.setdefault(entry.values.get("name"), entry.line)
        if first != entry.line:
            faults.append(f"{entry.at('name')}: line {first} has a rule of that name; choose another")


def _merge(shipped: list[_Written], own: list[_Written], faults: _Faults) -> list[_Written]:
    """A hospital's rules over those that ship: new names are added, the keys given change the rule of that name."""
    by_name = {w.values.get("name"): w for w in shipped}
    merged = list(shipped)
    for entry in own:
        known = by_name.get(entry.values.get("name"))
        if known is None:
            merged.append(entry)
        elif known.record != entry.record:
            faults.append(f"{entry.at()}: the rule of that name looks at {known.record}; choose another name")
        else:
            values = {**known.values, **entry.values}
            given = [s for s in SOURCES if s in entry.values]
            for source in SOURCES:  # a list given instead of a file, or the other way round
                if given and source not in given:
                    values.pop(source, None)
            merged[merged.index(known)] = _Written(
                known.record, entry.path, entry.line, values, known.lines | entry.lines, known.origin | entry.origin
            )
    return merged


def _rule(entry: _Written, faults: _Faults) -> Rule | None:
    """Verify one rule; None where it has faults, which are noted."""
    before = len(faults)
    try:
        read = Entry.model_validate(entry.values)
    except ValidationError as error:
        for fault in error.errors():
            faults.append(_sentence(entry, fault))
        return None
    needed, optional = PARAMETERS[read.check]
    given = {k for k in ALL_PARAMETERS if k in entry.values}
    for key in sorted(needed - given):
        faults.append(f"{entry.at('check')}: a {read.check} rule needs the key {key}; add it")
    for key in sorted(given - needed - optional):
        faults.append(f"{entry.at(key)}: a {read.check} rule has no such key; remove it or choose another check")
    if len(faults) > before:
        return None
    columns, options = _columns_and_options(entry, read, faults)
    known = columns_of(entry.record)
    for column in [*columns, *read.when]:
        if column not in known:
            faults.append(f"{entry.at()}: {unknown_column(column, known)}")
    if len(faults) > before:
        return None
    rule = Rule(
        read.name, entry.record, columns, read.check, read.severity, read.owner, read.reason, read.trade_rule,
        read.repair, dict(read.when), options, enabled=read.enabled, where=f"{entry.path.name}: line {entry.line}",
    )  # fmt: skip
    examples: dict[str, tuple[tuple[dict[str, Any], ...], ...]] = {}
    for key, listed in (("pass", read.pass_), ("fail", read.fail)):
        if not listed:
            faults.append(
                f"{entry.at(key)}: add an example that should {key}; `medcode rules show` shows how others do"
            )
        try:
            examples[key] = tuple(typed(rule, example) for example in listed)
        except ExampleError as error:
            faults.append(f"{entry.at(key)}: {error}")
    if len(faults) > before:
        return None
    return replace(rule, good=examples["pass"], bad=examples["fail"])


def _columns_and_options(entry: _Written, read: Entry, faults: _Faults) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The columns a rule asks, the one it reports first, and the parameters of its check."""
    options: dict[str, Any] = {}
    columns: tuple[str, ...] = (read.column,) if read.column else tuple(read.columns or ())
    if read.check == "cross_field":
        try:
            expression = parse(str(read.ask), entry.record)
        except ExpressionError as error:
            faults.append(f"{entry.at('ask')}: {error}")
            return columns, options
        columns = tuple(dict.fromkeys([*columns, *expression.columns]))
        options["ask"] = read.ask
    elif read.check == "look_up":
        columns += _look_up(entry, read, options, faults)
    elif read.check == "range":
        columns = _range(entry, read, options, faults)
    elif read.check == "pattern":
        options["pattern"] = read.pattern
        try:
            re.compile(str(read.pattern))
        except re.error as error:
            faults.append(f"{entry.at('pattern')}: no regular expression: {error}")
    elif read.check == "checksum":
        options["identifier"] = read.identifier
        if read.repair and read.identifier in UNCONFIRMED:
            faults.append(f"{entry.at('repair')}: nothing confirms a reading of {read.identifier} (rule 40); remove it")
    elif read.check == "readable":
        options["share"] = read.share
    return columns, options


def _look_up(entry: _Written, read: Entry, options: dict[str, Any], faults: _Faults) -> tuple[str, ...]:
    given = [s for s in SOURCES if getattr(read, s) is not None]
    if len(given) != 1:
        faults.append(
            f"{entry.at('check')}: a look_up rule needs one of the keys {', '.join(SOURCES)}; it has {len(given)}"
        )
    elif read.code_set is not None:
        options["code_set"] = read.code_set
        if read.on is None:
            faults.append(f"{entry.at('code_set')}: add `on:`, the column with the day whose release counts (rule 1)")
            return ()
        return (read.on,)
    elif read.values is not None:
        options["values"], options["allowed"] = list(read.values), frozenset(read.values)
    else:
        options["values"] = options["file"] = read.file
        options["allowed"] = _file_values(entry, read, faults)
    return ()


def _file_values(entry: _Written, read: Entry, faults: _Faults) -> frozenset[str]:
    """The values of a CSV file beside the file of rules."""
    path = entry.origin.get("file", entry.path).parent / str(read.file)
    column = read.file_column or read.column or ""
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            if column not in (reader.fieldnames or []):
                faults.append(f"{entry.at('file')}: {path.name} has no column {column}; name it with `file_column:`")
                return frozenset()
            return frozenset(row[column].strip() for row in reader if row[column])
    except (OSError, UnicodeDecodeError) as error:
        what = type(error).__name__
        faults.append(f"{entry.at('file')}: {path.name} cannot be read ({what}); it lies beside the rules")
        return frozenset()


def _range(entry: _Written, read: Entry, options: dict[str, Any], faults: _Faults) -> tuple[str, ...]:
    assert read.low is not None
    assert read.high is not None
    if read.low > read.high:
        faults.append(f"{entry.at('low')}: {read.low:g} is more than high {read.high:g}; swap them")
    options |= {"low": read.low, "high": read.high}
    if read.observation is None:
        if read.column is None or columns_of(entry.record).get(read.column) != "number":
            faults.append(f"{entry.at('check')}: a range rule needs a column of numbers, or `observation` with `unit`")
            return ()
        return (read.column,)
    if entry.record != "observation" or read.unit is None:
        faults.append(f"{entry.at('observation')}: belongs under `observation:` and needs `unit:`, UCUM")
    options |= {"observation": read.observation, "unit": read.unit}
    return ("value", "name", "unit")


def _sentence(entry: _Written, fault: Any) -> str:
    """One fault of pydantic in words: where, what, and what to do."""
    key = str(fault["loc"][0]) if fault["loc"] else None
    match fault["type"]:
        case "missing":
            return f"{entry.at()}: the key {key} is missing; add it"
        case "extra_forbidden":
            keys = [f.alias or n for n, f in Entry.model_fields.items()]
            return f"{entry.at(key)}: no such key; {_choose(str(key), tuple(keys))}"
        case "literal_error":
            return f"{entry.at(key)}: {entry.values.get(str(key))!r} is none of {fault['ctx']['expected']}; choose one"
        case "string_type":
            return f"{entry.at(key)}: {fault['input']!r} was read as {type(fault['input']).__name__}; put it in quotes"
    return f"{entry.at(key)}: {fault['msg'].lower()}; correct it"


def _choose(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}"
