"""`medcode bill --fhir`: encounters as JSON Lines to FHIR claims, without a database."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from typer.testing import CliRunner

from medcode_assets.cli import app
from medcode_ml.billing.fhir.ndjson import FhirExportError

RECORD = {
    "encounter_id": "E1", "patient_id": "P1", "sex": "F", "birth_date": "1956-01-31", "setting": "outpatient",
    "admission_date": "2026-11-15", "discharge_date": "2026-11-15", "discharge_status": "01", "admission_type": "1",
    "admission_source": "1", "codes": [{"code": "J18.9"}], "procedures": [], "prior_payments": [],
    "lines": [{"revenue_code": "0450", "hcpcs": "G0380", "units": 1, "charge": "640.10", "date": "2026-11-15"}],
    "provider": {"npi": "1234567893", "name": "Harbour General Hospital", "tax_id": "042103580",
                 "taxonomy": "282N00000X", "address": "1 Harbour Street", "city": "Boston", "state": "MA",
                 "zip": "021140000"},
    "attending": {"npi": "1245319599", "last_name": "Osei", "first_name": "Ama"},
    "subscriber": {"member_id": "1EG4TE5MK73", "last_name": "Doe", "first_name": "Jane", "birth_date": "1956-01-31",
                   "sex": "F", "address": "12 Elm Street", "city": "Boston", "state": "MA", "zip": "02114"},
    "payer": {"payer_id": "MEDICARE", "name": "Medicare", "kind": "medicare", "contract": "ipps"},
}  # fmt: skip


def test_ready_claims_become_resources_and_held_ones_are_named(tmp_path: Path) -> None:
    given, out, folder = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "fhir"
    held = RECORD | {"encounter_id": "E2", "patient_id": "P2", "discharge_status": None}
    given.write_text("".join(json.dumps(r) + "\n" for r in (RECORD, held)), encoding="utf-8")
    command = ["bill", "--in", str(given), "--out", str(out), "--fhir", str(folder), "--as-of", "2026-11-21"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [a["claim"] for a in answers] == ["ready", "held"]
    (claim,) = (json.loads(x, parse_float=Decimal) for x in (folder / "Claim.ndjson").read_text().splitlines())
    assert claim["total"]["value"] == Decimal(answers[0]["total_charge"]) == Decimal("640.10")
    assert claim["created"] == "2026-11-21"
    assert "left out: 1 Claim, the claim is held" in done.output
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, FhirExportError)
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0])["claim"] == "ready"
