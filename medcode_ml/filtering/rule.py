"""What a rule is, and reading the table of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

RULES_FILE = Path(__file__).parent / "rules.yaml"
RECORDS = ("patient", "encounter", "document", "diagnosis", "procedure", "charge")
_NEEDED = {"name", "record", "columns", "check", "severity", "owner", "reason"}
_OWN = _NEEDED | {"trade_rule", "good", "bad", "when", "repair"}


class RuleFileError(ValueError):
    """The table of rules cannot be used; the message names file, rule and fault."""


@dataclass(frozen=True)
class Rule:
    """One named rule: which records and columns it asks, how, how grave a failure is, and what to tell a person."""

    name: str
    record: str
    columns: tuple[str, ...]
    check: str
    severity: str
    owner: str
    reason: str
    trade_rule: int | None = None
    repair: bool = False
    when: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    good: tuple[Any, ...] = ()
    bad: tuple[Any, ...] = ()


def read_rules(path: Path = RULES_FILE) -> tuple[Rule, ...]:
    """Read and verify a table of rules.

    Raises:
        RuleFileError: not YAML, a key missing, an unknown check, record or severity, a name used twice.
    """
    from medcode_ml.filtering.checks import CHECKS

    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RuleFileError(f"{path.name}: not YAML: {error}") from error
    rules: list[Rule] = []
    for number, entry in enumerate(listed, start=1):
        where = f"{path.name}: rule {number} ({entry.get('name', 'no name')})"
        missing = _NEEDED - set(entry)
        if missing:
            raise RuleFileError(f"{where}: add {', '.join(sorted(missing))}")
        for key, allowed in (("record", RECORDS), ("severity", ("error", "warning")), ("check", tuple(CHECKS))):
            if entry[key] not in allowed:
                raise RuleFileError(f"{where}: {key} {entry[key]!r} is none of {', '.join(allowed)}")
        if any(r.name == entry["name"] for r in rules):
            raise RuleFileError(f"{where}: the name is used twice")
        own = {k: v for k, v in entry.items() if k in _OWN}
        own["columns"] = tuple(own["columns"])
        own["good"], own["bad"] = tuple(own.get("good", ())), tuple(own.get("bad", ()))
        rules.append(Rule(**own, options={k: v for k, v in entry.items() if k not in _OWN}))
    return tuple(rules)


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """The rules that ship with medcode."""
    return read_rules()
