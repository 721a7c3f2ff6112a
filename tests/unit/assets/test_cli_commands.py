"""The commands as a person meets them: help with examples, files in and out, mistakes in one line without traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (
    "run",
    "status",
    "ui",
    "stop",
    "clean",
    "export",
    "simulate",
    "deidentify",
    "code",
    "rank",
    "bill",
    "read-page",
    "price",
    "acknowledge",
    "remit",
    "quarantine",
    "rules",
    "registry",
    "drift",
)


def medcode(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    script = "import sys; from medcode_assets.cli import main; sys.argv[0] = 'medcode'; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=dict(os.environ),
        check=False,
    )


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_help_lists_every_command() -> None:
    shown = medcode("--help").stdout
    assert all(f" {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize(
    "command", ["run", "ui", "export", "simulate", "deidentify", "code", "rank", "bill", "read-page"]
)
def test_help_of_a_command_has_an_example(command: str) -> None:
    assert f"medcode {command}" in medcode(command, "--help").stdout.split("Usage", 1)[1].split("\n", 2)[2]


def test_code_writes_codes_with_evidence_that_stands_in_the_text(tmp_path: Path) -> None:
    note = "HPI: 70M with cough.\nASSESSMENT: community acquired pneumonia. No evidence of pulmonary embolism."
    records = [
        {"record_id": "1", "text": note, "setting": "inpatient", "discharge_date": "2026-10-05", "ward": "3W"},
        {"record_id": "2", "text": ""},
        {"record_id": 3, "text": "x"},
    ]
    (tmp_path / "n.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    done = medcode("code", "--in", "n.jsonl", "--out", "c.jsonl", "--as-of", "2026-10-05", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = lines(tmp_path / "c.jsonl")
    accepted = [c["code"] for c in first["codes"] if c["accepted"]]
    assert accepted[0] == "J18.9"
    assert not any(code.startswith("I26") for code in accepted)
    for code in first["codes"]:
        assert code["band"] in ("auto", "review", "drop")
        for span in code["evidence"]:
            assert note[span["start"] : span["end"]] == span["text"]
    assert first["code_set_release"] == "FY2027-10"
    assert first["ward"] == "3W"
    assert second["codes"] == []
    assert lines(tmp_path / "c.jsonl.rejected.jsonl")[0]["line"] == 3


def test_rank_keeps_the_codes_and_puts_the_principal_first(tmp_path: Path) -> None:
    record = {"encounter_id": "E", "codes": ["I10", "E11.9", "I21.4"], "discharge_date": "2026-10-05"}
    (tmp_path / "e.jsonl").write_text(json.dumps(record) + "\n")
    assert medcode("rank", "--in", "e.jsonl", "--out", "r.jsonl", cwd=tmp_path).returncode == 0
    (ranked,) = lines(tmp_path / "r.jsonl")
    assert ranked["codes"][0]["code"] == "I21.4"
    assert ranked["codes"][0]["principal"] is True
    assert sorted(c["code"] for c in ranked["codes"]) == sorted(record["codes"])
    assert all(c["reasons"] for c in ranked["codes"])


def test_bill_names_what_the_claim_lacks(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text('{"encounter_id": "E", "codes": ["I10"]}\n')
    done = medcode("bill", "--in", "e.jsonl", "--out", "b.jsonl", "--x12", "outbox", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (billed,) = lines(tmp_path / "b.jsonl")
    assert billed["claim"] == "held"
    assert any("birth date" in sentence for sentence in billed["held_because"])
    assert not list(tmp_path.glob("outbox/*.x12"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--from", "2026-10-02", "--to", "2026-10-01"), "swap --from and --to"),
        (("run", "--from", "2020-10-02", "--to", "2020-10-03"), "set MEDCODE_FIRST_DAY=2020-10-02"),
        (("run", "--from", "2026-10-02", "--to", "2999-10-03"), "lies in the future"),
        (("code", "--in", "absent.jsonl", "--out", "o.jsonl"), "absent.jsonl: No such file"),
        (("code", "--in", "absent.jsonl", "--out", "no/such/folder/o.jsonl"), "there is no such folder"),
        (("rank", "--in", "x", "--out", "y", "--model", "m"), "there is no model folder m"),
        (("bill", "--in", "x", "--out", "y", "--payer", "absent.yaml"), "payers file absent.yaml"),
    ],
)
def test_a_mistake_ends_in_one_line(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = medcode(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_read_page_gives_every_file_a_row(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (400, 300), 255).save(tmp_path / "blank.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "blank.png").read_bytes()[:60])
    (tmp_path / "m.jsonl").write_text('{"file": "blank.png"}\n{"file": "broken.png"}\n{"file": "absent.png"}\n{}\n')
    done = medcode("read-page", "--in", "m.jsonl", "--out", "p.jsonl", "--workers", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = lines(tmp_path / "p.jsonl")
    assert [str(r["quarantined_because"]).split(":")[0] for r in rows] == ["blank_page", "broken_file", "broken_file"]
    assert len(lines(tmp_path / "p.jsonl.rejected.jsonl")) == 1
