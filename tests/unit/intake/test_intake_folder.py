"""Faults of delivered files: every record lands or is set aside with its line and reason, whatever the bytes."""

from __future__ import annotations

import csv
import gzip
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medcode_ml.contracts.raw import delivered_columns, optional_columns
from medcode_ml.intake import delimited
from medcode_ml.intake.folder import FolderSource, read_text_file
from medcode_ml.intake.source import DeliveredFile, DeliveryError, TextDecodeError, open_source
from medcode_ml.settings import Settings

DAY = date(2026, 10, 15)
SERVICE = delivered_columns("service")
HEADER = ",".join(SERVICE).encode()
FEW_EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def deliver(root: Path, name: str, data: bytes) -> FolderSource:
    folder = root / DAY.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return FolderSource(root)


def only(root: Path, name: str, data: bytes) -> DeliveredFile:
    (found,) = list(deliver(root, name, data).read(DAY))
    assert found.rows_in == len(found.rows) + len(found.rejected)
    return found


def service(*lines: bytes) -> bytes:
    return b"\n".join([HEADER, *lines]) + b"\n"


def test_received_dates_are_the_calendar_days_that_have_a_folder(tmp_path: Path) -> None:
    for name in ("2026-10-16", "2026-10-15", "2026-02-30", "_truth", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "2026-10-17").write_text("a file, not a day")
    assert FolderSource(tmp_path).received_dates() == [date(2026, 10, 15), date(2026, 10, 16)]


def test_no_delivery_folder_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="MEDCODE_SOURCE_DIR"):
        FolderSource(tmp_path / "nowhere").received_dates()


def test_a_day_without_folder_delivers_nothing(tmp_path: Path) -> None:
    assert list(FolderSource(tmp_path).read(DAY)) == []


def test_columns_in_any_order_and_absent_optional_ones_land_in_contract_order(tmp_path: Path) -> None:
    needed = [c for c in delivered_columns("clinician") if c not in optional_columns("clinician")]
    data = ",".join(reversed(needed)) + "\r\nAda,Byron,1234567893\r\n"
    found = only(tmp_path, "clinician.csv", b"\xef\xbb\xbf" + data.encode())
    assert list(found.rows.columns) == [*delivered_columns("clinician"), "source_line"]
    assert found.rows.iloc[0].tolist() == ["1234567893", "Byron", "Ada", *[None] * 4, 2]
    assert found.file == "2026-10-15/clinician.csv"
    assert found.table == "clinician"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"H1,E2,1", "field_count"),
        (b"H1,E2,1,MED,more", "field_count"),
        (b"H1,E2,1,M\x00D", "nul_byte"),
        (b"H1,E2,1,M\xe9D", "not_utf8"),
        (b'H1,E2,1,"MED', "malformed_line"),
        (b'H1,E2,1,"M"ED', "malformed_line"),
        (b"H1,E\r2,1,MED", "malformed_line"),
        (b"H1,,1,MED", "missing_key"),
    ],
)
def test_only_the_faulty_line_is_set_aside(tmp_path: Path, line: bytes, rule: str) -> None:
    found = only(tmp_path, "service.csv", service(b"H1,E1,1,CSURG", line, b"H1,E3,1,GYN", b'H1,E4,1,"A, B"'))
    assert found.rows["encounter_number"].tolist() == ["E1", "E3", "E4"]
    assert found.rows["source_line"].tolist() == [2, 4, 5]
    assert found.rejected[["source_line", "rule"]].values.tolist() == [[3, rule]]
    reason = found.rejected["reason"].iloc[0]
    assert "2026-10-15/service.csv" in reason
    assert "\n" not in reason


def test_the_original_of_an_undecodable_line_is_kept_with_its_bytes_escaped(tmp_path: Path) -> None:
    found = only(tmp_path, "service.csv", service("H1,É1,1,M".encode() + b"\xe9D\x00"))
    assert found.rejected["original"].tolist() == ["H1,É1,1,M\\xe9D\\x00"]
    again = only(tmp_path, "service.csv", service("H1,É1,1,M".encode() + b"\xe9D"))
    assert "byte 10 of the record" in again.rejected["reason"].iloc[0]


def test_line_breaks_in_quotes_keep_line_numbers_right(tmp_path: Path) -> None:
    found = only(tmp_path, "service.csv", service(b'H1,E1,1,"a\nb\r\n\nc"', b"", b"H1,E2,1,x", b"bad", b"H1,E3,1,y"))
    assert found.rows["service"].tolist() == ["a\nb\r\n\nc", "x", "y"]
    assert found.rows["source_line"].tolist() == [2, 7, 9]
    assert found.rejected["source_line"].tolist() == [8]


def test_an_unclosed_quote_costs_one_line_not_the_rest_of_the_file(tmp_path: Path) -> None:
    lines = [b'H1,E1,1,"open', *[b"H1,F%d,1,MED" % n for n in range(500)], b'H1,G1,1,"a ""b"""', b'H1,G2,1,"c']
    found = only(tmp_path, "service.csv", service(*lines))
    assert found.rejected["source_line"].tolist() == [2, 504]
    assert len(found.rows) == 501
    assert found.rows["service"].iloc[-1] == 'a "b"'


def test_nothing_but_broken_quotes_takes_linear_time(tmp_path: Path) -> None:
    lines = [b'a","b'] * 20_000
    start = time.perf_counter()
    found = only(tmp_path, "service.csv", service(*lines))
    assert found.rows_in == 20_000
    assert time.perf_counter() - start < 20  # quadratic reading takes minutes


def test_a_field_of_two_megabytes_lands_whole(tmp_path: Path) -> None:
    note = "fever, cough\n" * 160_000
    data = f'{HEADER.decode()}\nH1,E1,1,"{note}"\nH1,E2,1,{"x" * 2_000_000}\n'.encode()
    found = only(tmp_path, "service.csv", data)
    assert found.rows["service"].tolist() == [note, "x" * 2_000_000]
    assert found.rows["source_line"].tolist() == [2, 160_003]


@pytest.mark.parametrize(
    ("header", "rule", "said"),
    [
        (b"hospital_id,encounter_number,line_number", "missing_column", "service"),
        (HEADER + b",ward", "unknown_column", "place 5"),
        (HEADER + b",service", "duplicate_column", "columns 4, 5"),
    ],
)
def test_a_file_with_wrong_columns_is_set_aside_row_by_row(tmp_path: Path, header: bytes, rule: str, said: str) -> None:
    found = only(tmp_path, "service.csv", header + b'\nH1,E1,1\nH1,E2,"x\ny"\n')
    assert len(found.rows) == 0
    assert found.rejected["rule"].tolist() == [rule, rule]
    assert found.rejected["original"].tolist() == ["H1,E1,1", 'H1,E2,"x\ny"']
    assert "line 1" in found.rejected["reason"].iloc[0]
    assert said in found.rejected["reason"].iloc[0]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n", "empty_file"),
        ("hospital_id\n".encode("utf-16"), "unreadable_header"),
        (b'"hospital_id\nH1\n', "unreadable_header"),
    ],
)
def test_a_file_without_usable_header_is_one_rejection_at_line_0(tmp_path: Path, data: bytes, rule: str) -> None:
    found = only(tmp_path, "service.csv", data)
    assert found.rejected[["source_line", "rule"]].values.tolist() == [[0, rule]]
    assert len(found.rows) == 0


def test_a_header_alone_is_a_file_with_no_rows(tmp_path: Path) -> None:
    assert only(tmp_path, "service.csv", HEADER).rows_in == 0


def test_a_file_of_no_known_table_is_an_error_that_names_the_tables(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"services.*known:.*encounter.*service"):
        list(deliver(tmp_path, "services.csv", service()).read(DAY))


def test_files_that_are_no_tables_are_ignored_and_not_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(tmp_path, "smith_john.docx", b"")
    with caplog.at_level("INFO", logger="medcode"):
        found = only(tmp_path, "service.csv", service(b"H1,E1,1,MED"))
    assert len(found.rows) == 1
    assert "smith" not in caplog.text


def test_tables_come_in_contract_order(tmp_path: Path) -> None:
    deliver(tmp_path, "service.csv", service())
    source = deliver(tmp_path, "clinician.csv", ",".join(delivered_columns("clinician")).encode())
    assert [found.table for found in source.read(DAY)] == ["clinician", "service"]


def test_parquet_values_become_text_and_faults_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / DAY.isoformat()).mkdir()
    rows = {
        "hospital_id": ["H1", "H1", None, "H1"],
        "encounter_number": ["E1", "E2", "E3", "E4"],
        "line_number": [1, 2, 3, 4],
        "service": ["MED", "a\0b", "GYN", ""],
    }
    pq.write_table(pa.table(rows), tmp_path / DAY.isoformat() / "service.parquet")
    (found,) = FolderSource(tmp_path).read(DAY)
    assert found.rows.values.tolist() == [["H1", "E1", "1", "MED", 2], ["H1", "E4", "4", None, 5]]
    assert found.rejected[["source_line", "rule"]].values.tolist() == [[3, "nul_byte"], [4, "missing_key"]]


def test_parquet_with_wrong_columns_or_bytes_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / DAY.isoformat()).mkdir()
    pq.write_table(pa.table({"hospital_id": ["H1", "H2"]}), tmp_path / DAY.isoformat() / "service.parquet")
    (found,) = FolderSource(tmp_path).read(DAY)
    assert found.rejected["rule"].tolist() == ["missing_column", "missing_column"]
    assert only(tmp_path, "service.parquet", b"no parquet").rejected["rule"].tolist() == ["unreadable_file"]


@pytest.mark.parametrize(
    "name", ["../2026-10-16/p.png", "/etc/hostname", "pages/../../x.png", "", "a\0b", ".", "out.png"]
)
def test_page_path_refuses_names_that_leave_the_delivery(tmp_path: Path, name: str) -> None:
    source = deliver(tmp_path, "service.csv", service())
    (tmp_path / DAY.isoformat() / "out.png").symlink_to(tmp_path.parent)
    with pytest.raises(DeliveryError, match="2026-10-15"):
        source.page_path(DAY, name)


def test_page_path_leads_to_a_file_of_the_day(tmp_path: Path) -> None:
    (tmp_path / DAY.isoformat() / "pages").mkdir(parents=True)
    (tmp_path / DAY.isoformat() / "pages" / "p.png").write_bytes(b"x")
    assert FolderSource(tmp_path).page_path(DAY, "pages/p.png").read_bytes() == b"x"


def test_a_text_document_that_is_not_utf8_names_the_byte_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_bytes(b"\xef\xbb\xbfPain \xc3\xa9\r\n")
    assert read_text_file(path) == "Pain é\r\n"
    path.write_bytes(b"Pain \xe9")
    with pytest.raises(TextDecodeError, match=r"byte 5 \(0xe9\).*UTF-8"):
        read_text_file(path)
    path.write_bytes(b"Pain\0")
    with pytest.raises(TextDecodeError, match="byte 4 of the text file is NUL"):
        read_text_file(path)


@pytest.mark.parametrize("name", ["folder", "mimic-iv", "mimic-iii", "notes:jsonl"])
def test_the_settings_choose_the_source(tmp_path: Path, name: str) -> None:
    assert open_source(Settings(source=name, source_dir=tmp_path)).name == name.partition(":")[0]


@pytest.mark.parametrize("name", ["simulated", "mimic", "notes:other", "folder:x"])
def test_a_source_that_cannot_be_opened_names_those_that_can(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeliveryError, match="notes:codiesp"):
        open_source(Settings(source=name, source_dir=tmp_path))


def test_a_source_without_folder_names_the_setting() -> None:
    with pytest.raises(DeliveryError, match="MEDCODE_SOURCE_DIR"):
        open_source(Settings(source="folder", source_dir=None))


@dataclass(frozen=True)
class Record:
    """One record of a wild file: its bytes, and the values it must land with (None: it must be set aside)."""

    data: bytes
    values: tuple[str, ...] | None


CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ['"', ",", "\n", "\r\n", "\r", " ", "", '""']
)


def quoted(values: tuple[str, ...]) -> bytes:
    return ",".join('"' + value.replace('"', '""') + '"' for value in values).encode()


def landed(values: tuple[str, ...]) -> Record:
    return Record(quoted(values), values)


KEYED = st.tuples(st.just("H1"), CELL.filter(bool), st.just("1"), CELL)
PLAIN = st.tuples(st.just("H1"), st.text("abc é", min_size=1, max_size=3), st.just("1"), st.text("abc é", max_size=3))
PLAIN_RECORD = PLAIN.map(lambda v: Record(",".join(v).encode(), v))
RECORD = st.one_of(
    KEYED.map(landed),
    PLAIN_RECORD,
    KEYED.map(lambda v: Record(quoted(v[:3]), None)),
    KEYED.map(lambda v: Record(quoted((*v, "z")), None)),
    KEYED.map(lambda v: Record(quoted((*v[:3], "n\0l")), None)),
    KEYED.map(lambda v: Record(quoted(v[:3]) + b',"\xff"', None)),
    KEYED.map(lambda v: Record(quoted((v[0], "", v[2], v[3])), None)),
)


@FEW_EXAMPLES
@given(st.lists(RECORD, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_wild_files_land_good_records_with_their_line_and_set_the_others_aside(
    tmp_path: Path, records: list[Record], end: bytes, ended: bool
) -> None:
    body = b"".join(end + record.data for record in records) + (end if ended else b"")
    found = only(tmp_path, "service.csv", HEADER + body)
    expected_good, expected_bad, line = [], [], 2
    for record in records:
        if record.values is None:
            expected_bad.append(line)
        else:
            expected_good.append([*[value or None for value in record.values], line])
        line += record.data.count(b"\n") + 1
    assert found.rows.values.tolist() == expected_good
    assert found.rejected["source_line"].tolist() == expected_bad
    assert found.rows_in == len(records)


def parts_of(path: Path, data: bytes, **size: int) -> delimited.ReadTable:
    """The parts of a service table put together again."""
    path.write_bytes(data)
    parts = list(delimited.read_csv_parts(path, "service.csv", lambda header: None, **size))
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    return delimited.ReadTable(parts[0].header, rows, pd.concat([part.rejected for part in parts], ignore_index=True))


def assert_same(one: delimited.ReadTable, other: delimited.ReadTable) -> None:
    pd.testing.assert_frame_equal(one.rows, other.rows, check_dtype=False)
    pd.testing.assert_frame_equal(one.rejected, other.rejected, check_dtype=False)


@FEW_EXAMPLES
@given(st.lists(PLAIN_RECORD, min_size=1, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_the_fast_path_reads_what_the_careful_path_reads(records: list[Record], end: bytes, ended: bool) -> None:
    data = end.join(record.data for record in records) + (end if ended else b"")
    fast = delimited._read_plain(data, SERVICE)
    careful, unfinished = delimited._CarefulReader("service.csv", SERVICE).read(data)
    assert fast is not None
    assert unfinished == b""
    assert_same(fast, careful)
    assert len(fast.rejected) == 0


WILD = st.lists(
    st.sampled_from([b",", b'"', b"\n", b"\r", b"\0", b"\xff", b"a", b"H1,E,1,x\n", b" ", b"\xef\xbb\xbf"]), max_size=40
).map(b"".join)


@FEW_EXAMPLES
@given(WILD)
def test_any_bytes_at_all_are_read_the_same_by_both_paths_and_lose_nothing(data: bytes) -> None:
    fast = delimited._read_plain(data, SERVICE)
    careful, _ = delimited._CarefulReader("service.csv", SERVICE).read(data)
    if fast is not None:
        assert_same(fast, careful)
    covered = [*careful.rows["source_line"], *careful.rejected["source_line"]]
    assert len(set(covered)) == len(covered)
    bodies = data.split(b"\n")
    first = next((n for n, body in enumerate(bodies, start=2) if body.strip(b"\r")), None)
    assert (min(covered) if covered else None) == first


@settings(parent=FEW_EXAMPLES, max_examples=400)
@given(
    st.one_of(WILD, st.lists(RECORD, max_size=12).map(lambda records: b"\n".join(r.data for r in records))),
    st.integers(1, 60),
)
def test_a_file_in_blocks_is_read_as_a_file_in_one(tmp_path: Path, body: bytes, block: int) -> None:
    path = tmp_path / "service.csv"
    data = HEADER + b"\n" + body
    assert_same(parts_of(path, data, block_bytes=block), parts_of(path, data, block_bytes=10**6))


def test_a_large_plain_file_takes_the_fast_path_part_by_part(tmp_path: Path) -> None:
    path = tmp_path / DAY.isoformat() / "service.csv"
    path.parent.mkdir()
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([SERVICE, *(["H1", f"E{n}", "1", "MED"] for n in range(400_000))])
    parts = list(FolderSource(tmp_path).read(DAY))
    assert len(parts) > 1
    assert sum(len(part.rows) for part in parts) == 400_000
    assert parts[-1].rows["source_line"].iloc[-1] == 400_001


def test_an_endless_line_or_quote_costs_its_line_and_no_more_memory_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "service.csv"
    good = b"H1,E1,1,MED\n"
    size = {"block_bytes": 50, "record_bytes": 400}
    endless = parts_of(path, HEADER + b"\n" + good + b"x" * 2_000 + b"\n" + good, **size)
    assert endless.rows["source_line"].tolist() == [2, 4]
    assert endless.rejected[["source_line", "rule"]].values.tolist() == [[3, "record_too_long"]]
    quote = parts_of(path, HEADER + b'\nH1,E0,1,"open\n' + good * 200 + b'H1,E2,1,"a\nb"\n' + good, **size)
    assert quote.rejected[["source_line", "rule"]].values.tolist() == [[2, "malformed_line"]]
    assert quote.rows["source_line"].tolist() == [*range(3, 204), 205]


def test_a_gzipped_table_is_read_when_sound_and_set_aside_whole_when_cut_or_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = service(*[b"H1,E%d,1,MED" % n for n in range(2_000)])
    assert len(only(tmp_path, "service.csv.gz", gzip.compress(lines)).rows) == 2_000
    cut = gzip.compress(lines)
    assert only(tmp_path, "service.csv.gz", cut[: len(cut) // 2]).rejected["rule"].tolist() == ["unreadable_file"]
    monkeypatch.setattr(delimited, "MAX_UNPACKED_BYTES", 2**20)
    bomb = only(tmp_path, "service.csv.gz", gzip.compress(b"0" * 2**24))
    assert bomb.rejected[["source_line", "rule"]].values.tolist() == [[0, "unpacks_too_large"]]
    assert "unpacks to more than" in bomb.rejected["reason"].iloc[0]
