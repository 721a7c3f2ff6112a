"""Figures of encounters: what a coder's answers and documents come to, also on odd days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from medcode_ml.drift.amounts import amount_blocks
from medcode_ml.drift.frames import (
    CodingFrames,
    coding_blocks,
    fit_calibration,
    fit_language,
    ranking_blocks,
    sketches_of,
)
from medcode_ml.drift.performance import AS_GIVEN
from medcode_ml.drift.sketch import Counts, Moments, Values
from medcode_ml.drift.units import ALL, age_bands, chapters_of, page_block, sketched

CODE_COLUMNS = ["encounter_id", "code", "score", "band", "accepted", "document_types"]


def frames(documents: int = 3) -> CodingFrames:
    encounters = pd.DataFrame(
        [("e1", "H1", 2, "FY2027-10", "coded"), ("e2", "H1", 1, "FY2027-10", "coded"),
         ("e3", "H2", 0, "FY2027-10", "no_codes")],
        columns=["encounter_id", "hospital_id", "document_count", "code_set_release", "outcome"],
    )  # fmt: skip
    codes = pd.DataFrame(
        [
            ("e1", "I10", 0.9, "auto", True, [["progress_note", "other", 1, 1]]),
            ("e1", "J18.9", 0.6, "review", True, [["discharge_summary", "other", 2, 1]]),
            ("e1", "E11.9", 0.1, "drop", False, None),
            ("e2", "J10.1", 0.8, "auto", True, [["discharge_summary", "other", 1, 1]]),
        ],
        columns=CODE_COLUMNS,
    )
    texts = [("d1", "e1", "H1", "progress_note", "fever"), ("d2", "e1", "H1", "discharge_summary", "cough fever"),
             ("d3", "e2", "H1", "discharge_summary", "")][:documents]  # fmt: skip
    labelled = pd.DataFrame([("e1", "H1", ["I10", "E11.9"])], columns=["encounter_id", "hospital_id", "codes"])
    return CodingFrames(
        encounters,
        codes,
        pd.DataFrame(texts, columns=["document_id", "encounter_id", "hospital_id", "document_type", "text"]),
        pd.DataFrame(columns=["hospital_id", "record_id", "document_type", "confidence", "gate"]),
        labelled,
        codes[["encounter_id", "code", "score", "accepted"]][codes["encounter_id"] == "e1"],
    )


def test_a_day_by_hand() -> None:
    day = frames()
    found = sketches_of(coding_blocks(day, fit_language(day.documents), AS_GIVEN))
    count = found[ALL, ALL, "code_count"]
    assert isinstance(count, Values)
    assert dict(zip(count.values, count.weights, strict=True)) == {0.0: 1, 1.0: 1, 2.0: 1}
    expected = found["H1", ALL, "expected_codes"]
    assert isinstance(expected, Values)
    assert expected.values.tolist() == [0.8, 1.6]
    assert found[ALL, ALL, "likeliest_chapter"] == Counts({"chapter 10": 1, "chapter 9": 1, "none": 1})
    assert found["H1", "discharge_summary", "codes_told"].n == 2
    estimated, realised = found[ALL, ALL, "estimated"], found[ALL, ALL, "realised"]
    assert isinstance(estimated, Moments)
    assert isinstance(realised, Moments)
    assert estimated.sums[:3] == pytest.approx([2.3, 3, 2.4])
    assert realised.sums[:3].tolist() == [1, 2, 2], "I10 is right, J18.9 is not, E11.9 was not accepted"


def test_a_day_with_nothing_and_one_with_one_empty_document() -> None:
    day = frames()
    nothing = CodingFrames(
        *(f.iloc[:0] for f in (day.encounters, day.codes, day.documents, day.pages, day.labelled, day.labelled_codes))
    )
    language = fit_language(day.documents)
    assert sketches_of(coding_blocks(nothing, language, AS_GIVEN)) == {}
    one = CodingFrames(
        day.encounters.iloc[1:2], day.codes.iloc[:0], day.documents.iloc[2:], day.pages, day.labelled.iloc[:0],
        day.labelled_codes.iloc[:0],
    )  # fmt: skip
    found = sketches_of(coding_blocks(one, language, AS_GIVEN))
    assert ("H1", "discharge_summary", "oov_rate") not in found, "no word, no rate"
    assert found["H1", ALL, "code_count"].n == 1
    unlabelled = (day.labelled.iloc[:0], day.labelled_codes.iloc[:0])
    assert fit_calibration(*unlabelled, day.encounters, day.documents).labels_per_expected == 1.0


def test_chapters_follow_the_classification() -> None:
    codes = np.array(["A41.9", "I50.23", "Z99.11", "U07.1", "O80", "S72.001A", "I50.23"], dtype=object)
    assert chapters_of(codes).tolist() == [0, 8, 20, 21, 14, 18, 8]


def test_ages_are_banded_at_discharge() -> None:
    born = pd.Series([date(2026, 1, 1), date(1961, 10, 6), date(1940, 1, 1), None], dtype=object)
    assert age_bands(born, pd.Series([date(2026, 10, 5)] * 4, dtype=object)).tolist() == ["0", "45-64", "80+", None]


def test_pages_are_measured_by_document_and_over_all_types() -> None:
    pages = pd.DataFrame(
        [("H1", "r1", "consultation", 90.0, None), ("H1", "r1", "consultation", 50.0, None),
         ("H1", "r2", "other", None, "blank")],
        columns=["hospital_id", "record_id", "document_type", "confidence", "gate"],
    )  # fmt: skip
    found = sketched(page_block(pages))
    confidence = found[ALL, ALL, "page_confidence"]
    assert isinstance(confidence, Values)
    assert confidence.values.tolist() == [70.0]
    assert found[ALL, ALL, "page_gate"] == Counts({"blank": 1, "read": 1})
    assert found["H1", "consultation", "worst_page_confidence"].n == 1


def test_rankers_and_amounts_are_watched_by_the_same_sketches() -> None:
    ranked = pd.DataFrame(
        {"hospital_id": ["H1", "H1"], "principal_code": ["I10", None], "principal_probability": [0.7, None],
         "code_count": [3, 0], "needs_review": [False, False], "outcome": ["ranked", "no_codes"]}
    )  # fmt: skip
    labelled = pd.DataFrame({"hospital_id": ["H1"], "principal_code": ["I10"], "label": ["I10"]})
    found = sketches_of(ranking_blocks(ranked, labelled))
    assert found[ALL, ALL, "estimated_principal"].n == 1
    assert found["H1", ALL, "principal_chapter"] == Counts({"chapter 9": 1, "none": 1})
    priced = pd.DataFrame(
        {"hospital_id": ["H1"], "mdc": ["05"], "payer_id": ["P"], "charges": [100.0], "charges_low": [50.0],
         "charges_high": [200.0], "charges_found": [Decimal("130")], "payments": [10.0], "payments_low": [1.0],
         "payments_high": [100.0], "payments_found": [None]}
    )  # fmt: skip
    amounts = sketches_of(amount_blocks(priced, priced.assign(payments_found=[Decimal("8")])))
    off = amounts[ALL, ALL, "payments_off"]
    assert isinstance(off, Values)
    assert off.values.tolist() == pytest.approx([np.log10(0.8)], abs=1e-6)
    realised = amounts[ALL, ALL, "realised_charges"]
    assert isinstance(realised, Moments)
    assert realised.sums[:5].tolist() == pytest.approx([30, 130, 30 / 130, 1, 1])
    assert amounts[ALL, ALL, "estimated_payments"].n == 1
    assert amount_blocks(priced.iloc[:0], priced.iloc[:0]) == []
