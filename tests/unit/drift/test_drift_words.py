"""Words, states and the domain classifier: alike in any process, blind to dates, and silent about names."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcode_ml.drift.audit import draw, strata
from medcode_ml.drift.domain import delong, tell_apart
from medcode_ml.drift.language import Language
from medcode_ml.drift.sketch import Moments
from medcode_ml.drift.two_sample import mmd
from medcode_ml.drift.words import UNLISTED, count_words, hashes_of, listed_words, named

SICK = ["fever", "cough", "pneumonia", "sepsis", "oxygen", "infiltrate", "lung", "chest", "dyspnea", "culture"]
HURT = ["fracture", "fall", "wrist", "splint", "pain", "bone", "cast", "joint", "swelling", "ankle"]


def notes(rng: np.random.Generator, words: list[str], n: int, length: int = 30) -> list[str]:
    return [" ".join(rng.choice(words, length)) for _ in range(n)]


def test_dates_numbers_and_months_are_no_words() -> None:
    found = count_words(["Seen 11/02/2026 on Monday, 2 November at 10 am: fever"])
    assert sorted(w for w in found.words if found.counts.getcol(list(found.words).index(w)).sum()) == [
        "at", "fever", "on", "seen",
    ]  # fmt: skip


def test_hashes_are_the_same_in_every_process() -> None:
    assert hashes_of(["fever"]).tolist() == [11024901700203319014]


def test_only_public_words_are_named() -> None:
    assert named("pneumonia") == "pneumonia"
    assert named("zyxwvich") == UNLISTED
    assert len(listed_words()) > 5000


def test_unknown_words_are_measured_alike_inside_and_outside_the_reference() -> None:
    """A word of one encounter alone is unknown to the others: counted as known it would make every new day drift."""
    rng = np.random.default_rng(1)
    rare = [f"name{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}" for n in range(600)]
    texts = [f"{t} {rng.choice(rare)}" for t in notes(rng, SICK, 400)]
    unit = np.arange(200)
    words = count_words(texts[:200])
    language = Language.fit(words, unit, unit % 2 == 0)
    inside = np.asarray(words.counts @ language.unknown(words, True)).ravel()
    fresh = count_words(texts[200:])
    outside = np.asarray(fresh.counts @ language.unknown(fresh, False)).ravel()
    assert inside.mean() == pytest.approx(outside.mean(), abs=0.15)
    assert np.asarray(words.counts @ language.unknown(words, False)).sum() == 0


def test_states_of_other_texts_are_far_away_and_those_of_the_same_kind_are_not() -> None:
    rng = np.random.default_rng(2)
    reference = count_words(notes(rng, SICK + HURT[:2], 300))
    unit = np.arange(300)
    half = unit % 2 == 0
    language = Language.fit(reference, unit, half)
    again = Language.from_json(language.to_json())
    held = again.states(reference, unit, 300)[~half]
    assert held == pytest.approx(language.states(reference, unit, 300)[~half], abs=1e-6)
    before = Moments.of(again.fourier(held))
    for words, shifted in ((SICK + HURT[:2], False), (SICK[:4] + HURT, True)):
        window = count_words(notes(rng, words, 60))
        now = Moments.of(again.fourier(again.states(window, np.arange(60), 60)))
        assert (mmd(now, before).p_value < 1e-6) == shifted


def test_the_classifier_tells_new_documents_and_names_them() -> None:
    rng = np.random.default_rng(3)
    old, new = notes(rng, SICK, 80), notes(rng, SICK, 40) + notes(rng, [*HURT, "zyxwvich"], 20)
    ids = [f"d{n}" for n in range(60)]
    told = tell_apart(old, new, ids)
    assert told is not None
    assert told.low <= told.auc <= told.high
    assert told.p_value < 0.01
    assert {int(d[1:]) for d in told.exemplars} <= set(range(40, 60))
    assert {w for w, _ in told.words} <= {*SICK, *HURT, UNLISTED}
    assert "zyxwvich" not in str(told)


def test_the_classifier_finds_nothing_where_there_is_nothing() -> None:
    p = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        told = tell_apart(notes(rng, SICK + HURT, 60), notes(rng, SICK + HURT, 40), [str(n) for n in range(40)])
        assert told is not None
        p.append(told.p_value)
    assert min(p) > 0.002
    assert tell_apart(["fever"] * 3, ["fever"] * 50, [str(n) for n in range(50)]) is None


def test_a_perfect_classifier_is_certain() -> None:
    rng = np.random.default_rng(4)
    told = tell_apart(notes(rng, SICK, 40), notes(rng, HURT, 40), [str(n) for n in range(40)])
    assert told is not None
    assert told.auc == 1.0
    assert told.p_value < 1e-10


def test_the_error_of_an_auc_is_that_of_repeated_samples() -> None:
    rng = np.random.default_rng(5)
    found = [delong(rng.normal(1, 1, 50), rng.normal(0, 1, 70)) for _ in range(300)]
    assert np.std([auc for auc, _ in found]) == pytest.approx(float(np.mean([error for _, error in found])), rel=0.15)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_texts_can_be_counted(texts: list[str]) -> None:
    found = count_words(texts)
    assert found.counts.shape == (len(texts), len(found.words))
    assert len(found.hashes) == len(found.words)


def test_the_audit_sample_stands_for_every_encounter_and_is_drawn_again_alike() -> None:
    encounters = pd.DataFrame({"encounter_id": [f"e{n}" for n in range(50)], "hospital_id": "H", "version": "v"})
    codes = pd.DataFrame(
        {
            "encounter_id": [f"e{n}" for n in range(45)],
            "band": ["auto" if n < 30 else "review" for n in range(45)],
            "accepted": True,
        }
    )
    encounters["stratum"] = strata(encounters["encounter_id"], codes)
    assert encounters["stratum"].value_counts().to_dict() == {"auto": 30, "review": 15, "no_codes": 5}
    drawn = draw(date(2026, 11, 2), encounters, 10)
    assert drawn["weight"].sum() == pytest.approx(50)
    assert set(drawn["stratum"]) == {"auto", "review", "no_codes"}
    assert list(drawn["encounter_id"]) == list(draw(date(2026, 11, 2), encounters.iloc[::-1], 10)["encounter_id"])
    assert list(drawn["encounter_id"]) != list(draw(date(2026, 11, 3), encounters, 10)["encounter_id"])
    assert draw(date(2026, 11, 2), encounters.iloc[:0], 10).empty
