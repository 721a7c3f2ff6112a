"""Hospitals and clinicians of a delivery against the registry of provider identifiers, by the days they hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from medcode_ml.codes.identifiers import npi_is_valid, taxonomy_is_valid
from medcode_ml.codes.taxonomy import taxonomy_is_loaded, taxonomy_section
from medcode_ml.mapping.values import day

Finding = dict[str, str]
COLUMNS = (
    "source", "provider_kind", "npi", "hospital_id", "name", "taxonomy", "effective_from", "effective_to",
    "registry_status", "registry_name", "registry_taxonomy", "registry_from", "registry_to", "findings",
)  # fmt: skip
_ENTITY = {"hospital": "2", "clinician": "1"}
_SECTION = {"hospital": "organization", "clinician": "individual"}
_SAME_NAME = 85.0  # rapidfuzz token_set_ratio, of 100: word order and legal suffixes aside
_SUFFIXES = frozenset({"inc", "llc", "pc", "pa", "md", "do", "np", "jr", "sr", "the", "of"})


def map_providers(
    hospital: pd.DataFrame, clinician: pd.DataFrame, registry: pd.DataFrame | None, as_of: date
) -> pd.DataFrame:
    """Return the rows of mapped.provider.

    `hospital` and `clinician` are the raw tables of a day, `registry` what `store.registry.registry_of` answers for
    their identifiers (None: nobody loaded one, which every row then says), `as_of` the received day. One row for each
    identifier and kind: of several deliveries of one the first counts, and the others are a finding where they differ.
    """
    rows = [_hospital(r) for r in _records(hospital)] + [_clinician(r) for r in _records(clinician)]
    known = None if registry is None else {r["npi"]: r for r in _records(registry)}
    made: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = (row["source"], row["provider_kind"], row["npi"])
        if key in made:
            if any(made[key][c] != row[c] for c in ("name", "taxonomy", "hospital_id")):
                _found(made[key], "delivered_differently", "the identifier stands on several rows that do not agree")
            continue
        made[key] = row
        _check_own(row, as_of)
        _check_registry(row, known, as_of)
    return pd.DataFrame([{c: row[c] for c in COLUMNS} for row in made.values()], columns=list(COLUMNS), dtype=object)


def npis_of(hospital: pd.DataFrame, clinician: pd.DataFrame) -> set[str]:
    """The identifiers to ask the registry for."""
    return {str(n).strip() for frame in (hospital, clinician) for n in frame["npi"].dropna()}


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    some = frame.astype(object)
    return some.where(some.notna(), None).to_dict("records")


def _hospital(raw: dict[Any, Any]) -> dict[str, Any]:
    return _row(raw, "hospital", " ".join((raw["name"] or "").split()))


def _clinician(raw: dict[Any, Any]) -> dict[str, Any]:
    return _row(raw, "clinician", ", ".join(p for p in (raw["last_name"], raw["first_name"]) if p))


def _row(raw: dict[Any, Any], kind: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "source": raw["source"], "provider_kind": kind, "npi": (raw["npi"] or "").strip(),
        "hospital_id": raw["hospital_id"], "name": name,
        "taxonomy": (raw["taxonomy"] or "").strip().upper() or None,
        "registry_name": None, "registry_taxonomy": None, "registry_from": None, "registry_to": None, "findings": [],
    }  # fmt: skip
    for column in ("effective_from", "effective_to"):
        row[column] = read_day(raw.get(column), column, row["findings"])
    return row


def read_day(text: Any, column: str, findings: list[Finding]) -> date | None:
    """Type an effective date; one that cannot be read is a finding and counts as not given."""
    if text is None or not str(text).strip():
        return None
    try:
        return day(str(text).strip())
    except ValueError:
        findings.append({"rule": "date_unreadable", "reason": f"{column} is no date with a four-digit year"})
        return None


def check_span(row: dict[str, Any], as_of: date) -> None:
    """Effective dates in order, and the last one not passed."""
    first, last = row["effective_from"], row["effective_to"]
    if first is not None and last is not None and first > last:
        _found(row, "dates_in_order", "effective_from is after effective_to")
    elif last is not None and last < as_of:
        _found(row, "no_longer_effective", f"effective until {last.isoformat()}, before the delivery")
    elif first is not None and first > as_of:
        _found(row, "not_yet_effective", f"effective from {first.isoformat()}, after the delivery")


def _found(row: dict[str, Any], rule: str, reason: str) -> None:
    row["findings"].append({"rule": rule, "reason": reason})


def _check_own(row: dict[str, Any], as_of: date) -> None:
    check_span(row, as_of)
    taxonomy = row["taxonomy"]
    if taxonomy is None:
        _found(row, "taxonomy_missing", "no taxonomy code was delivered")
    elif not taxonomy_is_valid(taxonomy):
        _found(row, "taxonomy_format", "the taxonomy code is not nine characters and an X")
    elif taxonomy_is_loaded():
        section = taxonomy_section(taxonomy)
        if section is None:
            _found(row, "taxonomy_listed", "the loaded provider taxonomy does not hold the code")
        elif section != _SECTION[row["provider_kind"]]:
            _found(row, "taxonomy_of_kind", f"the taxonomy code is for an {section}")


def _check_registry(row: dict[str, Any], known: dict[Any, dict[Any, Any]] | None, as_of: date) -> None:
    """Set `registry_status` and what the registry says."""
    if not npi_is_valid(row["npi"]):
        row["registry_status"] = "invalid_npi"
        _found(row, "npi_check_digit", "not a national provider identifier: ten digits, first 1 or 2, check digit")
        return
    if known is None:
        row["registry_status"] = "no_registry"
        return
    entry = known.get(row["npi"])
    if entry is None:
        row["registry_status"] = "not_listed"
        _found(row, "npi_listed", "the registry does not list the identifier")
        return
    row["registry_from"], row["registry_to"] = entry["issued"], _deactivated(entry)
    row["registry_taxonomy"] = entry["taxonomy"]
    name = entry["organization"] or ", ".join(p for p in (entry["last_name"], entry["first_name"]) if p)
    row["registry_name"] = name or None
    kind = entry["entity_type"]
    if row["registry_to"] is not None and row["registry_to"] <= as_of:
        row["registry_status"] = "deactivated"
        instead = "; another identifier replaces it" if entry["replacement_npi"] else ""
        _found(row, "npi_active", f"deactivated on {row['registry_to'].isoformat()}{instead}")
        return
    if kind is not None and kind != _ENTITY[row["provider_kind"]]:
        row["registry_status"] = "other_kind"
        who = "a person" if kind == "1" else "an organisation"
        _found(row, "npi_of_kind", f"the identifier of {who} stands for a {row['provider_kind']}")
    else:
        row["registry_status"] = "active"
    if row["registry_from"] is not None and row["effective_from"] and row["registry_from"] > row["effective_from"]:
        _found(row, "npi_issued", f"issued on {row['registry_from'].isoformat()}, after effective_from")
    if name and not same_name(row["name"], name):
        _found(row, "name_agrees", "the name is not the one in the registry")
    listed = set((entry["taxonomies"] or "").split("|")) - {""}
    if row["taxonomy"] and listed and row["taxonomy"] not in listed:
        _found(row, "taxonomy_agrees", "the registry does not list this taxonomy code for the identifier")


def _deactivated(entry: dict[Any, Any]) -> date | None:
    """The day a deactivation began that still holds."""
    ended, again = entry["deactivated"], entry["reactivated"]
    return None if ended is None or (again is not None and again >= ended) else ended


def same_name(name: str, other: str) -> bool:
    """True for two spellings of one name, whatever the order of its words, punctuation and legal suffixes."""
    from rapidfuzz import fuzz

    one, two = _plain(name), _plain(other)
    return bool(one) and bool(two) and fuzz.token_set_ratio(one, two) >= _SAME_NAME


def _plain(name: str) -> str:
    letters = "".join(c if c.isalnum() else " " for c in name.lower().replace("'", ""))
    words = letters.split()
    return " ".join(w for w in words if w not in _SUFFIXES) or " ".join(words)
