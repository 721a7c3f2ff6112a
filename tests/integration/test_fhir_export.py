"""Claims and answers of a real database as FHIR files: in = written + left out, references resolve, sums agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.answer_files import as_bytes, claim, denied, interchange, remittance
from support.delivery import charge, note, patient, stay, write
from typer.testing import CliRunner

from medcode_ml.billing.answers.matching import match
from medcode_ml.billing.answers.reading import read_answers
from medcode_ml.billing.fhir.export import Exported, export_fhir
from medcode_ml.billing.fhir.ndjson import FhirExportError
from medcode_ml.billing.payers import load_payers
from medcode_ml.billing.stage import run_billing
from medcode_ml.contracts import answers, billed
from medcode_ml.store.frames import copy_in, read_partition

pytestmark = pytest.mark.integration

FIRST, SECOND, ANSWERED, LATER = date(2026, 10, 5), date(2026, 10, 6), date(2026, 10, 20), date(2026, 10, 27)
ALWAYS = date(1, 1, 1), date(9999, 12, 31)
BOTH = ("claim", "explanation-of-benefit")
_TEXT = "DISCHARGE DIAGNOSES:\n1. Pneumonia, unspecified organism.\n2. Acute kidney injury.\n"
Resource = dict[str, Any]


def _days(first: int) -> dict[str, str]:
    return {"admission_date": f"2026-09-{first}", "discharge_date": f"2026-09-{first + 4}"}


@pytest.fixture
def claims(database: sa.Engine, tmp_path: Path) -> list[dict[str, Any]]:
    """Two ready claims of one patient on two days and a held one, billed."""
    from medcode_ml.coding.stage import run_coding
    from medcode_ml.filtering.stage import run_filtering
    from medcode_ml.intake.folder import FolderSource
    from medcode_ml.intake.landing import run_intake
    from medcode_ml.intake.page_store import PageWork
    from medcode_ml.mapping.stage import run_mapping
    from medcode_ml.ranking.stage import run_ranking

    root = tmp_path / "delivered"
    # E3 has an attending clinician whose NPI is none: it is held
    changed = {"E1": {}, "E2": _days(20), "E3": _days(10) | {"attending_npi": "1111111111"}}
    for day, numbers, street in ((FIRST, ("E1", "E3"), "1 Old Road"), (SECOND, ("E2",), "9 New Road")):
        stays = [stay(number, "M1", **changed[number]) for number in numbers]
        write(
            root,
            day.isoformat(),
            patient=[patient("M1", address=street)],
            encounter=stays,
            charge=[charge(s["encounter_number"], 1, service_date=s["admission_date"]) for s in stays],
            scanned_record=[note(f"R{number}", number, _TEXT) for number in numbers],
        )
    run_intake(database, FolderSource(root), FIRST, SECOND, PageWork(tmp_path / "store", 1, 30))
    for stage in (run_mapping, run_filtering, run_coding, run_ranking):
        stage(database, FIRST, SECOND)
    run_billing(database, FIRST, SECOND, load_payers())
    rows = [row for day in (FIRST, SECOND) for row in read_partition(database, billed.claim, day).to_dict("records")]
    assert sorted(row["status"] for row in rows) == ["held", "ready", "ready"], [r["held_because"] for r in rows]
    return rows


def answer(engine: sa.Engine, claims: list[dict[str, Any]], day: date, *sets: list[str]) -> None:
    """Put the matched answers of an 835 into the tables as rows of `day`."""
    import pandas as pd

    read = match(read_answers(as_bytes(interchange(sets)), "a.835"), pd.DataFrame(claims, dtype=object)).answers
    rows = {
        answers.remittance_claim: read.remittance_claims,
        answers.remittance_line: read.remittance_lines,
        answers.remittance_adjustment: read.adjustments,
    }
    with engine.begin() as connection:
        for table, frame in rows.items():
            own = frame[[c for c in frame.columns if c in table.columns]]
            copy_in(connection, table, own.assign(received_date=day))


def parsed(folder: Path) -> dict[str, list[Resource]]:
    found = {}
    for path in folder.glob("*.ndjson"):
        model = getattr(import_module(f"fhir.resources.R4B.{path.stem.lower()}"), path.stem)
        lines = path.read_text(encoding="utf-8").splitlines()
        assert all(model.model_validate_json(line) for line in lines)
        found[path.stem] = [json.loads(line, parse_float=Decimal) for line in lines]
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*(references(v) for v in value.values()))
    return set().union(*(references(v) for v in value)) if isinstance(value, list) else set()


@pytest.fixture
def export(database: sa.Engine, tmp_path: Path) -> Callable[..., tuple[Exported, dict[str, list[Resource]]]]:
    def run(name: str, kinds: tuple[str, ...], *days: date, **more: Any) -> tuple[Exported, dict[str, list[Resource]]]:
        counted = export_fhir(database, tmp_path / name, kinds, *(days or ALWAYS), **more)
        return counted, parsed(tmp_path / name)

    return run


def test_claims_of_all_days_with_parties_known_last(claims, export, tmp_path) -> None:
    counted, found = export("all", BOTH)
    assert counted.written["Claim"] + sum(counted.left_out.values()) == len(claims) == 3
    assert found["ExplanationOfBenefit"] == []
    ready = {row["claim_number"]: row for row in claims if row["status"] == "ready"}
    told = {one["id"]: one for one in found["Claim"]}
    assert told.keys() == ready.keys()
    for number, row in ready.items():
        assert told[number]["total"]["value"] == row["total_charge"]
        assert sum(line["net"]["value"] for line in told[number]["item"]) == row["total_charge"]
        assert told[number]["created"] == row["received_date"].isoformat()
    there = [f"{kind}/{one['id']}" for kind, some in found.items() for one in some]
    assert len(there) == len(set(there))
    assert references(list(found.values())) <= set(there)
    # the patient stands there once, as the newest day knows them
    (who,) = found["Patient"]
    assert who["address"][0]["line"] == ["9 New Road"]
    # a delivery from a folder is nobody's simulation
    assert not any("meta" in one for some in found.values() for one in some)
    export("again", BOTH, rows_at_once=1)
    for path in (tmp_path / "all").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_answers_of_later_days_reach_the_claims_they_are_about(database, claims, export) -> None:
    ready = [row for row in claims if row["status"] == "ready"]
    one, two = ((row["claim_number"], str(row["total_charge"])) for row in ready)
    payer = f"*XV*{ready[0]['payer_id']}"

    def paid(number: str, charge: str, amount: str, **more: Any) -> list[str]:
        sign = "-" if charge.startswith("-") else ""
        rest = abs(abs(Decimal(charge)) - abs(Decimal(amount)))
        return claim(number, charge, amount, owed="", adjustments=[f"CAS*CO*45*{sign}{rest}"], **more)

    payments = remittance([paid(*one, "700"), denied(*two, f"CAS*CO*16*{two[1]}")], payer=payer, trace="T1")
    answer(database, claims, ANSWERED, payments)
    strange = remittance([paid("STRANGER", "100", "90")], payer=payer, trace="T3", number=2)
    back = remittance([paid(one[0], f"-{one[1]}", "-700", status="22")], payer=payer, trace="T2")
    answer(database, claims, LATER, [s.replace("20261119", "20261126") for s in back], strange)

    counted, found = export("all", BOTH)
    assert counted.left_out["ExplanationOfBenefit", "the answer is unmatched"] == 1
    made = found["ExplanationOfBenefit"]
    assert len(made) == 3
    told = {(e["claim"]["reference"], e["status"], e["payment"]["amount"]["value"]) for e in made}
    assert told == {
        (f"Claim/{one[0]}", "cancelled", Decimal("700.00")),
        (f"Claim/{one[0]}", "cancelled", Decimal("-700.00")),
        (f"Claim/{two[0]}", "active", Decimal("0.00")),
    }
    there = {f"{kind}/{r['id']}" for kind, some in found.items() for r in some}
    assert references(list(found.values())) <= there

    # before the reversal came, what was paid stood; the claims lie before these days and are named, not referred to
    counted, found = export("then", BOTH, ANSWERED, ANSWERED)
    assert "Claim" not in counted.written
    assert sorted(e["status"] for e in found["ExplanationOfBenefit"]) == ["active", "active"]
    assert all("reference" not in e["claim"] for e in found["ExplanationOfBenefit"])
    assert references(list(found.values())) <= {f"{k}/{r['id']}" for k, some in found.items() for r in some}


def test_the_command_says_what_it_wrote_and_what_it_left_out(claims, tmp_path) -> None:
    from medcode_assets.cli import app

    given = ["export", "--fhir", "claim", "--out", str(tmp_path / "fhir")]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "left out: 1 Claim, the claim is held" in done.output
    assert len(parsed(tmp_path / "fhir")["Claim"]) == 2
    again = CliRunner().invoke(app, given)
    assert isinstance(again.exception, FhirExportError)
    assert "new or empty folder" in str(again.exception)


def test_a_type_that_is_not_exported_is_a_mistake_with_a_message(database, tmp_path) -> None:
    with pytest.raises(FhirExportError, match="--fhir takes claim or explanation-of-benefit"):
        export_fhir(database, tmp_path / "fhir", ("patient",), *ALWAYS)
    assert not (tmp_path / "fhir").exists()
