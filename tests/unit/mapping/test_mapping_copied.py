"""Text carried forward is marked with where it was first written, and nothing else is."""

from __future__ import annotations

from datetime import date

import pandas as pd

from medcode_ml.contracts import mapped
from medcode_ml.mapping.copied import find_copied

PLAN = (
    "1. Sepsis from urinary source, day two of ceftriaxone, cultures pending\n"
    "2. Acute kidney injury, hold lisinopril and recheck creatinine tomorrow\n"
    "3. Diabetes, sliding scale insulin while eating poorly"
)


def documents(*rows: tuple[str, str, int, str]) -> pd.DataFrame:
    """(document, encounter, day of November, text)."""
    return pd.DataFrame(
        [(d, e, "progress_note", date(2026, 11, day), text) for d, e, day, text in rows],
        columns=["document_id", "encounter_id", "document_type", "written_date", "text"],
        dtype=object,
    )


def passages(frame: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """(document, its passage, first document, the passage there)."""
    texts = dict(zip(frame["document_id"], frame["text"], strict=True))
    return [
        (r.document_id, texts[r.document_id][r.start_offset : r.end_offset], r.first_document_id,
         texts[r.first_document_id][r.first_start_offset : r.first_end_offset])
        for r in find_copied(frame).itertuples()
    ]  # fmt: skip


def test_a_chain_of_copies_leads_to_the_first_document_whatever_the_order_of_rows() -> None:
    frame = documents(
        ("c", "E", 5, f"Feels better.\n\nPLAN:\n{PLAN}\n"),
        ("a", "E", 3, f"Came in ill.\n\nASSESSMENT\n{PLAN}\n"),
        ("b", "E", 4, f"Slept badly.\n\nA/P\n{PLAN}\n"),
    )
    found = find_copied(frame)
    assert sorted(found["document_id"]) == ["b", "c"]
    assert set(found["first_document_id"]) == {"a"}
    assert set(found["first_written_date"]) == {date(2026, 11, 3)}
    assert list(found.columns) == [c.name for c in mapped.copied_passage.columns if c.name != "received_date"]
    for _, mine, _, first in passages(frame):
        assert PLAN.removeprefix("1. ") in mine
        assert mine.split() == first.split()


def test_other_line_breaks_and_misread_letters_do_not_hide_a_copy() -> None:
    misread = (
        PLAN.replace("\n", " ").replace("urinary", "unnary").replace("creatinine", "creatin1ne").replace("cult", "cuIt")
    )
    frame = documents(("a", "E", 3, f"Ill.\n{PLAN}\n"), ("b", "E", 4, f"Better now.\n{misread}\nSigned"))
    ((_, mine, source, _),) = passages(frame)
    assert source == "a"
    assert mine.startswith("Sepsis")
    assert mine.endswith("poorly")


def test_a_passage_is_whole_sentences_or_lines() -> None:
    frame = documents(
        ("a", "E", 3, "He fell from a ladder two days ago onto the left hip and could not walk. Pain is severe."),
        (
            "b",
            "E",
            4,
            "Old man. He fell from a ladder two days ago onto the left hip and could not walk. Pain is mild.",
        ),
    )
    ((_, mine, _, first),) = passages(frame)
    assert mine.rstrip(".") == "He fell from a ladder two days ago onto the left hip and could not walk"
    assert mine == first


def test_other_words_in_the_middle_end_a_passage() -> None:
    last = "Hold lisinopril until the kidneys have recovered fully again"
    first = f"Continue ceftriaxone until the cultures are back from the lab. {last}."
    other = first.replace("cultures are back", "family has met with surgery")
    frame = documents(("a", "E", 3, first), ("b", "E", 4, other))
    assert [mine for _, mine, _, _ in passages(frame)] == [
        "Hold lisinopril until the kidneys have recovered fully again"
    ]


def test_short_phrases_other_encounters_and_one_document_are_no_copies() -> None:
    short = documents(
        ("a", "E", 3, "No acute distress.\nLungs clear."), ("b", "E", 4, "No acute distress.\nHeart regular.")
    )
    assert find_copied(short).empty
    assert find_copied(documents(("a", "E", 3, PLAN), ("b", "F", 4, PLAN))).empty
    assert find_copied(documents(("a", "E", 3, f"{PLAN}\n\n{PLAN}"))).empty
    assert find_copied(documents()).empty


def test_headers_letterheads_and_signatures_are_no_copies() -> None:
    head = "MERCY GENERAL HOSPITAL, Department of Medicine\n12 Long Street, Springfield MA 02114 Phone 555 0100\n"
    head += "Patient: Doe, Jane Q   MRN 00412345   DOB 01/02/1950   Page 1 of 2\n\n"
    foot = "\n\nElectronically signed by Alan B. Smith, MD, attending physician, on the day of service"
    frame = documents(("a", "E", 3, f"{head}Came in with cough.{foot}"), ("b", "E", 4, f"{head}Better today.{foot}"))
    assert find_copied(frame).empty
    both = documents(("a", "E", 3, f"{head}{PLAN}{foot}"), ("b", "E", 4, f"{head}{PLAN}{foot}"))
    ((_, mine, _, _),) = passages(both)
    assert "MRN" not in mine
    assert "signed" not in mine
    assert mine.endswith("poorly")


def test_passages_of_a_document_do_not_overlap_and_lie_in_their_documents() -> None:
    frame = documents(
        ("a", "E", 3, PLAN), ("b", "E", 4, f"Note. {PLAN}\nMore was said about her walking with the therapist today."),
        ("c", "E", 5, f"{PLAN}\nMore was said about her walking with the therapist today.\n{PLAN}"),
    )  # fmt: skip
    texts = dict(zip(frame["document_id"], frame["text"], strict=True))
    for document, own in find_copied(frame).groupby("document_id"):
        ordered = own.sort_values("start_offset")
        assert ordered["passage_number"].tolist() == list(range(1, len(own) + 1))
        assert (ordered["start_offset"].to_numpy()[1:] >= ordered["end_offset"].to_numpy()[:-1]).all()
        assert ordered["end_offset"].max() <= len(texts[document])
