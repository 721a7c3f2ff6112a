"""Envelopes of answers (rule 32), delimiters and line breaks: what is broken is refused with why, the rest kept."""

from __future__ import annotations

import io

import pytest
from support.answer_files import as_bytes, claim, interchange, payment_file, remittance, transaction

from medcode_ml.billing.answers import segments
from medcode_ml.billing.answers.reading import read_answers, stream_answers

TWO = interchange([remittance([claim("C1")], trace="T1"), remittance([claim("C2")], trace="T2", number=2)])


def statuses(data: bytes) -> list[tuple[str, str]]:
    sets = read_answers(data, "a.835").sets
    return [(row["status"], "; ".join(row["because"])) for row in sets.to_dict("records")]


@pytest.mark.parametrize("ending", ["~", "~\n", "~\r\n", "\n", "\r\n", "\r", "'", "~ \n", "\x1d", "~\n\n"])
def test_any_terminator_and_line_break(ending: str) -> None:
    answers = read_answers(as_bytes(TWO, ending), "a.835")
    assert list(answers.remittance_claims["control_number"]) == ["C1", "C2"]
    assert not len(answers.unread)
    assert list(answers.sets["status"]) == ["read", "read"]


def test_lines_wrapped_at_eighty_columns_are_put_together() -> None:
    whole = as_bytes(TWO, "~")
    wrapped = b"\r\n".join(whole[i : i + 80] for i in range(0, len(whole), 80))
    answers = read_answers(wrapped, "a.835")
    assert list(answers.sets["status"]) == ["read", "read"]
    assert list(answers.remittance_claims["paid"]) == list(read_answers(whole, "a.835").remittance_claims["paid"])


def test_delimiters_come_from_each_isa() -> None:
    one = as_bytes(interchange([remittance([claim("C1", more=["SVC*HC:99213:25*1000*700", "CAS*CO*45*300"])])]))
    other = one.translate(bytes.maketrans(b"*:~", b"|>!"))
    answers = read_answers(one + other.replace(b"000000001", b"000000002"), "a.835")
    assert list(answers.remittance_lines["modifiers"]) == [["25"], ["25"]]
    assert list(answers.sets["interchange_control_number"]) == ["000000001", "000000002"]


@pytest.mark.parametrize(
    ("cut", "refused", "reason"),
    [
        ("SE*", [True, False], "without its SE"),
        ("GE*", [True, True], "no GE"),
        ("IEA*", [True, True], "no IEA"),
        ("GS*", [True, True], "stands outside a GS"),
        ("CLP*", [True, False], "SE01 counts"),
    ],
)
def test_rule_32_a_cut_segment_refuses_what_it_encloses(cut: str, refused: list[bool], reason: str) -> None:
    place = next(i for i, s in enumerate(TWO) if s.startswith(cut))
    told = statuses(as_bytes(TWO[:place] + TWO[place + 1 :]))
    assert [status == "refused" for status, _ in told] == refused
    assert any(reason in because for _, because in told)


def test_rule_32_a_cut_st_refuses_the_group_and_keeps_the_claims() -> None:
    place = next(i for i, s in enumerate(TWO) if s.startswith("ST*"))
    answers = read_answers(as_bytes(TWO[:place] + TWO[place + 1 :]), "a.835")
    assert sorted(answers.remittance_claims["control_number"]) == ["C1", "C2"]
    assert all(answers.remittance_claims["envelope_faults"])
    assert any("GE01 counts 2" in " ".join(b) for b in answers.sets["because"])


@pytest.mark.parametrize(
    ("written", "instead", "reason"),
    [
        ("SE*15*0002", "SE*14*0002", "SE01 counts 14 segments, the set has 15"),
        ("SE*15*0002", "SE*15*0009", "SE02 is not the control number of its ST"),
        ("GE*2*1", "GE*3*1", "GE01 counts 3 transaction sets, it has 2"),
        ("GE*2*1", "GE*2*8", "GE02 is not the control number of its GS"),
        ("IEA*1*000000001", "IEA*2*000000001", "IEA01 counts 2 groups, it has 1"),
        ("IEA*1*000000001", "IEA*1*000000008", "IEA02 is not the control number of its ISA"),
        ("ST*835*0002", "ST*835*0001", "stands in this group already"),
    ],
)
def test_rule_32_counts_and_control_numbers(written: str, instead: str, reason: str) -> None:
    assert any(s.startswith(written) for s in TWO)
    told = statuses(as_bytes([s.replace(written, instead) if s.startswith(written) else s for s in TWO]))
    assert told[1][0] == "refused"
    assert reason in told[1][1]
    # a fault of the second set leaves the first alone, one of the group or interchange does not
    assert told[0][0] == ("read" if written[0] == "S" else "refused")


def test_a_broken_interchange_leaves_the_others() -> None:
    broken = as_bytes(TWO)[:-40]
    sound = payment_file([claim("C9")], control=7, trace="T9")
    answers = read_answers(b"junk before " + broken + sound + b"\njunk after", "a.835")
    # nothing of the broken end is lost: it is a segment that no one understands, in a set of its own
    by_control = {r["interchange_control_number"]: r["status"] for r in answers.sets.to_dict("records")}
    assert by_control["000000007"] == "read"
    assert by_control["000000001"] == "refused"
    assert "junk before" in " ".join(answers.unread["original"])
    assert "junk after" in " ".join(answers.unread["original"])


@pytest.mark.parametrize("data", [b"", b"   \n", b"hello", b"ISA", b"ISA*00*", b"\x00" * 500, b"ISA*" * 50])
def test_what_is_no_interchange_is_said(data: bytes) -> None:
    answers = read_answers(data, "a")
    assert not len(answers.sets)
    assert len(answers.unread) or not data.strip()
    assert answers.files.iloc[0]["bytes"] == len(data)


def test_other_transactions_and_guides_are_named_not_read() -> None:
    claims = interchange([transaction("837", ["BHT*0019"], guide="005010X223A2")], function="HC", guide="005010X223A2")
    old = interchange([transaction("835", ["BPR*I*0"], guide="004010X091A1")], control=2, guide="004010X091A1")
    told = statuses(as_bytes([*claims, *old]))
    assert [status for status, _ in told] == ["not_read", "not_read"]
    assert "transaction 837 is no answer" in told[0][1]
    assert "004010X091A1" in told[1][1]
    assert "005010X221" in told[1][1]


def test_segments_that_are_not_understood_are_kept_with_their_place() -> None:
    data = as_bytes(interchange([remittance([claim("C1", more=["ZZZ*1*2", "LX*2"])])]))
    answers = read_answers(data, "a.835")
    assert answers.unread[["segment", "original"]].to_dict("records") == [{"segment": "ZZZ", "original": "ZZZ*1*2"}]
    number = answers.unread.iloc[0]["segment_number"]
    assert data.decode().split("~\n")[number - 1] == "ZZZ*1*2"
    assert list(answers.sets["status"]) == ["read"]


def test_parts_of_a_stream_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [claim(f"C{n}", payer_number=f"ICN{n}") for n in range(40)]
    data = as_bytes(interchange([remittance(claims), remittance(claims[:7], trace="T2", number=2)]))
    whole = read_answers(data, "a.835")
    # blocks that end within segments, within the header, and between terminator and IEA
    for block in (1, 7, 64, 500):
        monkeypatch.setattr(segments, "BLOCK", block)
        parts = list(stream_answers(io.BytesIO(data), "a.835", claims_a_part=5))
        assert len(parts) > 5
        assert max(len(p.remittance_claims) for p in parts) <= 6
        for name in ("remittance_claims", "adjustments", "remittances", "sets"):
            rows = [row for part in parts for row in getattr(part, name).to_dict("records")]
            assert rows == getattr(whole, name).to_dict("records"), (block, name)


def test_the_file_and_its_interchanges_are_known_by_their_content() -> None:
    one, wrapped = as_bytes(TWO, "~"), as_bytes(TWO, "~\r\n")
    a, b = read_answers(one, "a").sets, read_answers(wrapped, "b").sets
    assert a.iloc[0]["interchange_sha256"] == b.iloc[0]["interchange_sha256"]
    assert a.iloc[0]["file_sha256"] != b.iloc[0]["file_sha256"]


def test_a_name_in_latin_1_and_one_in_utf_8_are_read() -> None:
    data = payment_file([claim("C1")])
    for encoding in ("latin-1", "utf-8"):
        named = data.replace(b"FIRST HEALTH PLAN", "PRÉVOYANCE".encode(encoding))
        assert read_answers(named, "a").remittances.iloc[0]["payer_name"] == "PRÉVOYANCE"


def test_a_nul_byte_refuses_the_set_and_can_be_stored() -> None:
    answers = read_answers(payment_file([claim("C1")]).replace(b"ICN1", b"IC\x00N"), "a")
    assert list(answers.sets["status"]) == ["refused"]
    assert answers.remittance_claims.iloc[0]["payer_control_number"] == "IC\u2400N"
