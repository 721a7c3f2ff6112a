"""How the delivered columns of each kind of record are typed: one parser a column."""

from __future__ import annotations

from medcode_ml.mapping import values

_TEXT = values.words

PARSERS: dict[str, dict[str, values.Parser]] = {
    "patient": {
        "last_name": _TEXT, "first_name": _TEXT, "birth_date": values.day, "sex": values.sex,
        "death_date": values.day, "ssn": values.digits, "address": _TEXT, "city": _TEXT, "state": str.upper,
        "zip": values.digits,
    },
    "encounter": {
        "setting": values.setting, "admission_date": values.day, "admission_hour": values.hour,
        "discharge_date": values.day, "discharge_hour": values.hour, "admission_type": _TEXT, "admission_source": _TEXT,
        "discharge_status": values.two_digits, "service": _TEXT, "attending_npi": _TEXT, "payer_id": _TEXT,
        "member_id": _TEXT, "admitting_code": str.upper, "document_count": values.whole,
    },
    "document": {"written_date": values.day, "author_npi": _TEXT, "page_count": values.whole, "document_type": _TEXT},
    "procedure": {"line_number": values.whole, "procedure_date": values.day},
    "diagnosis": {"line_number": values.whole, "poa": str.upper},
    "charge": {
        "line_number": values.whole, "revenue_code": _TEXT, "hcpcs": str.upper, "units": values.whole,
        "charge": values.money, "service_date": values.day,
    },
    "medication": {"line_number": values.whole, "drug": _TEXT, "ndc": _TEXT, "start_date": values.day},
    "microbiology": {
        "line_number": values.whole, "specimen": _TEXT, "organism": _TEXT, "specimen_date": values.day,
    },
    "observation": {
        "line_number": values.whole, "kind": str.lower, "name": _TEXT, "code": _TEXT, "value": _TEXT, "unit": _TEXT,
        "observed_date": values.day, "flag": str.upper,
    },
    "unit_stay": {"line_number": values.whole, "unit": _TEXT, "start_date": values.day, "hours": values.number},
    "service": {"line_number": values.whole, "service": _TEXT},
}  # fmt: skip

#: lines of an encounter, in the order they are mapped
LINES = ("procedure", "diagnosis", "charge", "medication", "microbiology", "observation", "unit_stay", "service")


def delivered_name(kind: str) -> str:
    """The delivered table that a kind of record comes from."""
    return "scanned_record" if kind == "document" else kind
