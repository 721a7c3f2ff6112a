"""Linkage of patient records: what links alone, what waits, what must never chain, and what people decide."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from medcode_ml.mapping.linkage.clusters import MOST_RECORDS, Persons
from medcode_ml.mapping.linkage.model import FIELDS
from medcode_ml.mapping.linkage.normalise import PATIENT_COLUMNS, comparable, skeleton
from medcode_ml.mapping.linkage.patients import LinkResult, current_decisions, link_patients
from medcode_ml.mapping.linkage.training import shipped, train
from medcode_ml.simulation.registrations import registry

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MODEL = shipped(1e-6)
ANNA: dict[str, Any] = {
    "source": "s", "hospital_id": "A", "mrn": "100234", "last_name": "Abernathy", "first_name": "Margaret",
    "birth_date": date(1951, 7, 23), "sex": "F", "ssn": "214559081", "address": "41 Orchard Lane", "city": "Eastport",
    "state": "MA", "zip": "02152",
}  # fmt: skip


def records(*changes: dict[str, Any]) -> pd.DataFrame:
    """Records `a`, `b`, ... of one woman, each with its own changes; other hospitals unless one is given."""
    rows = [
        {"patient_id": chr(97 + n), **ANNA, "hospital_id": f"H{n}", "mrn": f"{7919 * (n + 3)}", **change}
        for n, change in enumerate(changes)
    ]
    return pd.DataFrame(rows, columns=list(PATIENT_COLUMNS), dtype=object)


def decided(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Decisions, one a minute."""
    return pd.DataFrame(
        [
            {"decision_id": str(n), "patient_id": a, "other_patient_id": b, "outcome": o,
             "decided_at": NOON + timedelta(minutes=n)}
            for n, (a, b, o) in enumerate(rows)
        ],
        columns=["decision_id", "patient_id", "other_patient_id", "outcome", "decided_at"],
    )  # fmt: skip


def link(frame: pd.DataFrame, *decisions: tuple[str, str, str]) -> LinkResult:
    return link_patients(frame, decided(*decisions), model=MODEL)


def persons(result: LinkResult) -> dict[str, str]:
    return dict(zip(result.person["patient_id"], result.person["person_id"], strict=True))


def only_pair(result: LinkResult) -> dict[str, Any]:
    assert len(result.pairs) == 1
    return dict(result.pairs.iloc[0])


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"first_name": "Peggy"},
        {"last_name": "Abernathey", "ssn": None},
        {"last_name": "Whitcomb"},
        {"last_name": "Abernathy-Whitcomb", "ssn": None},
        {"first_name": "Abernathy", "last_name": "Margaret", "ssn": None},
        {"birth_date": date(1951, 7, 28), "ssn": None},
        {"ssn": "214559087", "address": "8 Elm Street", "zip": "44113"},
        {"last_name": "A8ernathy", "first_name": "Margaret", "ssn": None, "address": "4l Orchard Ln"},
    ],
)
def test_one_woman_registered_otherwise_is_linked_alone(change: dict[str, Any]) -> None:
    result = link(records({}, change))
    assert persons(result) == {"a": "a", "b": "a"}
    assert only_pair(result)["band"] == "auto"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"first_name": "Eloise", "ssn": None}, "twins"),
        ({"first_name": "Eloise", "ssn": "214559082"}, "twins"),
        ({"first_name": "Robert", "sex": "M", "ssn": None}, "twins"),
        ({"birth_date": date(1978, 2, 3), "ssn": None}, "birth dates differ"),
        ({"ssn": "640112233", "hospital_id": "H0"}, "two numbers"),
        ({"birth_date": date(1983, 2, 11), "hospital_id": "H0", "ssn": None}, "two numbers"),
        ({"first_name": None, "ssn": None}, "first name"),
        ({"first_name": "Babygirl", "ssn": None}, "first name"),
    ],
)
def test_rule_39_look_alikes_wait_for_a_person(change: dict[str, Any], why: str) -> None:
    result = link(records({}, change))
    assert persons(result) == {"a": "a", "b": "b"}
    pair = only_pair(result)
    assert pair["band"] == "review"
    assert why in pair["reason"]


def test_a_namesake_born_on_another_day_elsewhere_is_no_candidate() -> None:
    other = {"birth_date": date(1988, 3, 2), "ssn": None, "address": "8 Elm Street", "zip": "44113"}
    assert link(records({}, other)).pairs.empty


def test_suffixes_keep_father_and_son_apart() -> None:
    man = {"first_name": "Eugene", "sex": "M", "ssn": None}
    result = link(records({**man, "last_name": "Osei Sr"}, {**man, "last_name": "Osei, Jr."}))
    assert "suffixes" in only_pair(result)["reason"]


def test_the_middle_is_never_merged_alone() -> None:
    sparse = {"ssn": None, "address": None, "zip": None}
    result = link_patients(records(sparse, sparse), decided(), model=shipped(1e-7))
    assert persons(result) == {"a": "a", "b": "b"}
    assert only_pair(result)["band"] == "review"
    assert only_pair(result)["probability"] > 0.05


def test_fields_name_levels_and_sum_to_the_weight_without_a_value() -> None:
    pair = only_pair(link(records({}, {"first_name": "Peggy", "ssn": None})))
    said = {f["field"]: f["level"] for f in pair["fields"]}
    assert said["first_name"] == "short form"
    assert said["ssn"] == "says nothing"
    assert sum(f["weight"] for f in pair["fields"]) == pytest.approx(pair["weight"], abs=0.05)
    text = str(pair["fields"]).upper()
    assert not any(str(ANNA[name]).upper() in text for name in ("last_name", "first_name", "ssn", "address", "zip"))


def test_a_common_name_weighs_less_than_a_rare_one() -> None:
    crowd = [
        {"last_name": "Smith", "first_name": f"Person{chr(97 + n)}", "birth_date": date(1940 + n, 1, 1 + n),
         "ssn": None, "address": f"{n} Long Road", "zip": f"{10000 + n}"}
        for n in range(20)
    ]  # fmt: skip
    both = {"ssn": None, "address": None, "zip": None}
    rare = link(records({**both}, {**both}, *crowd)).pairs
    common = link(records({**both, "last_name": "Smith"}, {**both, "last_name": "Smith"}, *crowd)).pairs
    first = lambda pairs: pairs[(pairs["patient_id"] == "a") & (pairs["other_patient_id"] == "b")].iloc[0]  # noqa: E731
    assert first(common)["weight"] < first(rare)["weight"] - 1


def test_a_third_record_does_not_chain_twins_together() -> None:
    twins = ({"ssn": None}, {"first_name": "Eloise", "ssn": None})
    between = {"first_name": "Margaret Eloise", "ssn": None}
    found = persons(link(records(*twins, between)))
    assert found["a"] != found["b"]


def test_decision_different_takes_an_automatic_link_apart_and_withdrawing_brings_it_back() -> None:
    frame = records({}, {})
    assert persons(link(frame)) == {"a": "a", "b": "a"}
    apart = link(frame, ("a", "b", "different"))
    assert persons(apart) == {"a": "a", "b": "b"}
    assert only_pair(apart)["decision"] == "different"
    assert persons(link(frame, ("a", "b", "different"), ("a", "b", "withdrawn"))) == {"a": "a", "b": "a"}


def test_decision_same_goes_over_our_rules_and_is_listed_though_nothing_agrees() -> None:
    twin = records({}, {"first_name": "Eloise", "ssn": None})
    assert persons(link(twin, ("a", "b", "same"))) == {"a": "a", "b": "a"}
    stranger = {
        "last_name": "Okafor", "first_name": "Raj", "birth_date": date(2001, 1, 1), "sex": "M", "ssn": None,
        "address": "9 Far Road", "zip": "78666",
    }  # fmt: skip
    result = link(records({}, stranger), ("a", "b", "same"))
    assert persons(result) == {"a": "a", "b": "a"}
    assert (only_pair(result)["band"], only_pair(result)["decision"]) == ("low", "same")


def test_a_pair_decided_different_stays_apart_though_a_third_record_links_to_both() -> None:
    found = persons(link(records({}, {}, {}), ("a", "c", "different")))
    assert found["a"] != found["c"]
    assert found["b"] in (found["a"], found["c"])


def test_the_newest_decision_counts_whatever_the_order_of_the_pair() -> None:
    found = current_decisions(decided(("a", "b", "same"), ("c", "d", "same"), ("a", "b", "different")))
    assert found == {("a", "b"): "different", ("c", "d"): "same"}


def test_decisions_on_records_that_are_gone_are_passed_over() -> None:
    assert persons(link(records({}, {}), ("a", "zz", "same"))) == {"a": "a", "b": "a"}


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_link(count: int) -> None:
    result = link_patients(records(*[{}] * count), decided())
    assert len(result.person) == count
    assert result.pairs.empty


def test_a_small_hospital_is_linked_with_the_shipped_parameters() -> None:
    rows = registry(5, 40, 0.3, 0.1, date(2026, 10, 1))
    frame = pd.DataFrame([r.row for r in rows], dtype=object).assign(
        source="s", patient_id=[f"p{n:03d}" for n in range(len(rows))]
    )
    frame["birth_date"] = [date.fromisoformat(d) for d in frame["birth_date"]]
    frame = frame.where(frame != "", None)
    result = link_patients(frame, decided())
    assert str(result.figures["parameters"]).startswith("shipped")
    truth = {f"p{n:03d}": r.person for n, r in enumerate(rows)}
    linked = result.person[result.person["record_count"] > 1].groupby("person_id")["patient_id"].apply(list)
    assert len(linked) >= 5
    assert all(len({truth[i] for i in ids}) == 1 for ids in linked)


def test_estimates_are_reproducible_and_every_field_sums_to_one() -> None:
    rows = registry(6, 300, 0.4, 0.05, date(2026, 10, 1))
    frame = pd.DataFrame([r.row for r in rows], dtype=object).assign(
        source="s", patient_id=[str(n) for n in range(len(rows))]
    )
    frame["birth_date"] = [date.fromisoformat(d) for d in frame["birth_date"]]
    frame = comparable(frame.where(frame != "", None))
    first, again = train(frame), train(frame)
    assert first.trained
    assert first.version == again.version
    for levels in first.levels.values():
        assert sum(m for m, _ in levels) == pytest.approx(1, abs=0.01)
        assert sum(u for _, u in levels) == pytest.approx(1, abs=0.01)


def test_shipped_parameters_are_probabilities() -> None:
    for field in FIELDS:
        assert sum(level.m for level in field.levels) == pytest.approx(1, abs=0.02), field.name
        assert sum(level.u for level in field.levels) == pytest.approx(1, abs=0.02), field.name


def test_what_a_scanner_mixes_up_is_put_right_for_comparing_only() -> None:
    frame = records({"last_name": "5mith", "first_name": "R0sa", "ssn": "2l455908I", "zip": "O2152"})
    frame["unreadable"] = [{"birth_date": "1951-O7-23"}]
    frame["birth_date"] = None
    row = comparable(frame).iloc[0]
    assert (row["last_name"], row["first_name"], row["ssn"], row["zip5"]) == ("SMITH", "ROSA", "214559081", "02152")
    assert row["birth_date"] == "19510723"
    assert frame["last_name"][0] == "5mith"


@pytest.mark.parametrize(("one", "other"), [("SMITH", "SMYTHE"), ("ALLEN", "ALAN"), ("PHILLIPS", "FILIPS")])
def test_names_that_sound_alike_have_one_key(one: str, other: str) -> None:
    assert skeleton(one)[:3] == skeleton(other)[:3]


def test_placeholders_say_nothing() -> None:
    row = comparable(records({"ssn": "999999999", "last_name": "Unknown", "sex": "U"})).iloc[0]
    assert (row["ssn"], row["last_name"], row["sex"]) == (None, None, None)


def test_a_person_does_not_grow_without_bound() -> None:
    one = Persons(())
    joined = [one.join("r0", f"r{n}", most=MOST_RECORDS) for n in range(1, MOST_RECORDS + 1)]
    assert joined == [True] * (MOST_RECORDS - 1) + [False]


def test_forbidden_pairs_stay_apart_across_joins() -> None:
    one = Persons([("a", "d")])
    assert one.join("a", "b")
    assert one.join("c", "d")
    assert not one.join("b", "c")
    assert one.of("a") != one.of("d")


def test_a_process_that_linked_and_froze_its_objects_ends_without_a_word() -> None:
    """The coder freezes its dictionary: DuckDB, kept from the last collection, printed what it had left."""
    told = subprocess.run(
        [sys.executable, "-c", _LINK_AND_FREEZE], capture_output=True, text=True, timeout=120, check=True
    )
    assert told.stderr == ""


_LINK_AND_FREEZE = """
import gc
import pandas as pd
from medcode_ml.mapping.linkage.normalise import PATIENT_COLUMNS, comparable
from medcode_ml.mapping.linkage.model import BLOCKING
from medcode_ml.mapping.linkage.training import make_linker, shipped
rows = [{"patient_id": name, "last_name": "Abernathy", "first_name": "Margaret"} for name in "ab"]
frame = pd.DataFrame(rows, columns=list(PATIENT_COLUMNS), dtype=object)
make_linker(comparable(frame.where(frame.notna(), None)), shipped(0.5), BLOCKING)
gc.freeze()
"""
