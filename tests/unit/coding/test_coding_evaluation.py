"""Figures of a model beside its rivals: the difference by person, parts by document type, codes of no release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
import pytest

from medcode_ml.coding.batch import CODE_COLUMNS, CodedBatch
from medcode_ml.coding.evaluation import ONTOLOGY, difference_by_person, evaluate
from medcode_ml.coding.figures.codes import PredictedCode
from medcode_ml.coding.in_use import Code
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.contracts import ml
from medcode_ml.models.warehouse.evaluation import MODEL, WHOLE

DAY = date(2026, 10, 15)


def gold(*codes: tuple[str, ...], person: Sequence[str] | None = None) -> list[LabelledNote]:
    return [LabelledNote(f"E{n}", "", own, patient_id=person[n] if person else f"P{n}") for n, own in enumerate(codes)]


def accepted(**codes: Sequence[str]) -> dict[str, list[PredictedCode]]:
    return {name: [PredictedCode(code, 0.9, True) for code in own] for name, own in codes.items()}


def coder(by_document: Mapping[str, Sequence[str]]) -> Code:
    """A coder that finds in each document what `by_document` says."""

    def code(documents: pd.DataFrame, sections: pd.DataFrame) -> CodedBatch:
        found = sorted(
            {(e, c) for d, e in documents[["document_id", "encounter_id"]].to_numpy() for c in by_document.get(d, ())}
        )
        rows = [(e, c, 0.9, "review", True, "affirmed", "Y", "documents", 1, [], "said") for e, c in found]
        nothing = pd.DataFrame()
        return CodedBatch(pd.DataFrame(rows, columns=list(CODE_COLUMNS)), nothing, nothing, nothing)

    return code


def test_the_difference_is_that_of_the_two_micro_f1() -> None:
    truth = gold(("I10", "E11.9"), ("J18.9",))
    one = accepted(E0=["I10", "E11.9"], E1=["J18.9"])
    other = accepted(E0=["I10"], E1=["J18.1"])  # 1 right of 2 said and 3 true: F1 = 2/5
    value, low, high = difference_by_person(truth, one, other)
    assert value == pytest.approx(0.6)
    assert low is not None and high is not None  # noqa: PT018
    assert low <= value <= high


def test_equal_coders_differ_by_nothing_in_every_draw() -> None:
    truth = gold(*[("I10",)] * 20)
    same = accepted(**{f"E{n}": ["I10"] if n % 2 else ["J18.9"] for n in range(20)})
    assert difference_by_person(truth, same, same) == (0.0, 0.0, 0.0)


def test_encounters_of_one_person_do_not_count_as_so_many_persons() -> None:
    """Ten stays of one patient and ten of another are two draws, not twenty: the interval says so."""
    codes = [("I10",)] * 20
    one = accepted(**{f"E{n}": ["I10"] for n in range(20)})
    other = accepted(**{f"E{n}": ["I10"] if n < 10 else ["J18.9"] for n in range(20)})
    alone = difference_by_person(gold(*codes), one, other)
    of_two = difference_by_person(gold(*codes, person=["A"] * 10 + ["B"] * 10), one, other)
    assert alone[0] == of_two[0] == pytest.approx(0.5)
    assert alone[1] is not None and alone[1] > 0  # noqa: PT018
    assert of_two[1] == 0.0


def stays(count: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    test = pd.DataFrame(
        [(f"E{n}", f"P{n}", ["I10", "E11.9"], "inpatient", DAY, [f"A{n}", f"B{n}"]) for n in range(count)],
        columns=["encounter_id", "person_id", "codes", "setting", "discharge_date", "document_ids"],
    )
    documents = pd.DataFrame(
        [(f"{kind}{n}", f"E{n}", "text", name, "inpatient", DAY) for n in range(count)
         for kind, name in (("A", "discharge_summary"), ("B", "progress_note"))],
        columns=["document_id", "encounter_id", "text", "document_type", "setting", "discharge_date"],
    )  # fmt: skip
    return test, documents, pd.DataFrame(columns=["document_id"])


def test_every_part_coder_and_figure_has_one_row_of_the_contract() -> None:
    test, documents, sections = stays(12)
    both = {**{f"A{n}": ["I10"] for n in range(12)}, **{f"B{n}": ["E11.9"] for n in range(12)}}
    first = {f"A{n}": ["I10"] for n in range(12)}
    result = evaluate(
        "coding-20261122-00000000", {MODEL: coder(both), ONTOLOGY: coder(first)}, test, documents, sections,
        {"I10": 40}, resamples=200,
    )  # fmt: skip
    figures = result.figures
    assert list(figures.columns) == [c.name for c in ml.coding_evaluation.columns]
    assert not figures.duplicated(["version", "part", "coder", "figure"]).any()
    assert figures[["version", "part", "coder", "figure", "encounters", "notes"]].notna().all(axis=None)
    assert set(figures["part"]) == {WHOLE, "discharge_summary", "progress_note"}
    value = figures.set_index(["part", "coder", "figure"])["value"]
    assert value[WHOLE, MODEL, "micro_f1"] == 1.0
    assert value[WHOLE, ONTOLOGY, "micro_f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert value[WHOLE, f"{MODEL} - {ONTOLOGY}", "micro_f1"] == pytest.approx(1 / 3, abs=1e-4)
    # E11.9 stands in no training encounter
    assert value[WHOLE, MODEL, "unseen_micro_f1"] == 1.0
    assert value[WHOLE, ONTOLOGY, "unseen_micro_f1"] == 0.0
    # one type alone: the model reads I10 in the summary and nothing else
    assert value["discharge_summary", MODEL, "recall"] == 0.5
    assert value["progress_note", ONTOLOGY, "recall"] == 0.0


def test_a_document_type_of_few_encounters_is_not_a_part() -> None:
    test, documents, sections = stays(9)
    result = evaluate("v", {MODEL: coder({})}, test, documents, sections, {}, resamples=10)
    assert set(result.figures["part"]) == {WHOLE}


def test_rule_1_an_accepted_code_outside_its_release_is_named() -> None:
    test, documents, sections = stays(2)
    result = evaluate("v", {MODEL: coder({"A0": ["B88.0", "I10"]})}, test, documents, sections, {}, resamples=10)
    assert result.outside == ((MODEL, "B88.0"),)


def test_a_test_without_encounters_has_no_figures_and_beats_nobody() -> None:
    test, documents, sections = stays(0)
    result = evaluate("v", {MODEL: coder({}), ONTOLOGY: coder({})}, test, documents, sections, {}, resamples=10)
    assert result.encounters == 0
    assert result.figures["value"].isna().all()
    assert result.listing("micro_f1")[-1][2:4] == ("-", "- to -")
