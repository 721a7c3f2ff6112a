"""`medcode remit` and `medcode acknowledge`: matched apart from unmatched, once however often a file comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.answer_files import claim, denied, payment_file
from typer.testing import CliRunner

from medcode_assets.cli import app
from medcode_ml.settings import settings


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _claims(path: Path) -> Path:
    rows = [
        {"encounter_id": "E1", "claim_number": "C1", "payer_id": "P1", "total_charge": "1000.00", "edits": []},
        {"encounter_id": "E2", "claim_number": "C2", "payer_id": "P1", "total_charge": "500.00", "edits": []},
        {"encounter_id": "E3", "claim_number": "C3", "payer_id": "P1"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _remit(folder: Path, *names: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    out = folder / "remitted.jsonl"
    given = [part for name in names for part in ("--in", str(folder / name))]
    claims = str(_claims(folder / "claims.jsonl"))
    done = CliRunner().invoke(app, ["remit", *given, "--out", str(out), "--claims", claims])
    assert done.exit_code == 0, done.output
    return _lines(out), _lines(folder / "remitted.jsonl.apart.jsonl")


def test_payments_are_matched_denials_keyed_and_strangers_kept_apart(tmp_path: Path) -> None:
    """Rules 31 and 33; claims in = matched + apart."""
    (tmp_path / "835.x12").write_bytes(payment_file([claim("C1"), denied("C2"), claim("STRANGER")]))
    matched, apart = _remit(tmp_path, "835.x12")
    assert [(line["claim_number"], line["paid"]) for line in matched] == [("C1", "700.00"), ("C2", "0.00")]
    assert matched[0]["balanced"]
    assert [denial["denial_key"] for denial in matched[1]["denials"]] == ["CO-16"]
    assert [line["claim_number"] for line in apart] == ["STRANGER"]
    assert apart[0]["because"]
    rejected = _lines(tmp_path / "remitted.jsonl.rejected.jsonl")
    assert [line["line"] for line in rejected] == [3]
    assert "total_charge" in rejected[0]["reason"]


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    for name in ("first.x12", "again.x12"):
        (tmp_path / name).write_bytes(payment_file([claim("C1")]))
    matched, apart = _remit(tmp_path, "first.x12", "again.x12")
    assert len(matched) == 1
    assert [line["outcome"] for line in apart] == ["repeated"]


def test_an_unbalanced_claim_is_kept_apart(tmp_path: Path) -> None:
    """Rule 31: charge less adjustments is what was paid."""
    short = claim("C1", paid="650")
    (tmp_path / "835.x12").write_bytes(payment_file([short, claim("C2", "500", "500", adjustments=())]))
    _, apart = _remit(tmp_path, "835.x12")
    assert ("C1", "unbalanced") in {(line["claim_number"], line["outcome"]) for line in apart}
    assert any("50" in reason for line in apart for reason in line["because"])


def test_landed_files_lie_in_the_inbox_of_today_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCODE_ANSWERS_DIR", str(tmp_path / "inbox"))
    settings.cache_clear()
    try:
        (tmp_path / "835.x12").write_bytes(payment_file([claim("C1")]))
        for told in ("1 files put in", "0 files put in"):
            done = CliRunner().invoke(
                app, ["remit", "--in", str(tmp_path / "835.x12"), "--out", str(tmp_path / "out.jsonl"), "--land"]
            )
            assert done.exit_code == 0, done.output
            assert told in done.output
        (landed,) = [path for path in (tmp_path / "inbox").rglob("*") if path.is_file()]
        assert landed.parent.parent.name == datetime.now(UTC).date().isoformat()
        assert landed.read_bytes() == (tmp_path / "835.x12").read_bytes()
    finally:
        settings.cache_clear()
