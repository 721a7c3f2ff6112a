"""Figures of a model beside its rivals: the difference by person, parts by document type, codes of no release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from medcode_ml.coding.batch import CODE_COLUMNS, CodedBatch
from medcode_ml.coding.evaluation import BRIER, MICRO_F1, ONTOLOGY, differences_by_person, evaluate
from medcode_ml.coding.figures.codes import PredictedCode
from medcode_ml.coding.figures.probabilities import squared_errors
from medcode_ml.coding.in_use import Code
from medcode_ml.coding.labelled.note import LabelledNote
from medcode_ml.coding.promotion import AutoBand, recalibration_beats
from medcode_ml.contracts import ml
from medcode_ml.models.warehouse.evaluation import CHAMPION, MODEL, WHOLE, Lead, difference

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
    value, low, high = differences_by_person(truth, one, other)[MICRO_F1]
    assert value == pytest.approx(0.6)
    assert low is not None and high is not None  # noqa: PT018
    assert low <= value <= high


def test_equal_coders_differ_by_nothing_in_every_draw() -> None:
    truth = gold(*[("I10",)] * 20)
    same = accepted(**{f"E{n}": ["I10"] if n % 2 else ["J18.9"] for n in range(20)})
    assert differences_by_person(truth, same, same) == {MICRO_F1: (0.0, 0.0, 0.0), BRIER: (0.0, 0.0, 0.0)}


def test_encounters_of_one_person_do_not_count_as_so_many_persons() -> None:
    """Ten stays of one patient and ten of another are two draws, not twenty: the interval says so."""
    codes = [("I10",)] * 20
    one = accepted(**{f"E{n}": ["I10"] for n in range(20)})
    other = accepted(**{f"E{n}": ["I10"] if n < 10 else ["J18.9"] for n in range(20)})
    alone = differences_by_person(gold(*codes), one, other)[MICRO_F1]
    of_two = differences_by_person(gold(*codes, person=["A"] * 10 + ["B"] * 10), one, other)[MICRO_F1]
    assert alone[0] == of_two[0] == pytest.approx(0.5)
    assert alone[1] is not None and alone[1] > 0  # noqa: PT018
    assert of_two[1] == 0.0


def listed(**chances: Mapping[str, float]) -> dict[str, list[PredictedCode]]:
    return {name: [PredictedCode(code, chance, chance >= 0.5) for code, chance in own.items()]
            for name, own in chances.items()}  # fmt: skip


def test_the_brier_score_of_listed_codes_worked_by_hand() -> None:
    """What only one of two coders lists has the probability 0 with the other; what nobody lists costs nobody."""
    truth = [LabelledNote("E0", "", ("I10", "E11.9", "Z79.4"), patient_id="P0", disputed=("J18.9",))]
    one = listed(E0={"I10": 0.9, "M10.9": 0.2, "J18.9": 0.7})
    other = listed(E0={"I10": 0.8, "E11.9": 0.6})
    errors, codes = squared_errors(truth, [one, other])
    assert codes.tolist() == [3]
    assert errors[0, 0] == pytest.approx(0.1**2 + 0.2**2 + 1.0)  # I10, M10.9 and E11.9 that it does not list
    assert errors[1, 0] == pytest.approx(0.2**2 + 0.4**2)
    (alone,), own = squared_errors(truth, [one])
    assert (alone[0] / own[0]) == pytest.approx((0.1**2 + 0.2**2) / 2)
    twice = {"E0": [PredictedCode("I10", 0.3, False), PredictedCode("I10", 0.9, True)]}
    assert squared_errors(truth, [twice])[0][0, 0] == pytest.approx(0.1**2)
    nothing, none = squared_errors(truth, [{}])
    assert (nothing.tolist(), none.tolist()) == ([[0.0]], [0.0])


def test_a_coder_too_sure_of_itself_loses_by_brier_and_not_by_micro_f1() -> None:
    """Of the same accepted codes half are right: who says 50% is the better coder, and proven so by person."""
    truth = gold(*[("I10",) if n % 2 else ("J18.9",) for n in range(200)])
    honest = listed(**{f"E{n}": {"I10": 0.5} for n in range(200)})
    sure = listed(**{f"E{n}": {"I10": 0.95} for n in range(200)})
    found = differences_by_person(truth, honest, sure)
    assert found[MICRO_F1] == (0.0, 0.0, 0.0)
    value, low, high = found[BRIER]
    assert value == pytest.approx(0.25 - (0.05**2 + 0.95**2) / 2, abs=1e-4)
    assert low is not None and high is not None  # noqa: PT018
    assert low < value < high < 0
    # two persons prove nothing
    of_two = differences_by_person([replace(n, patient_id=f"P{i % 2}") for i, n in enumerate(truth)], honest, sure)
    assert of_two[BRIER][2] is not None and of_two[BRIER][2] >= 0  # noqa: PT018


def lead_of(low: float, high: float) -> Lead:
    return Lead((low + high) / 2, low, high, "x", 100)


HOLDS = AutoBand(100, 0.94, 0.97, 0.95)


@pytest.mark.parametrize(
    ("micro_f1", "brier", "auto", "passes"),
    [
        ((0.01, 0.03), (0.001, 0.002), HOLDS, True),  # as any version
        ((-0.009, 0.004), (-0.004, -0.001), HOLDS, True),
        ((-0.011, 0.004), (-0.004, -0.001), HOLDS, False),  # it may have lost more than the margin
        ((-0.009, 0.004), (-0.004, 0.0), HOLDS, False),  # better probabilities are not proven
        ((0.0, 0.0), (0.0, 0.0), HOLDS, False),  # nothing was changed
        ((-0.009, 0.004), (-0.004, -0.001), AutoBand(100, 0.85, 0.91, 0.95), False),  # the promise is broken
        ((-0.009, 0.004), (-0.004, -0.001), AutoBand(19, 0.5, 0.7, 0.95), True),  # too few to say so
        ((-0.009, 0.004), (-0.004, -0.001), AutoBand(0, None, None, 0.95), True),
    ],
)
def test_what_a_recalibration_must_prove(
    micro_f1: tuple[float, float], brier: tuple[float, float], auto: AutoBand, passes: bool
) -> None:
    assert recalibration_beats(lead_of(*micro_f1), lead_of(*brier), auto) is passes


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
    # two listed codes of each encounter, both true and given 0.9; codes of no band are not counted by band
    assert value[WHOLE, MODEL, BRIER] == value[WHOLE, ONTOLOGY, BRIER] == pytest.approx(0.01)
    assert value[WHOLE, MODEL, "codes_review"] == 24
    assert (WHOLE, f"{MODEL} - {ONTOLOGY}", BRIER) not in value.index, "weights are no probabilities"
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


def test_the_champion_is_measured_on_encounters_that_are_news_to_it() -> None:
    """What it learned from it would know by heart: there it neither counts by itself nor beside the model."""
    test, documents, sections = stays(4)
    both = {f"{kind}{n}": ["I10", "E11.9"] for n in range(4) for kind in "AB"}
    by_heart = {f"{kind}{n}": ["I10", "E11.9"] if n < 2 else [] for n in range(4) for kind in "AB"}
    by = {MODEL: coder(both), CHAMPION: coder(by_heart)}
    figures = evaluate("v", by, test, documents, sections, {}, new_to_champion={"E2", "E3"}, resamples=10).figures
    brier = figures[(figures["figure"] == BRIER) & (figures["coder"] == difference(CHAMPION))]
    # the champion lists nothing of two true codes: 1 each; the model gives them 0.9
    assert brier[["value", "encounters"]].to_numpy().tolist() == [[pytest.approx(0.01 - 1), 2]]
    micro = figures[figures["figure"] == "micro_f1"].set_index("coder")
    assert micro["value"].to_dict() == {MODEL: 1.0, CHAMPION: 0.0, difference(CHAMPION): 1.0}
    assert micro["encounters"].to_dict() == {MODEL: 4, CHAMPION: 2, difference(CHAMPION): 2}
    nothing = evaluate("v", by, test, documents, sections, {}, new_to_champion=set(), resamples=10).figures
    assert CHAMPION not in set(nothing["coder"])
    rows = nothing[nothing["coder"] == difference(CHAMPION)].to_dict("records")
    assert [row["figure"] for row in rows] == [MICRO_F1, BRIER]
    assert all((row["value"], row["low"], row["encounters"]) == (None, None, 0) for row in rows)


def test_a_test_without_encounters_has_no_figures_and_beats_nobody() -> None:
    test, documents, sections = stays(0)
    result = evaluate("v", {MODEL: coder({}), ONTOLOGY: coder({})}, test, documents, sections, {}, resamples=10)
    assert result.encounters == 0
    assert result.figures["value"].isna().all()
    assert result.listing("micro_f1")[-1][2:4] == ("-", "- to -")
