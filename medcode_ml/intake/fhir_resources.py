"""Files of FHIR R4 resources taken apart, and what resources are asked for: references, identifiers, codes, times.

Files: NDJSON (`*.ndjson`, a resource or Bundle a line) and JSON (`*.fhir.json`, one resource or Bundle). Resources are
validated by the package `fhir.resources` (R4B models, which R4 resources of the kinds taken here satisfy).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from medcode_ml.intake.delimited import escaped

Resource = dict[str, Any]

MAX_FILE_BYTES: Final = 512 * 2**20
"""A Bundle has to be read whole; NDJSON is read line by line, and this holds for one line."""
LOINC_SYSTEM: Final = "http://loinc.org"
NPI_SYSTEM: Final = "http://hl7.org/fhir/sid/us-npi"
SSN_SYSTEM: Final = "http://hl7.org/fhir/sid/us-ssn"
TAKEN: Final = frozenset({"Binary", "DocumentReference", "Encounter", "Observation", "Patient"})
SUPPORTING: Final = frozenset({"Organization", "Practitioner", "PractitionerRole"})
"""Resources that those taken refer to."""
WRAPPING: Final = frozenset({"Location", "MessageHeader", "OperationOutcome"})
_ELEMENT: Final = re.compile(r"[a-z][A-Za-z]{0,40}", re.ASCII)


class ResourceError(ValueError):
    """Why a resource cannot be taken; `rule` names the fault."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


@dataclass(frozen=True)
class Entry:
    """One resource: line of the NDJSON file, or place in the Bundle; or (with `fault`) what stands there instead."""

    line: int
    resource: Resource
    url: str | None = None  #: fullUrl of a Bundle entry
    fault: tuple[str, str] | None = None  #: rule, what is wrong and what to do
    original: str | None = None
    too_early: bool = False


def read_entries(path: Path) -> Iterator[Entry]:
    """Every resource of a file in its order, and everything that is none.

    Raises:
        OSError: the file cannot be read.
    """
    if path.suffix.lower() == ".ndjson":
        yield from _read_lines(path)
        return
    if path.stat().st_size > MAX_FILE_BYTES:
        yield Entry(0, {}, None, ("file_too_large", f"over {MAX_FILE_BYTES // 2**20} MB; deliver it as NDJSON"))
        return
    data = path.read_bytes()
    if not data.strip():
        yield Entry(0, {}, None, ("empty_file", "holds nothing; deliver the file again"))
        return
    yield from _entries(data, 0, by_place=True)


def _read_lines(path: Path) -> Iterator[Entry]:
    found = False
    with path.open("rb") as handle:
        number = 0
        if handle.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
            yield Entry(0, {}, None, ("not_utf8", "the file is UTF-16; save it as UTF-8 and deliver it again"))
            return
        while line := handle.readline(MAX_FILE_BYTES):
            number += 1
            if not line.endswith(b"\n") and len(line) >= MAX_FILE_BYTES:
                yield Entry(number, {}, None, ("line_too_long", f"over {MAX_FILE_BYTES // 2**20} MB; send it apart"))
                while line and not line.endswith(b"\n"):
                    line = handle.readline(MAX_FILE_BYTES)
                continue
            if line.strip():
                found = True
                yield from _entries(line, number)
    if not found:
        yield Entry(0, {}, None, ("empty_file", "holds no resource; deliver the file again"))


def _entries(data: bytes, line: int, *, by_place: bool = False) -> Iterator[Entry]:
    try:
        parsed = json.loads(data.decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        text = escaped(data.decode("utf-8", "surrogateescape"))
        fault = ("not_utf8", f"byte {error.start} is not UTF-8; save it as UTF-8 and deliver it again")
        yield Entry(line, {}, None, fault, text)
        return
    except (ValueError, RecursionError):
        text = escaped(data.decode("utf-8", "surrogateescape"))
        fault = ("malformed_json", "is no JSON or ends too early; deliver it again whole")
        yield Entry(line, {}, None, fault, text.rstrip("\r\n"), too_early=True)
        return
    if not isinstance(parsed, dict) or not isinstance(parsed.get("resourceType"), str):
        fault = ("no_resource", "is no FHIR resource (no resourceType); deliver it again as one")
        yield Entry(line, {}, None, fault, data.decode("utf-8-sig"))
    elif parsed["resourceType"] != "Bundle":
        yield Entry(1 if by_place else line, parsed)
    else:
        yield from _bundle(parsed, line, by_place)


def _bundle(bundle: Resource, line: int, by_place: bool) -> Iterator[Entry]:
    entries = bundle.get("entry") or []
    if not isinstance(entries, list) or not entries:
        yield Entry(line, {}, None, ("empty_file", "the Bundle holds no resource; deliver it again"))
        return
    for place, entry in enumerate(entries, start=1):
        at = place if by_place else line
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            url = entry.get("fullUrl")
            yield Entry(at, resource, url if isinstance(url, str) else None)
        else:
            fault = ("no_resource", f"entry {place} of the Bundle holds no resource; deliver it again")
            yield Entry(at, {}, None, fault, as_json(entry))


def as_json(value: object) -> str:
    """JSON text of a parsed value."""
    return json.dumps(value, ensure_ascii=False, default=str)


def validate(resource: Resource) -> None:
    """Check a resource against the standard's model.

    Raises:
        ResourceError: rule `invalid_resource`; the reason names the elements and what is wrong, never their values.
    """
    kind = resource["resourceType"]
    from pydantic import ValidationError

    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(resource)
    except ValidationError as error:
        found = [_finding(one["loc"], one["type"]) for one in error.errors(include_input=False, include_url=False)]
    except (ValueError, TypeError, RecursionError, ArithmeticError) as error:
        found = [f"the resource cannot be checked ({type(error).__name__})"]
    else:
        return
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    raise ResourceError("invalid_resource", f"no valid {kind}: {'; '.join(found[:3])}{more}; send it again")


def _finding(location: tuple[int | str, ...], kind: str) -> str:
    """One finding in words. An unknown element may be named after anything: only names of the right form are told."""
    place = ".".join(str(p) if isinstance(p, int) else p if _ELEMENT.fullmatch(p) else "?" for p in location) or "it"
    if kind == "extra_forbidden":
        return f"{place} is not an element of it"
    if kind.endswith("missing"):
        return f"{place} is required"
    return f"{place} has a value that the standard does not allow"


def tail(reference: str) -> str:
    """`Type/id` or `urn:...` at the end of a reference, without server and version."""
    if reference.startswith("urn:"):
        return reference
    plain = reference.split("/_history/")[0].rstrip("/")
    return "/".join(plain.split("/")[-2:])


def coding(concept: Resource | None, system: str | None = None) -> Resource | None:
    """First coding of a CodeableConcept, or the first of `system`; None where there is none."""
    codings = [one for one in (concept or {}).get("coding") or [] if one.get("code")]
    if system is not None:
        codings = [one for one in codings if one.get("system") == system]
    return codings[0] if codings else None


def code(concept: Resource | None) -> str | None:
    """Code of the first coding."""
    found = coding(concept)
    return None if found is None else str(found["code"])


def identifier_of_type(resource: Resource, *kinds: str) -> list[Resource]:
    """Identifiers that have a value and one of these types (v2 table 0203)."""
    found = []
    for kind in kinds:
        found += [
            one
            for one in resource.get("identifier") or []
            if one.get("value") and any(c.get("code") == kind for c in (one.get("type") or {}).get("coding") or [])
        ]
    return found


def day(time: object) -> str | None:
    """YYYY-MM-DD of a FHIR date or time, where the sender stands; a shorter one as delivered."""
    return str(time)[:10] if time else None


def hour(time: object) -> str | None:
    """HH of a FHIR time that has one."""
    found = re.match(r"\d{4}-\d{2}-\d{2}T(\d{2}):", str(time)) if time else None
    return found.group(1) if found else None


def moment(time: object) -> int:
    """A FHIR time as the number YYYYMMDDHHMMSS, 0 where there is none; the offset from UTC is left out."""
    digits = re.sub(r"\D", "", str(time)[:19]) if time else ""
    return int(digits.ljust(14, "0")[:14]) if digits else 0
