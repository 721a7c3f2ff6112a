"""The truth about sections: passages point at their text, and every style of heading has the same passages."""

from __future__ import annotations

import pytest

from medcode_ml.simulation import NetworkConfig, simulate
from medcode_ml.simulation.wording import SECTION_TYPES, TYPES, finish, mark, passage


def test_marks_of_mentions_and_passages_leave_the_text_alone() -> None:
    kidneys = mark("AKI", "N17.9")
    marked = f"Dx: {passage('impression', f'old {kidneys} now')}\n"
    text, mentions, passages = finish(marked)
    assert text == "Dx: old AKI now\n"
    assert [text[m.start : m.end] for m in mentions] == ["AKI"]
    assert [(text[p.start : p.end], p.section_type) for p in passages] == [("old AKI now", "impression")]


@pytest.mark.parametrize("style", ["classic", "new"])
def test_every_delivered_text_has_its_passages_in_order(style: str) -> None:
    config = NetworkConfig(encounters=25, note_style=style, planted_faults=False)  # type: ignore[arg-type]
    seen = set()
    for day in simulate(config).days():
        texts = dict(day.tables["scanned_record"][["record_id", "text"]].itertuples(index=False, name=None))
        for record, own in day.truth["sections"].groupby("record_id"):
            at = 0
            for start, end, kind in own[["start", "end", "section_type"]].itertuples(index=False, name=None):
                assert at <= int(start) < int(end)
                at = int(end)
                assert kind in SECTION_TYPES
                seen.add(kind)
            if texts[record]:
                assert at <= len(texts[record])
                assert texts[record][at:].strip() == ""
    assert set(TYPES.values()) <= seen
