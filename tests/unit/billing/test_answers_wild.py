"""Wild answers: whatever is cut, doubled, changed or mixed in, no claim is lost and no changed amount is matched."""

from __future__ import annotations

import io

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support.answer_files import as_bytes, claim, denied, interchange, our_claims, remittance

from medcode_ml.billing.answers import segments as cutting
from medcode_ml.billing.answers.denials import denials
from medcode_ml.billing.answers.frames import COLUMNS, OUTCOMES
from medcode_ml.billing.answers.lines import acknowledgement_lines, remittance_lines, summary
from medcode_ml.billing.answers.matching import Matched, match
from medcode_ml.billing.answers.reading import read_answers, stream_answers
from medcode_ml.billing.answers.repeated import Seen, mark_repeated, without_repeated

LINES = ["SVC*HC:99213*600*450*0510*2", "CAS*CO*45*150", "LQ*HE*N14", "SVC*HC:99214*400*250", "CAS*CO*45*50*1*97*100"]
SOUND = interchange(
    [
        remittance([claim("C1"), claim("C2", adjustments=[], more=LINES), denied("C3")], trace="T1"),
        remittance([claim("C4"), denied("C5")], trace="T2", number=2, footer=["PLB*1*20261231*WO:X*25"], paid="675"),
    ]
)
#: a file takes some 20 ms: shrinking a failure would take minutes, and these cases are short as they are
WITHOUT_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
OURS = our_claims(*((f"C{n}", "P1", "500" if n in (3, 5) else "1000") for n in range(1, 6)))
SLOW = settings(max_examples=60, deadline=None, phases=WITHOUT_SHRINKING)
NAMES = [
    *("ST", "SE", "GS", "GE", "IEA", "TA1", "BPR", "TRN", "CUR", "N1", "LX", "TS3", "CLP", "CAS", "SVC", "LQ", "DTM"),
    *("REF", "PLB", "MIA", "MOA", "AMT", "QTY", "NM1", "AK1", "AK2", "IK3", "IK4", "CTX", "IK5", "AK9", "HL", "STC"),
    *("BHT", "ZZ", ""),
]
ELEMENTS = [
    *("", "1", "835", "277", "999", "C1", "22", "-5.5", "1e5", "nan", "HC:1", "20261301", "A7:1", "PR", "PE", "\u00e9"),
    *("005010X221A1", "9" * 20),
]
#: without the ISA nothing is cut into segments: the file as a whole is set aside
INSIDE = st.integers(min_value=1, max_value=len(SOUND) - 1)


def read(data: bytes) -> Matched:
    m = match(mark_repeated(read_answers(data, "wild"), Seen()), OURS)
    # all that a command does with it can be done
    list(remittance_lines(m))
    list(acknowledgement_lines(m))
    summary(m)
    without_repeated(m.answers)
    denials(m, OURS[["encounter_id"]].assign(code="I10"), OURS[["encounter_id"]].assign(edit="e", level="error"))
    return m


def claims_in(data: bytes) -> int:
    """CLP segments among the segments of the file, also one cut behind its name."""
    return sum(part.strip().split(b"*")[0] == b"CLP" for part in data.split(b"~"))


def nothing_is_lost(m: Matched, data: bytes) -> None:
    assert sum(m.counts.values()) == claims_in(data)
    assert set(m.counts) <= set(OUTCOMES)
    for row in m.answers.remittance_claims.to_dict("records"):
        assert (row["outcome"] == "matched") == (not row["because"])


def recounted(segments: list[str]) -> list[str]:
    """The same segments with SE counts and GE count put right: a fault that no envelope shows."""
    made, since = [], 0
    for segment in segments:
        since = 1 if segment.startswith("ST*") else since + 1
        made.append(f"SE*{since}*{segment.split('*')[2]}" if segment.startswith("SE*") else segment)
    return made


def test_the_sound_file_matches_whole() -> None:
    m = read(as_bytes(SOUND))
    assert m.counts == {"matched": 5}


@SLOW
@given(place=INSIDE)
def test_a_cut_segment_loses_no_claim_and_posts_no_changed_one(place: int) -> None:
    data = as_bytes(SOUND[:place] + SOUND[place + 1 :])
    m = read(data)
    nothing_is_lost(m, data)
    # SE counts catch every cut: at least the claims of its set are set apart
    assert m.counts.get("matched", 0) < 5


@SLOW
@given(place=INSIDE, copies=st.integers(1, 3))
def test_a_doubled_segment_loses_no_claim(place: int, copies: int) -> None:
    data = as_bytes(SOUND[:place] + [SOUND[place]] * copies + SOUND[place:])
    m = read(data)
    nothing_is_lost(m, data)
    if SOUND[place].startswith(("SE*", "IEA*")):
        # the second one stands after a whole set or interchange: it is told, and harms nothing
        assert len(m.answers.unread) + list(m.answers.sets["status"]).count("refused") >= 1
    else:
        assert m.counts.get("matched", 0) < 5


@SLOW
@given(place=INSIDE, double=st.booleans())
def test_rule_31_money_that_no_envelope_guards_is_guarded_by_sums(place: int, double: bool) -> None:
    name = SOUND[place].split("*")[0]
    data = as_bytes(recounted(SOUND[:place] + ([SOUND[place]] if double else []) + SOUND[place + (not double) :]))
    m = read(data)
    nothing_is_lost(m, data)
    if name in ("CLP", "CAS", "BPR", "PLB", "SVC") and not (name == "BPR" and double):
        # a lost line leaves its claim in balance, but not the lines with their claim: that is noted
        noted = any("the lines charge" in note for notes in m.answers.remittance_claims["notes"] for note in notes)
        assert m.counts != {"matched": 5} or (name == "SVC" and noted), SOUND[place]


@SLOW
@given(place=INSIDE, cents=st.integers(-500, 500).filter(bool))
def test_rule_31_a_wrong_amount_is_never_matched(place: int, cents: int) -> None:
    elements = SOUND[place].split("*")
    where = {"CLP": 4, "CAS": 3, "SVC": 3, "BPR": 2, "PLB": 4}.get(elements[0])
    if where is None:
        return
    elements[where] = f"{float(elements[where]) + cents / 100:.2f}"
    data = as_bytes([*SOUND[:place], "*".join(elements), *SOUND[place + 1 :]])
    m = read(data)
    nothing_is_lost(m, data)
    assert m.counts["unbalanced"] >= 1
    # the other payment is untouched
    first = place < next(i for i, s in enumerate(SOUND) if s.startswith("SE*"))
    assert m.counts.get("matched", 0) >= (2 if first else 3)


@SLOW
@given(cut=st.integers(0, len(as_bytes(SOUND))))
def test_a_file_cut_anywhere_keeps_what_came(cut: int) -> None:
    data = as_bytes(SOUND)[:cut]
    nothing_is_lost(read(data), data)


@SLOW
@given(cut=st.integers(110, len(as_bytes(SOUND))))
def test_a_cut_file_does_not_harm_the_next_one(cut: int) -> None:
    sound = as_bytes(interchange([remittance([claim("C1")], trace="T9")], control=77))
    m = read(as_bytes(SOUND)[:cut] + sound)
    status = dict(zip(m.answers.sets["interchange_control_number"], m.answers.sets["status"], strict=True))
    assert status["000000077"] == "read"


@settings(max_examples=100, deadline=None, phases=WITHOUT_SHRINKING)
@given(data=st.binary(max_size=600))
def test_any_bytes_are_read_or_set_aside(data: bytes) -> None:
    m = read(data)
    assert len(m.answers.sets) + len(m.answers.unread) or not data.strip()


@SLOW
@given(
    tail=st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.lists(st.sampled_from(ELEMENTS), max_size=8),
        ),
        max_size=25,
    ),
    function=st.sampled_from(["HP", "HN", "FA", "HC", ""]),
)
def test_any_segments_in_any_order_are_read_or_set_aside(tail: list[tuple[str, list[str]]], function: str) -> None:
    head = [SOUND[0], f"GS*{function}*A*B*20261120*0900*1*X*"]
    data = as_bytes([*head, *("*".join([name, *elements]) for name, elements in tail)])
    m = read(data)
    rows = m.answers.remittance_claims
    assert not len(rows) or not (rows["outcome"] == "matched").any()
    understood = sum(name == "CLP" for name, _ in tail)
    not_read = m.answers.sets["status"] == "not_read"
    unread = m.answers.unread
    # what stands outside any interchange is kept as one piece
    outside = unread.loc[unread["segment"].isna(), "original"]
    not_understood = int((unread["segment"] == "CLP").sum()) + sum(
        claims_in(text.encode("utf-8", "surrogateescape")) for text in outside
    )
    assert len(rows) + not_understood == understood or bool(not_read.any())


@pytest.mark.parametrize("block", [1, 13, 200])
@SLOW
@given(cut=st.integers(0, len(as_bytes(SOUND))))
def test_parts_are_the_whole_wherever_blocks_end(block: int, cut: int) -> None:
    data = as_bytes(SOUND)[:cut] + as_bytes(SOUND)
    whole = read_answers(data, "a")
    before, cutting.BLOCK = cutting.BLOCK, block
    try:
        parts = list(stream_answers(io.BytesIO(data), "a", claims_a_part=2))
    finally:
        cutting.BLOCK = before
    for name in COLUMNS:
        rows = [row for part in parts for row in getattr(part, name).to_dict("records")]
        assert rows == getattr(whole, name).to_dict("records")
