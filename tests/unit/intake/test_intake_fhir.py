"""The FHIR R4 door: every resource lands or is set aside with its place and reason, whatever the bytes."""

from __future__ import annotations

import base64
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import messages as m
from support.delivery import DAY, HOSPITAL, note, patient, stay

from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.source import DeliveredFile

RECEIVED = date.fromisoformat(DAY)
WHO, STAY = patient("M1"), stay("E1", "M1")
NOTE = note("R1", "E1", "Pneumonia.", mrn="M1")
PDF = b"%PDF-1.4 not much of one"
BASE = (m.organization(HOSPITAL["hospital_id"]), m.fhir_patient(WHO), m.fhir_encounter(STAY))


def deliver(root: Path, **files: bytes) -> FolderSource:
    (root / DAY).mkdir(exist_ok=True)
    for name, data in files.items():
        (root / DAY / name.replace("__", ".")).write_bytes(data)
    return FolderSource(root)


def read(root: Path, **files: bytes) -> dict[str, DeliveredFile]:
    found = {part.table: part for part in deliver(root, **files).read(RECEIVED)}
    for part in found.values():
        assert part.rows_in == len(part.rows) + len(part.rejected)
    return found


def documents(root: Path, *resources: dict[str, Any], **files: bytes) -> DeliveredFile:
    return read(root, in__ndjson=m.ndjson(*BASE, *resources), **files)["scanned_record"]


def attachment(**given: Any) -> dict[str, Any]:
    return m.fhir_document(NOTE, {"attachment": given})


@pytest.mark.parametrize("turned", [False, True])
def test_resources_in_any_order_and_any_file_find_each_other(tmp_path: Path, turned: bool) -> None:
    resources = [*BASE, m.fhir_document(NOTE)]
    whole = read(
        tmp_path / "a" if (tmp_path / "a").mkdir() is None else tmp_path,
        b__fhir__json=m.bundle(*(reversed(resources) if turned else resources)),
    )
    (tmp_path / "b").mkdir()
    apart = read(
        tmp_path / "b",
        **{f"{n}__ndjson": m.ndjson(one) for n, one in zip("dcba" if turned else "abcd", resources, strict=True)},
    )
    for found in (whole, apart):
        (row,) = found["scanned_record"].rows.to_dict("records")
        assert (row["hospital_id"], row["encounter_number"], row["mrn"]) == ("H1", "E1", "M1")
        assert (row["record_id"], row["document_type"], row["text"]) == ("R1", "discharge_summary", "Pneumonia.")
        assert found["encounter"].rows[["setting", "admission_hour"]].values.tolist() == [["inpatient", "10"]]


def test_a_binary_is_found_and_a_page_file_kept_by_its_content(tmp_path: Path) -> None:
    binary = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "application/pdf",
        "data": base64.b64encode(PDF).decode(),
    }
    source = deliver(
        tmp_path, in__ndjson=m.ndjson(*BASE, attachment(contentType="application/pdf", url="Binary/b1"), binary)
    )
    part = next(p for p in source.read(RECEIVED) if p.table == "scanned_record")
    assert part.rejected.empty
    assert source.page_path(RECEIVED, part.rows["files"].iloc[0]).read_bytes() == PDF


def test_html_is_laid_out_and_text_is_taken_before_a_picture_of_it(tmp_path: Path) -> None:
    html = b"<html><body><h1>Course</h1><p>Fever<br/>gone &amp; well</p><script>x()</script></body></html>"
    part = documents(tmp_path, m.fhir_document(NOTE, {"attachment": m.inline(html, "text/html")}))
    assert part.rows["text"].tolist() == ["Course\n\nFever\ngone & well"]
    both = [{"attachment": m.inline(PDF, "application/pdf")}, {"attachment": m.inline(b"As text.", "text/plain")}]
    part = documents(tmp_path, m.fhir_document(NOTE, *both))
    assert part.rows[["text", "files"]].values.tolist() == [["As text.", None]]
    pages = [{"attachment": m.inline(b"\x89PNG" + n, "image/png")} for n in (b"1", b"2")]
    part = documents(tmp_path, m.fhir_document(NOTE, *pages))
    assert part.rows["files"].iloc[0].count("|") == 1


def test_a_file_beside_the_resources_is_named_where_it_lies(tmp_path: Path) -> None:
    named = attachment(contentType="application/pdf", url="my%20page.pdf", size=len(PDF))
    assert documents(tmp_path, named, **{"my page__pdf": PDF}).rows["files"].tolist() == ["my page.pdf"]
    part = documents(
        tmp_path, {**named, "content": [{"attachment": {"url": "../x.pdf", "contentType": "application/pdf"}}]}
    )
    assert part.rejected["rule"].tolist() == ["outside_delivery"]


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        (attachment(contentType="text/plain", data="!!!"), "undecodable_attachment"),
        (attachment(contentType="text/plain", data="/w=="), "undecodable_attachment"),
        (attachment(contentType="text/plain", data="QUJD", size=4), "attachment_size_differs"),
        (attachment(contentType="text/plain", data="QUJD", hash="QUJD"), "attachment_hash_differs"),
        (attachment(contentType="text/rtf", data="QUJD"), "unsupported_content"),
        (attachment(contentType="application/pdf", url="https://ehr.example/1.pdf"), "attachment_not_delivered"),
        (attachment(contentType="application/pdf", url="Binary/none"), "attachment_not_delivered"),
        (attachment(contentType="text/plain", data=""), "document_without_content"),
        (m.fhir_document(NOTE, status="entered-in-error"), "cancels_document"),
        (m.fhir_document(NOTE, docStatus="entered-in-error"), "cancels_document"),
        (m.fhir_document(NOTE, status="superseded"), "superseded_document"),
        (m.fhir_document(NOTE, status="Roe"), "invalid_resource"),
        (m.fhir_document(NOTE, status=None), "invalid_resource"),
        (m.fhir_document(NOTE, date="by Roe"), "invalid_resource"),
        (m.fhir_document(NOTE, Roe="x"), "invalid_resource"),
        (m.fhir_document(NOTE, context={}), "no_visit_number"),
        ({"resourceType": "Condition", "id": "c"}, "resource_type_not_taken"),
        ({"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "QUJD"}, "binary_not_referenced"),
        ({"no": "resource"}, "no_resource"),
    ],
)
def test_what_cannot_be_taken_is_set_aside_with_the_finding_and_no_patient_data(
    tmp_path: Path, resource: dict[str, Any], rule: str
) -> None:
    part = documents(tmp_path, resource, m.fhir_document({**NOTE, "record_id": "R9"}))
    assert part.rows["record_id"].tolist() == ["R9"]
    assert part.rejected["rule"].tolist() == [rule]
    assert "in.ndjson" in part.rejected["reason"].iloc[0]
    assert "Roe" not in part.rejected["reason"].iloc[0]


def test_a_replaced_document_is_set_aside_with_its_content(tmp_path: Path) -> None:
    target = {"reference": "DocumentReference/d-R1"}
    newer = m.fhir_document({**NOTE, "record_id": "R2"}, relatesTo=[{"code": "replaces", "target": target}])
    part = documents(tmp_path, newer, m.fhir_document({**NOTE, "written_date": "2026-10-01"}))
    assert part.rows["record_id"].tolist() == ["R2"]
    assert part.rejected["rule"].tolist() == ["replaced_document"]
    assert "Pneumonia." in part.rejected["original"].iloc[0]


def test_components_of_an_observation_are_results_of_their_own(tmp_path: Path) -> None:
    pressure = m.fhir_observation({**NOTE, "name": "Blood pressure", "code": "85354-9", "code_system": "LOINC"}, 1)
    parts = [("8480-6", "Systolic", 120), ("8462-4", "Diastolic", 80)]
    del pressure["valueString"]
    pressure |= {
        "category": [{"coding": [{"code": "vital-signs"}]}],
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": name},
                "valueQuantity": {"value": value, "unit": "mmHg"},
            }
            for code, name, value in parts
        ],
    }
    rows = read(tmp_path, in__ndjson=m.ndjson(*BASE, pressure))["observation"].rows
    assert rows[["line_number", "kind", "name", "value", "unit"]].values.tolist() == [
        ["1", "vital", "Systolic", "120", "mmHg"],
        ["2", "vital", "Diastolic", "80", "mmHg"],
    ]


def test_an_encounter_that_was_not_sent_goes_by_the_name_in_the_reference(tmp_path: Path) -> None:
    alone = m.fhir_document(NOTE, subject={"identifier": {"value": "M7"}}, custodian={"identifier": {"value": "H1"}})
    alone["context"] = {"encounter": [{"identifier": {"value": "E7"}}]}
    row = read(tmp_path, in__ndjson=m.ndjson(alone))["scanned_record"].rows.iloc[0]
    assert (row["hospital_id"], row["encounter_number"], row["mrn"]) == ("H1", "E7", "M7")


def damaged(data: bytes, draw: st.DataObject) -> bytes:
    at = draw.draw(st.integers(0, len(data)))
    return (
        data[:at]
        + draw.draw(st.sampled_from([b"", b"\0", b"\xff", b'"', b"}", b"null", b"\n", b'"\\ud800"']))
        + data[at + draw.draw(st.integers(0, 9)) :]
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.booleans())
def test_damaged_files_end_in_rows_or_reasons(tmp_path: Path, data: st.DataObject, as_bundle: bool) -> None:
    resources = [
        *BASE,
        m.fhir_document(NOTE),
        m.fhir_observation({**NOTE, "name": "Sodium", "code": "2951-2", "value": "140"}, 1),
    ]
    whole = damaged(m.bundle(*resources) if as_bundle else m.ndjson(*resources), data)
    name = "x__fhir__json" if as_bundle else "x__ndjson"
    parts = list(deliver(tmp_path, **{name: whole}).read(RECEIVED))
    assert sum(part.rows_in for part in parts) >= 1
    for part in parts:
        assert not part.rejected["reason"].str.contains("Roe|1950-02-03").any()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "identifier",
                    "value",
                    "reference",
                    "subject",
                    "context",
                    "encounter",
                    "content",
                    "attachment",
                    "coding",
                    "code",
                    "url",
                    "data",
                    "status",
                    "type",
                    "name",
                    "resource",
                    "entry",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "Patient",
                    "Encounter",
                    "DocumentReference",
                    "Observation",
                    "Binary",
                    "Organization",
                    "Practitioner",
                    "Bundle",
                ]
            ),
            st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "identifier",
                        "subject",
                        "content",
                        "context",
                        "encounter",
                        "masterIdentifier",
                        "entry",
                        "status",
                        "contained",
                        "managingOrganization",
                        "data",
                    ]
                ),
                JSON,
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_resources_of_any_shape_never_raise(tmp_path: Path, wild: list[tuple[str, dict[str, Any]]]) -> None:
    lines = [json.dumps({"resourceType": kind, **given}) for kind, given in wild]
    list(deliver(tmp_path, x__ndjson="\n".join(lines).encode()).read(RECEIVED))
