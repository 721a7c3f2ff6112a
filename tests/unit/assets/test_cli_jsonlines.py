"""JSON Lines of the command line: malformed lines are set aside with number and reason, output is whole or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from medcode_assets.commands.jsonlines import InputFileError, Output, Record, batches, read_lines


def without_id(record: Record) -> str | None:
    return None if record.get("record_id") is not None else "without record_id; add it"


def run(tmp_path: Path, data: bytes) -> tuple[list[Any], list[dict[str, Any]]]:
    """Copy the good lines of `data` through; return them and the rejected lines."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(data)
    with Output(out) as output:
        for line in read_lines(source, output, without_id):
            output.write(line.record)
    written = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    rejected = tmp_path / "out.jsonl.rejected.jsonl"
    refused = (
        [json.loads(line) for line in rejected.read_text(encoding="utf-8").splitlines()] if rejected.exists() else []
    )
    return written, refused


def test_each_malformed_line_has_its_number_and_reason(tmp_path: Path) -> None:
    data = b'{"record_id": "a"}\n{"record_id": \n\xff\xfe\n[1]\n{"x": 1}\n\n{"record_id": "b"}'
    written, refused = run(tmp_path, data)
    assert [w["record_id"] for w in written] == ["a", "b"]
    assert [(r["line"], r["reason"].split(";")[0]) for r in refused] == [
        (2, "not JSON at character 16"),
        (3, "not UTF-8 at byte 0"),
        (4, "not a JSON object"),
        (5, "without record_id"),
    ]


def test_what_json_allows_and_no_file_can_hold_is_rejected_for_its_line_alone(tmp_path: Path) -> None:
    half, whole = b'{"record_id": "a", "note": ["\\ud83d"]}', b'{"record_id": "b", "note": "\\ud83d\\ude00"}'
    written, refused = run(tmp_path, b"\n".join([half, whole, b'{"record_id": "c", "n": ' + b"9" * 5000 + b"}"]))
    assert [w["record_id"] for w in written] == ["b"]
    assert [(r["line"], r["reason"].split(";")[0]) for r in refused] == [
        (1, "note holds half of a surrogate pair"),
        (3, "not JSON"),
    ]


@trials(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b and b.strip())))
def test_every_line_is_written_or_rejected(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    written, refused = run(tmp_path_factory.mktemp("lines"), b"\n".join(lines))
    assert len(written) + len(refused) == len(lines)


def test_a_failure_leaves_the_earlier_output(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("earlier\n")
    with pytest.raises(KeyError), Output(out) as output:
        output.write({"a": 1})
        raise KeyError("broken off")
    assert out.read_text() == "earlier\n"
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_clean_run_removes_the_rejected_file_of_an_earlier_one(tmp_path: Path) -> None:
    run(tmp_path, b"broken\n")
    assert (tmp_path / "out.jsonl.rejected.jsonl").exists()
    run(tmp_path, b'{"record_id": "a"}\n')
    assert not (tmp_path / "out.jsonl.rejected.jsonl").exists()


def test_an_input_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"name a JSON Lines file with --in"), Output(tmp_path / "out") as output:
        list(read_lines(tmp_path / "absent.jsonl", output, without_id))


def test_batches_keep_order_and_lose_nothing() -> None:
    from medcode_assets.commands.jsonlines import Line

    lines = [Line(n, {}) for n in range(7)]
    assert [[line.number for line in b] for b in batches(lines, 3)] == [[0, 1, 2], [3, 4, 5], [6]]
