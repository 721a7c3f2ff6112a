"""The de-identified partition, the command, and the error that names the missing extra."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from medcode_ml.contracts import filtered, raw
from medcode_ml.filtering.deidentify.stage import run_deidentify

DAY = date(2026, 10, 5)


def _fill(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert `row`; columns that must be there and do not matter here get a neutral value."""
    filled: dict[str, Any] = {"received_date": DAY}
    for column in table.columns:
        if column.name in row:
            filled[column.name] = row[column.name]
        elif not column.nullable and column.name != "received_date":
            kind = column.type.python_type if not isinstance(column.type, sa.dialects.postgresql.JSONB) else list
            filled[column.name] = {str: "", int: 1, bool: False, float: 0.0, date: DAY}.get(kind, [])
    connection.execute(sa.insert(table).values(filled))


@pytest.fixture
def one_record(database: sa.Engine) -> sa.Engine:
    text = "SZYMANSKI seen at Tolmie Bay Infirmary wing, ref 4471902, with Vandermeer. Given Lasix 40 mg on 10/02/2026."
    with database.begin() as connection:
        hospital = {
            "source": "t",
            "hospital_id": "H1",
            "copy_number": 1,
            "name": "Tolmie Bay Infirmary",
            "npi": "1234567893",
        }
        _fill(connection, raw.delivered_tables["hospital"], hospital)
        clinician = {"source": "t", "npi": "1679576722", "copy_number": 1, "last_name": "Vandermeer", "first_name": "J", "hospital_id": "H1"}  # fmt: skip  # noqa: E501
        _fill(connection, raw.delivered_tables["clinician"], clinician)
        patient = {"patient_id": "P", "source": "t", "hospital_id": "H1", "mrn": "4471902", "last_name": "Szymanski",
                   "first_name": "Mei", "birth_date": date(1956, 1, 31)}  # fmt: skip
        _fill(connection, filtered.patient, patient)
        stay = {"encounter_id": "E", "patient_id": "P", "source": "t", "hospital_id": "H1", "encounter_number": "A9"}
        _fill(connection, filtered.encounter, {**stay, "attending_npi": "1679576722"})
        document = {"document_id": "D", "encounter_id": "E", "source": "t", "record_id": "r", "text": text}
        _fill(connection, filtered.document, {**document, "author_npi": "1679576722"})
    return database


def _written(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(filtered.deidentified_document)).all())


@pytest.mark.integration
def test_a_day_is_written_with_what_the_tables_know_and_twice_changes_nothing(one_record: sa.Engine) -> None:
    result = run_deidentify(one_record, DAY, DAY)
    (row,) = first = _written(one_record)
    assert row.text == "<NAME> seen at <HOSPITAL> wing, ref <MRN>, with <NAME>. Given Lasix 40 mg on <DATE 2026>."
    assert result.rows == {"deidentified_document": 1}
    assert result.figures["identifiers_replaced"] == len(row.replaced) == 5
    assert run_deidentify(one_record, DAY, DAY).rows == result.rows
    assert _written(one_record) == first


@pytest.mark.integration
def test_a_day_without_documents_is_empty(database: sa.Engine) -> None:
    assert run_deidentify(database, DAY, DAY).rows == {"deidentified_document": 0}


def test_without_the_extra_the_error_names_it_and_nothing_is_loaded_at_import() -> None:
    script = (
        "import sys, importlib.util as u\n"
        "from medcode_ml.filtering.deidentify import documents, engine\n"
        "assert 'spacy' not in sys.modules and 'presidio_analyzer' not in sys.modules\n"
        "engine.NEEDED = ('a_package_that_is_not_there',)\n"
        "try:\n    engine.engine()\n"
        "except engine.DeidentifyExtraError as told:\n    print(told)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "medcode[deid]" in said
    assert "a_package_that_is_not_there" in said


def test_the_command_refuses_bad_lines_without_telling_their_values() -> None:
    from medcode_assets.commands.deidentify import fault

    good = {"record_id": "r", "text": "x"}
    assert fault(good) is None
    assert fault({**good, "identifiers": [{"kind": "NAME", "value": "Kowalski"}]}) is None
    for bad in ({"text": "x"}, {"record_id": "r"}, {**good, "identifiers": [{"kind": "X", "value": "Kowalski"}]},
                {**good, "identifiers": [{"kind": "DATE", "value": "31.1.1956"}]}):  # fmt: skip
        said = fault(bad)
        assert said
        assert "Kowalski" not in said


def test_the_command_writes_clean_notes_and_drops_other_keys(tmp_path: Any) -> None:
    import typer
    from typer.testing import CliRunner

    from medcode_assets.commands.deidentify import deidentify

    source, out = tmp_path / "notes.jsonl", tmp_path / "clean.jsonl"
    source.write_text(
        '{"record_id": "1", "text": "MRN: M0021407", "patient": "Kowalski", "setting": "inpatient"}\n'
        '{"record_id": "1", "text": "ref 7 Barlo", "identifiers": [{"kind": "NAME", "value": "Barlo"}]}\n'
        "no json\n"
    )
    app = typer.Typer()
    app.command()(deidentify)
    answer = CliRunner().invoke(app, ["--in", str(source), "--out", str(out), "--keep", "setting"])
    assert answer.exit_code == 0, answer.output
    rows = pd.read_json(out, lines=True)
    assert rows["text"].tolist() == ["MRN: <MRN>", "ref 7 <NAME>"]
    assert "Kowalski" not in out.read_text()
    assert rows["setting"].tolist()[0] == "inpatient"
    assert (tmp_path / "clean.jsonl.rejected.jsonl").read_text().count("\n") == 1
