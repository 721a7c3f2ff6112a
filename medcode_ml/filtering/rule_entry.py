"""What a rule looks like in the table: its keys, their kinds, and which keys each check takes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from medcode_ml.filtering.repair import IDENTIFIERS

#: check -> the keys it needs, and those it may have (look_up needs one of three)
PARAMETERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "present": (frozenset({"column"}), frozenset()),
    "pattern": (frozenset({"column", "pattern"}), frozenset()),
    "look_up": (frozenset({"column"}), frozenset({"values", "file", "file_column", "code_set", "on", "repair"})),
    "checksum": (frozenset({"column", "identifier"}), frozenset({"repair"})),
    "cross_field": (frozenset({"ask"}), frozenset({"column"})),
    "range": (frozenset({"low", "high"}), frozenset({"column", "observation", "unit"})),
    "readable": (frozenset({"column", "share"}), frozenset()),
    "unique": (frozenset({"columns"}), frozenset()),
}
ALL_PARAMETERS = frozenset().union(*(needed | optional for needed, optional in PARAMETERS.values()))
#: keys that say where the values of a look_up stand
SOURCES = ("values", "file", "code_set")


class Entry(BaseModel):
    """One rule as a person writes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,59}$")]
    check: Literal["present", "pattern", "look_up", "checksum", "cross_field", "range", "readable", "unique"]
    severity: Literal["error", "warning", "information", "scope"]
    owner: Annotated[str, Field(min_length=2)]
    reason: Annotated[str, Field(min_length=10)]
    trade_rule: Annotated[int, Field(ge=1, le=45)] | None = None
    enabled: bool = True
    when: dict[str, str | list[str]] = Field(default_factory=dict)
    repair: bool = False
    column: str | None = None
    columns: list[str] | None = None
    pattern: str | None = None
    values: Annotated[list[str], Field(min_length=1)] | None = None
    file: str | None = None
    file_column: str | None = None
    code_set: Literal["ICD-10-CM", "ICD-10-PCS"] | None = None
    on: str | None = None
    identifier: Literal[tuple(IDENTIFIERS)] | None = None  # type: ignore[valid-type]
    ask: str | None = None
    observation: Annotated[list[str], Field(min_length=1)] | None = None
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    pass_: list[Any] = Field(alias="pass", default_factory=list)
    fail: list[Any] = Field(default_factory=list)
