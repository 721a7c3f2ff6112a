"""Lists and tables are kept as such: every item and cell by its characters."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from medcode_ml.contracts import mapped
from medcode_ml.mapping.blocks import blocks_of, find_blocks
from medcode_ml.mapping.sections import split_documents

LABS = """Test              Result Flag Units    Reference
WBC                 18.7 H    K/uL     4.8-10.2
Hgb                 12.5      g/dL     12.4-15.2
Plt                  332      K/uL     165-370
"""


def items(text: str) -> list[list[str]]:
    return [[text[a:b] for a, b in block.cells] for block in blocks_of(text) if block.kind == "list"]


def rows(text: str) -> list[list[str]]:
    (block,) = [b for b in blocks_of(text) if b.kind == "table"]
    return [[text[a:b] for a, b in row] for row in block.cells]


@pytest.mark.parametrize(
    "text",
    [
        "1. sepsis\n2. CKD 3\n3. HTN",
        "- sepsis\n- CKD 3\n- HTN",
        "* sepsis\n* CKD 3\n* HTN\n",
        "# sepsis\n# CKD 3\n# HTN",
        "• sepsis\n• CKD 3\n• HTN",
        "1) sepsis\n\n2) CKD 3\n\n3) HTN",
        "a. sepsis\nb. CKD 3\nc. HTN",
        "Problems: 1) sepsis 2) CKD 3 3) HTN",
        "PMH:1.  sepsis2.  CKD 33.  HTN".replace("sepsis2", "sepsis 2").replace("33.", "3 3."),
    ],
)
def test_lists_in_all_the_ways_they_are_marked(text: str) -> None:
    assert items(text) == [["sepsis", "CKD 3", "HTN"]]


def test_items_glued_to_the_sentence_before_are_items() -> None:
    text = "MEDICATIONS:1.  Atenolol 50 mg daily.2.  Zocor 40 mg daily.3.  Folic acid."
    assert items(text) == [["Atenolol 50 mg daily.", "Zocor 40 mg daily.", "Folic acid."]]


def test_an_item_runs_on_over_indented_lines() -> None:
    assert items("1. sepsis from\n   the lung\n2. HTN") == [["sepsis from\n   the lung", "HTN"]]


def test_decimals_dates_and_single_marks_are_no_list() -> None:
    assert items("Cr 1.2. K 3.4. Seen 1/2. Dose 2.5 mg.") == []
    assert items("- alone") == []


def test_columns_beneath_each_other_are_a_table_with_its_head_row_first() -> None:
    assert rows(LABS) == [
        ["Test", "Result", "Flag", "Units", "Reference"],
        ["WBC", "18.7", "H", "K/uL", "4.8-10.2"],
        ["Hgb", "12.5", "", "g/dL", "12.4-15.2"],
        ["Plt", "332", "", "K/uL", "165-370"],
    ]


def test_pipes_and_tabs_part_columns() -> None:
    assert rows("| Drug | Dose |\n|---|---|\n| ASA | 81 mg |") == [["Drug", "Dose"], ["ASA", "81 mg"]]
    assert rows("Drug\tDose\nASA\t81 mg\n") == [["Drug", "Dose"], ["ASA", "81 mg"]]


def test_two_spaces_after_a_sentence_are_no_columns() -> None:
    text = "He is well.  He walks.\nShe is well.  She walks.\nAll are well.  They walk.\n"
    assert blocks_of(text) == []


def test_a_block_stands_in_one_section_and_rows_are_those_of_the_contract() -> None:
    text = "PMH:\n1. HTN\n2. DM\nPLAN:\n1. home\n2. rest\n" + "LABS:\n" + LABS
    documents = pd.DataFrame({"document_id": ["d"], "text": [text]})
    sections = split_documents(documents)
    found = find_blocks(documents, sections)
    assert list(found.columns) == [c.name for c in mapped.document_block.columns if c.name != "received_date"]
    assert found["kind"].tolist() == ["list", "list", "table"]
    assert found["block_number"].tolist() == [1, 2, 3]
    spans = sections.set_index("section_number")
    for row in found.itertuples():
        own = spans.loc[row.section_number]
        assert own["start_offset"] <= row.start_offset < row.end_offset <= own["end_offset"]


@trials(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("12.)- ab\n\t|A  *"), max_size=200))
def test_blocks_of_any_text_lie_in_it_in_order(text: str) -> None:
    at = 0
    for block in blocks_of(text):
        assert at <= block.start < block.end <= len(text)
        at = block.end
        cells = block.cells if block.kind == "list" else [c for row in block.cells for c in row]
        assert all(0 <= a <= b <= len(text) for a, b in cells)
