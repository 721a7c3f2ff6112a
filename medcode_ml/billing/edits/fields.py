"""Edits of what the claim needs about hospital, patient, subscriber and payer: absent, or not in form (rules 28, 35).

Dates are in `stay`, codes in `diagnoses`, lines in `charges`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from medcode_ml.billing.claims import Case
from medcode_ml.billing.edits.catalogue import Edit, found
from medcode_ml.billing.x12.loops import DELAY_REASONS
from medcode_ml.billing.x12.segments import x12_text
from medcode_ml.codes.identifiers import mbi_is_valid, npi_is_valid
from medcode_ml.codes.taxonomy import taxonomy_is_loaded, taxonomy_section


class Need(NamedTuple):
    """A field a claim needs: its column, its name for a person, how hard it is needed in either setting.

    `longest` and `shortest` are the lengths of the X12 element for texts; `longest` is 0 for what is not free text.
    """

    column: str
    name: str
    inpatient: str | None
    outpatient: str | None
    longest: int = 0
    shortest: int = 1


_ERROR, _WARNING = "missing_field", "missing_recommended_field"
#: What the 837I of the 005010X223A2 guide asks of a claim whose patient is the subscriber, by name.
NEEDS: tuple[Need, ...] = (
    Need("sex", "patient's sex", _ERROR, _ERROR),
    Need("admission_date", "admission date", _ERROR, _ERROR),
    Need("admission_hour", "admission hour", _ERROR, None),
    Need("discharge_date", "discharge date", _ERROR, _ERROR),
    Need("discharge_hour", "discharge hour", _ERROR, None),
    Need("admission_type", "admission type", _ERROR, _WARNING),
    Need("admission_source", "admission source", _ERROR, _WARNING),
    Need("discharge_status", "discharge status", _ERROR, _ERROR),
    Need("admitting_code", "admitting diagnosis", _ERROR, None),
    Need("hospital_npi", "hospital's NPI", _ERROR, _ERROR),
    Need("hospital_name", "hospital's name", _ERROR, _ERROR, 60),
    Need("hospital_tax_id", "hospital's tax identifier", _ERROR, _ERROR),
    Need("hospital_taxonomy", "hospital's taxonomy code", _ERROR, _ERROR),
    Need("hospital_address", "hospital's street address", _ERROR, _ERROR, 55),
    Need("hospital_city", "hospital's city", _ERROR, _ERROR, 30, 2),
    Need("hospital_state", "hospital's state", _ERROR, _ERROR),
    Need("hospital_zip", "hospital's ZIP", _ERROR, _ERROR),
    Need("attending_npi", "attending clinician's NPI", _ERROR, _ERROR),
    Need("attending_last_name", "attending clinician's last name", _ERROR, _ERROR, 60),
    Need("attending_first_name", "attending clinician's first name", _WARNING, _WARNING),
    Need("member_id", "subscriber's member identifier", _ERROR, _ERROR, 80, 2),
    Need("subscriber_last_name", "subscriber's last name", _ERROR, _ERROR, 60),
    Need("subscriber_first_name", "subscriber's first name", _ERROR, _ERROR, 35),
    Need("subscriber_birth_date", "subscriber's birth date", _ERROR, _ERROR),
    Need("subscriber_sex", "subscriber's sex", _ERROR, _ERROR),
    Need("subscriber_address", "subscriber's street address", _ERROR, _ERROR, 55),
    Need("subscriber_city", "subscriber's city", _ERROR, _ERROR, 30, 2),
    Need("subscriber_state", "subscriber's state", _ERROR, _ERROR),
    Need("subscriber_zip", "subscriber's ZIP", _ERROR, _ERROR),
    Need("payer_id", "payer's identifier", _ERROR, _ERROR, 80, 2),
    Need("payer_name", "payer's name", _ERROR, _ERROR, 60),
)
_TAXONOMY = re.compile(r"\d{3}[0-9A-Z]{6}X", re.ASCII)
_TAX_ID = re.compile(r"\d{2}-?\d{7}", re.ASCII)
_ZIP9 = re.compile(r"\d{5}-?\d{4}", re.ASCII)
_ZIP = re.compile(r"\d{5}(-?\d{4})?", re.ASCII)
_HOUR = re.compile(r"[01]?\d|2[0-3]", re.ASCII)
_STATUS = re.compile(r"\d{2}", re.ASCII)
_ONE_CHARACTER = re.compile(r"[0-9A-Z]", re.ASCII)
# States, territories, freely associated states and military post.
_STATE = re.compile(
    "A[AEKLPRSZ]|C[AOT]|D[CE]|F[LM]|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEHINOPST]|N[CDEHJMVY]|O[HKR]|P[ARW]|RI|S[CD]|T[NX]"
    "|UT|V[AIT]|W[AIVY]"
)
SEXES = ("M", "F", "U")


@lru_cache(maxsize=50_000)
def _npi_valid(npi: str) -> bool:
    return npi_is_valid(npi)


def taxonomies_of_nobody(taxonomies: Iterable[str | None]) -> frozenset[str]:
    """Taxonomy codes that are no organization's in the code set that a user loaded; none where nobody loaded it."""
    if not taxonomy_is_loaded():
        return frozenset()
    return frozenset(t for t in set(taxonomies) if t and taxonomy_section(t) != "organization")


def field_edits(case: Case, unknown_taxonomies: frozenset[str] = frozenset()) -> Iterator[Edit]:
    """Yield an edit for every field that the claim needs and lacks, and for every one that is not in form.

    `unknown_taxonomies` are those of the batch that `taxonomies_of_nobody` found.
    """
    encounter, inpatient = case.encounter, case.inpatient
    if encounter["setting"] is None:
        yield found("missing_field", field="setting")
    elif encounter["setting"] not in ("inpatient", "outpatient"):
        yield found("setting_invalid")
    if encounter["claim_type"] not in (None, "837I", "837P"):
        yield found("claim_type_invalid")
    if encounter["frequency_code"] not in (None, "1", "7", "8"):
        yield found("code_value_invalid", field="claim frequency code", form="1, 7 (replacement) or 8 (void)")
    elif encounter["frequency_code"] in ("7", "8") and not encounter["payer_control_number"]:
        yield found("missing_field", field="payer's control number of the claim that is replaced or voided")
    if encounter["delay_reason"] is not None and encounter["delay_reason"] not in DELAY_REASONS:
        yield found("code_value_invalid", field="delay reason", form="1 to 11 or 15")
    if encounter["birth_date"] is None and encounter["age"] is None:
        yield found("missing_field", field="patient's birth date")
    for column, name, needed_inpatient, needed_outpatient, longest, shortest in NEEDS:
        value = encounter[column]
        if value is None or value == "":
            edit = needed_inpatient if inpatient else needed_outpatient
            if edit is not None:
                yield found(edit, field=name)
        elif longest and len(x12_text(value, longest)) < shortest:
            yield found("unwritable_text", field=name, least=shortest)
    if encounter["hospital_taxonomy"] in unknown_taxonomies:
        yield found("taxonomy_unknown")
    yield from _form_edits(case)


def _form_edits(case: Case) -> Iterator[Edit]:
    e = case.encounter
    for column, name in (("hospital_npi", "hospital's NPI"), ("attending_npi", "attending clinician's NPI")):
        if e[column] and not _npi_valid(e[column]):
            yield found("npi_invalid", field=name)
    if e["hospital_tax_id"] and not _TAX_ID.fullmatch(e["hospital_tax_id"]):
        yield found("tax_id_invalid")
    if e["hospital_taxonomy"] and not _TAXONOMY.fullmatch(e["hospital_taxonomy"]):
        yield found("taxonomy_invalid")
    if e["payer_kind"] == "medicare" and e["member_id"] and not mbi_is_valid(e["member_id"]):
        yield found("mbi_invalid")
    if e["hospital_zip"] and not _ZIP9.fullmatch(e["hospital_zip"]):
        yield found("zip_invalid", field="hospital's ZIP", digits="9")
    if e["subscriber_zip"] and not _ZIP.fullmatch(e["subscriber_zip"]):
        yield found("zip_invalid", field="subscriber's ZIP", digits="5 or 9")
    for column, name in (("hospital_state", "hospital's state"), ("subscriber_state", "subscriber's state")):
        if e[column] and not _STATE.fullmatch(e[column]):
            yield found("state_invalid", field=name)
    for column, name in (("sex", "patient's sex"), ("subscriber_sex", "subscriber's sex")):
        if e[column] and e[column] not in SEXES:
            yield found("sex_invalid", field=name)
    for column, name in (("admission_hour", "admission hour"), ("discharge_hour", "discharge hour")):
        if e[column] and not _HOUR.fullmatch(e[column]):
            yield found("hour_invalid", field=name)
    for column, name in (("admission_type", "admission type"), ("admission_source", "admission source")):
        if e[column] and not _ONE_CHARACTER.fullmatch(e[column]):
            yield found("code_value_invalid", field=name, form="one letter or digit")
    # two digits that are not in the list are the Medicare Code Editor's to find
    if e["discharge_status"] and not _STATUS.fullmatch(e["discharge_status"]):
        yield found("code_value_invalid", field="discharge status", form="two digits")
    for column, name in (("birth_date", "birth date"), ("sex", "sex")):
        own, subscribers = e[column], e[f"subscriber_{column}"]
        if own and subscribers and own != subscribers:
            yield found("subscriber_is_not_patient", field=name)
