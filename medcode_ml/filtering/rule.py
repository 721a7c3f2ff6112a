"""What a rule is, and the rules in force: those that ship with medcode and those of the hospital's own file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from medcode_ml.filtering.expression import Expression, parse

RULES_FILE = Path(__file__).parent / "rules.yaml"
SEVERITIES = {
    "error": "sets the record aside",
    "warning": "is counted, the record is carried",
    "information": "is counted, nobody needs to act",
    "scope": "sets the record aside as not asked for, which is no fault",
}
#: severities that set a record aside
SETS_ASIDE = frozenset({"error", "scope"})


class RuleFileError(ValueError):
    """The table of rules cannot be used; the message names file, line, rule, key and what to do."""


@dataclass(frozen=True, eq=False)
class Rule:
    """One named rule: which records and columns it asks, how, how grave a failure is, and what to tell a person.

    `good` and `bad` hold examples: each a tuple of records {column: value}, of which the last is judged.
    """

    name: str
    record: str
    columns: tuple[str, ...]
    check: str
    severity: str
    owner: str
    reason: str
    trade_rule: int | None = None
    repair: bool = False
    when: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    good: tuple[tuple[dict[str, Any], ...], ...] = ()
    bad: tuple[tuple[dict[str, Any], ...], ...] = ()
    enabled: bool = True
    where: str = ""

    @property
    def sets_aside(self) -> bool:
        """A record that fails is not carried."""
        return self.severity in SETS_ASIDE

    @cached_property
    def expression(self) -> Expression:
        """The expression of a cross-field rule."""
        return parse(self.options["ask"], self.record)

    @property
    def sees_neighbours(self) -> bool:
        """Its answer about a record depends on other records of the encounter or batch."""
        return self.check == "unique" or "total(" in str(self.options.get("ask", ""))


def read_rules(extra: Path | None = None, path: Path = RULES_FILE) -> tuple[Rule, ...]:
    """Read and verify the table of rules, with the hospital's own file `extra` merged over it. In the order asked.

    A name that is new is added; a name that exists changes the keys given. `extra` may also have a section `scope`.
    Rules that are not enabled are returned too. The examples are not run: see `examples.verify`.

    Raises:
        RuleFileError: all that is wrong with the files, one fault a line.
    """
    from medcode_ml.filtering.rule_file import read_files

    return read_files(path, extra)


@lru_cache(maxsize=4)
def verified_rules(extra: Path | None) -> tuple[Rule, ...]:
    """The enabled rules, every example of which behaves as it says.

    Raises:
        RuleFileError: a file cannot be used, or an example passes or fails against its rule.
    """
    from medcode_ml.filtering.examples import verify

    enabled = tuple(r for r in read_rules(extra) if r.enabled)
    verify(enabled)
    return enabled


def rules() -> tuple[Rule, ...]:
    """The rules in force: those that ship, with the file of setting `rules_file` merged over them."""
    from medcode_ml.settings import settings

    return verified_rules(settings().rules_file)
