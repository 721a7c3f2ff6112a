"""The scope of a hospital's own file: what medcode is asked to code. The rest is set aside, which is no fault."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medcode_ml.filtering.rule import Rule

OWNER = "operations"


class ScopeError(ValueError):
    """The section `scope` cannot be used; the message says which key and what to write."""


class _Scope(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    hospitals: Annotated[list[str], Field(min_length=1)] | None = None
    settings: Annotated[list[str], Field(min_length=1)] | None = None
    document_types: Annotated[list[str], Field(min_length=1)] | None = None
    discharged_from: date | None = None
    discharged_to: date | None = None


def scope_rules(section: dict[str, Any]) -> tuple[Rule, ...]:
    """The rules that a section `scope` stands for.

        scope:
          hospitals: [H1, H2]
          settings: [inpatient]
          document_types: [discharge_summary, operative_note]
          discharged_from: 2026-10-01
          discharged_to: 2026-12-31

    Raises:
        ScopeError: another key, or a value of another kind.
    """
    try:
        scope = _Scope.model_validate(section)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ScopeError(f"{key}: {first['msg'].lower()}; the keys are {', '.join(_Scope.model_fields)}") from error
    made: list[Rule] = []
    if scope.hospitals:
        made.append(_listed("hospital_in_scope", "encounter", "hospital_id", scope.hospitals, "hospital"))
    if scope.settings:
        made.append(_listed("setting_in_scope", "encounter", "setting", scope.settings, "setting"))
    if scope.document_types:
        types = scope.document_types
        made.append(_listed("document_type_in_scope", "document", "document_type", types, "document type"))
    for name, day, comparison in (
        ("discharge_not_before_scope", scope.discharged_from, ">="),
        ("discharge_not_after_scope", scope.discharged_to, "<="),
    ):
        if day is not None:
            step = 1 if comparison == "<=" else -1
            outside = date.fromordinal(day.toordinal() + step)
            made.append(
                Rule(
                    name, "encounter", ("discharge_date",), "cross_field", "scope", OWNER,
                    f"not asked for: the scope holds discharges {'from' if step < 0 else 'to'} {day}",
                    options={"ask": f"discharge_date {comparison} '{day}'"}, where="scope",
                    good=(({"discharge_date": day},),), bad=(({"discharge_date": outside},),),
                )
            )  # fmt: skip
    return tuple(made)


def _listed(name: str, record: str, column: str, values: list[str], what: str) -> Rule:
    return Rule(
        name, record, (column,), "look_up", "scope", OWNER,
        f"not asked for: the scope holds the {what}s {', '.join(values)}",
        options={"values": values, "allowed": frozenset(values)}, where="scope",
        good=tuple(({column: value},) for value in values), bad=(({column: f"no {what} of the scope"},),),
    )  # fmt: skip
